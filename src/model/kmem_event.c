// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events and fields of Linux include/trace/events/kmem.h and percpu.h, 2.6.32 to 7.x. They are told
 * by their names, never by the kernel's version; what is in brackets is not on every kernel:
 *
 *	kmalloc, kmalloc_node, kmem_cache_alloc, kmem_cache_alloc_node
 *		call_site= (a number or a symbol) ptr= [name=] bytes_req= bytes_alloc= gfp_flags=
 *	kfree, kmem_cache_free
 *		call_site= ptr= [name=]
 *	mm_page_alloc	page= [pfn= (decimal or 0x)] order= migratetype= gfp_flags=
 *	mm_page_free, mm_page_free_batched; until v3.3 mm_page_free_direct, mm_pagevec_free
 *		page= [pfn=] order= (or cold=: order 0)
 *	percpu_alloc_percpu, percpu_free_percpu
 *		[size=] [bytes_alloc=] ptr=
 *
 * Since v4.15 (commit ad67b74d2469, "printk: hash addresses printed with %p") the kernel's own text
 * has hashes of 32 bits in place of addresses; trace-cmd and perf print what is in the records:
 * addresses.
 *
 * Movable and reclaimable pages (migratetype other than 0) belong to users and shrinkers. They are
 * not followed, as in live tracing, but they prove that what was there is free.
 */
#include "model/kmem_event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"

#define NAME(text) text, sizeof(text) - 1

static const struct ul_kmem_event events[] = {
	{NAME("kmalloc"), UL_EVENT_ALLOC, UL_ALLOCATOR_SLAB, true, false},
	{NAME("kfree"), UL_EVENT_FREE, UL_ALLOCATOR_SLAB, false, false},
	{NAME("kmem_cache_alloc"), UL_EVENT_ALLOC, UL_ALLOCATOR_SLAB, false, false},
	{NAME("kmem_cache_free"), UL_EVENT_FREE, UL_ALLOCATOR_SLAB, false, false},
	{NAME("mm_page_alloc"), UL_EVENT_ALLOC, UL_ALLOCATOR_PAGES, false, false},
	{NAME("mm_page_free"), UL_EVENT_FREE, UL_ALLOCATOR_PAGES, false, false},
	{NAME("mm_page_free_batched"), UL_EVENT_FREE, UL_ALLOCATOR_PAGES, false, true},
	{NAME("kmalloc_node"), UL_EVENT_ALLOC, UL_ALLOCATOR_SLAB, true, false},
	{NAME("kmem_cache_alloc_node"), UL_EVENT_ALLOC, UL_ALLOCATOR_SLAB, false, false},
	{NAME("mm_page_free_direct"), UL_EVENT_FREE, UL_ALLOCATOR_PAGES, false, false},
	{NAME("mm_pagevec_free"), UL_EVENT_FREE, UL_ALLOCATOR_PAGES, false, true},
	{NAME("percpu_alloc_percpu"), UL_EVENT_ALLOC, UL_ALLOCATOR_PERCPU, false, false},
	{NAME("percpu_free_percpu"), UL_EVENT_FREE, UL_ALLOCATOR_PERCPU, false, false},
};

const struct ul_kmem_event *ul_kmem_event_find(struct ul_span name)
{
	struct ul_span system;
	struct ul_span bare = name;
	if (!ul_span_cut(&bare, ':', &system))
		bare = name;
	else if (!ul_span_equal(system, "kmem") && !ul_span_equal(system, "percpu"))
		return NULL;
	for (size_t i = 0; i < UL_ARRAY_LEN(events); i++)
		if (bare.len == events[i].len && !memcmp(bare.data, events[i].name, bare.len))
			return &events[i];
	return NULL;
}

struct ul_error *ul_kmalloc_cache(struct ul_kmalloc_names *names, struct ul_dictionary *dictionary,
				  uint64_t bytes, unsigned int family, uint32_t *ret)
{
	// Beyond two pages SLUB has no caches (Linux include/linux/slab.h KMALLOC_MAX_CACHE_SIZE).
	enum { CACHE_MAX = 8192 };
	struct ul_kmalloc_name *slot = &names->slots[ul_hash_u64(bytes, family) % UL_KMALLOC_NAMES];
	if (slot->name && slot->bytes == bytes && slot->family == family) {
		*ret = slot->name;
		return NULL;
	}
	const char *prefix = family & UL_KMALLOC_DMA	       ? "dma-"
			     : family & UL_KMALLOC_RECLAIMABLE ? "rcl-"
			     : family & UL_KMALLOC_ACCOUNT     ? "cg-"
							       : "";
	char name[64];
	if (bytes > CACHE_MAX)
		snprintf(name, sizeof(name), "kmalloc-large");
	else if (bytes >= 1024 && bytes % 1024 == 0)
		snprintf(name, sizeof(name), "kmalloc-%s%" PRIu64 "k", prefix, bytes / 1024);
	else
		snprintf(name, sizeof(name), "kmalloc-%s%" PRIu64, prefix, bytes);
	UL_TRY(ul_dictionary_name(dictionary, ul_span_of(name), ret));
	*slot = (struct ul_kmalloc_name){bytes, family, *ret};
	return NULL;
}

static enum ul_kmem_outcome fill_pages(const struct ul_kmem_event *what,
				       const struct ul_kmem_fields *fields, uint32_t page_bytes,
				       struct ul_event *ret)
{
	// A record without a frame number has the address of struct page: 64 bytes for each frame,
	// in an array that begins where the largest block would. The high bits, always ones, go.
	enum { STRUCT_PAGE_SHIFT = 6 };
	if (!fields->has_pfn && !fields->has_page)
		return UL_KMEM_UNREADABLE;
	if (fields->order > UL_PAGE_ORDER_MAX)
		return UL_KMEM_UNREADABLE;
	ret->key = fields->has_pfn ? fields->pfn : fields->page << 12 >> 12 >> STRUCT_PAGE_SHIFT;
	// Frame 0 (or all ones) is how a failed allocation is shown.
	if (!ret->key || ret->key >= UINT64_MAX >> 8)
		return UL_KMEM_NULL;
	ret->order = (uint8_t)fields->order;
	ret->bytes = (uint64_t)page_bytes << fields->order;
	ret->hashed = false;
	if (what->kind == UL_EVENT_ALLOC && fields->migratetype)
		ret->kind = UL_EVENT_REUSE;
	return UL_KMEM_TAKEN;
}

enum ul_kmem_outcome ul_kmem_event_fill(const struct ul_kmem_event *what,
					const struct ul_kmem_fields *fields, uint32_t page_bytes,
					struct ul_event *ret)
{
	ret->kind = what->kind;
	ret->allocator = what->allocator;
	ret->repeats = what->repeats;
	if (what->allocator == UL_ALLOCATOR_PAGES)
		return fill_pages(what, fields, page_bytes, ret);
	if (!fields->has_pointer || fields->unprinted)
		return UL_KMEM_UNREADABLE;
	// ZERO_SIZE_PTR, 16, is no object either.
	if (fields->pointer <= 16)
		return UL_KMEM_NULL;
	ret->key = fields->pointer;
	ret->hashed = fields->hashed;
	ret->bytes = fields->bytes_alloc ? fields->bytes_alloc : fields->bytes_req;
	if (what->kind == UL_EVENT_ALLOC && !ret->bytes)
		return UL_KMEM_UNREADABLE;
	return UL_KMEM_TAKEN;
}
