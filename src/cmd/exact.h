/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's own counts (source/exact) as `trace` shows them and as `find` uses them: taken when
 * recording begins and when it ends, the difference is what survived.
 */
#ifndef UL_CMD_EXACT_H
#define UL_CMD_EXACT_H

#include "cmd/cmd.h"
#include "cmd/machine.h"
#include "model/finding.h"
#include "model/ledger.h"
#include "model/site.h"

enum { UL_CMD_EXACT_CACHES = 16 };

/** What `find` took at the begin and the end of its recording. Zero: nothing. */
struct ul_cmd_exact {
	const char *caches[UL_CMD_EXACT_CACHES]; /**< whose traces SLUB keeps; borrowed */
	uint64_t object_bytes[UL_CMD_EXACT_CACHES];
	size_t caches_len;
	unsigned int sources;  /**< enum ul_exact_source: taken at the begin */
	struct ul_trace begin; /**< slabs and pages by stack: these replace traced sites */
	struct ul_trace end;
	struct ul_trace counted_begin; /**< by function: these confirm traced sites */
	struct ul_trace counted;
	struct ul_trace orphans;  /**< kmemleak's report */
	int64_t begin_ns, end_ns; /**< CLOCK_BOOTTIME */
	int64_t since_ns;	  /**< CLOCK_MONOTONIC of the begin */
};

void ul_cmd_exact_deinit(struct ul_cmd_exact *exact);

/** What of the recording is in question. */
struct ul_cmd_exact_focus {
	const char *const *caches; /**< borrowed for as long as the result */
	size_t caches_len;
	bool pages;
};

/** True when --engine leaves BPF in. */
bool ul_cmd_exact_wants_bpf(const struct ul_cmd_context *context);
/**
 * Take the first count of what this machine has of @p focus. What cannot be read becomes a loss:
 * tracing goes on without.
 */
UL_MUST_USE struct ul_error *ul_cmd_exact_begin(const struct ul_cmd_context *context,
						const struct ul_cmd_exact_focus *focus,
						const struct ul_ledger *ledger,
						struct ul_losses *losses,
						struct ul_cmd_exact *exact);
/** Take the second count. */
UL_MUST_USE struct ul_error *ul_cmd_exact_end(const struct ul_cmd_context *context,
					      struct ul_losses *losses, struct ul_cmd_exact *exact);
/**
 * Put the difference into @p trace: digested, or empty when nothing could be traced.
 *
 * @param traced  Set when @p trace holds anything to judge by now.
 */
UL_MUST_USE struct ul_error *ul_cmd_exact_apply(struct ul_cmd_exact *exact,
						const struct ul_machine *machine,
						const struct ul_ledger *ledger, double drain_s,
						struct ul_trace *trace, bool *traced);
/** Add what the counts say to the findings about the trace of ul_cmd_exact_apply(). */
UL_MUST_USE struct ul_error *ul_cmd_exact_explain(const struct ul_cmd_exact *exact,
						  struct ul_findings *findings);

/**
 * `trace --engine X`: what is live, or with --for what became live in that time and stayed.
 * @p ret digested; its engine and times set.
 */
UL_MUST_USE struct ul_error *ul_cmd_exact_trace(const struct ul_cmd_context *context,
						const struct ul_machine *machine,
						const struct ul_ledger *ledger,
						struct ul_trace *ret);

#endif
