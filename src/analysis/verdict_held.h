/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Survivors that are no leak: kept by design of the kernel, or by processes that still run. */
#ifndef UL_ANALYSIS_VERDICT_HELD_H
#define UL_ANALYSIS_VERDICT_HELD_H

#include "model/finding.h"
#include "model/ledger.h"
#include "model/site.h"

struct ul_by_design {
	const char *function; /**< glob */
	bool anywhere;	      /**< anywhere on the stack; else only the function named */
	enum ul_finding_verdict verdict;
	const char *why;
};

/** What the kernel means to keep of this site, or NULL. Static. */
const struct ul_by_design *ul_verdict_by_design(const struct ul_site *site);
/**
 * True when what survived is what many running processes hold of something that is freed as a rule.
 *
 * @param ledger  Its processes say who still runs; without them the answer is false.
 */
bool ul_verdict_held_by_running(const struct ul_site *site, const struct ul_ledger *ledger);

/** How survivors compare with the processes that started meanwhile and still run. */
enum ul_started {
	UL_STARTED_NOT,	     /**< not theirs, or more than they explain */
	UL_STARTED_PERHAPS,  /**< theirs, and so few for each that they may hold them all */
	UL_STARTED_ONE_EACH, /**< taken by fork, one for each: what a process is made of */
};

/** True when any of these may explain all of what survived at @p site, whatever else accuses it. */
bool ul_verdict_may_be_held(const struct ul_site *site, const struct ul_ledger *ledger,
			    int64_t begin_ns);

/**
 * @param ret_processes  Processes that started since @p begin_ns (CLOCK_BOOTTIME) and still run.
 */
enum ul_started ul_verdict_started(const struct ul_site *site, const struct ul_ledger *ledger,
				   int64_t begin_ns, uint64_t *ret_processes);

#endif
