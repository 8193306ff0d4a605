/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Synthetic series with and without a leak, for the tests and the table of rates in
 * docs/method/growth.md.
 * Not part of the program.
 */
#ifndef UL_ANALYSIS_GROWTH_FAMILIES_H
#define UL_ANALYSIS_GROWTH_FAMILIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Small generator with a seed, the same everywhere. */
struct ul_random {
	uint64_t state;
};

/** Uniform in [0, 1). */
double ul_random_unit(struct ul_random *random);

/** What surrounds the signal. */
struct ul_family_frame {
	size_t samples; /**< <= UL_FAMILY_SAMPLES */
	double window_s;
	double hole;  /**< share of the window without samples; left out by who takes them */
	bool thinned; /**< old samples are left out, by the same */
};

enum { UL_FAMILY_SAMPLES = 1200 };

struct ul_family {
	const char *name;
	/**
	 * Fill bytes[frame->samples]. @p pages: a leak's growth over the window; families without
	 * a leak do not use it.
	 */
	void (*fill)(struct ul_random *random, const struct ul_family_frame *frame, double pages,
		     int64_t *bytes);
};

extern const struct ul_family ul_families_leak_free[];
extern const size_t ul_families_leak_free_len;
/** Without a leak, but not to be told from one within the window: what is said of them is luck. */
extern const struct ul_family ul_families_undecided[];
extern const size_t ul_families_undecided_len;
extern const struct ul_family ul_families_leak[];
extern const size_t ul_families_leak_len;

#endif
