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

/** How survivors of fork compare with the processes that came of it. */
enum ul_forked {
	UL_FORKED_NOT,	    /**< no fork, or more survivors than the new processes explain */
	UL_FORKED_PERHAPS,  /**< so few for each new process that it may hold them all */
	UL_FORKED_ONE_EACH, /**< one for each: they are what a process is made of */
};

/** @param ret_processes  Processes that started since @p begin_ns (CLOCK_BOOTTIME) and still run.
 */
enum ul_forked ul_verdict_forked(const struct ul_site *site, const struct ul_ledger *ledger,
				 int64_t begin_ns, uint64_t *ret_processes);

#endif
