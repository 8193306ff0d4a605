/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory counted page by page: what the flags of each page say it is, and how that compares with
 * the counters of a ledger. A second opinion: no counter of the kernel takes part in it.
 *
 * Invariant: over a zone, and over all, the pages of the classes add up to what was asked about
 * (spanned pages); exactly when every page was read, in expectation when they were sampled.
 */
#ifndef UL_MODEL_PAGE_COUNT_H
#define UL_MODEL_PAGE_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"
#include "model/ledger.h"
#include "model/loss.h"

/** What a page is. Names in ul_page_class_name(). */
enum ul_page_class {
	UL_PAGE_FREE, /**< in the buddy allocator */
	UL_PAGE_SLAB,
	UL_PAGE_TABLES,
	UL_PAGE_ANON,
	UL_PAGE_SHMEM, /**< swap-backed without being anonymous: shmem, tmpfs */
	UL_PAGE_FILE,  /**< page cache */
	UL_PAGE_HUGETLB,
	UL_PAGE_RESERVED,  /**< taken before there was an allocator: kernel image, page array */
	UL_PAGE_OFFLINE,   /**< ballooned or otherwise taken out */
	UL_PAGE_ZERO,	   /**< the page, or huge page, of zeroes */
	UL_PAGE_POISONED,  /**< broken hardware */
	UL_PAGE_DRIVER,	   /**< allocated, and of no class above: whoever called alloc_pages() */
	UL_PAGE_UNKNOWN,   /**< flags that contradict each other, or newer than this program */
	UL_PAGE_UNTOUCHED, /**< counted as free, not prepared yet (deferred struct page setup) */
	UL_PAGE_HOLE,	   /**< no memory, or memory that is switched off */
	UL_PAGE_CLASSES,
};

enum { UL_PAGE_RUNS = 20 }; /**< runs of 1, 2-3, 4-7, ... 2^19 and more pages */

/** Everything that is added up: the classes, and what there is to say about driver pages. */
enum ul_page_measure {
	UL_PAGE_MAPPED = UL_PAGE_CLASSES, /**< driver pages mapped by a process (kpagecount > 0) */
	UL_PAGE_CHARGED,		  /**< driver pages charged to a memory cgroup */
	UL_PAGE_RUN_PAGES,		  /**< UL_PAGE_RUNS of these: driver pages in such runs */
	UL_PAGE_RUN_COUNT = UL_PAGE_RUN_PAGES + UL_PAGE_RUNS, /**< and how many runs */
	UL_PAGE_MEASURES = UL_PAGE_RUN_COUNT + UL_PAGE_RUNS,
};

/** A sum or its estimate. */
struct ul_page_figure {
	double value;	  /**< pages, or runs */
	double variance;  /**< 0: counted, not estimated */
	double variance2; /**< sum of squares of its parts' variances over their freedom */
};

/** How a zone's units were drawn: `drawn` at random out of `units` neighbours. */
struct ul_page_stratum {
	uint32_t units;
	uint32_t drawn;
};

struct ul_page_zone {
	int node;
	char name[16];
	uint64_t start_pfn, spanned, present, managed; /**< pages, as zoneinfo has them */
	uint64_t counted;			       /**< pages that are memory */
	struct ul_page_figure figures[UL_PAGE_MEASURES];
};

struct ul_page_count {
	uint32_t page_bytes;
	bool sampled;	  /**< figures are estimates */
	bool walked;	  /**< by the page array itself: pages on per-CPU lists are free, too */
	bool has_mapped;  /**< kpagecount could be read */
	bool has_charged; /**< so could kpagecgroup */
	uint64_t counted; /**< pages asked about, that are memory */
	uint64_t read;	  /**< pages whose flags were read */
	double seconds;
	UL_VEC(struct ul_page_zone) zones; /**< by address */
	struct ul_page_figure figures[UL_PAGE_MEASURES];
	/** For differences: how units of pages were drawn, and the driver pages of each. */
	uint64_t seed;
	uint64_t units_wanted; /**< 0: all */
	UL_VEC(struct ul_page_stratum) strata;
	UL_VEC(uint16_t) drivers;
	struct ul_losses losses;
};

void ul_page_count_deinit(struct ul_page_count *count);
#define UL_CLEANUP_PAGE_COUNT UL_CLEANUP(ul_page_count_deinit)
/** "free", "slab", "page_tables", ... stable names. */
const char *ul_page_class_name(enum ul_page_class class);

/** Add a part that is known exactly. */
void ul_page_figure_add(struct ul_page_figure *figure, double value);
/** Add the sum of one more, independent figure. */
void ul_page_figure_merge(struct ul_page_figure *figure, const struct ul_page_figure *other);
/**
 * Add the estimate of a stratum from its drawn units: @p sum of their values and @p sum2 of the
 * squares. Drawn without replacement; with all drawn it is exact.
 */
void ul_page_figure_add_stratum(struct ul_page_figure *figure,
				const struct ul_page_stratum *stratum, double sum, double sum2);
double ul_page_figure_error(const struct ul_page_figure *figure); /**< standard error */
/** Half the width of the 95 % interval (Student's t with Satterthwaite's degrees of freedom). */
double ul_page_figure_margin(const struct ul_page_figure *figure);

/**
 * How many more driver pages @p after has than @p before. Counts that drew the same units are
 * compared unit by unit, which takes most of the sampling error away.
 *
 * @return false: they are not of the same pages (memory was plugged in between).
 */
bool ul_page_count_grown(const struct ul_page_count *before, const struct ul_page_count *after,
			 struct ul_page_figure *ret);

/** One thing that both the flags and the counters know. */
struct ul_page_compared {
	const char *what;
	double flags_bytes;
	double margin_bytes;   /**< of flags_bytes, 95 % */
	double counters_bytes; /**< mean of the ledgers before and after */
	double moved_bytes;    /**< by how much the counters moved meanwhile */
	bool differs;	       /**< by more than 1 % of MemTotal, and margin and movement */
	const char *why;       /**< what can make them differ; NULL: they do not */
};

/** An account whose pages look like driver pages. */
struct ul_page_explained {
	char *name;
	double bytes;
};

enum { UL_PAGE_COMPARED_MAX = 10 };

struct ul_page_compare {
	struct ul_page_compared rows[UL_PAGE_COMPARED_MAX];
	size_t rows_len;
	UL_VEC(struct ul_page_explained) explained;
	bool large_kmalloc_is_slab; /**< this kernel marks large kmalloc as slab */
	double driver_bytes;
	double explained_bytes;
	double unowned_bytes; /**< driver_bytes - explained_bytes */
	double unowned_margin_bytes;
	double unaccounted_bytes; /**< what the subtraction of the ledger says */
};

/** Compare @p count with the ledgers taken right before and after it. Caller deinitialises. */
UL_MUST_USE struct ul_error *ul_page_compare(const struct ul_page_count *count,
					     const struct ul_ledger *before,
					     const struct ul_ledger *after,
					     struct ul_page_compare *ret);
void ul_page_compare_deinit(struct ul_page_compare *compare);
#define UL_CLEANUP_PAGE_COMPARE UL_CLEANUP(ul_page_compare_deinit)
/** Bytes of accounts in @p ledger whose pages the flags cannot tell from driver pages. */
int64_t ul_page_explained_bytes(const struct ul_ledger *ledger, bool large_kmalloc_is_slab);

#endif
