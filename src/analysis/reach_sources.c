// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A walk over all memory that may hold references, in address order: unlike marking it needs no
 * stack, reads each object once and knows of every word whether it is live or stale.
 *
 * Units of work are stretches of the roots, runs of blocks and runs of page frames, taken by the
 * threads in turn.
 */
#include "analysis/reach_sources.h"

#include <pthread.h>

#include "base/parallel.h"

enum { BLOCKS_TOGETHER = 256, FRAMES_TOGETHER = 1024 };

struct walking {
	struct ul_reach_walk *walk;
	size_t blocks; /**< units of blocks, behind those of roots */
	size_t frames; /**< units of page frames, behind those */
	size_t again;  /**< roots once more, last: of a live machine */
	pthread_mutex_t lock;
};

static struct ul_error *visit(const struct ul_reach_walk *walk, struct ul_reach_visitor *visitor,
			      uint64_t kaddr, uint64_t bytes, enum ul_reference_from where)
{
	visitor->source.where = where;
	return ul_reach_scan_range(walk->scan, &visitor->window, kaddr, bytes, visitor->words,
				   visitor);
}

static struct ul_error *visit_slot(const struct ul_reach_walk *walk,
				   struct ul_reach_visitor *visitor, const struct ul_block *block,
				   uint32_t slot)
{
	const struct ul_heap *heap = walk->scan->heap;
	const uint64_t object = (uint64_t)block->first + slot;
	const uint64_t kaddr = block->kaddr + (uint64_t)slot * block->slot_bytes;
	const uint64_t bytes = ul_heap_block_payload(heap, block);
	const bool unknown = block->flags & UL_BLOCK_UNKNOWN;
	if (block->flags & UL_BLOCK_NO_SCAN || (!unknown && !ul_heap_is_allocated(heap, object)))
		return walk->flags & UL_REACH_WALK_STALE
			       ? visit(walk, visitor, kaddr, bytes, UL_FROM_FREE)
			       : NULL;
	const bool white = !unknown && walk->white && ul_reach_bit(walk->white, object);
	if (!(walk->flags & (white ? UL_REACH_WALK_WHITE : UL_REACH_WALK_LIVE)))
		return NULL;
	if (ul_reach_owns_pages(block)) {
		const struct ul_range pages = ul_reach_struct_pages(walk->scan, block);
		UL_TRY(visit(walk, visitor, pages.start, pages.end - pages.start, UL_FROM_OBJECT));
	}
	return visit(walk, visitor, kaddr, bytes, UL_FROM_OBJECT);
}

static struct ul_error *visit_blocks(const struct ul_reach_walk *walk,
				     struct ul_reach_visitor *visitor, size_t unit)
{
	const __auto_type blocks = &walk->scan->heap->blocks;
	const size_t first = unit * BLOCKS_TOGETHER;
	for (size_t i = first; i < blocks->len && i < first + BLOCKS_TOGETHER; i++) {
		const struct ul_block *block = &blocks->data[i];
		if (block->kind == UL_BLOCK_PERCPU)
			continue;
		for (uint32_t slot = 0; slot < block->slots; slot++)
			UL_TRY(visit_slot(walk, visitor, block, slot));
	}
	return NULL;
}

/** The frames from @p pfn on that have its class; how many. */
static uint64_t run_of_class(const struct ul_heap *heap, uint64_t pfn, uint64_t end)
{
	const uint8_t class = heap->page_class[pfn];
	uint64_t run = 1;
	while (pfn + run < end && heap->page_class[pfn + run] == class)
		run++;
	return run;
}

