/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel's own counts (source/exact) say beside or in place of tracing: the difference of
 * two of them, and what it proves of a traced site. Pure.
 */
#ifndef UL_ANALYSIS_DIFFERENCE_H
#define UL_ANALYSIS_DIFFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/finding.h"
#include "model/site.h"

/**
 * Choose the function to name of each site and sort by survivor bytes, for counts by line of code
 * (allocinfo), whose lines ul_sites_digest() would merge.
 */
void ul_difference_name_lines(struct ul_trace *trace);

/**
 * Turn @p end, everything live at one moment, into what of it came since @p begin, site by site.
 * A site that did not grow stays with no live objects (ul_difference_prune() drops it). Ages are
 * forgotten: they were those of all objects.
 *
 * @param since_ns  CLOCK_MONOTONIC of @p begin: older examples are dropped. 0: keep all.
 */
UL_MUST_USE struct ul_error *ul_difference_since(struct ul_trace *end, const struct ul_trace *begin,
						 int64_t since_ns);
/** Drop sites without live objects. */
void ul_difference_prune(struct ul_trace *trace);

/** What exact counts are complete for. */
struct ul_difference_cover {
	const char *const *caches; /**< slab caches */
	size_t caches_len;
	bool pages;
};

/**
 * Put the sites of @p exact in place of those of @p trace that it covers. What tracing knows and
 * counting does not (addresses, processes, how many were allocated) is kept from the traced site
 * with the same function. Takes the sites out of @p exact.
 */
UL_MUST_USE struct ul_error *ul_difference_replace(struct ul_trace *trace, struct ul_trace *exact,
						   const struct ul_difference_cover *cover);

/**
 * Set the trust of the traced sites by a count that has less to tell than they (no cache, no whole
 * stack): bytes it says came to be live by a function, over the bytes the traced sites of that
 * function say survived; 1 at most. Functions that the count does not know change nothing.
 *
 * @param counted  From ul_difference_since(), not pruned: no growth is a statement, too.
 */
void ul_difference_confirm(struct ul_trace *trace, const struct ul_trace *counted);

/**
 * Add to each finding with a site what the counts say of it.
 *
 * @param counted  As for ul_difference_confirm(); NULL: none.
 * @param orphans  Digested report of kmemleak; NULL: none.
 */
UL_MUST_USE struct ul_error *ul_difference_explain(struct ul_findings *findings,
						   const struct ul_trace *counted,
						   const struct ul_trace *orphans);

#endif
