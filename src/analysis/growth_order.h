/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of the growing series are one leak, seen from several sides. */
#ifndef UL_ANALYSIS_GROWTH_ORDER_H
#define UL_ANALYSIS_GROWTH_ORDER_H

#include "base/error.h"
#include "model/growth_report.h"

/**
 * Set part_of of the leak-like rows that another row explains, and put each right behind that row.
 * @p report is ordered by suspicion. @return &ul_enomem only.
 */
UL_MUST_USE struct ul_error *ul_growth_order(struct ul_growth_report *report);

#endif
