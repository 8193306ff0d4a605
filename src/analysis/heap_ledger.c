// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Page frames are counted by class; each frame has exactly one, so nothing is counted twice.
 * Classes that consist of known parts are split: slabs by cache, areas by caller. What of a class
 * its parts do not cover becomes a part of its own, and what they claim beyond it (pages of an area
 * that the page array gives to somebody else) is cut off: the sum is that of the frames.
 *
 * Against the ledger of a running machine: pages that alloc_pages() gave to nobody the kernel knows
 * are an account here, not the rest of a subtraction; `unaccounted` are pages whose struct page
 * makes no sense.
 */
#include "analysis/heap_ledger.h"

#include <stdlib.h>
#include <string.h>

#include "base/span.h"

enum { CALLER_TEXT = 128 };

struct book {
	const struct ul_heap *heap;
	const struct ul_symtab *symtab;
	struct ul_ledger *ledger;
	uint64_t bytes[UL_FRAME_CLASSES];
};

/** Accounts of whole classes. */
static const struct {
	enum ul_frame_class class;
	enum ul_kind kind;
	const char *name;
	bool reclaimable;
} plain[] = {
	{UL_FRAME_FREE, UL_KIND_FREE, "free", false},
	{UL_FRAME_ANON, UL_KIND_ANON, "anon", false},
	{UL_FRAME_FILE, UL_KIND_FILE, "page cache", true},
	{UL_FRAME_SHMEM, UL_KIND_SHMEM, "shmem", false},
	{UL_FRAME_HUGETLB, UL_KIND_HUGETLB, "hugetlb", false},
	{UL_FRAME_TABLE, UL_KIND_PAGE_TABLES, "page tables", false},
	{UL_FRAME_STACK, UL_KIND_KERNEL_STACK, "kernel stacks", false},
	{UL_FRAME_PERCPU, UL_KIND_PERCPU, "percpu", false},
	{UL_FRAME_KMALLOC_LARGE, UL_KIND_SLAB, "kmalloc-large", false},
	{UL_FRAME_KERNEL, UL_KIND_KERNEL_OTHER, "alloc_pages", false},
	{UL_FRAME_OFFLINE, UL_KIND_KERNEL_OTHER, "offline", false},
};

/** Taken before there was a page allocator: not in mem_total. */
static const enum ul_frame_class reserved[] = {UL_FRAME_IMAGE, UL_FRAME_VMEMMAP, UL_FRAME_RESERVED};

static void count_frames(struct book *book)
{
	const struct ul_address_space *space = &book->heap->space;
	for (uint64_t pfn = 0; pfn < space->max_pfn; pfn++) {
		const uint8_t class = book->heap->page_class[pfn];
		if (class < UL_FRAME_CLASSES)
			book->bytes[class] += space->page_bytes;
	}
}

static struct ul_error *add(struct book *book, enum ul_kind kind, const char *name, uint64_t bytes,
			    int64_t objects, bool reclaimable)
{
	return ul_ledger_add(book->ledger, kind, name, (int64_t)bytes, objects, reclaimable);
}

static struct ul_error *add_plain(struct book *book)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(plain); i++)
		if (book->bytes[plain[i].class])
			UL_TRY(add(book, plain[i].kind, plain[i].name, book->bytes[plain[i].class],
				   -1, plain[i].reclaimable));
	return NULL;
}

/** "a, b" -> the aliases of @p cache. */
static bool add_aliases(struct ul_cache *cache, const char *aliases)
{
	struct ul_span rest = ul_span_of(aliases ? aliases : "");
	struct ul_span alias;
	while (ul_span_item(&rest, &alias)) {
		char name[CALLER_TEXT];
		ul_span_copy(alias, name, sizeof(name));
		if (!ul_cache_add_alias(cache, name))
			return false;
	}
	return true;
}

