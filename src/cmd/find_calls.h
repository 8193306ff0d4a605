/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A step of `find --trigger`: which functions the runs call, and which of them may have lost it. */
#ifndef UL_CMD_FIND_CALLS_H
#define UL_CMD_FIND_CALLS_H

#include "cmd/cmd.h"
#include "cmd/machine.h"
#include "cmd/runner.h"
#include "model/finding.h"
#include "source/proc/proc.h"

struct ul_find_calls {
	const struct ul_cmd_context *context;
	const struct ul_machine *machine;
	struct ul_runner *runner;
	struct ul_proc *proc;
	const char *trigger;
	const char *control; /**< NULL: none */
	uint64_t times;
};

/**
 * Run the commands once more with the function tracer, filtered to code near the findings, and fill
 * the accusations of those that leak. What cannot be traced is a loss of @p findings.
 */
UL_MUST_USE struct ul_error *ul_cmd_find_calls(const struct ul_find_calls *what,
					       struct ul_findings *findings);

#endif
