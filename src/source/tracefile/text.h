/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of traces, fed in pieces of any size. */
#ifndef UL_SOURCE_TRACEFILE_TEXT_H
#define UL_SOURCE_TRACEFILE_TEXT_H

#include "source/tracefile/fields.h"
#include "source/tracefile/line.h"
#include "source/tracefile/order.h"

enum { UL_TEXT_STACKS = 1 << 16 /**< texts of stacks remembered, a power of two */ };

/** A text that was parsed before, by its hash. */
struct ul_text_stack {
	uint64_t hash;
	uint32_t stack;
};

/** What the frames that are being read belong to. */
struct ul_text_block {
	bool open;
	bool perf;		 /**< frames of this form, else arrows */
	bool ended;		 /**< what still follows is a user's, or too much */
	ul_order_handle owner;	 /**< 0: nobody's */
	const char *begin, *end; /**< frames so far, in the piece being fed; NULL: none yet */
	unsigned int frames;
	unsigned int lines; /**< since `begin` */
};

struct ul_trace_text {
	struct ul_dictionary *dictionary; /**< borrowed */
	struct ul_tracefile_info *info;	  /**< borrowed */
	struct ul_losses *losses;	  /**< borrowed */
	struct ul_order *order;
	struct ul_text_block block;
	struct ul_text_stack *stacks; /**< UL_TEXT_STACKS of them, direct-mapped */
	struct ul_kmalloc_names names;
	enum ul_line_clock clock;
	int64_t last_ns;
	uint64_t strange;     /**< lines that are nothing known */
	uint64_t unreadable;  /**< allocations and frees without a usable address */
	uint64_t overwritten; /**< events the ring had lost before the text was made */
};

/** A reader that gives events to @p take; all other pointers are borrowed until destroyed. */
UL_MUST_USE struct ul_error *ul_trace_text_create(struct ul_dictionary *dictionary,
						  struct ul_tracefile_info *info,
						  struct ul_losses *losses, ul_event_fn *take,
						  void *context, struct ul_trace_text **ret);
void ul_trace_text_destroy(struct ul_trace_text *text);
UL_DEFINE_CLEANUP(ul_cleanup_trace_text, struct ul_trace_text, ul_trace_text_destroy);
#define UL_CLEANUP_TRACE_TEXT UL_CLEANUP(ul_cleanup_trace_text)

/**
 * Take whole lines of @p piece; *@p ret_used bytes are done with, the rest is to be fed again with
 * what follows it. With @p last all of it is taken.
 */
UL_MUST_USE struct ul_error *ul_trace_text_feed(struct ul_trace_text *text, struct ul_span piece,
						bool last, size_t *ret_used);
/** The text is over: hand out what is left, say what was lost. */
UL_MUST_USE struct ul_error *ul_trace_text_finish(struct ul_trace_text *text);

#endif