static struct ul_error *visit_frames(const struct ul_reach_walk *walk,
				     struct ul_reach_visitor *visitor, size_t unit)
{
	const struct ul_heap *heap = walk->scan->heap;
	const uint64_t first = (uint64_t)unit * FRAMES_TOGETHER;
	const uint64_t limit = first + FRAMES_TOGETHER;
	const uint64_t end = limit < heap->space.max_pfn ? limit : heap->space.max_pfn;
	const bool stale = walk->flags & UL_REACH_WALK_STALE && !walk->scan->image->live;
	uint64_t run;
	for (uint64_t pfn = first; pfn < end; pfn += run) {
		const enum ul_frame_class class = (enum ul_frame_class)heap->page_class[pfn];
		const uint64_t kaddr = ul_space_pfn_kaddr(&heap->space, pfn);
		run = run_of_class(heap, pfn, end);
		const uint64_t bytes = run * heap->space.page_bytes;
		if (class == UL_FRAME_FREE && stale)
			UL_TRY(visit(walk, visitor, kaddr, bytes, UL_FROM_FREE));
		if (class == UL_FRAME_TABLE && walk->flags & UL_REACH_WALK_TABLES) {
			visitor->source.page_table = true;
			UL_TRY(visit(walk, visitor, kaddr, bytes, UL_FROM_OBJECT));
			visitor->source.page_table = false;
		}
	}
	// Free pages may be most of memory, and are read here only.
	if (stale)
		ul_memory_forget(walk->scan->image->memory, ul_space_pfn_kaddr(&heap->space, first),
				 FRAMES_TOGETHER * heap->space.page_bytes);
	return NULL;
}

static struct ul_error *visit_root(const struct ul_reach_walk *walk,
				   struct ul_reach_visitor *visitor, size_t unit)
{
	const struct ul_reach_root *root = &walk->roots.items.data[unit];
	return visit(walk, visitor, root->kaddr, root->bytes, UL_FROM_ROOT);
}

static struct ul_error *visit_units(struct walking *walking, struct ul_reach_visitor *visitor)
{
	struct ul_reach_walk *walk = walking->walk;
	for (;;) {
		size_t unit = __atomic_fetch_add(&walk->next, 1, __ATOMIC_RELAXED);
		ul_reach_window_renew(&visitor->window);
		if (unit < walk->roots.items.len) {
			UL_TRY(visit_root(walk, visitor, unit));
			continue;
		}
		unit -= walk->roots.items.len;
		if (unit < walking->blocks) {
			UL_TRY(visit_blocks(walk, visitor, unit));
			continue;
		}
		unit -= walking->blocks;
		if (unit < walking->frames) {
			UL_TRY(visit_frames(walk, visitor, unit));
			continue;
		}
		unit -= walking->frames;
		if (unit >= walking->again)
			return NULL;
		UL_TRY(visit_root(walk, visitor, unit));
	}
}

static struct ul_error *work(void *context)
{
	struct walking *walking = context;
	struct ul_reach_walk *walk = walking->walk;
	pthread_mutex_lock(&walking->lock);
	struct ul_reach_visitor *visitor = walk->start(walk->context);
	pthread_mutex_unlock(&walking->lock);
	if (!visitor)
		return &ul_enomem;
	struct ul_error *error = ul_reach_window_init(&visitor->window, walk->scan->image->memory);
	visitor->window.ahead = true;
	if (!error)
		error = visit_units(walking, visitor);
	pthread_mutex_lock(&walking->lock);
	walk->scanned += visitor->window.scanned;
	ul_reach_window_deinit(&visitor->window);
	struct ul_error *last = walk->finish(walk->context, visitor);
	pthread_mutex_unlock(&walking->lock);
	if (!error)
		return last;
	ul_error_destroy(last);
	return error;
}

struct ul_error *ul_reach_walk(struct ul_reach_walk *walk)
{
	const struct ul_heap *heap = walk->scan->heap;
	struct walking walking = {.walk = walk};
	struct ul_error *error = NULL;
	walking.blocks = (heap->blocks.len + BLOCKS_TOGETHER - 1) / BLOCKS_TOGETHER;
	if (walk->flags & (UL_REACH_WALK_STALE | UL_REACH_WALK_TABLES))
		walking.frames =
			(size_t)((heap->space.max_pfn + FRAMES_TOGETHER - 1) / FRAMES_TOGETHER);
	if (walk->flags & UL_REACH_WALK_LIVE)
		error = ul_reach_roots(walk->scan, &walk->roots);
	if (walk->scan->image->live)
		walking.again = walk->roots.items.len;
	if (!error) {
		pthread_mutex_init(&walking.lock, NULL);
		error = ul_parallel(walk->scan->threads, work, &walking);
		pthread_mutex_destroy(&walking.lock);
	}
	ul_vec_deinit(&walk->roots.items);
	return error;
}
