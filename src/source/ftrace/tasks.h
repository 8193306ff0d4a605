/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which process a thread belongs to and what it is called. From the events of tasks that are born
 * and renamed; of those that were there before, from /proc when they are met first.
 */
#ifndef UL_SOURCE_FTRACE_TASKS_H
#define UL_SOURCE_FTRACE_TASKS_H

#include "model/event.h"

struct ul_ftrace_task {
	pid_t tid; /**< 0: empty slot */
	pid_t tgid;
	uint32_t comm; /**< of the dictionary */
};

enum { UL_FTRACE_TASKS_MAX = 1 << 20 /**< then all are forgotten, and met anew */ };

struct ul_ftrace_tasks {
	struct ul_ftrace_task *slots; /**< open addressing */
	size_t len, cap;
};

void ul_ftrace_tasks_deinit(struct ul_ftrace_tasks *tasks);
/** A thread has (from now on) this name. @p tgid 0: as before. &ul_enomem only. */
UL_MUST_USE struct ul_error *ul_ftrace_tasks_set(struct ul_ftrace_tasks *tasks, pid_t tid,
						 pid_t tgid, uint32_t comm);
/** The thread @p tid; one that is not in /proc any more has its tid as tgid and no name. */
UL_MUST_USE struct ul_error *ul_ftrace_tasks_get(struct ul_ftrace_tasks *tasks,
						 struct ul_dictionary *dictionary, pid_t tid,
						 struct ul_ftrace_task *ret);

#endif
