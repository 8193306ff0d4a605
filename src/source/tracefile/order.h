/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events on their way out: put into the order of time, and given their stacks. */
#ifndef UL_SOURCE_TRACEFILE_ORDER_H
#define UL_SOURCE_TRACEFILE_ORDER_H

#include "model/event.h"
#include "source/tracefile/tracefile.h"

enum {
	UL_ORDER_CPUS = 8192,
	UL_ORDER_PENDING = 4, /**< events of one processor that a stack may still belong to */
};

/** An event in the window; 0 is none. */
typedef uint64_t ul_order_handle;

struct ul_order_pending {
	ul_order_handle handle; /**< 0: an event of another sort, whose stack is of no interest */
	pid_t tid;
};

struct ul_order_cpu {
	struct ul_order_pending pending[UL_ORDER_PENDING];
	unsigned int count;
	bool seen; /**< any event of it */
};

struct ul_order {
	ul_event_fn *take;
	void *context;
	struct ul_event slots[UL_TRACEFILE_WINDOW];
	uint32_t sequence[UL_TRACEFILE_WINDOW]; /**< how often the slot was filled */
	uint16_t sorted[UL_TRACEFILE_WINDOW];	/**< ring of slots by time */
	uint16_t vacant[UL_TRACEFILE_WINDOW];
	size_t head, count;
	bool any_out;
	int64_t last_out_ns;
	struct ul_order_cpu *cpus;    /**< UL_ORDER_CPUS of them */
	uint64_t late;		      /**< came later than the window spans */
	uint64_t bound, unbound;      /**< stacks that found their event, and that did not */
	uint64_t overwritten;	      /**< lost before the first event of their processor */
	uint64_t overwritten_unknown; /**< times that nobody said how many those were */
};

UL_MUST_USE struct ul_error *ul_order_create(ul_event_fn *take, void *context,
					     struct ul_order **ret);
void ul_order_destroy(struct ul_order *order);
UL_DEFINE_CLEANUP(ul_cleanup_order, struct ul_order, ul_order_destroy);
#define UL_CLEANUP_ORDER UL_CLEANUP(ul_cleanup_order)

/** Take an event of thread @p tid; a stack that follows on its processor will be its own. */
UL_MUST_USE struct ul_error *ul_order_event(struct ul_order *order, const struct ul_event *event,
					    pid_t tid, ul_order_handle *ret);
/** An event of another sort happened: a stack that follows on this processor is not ours. */
void ul_order_other(struct ul_order *order, uint32_t cpu, pid_t tid);
/** Whose stack it is that was taken on @p cpu by @p tid; 0: nobody's. */
ul_order_handle ul_order_owner(struct ul_order *order, uint32_t cpu, pid_t tid);
/** Give the event its stack. */
void ul_order_bind(struct ul_order *order, ul_order_handle handle, uint32_t stack);
/**
 * @p count events of @p cpu were lost (0: nobody says how many) before what is next, at @p time_ns
 * or later: stacks after it belong to none before it. Before the first event that is seen of the
 * processor it is no gap, but where its part of the trace begins.
 */
UL_MUST_USE struct ul_error *ul_order_lost(struct ul_order *order, uint32_t cpu, uint64_t count,
					   int64_t time_ns);
/** Hand out all that is left. */
UL_MUST_USE struct ul_error *ul_order_flush(struct ul_order *order);

#endif
