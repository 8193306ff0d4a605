/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what batches of runs left behind to how much one run leaves, and whether that goes on. Pure.
 */
#ifndef UL_ANALYSIS_PER_RUN_H
#define UL_ANALYSIS_PER_RUN_H

#include <stddef.h>

#include "model/per_run.h"

/** One batch: how many runs, and what was allocated in it and never freed. */
struct ul_per_run_batch {
	uint32_t runs; /**< > 0 */
	uint64_t left;
};

/** What else is known of the same objects. */
struct ul_per_run_facts {
	uint64_t warm_up_left;	/**< left by the runs before the first batch */
	double background_left; /**< to be expected of the rest of the machine in all batches */
	uint64_t freed;		/**< objects of this sort that were freed meanwhile */
};

/** Judge @p batches, in order of time, without the warm-up. */
struct ul_per_run ul_per_run(const struct ul_per_run_batch *batches, size_t len,
			     const struct ul_per_run_facts *facts);

#endif
