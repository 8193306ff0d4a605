/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the samples of one series say about its trend. Computed by analysis/growth. */
#ifndef UL_MODEL_GROWTH_H
#define UL_MODEL_GROWTH_H

#include <stddef.h>
#include <stdint.h>

/** Persisted nowhere, printed by ul_growth_verdict_name(). */
enum ul_growth_verdict {
	UL_GROWTH_TOO_SHORT, /**< too few samples or too short a time to say anything */
	UL_GROWTH_FLAT,	     /**< no growth distinguishable from noise (shrinking included) */
	UL_GROWTH_STEP,	     /**< rose, and has stopped: one jump, or saturation */
	UL_GROWTH_FILLING,   /**< grows, but the kernel can take it back (page cache, dentries) */
	UL_GROWTH_LEAK_LIKE, /**< grows steadily to the end of the window, and is not reclaimable */
};

struct ul_growth {
	enum ul_growth_verdict verdict;
	double bytes_per_s; /**< robust slope over the window */
	double low;	    /**< 95 % confidence interval of the slope */
	double high;
	double recent_bytes_per_s; /**< slope of the last third: is it still going? */
	double objects_per_s;	   /**< slope of the object count; 0 where there is none */
	int64_t first;		   /**< bytes at the first and the last sample */
	int64_t last;
	double window_s;
	size_t samples;
	double score; /**< 0..1: how strongly it looks like a leak; order of presentation */
};

/** "leak-like", "filling", "step", "flat", "too-short". */
const char *ul_growth_verdict_name(enum ul_growth_verdict verdict);

#endif
