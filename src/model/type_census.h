/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many objects of each slab cache are of each type: counted by analysis/typeid. */
#ifndef UL_MODEL_TYPE_CENSUS_H
#define UL_MODEL_TYPE_CENSUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"

struct ul_type_count {
	char *cache;
	char *type; /**< "struct file"; NULL: what is not known */
	bool reclaimable;
	uint64_t objects; /**< in use */
	uint64_t bytes;	  /**< their slots */
};

struct ul_type_census {
	UL_VEC(struct ul_type_count) items; /**< each cache and type once */
};

/** Appends; strings are copied, @p type may be NULL. */
UL_MUST_USE struct ul_error *ul_type_census_add(struct ul_type_census *census, const char *cache,
						const char *type, bool reclaimable,
						uint64_t objects, uint64_t bytes);
void ul_type_census_deinit(struct ul_type_census *census);
#define UL_CLEANUP_TYPE_CENSUS UL_CLEANUP(ul_type_census_deinit)

#endif
