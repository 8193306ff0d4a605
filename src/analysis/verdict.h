/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From evidence to findings. Nothing is called a leak on one kind of evidence: see verdict.c. Pure.
 */
#ifndef UL_ANALYSIS_VERDICT_H
#define UL_ANALYSIS_VERDICT_H

#include "base/error.h"
#include "model/finding.h"
#include "model/growth_report.h"
#include "model/ledger.h"
#include "model/mapping.h"
#include "model/series.h"
#include "model/site.h"

/** Two looks at the mappings of a process that grows. */
struct ul_process_mappings {
	pid_t pid;
	char comm[64];
	double process_age_s; /**< at the second look */
	struct ul_mappings before;
	struct ul_mappings after;
};

/** Everything `find` has measured. All borrowed for the call; `trace` also by the findings. */
struct ul_evidence {
	const struct ul_series_set *series;
	const struct ul_growth_report *growth; /**< of `series`, over the whole window */
	const struct ul_ledger *ledger;	       /**< the last sample: caches with their aliases */
	const struct ul_trace *trace;	       /**< digested; NULL: tracing was not possible */
	const struct ul_process_mappings *mappings;
	size_t mappings_len;
	pid_t own_pid; /**< ullage itself: its own growth is no finding */
	uint32_t cpus; /**< a percpu area is taken once for each */
};

/** @param ret  Initialised here; caller deinitialises, before the trace. */
UL_MUST_USE struct ul_error *ul_verdict(const struct ul_evidence *evidence,
					struct ul_findings *ret);

/**
 * Accounts worth tracing with stacks: those that may be growing, most suspicious first. Generous: a
 * finding needs more (ul_verdict()).
 */
bool ul_verdict_worth_tracing(const struct ul_growth_row *row);

#endif
