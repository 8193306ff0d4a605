/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tracing without BPF: what ftrace records (source/ftrace), paired here (analysis/pairing). */
#ifndef UL_CMD_FTRACE_H
#define UL_CMD_FTRACE_H

#include "cmd/cmd.h"
#include "cmd/machine.h"
#include "model/ledger.h"
#include "model/site.h"

struct ul_cmd_ftrace;

/**
 * True for an error of the BPF tracer that means: not on this machine, try ftrace. Not where a
 * cgroup is asked for, which ftrace cannot tell.
 */
bool ul_cmd_ftrace_instead(const struct ul_cmd_context *context, const struct ul_error *error);
/** True when --engine asks for it by name. */
bool ul_cmd_ftrace_wanted(const struct ul_cmd_context *context);
/** As ul_tracer_open(); @p tracing is borrowed until the collection, its share is ignored. */
UL_MUST_USE struct ul_error *ul_cmd_ftrace_open(const struct ul_cmd_context *context,
						const struct ul_tracer_options *tracing,
						struct ul_cmd_ftrace **ret);
void ul_cmd_ftrace_destroy(struct ul_cmd_ftrace *ftrace);
UL_DEFINE_CLEANUP(ul_cleanup_cmd_ftrace, struct ul_cmd_ftrace, ul_cmd_ftrace_destroy);
#define UL_CLEANUP_CMD_FTRACE UL_CLEANUP(ul_cleanup_cmd_ftrace)

UL_MUST_USE struct ul_error *ul_cmd_ftrace_record(struct ul_cmd_ftrace *ftrace);
void ul_cmd_ftrace_drain(struct ul_cmd_ftrace *ftrace);
/** What is live by site, its stacks named and digested; of the caches that were asked for. */
UL_MUST_USE struct ul_error *ul_cmd_ftrace_collect(struct ul_cmd_ftrace *ftrace,
						   const struct ul_machine *machine,
						   const struct ul_ledger *ledger,
						   struct ul_trace *ret);

#endif
