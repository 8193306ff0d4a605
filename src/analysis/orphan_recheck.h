/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Orphans of a live machine: only what is the same in several looks is one. */
#ifndef UL_ANALYSIS_ORPHAN_RECHECK_H
#define UL_ANALYSIS_ORPHAN_RECHECK_H

#include "analysis/reach.h"
#include "base/error.h"
#include "model/heap.h"
#include "model/image.h"
#include "model/orphan.h"

/** What an object was in the first look. */
struct ul_witness {
	uint64_t kaddr;
	uint64_t bytes; /**< of its slot */
	uint64_t cache; /**< struct kmem_cache *; of others: their kind */
	uint64_t hash;	/**< of its words that are no pointers into the heap (lists may move) */
};

struct ul_witnesses {
	UL_VEC(struct ul_witness) items; /**< by kaddr */
};

/** Remember @p orphans of the first look. @p ret is initialised here; caller deinits. */
UL_MUST_USE struct ul_error *ul_orphans_witness(struct ul_image *image, const struct ul_heap *heap,
						const struct ul_orphans *orphans,
						struct ul_witnesses *ret);
void ul_witnesses_deinit(struct ul_witnesses *witnesses);

/**
 * Keep of @p orphans, those of a later look, only what was an orphan then as well: same place, same
 * cache, same contents. What is dropped is counted in *@p ret_dropped.
 */
UL_MUST_USE struct ul_error *ul_orphans_keep_witnessed(struct ul_image *image,
						       const struct ul_heap *heap,
						       const struct ul_witnesses *witnesses,
						       struct ul_orphans *orphans,
						       uint64_t *ret_dropped);
/**
 * Look up @p orphans in @p heap, walked anew: object numbers are its own from then on. What is not
 * allocated there as it was is dropped and counted.
 */
UL_MUST_USE struct ul_error *ul_orphans_renumber(const struct ul_heap *heap,
						 struct ul_orphans *orphans, uint64_t *ret_dropped);
/**
 * The third look, for @p orphans alone: drop those that something refers to which is no orphan
 * itself, and what hangs from these. See ul_reach_outside_references() for @p before.
 */
UL_MUST_USE struct ul_error *ul_orphans_drop_referred(struct ul_image *image,
						      const struct ul_heap *heap,
						      struct ul_memory *before,
						      struct ul_orphans *orphans,
						      uint64_t *ret_dropped);
/** Roles, retained bytes and grades by pages anew, when orphans were dropped. */
UL_MUST_USE struct ul_error *ul_orphans_restructure(struct ul_image *image,
						    const struct ul_heap *heap,
						    struct ul_orphans *orphans);

#endif
