/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pages of this machine by their flags: /proc/kpageflags, with kpagecount and kpagecgroup where
 * they are. Inside: where memory is (page_flags_zones.c), which pages of it there are to read
 * (page_flags_where.c), which to draw (page_flags_draw.c), what a page is (page_flags_class.c), and
 * reading them (page_flags.c).
 */
#ifndef UL_SOURCE_PROC_PAGE_FLAGS_H
#define UL_SOURCE_PROC_PAGE_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"
#include "base/vec.h"
#include "model/page_count.h"
#include "source/proc/proc.h"

struct ul_page_count_options {
	/** Longest time the flags may be read for; above it they are sampled. 0: read them all. */
	int64_t limit_ns;
	uint64_t whole_pages; /**< a machine of up to this many is read whole, limit or not */
	uint64_t seed;
	/** Read exactly the units that this one did; borrowed; NULL: as the limit says. */
	const struct ul_page_count *like;
	/**
	 * What each page frame is (enum ul_page_class), when somebody has read the page array
	 * itself: then kpageflags is not read, nor anything sampled. Borrowed; NULL: not known.
	 */
	const uint8_t *classes;
	uint64_t classes_len;
	/** Called now and then with the part done, 0..1; false stops (UL_ERR_INTERRUPTED). */
	bool (*progress)(void *argument, double part);
	void *argument;
};

/**
 * Count the pages of every zone. @p ret is written on success; caller deinitialises.
 *
 * @return UL_ERR_PERMISSION or UL_ERR_OS when kpageflags or zoneinfo cannot be read,
 *         UL_ERR_INTERRUPTED, UL_ERR_LIMIT, UL_ERR_BAD_DATA, &ul_enomem.
 */
UL_MUST_USE struct ul_error *ul_proc_page_count(struct ul_proc *proc,
						const struct ul_page_count_options *options,
						struct ul_page_count *ret);

/* --- what a page is ------------------------------------------------------------------------- */

/** Linux include/uapi/linux/kernel-page-flags.h; the numbers are ABI. */
enum ul_kpf {
	UL_KPF_LOCKED = 0,
	UL_KPF_UPTODATE = 3,
	UL_KPF_DIRTY = 4,
	UL_KPF_LRU = 5,
	UL_KPF_ACTIVE = 6,
	UL_KPF_SLAB = 7,
	UL_KPF_WRITEBACK = 8,
	UL_KPF_BUDDY = 10,
	UL_KPF_MMAP = 11,
	UL_KPF_ANON = 12,
	UL_KPF_SWAPCACHE = 13,
	UL_KPF_SWAPBACKED = 14,
	UL_KPF_COMPOUND_HEAD = 15,
	UL_KPF_COMPOUND_TAIL = 16,
	UL_KPF_HUGE = 17,
	UL_KPF_UNEVICTABLE = 18,
	UL_KPF_HWPOISON = 19,
	UL_KPF_NOPAGE = 20,
	UL_KPF_THP = 22,
	UL_KPF_OFFLINE = 23, /**< v5.1; the number of KPF_BALLOON before: the same pages */
	UL_KPF_ZERO_PAGE = 24,
	UL_KPF_PGTABLE = 26,
	UL_KPF_FIRST_UNASSIGNED = 27, /**< up to 31: no kernel sets them yet */
	UL_KPF_RESERVED = 32,
	UL_KPF_MLOCKED = 33,
};

#define UL_KPF(flag) (UINT64_C(1) << UL_KPF_##flag)

/** What a page with @p flags is by itself; a tail of a compound page is what its head is. */
enum ul_page_class ul_page_classify(uint64_t flags);

/** Where a scan is in the page array, from one piece of it to the next. */
struct ul_page_scan {
	enum ul_page_class head; /**< class of the compound page that may go on */
	bool has_head;
	uint64_t run_pages; /**< driver pages in a row so far */
};

/** Sums over some pages. */
struct ul_page_tally {
	uint64_t values[UL_PAGE_MEASURES];
};

/** Classify @p len neighbouring pages; @p classes gets each one's class. */
void ul_page_scan(struct ul_page_scan *scan, const uint64_t *flags, size_t len, uint8_t *classes,
		  struct ul_page_tally *tally);
/** The same for pages whose classes are known. */
void ul_page_scan_known(struct ul_page_scan *scan, const uint8_t *classes, size_t len,
			struct ul_page_tally *tally);
/** The run of driver pages ends here: count it. */
void ul_page_scan_end_run(struct ul_page_scan *scan, struct ul_page_tally *tally);

/* --- where pages are ------------------------------------------------------------------------ */

enum {
	UL_PAGE_LIMIT_ZONES = 4096,
	UL_PAGE_LIMIT_RANGES = 65536, /**< of System RAM, and pieces of zones */
};

struct ul_page_range {
	uint64_t first, end; /**< page frame numbers */
	size_t zone;	     /**< index; unused for RAM */
};

struct ul_page_ranges {
	UL_VEC(struct ul_page_range) items; /**< by address, apart from each other */
};

struct ul_page_zones {
	UL_VEC(struct ul_page_zone) items; /**< by address, those that span pages */
};

/** Zones of /proc/zoneinfo. UL_ERR_BAD_DATA, UL_ERR_LIMIT. @p ret: caller frees items. */
UL_MUST_USE struct ul_error *ul_page_zones_parse(struct ul_span text, struct ul_page_zones *ret);
/** "System RAM" of /proc/iomem as whole pages, sorted and merged; empty: addresses are hidden. */
UL_MUST_USE struct ul_error *ul_page_ram_parse(struct ul_span text, uint32_t page_bytes,
					       struct ul_page_ranges *ret);
/**
 * The pieces of zones that are in @p ram (NULL: everywhere). Zones that overlap are cut: a page
 * belongs to the zone that starts later. @p ret_overlap is how many pages that was.
 */
UL_MUST_USE struct ul_error *ul_page_pieces(const struct ul_page_zones *zones,
					    const struct ul_page_ranges *ram,
					    struct ul_page_ranges *ret, uint64_t *ret_overlap);
/** Take [first, end) out of @p ranges. */
UL_MUST_USE struct ul_error *ul_page_ranges_cut(struct ul_page_ranges *ranges, uint64_t first,
						uint64_t end);

/* --- which to read -------------------------------------------------------------------------- */

enum { UL_PAGE_UNIT = 512 }; /**< pages drawn together: 4 KiB of flags, one pageblock on x86 */

/** Strata of one zone of @p units units, from which about @p wanted are to be drawn. */
UL_MUST_USE struct ul_error *ul_page_strata(uint64_t units, uint64_t wanted,
					    struct ul_page_count *count);
/** Next number of a reproducible sequence. */
uint64_t ul_page_random(uint64_t *state);
/** Draw two different ones of @p units (> 2), ascending. */
void ul_page_draw_two(uint64_t *state, uint32_t units, uint32_t ret[static 2]);

#endif
