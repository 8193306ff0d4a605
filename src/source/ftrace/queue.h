/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries of many rings on their way into one order of time. Each ring's are one run, in order but
 * for a few neighbours; runs are merged when all rings have been read.
 */
#ifndef UL_SOURCE_FTRACE_QUEUE_H
#define UL_SOURCE_FTRACE_QUEUE_H

#include "source/ftrace/decode.h"

struct ul_ftrace_queue {
	UL_VEC(struct ul_ftrace_entry) entries;
	UL_VEC(struct ul_ftrace_entry) spare;
	UL_VEC(size_t) runs; /**< where each begins */
};

void ul_ftrace_queue_deinit(struct ul_ftrace_queue *queue);
/** What is pushed from now on is of another ring; false: no memory. */
bool ul_ftrace_queue_begin_run(struct ul_ftrace_queue *queue);
/** Put an entry at its place by time, near the end of the run; false: no memory. */
bool ul_ftrace_queue_push(struct ul_ftrace_queue *queue, const struct ul_ftrace_entry *entry);
/** Make one run of all; entries of one time stay in the order of their runs. False: no memory. */
bool ul_ftrace_queue_merge(struct ul_ftrace_queue *queue);
/** Forget the first @p count entries of a merged queue. */
void ul_ftrace_queue_drop(struct ul_ftrace_queue *queue, size_t count);

#endif
