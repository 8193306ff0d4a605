// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory that the kernel keeps for its next use, with what it held before. Stale pointers in it
 * kept lost objects from being found in every dump where it was looked at; each of these was seen
 * there.
 *
 *   Pages of a split allocation: alloc_pages_exact() and others split a block of pages, and each
 *   page has a count of its own; who owns them knows the first only. A page that was never on a
 *   list of its own still has the list head that boot gave it (Linux mm/mm_init.c
 *   __init_single_page()), while one that was ever handed out by itself has poison there
 *   (list_del()): so it belongs to the page before it.
 *
 *   struct net on its way out: cleanup_net() puts it on defer_free_list, to be freed the next time
 *   (Linux net/core/net_namespace.c, commit 0f6ede9fbc74 "net: defer final 'struct net' free in
 *   netns dismantle"): it counts as free.
 *
 *   The skb cache of a CPU: beyond skb_count it has pointers to buffers long handed out (Linux
 *   net/core/skbuff.c struct napi_alloc_cache): hidden.
 *
 *   Pages of kfree_rcu(): kept for reuse with the records of the last time (Linux
 *   kernel/rcu/tree.c, mm/slab_common.c struct kfree_rcu_cpu, bkvcache): hidden but for the link.
 *
 * Errs: where a member or symbol does not exist nothing is hidden, and lost objects may be missed.
 */
#include "source/kwalk/kwalk_internal.h"

enum {
	LIST_MAX = 1 << 20,
	BULK_PAGES_MAX = 1 << 20, /**< of all CPUs; the kernel keeps a few of each */
};

bool ul_kwalk_is_split_tail(const struct ul_kwalk *walk, uint64_t pfn)
{
	const uint64_t page = ul_space_pfn_page(&walk->heap->space, pfn);
	uint64_t next;
	return ul_kwalk_word(walk, page, walk->layout.page_lru, &next) &&
	       next == page + walk->layout.page_lru;
}

/** Pointers beyond the count in a per-CPU array that works as a stack. */
static struct ul_error *hide_skb_caches(struct ul_kwalk *walk)
{
	const struct ul_types *types = walk->image->types;
	struct ul_place array;
	struct ul_place count;
	uint64_t variable;
	if (!ul_types_place(types, "napi_alloc_cache", "skb_cache", &array) ||
	    !ul_types_place(types, "napi_alloc_cache", "skb_count", &count) ||
	    !ul_kwalk_symbol(walk, "napi_alloc_cache", &variable))
		return NULL;
	for (size_t cpu = 0; cpu < walk->heap->cpu_offsets.len; cpu++) {
		const uint64_t cache = ul_kwalk_percpu(walk, variable, cpu);
		uint32_t used;
		if (!ul_kwalk_u32(walk, cache, count.offset, &used) || used > array.bytes / 8)
			continue;
		UL_TRY(ul_kwalk_hide(walk, cache + array.offset + (uint64_t)used * 8,
				     array.bytes - (uint64_t)used * 8));
	}
	return NULL;
}

/** The pages of one CPU. A list that comes back to a page of its own is damaged, and ends there. */
static struct ul_error *hide_bulk_list(struct ul_kwalk *walk, uint64_t page, size_t *left)
{
	const uint32_t page_bytes = walk->heap->space.page_bytes;
	uint64_t seen = 0; // the page at the last step that was a power of two
	for (size_t steps = 1; page && page % page_bytes == 0 && page != seen && *left;
	     steps++, --*left) {
		UL_TRY(ul_kwalk_hide(walk, page + 8, page_bytes - 8));
		if (!(steps & (steps - 1)))
			seen = page;
		if (!ul_kwalk_word(walk, page, 0, &page))
			break;
	}
	return NULL;
}

static struct ul_error *hide_bulk_pages(struct ul_kwalk *walk)
{
	struct ul_place first;
	uint64_t variable;
	size_t left = BULK_PAGES_MAX;
	if (!ul_types_place(walk->image->types, "kfree_rcu_cpu", "bkvcache.first", &first) ||
	    !ul_kwalk_symbol(walk, "krc", &variable))
		return NULL;
	for (size_t cpu = 0; cpu < walk->heap->cpu_offsets.len; cpu++) {
		uint64_t page;
		if (ul_kwalk_word(walk, ul_kwalk_percpu(walk, variable, cpu), first.offset, &page))
			UL_TRY(hide_bulk_list(walk, page, &left));
	}
	return NULL;
}

struct ul_error *ul_kwalk_hide_kept(struct ul_kwalk *walk)
{
	ul_vec_foreach (own, &walk->image->own)
		UL_TRY(ul_kwalk_hide(walk, own->start, own->end - own->start));
	if (!walk->image->types)
		return NULL;
	UL_TRY(hide_skb_caches(walk));
	return hide_bulk_pages(walk);
}

struct ul_error *ul_kwalk_free_kept(struct ul_kwalk *walk)
{
	struct ul_place place;
	struct ul_heap_hit hit;
	uint64_t node;
	if (!walk->image->types ||
	    !ul_types_place(walk->image->types, "net", "defer_free_list", &place) ||
	    !ul_kwalk_variable(walk, "defer_free_list", &node))
		return NULL;
	for (size_t left = LIST_MAX; node && left; left--) {
		if (!ul_heap_find(walk->heap, node, &hit) || hit.block->kind != UL_BLOCK_SLAB ||
		    hit.offset != place.offset)
			break;
		ul_heap_set_allocated(walk->heap, hit.object, false);
		if (!ul_kwalk_word(walk, node, 0, &node))
			break;
	}
	return NULL;
}
