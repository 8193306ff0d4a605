// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Physical memory that must be made page by page (decompressed), behind the same read() and map()
 * as memory that lies ready in a file.
 *
 * One stretch of addresses is reserved for all of it, page N at N pages from its start, and nothing
 * of it is touched before it is asked for: a page is made once, in its place, by whoever asks
 * first, and stays as long as the store. Kernel memory is a tenth of most machines, so that most
 * pages are never made. Pointers into the stretch are good for ever, and neighbours in memory are
 * neighbours here. Pages of zeroes are left untouched and cost nothing.
 *
 * So that memory stays bounded there is a budget of pages. Beyond it map() says no, and read()
 * makes the page in one of a few buffers, again each time it has been pushed out.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/image/image_internal.h"
#include "source/image/page_store.h"

enum {
	SLOTS = 64,		   /**< buffers beyond the budget */
	DECOMPRESSORS = 64,	   /**< kept; more threads than that make their own each time */
	RUN_LIMIT_BYTES = 1 << 20, /**< how far map() looks for neighbours that are ready */
};

enum page_state { PAGE_EMPTY, PAGE_BUSY, PAGE_READY, PAGE_BAD };

struct slot {
	pthread_mutex_t mutex;
	uint64_t pfn;
	bool filled;
	uint8_t *bytes; /**< one page */
};

struct kept {
	struct ul_decompressor decompressor;
	bool busy;
};

struct store {
	struct ul_memory memory;
	const struct ul_page_source_ops *source_ops;
	void *source;
	uint64_t page_bytes;
	uint64_t pages; /**< one beyond the last page frame */
	uint64_t budget_pages;
	uint64_t used_pages;
	uint8_t *arena;
	uint8_t *states; /**< enum page_state by pfn */
	uint8_t *slot_bytes;
	struct slot slots[SLOTS];
	struct kept kept[DECOMPRESSORS];
};

/* Have the source make a page, with a decompressor nobody else uses meanwhile. */
static bool make_page(struct store *store, uint64_t pfn, uint8_t *to, bool fresh)
{
	for (size_t i = 0; i < DECOMPRESSORS; i++) {
		struct kept *kept = &store->kept[i];
		if (__atomic_load_n(&kept->busy, __ATOMIC_RELAXED) ||
		    __atomic_exchange_n(&kept->busy, true, __ATOMIC_ACQUIRE))
			continue;
		const bool good =
			store->source_ops->fill(store->source, &kept->decompressor, pfn, to, fresh);
		__atomic_store_n(&kept->busy, false, __ATOMIC_RELEASE);
		return good;
	}
	struct ul_decompressor own UL_CLEANUP(ul_decompressor_deinit) = {0};
	return store->source_ops->fill(store->source, &own, pfn, to, fresh);
}

/* The page in its place in the arena; NULL when it cannot be had there. */
static const uint8_t *ensure(struct store *store, uint64_t pfn)
{
	uint8_t *state = &store->states[pfn];
	uint8_t *page = store->arena + pfn * store->page_bytes;
	for (;;) {
		uint8_t now = __atomic_load_n(state, __ATOMIC_ACQUIRE);
		if (now == PAGE_READY)
			return page;
		if (now == PAGE_BAD)
			return NULL;
		if (now == PAGE_BUSY) {
			sched_yield();
			continue;
		}
		if (__atomic_load_n(&store->used_pages, __ATOMIC_RELAXED) >= store->budget_pages)
			return NULL;
		if (!__atomic_compare_exchange_n(state, &now, PAGE_BUSY, false, __ATOMIC_ACQUIRE,
						 __ATOMIC_RELAXED))
			continue;
		const bool good = make_page(store, pfn, page, true);
		if (good)
			__atomic_fetch_add(&store->used_pages, 1, __ATOMIC_RELAXED);
		__atomic_store_n(state, good ? PAGE_READY : PAGE_BAD, __ATOMIC_RELEASE);
		return good ? page : NULL;
	}
}

static const void *store_map(struct ul_memory *memory, uint64_t phys, size_t *ret_len)
{
	struct store *store = (struct store *)memory;
	const uint64_t pfn = phys / store->page_bytes;
	const uint64_t into = phys % store->page_bytes;
	if (!store->arena || pfn >= store->pages)
		return NULL;
	const uint8_t *page = ensure(store, pfn);
	if (!page)
		return NULL;
	size_t len = store->page_bytes - into;
	for (uint64_t next = pfn + 1;
	     next < store->pages && len < RUN_LIMIT_BYTES &&
	     __atomic_load_n(&store->states[next], __ATOMIC_ACQUIRE) == PAGE_READY;
	     next++)
		len += store->page_bytes;
	*ret_len = len;
	return page + into;
}

