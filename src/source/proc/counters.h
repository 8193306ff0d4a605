/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counters that /proc/meminfo leaves out: zoneinfo, vmstat, sockstat. */
#ifndef UL_SOURCE_PROC_COUNTERS_H
#define UL_SOURCE_PROC_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"

struct ul_zoneinfo {
	uint64_t listed_pages; /**< free pages on per-CPU lists: in no field of meminfo */
	uint32_t threshold;    /**< largest stat_threshold, pages; 0: not shown */
	uint64_t lists;	       /**< per-CPU lists seen; 0: the text showed none */
};

/** Parse /proc/zoneinfo. UL_ERR_BAD_DATA or UL_ERR_LIMIT on a damaged count. */
UL_MUST_USE struct ul_error *ul_zoneinfo_parse(struct ul_span text, struct ul_zoneinfo *ret);

struct ul_vmstat {
	uint64_t zspages;	   /**< pages of zsmalloc: zram, and zswap */
	uint64_t memmap_pages;	   /**< struct page arrays and page_ext taken from free memory */
	uint64_t page_table_pages; /**< to learn the page size of a recorded tree */
	bool has_zspages;
	bool has_memmap;
};

/** Parse /proc/vmstat. UL_ERR_BAD_DATA or UL_ERR_LIMIT on a damaged field that is used. */
UL_MUST_USE struct ul_error *ul_vmstat_parse(struct ul_span text, struct ul_vmstat *ret);

struct ul_sockstat {
	uint64_t tcp_pages;
	uint64_t udp_pages;
	uint64_t fragment_bytes;
};

/**
 * Parse /proc/net/sockstat or sockstat6 and add to @p sockstat (zero it first). Damaged lines are
 * skipped: these are notes only.
 */
void ul_sockstat_parse(struct ul_span text, struct ul_sockstat *sockstat);

/** CPUs in a list like "0-3,8"; false when it is none, or names more than UL_PROC_LIMIT_CPUS. */
bool ul_cpu_list_count(struct ul_span text, uint32_t *ret);

#endif
