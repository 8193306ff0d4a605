// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Mark and sweep over a kernel's heap. A kernel has no garbage collector, but what one would
 * collect is what the kernel has leaked: allocated, and nothing in memory points to it any more.
 *
 * The passes, each in a file of its own:
 *   reach_mark.c   from the roots (data of kernel and modules, live stacks, registers, what was
 *                  taken before there was an allocator, struct pages of pages in use) along every
 *                  aligned word that has the value of an address. What stays white is unreached.
 *   reach_weigh.c  looks for other forms of references to what is unreached: grades.
 *   reach_tree.c   what hangs from what: what was lost itself, and what was lost with it.
 *
 * Which words count as references, beside the address of an object: an address within it or within
 * the rest of its slot (container_of, lists); with low bits set (tags of xarray, rhashtable,
 * ERR_PTR, page->mapping): all the same, an address within. A struct page keeps the page block of
 * that page, but no slab: the partial lists hold all of those. A percpu pointer counts when it is
 * exact. Words the allocators hide (heap.hidden) are zero, padding behind an object's payload, free
 * objects and the dead part of stacks are not read. An object that only points to itself is
 * unreached.
 *
 * Errs towards missing: a stale pointer in live memory, or a number with the value of an address,
 * keeps a leaked object out of the answer. Errs towards false orphans only where a reference exists
 * in no form of those above: that is what grades are for.
 */
#include "analysis/reach.h"

#include "analysis/reach_internal.h"

enum { ORPHANS_MAX = 1 << 26 }; /**< listed; more would be a failure, not a result */

static struct ul_error *count_objects(const struct ul_heap *heap, struct ul_orphans *orphans)
{
	for (uint64_t i = 0; i <= heap->objects / 64; i++)
		orphans->objects_allocated += (uint64_t)__builtin_popcountll(heap->allocated[i]);
	ul_vec_foreach (block, &heap->blocks)
		if (block->flags & UL_BLOCK_UNKNOWN)
			orphans->objects_unknown += block->slots;
	return NULL;
}

static struct ul_error *list_orphans(const struct ul_heap *heap, const struct ul_reach_marks *marks,
				     struct ul_orphans *orphans)
{
	uint64_t left_out = 0;
	for (size_t i = 0; i < heap->blocks.len; i++) {
		const struct ul_block *block = &heap->blocks.data[i];
		for (uint32_t slot = 0; slot < block->slots; slot++) {
			const uint64_t object = (uint64_t)block->first + slot;
			if (!(object % 64) && slot + 64 < block->slots &&
			    !marks->white[object / 64]) {
				slot += 63;
				continue;
			}
			if (!ul_reach_bit(marks->white, object))
				continue;
			if (orphans->items.len == ORPHANS_MAX) {
				left_out++;
				continue;
			}
			struct ul_orphan *orphan = ul_vec_add(&orphans->items);
			if (!orphan)
				return &ul_enomem;
			orphan->object = object;
			orphan->kaddr = block->kaddr + (uint64_t)slot * block->slot_bytes;
		}
	}
	orphans->objects_orphans = orphans->items.len + left_out;
	orphans->objects_reachable = orphans->objects_allocated - orphans->objects_orphans;
	return left_out ? ul_losses_add(&orphans->losses, UL_BIAS_UNDER, left_out,
					"orphans beyond the first %d", ORPHANS_MAX)
			: NULL;
}

static struct ul_error *run(const struct ul_reach_scan *scan,
			    const struct ul_reach_options *options, struct ul_reach_marks *marks,
			    struct ul_orphans *orphans)
{
	const double start = options->clock ? options->clock() : 0;
	UL_TRY(ul_reach_mark(scan, marks));
	orphans->scan_seconds = options->clock ? options->clock() - start : 0;
	orphans->scan_bytes = marks->scan_bytes;
	orphans->threads = scan->threads;
	if (marks->unreadable)
		UL_TRY(ul_losses_add(&orphans->losses, UL_BIAS_OVER, marks->unreadable,
				     "bytes of kernel memory in use that could not be read"));
	UL_TRY(count_objects(scan->heap, orphans));
	UL_TRY(list_orphans(scan->heap, marks, orphans));
	if (options->no_second_pass)
		return NULL;
	UL_TRY(ul_reach_weigh(scan, marks, orphans));
	// What they hold is stale: it makes no orphan, and none less.
	if (scan->image->live)
		UL_TRY(ul_losses_add(&orphans->losses, UL_BIAS_NONE, 0,
				     "free pages: of a running machine they are not searched"));
	return ul_reach_structure(scan, orphans);
}

static bool has_root(const struct ul_heap *heap, enum ul_root_kind kind)
{
	ul_vec_foreach (root, &heap->roots)
		if (root->kind == kind && root->bytes)
			return true;
	return false;
}

struct ul_error *ul_reach_check(const struct ul_heap *heap)
{
	const char *missing = !has_root(heap, UL_ROOT_IMAGE)	? "variables of the kernel"
			      : !has_root(heap, UL_ROOT_PERCPU) ? "per-CPU variables"
			      : !has_root(heap, UL_ROOT_STACK)	? "stacks of tasks"
								: NULL;
	bool areas = false;
	ul_vec_foreach (block, &heap->blocks)
		areas |= block->kind == UL_BLOCK_VMALLOC;
	if (!missing && !areas)
		missing = "vmalloc areas";
	if (!missing)
		return NULL;
	return ul_error_hint(
		ul_error_new(UL_ERR_UNSUPPORTED,
			     "the %s are not found, and what they hold would look lost", missing),
		"the kernel's table of symbols has no variables (CONFIG_KALLSYMS_ALL), and what "
		"they hold did not tell them apart");
}

struct ul_error *ul_reach(struct ul_image *image, const struct ul_heap *heap,
			  const struct ul_reach_options *options, struct ul_orphans *ret)
{
	struct ul_reach_scan scan;
	struct ul_reach_marks marks = {0};
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = {0};
	*ret = orphans;
	struct ul_error *error = ul_reach_scan_init(&scan, image, heap, options->threads);
	if (!error)
		error = run(&scan, options, &marks, &orphans);
	ul_reach_marks_deinit(&marks);
	ul_reach_scan_deinit(&scan);
	if (error)
		return error;
	*ret = orphans;
	orphans = (struct ul_orphans){0};
	return NULL;
}
