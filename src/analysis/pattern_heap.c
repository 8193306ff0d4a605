// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pointers into a heap, told as "cache + offset". A pointer to a struct page is told as the page
 * block of that page, for that is whom it keeps; of a slab's page, as "struct page". Objects that
 * are free are told like others: a dangling pointer says as much about who it belongs to.
 */
#include "analysis/pattern_heap.h"

static enum ul_word_kind kind_of(const struct ul_block *block)
{
	switch ((enum ul_block_kind)block->kind) {
	case UL_BLOCK_SLAB:
		return UL_WORD_CACHE;
	case UL_BLOCK_VMALLOC:
		return UL_WORD_VMALLOC;
	case UL_BLOCK_PAGES:
	case UL_BLOCK_KMALLOC_LARGE:
		return UL_WORD_PAGE;
	case UL_BLOCK_PERCPU:
		break;
	}
	return UL_WORD_KERNEL;
}

static bool resolve(const void *context, uint64_t value, struct ul_pattern_target *ret)
{
	const struct ul_heap *heap = context;
	struct ul_heap_hit hit;
	uint64_t pfn;
	if (ul_heap_find(heap, value, &hit)) {
		*ret = (struct ul_pattern_target){
			.kind = kind_of(hit.block),
			.name = ul_heap_block_name(heap, hit.block),
			.offset = hit.offset < UINT32_MAX ? (uint32_t)hit.offset : UINT32_MAX,
		};
		return true;
	}
	if (!ul_space_page_pfn(&heap->space, value, &pfn))
		return false;
	*ret = (struct ul_pattern_target){.kind = UL_WORD_PAGE, .name = "struct page"};
	if (ul_heap_find_page(heap, value, &hit) && hit.block->kind != UL_BLOCK_SLAB)
		ret->name = ul_heap_block_name(heap, hit.block);
	ret->offset = (uint32_t)(value - ul_space_pfn_page(&heap->space, pfn));
	return true;
}

struct ul_pattern_resolver ul_pattern_heap_resolver(const struct ul_heap *heap)
{
	return (struct ul_pattern_resolver){.resolve = resolve, .context = heap};
}