static struct ul_error *add_cache(struct ul_ledger *ledger, const struct ul_heap_cache *from)
{
	struct ul_cache *cache = ul_vec_add(&ledger->caches);
	if (!cache)
		return &ul_enomem;
	cache->name = strdup(from->name);
	cache->bytes = from->bytes;
	cache->objects = from->allocated;
	cache->objects_total = from->objects;
	cache->object_size = from->slot_bytes;
	cache->objects_per_slab =
		from->slabs ? (uint32_t)((from->objects + from->slabs - 1) / from->slabs) : 0;
	cache->reclaimable = from->reclaimable;
	return cache->name && add_aliases(cache, from->aliases) ? NULL : &ul_enomem;
}

static int larger_cache(const void *a, const void *b)
{
	const struct ul_cache *left = a;
	const struct ul_cache *right = b;
	if (left->bytes != right->bytes)
		return left->bytes > right->bytes ? -1 : 1;
	return strcmp(left->name, right->name);
}

static struct ul_error *add_slabs(struct book *book)
{
	const uint64_t page_bytes = book->heap->space.page_bytes;
	uint64_t left = book->bytes[UL_FRAME_SLAB];
	ul_vec_foreach (cache, &book->heap->caches) {
		const uint64_t bytes = cache->bytes < left ? cache->bytes : left;
		UL_TRY(add_cache(book->ledger, cache));
		left -= bytes;
		if (bytes)
			UL_TRY(add(book, UL_KIND_SLAB, cache->name, bytes,
				   (int64_t)cache->allocated, cache->reclaimable));
	}
	if (left >= page_bytes)
		UL_TRY(add(book, UL_KIND_SLAB, "KFENCE pool", left, -1, false));
	if (book->ledger->caches.len)
		qsort(book->ledger->caches.data, book->ledger->caches.len,
		      sizeof(*book->ledger->caches.data), larger_cache);
	return NULL;
}

static void name_caller(const struct book *book, uint64_t caller, char text[static CALLER_TEXT])
{
	struct ul_symbol symbol;
	if (book->symtab && caller && ul_symtab_lookup(book->symtab, caller, &symbol))
		snprintf(text, CALLER_TEXT, "%s%s%s%s", symbol.name, symbol.module ? " [" : "",
			 symbol.module ? symbol.module : "", symbol.module ? "]" : "");
	else
		snprintf(text, CALLER_TEXT, "0x%llx", (unsigned long long)caller);
}

static struct ul_error *add_areas(struct book *book)
{
	const uint64_t page_bytes = book->heap->space.page_bytes;
	uint64_t left = book->bytes[UL_FRAME_VMALLOC];
	ul_vec_foreach (block, &book->heap->blocks) {
		// Areas of stacks are stacks.
		if (block->kind != UL_BLOCK_VMALLOC || block->flags & UL_BLOCK_NO_SCAN ||
		    block->cache >= book->heap->areas.len)
			continue;
		const struct ul_heap_area *area = &book->heap->areas.data[block->cache];
		const uint64_t bytes =
			area->pages < left / page_bytes ? area->pages * page_bytes : left;
		char name[CALLER_TEXT];
		name_caller(book, area->caller, name);
		left -= bytes;
		if (bytes)
			UL_TRY(add(book, UL_KIND_VMALLOC, name, bytes, 1, false));
	}
	return left ? add(book, UL_KIND_VMALLOC, "vmalloc (other)", left, -1, false) : NULL;
}

static uint64_t total(const struct book *book)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < UL_FRAME_CLASSES; i++)
		bytes += i == UL_FRAME_ABSENT ? 0 : book->bytes[i];
	return bytes;
}

struct ul_error *ul_heap_ledger(const struct ul_heap *heap, const struct ul_symtab *symtab,
				struct ul_ledger *ret)
{
	struct book book = {.heap = heap, .symtab = symtab, .ledger = ret};
	count_frames(&book);
	ret->ram_bytes = ret->mem_total = total(&book);
	for (size_t i = 0; i < UL_ARRAY_LEN(reserved); i++)
		ret->mem_total -= book.bytes[reserved[i]];
	UL_TRY(add_plain(&book));
	UL_TRY(add_slabs(&book));
	UL_TRY(add_areas(&book));
	ul_ledger_close(ret, 0, 0);
	return NULL;
}
