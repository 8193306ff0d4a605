/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the address to the object's bit in one step: what the first pass wants to know of a page of
 * memory, in 8 bytes. The heap's own tables lead from page to block to bit; the block is 40 bytes
 * somewhere else, and a cache miss. But of a block only the number of its first object is its own:
 * the rest (how large, how many) is the same for all slabs of a cache. So a cell holds that number
 * and the number of a sort, of which there are few enough to stay in the processor's cache.
 */
#ifndef UL_ANALYSIS_REACH_CELLS_H
#define UL_ANALYSIS_REACH_CELLS_H

#include "analysis/reach_internal.h"

/** What blocks have in common. */
struct ul_reach_sort {
	uint32_t limit;	     /**< bytes from the block's start that are slots; 0: no quick answer */
	uint32_t reciprocal; /**< as in struct ul_block; 0: one slot */
	uint32_t slot_bytes;
	uint32_t scan_bytes; /**< of an object; 0: none */
	uint32_t slots;
};

/** A cell: first object << 32 | sort << 16 | page within the block; 0: no block on the page. */
typedef uint64_t ul_reach_cell;

enum {
	UL_REACH_SORT_NONE = 0, /**< no block */
	UL_REACH_SORT_SLOW = 1, /**< ask ul_reach_resolve() */
	UL_REACH_SORTS = 1 << 12,
};

struct ul_reach_cells {
	uint64_t base;	/**< address of the direct map */
	uint64_t bytes; /**< from there on */
	unsigned int page_shift;
	ul_reach_cell **section; /**< as in struct ul_heap_table; never NULL: one that is empty */
	size_t sections;
	ul_reach_cell *empty;
	UL_VEC(struct ul_reach_sort) sorts;
};

UL_MUST_USE struct ul_error *ul_reach_cells_init(const struct ul_heap *heap,
						 struct ul_reach_cells *ret);
void ul_reach_cells_deinit(struct ul_reach_cells *cells);

/** Where the cell of a page stands; @p offset from base, less than bytes. */
static inline const ul_reach_cell *ul_reach_cell_of(const struct ul_reach_cells *cells,
						    uint64_t offset)
{
	const uint64_t page = offset >> cells->page_shift;
	return &cells->section[page >> UL_HEAP_SECTION_SHIFT][page & (UL_HEAP_SECTION_PAGES - 1)];
}
static inline uint32_t ul_reach_cell_first(ul_reach_cell cell)
{
	return (uint32_t)(cell >> 32);
}
static inline uint32_t ul_reach_cell_sort(ul_reach_cell cell)
{
	return cell >> 16 & UINT16_MAX;
}
static inline uint32_t ul_reach_cell_page(ul_reach_cell cell)
{
	return cell & UINT16_MAX;
}

#endif
