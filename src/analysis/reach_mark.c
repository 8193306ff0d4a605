// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * First pass: what can be reached.
 *
 * One bit an object: "white", allocated and not reached. Threads take stretches of the roots, later
 * objects that were found, and look at every aligned word. A fifth of all words in kernel memory
 * look like addresses, so what costs is not finding them but what follows: page table, block, bit,
 * each a cache miss. So words that pass the ranges are gathered, and then a whole batch goes
 * through the steps together, each step prefetching for the next. A small table of values lately
 * seen drops the repetitions (an object is pointed to nine times on average).
 *
 * An object whose bit was white and is cleared by this thread is this thread's to scan: it goes on
 * the thread's own stack. A thread with much on its stack gives half to a common pool as soon as
 * another is idle. Which bits are cleared does not depend on who was first, so the result is the
 * same for any number of threads.
 *
 * A stack entry is block and slot; of large objects with one slot, block and chunk, so that an
 * array of a gigabyte is many units of work. Entries are 8 bytes, each object is on a stack once:
 * 8 bytes an object at worst, if all are reached from one.
 *
 * Errs: any word with the value of an address is taken for a reference. So a leaked object may be
 * held by chance, or by a stale pointer in memory that is in use; nothing is reported falsely.
 */
#include <pthread.h>

#include "analysis/reach_internal.h"

enum {
	BATCH = 128,	    /**< words that go through the steps together */
	RECENT = 1024,	    /**< values lately seen; power of two */
	SHARE_MIN = 64,	    /**< entries on a stack that are worth sharing */
	SCAN_TOGETHER = 8,  /**< objects whose first lines are prefetched together */
	PREFETCH_LINES = 4, /**< of each */
	LINE = 64,
};

/** What all threads of one pass share. */
struct pass {
	const struct ul_reach_scan *scan;
	struct ul_reach_roots roots;
	size_t next_root; /**< taken atomically */
	uint64_t *white;
	struct ul_range near; /**< hull of direct map, vmalloc areas and struct pages */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	UL_VEC(uint64_t) pool; /**< entries that wait for a thread; under the lock */
	unsigned int threads;  /**< at work; under the lock */
	unsigned int idle;     /**< read without the lock as a hint */
	bool over;
	uint64_t scan_bytes, unreadable; /**< sums, added when a thread ends */
};

/** A thread at work. */
struct marker {
	struct pass *pass;
	const struct ul_reach_scan *scan;
	struct ul_reach_window window;
	UL_VEC(uint64_t) stack;
	uint32_t waiting; /**< words in `values` */
	uint64_t values[BATCH];
	uint64_t recent[RECENT];
	bool failed; /**< out of memory */
};

static uint64_t entry(uint32_t block, uint32_t part)
{
	return (uint64_t)block << 32 | part;
}

static void push(struct marker *marker, uint64_t value)
{
	if (!ul_vec_push(&marker->stack, value))
		marker->failed = true;
}

/** Puts an object that was found, or the chunks of it, on the stack. */
static void push_object(struct marker *marker, uint32_t number, uint32_t slot)
{
	const struct ul_block *block = &marker->scan->heap->blocks.data[number];
	if (!ul_reach_is_scanned(block))
		return;
	if (block->slots > 1) {
		push(marker, entry(number, slot));
		return;
	}
	for (uint64_t at = 0; at < block->bytes; at += UL_REACH_CHUNK_BYTES)
		push(marker, entry(number, (uint32_t)(at / UL_REACH_CHUNK_BYTES)));
}

/** Clears the bit; true for the one thread that does. */
static bool take(struct marker *marker, uint32_t object)
{
	uint64_t *word = &marker->pass->white[object / 64];
	const uint64_t bit = UINT64_C(1) << object % 64;
	if (!(__atomic_load_n(word, __ATOMIC_RELAXED) & bit))
		return false;
	return __atomic_fetch_and(word, ~bit, __ATOMIC_RELAXED) & bit;
}

