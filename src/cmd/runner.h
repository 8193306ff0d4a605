/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs shell commands, one at a time. A process of its own forks them: what fork() allocates for a
 * command is allocated by that process, which a tracer that leaves out its own process does see.
 */
#ifndef UL_CMD_RUNNER_H
#define UL_CMD_RUNNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "cmd/cmd.h"

struct ul_runner;

/** Start the process; before any thread of this one. */
UL_MUST_USE struct ul_error *ul_runner_start(struct ul_runner **ret);
/** End it, and a command that still runs. */
void ul_runner_destroy(struct ul_runner *runner);
UL_DEFINE_CLEANUP(ul_cleanup_runner, struct ul_runner, ul_runner_destroy);
#define UL_CLEANUP_RUNNER UL_CLEANUP(ul_cleanup_runner)
pid_t ul_runner_pid(const struct ul_runner *runner);

/**
 * Run @p command by /bin/sh and wait for it. It reads and writes nothing of ours; its messages are
 * shown if @p aloud. A command that was killed since the user asked to stop has *@p ret_stopped.
 *
 * @param ret_status  As wait() has it; untouched when stopped.
 */
UL_MUST_USE struct ul_error *ul_runner_run(struct ul_runner *runner,
					   const struct ul_cmd_context *context,
					   const char *command, bool aloud, int *ret_status,
					   bool *ret_stopped);

#endif
