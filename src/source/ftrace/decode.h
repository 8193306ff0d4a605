/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a record of the ring to an event. Pure: knows formats, no files. */
#ifndef UL_SOURCE_FTRACE_DECODE_H
#define UL_SOURCE_FTRACE_DECODE_H

#include "model/kmem_event.h"
#include "source/ftrace/format.h"
#include "source/ftrace/page.h"

enum {
	UL_FTRACE_EVENTS = 24,	    /**< events that can be known at once */
	UL_FTRACE_STACKS = 1 << 14, /**< stacks of addresses remembered; a power of two */
};

enum ul_ftrace_sort {
	UL_FTRACE_NOTHING,
	UL_FTRACE_EVENT,
	UL_FTRACE_STACK,
	UL_FTRACE_NEW_TASK,
	UL_FTRACE_RENAME,
};

/** What one record says. */
struct ul_ftrace_entry {
	enum ul_ftrace_sort sort;
	pid_t tid; /**< of whom it happened to */
	/** EVENT: all but comm and pid. STACK: `stack`. Tasks: `comm`. */
	struct ul_event event;
	pid_t task;  /**< NEW_TASK: the new one; RENAME: whose name changed */
	bool thread; /**< NEW_TASK: of the same process */
};

struct ul_ftrace_known {
	struct ul_ftrace_format format;
	enum ul_ftrace_sort sort;
	const struct ul_kmem_event *what; /**< of events */
};

struct ul_ftrace_known_stack {
	uint64_t hash;
	uint32_t stack;
};

struct ul_ftrace_decoder {
	struct ul_dictionary dictionary;
	struct ul_kmalloc_names names;
	struct ul_ftrace_known known[UL_FTRACE_EVENTS];
	size_t known_len;
	struct ul_ftrace_known_stack *stacks; /**< UL_FTRACE_STACKS of them, direct-mapped */
	uint32_t page_bytes;
	uint64_t unreadable; /**< allocations and frees without what it takes */
};

UL_MUST_USE struct ul_error *ul_ftrace_decoder_init(struct ul_ftrace_decoder *decoder,
						    uint32_t page_bytes);
void ul_ftrace_decoder_deinit(struct ul_ftrace_decoder *decoder);
/** Learn the event @p name ("kmalloc", "kernel_stack", "task_newtask") by its format's text. */
bool ul_ftrace_decoder_learn(struct ul_ftrace_decoder *decoder, const char *name,
			     struct ul_span format);
/** &ul_enomem only; what is not known or damaged is UL_FTRACE_NOTHING. */
UL_MUST_USE struct ul_error *ul_ftrace_decode(struct ul_ftrace_decoder *decoder,
					      const struct ul_ftrace_record *record, uint32_t cpu,
					      struct ul_ftrace_entry *ret);

#endif