static void mark_one(struct marker *marker, uint64_t value)
{
	struct ul_reach_hit hit;
	if (ul_reach_resolve(marker->scan, value, &hit) && take(marker, hit.object))
		push_object(marker, hit.block, hit.slot);
}

/* ---- a batch, step by step ---- */

struct batch {
	const uint32_t *cell[BATCH]; /**< of the page table; NULL: resolved one by one */
	uint32_t number[BATCH];	     /**< of the block + 1 */
	struct ul_reach_hit hit[BATCH];
};

static const uint32_t *cell_of(const struct ul_heap_table *table, unsigned int shift,
			       uint64_t offset)
{
	static const uint32_t none = 0;
	const uint64_t page = offset >> shift;
	const uint32_t *section = table->section[page >> UL_HEAP_SECTION_SHIFT];
	return section ? &section[page & (UL_HEAP_SECTION_PAGES - 1)] : &none;
}

/** Where in the page tables each word's block stands. */
static void find_cells(const struct marker *marker, struct batch *batch)
{
	const struct ul_heap_index *index = marker->scan->index;
	const struct ul_range *vmemmap = &marker->scan->vmemmap;
	for (uint32_t i = 0; i < marker->waiting; i++) {
		const uint64_t value = marker->values[i];
		const uint64_t direct = value - index->direct.base;
		const uint64_t vmalloc = value - index->vmalloc.base;
		batch->cell[i] = NULL;
		// Where modules lie above the page array, the second table reaches over it.
		if (value - vmemmap->start < vmemmap->end - vmemmap->start)
			continue;
		if (direct < index->direct.bytes)
			batch->cell[i] = cell_of(&index->direct, index->page_shift, direct);
		else if (vmalloc < index->vmalloc.bytes)
			batch->cell[i] = cell_of(&index->vmalloc, index->page_shift, vmalloc);
		if (batch->cell[i])
			__builtin_prefetch(batch->cell[i]);
	}
}

static void find_blocks(const struct marker *marker, struct batch *batch)
{
	const struct ul_block *blocks = marker->scan->heap->blocks.data;
	for (uint32_t i = 0; i < marker->waiting; i++) {
		batch->number[i] = batch->cell[i] ? *batch->cell[i] : 0;
		if (batch->number[i])
			__builtin_prefetch(&blocks[batch->number[i] - 1]);
	}
}

/** The objects; how many there are. */
static uint32_t find_objects(const struct marker *marker, struct batch *batch)
{
	const struct ul_block *blocks = marker->scan->heap->blocks.data;
	uint32_t found = 0;
	for (uint32_t i = 0; i < marker->waiting; i++) {
		if (!batch->number[i])
			continue;
		const struct ul_block *block = &blocks[batch->number[i] - 1];
		const uint64_t offset = marker->values[i] - block->kaddr;
		const uint32_t slot =
			offset < block->bytes ? ul_heap_block_slot(block, offset) : UINT32_MAX;
		if (slot >= block->slots)
			continue;
		batch->hit[found] =
			(struct ul_reach_hit){batch->number[i] - 1, slot, block->first + slot};
		__builtin_prefetch(&marker->pass->white[batch->hit[found].object / 64]);
		found++;
	}
	return found;
}

static void flush(struct marker *marker)
{
	struct batch batch;
	find_cells(marker, &batch);
	find_blocks(marker, &batch);
	const uint32_t found = find_objects(marker, &batch);
	for (uint32_t i = 0; i < marker->waiting; i++)
		if (!batch.cell[i])
			mark_one(marker, marker->values[i]); // struct pages, areas without table
	for (uint32_t i = 0; i < found; i++)
		if (take(marker, batch.hit[i].object))
			push_object(marker, batch.hit[i].block, batch.hit[i].slot);
	marker->waiting = 0;
}

/* ---- scanning ---- */

static bool is_other(const struct ul_reach_scan *scan, uint64_t value)
{
	bool inside = false;
	for (size_t i = 0; i < scan->others_len; i++)
		inside |=
			value - scan->others[i].start < scan->others[i].end - scan->others[i].start;
	return inside && value;
}

