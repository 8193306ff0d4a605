/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a series rises: in how many steps, how evenly, and whether it still does. Pure. */
#ifndef UL_ANALYSIS_GROWTH_SHAPE_H
#define UL_ANALYSIS_GROWTH_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

/** Points of a series; times increase. */
struct ul_growth_points {
	const double *time_s;
	const double *floor; /**< least bytes around that time */
	double *spare;	     /**< room for as many */
	size_t count;
};

struct ul_growth_shape {
	double rise;	/**< bytes the floor rose from the first block to the last */
	double order;	/**< -1..1: Kendall's tau of the floors of the blocks */
	bool rising;	/**< the order is beyond chance */
	double noise;	/**< bytes: standard deviation of neighbours about each other */
	size_t steps;	/**< distinct moments at which the floor rose for good */
	double largest; /**< share of the largest of them, 0..1 */
	double silent;	/**< share of the window since the last of them */
	double gap;	/**< longest share of the window between two of them */
	double late;	/**< slope of the later half over slope of the earlier; 1: a line */
	double end;	/**< slope over the last quarter over slope of all; 1: a line */
};

enum { UL_SHAPE_POINTS = 6 };

/** Shape of @p points, of which there are at least UL_SHAPE_POINTS. */
struct ul_growth_shape ul_growth_shape_of(struct ul_growth_points points);

#endif
