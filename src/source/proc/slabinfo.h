/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/slabinfo: how many objects and slabs each slab cache has. */
#ifndef UL_SOURCE_PROC_SLABINFO_H
#define UL_SOURCE_PROC_SLABINFO_H

#include <stdint.h>

#include "base/error.h"
#include "base/span.h"
#include "base/vec.h"

struct ul_slabinfo_cache {
	struct ul_span name; /**< borrowed from the text */
	uint64_t active_objects;
	uint64_t objects;
	uint64_t slabs;
	uint64_t pages; /**< slabs times pages_per_slab */
	uint32_t object_size;
	uint32_t objects_per_slab; /**< 0 where the version does not say */
	uint32_t pages_per_slab;
};

struct ul_slabinfo {
	UL_VEC(struct ul_slabinfo_cache) caches;
	uint64_t pages;	    /**< of all caches */
	uint64_t bad_lines; /**< lines that are no cache */
};

/**
 * Parse the text of /proc/slabinfo, version 1.1 or 2.x. @p ret must be zero or an earlier result,
 * whose memory it reuses; it borrows names from @p text. Damaged lines are counted, not fatal.
 *
 * @return UL_ERR_BAD_DATA without a version line, UL_ERR_LIMIT, &ul_enomem.
 */
UL_MUST_USE struct ul_error *ul_slabinfo_parse(struct ul_span text, struct ul_slabinfo *ret);
void ul_slabinfo_deinit(struct ul_slabinfo *slabinfo);
#define UL_CLEANUP_SLABINFO UL_CLEANUP(ul_slabinfo_deinit)

#endif
