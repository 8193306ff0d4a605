// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pages with no count and no type that are in no buddy block. Most wait on the per-CPU lists of the
 * page allocator and are free. But alloc_pages() of several pages without __GFP_COMP counts only
 * the first one: the others look just like that, and hold pointers. So the lists are read; what is
 * on none of them and stands right behind a page that is in use, within the block that its
 * alignment allows, belongs to that page.
 *
 * Errs: a page in motion between lists hangs from its neighbour; where the lists cannot be read all
 * of these count as free.
 */
#include "source/kwalk/kwalk_internal.h"

enum {
	COSTLY_ORDER = 3,    /**< Linux include/linux/mmzone.h PAGE_ALLOC_COSTLY_ORDER */
	PAGEBLOCK_ORDER = 9, /**< of the lists beyond it, for huge pages */
	BLOCK_PAGES_MAX = 1024,
	LIST_PAGES_MAX = 1 << 20,
	LIVE_TRIES = 8
};

static void mark_free(struct ul_kwalk *walk, uint64_t pfn, unsigned int order)
{
	const uint64_t pages = UINT64_C(1) << order;
	for (uint64_t i = 0; i < pages && pfn + i < walk->heap->space.max_pfn; i++)
		if ((walk->heap->page_class[pfn + i] & UL_FRAME_CLASS_MASK) == UL_FRAME_IDLE)
			walk->heap->page_class[pfn + i] = UL_FRAME_FREE;
}

/** False when a list breaks off. */
static bool read_lists(struct ul_kwalk *walk, uint64_t pageset)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	int64_t types = 3;
	bool whole = true;
	if (!ul_types_enumerator(walk->image->types, "MIGRATE_PCPTYPES", &types) || types < 1)
		types = 3;
	for (uint32_t i = 0; i < layout->pageset_lists_len; i++) {
		const uint32_t level = i / (uint32_t)types;
		const unsigned int order = level <= COSTLY_ORDER ? level : PAGEBLOCK_ORDER;
		struct ul_kwalk_list list = ul_kwalk_list_begin(
			walk, pageset + layout->pageset_lists + (uint64_t)i * 16, LIST_PAGES_MAX);
		uint64_t node;
		uint64_t pfn;
		while (ul_kwalk_list_next(&list, &node))
			if (ul_space_page_pfn(&walk->heap->space, node - layout->page_lru, &pfn))
				mark_free(walk, pfn, order);
			else
				list.broken = true;
		whole = whole && !list.broken;
	}
	return whole;
}

/** The lists of all zones of a node (struct pglist_data *). */
static bool read_node(struct ul_kwalk *walk, uint64_t node)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	bool whole = true;
	for (uint32_t i = 0; i < layout->pgdat_zones_len; i++) {
		const uint64_t zone = node + layout->pgdat_zones + (uint64_t)i * layout->zone_bytes;
		uint64_t pageset;
		if (!ul_kwalk_word(walk, zone, layout->zone_pageset, &pageset))
			return false;
		// Zones without memory share one that is not set up (boot_pageset).
		if (!pageset)
			continue;
		for (size_t cpu = 0; cpu < walk->heap->cpu_offsets.len; cpu++)
			whole = read_lists(walk, ul_kwalk_percpu(walk, pageset, cpu)) && whole;
	}
	return whole;
}

/** False when they cannot be found. */
static bool read_nodes(struct ul_kwalk *walk, bool *ret_whole)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	uint64_t at;
	if (layout->pgdat_zones == UL_KWALK_NONE || layout->zone_pageset == UL_KWALK_NONE ||
	    layout->pageset_lists == UL_KWALK_NONE || !walk->heap->cpu_offsets.len)
		return false;
	if (ul_kwalk_symbol(walk, "contig_page_data", &at)) {
		*ret_whole = read_node(walk, at);
		return true;
	}
	if (!ul_kwalk_symbol(walk, "node_data", &at))
		return false;
	*ret_whole = true;
	for (uint64_t i = 0; i < UL_KWALK_NODES; i++) {
		uint64_t node;
		// Nodes are numbered without gaps, nearly always; the array's length is not known.
		if (!ul_kwalk_word(walk, at + i * 8, 0, &node) || !ul_kwalk_is_pointer(node))
			break;
		*ret_whole = read_node(walk, node) && *ret_whole;
	}
	return true;
}

/** Gives IDLE pages to the page before them, or, with @p adopt false, sets all of them free. */
static void settle(struct ul_kwalk *walk, bool adopt)
{
	uint8_t *class = walk->heap->page_class;
	const uint64_t end = walk->heap->space.max_pfn;
	uint64_t limit = 0;
	uint8_t owner = UL_FRAME_FREE;
	for (uint64_t pfn = 0; pfn < end; pfn++) {
		if ((class[pfn] & UL_FRAME_CLASS_MASK) == UL_FRAME_IDLE) {
			class[pfn] = pfn < limit && adopt ? owner | UL_FRAME_TAIL : UL_FRAME_FREE;
			continue;
		}
		limit = 0;
		if (class[pfn] != UL_FRAME_KERNEL && class[pfn] != UL_FRAME_TABLE)
			continue;
		owner = class[pfn];
		const uint64_t pages = pfn ? pfn & -pfn : BLOCK_PAGES_MAX;
		limit = pfn + (pages < BLOCK_PAGES_MAX ? pages : BLOCK_PAGES_MAX);
	}
}

struct ul_error *ul_kwalk_idle_pages(struct ul_kwalk *walk)
{
	bool whole = false;
	bool found = read_nodes(walk, &whole);
	// Lists of a live kernel move while they are read.
	for (int i = 1; walk->image->live && found && !whole && i < LIVE_TRIES; i++)
		found = read_nodes(walk, &whole);
	settle(walk, found && whole);
	return found && whole ? NULL
			      : ul_kwalk_loss(walk, UL_BIAS_OVER, 0,
					      "lists of free pages of each CPU: pages of uncounted "
					      "allocations count as free");
}
