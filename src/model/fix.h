/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Known upstream fixes of kernel memory leaks, facts only. Filled by source/fixes, searched by
 * analysis/fixes.
 */
#ifndef UL_MODEL_FIX_H
#define UL_MODEL_FIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/vec.h"
#include "model/loss.h"
#include "model/version.h"

/** Where a fact is from. Bits; persisted as letters, see source/fixes/index.c. */
enum ul_fix_source {
	UL_FIX_CNA = 1 << 0,	   /**< the kernel CNA's records: commit, files, versions */
	UL_FIX_CHANGELOG = 1 << 1, /**< a distribution's changelog: title and version */
	UL_FIX_GIT = 1 << 2,	   /**< a clone of the kernel */
	UL_FIX_HAND = 1 << 3,	   /**< entered by hand */
};

struct ul_fix_function {
	const char *name;
	bool in_title;
};

struct ul_fix {
	const char *commit; /**< 12 hex digits; NULL: only the title is known */
	const char *title;
	const char *cve;			 /**< NULL: none */
	const struct ul_fix_function *functions; /**< touched, or named by title or text */
	uint32_t functions_len;
	const char *const *files;
	uint32_t files_len;
	struct ul_version introduced;	/**< first version with the bug; major 0: not known */
	struct ul_version mainline;	/**< first mainline release with the fix; 0: not known */
	const struct ul_version *fixed; /**< first fixed version of each series, ascending */
	uint32_t fixed_len;
	const struct ul_version *not_fixed; /**< series known to have the bug and no fix */
	uint32_t not_fixed_len;
	unsigned int sources; /**< enum ul_fix_source */
};

struct ul_fixes {
	UL_VEC(struct ul_fix) items; /**< borrowed strings and arrays: of the arena */
	struct ul_arena arena;
	char date[16]; /**< of the newest source: "2026-11-16"; "" when not known */
	struct ul_losses losses;
};

void ul_fixes_deinit(struct ul_fixes *fixes);
#define UL_CLEANUP_FIXES UL_CLEANUP(ul_fixes_deinit)

/** Whether a kernel has a fix. */
enum ul_in_kernel {
	UL_IN_KERNEL_UNKNOWN,
	UL_IN_KERNEL_YES,
	UL_IN_KERNEL_NO,
	UL_IN_KERNEL_NOT_AFFECTED, /**< older than the bug */
};
/** "unknown", "yes", "no", "not affected". */
const char *ul_in_kernel_name(enum ul_in_kernel in_kernel);

/** A fix that may be the one. Strings are owned. */
struct ul_fix_match {
	const struct ul_fix *fix; /**< borrowed from the ul_fixes searched */
	double score;
	enum ul_in_kernel in_kernel;
	char in_kernel_why[128];	   /**< one phrase: how that is known */
	struct ul_version fixed_in_series; /**< of the kernel asked about; major 0: none known */
	char *why;			   /**< which functions and files agree */
};

struct ul_fix_matches {
	UL_VEC(struct ul_fix_match) items; /**< best first; all reach the threshold */
	double best_below; /**< score of the best one below the threshold; 0: none */
	size_t searched;   /**< fixes looked at */
};

void ul_fix_matches_deinit(struct ul_fix_matches *matches);
#define UL_CLEANUP_FIX_MATCHES UL_CLEANUP(ul_fix_matches_deinit)

#endif
