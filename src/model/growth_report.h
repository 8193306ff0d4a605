/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The growth of every series of a measurement, ordered by suspicion: what analysis/growth gives and
 * the views show.
 */
#ifndef UL_MODEL_GROWTH_REPORT_H
#define UL_MODEL_GROWTH_REPORT_H

#include "base/vec.h"
#include "model/growth.h"
#include "model/series.h"

/** Growth of one series, for lists ordered by suspicion. */
struct ul_growth_row {
	const struct ul_series *series; /**< borrowed */
	struct ul_growth growth;
	/** The series that explains this one: the same leak from another side. NULL: none. */
	const struct ul_series *part_of;
};

struct ul_growth_report {
	double window_s; /**< longest span of any series */
	size_t samples;	 /**< most samples of any series */
	UL_VEC(struct ul_growth_row)
	rows; /**< leak-like first, by score; then filling, step, ... */
};

#endif
