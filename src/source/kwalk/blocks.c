// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Blocks of slabs and of pages that have no other owner. A slab is believed when its cache is known
 * and no more objects are in it than fit; else its pages are of unknown use, and a loss.
 */
#include "source/kwalk/kwalk_internal.h"

enum { SPLIT_PAGES_MAX = 1024 }; /**< 4 MiB: the largest block there is to split */

static bool in_kfence_pool(const struct ul_kwalk *walk, uint64_t kaddr)
{
	return kaddr >= walk->kfence_pool.start && kaddr < walk->kfence_pool.end;
}

static void set_unknown(struct ul_kwalk *walk, const struct ul_kwalk_slab *slab)
{
	for (uint64_t i = 0; i < slab->pages; i++)
		walk->heap->page_class[slab->pfn + i] = UL_FRAME_UNKNOWN;
}

/** *@p ret_ok false: the slab makes no sense. */
static struct ul_error *add_slab(struct ul_kwalk *walk, const struct ul_kwalk_slab *slab,
				 bool *ret_ok)
{
	const uint64_t slab_bytes = (uint64_t)slab->pages * walk->heap->space.page_bytes;
	const uint64_t kaddr = ul_space_pfn_kaddr(&walk->heap->space, slab->pfn);
	uint32_t index;
	*ret_ok = true;
	if (in_kfence_pool(walk, kaddr))
		return NULL;
	if (!ul_kwalk_cache_find(walk, slab->cache, &index) || !slab->objects ||
	    (uint64_t)slab->objects * walk->caches.data[index].size > slab_bytes) {
		*ret_ok = false;
		return NULL;
	}
	const struct ul_kwalk_cache *cache = &walk->caches.data[index];
	const uint64_t bytes = (uint64_t)slab->objects * cache->size;
	// The red zone before the first object is not part of a slot; the last slot ends earlier.
	const uint64_t room = slab_bytes - cache->red_left_pad;
	const struct ul_block block = {
		.kaddr = kaddr + cache->red_left_pad,
		.bytes = bytes < room ? bytes : room,
		.slot_bytes = slab->objects > 1 ? cache->size : 0,
		.slots = slab->objects,
		.cache = index,
		.kind = UL_BLOCK_SLAB,
	};
	struct ul_heap_cache *record = &walk->heap->caches.data[index];
	record->slabs++;
	record->objects += slab->objects;
	record->bytes += slab_bytes;
	return ul_heap_add_block(walk->heap, &block);
}

static struct ul_error *add_slabs(struct ul_kwalk *walk)
{
	uint64_t senseless = 0;
	ul_vec_foreach (slab, &walk->slabs) {
		bool ok;
		UL_TRY(add_slab(walk, slab, &ok));
		if (ok)
			continue;
		senseless++;
		set_unknown(walk, slab);
	}
	return senseless ? ul_kwalk_loss(walk, UL_BIAS_OVER, senseless,
					 "slabs whose cache or size makes no sense")
			 : NULL;
}

/** Kind and flags of the block that a page of @p class begins; false: none. */
static bool block_of_class(uint8_t class, struct ul_block *ret)
{
	ret->flags = 0;
	ret->kind = UL_BLOCK_PAGES;
	switch (class) {
	case UL_FRAME_KMALLOC_LARGE:
		ret->kind = UL_BLOCK_KMALLOC_LARGE;
		return true;
	case UL_FRAME_KERNEL:
		return true;
	case UL_FRAME_MAPPED:
		ret->flags = UL_BLOCK_NOT_LEAK;
		return true;
	case UL_FRAME_OLD_STACK:
	case UL_FRAME_ZSMALLOC:
		ret->flags = UL_BLOCK_NOT_LEAK | UL_BLOCK_NO_SCAN;
		return true;
	default:
		return false;
	}
}

static uint8_t public_class(uint8_t class)
{
	class &= UL_FRAME_CLASS_MASK;
	if (class == UL_FRAME_MAPPED || class == UL_FRAME_ZSMALLOC)
		return UL_FRAME_KERNEL;
	if (class == UL_FRAME_OLD_STACK)
		return UL_FRAME_STACK;
	return class == UL_FRAME_IDLE ? UL_FRAME_FREE : class;
}

static struct ul_error *add_pages(struct ul_kwalk *walk)
{
	uint8_t *class = walk->heap->page_class;
	const uint64_t end = walk->heap->space.max_pfn;
	for (uint64_t pfn = 0; pfn < end;) {
		struct ul_block block = {.slots = 1, .cache = UINT32_MAX};
		const uint8_t first = class[pfn];
		uint64_t pages = 1;
		// A tail without its head was claimed from under it; it is on its own then.
		while (pfn + pages < end &&
		       class[pfn + pages] == ((first & UL_FRAME_CLASS_MASK) | UL_FRAME_TAIL))
			pages++;
		const bool alone = pages == 1 && first == UL_FRAME_KERNEL;
		// A block of 2^n pages begins at a multiple of 2^n.
		const uint64_t aligned = pfn ? pfn & -pfn : SPLIT_PAGES_MAX;
		const uint64_t most = aligned < SPLIT_PAGES_MAX ? aligned : SPLIT_PAGES_MAX;
		while (alone && pages < most && pfn + pages < end &&
		       class[pfn + pages] == UL_FRAME_KERNEL &&
		       ul_kwalk_is_split_tail(walk, pfn + pages))
			pages++;
		if (block_of_class(first & UL_FRAME_CLASS_MASK, &block)) {
			block.kaddr = ul_space_pfn_kaddr(&walk->heap->space, pfn);
			block.bytes = pages * walk->heap->space.page_bytes;
			block.flags |= alone && pages > 1 ? UL_BLOCK_SPLIT : 0;
			UL_TRY(ul_heap_add_block(walk->heap, &block));
		}
		pfn += pages;
	}
	for (uint64_t pfn = 0; pfn < end; pfn++)
		class[pfn] = public_class(class[pfn]);
	return NULL;
}

struct ul_error *ul_kwalk_blocks(struct ul_kwalk *walk)
{
	UL_TRY(add_slabs(walk));
	UL_TRY(add_pages(walk));
	return NULL;
}