static inline void consider(struct marker *marker, uint64_t value)
{
	uint64_t *recent = &marker->recent[(value >> 3 ^ value >> 13) & (RECENT - 1)];
	if (*recent == value)
		return;
	*recent = value;
	marker->values[marker->waiting++] = value;
	if (marker->waiting == BATCH)
		flush(marker);
}

static struct ul_error *scan_words(void *context, uint64_t kaddr, const uint8_t *bytes,
				   uint64_t len)
{
	struct marker *marker = context;
	const uint64_t near = marker->pass->near.start;
	const uint64_t near_bytes = marker->pass->near.end - near;
	const bool others = marker->scan->others_len;
	(void)kaddr;
	for (uint64_t at = 0; at < len; at += 8) {
		const uint64_t value = ul_reach_load(bytes + at);
		if (value - near < near_bytes)
			consider(marker, value);
		else if (others && is_other(marker->scan, value))
			consider(marker, value);
	}
	return NULL;
}

/** Where an entry's bytes lie. */
static uint64_t entry_kaddr(const struct marker *marker, uint64_t item)
{
	const struct ul_block *block = &marker->scan->heap->blocks.data[item >> 32];
	return block->kaddr +
	       (item & UINT32_MAX) * (block->slots > 1 ? block->slot_bytes : UL_REACH_CHUNK_BYTES);
}

static struct ul_error *scan_entry(struct marker *marker, uint64_t item)
{
	const struct ul_reach_scan *scan = marker->scan;
	const struct ul_block *block = &scan->heap->blocks.data[item >> 32];
	const uint64_t kaddr = entry_kaddr(marker, item);
	uint64_t bytes = ul_heap_block_payload(scan->heap, block);
	if (block->slots == 1 && block->bytes > UL_REACH_CHUNK_BYTES) {
		const uint64_t left = block->kaddr + block->bytes - kaddr;
		bytes = left < UL_REACH_CHUNK_BYTES ? left : UL_REACH_CHUNK_BYTES;
	}
	if (ul_reach_owns_pages(block) && kaddr == block->kaddr) {
		const struct ul_range pages = ul_reach_struct_pages(scan, block);
		UL_TRY(ul_reach_scan_range(scan, &marker->window, pages.start,
					   pages.end - pages.start, scan_words, marker));
	}
	return ul_reach_scan_range(scan, &marker->window, kaddr, bytes, scan_words, marker);
}

static void prefetch_entry(const struct marker *marker, uint64_t item)
{
	const struct ul_reach_window *window = &marker->window;
	const uint64_t offset = entry_kaddr(marker, item) - window->start;
	if (offset >= window->end - window->start)
		return;
	for (size_t line = 0; line < PREFETCH_LINES; line++)
		__builtin_prefetch(window->bytes + offset + line * LINE);
}

/** Gives half of the stack to the pool, the older half: it leads further. */
static struct ul_error *share(struct marker *marker)
{
	struct pass *pass = marker->pass;
	const size_t half = marker->stack.len / 2;
	struct ul_error *error = NULL;
	pthread_mutex_lock(&pass->lock);
	if (ul_vec_reserve(&pass->pool, pass->pool.len + half)) {
		memcpy(pass->pool.data + pass->pool.len, marker->stack.data,
		       half * sizeof(*marker->stack.data));
		pass->pool.len += half;
		memmove(marker->stack.data, marker->stack.data + half,
			(marker->stack.len - half) * sizeof(*marker->stack.data));
		marker->stack.len -= half;
		pthread_cond_broadcast(&pass->changed);
	} else {
		error = &ul_enomem;
	}
	pthread_mutex_unlock(&pass->lock);
	return error;
}

