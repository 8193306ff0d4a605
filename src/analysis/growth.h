/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is a series growing, how fast, how sure, and does it look like a leak? Pure. */
#ifndef UL_ANALYSIS_GROWTH_H
#define UL_ANALYSIS_GROWTH_H

#include "base/error.h"
#include "model/growth.h"
#include "model/growth_report.h"
#include "model/series.h"

/** Verdict, slope and interval of one series. @return &ul_enomem only. */
UL_MUST_USE struct ul_error *ul_growth_analyse(const struct ul_series *series,
					       struct ul_growth *ret);
/**
 * The same for every series of a set, ordered by suspicion. Borrows @p set. Here a series that
 * ended before the others is flat, and one that covers little of the window (a process: half) too
 * short.
 */
UL_MUST_USE struct ul_error *ul_growth_report(const struct ul_series_set *set,
					      struct ul_growth_report *ret);
void ul_growth_report_deinit(struct ul_growth_report *report);
#define UL_CLEANUP_GROWTH_REPORT UL_CLEANUP(ul_growth_report_deinit)

#endif
