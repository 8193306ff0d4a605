/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Robust slope of points in time, with an interval that autocorrelation widens. Pure. */
#ifndef UL_ANALYSIS_GROWTH_SLOPE_H
#define UL_ANALYSIS_GROWTH_SLOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum {
	UL_SLOPE_POINTS = 300,	     /**< slopes of all pairs are formed up to this many points */
	UL_SLOPE_POINTS_COARSE = 12, /**< enough for a slope that decides nothing */
};

struct ul_slope {
	double per_s;
	double low; /**< 95 % confidence interval */
	double high;
	double spread; /**< scale of the residuals, as a standard deviation */
};

/** Memory used over and over; zero is empty. */
struct ul_slope_scratch {
	double *slopes; /**< one for every pair */
	double *time;	/**< block medians */
	double *value;
	double *sorted;
	double *spare;
};

/** False when memory is out. */
UL_MUST_USE bool ul_slope_scratch_init(struct ul_slope_scratch *scratch);
void ul_slope_scratch_deinit(struct ul_slope_scratch *scratch);

/**
 * Theil-Sen slope of (@p time_s, @p value), times increasing; zero for fewer than two points.
 *
 * @param most  More points than this are first made block medians; <= UL_SLOPE_POINTS.
 */
struct ul_slope ul_slope_fit(struct ul_slope_scratch *scratch, const double *time_s,
			     const double *value, size_t count, size_t most);

/** The @p rank-th smallest of @p values (from 0); reorders them. */
double ul_slope_select(double *values, size_t count, size_t rank);

#endif
