/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is the leak fixed upstream already, and does this kernel have the fix? Pure: ranks known fixes by
 * how they agree with the functions under suspicion.
 */
#ifndef UL_ANALYSIS_FIXES_H
#define UL_ANALYSIS_FIXES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/fix.h"
#include "model/version.h"

/** A function that may have lost the objects, or is on the way to their allocation. */
struct ul_fix_suspect {
	const char *function;
	const char *module; /**< NULL: the kernel itself */
	const char *file;   /**< source file, any prefix; NULL: not known */
	double weight;	    /**< 1: the culprit itself; a frame of a stack less with its depth */
};

struct ul_fix_query {
	const struct ul_fix_suspect *suspects; /**< borrowed */
	size_t suspects_len;
	struct ul_kernel_version kernel; /**< version.major 0: not known, nothing is said of it */
	size_t most;			 /**< matches wanted; 0: 5 */
	double threshold;		 /**< 0: UL_FIX_THRESHOLD */
};

/** Below this score a match is chance: see docs/method/causes.md for how it was found. */
#define UL_FIX_THRESHOLD 14.0

/** @p ret is initialised here; caller deinits, before @p fixes. No match is a good answer. */
UL_MUST_USE struct ul_error *ul_fixes_rank(const struct ul_fixes *fixes,
					   const struct ul_fix_query *query,
					   struct ul_fix_matches *ret);

/**
 * Does that kernel have the fix? From versions alone; `why` and the series' first fixed version are
 * filled in, too. Claims "no" only of kernels whose patches are known.
 */
void ul_fix_in_kernel(const struct ul_fix *fix, const struct ul_kernel_version *kernel,
		      struct ul_fix_match *match);

#endif
