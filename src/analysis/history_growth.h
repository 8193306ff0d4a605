/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Growth of the tracks of a history, a few at a time, and what the leaks among them add up to. */
#ifndef UL_ANALYSIS_HISTORY_GROWTH_H
#define UL_ANALYSIS_HISTORY_GROWTH_H

#include "base/error.h"
#include "model/history.h"

enum { UL_HISTORY_GROWTH_POINTS = 150 /**< points judged, evenly spaced */ };

/**
 * Judge @p tracks of @p history between @p from_ns and the point @p at, and store what was found in
 * them. A track that has not moved costs nothing to speak of.
 *
 * @param stamp_ns  Stored as growth_at_ns; not 0.
 * @return &ul_enomem only.
 */
UL_MUST_USE struct ul_error *ul_history_growth(const struct ul_history *history, size_t at,
					       int64_t from_ns, int64_t stamp_ns,
					       struct ul_history_track *const *tracks, size_t len);
/** Sum up the verdicts that are there: leaks, what is left for them, how long that lasts. */
struct ul_outlook ul_history_outlook(const struct ul_history *accounts, size_t at);

#endif