/** Scans what is on the stack and what that leads to. */
static struct ul_error *drain(struct marker *marker)
{
	uint64_t together[SCAN_TOGETHER];
	for (;;) {
		if (!marker->stack.len && marker->waiting)
			flush(marker);
		if (marker->failed)
			return &ul_enomem;
		if (!marker->stack.len)
			return NULL;
		if (marker->stack.len >= SHARE_MIN &&
		    __atomic_load_n(&marker->pass->idle, __ATOMIC_RELAXED))
			UL_TRY(share(marker));
		size_t taken = 0;
		while (taken < SCAN_TOGETHER && marker->stack.len) {
			together[taken] = marker->stack.data[--marker->stack.len];
			prefetch_entry(marker, together[taken++]);
		}
		for (size_t i = 0; i < taken; i++)
			UL_TRY(scan_entry(marker, together[i]));
	}
}

/* ---- threads ---- */

static struct ul_error *scan_roots(struct marker *marker)
{
	struct pass *pass = marker->pass;
	for (;;) {
		const size_t next = __atomic_fetch_add(&pass->next_root, 1, __ATOMIC_RELAXED);
		if (next >= pass->roots.items.len)
			return NULL;
		const struct ul_reach_root *root = &pass->roots.items.data[next];
		UL_TRY(ul_reach_scan_range(marker->scan, &marker->window, root->kaddr, root->bytes,
					   scan_words, marker));
		UL_TRY(drain(marker));
	}
}

