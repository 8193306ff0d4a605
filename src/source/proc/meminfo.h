/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/meminfo: the frame that every account is derived from. */
#ifndef UL_SOURCE_PROC_MEMINFO_H
#define UL_SOURCE_PROC_MEMINFO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"

/** The fields the ledger uses; the rest of the file is not looked at. */
enum ul_meminfo_field {
	UL_MEMINFO_MEM_TOTAL,
	UL_MEMINFO_MEM_FREE,
	UL_MEMINFO_BUFFERS,
	UL_MEMINFO_CACHED,
	UL_MEMINFO_SWAP_CACHED,
	UL_MEMINFO_ANON_PAGES,
	UL_MEMINFO_SHMEM,
	UL_MEMINFO_K_RECLAIMABLE,
	UL_MEMINFO_SLAB,
	UL_MEMINFO_S_RECLAIMABLE,
	UL_MEMINFO_S_UNRECLAIM,
	UL_MEMINFO_KERNEL_STACK,
	UL_MEMINFO_SHADOW_CALL_STACK,
	UL_MEMINFO_PAGE_TABLES,
	UL_MEMINFO_SEC_PAGE_TABLES,
	UL_MEMINFO_QUICKLISTS,
	UL_MEMINFO_BOUNCE,
	UL_MEMINFO_WRITEBACK_TMP,
	UL_MEMINFO_VMALLOC_USED,
	UL_MEMINFO_PERCPU,
	UL_MEMINFO_HARDWARE_CORRUPTED,
	UL_MEMINFO_ZSWAP,
	UL_MEMINFO_BALLOON,
	UL_MEMINFO_GPU_ACTIVE,
	UL_MEMINFO_GPU_RECLAIM,
	UL_MEMINFO_CMA_TOTAL,
	UL_MEMINFO_CMA_FREE,
	UL_MEMINFO_HUGE_PAGES_TOTAL, /**< a count, not bytes */
	UL_MEMINFO_HUGE_PAGE_SIZE,
	UL_MEMINFO_HUGETLB,
	UL_MEMINFO_FIELDS,
};

struct ul_meminfo {
	uint64_t value[UL_MEMINFO_FIELDS]; /**< bytes; 0 where the kernel has no such field */
	bool has[UL_MEMINFO_FIELDS];
};

/**
 * Parse the text of /proc/meminfo.
 *
 * @return UL_ERR_BAD_DATA for a field that is used and damaged, or when MemTotal or MemFree is
 *         missing; UL_ERR_LIMIT for more than UL_PROC_LIMIT_BYTES.
 */
UL_MUST_USE struct ul_error *ul_meminfo_parse(struct ul_span text, struct ul_meminfo *ret);

#endif
