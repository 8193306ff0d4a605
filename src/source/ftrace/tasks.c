// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ftrace/tasks.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/span.h"

enum { FIRST_SLOTS = 1024 };

void ul_ftrace_tasks_deinit(struct ul_ftrace_tasks *tasks)
{
	free(tasks->slots);
	*tasks = (struct ul_ftrace_tasks){0};
}

/** The slot of @p tid, or the empty one where it belongs; there must be slots. */
static struct ul_ftrace_task *slot_of(const struct ul_ftrace_tasks *tasks, pid_t tid)
{
	size_t at = ul_hash_u64(1, (uint64_t)tid) & (tasks->cap - 1);
	while (tasks->slots[at].tid && tasks->slots[at].tid != tid)
		at = (at + 1) & (tasks->cap - 1);
	return &tasks->slots[at];
}

static bool make_room(struct ul_ftrace_tasks *tasks)
{
	if (tasks->cap && (tasks->len + 1) * 4 <= tasks->cap * 3)
		return true;
	if (tasks->len >= UL_FTRACE_TASKS_MAX) {
		memset(tasks->slots, 0, tasks->cap * sizeof(*tasks->slots));
		tasks->len = 0;
		return true;
	}
	struct ul_ftrace_tasks larger = {.cap = tasks->cap ? tasks->cap * 2 : FIRST_SLOTS,
					 .len = tasks->len};
	larger.slots = calloc(larger.cap, sizeof(*larger.slots));
	if (!larger.slots)
		return false;
	for (size_t i = 0; i < tasks->cap; i++)
		if (tasks->slots[i].tid)
			*slot_of(&larger, tasks->slots[i].tid) = tasks->slots[i];
	free(tasks->slots);
	*tasks = larger;
	return true;
}

struct ul_error *ul_ftrace_tasks_set(struct ul_ftrace_tasks *tasks, pid_t tid, pid_t tgid,
				     uint32_t comm)
{
	if (tid <= 0)
		return NULL;
	if (!make_room(tasks))
		return &ul_enomem;
	struct ul_ftrace_task *slot = slot_of(tasks, tid);
	tasks->len += !slot->tid;
	slot->tgid = tgid ? tgid : slot->tgid ? slot->tgid : tid;
	slot->tid = tid;
	slot->comm = comm;
	return NULL;
}

/** "Name:\tcat", "Tgid:\t12" out of /proc/TID/status, which answers for every thread. */
static struct ul_error *look_up(struct ul_dictionary *dictionary, pid_t tid,
				struct ul_ftrace_task *task)
{
	static const char name[] = "Name:\t";
	static const char tgid[] = "Tgid:\t";
	char path[64];
	char text[1024];
	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	UL_CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text));
	struct ul_span rest = {text, got > 0 ? (size_t)got : 0};
	ul_span_foreach_line (line, rest) {
		uint64_t value;
		struct ul_span what = {line.data + sizeof(name) - 1, line.len - sizeof(name) + 1};
		if (ul_span_starts(line, name))
			UL_TRY(ul_dictionary_name(dictionary, what, &task->comm));
		else if (ul_span_starts(line, tgid) && ul_span_u64(what, &value) &&
			 value <= INT32_MAX)
			task->tgid = (pid_t)value;
	}
	return NULL;
}

struct ul_error *ul_ftrace_tasks_get(struct ul_ftrace_tasks *tasks,
				     struct ul_dictionary *dictionary, pid_t tid,
				     struct ul_ftrace_task *ret)
{
	*ret = (struct ul_ftrace_task){.tid = tid, .tgid = tid};
	if (tid <= 0) // the idle tasks have no entry in /proc
		return ul_dictionary_name(dictionary, ul_span_of("swapper"), &ret->comm);
	if (tasks->cap) {
		const struct ul_ftrace_task *known = slot_of(tasks, tid);
		if (known->tid) {
			*ret = *known;
			return NULL;
		}
	}
	UL_TRY(look_up(dictionary, tid, ret));
	return ul_ftrace_tasks_set(tasks, tid, ret->tgid, ret->comm);
}
