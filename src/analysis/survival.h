/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long objects live when most of them have not died yet: the share alive against age, estimated
 * so that those still live at the end count for as long as they were seen. Pure.
 */
#ifndef UL_ANALYSIS_SURVIVAL_H
#define UL_ANALYSIS_SURVIVAL_H

#include <stddef.h>

#include "base/error.h"
#include "model/site.h"

/** What happened at one age, or within an interval that ends at it. */
struct ul_survival_interval {
	double age_s;
	double freed;
	double live; /**< seen until here, and no further ("censored") */
};

/**
 * The product-limit estimate: share alive behind each interval.
 *
 * @param intervals  In the order of age.
 * @param exposed    Share of an interval that those leaving it live were at risk of being freed: 1
 *                   for ages that are exact (Kaplan and Meier), 0.5 for wide intervals (life
 * table).
 * @param ret_alive  @p count of them.
 */
void ul_survival_estimate(const struct ul_survival_interval *intervals, size_t count,
			  double exposed, double *ret_alive);

/** Fill survival, lifetime_p50_s and late_survival of @p site out of its ages. &ul_enomem only. */
UL_MUST_USE struct ul_error *ul_survival_of_site(struct ul_site *site);
/** The same of every site of @p trace, and how fast its survivors grow. */
UL_MUST_USE struct ul_error *ul_survival_of_trace(struct ul_trace *trace);
/** Median age of the live ones, to within their class; NAN: none. */
double ul_survival_live_p50_s(const struct ul_ages *ages);

#endif
