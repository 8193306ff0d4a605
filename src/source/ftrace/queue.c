// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ftrace/queue.h"

#include <string.h>

void ul_ftrace_queue_deinit(struct ul_ftrace_queue *queue)
{
	ul_vec_deinit(&queue->entries);
	ul_vec_deinit(&queue->spare);
	ul_vec_deinit(&queue->runs);
}

bool ul_ftrace_queue_begin_run(struct ul_ftrace_queue *queue)
{
	const size_t begin = queue->entries.len;
	return ul_vec_push(&queue->runs, begin);
}

bool ul_ftrace_queue_push(struct ul_ftrace_queue *queue, const struct ul_ftrace_entry *entry)
{
	const size_t begin = queue->runs.len ? queue->runs.data[queue->runs.len - 1] : 0;
	if (!ul_vec_push(&queue->entries, *entry))
		return false;
	size_t at = queue->entries.len - 1;
	struct ul_ftrace_entry *entries = queue->entries.data;
	for (; at > begin && entries[at - 1].event.time_ns > entry->event.time_ns; at--)
		entries[at] = entries[at - 1];
	entries[at] = *entry;
	return true;
}

/** Two neighbouring runs [left, middle) and [middle, end) of @p from into @p to. */
static void merge_two(const struct ul_ftrace_entry *from, struct ul_ftrace_entry *to, size_t left,
		      size_t middle, size_t end)
{
	size_t right = middle;
	for (size_t at = left, next = left; at < end; at++) {
		const bool take_right =
			next == middle ||
			(right < end && from[right].event.time_ns < from[next].event.time_ns);
		to[at] = from[take_right ? right++ : next++];
	}
}

bool ul_ftrace_queue_merge(struct ul_ftrace_queue *queue)
{
	const size_t len = queue->entries.len;
	if (!ul_vec_reserve(&queue->spare, len))
		return false;
	while (queue->runs.len > 1) {
		struct ul_ftrace_entry *from = queue->entries.data;
		struct ul_ftrace_entry *to = queue->spare.data;
		size_t merged = 0;
		for (size_t i = 0; i < queue->runs.len && len; i += 2) {
			const size_t left = queue->runs.data[i];
			const size_t middle =
				i + 1 < queue->runs.len ? queue->runs.data[i + 1] : len;
			const size_t end = i + 2 < queue->runs.len ? queue->runs.data[i + 2] : len;
			merge_two(from, to, left, middle, end);
			queue->runs.data[merged++] = left;
		}
		queue->runs.len = len ? merged : 0;
		const __typeof__(queue->entries) sorted = {to, len, queue->spare.cap};
		queue->spare.data = from;
		queue->spare.cap = queue->entries.cap;
		memcpy(&queue->entries, &sorted, sizeof(sorted));
	}
	return true;
}

void ul_ftrace_queue_drop(struct ul_ftrace_queue *queue, size_t count)
{
	if (!count)
		return;
	queue->entries.len -= count;
	memmove(queue->entries.data, queue->entries.data + count,
		queue->entries.len * sizeof(*queue->entries.data));
}
