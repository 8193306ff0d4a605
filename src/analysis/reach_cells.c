// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cells are made of blocks once for each first pass: 8 bytes a page of those sections of the direct
 * map that have a block at all. Whatever is not as plain as a slab that begins with its page, or
 * whole pages of one object, is left to the slow way; so is what finds no room among the sorts, as
 * in damaged images in which every slab has another size.
 */
#include "analysis/reach_cells.h"

enum {
	SORTS_EACH = 8,	     /**< of one cache: orders of its slabs, scanned or not */
	LIMIT_MAX = 1 << 16, /**< bytes of a block with a reciprocal, see model/heap.c */
};

/** The sorts of one cache: a short list. */
struct sorts_of {
	uint16_t sort[SORTS_EACH];
	uint32_t len;
};

struct making {
	const struct ul_heap *heap;
	struct ul_reach_cells *cells;
	struct sorts_of *caches; /**< by index; the last one for what has no cache */
};

static bool is_page_aligned(const struct ul_heap *heap, uint64_t value)
{
	return !(value & (heap->space.page_bytes - 1));
}

/** limit 0: not as plain as a sort must be. */
static struct ul_reach_sort sort_of(const struct ul_heap *heap, const struct ul_block *block)
{
	struct ul_reach_sort sort = {.slots = block->slots};
	if (!is_page_aligned(heap, block->kaddr))
		return sort;
	if (block->slots == 1) {
		sort.limit = is_page_aligned(heap, block->bytes) ? LIMIT_MAX : 0;
		return sort;
	}
	const uint64_t slots_bytes = (uint64_t)block->slots * block->slot_bytes;
	if (!block->reciprocal || block->slot_bytes % 8 || block->bytes > LIMIT_MAX)
		return sort;
	sort.limit = (uint32_t)(slots_bytes < block->bytes ? slots_bytes : block->bytes);
	sort.reciprocal = block->reciprocal;
	sort.slot_bytes = block->slot_bytes;
	if (ul_reach_is_scanned(block))
		sort.scan_bytes = (uint32_t)ul_heap_block_payload(heap, block);
	return sort;
}

static bool is_same(const struct ul_reach_sort *a, const struct ul_reach_sort *b)
{
	return a->limit == b->limit && a->reciprocal == b->reciprocal &&
	       a->slot_bytes == b->slot_bytes && a->scan_bytes == b->scan_bytes &&
	       a->slots == b->slots;
}

/** The number of the block's sort, a new one where there is room. */
static struct ul_error *find_sort(struct making *making, const struct ul_block *block,
				  uint16_t *ret)
{
	const size_t caches = making->heap->caches.len;
	const size_t cache =
		block->kind == UL_BLOCK_SLAB && block->cache < caches ? block->cache : caches;
	const struct ul_reach_sort sort = sort_of(making->heap, block);
	struct sorts_of *known = &making->caches[cache];
	*ret = UL_REACH_SORT_SLOW;
	if (!sort.limit)
		return NULL;
	for (uint32_t i = 0; i < known->len; i++)
		if (is_same(&sort, &making->cells->sorts.data[known->sort[i]])) {
			*ret = known->sort[i];
			return NULL;
		}
	if (known->len == SORTS_EACH || making->cells->sorts.len == UL_REACH_SORTS)
		return NULL;
	*ret = known->sort[known->len++] = (uint16_t)making->cells->sorts.len;
	return ul_vec_push(&making->cells->sorts, sort) ? NULL : &ul_enomem;
}

static struct ul_error *enter(struct ul_reach_cells *cells, const struct ul_block *block,
			      uint16_t sort)
{
	const uint64_t first = (block->kaddr - cells->base) >> cells->page_shift;
	const uint64_t last = (block->kaddr + block->bytes - 1 - cells->base) >> cells->page_shift;
	for (uint64_t page = first; page <= last; page++) {
		ul_reach_cell **section = &cells->section[page >> UL_HEAP_SECTION_SHIFT];
		if (*section == cells->empty) {
			ul_reach_cell *made = calloc(UL_HEAP_SECTION_PAGES, sizeof(*made));
			if (!made)
				return &ul_enomem;
			*section = made;
		}
		const uint64_t within = block->slots == 1 ? 0 : page - first;
		(*section)[page & (UL_HEAP_SECTION_PAGES - 1)] =
			(uint64_t)block->first << 32 | (uint64_t)sort << 16 | (within & UINT16_MAX);
	}
	return NULL;
}

static struct ul_error *enter_all(struct making *making)
{
	const struct ul_reach_cells *cells = making->cells;
	ul_vec_foreach (block, &making->heap->blocks) {
		uint16_t sort;
		if (block->kind == UL_BLOCK_PERCPU || block->kaddr - cells->base >= cells->bytes ||
		    block->kaddr + block->bytes - 1 - cells->base >= cells->bytes)
			continue;
		UL_TRY(find_sort(making, block, &sort));
		UL_TRY(enter(making->cells, block, sort));
	}
	return NULL;
}

static struct ul_error *make(struct making *making)
{
	struct ul_reach_cells *cells = making->cells;
	const struct ul_heap_index *index = making->heap->index;
	const struct ul_reach_sort slow = {0};
	cells->base = index->direct.base;
	cells->bytes = index->direct.bytes;
	cells->page_shift = index->page_shift;
	cells->sections = index->direct.sections;
	cells->section = calloc(cells->sections + 1, sizeof(*cells->section));
	cells->empty = calloc(UL_HEAP_SECTION_PAGES, sizeof(*cells->empty));
	if (!cells->section || !cells->empty)
		return &ul_enomem;
	for (size_t i = 0; i < cells->sections; i++)
		cells->section[i] = cells->empty;
	for (size_t i = 0; i <= UL_REACH_SORT_SLOW; i++)
		if (!ul_vec_push(&cells->sorts, slow))
			return &ul_enomem;
	return enter_all(making);
}

struct ul_error *ul_reach_cells_init(const struct ul_heap *heap, struct ul_reach_cells *ret)
{
	struct making making = {.heap = heap, .cells = ret};
	*ret = (struct ul_reach_cells){0};
	making.caches = calloc(heap->caches.len + 1, sizeof(*making.caches));
	struct ul_error *error = making.caches ? make(&making) : &ul_enomem;
	free(making.caches);
	return error;
}

void ul_reach_cells_deinit(struct ul_reach_cells *cells)
{
	for (size_t i = 0; cells->section && i < cells->sections; i++)
		if (cells->section[i] != cells->empty)
			free(cells->section[i]);
	free(cells->section);
	free(cells->empty);
	ul_vec_deinit(&cells->sorts);
	*cells = (struct ul_reach_cells){0};
}