/* Copy out of a page that is not in the arena. */
static bool copy_by_slot(struct store *store, uint64_t pfn, uint64_t into, void *buffer, size_t len)
{
	struct slot *slot = &store->slots[pfn % SLOTS];
	pthread_mutex_lock(&slot->mutex);
	if (!slot->filled || slot->pfn != pfn) {
		slot->pfn = pfn;
		slot->filled = make_page(store, pfn, slot->bytes, false);
	}
	const bool good = slot->filled;
	if (good)
		memcpy(buffer, slot->bytes + into, len);
	pthread_mutex_unlock(&slot->mutex);
	return good;
}

static bool copy_page(struct store *store, uint64_t pfn, uint64_t into, void *buffer, size_t len)
{
	const uint8_t *page = store->arena ? ensure(store, pfn) : NULL;
	if (!page)
		return copy_by_slot(store, pfn, into, buffer, len);
	memcpy(buffer, page + into, len);
	return true;
}

static struct ul_error *store_read(struct ul_memory *memory, uint64_t phys, void *buffer,
				   size_t len, size_t *ret_read)
{
	struct store *store = (struct store *)memory;
	size_t total = 0;
	while (total < len) {
		const uint64_t pfn = (phys + total) / store->page_bytes;
		const uint64_t into = (phys + total) % store->page_bytes;
		const uint64_t left = store->page_bytes - into;
		const size_t piece = left < len - total ? (size_t)left : len - total;
		if (pfn >= store->pages ||
		    !copy_page(store, pfn, into, (uint8_t *)buffer + total, piece))
			break;
		total += piece;
	}
	*ret_read = total;
	return NULL;
}

static void store_destroy(struct ul_memory *memory)
{
	struct store *store = (struct store *)memory;
	if (store->arena)
		munmap(store->arena, store->pages * store->page_bytes);
	if (store->states)
		munmap(store->states, store->pages);
	for (size_t i = 0; i < SLOTS; i++)
		pthread_mutex_destroy(&store->slots[i].mutex);
	for (size_t i = 0; i < DECOMPRESSORS; i++)
		ul_decompressor_deinit(&store->kept[i].decompressor);
	free(store->slot_bytes);
	if (store->source)
		store->source_ops->destroy(store->source);
	free(store);
}

static const struct ul_memory_ops store_ops = {
	.read = store_read, .destroy = store_destroy, .map = store_map};

static void cleanup_store(struct store **store)
{
	if (*store)
		store_destroy(&(*store)->memory);
}

static void *reserve(uint64_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return at == MAP_FAILED ? NULL : at;
}

uint64_t ul_page_store_budget(uint64_t page_bytes)
{
	const long pages = sysconf(_SC_PHYS_PAGES);
	const long own = sysconf(_SC_PAGESIZE);
	return pages > 0 && own > 0 ? (uint64_t)pages / 2 * (uint64_t)own / page_bytes : 1 << 18;
}

struct ul_error *ul_page_store_create(const struct ul_page_source *source, uint64_t budget_pages,
				      struct ul_memory **ret)
{
	UL_CLEANUP(cleanup_store) struct store *store = calloc(1, sizeof(*store));
	if (!store) {
		source->ops->destroy(source->source);
		return &ul_enomem;
	}
	uint64_t bytes;
	store->memory =
		(struct ul_memory){.ops = &store_ops, .engine = source->engine, .concurrent = true};
	store->source_ops = source->ops;
	store->source = source->source;
	store->page_bytes = source->page_bytes;
	store->pages = source->pages;
	store->budget_pages = budget_pages;
	for (size_t i = 0; i < SLOTS; i++)
		pthread_mutex_init(&store->slots[i].mutex, NULL);
	store->slot_bytes = calloc(SLOTS, store->page_bytes);
	if (!store->slot_bytes)
		return &ul_enomem;
	for (size_t i = 0; i < SLOTS; i++)
		store->slots[i].bytes = store->slot_bytes + i * store->page_bytes;
	// Without the stretch everything still works, slower: by read() alone.
	if (store->pages && !__builtin_mul_overflow(store->pages, store->page_bytes, &bytes)) {
		store->states = reserve(store->pages);
		store->arena = store->states ? reserve(bytes) : NULL;
	}
	*ret = &UL_TAKE(store)->memory;
	return NULL;
}
