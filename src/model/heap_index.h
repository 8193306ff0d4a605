/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index of a heap in the open, for scanners that look up a hundred million words and want the
 * compiler to inline it and to prefetch between its steps. Everyone else calls ul_heap_find().
 *
 * Two page tables of two levels, one of the direct map (by page frame), one of the space that
 * vmalloc areas lie in: a directory by sections of UL_HEAP_SECTION_PAGES pages, and for each
 * section with a block in it one uint32_t a page: number of the block + 1. What fits neither table
 * (per-CPU areas, whose pointers are no addresses, and areas too large to be true) is found by
 * bisection.
 */
#ifndef UL_MODEL_HEAP_INDEX_H
#define UL_MODEL_HEAP_INDEX_H

#include "model/heap.h"

enum {
	UL_HEAP_SECTION_SHIFT = 15, /**< pages; with pages of 4 KiB a section is 128 MiB */
	UL_HEAP_SECTION_PAGES = 1 << UL_HEAP_SECTION_SHIFT,
};

struct ul_heap_table {
	uint64_t base;	    /**< address of the first page */
	uint64_t bytes;	    /**< from base on; 0: empty */
	uint32_t **section; /**< NULL: no block in it */
	size_t sections;
};

struct ul_heap_index {
	unsigned int page_shift;
	struct ul_heap_table direct;
	struct ul_heap_table vmalloc;
	UL_VEC(uint32_t) others; /**< numbers of the blocks in neither table, by kaddr */
};

/** Block number + 1 of the page that holds @p kaddr; 0: none, or beyond the table. */
static inline uint32_t ul_heap_table_get(const struct ul_heap_table *table, unsigned int page_shift,
					 uint64_t kaddr)
{
	const uint64_t offset = kaddr - table->base;
	if (offset >= table->bytes)
		return 0;
	const uint64_t page = offset >> page_shift;
	const uint32_t *section = table->section[page >> UL_HEAP_SECTION_SHIFT];
	return section ? section[page & (UL_HEAP_SECTION_PAGES - 1)] : 0;
}

/** Slot of @p offset (bytes from block->kaddr, within the block). */
static inline uint32_t ul_heap_block_slot(const struct ul_block *block, uint64_t offset)
{
	if (block->slots == 1)
		return 0;
	if (block->reciprocal)
		return (uint32_t)(offset * block->reciprocal >> 32);
	return (uint32_t)(offset / block->slot_bytes);
}

/** Number + 1 of the block that holds @p kaddr, by bisection among those in neither table. */
uint32_t ul_heap_index_others(const struct ul_heap *heap, uint64_t kaddr);

/** Payload of the objects of @p block: what may be scanned. */
static inline uint64_t ul_heap_block_payload(const struct ul_heap *heap,
					     const struct ul_block *block)
{
	const uint64_t slot_bytes = block->slots == 1 ? block->bytes : block->slot_bytes;
	if (block->kind == UL_BLOCK_SLAB && block->cache < heap->caches.len &&
	    heap->caches.data[block->cache].object_bytes &&
	    heap->caches.data[block->cache].object_bytes < slot_bytes)
		return heap->caches.data[block->cache].object_bytes;
	return slot_bytes;
}

#endif
