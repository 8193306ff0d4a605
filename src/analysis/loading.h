/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What loading our own programs did to slab caches in the middle of a measurement. Pure. */
#ifndef UL_ANALYSIS_LOADING_H
#define UL_ANALYSIS_LOADING_H

#include <stdint.h>

#include "model/ledger.h"
#include "model/series.h"

/**
 * Take what came to slab caches between @p before and @p after (of right before and right after
 * the loading) out of the bytes of their samples from @p after on: those that growth is computed
 * from. All of these are to be of the time in which the programs are loaded.
 *
 * @return the bytes that came, of all caches that have a series.
 */
uint64_t ul_loading_leave_out(struct ul_series_set *set, const struct ul_ledger *before,
			      const struct ul_ledger *after);

/**
 * The same of vmalloc callers and percpu areas, whose numbers have no noise: what they became more,
 * or fewer, beyond their pace between @p before, when the first trace's tables were still there,
 * and @p after, when the second's are. Unaccounted memory is left as it is: what is loaded lies in
 * vmalloc, percpu and slab, and between two moments that account moves by more than that.
 *
 * @return the bytes left out.
 */
uint64_t ul_loading_leave_out_areas(struct ul_series_set *set, const struct ul_ledger *before,
				    const struct ul_ledger *after);

#endif
