/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Allocations and frees as a recorded trace tells them, one after the other. Names and stacks are
 * numbers of a dictionary that outlives the stream, so an event is small and owns nothing.
 */
#ifndef UL_MODEL_EVENT_H
#define UL_MODEL_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/span.h"
#include "base/vec.h"
#include "model/site.h"
#include "model/stack.h"

enum {
	UL_DICTIONARY_NAMES_MAX = 1 << 20,
	UL_DICTIONARY_STACKS_MAX = 1 << 20,
	UL_PAGE_ORDER_MAX = 18, /**< largest buddy block of any architecture is below 2^18 pages */
};

/** Strings and stacks seen in a trace, each once. Number 0 means none. Zero is empty. */
struct ul_dictionary {
	struct ul_arena arena;
	UL_VEC(const char *) names;	/**< [id - 1], in the arena */
	UL_VEC(struct ul_stack) stacks; /**< [id - 1], owned */
	uint32_t *name_table;		/**< open addressing: id, 0: empty */
	uint32_t *stack_table;
	size_t name_slots, stack_slots;
	uint64_t refused; /**< new names and stacks beyond the limits: got number 0 */
};

/** Number of @p name, made if new; 0 for an empty one and beyond the limit. &ul_enomem only. */
UL_MUST_USE struct ul_error *ul_dictionary_name(struct ul_dictionary *dictionary,
						struct ul_span name, uint32_t *ret);
/**
 * Number of the stack with these functions: stacks that differ only in offsets and addresses of
 * named frames are one, and the first of them stays. Takes the contents of @p stack (empty
 * afterwards), also on error. @p ret is 0 for an empty stack and beyond the limit. &ul_enomem only.
 */
UL_MUST_USE struct ul_error *ul_dictionary_stack(struct ul_dictionary *dictionary,
						 struct ul_stack *stack, uint32_t *ret);
/** The name, or NULL for 0 or a number never given. */
const char *ul_dictionary_name_of(const struct ul_dictionary *dictionary, uint32_t id);
const struct ul_stack *ul_dictionary_stack_of(const struct ul_dictionary *dictionary, uint32_t id);
void ul_dictionary_deinit(struct ul_dictionary *dictionary);
#define UL_CLEANUP_DICTIONARY UL_CLEANUP(ul_dictionary_deinit)

enum ul_event_kind {
	UL_EVENT_ALLOC,
	UL_EVENT_FREE,
	/**
	 * Memory handed to users or shrinkers (movable, reclaimable pages): not followed, but it
	 * proves that what was at its address had been freed.
	 */
	UL_EVENT_REUSE,
	UL_EVENT_LOST, /**< `bytes` events were lost here; 0: not known how many */
	/**
	 * The events of `cpu` begin here, those of others began earlier: frees may be missing
	 * before.
	 */
	UL_EVENT_CPU_BEGINS,
};

struct ul_event {
	enum ul_event_kind kind;
	enum ul_allocator allocator;
	int64_t time_ns; /**< in the trace's own clock */
	uint64_t key;	 /**< slab and percpu: address, real or hashed; pages: frame number */
	uint64_t bytes;	 /**< allocations: bytes taken */
	uint32_t cache;	 /**< name of the slab cache, frees may have it, too; 0: not known */
	uint32_t stack;	 /**< 0: none */
	uint32_t comm;	 /**< name */
	pid_t pid;	 /**< thread group if the trace has it, else thread */
	uint32_t cpu;
	uint8_t order;	    /**< pages: 2^order of them, at most UL_PAGE_ORDER_MAX */
	bool cache_guessed; /**< from size and flags */
	bool hashed;	    /**< the key is no address */
	bool repeats;	    /**< a free that another event of the same free repeats */
};

/** Takes an event; an error ends the stream. */
typedef struct ul_error *ul_event_fn(void *context, const struct ul_event *event);

#endif
