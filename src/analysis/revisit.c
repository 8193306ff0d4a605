// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/revisit.h"

#include <fnmatch.h>
#include <string.h>

#include "base/span.h"

/* ---- which sites ---- */

static bool stack_has(const struct ul_site *site, const char *glob)
{
	return ul_stack_has(&site->stack, glob);
}

static bool is_named(const struct ul_site *site, const char *glob)
{
	return site->function && !fnmatch(glob, site->function, 0);
}

static size_t named_sites(const struct ul_trace *trace, const char *glob,
			  bool (*matches)(const struct ul_site *, const char *),
			  const struct ul_site **ret)
{
	size_t len = 0;
	ul_vec_foreach (site, &trace->sites)
		if (ul_site_is_listed(site) && (!glob || matches(site, glob)))
			ret[len++] = site;
	return len;
}

static size_t numbered_site(const struct ul_trace *trace, uint64_t number,
			    const struct ul_site **ret)
{
	uint64_t at = 0;
	ul_vec_foreach (site, &trace->sites) {
		if (!ul_site_is_listed(site) || ++at != number)
			continue;
		ret[0] = site;
		return 1;
	}
	return 0;
}

size_t ul_revisit_sites(const struct ul_trace *trace, const char *wanted,
			const struct ul_site **ret)
{
	uint64_t number;
	if (wanted && ul_span_u64(ul_span_of(wanted), &number))
		return numbered_site(trace, number, ret);
	const size_t len = named_sites(trace, wanted, is_named, ret);
	return len ? len : named_sites(trace, wanted, stack_has, ret);
}

/* ---- what became of one ---- */

/** Nothing that is known as an object lies there. */
static enum ul_revisited no_object(const struct ul_heap *heap, enum ul_allocator allocator,
				   uint64_t kaddr)
{
	uint64_t pfn;
	if (allocator == UL_ALLOCATOR_VMALLOC || allocator == UL_ALLOCATOR_PERCPU)
		return UL_REVISITED_FREED; // areas are objects as long as they are there
	if (!ul_space_direct_pfn(&heap->space, kaddr, &pfn))
		return UL_REVISITED_NO_OBJECT;
	const enum ul_frame_class class = (enum ul_frame_class)heap->page_class[pfn];
	if (class == UL_FRAME_FREE)
		return UL_REVISITED_FREED;
	if (class == UL_FRAME_UNKNOWN || class == UL_FRAME_SLAB)
		return UL_REVISITED_UNKNOWN; // a slab that could not be read
	return ul_frame_is_user(class) ? UL_REVISITED_REUSED : UL_REVISITED_NO_OBJECT;
}

/** @p name is one of "a, b, c". */
static bool is_listed(const char *list, const char *name)
{
	struct ul_span rest = ul_span_of(list ? list : "");
	struct ul_span item;
	while (ul_span_item(&rest, &item))
		if (ul_span_equal(item, name))
			return true;
	return false;
}

/** A cache that was only guessed from the size, or is not known, is any that holds so much. */
static bool is_same_cache(const struct ul_heap_cache *cache, const struct ul_site *site,
			  const struct ul_allocation *allocation)
{
	if (!site->cache || site->cache_guessed)
		return cache->slot_bytes >= allocation->bytes;
	return !strcmp(cache->name, site->cache) || is_listed(cache->aliases, site->cache);
}

/** Large kmalloc are pages that nothing marks before v6.16 (ul_frame_class). */
static bool is_same_kind(const struct ul_heap *heap, const struct ul_block *block,
			 const struct ul_site *site, const struct ul_allocation *allocation)
{
	switch (site->allocator) {
	case UL_ALLOCATOR_PAGES:
		return block->kind == UL_BLOCK_PAGES;
	case UL_ALLOCATOR_PERCPU:
		return block->kind == UL_BLOCK_PERCPU;
	case UL_ALLOCATOR_VMALLOC:
		return block->kind == UL_BLOCK_VMALLOC;
	case UL_ALLOCATOR_SLAB:
		break;
	}
	if (block->kind == UL_BLOCK_SLAB)
		return is_same_cache(&heap->caches.data[block->cache], site, allocation);
	const bool large = !site->cache || !strcmp(site->cache, "kmalloc-large");
	return large && (block->kind == UL_BLOCK_KMALLOC_LARGE || block->kind == UL_BLOCK_PAGES);
}

enum ul_revisited ul_revisit(const struct ul_heap *heap, const struct ul_site *site,
			     const struct ul_allocation *allocation, uint64_t *ret_object)
{
	struct ul_heap_hit hit;
	uint64_t pfn;
	uint64_t kaddr = allocation->key;
	if (site->allocator == UL_ALLOCATOR_PAGES) {
		if (!ul_space_page_pfn(&heap->space, allocation->key, &pfn))
			return UL_REVISITED_NO_OBJECT;
		kaddr = ul_space_pfn_kaddr(&heap->space, pfn);
	}
	if (!ul_heap_find(heap, kaddr, &hit))
		return no_object(heap, site->allocator, kaddr);
	if (hit.block->flags & UL_BLOCK_UNKNOWN)
		return UL_REVISITED_UNKNOWN;
	if (!hit.allocated)
		return UL_REVISITED_FREED;
	if (hit.offset || !is_same_kind(heap, hit.block, site, allocation))
		return UL_REVISITED_REUSED;
	*ret_object = hit.object;
	return UL_REVISITED_THERE;
}
