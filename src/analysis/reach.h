/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mark and sweep over a kernel's heap: what can be reached from the roots, and what nobody points
 * to. Conservative: any aligned word that looks like an address counts as a reference. Reads memory
 * only through struct ul_memory. See reach.c for the passes and for which way each errs.
 */
#ifndef UL_ANALYSIS_REACH_H
#define UL_ANALYSIS_REACH_H

#include "base/error.h"
#include "model/heap.h"
#include "model/image.h"
#include "model/orphan.h"

struct ul_reach_options {
	unsigned int threads;  /**< 0: as many as processors */
	bool no_second_pass;   /**< no grades, no roles: a first look at a live machine */
	double (*clock)(void); /**< seconds, for scan_seconds; NULL: not measured */
};

/**
 * NULL when everything that may hold references was found; else UL_ERR_UNSUPPORTED, which says what
 * was not: variables, per-CPU variables, stacks or vmalloc areas. Then most of what is held there
 * would look lost.
 */
UL_MUST_USE struct ul_error *ul_reach_check(const struct ul_heap *heap);

/** Orphans of @p heap, ungrouped. @p ret is initialised here; caller deinits. */
UL_MUST_USE struct ul_error *ul_reach(struct ul_image *image, const struct ul_heap *heap,
				      const struct ul_reach_options *options,
				      struct ul_orphans *ret);

/** A word somewhere that points at a target. */
struct ul_reference {
	uint64_t target; /**< the address asked for */
	uint64_t from;	 /**< address of the word; of a register: number of the processor */
	uint64_t value;	 /**< the word: may point into the target's interior */
	enum ul_reference_from {
		UL_FROM_OBJECT, /**< an allocated object */
		UL_FROM_ROOT,
		UL_FROM_FREE, /**< a free object, dead stack, free page: stale */
		UL_FROM_REGISTER,
	} where;
};

struct ul_references {
	UL_VEC(struct ul_reference) items; /**< by target, stale ones last, then by from */
	uint64_t left_out;		   /**< beyond the limit of each target */
	uint64_t scan_bytes;
	struct ul_losses losses;
};

void ul_references_deinit(struct ul_references *references);

/**
 * Who points at the objects (or, where there is none, the exact addresses) @p targets: one pass
 * over all memory for all of them. Of each target's references at most @p limit that are live and
 * as many stale ones are kept, those at the lowest addresses. References of an object to itself are
 * none. On a live machine roots are read first and once more last, so that a pointer that moves
 * from an object to a root in between is seen.
 */
UL_MUST_USE struct ul_error *ul_reach_references(struct ul_image *image, const struct ul_heap *heap,
						 const uint64_t *targets, size_t targets_len,
						 size_t limit, unsigned int threads,
						 struct ul_references *ret);

/**
 * Which of @p orphans something refers to that is none of them: sets @p referred (one for each of
 * orphans->items) to true and leaves the others alone. A word in free memory counts when it was not
 * there @p before (copy of the objects' memory a moment ago; NULL: free memory never counts; what
 * it left out does not count either): who writes an address knows it, whether we saw that one
 * allocated or not.
 */
UL_MUST_USE struct ul_error *ul_reach_outside_references(struct ul_image *image,
							 const struct ul_heap *heap,
							 const struct ul_orphans *orphans,
							 struct ul_memory *before,
							 unsigned int threads, bool *referred);

/** A step on the way from a root to a target. */
struct ul_path_step {
	uint64_t kaddr;	 /**< of the object, or of the root's word */
	uint64_t offset; /**< of the pointer within it that leads to the next step */
	bool root;
	enum ul_root_kind root_kind;
	uint64_t owner; /**< of the root */
};

struct ul_path {
	UL_VEC(struct ul_path_step) steps; /**< the root first, the target last; empty: no way */
};

void ul_path_deinit(struct ul_path *path);

/** A shortest chain of references from a root to the object at @p target. */
UL_MUST_USE struct ul_error *ul_reach_path(struct ul_image *image, const struct ul_heap *heap,
					   uint64_t target, unsigned int threads,
					   struct ul_path *ret);

/** Many targets in one search, which may be given up. */
struct ul_reach_paths_options {
	/** Asked now and then; true: stop, as when time is up. NULL: never. */
	bool (*stop)(void *context);
	void *context;
};

/**
 * For each of @p targets a shortest chain from a root: "held, and by whom". Its path in @p ret is
 * empty when nothing reaches it ("lost"), or when no allocated object is there. *@p ret_complete
 * false: the search was stopped, an empty path says nothing then. One pass over what is reachable,
 * in one thread, which ends as soon as all are found; 12 bytes an object of the heap at worst.
 *
 * @param ret  @p targets_len paths, initialised here; caller deinits each.
 */
UL_MUST_USE struct ul_error *ul_reach_paths(struct ul_image *image, const struct ul_heap *heap,
					    const uint64_t *targets, size_t targets_len,
					    const struct ul_reach_paths_options *options,
					    struct ul_path *ret, bool *ret_complete);

#endif