/** Waits for entries in the pool and takes some; false when all threads wait: the pass is over. */
static bool take_from_pool(struct marker *marker)
{
	struct pass *pass = marker->pass;
	pthread_mutex_lock(&pass->lock);
	__atomic_fetch_add(&pass->idle, 1, __ATOMIC_RELAXED);
	while (!pass->pool.len && !pass->over) {
		if (pass->idle == pass->threads) {
			pass->over = true;
			pthread_cond_broadcast(&pass->changed);
		} else {
			pthread_cond_wait(&pass->changed, &pass->lock);
		}
	}
	const bool more = !pass->over;
	if (more) {
		const size_t share = pass->pool.len / pass->threads + 1;
		for (size_t i = 0; i < share && pass->pool.len; i++)
			push(marker, pass->pool.data[--pass->pool.len]);
		__atomic_fetch_sub(&pass->idle, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&pass->lock);
	return more;
}

static struct ul_error *mark(struct marker *marker)
{
	UL_TRY(scan_roots(marker));
	UL_TRY(drain(marker));
	while (take_from_pool(marker))
		UL_TRY(drain(marker));
	return NULL;
}

static void marker_destroy(struct marker *marker)
{
	if (!marker)
		return;
	ul_reach_window_deinit(&marker->window);
	ul_vec_deinit(&marker->stack);
	free(marker);
}
UL_DEFINE_CLEANUP(cleanup_marker, struct marker, marker_destroy);

static struct ul_error *work(void *context)
{
	struct pass *pass = context;
	UL_CLEANUP(cleanup_marker) struct marker *marker = calloc(1, sizeof(*marker));
	struct ul_error *error = marker ? NULL : &ul_enomem;
	if (!error) {
		marker->pass = pass;
		marker->scan = pass->scan;
		error = ul_reach_window_init(&marker->window, pass->scan->image->memory);
	}
	pthread_mutex_lock(&pass->lock);
	pass->threads++;
	pthread_mutex_unlock(&pass->lock);
	if (!error)
		error = mark(marker);
	pthread_mutex_lock(&pass->lock);
	if (error) { // the others need not go on
		pass->over = true;
		pthread_cond_broadcast(&pass->changed);
	} else {
		pass->scan_bytes += marker->window.scanned;
		pass->unreadable += marker->window.unreadable;
	}
	pthread_mutex_unlock(&pass->lock);
	return error;
}

/* ---- start ---- */

/**
 * White is what is allocated. Blocks whose state is not known count as allocated and reached, as do
 * those that are known to be kept: the first thread begins with them.
 */
static struct ul_error *begin(struct pass *pass)
{
	const struct ul_heap *heap = pass->scan->heap;
	struct marker *marker = calloc(1, sizeof(*marker));
	struct ul_error *error = NULL;
	if (!marker)
		return &ul_enomem;
	memcpy(pass->white, heap->allocated, (heap->objects / 64 + 1) * sizeof(*pass->white));
	marker->pass = pass;
	marker->scan = pass->scan;
	for (size_t i = 0; i < heap->blocks.len; i++) {
		const struct ul_block *block = &heap->blocks.data[i];
		if (!(block->flags & (UL_BLOCK_UNKNOWN | UL_BLOCK_NOT_LEAK)))
			continue;
		for (uint32_t slot = 0; slot < block->slots; slot++)
			if (take(marker, block->first + slot) || block->flags & UL_BLOCK_UNKNOWN)
				push_object(marker, (uint32_t)i, slot);
	}
	if (ul_vec_reserve(&pass->pool, marker->stack.len)) {
		if (marker->stack.len)
			memcpy(pass->pool.data, marker->stack.data,
			       marker->stack.len * sizeof(*marker->stack.data));
		pass->pool.len = marker->stack.len;
	} else {
		error = &ul_enomem;
	}
	if (marker->failed)
		error = &ul_enomem;
	marker_destroy(marker);
	return error;
}

static void stretch(struct ul_range *hull, uint64_t start, uint64_t end)
{
	if (start >= end)
		return;
	hull->start = hull->end && hull->start < start ? hull->start : start;
	hull->end = hull->end > end ? hull->end : end;
}

/** Processor registers hold references as good as any. */
static void mark_registers(struct pass *pass, struct marker *marker)
{
	ul_vec_foreach (cpu, &pass->scan->image->cpus)
		for (uint32_t i = 0; i < cpu->registers_len && i < UL_ARRAY_LEN(cpu->registers);
		     i++)
			mark_one(marker, cpu->registers[i]);
}

static struct ul_error *begin_registers(struct pass *pass)
{
	UL_CLEANUP(cleanup_marker) struct marker *marker = calloc(1, sizeof(*marker));
	if (!marker)
		return &ul_enomem;
	marker->pass = pass;
	marker->scan = pass->scan;
	mark_registers(pass, marker);
	ul_vec_foreach (item, &marker->stack)
		if (!ul_vec_push(&pass->pool, *item))
			return &ul_enomem;
	return marker->failed ? &ul_enomem : NULL;
}

static struct ul_error *run(struct pass *pass)
{
	const struct ul_heap_index *index = pass->scan->index;
	stretch(&pass->near, index->direct.base, index->direct.base + index->direct.bytes);
	stretch(&pass->near, index->vmalloc.base, index->vmalloc.base + index->vmalloc.bytes);
	stretch(&pass->near, pass->scan->vmemmap.start, pass->scan->vmemmap.end);
	UL_TRY(begin(pass));
	UL_TRY(begin_registers(pass));
	UL_TRY(ul_reach_roots(pass->scan, &pass->roots));
	return ul_reach_parallel(pass->scan->threads, work, pass);
}

struct ul_error *ul_reach_mark(const struct ul_reach_scan *scan, struct ul_reach_marks *ret)
{
	struct pass pass = {.scan = scan};
	pass.white = calloc(scan->heap->objects / 64 + 1, sizeof(*pass.white));
	if (!pass.white)
		return &ul_enomem;
	pthread_mutex_init(&pass.lock, NULL);
	pthread_cond_init(&pass.changed, NULL);
	struct ul_error *error = run(&pass);
	pthread_cond_destroy(&pass.changed);
	pthread_mutex_destroy(&pass.lock);
	ul_vec_deinit(&pass.pool);
	ul_vec_deinit(&pass.roots.items);
	if (error) {
		free(pass.white);
		return error;
	}
	*ret = (struct ul_reach_marks){
		.white = pass.white, .scan_bytes = pass.scan_bytes, .unreadable = pass.unreadable};
	return NULL;
}

void ul_reach_marks_deinit(struct ul_reach_marks *marks)
{
	free(marks->white);
	marks->white = NULL;
}
