/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much each run of a command leaves behind. Computed by analysis/per_run. */
#ifndef UL_MODEL_PER_RUN_H
#define UL_MODEL_PER_RUN_H

#include <stdint.h>

enum ul_per_run_shape {
	UL_PER_RUN_NONE,    /**< nothing, or so little that it may be chance */
	UL_PER_RUN_STEADY,  /**< as much in the last runs as in the first: it does not stop */
	UL_PER_RUN_STOPPED, /**< it stopped by itself: a bound, or a cache that is full */
	UL_PER_RUN_FALLING, /**< the later runs leave less than the earlier ones */
	UL_PER_RUN_RECENT,  /**< only of the last runs: what came before was freed, as in a ring */
	UL_PER_RUN_UNEVEN,  /**< it goes on, but not with the runs: somebody else, or by chance */
};

struct ul_per_run {
	enum ul_per_run_shape shape;
	uint64_t lost;	      /**< in the runs behind the warm-up */
	uint64_t lost_in_all; /**< with those of the warm-up */
	double per_run;	      /**< while it lasted */
	double low, high;     /**< 95 % */
	uint32_t numerator;   /**< per_run is this ...; 0: no simple ratio */
	uint32_t denominator; /**< ... for so many runs */
	uint64_t last_run;  /**< STOPPED: of the runs behind the warm-up, the last that left any */
	uint64_t kept_runs; /**< RECENT: so many of the last runs are kept */
	double confidence;  /**< 0..1: that it is as the shape says */
};

/** "none", "steady", "stopped", "falling", "recent", "uneven". */
const char *ul_per_run_shape_name(enum ul_per_run_shape shape);

#endif
