// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * First pass: what can be reached.
 *
 * One bit an object: "white", allocated and not reached. Threads take stretches of the roots, later
 * objects that were found, and look at every aligned word. A fifth of all words in kernel memory
 * look like addresses, so what costs is not finding them but what follows, each step a cache miss.
 * Four things keep that away:
 *
 *   gathering   words are sorted out without a branch, for no processor can guess which of them are
 *               addresses. Those in the direct map go one way, those that may be anything else
 *               (vmalloc, struct pages, percpu pointers) another, slower one.
 *   recent      a small table of values lately seen drops the repetitions: an object is pointed to
 *               nine times on average.
 *   batches     what is left goes through the steps together, each step prefetching for the next:
 *               cell of the page (reach_cells.h), bit.
 *   a queue     between the stack and the scan, so that an object's bytes are asked for some
 *               objects before they are looked at.
 *
 * An object whose bit was white and is cleared by this thread is this thread's to scan: it goes on
 * the thread's own stack. A thread with much on its stack gives half to a common pool as soon as
 * another is idle. Which bits are cleared does not depend on who was first, so the result is the
 * same for any number of threads.
 *
 * A stack entry is address and sort; of large objects with one slot, and of others that are not
 * plain, block and slot or chunk, so that an array of a gigabyte is many units of work. Entries are
 * 8 bytes, each object is on a stack once: 8 bytes an object at worst, if all are reached from one.
 *
 * Errs: any word with the value of an address is taken for a reference. So a leaked object may be
 * held by chance, or by a stale pointer in memory that is in use; nothing is reported falsely.
 */
#include <pthread.h>

#include "analysis/reach_cells.h"
#include "analysis/reach_filter.h"
#include "analysis/reach_internal.h"
#include "base/parallel.h"

enum {
	WORDS = UL_REACH_FILTER_WORDS,
	BATCH = 128,	    /**< values that go through the steps together, at least */
	RECENT = 1024,	    /**< values lately seen; power of two */
	SHARE_MIN = 64,	    /**< entries on a stack that are worth sharing */
	QUEUE = 16,	    /**< objects between stack and scan; power of two */
	PREFETCH_LINES = 4, /**< of each */
	LINE = 64,
	WIDE_MIN = 1 << 20, /**< bytes in a row: memory that is mapped, not made page by page */
};

/** Stretches of memory that may begin so far below an object: 1 GiB. */
#define WIDE_MASK ((UINT64_C(1) << 30) - 1)

/* An entry of plain objects: PLAIN, number of the sort, place in the direct map in words. */
#define PLAIN		 (UINT64_C(1) << 63)
#define PLAIN_SORT_SHIFT 47 // pages of 64 KiB, 2^34 of them at most, are 2^47 words
#define PLAIN_WORDS	 ((UINT64_C(1) << PLAIN_SORT_SHIFT) - 1)

/** What all threads of one pass share. */
struct pass {
	const struct ul_reach_scan *scan;
	struct ul_reach_roots roots;
	size_t next_root; /**< taken atomically */
	uint64_t *white;
	struct ul_reach_cells cells;
	struct ul_reach_filter filter;
	ul_reach_filter_fn sort_out;
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
	struct ul_reach_window direct; /**< of the direct map only: it seldom moves */
	UL_VEC(uint64_t) stack;
	uint64_t queue[QUEUE];
	uint32_t queue_first, queue_len;
	uint32_t plain_len, odd_len;
	uint64_t plain[BATCH + WORDS];	   /**< values in the direct map */
	uint64_t odd[2 * (BATCH + WORDS)]; /**< values that ul_reach_resolve() must look at */
	uint64_t recent[RECENT];
	struct ul_reach_filtered found; /**< in the words looked at */
	bool failed;			/**< out of memory */
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
	const ul_reach_cell *cell[BATCH + WORDS];
	uint64_t value[BATCH + WORDS];
	uint32_t object[BATCH + WORDS];
};

/** Of the values in the direct map: where their pages' cells stand. */
static void find_cells(const struct marker *marker, struct batch *batch)
{
	const struct ul_reach_cells *cells = &marker->pass->cells;
	for (uint32_t i = 0; i < marker->plain_len; i++) {
		batch->cell[i] = ul_reach_cell_of(cells, marker->plain[i] - cells->base);
		__builtin_prefetch(batch->cell[i]);
	}
}

/** Which objects they are in; how many are in any. What is not plain joins the odd ones. */
static uint32_t find_objects(struct marker *marker, struct batch *batch)
{
	const struct ul_reach_cells *cells = &marker->pass->cells;
	const uint64_t page_mask = (UINT64_C(1) << cells->page_shift) - 1;
	uint32_t found = 0;
	for (uint32_t i = 0; i < marker->plain_len; i++) {
		const uint64_t value = marker->plain[i];
		const ul_reach_cell cell = *batch->cell[i];
		const struct ul_reach_sort *sort = &cells->sorts.data[ul_reach_cell_sort(cell)];
		const uint64_t offset = ((uint64_t)ul_reach_cell_page(cell) << cells->page_shift) |
					(value & page_mask);
		batch->value[found] = value;
		batch->object[found] =
			ul_reach_cell_first(cell) + (uint32_t)(offset * sort->reciprocal >> 32);
		__builtin_prefetch(&marker->pass->white[batch->object[found] / 64]);
		found += offset < sort->limit;
		marker->odd[marker->odd_len] = value;
		marker->odd_len += ul_reach_cell_sort(cell) == UL_REACH_SORT_SLOW;
	}
	return found;
}

/** Puts the object at @p value, in the direct map and taken before, on the stack. */
static void push_plain(struct marker *marker, uint64_t value)
{
	const struct ul_reach_cells *cells = &marker->pass->cells;
	const uint64_t into = value - cells->base;
	const ul_reach_cell cell = *ul_reach_cell_of(cells, into);
	const uint32_t number = ul_reach_cell_sort(cell);
	const struct ul_reach_sort *sort = &cells->sorts.data[number];
	if (!sort->reciprocal) {
		push_object(
			marker,
			ul_heap_table_get(&marker->scan->index->direct, cells->page_shift, value) -
				1,
			0);
		return;
	}
	if (!sort->scan_bytes)
		return;
	const uint64_t in_page = into & ((UINT64_C(1) << cells->page_shift) - 1);
	const uint64_t offset = ((uint64_t)ul_reach_cell_page(cell) << cells->page_shift) | in_page;
	const uint64_t slot = offset * sort->reciprocal >> 32;
	const uint64_t start = into - offset + slot * sort->slot_bytes;
	push(marker, PLAIN | (uint64_t)number << PLAIN_SORT_SHIFT | start / 8);
}

static void flush(struct marker *marker)
{
	struct batch batch;
	find_cells(marker, &batch);
	const uint32_t found = find_objects(marker, &batch);
	for (uint32_t i = 0; i < found; i++)
		if (take(marker, batch.object[i]))
			push_plain(marker, batch.value[i]);
	marker->plain_len = 0;
	for (uint32_t i = 0; i < marker->odd_len; i++)
		mark_one(marker, marker->odd[i]);
	marker->odd_len = 0;
}

/* ---- scanning ---- */

/** Appends @p value unless it was seen lately; the new length. */
static inline uint32_t keep(struct marker *marker, uint64_t *values, uint32_t len, uint64_t value)
{
	uint64_t *recent = &marker->recent[(value >> 3 ^ value >> 13) & (RECENT - 1)];
	values[len] = value;
	len += *recent != value;
	*recent = value;
	return len;
}

static void gather(struct marker *marker, const uint8_t *bytes, size_t words)
{
	struct ul_reach_filtered *found = &marker->found;
	marker->pass->sort_out(&marker->pass->filter, bytes, words, found);
	for (uint32_t i = 0; i < found->plain_len; i++)
		marker->plain_len = keep(marker, marker->plain, marker->plain_len, found->plain[i]);
	for (uint32_t i = 0; i < found->odd_len; i++)
		marker->odd_len = keep(marker, marker->odd, marker->odd_len, found->odd[i]);
	if (marker->plain_len >= BATCH || marker->odd_len >= BATCH)
		flush(marker);
}

static struct ul_error *scan_words(void *context, uint64_t kaddr, const uint8_t *bytes,
				   uint64_t len)
{
	struct marker *marker = context;
	const size_t words = len / 8;
	(void)kaddr;
	for (size_t at = 0; at < words; at += WORDS)
		gather(marker, bytes + at * 8, words - at < WORDS ? words - at : WORDS);
	return NULL;
}

/** Where an entry's bytes lie, and of plain ones how many. */
static uint64_t entry_kaddr(const struct marker *marker, uint64_t item, uint64_t *ret_bytes)
{
	const struct ul_reach_cells *cells = &marker->pass->cells;
	if (item & PLAIN) {
		*ret_bytes = cells->sorts.data[(item & ~PLAIN) >> PLAIN_SORT_SHIFT].scan_bytes;
		return cells->base + (item & PLAIN_WORDS) * 8;
	}
	const struct ul_block *block = &marker->scan->heap->blocks.data[item >> 32];
	*ret_bytes = ul_heap_block_payload(marker->scan->heap, block);
	return block->kaddr +
	       (item & UINT32_MAX) * (block->slots > 1 ? block->slot_bytes : UL_REACH_CHUNK_BYTES);
}

static bool is_in_window(const struct ul_reach_window *window, uint64_t kaddr, uint64_t bytes)
{
	return kaddr - window->start < window->end - window->start && bytes <= window->end - kaddr;
}

/** Whether one of the pages of a plain object has words that are hidden. */
static bool may_be_hidden(const struct marker *marker, uint64_t kaddr, uint64_t bytes)
{
	const struct ul_reach_cells *cells = &marker->pass->cells;
	const uint64_t *frames = marker->scan->hidden_frames;
	const uint64_t last = (kaddr + bytes - 1 - cells->base) >> cells->page_shift;
	for (uint64_t pfn = (kaddr - cells->base) >> cells->page_shift; pfn <= last; pfn++)
		if (ul_reach_bit(frames, pfn))
			return true;
	return false;
}

/** Lets a window that goes far up begin lower, too, where all is mapped in a row. */
static void widen(struct marker *marker)
{
	const uint64_t base = marker->pass->cells.base;
	struct ul_reach_window *window = &marker->direct;
	const uint64_t lower[] = {base, base + ((window->start - base) & ~WIDE_MASK)};
	size_t got = 0;
	if (window->end - window->start < WIDE_MIN)
		return;
	for (size_t i = 0; i < UL_ARRAY_LEN(lower); i++) {
		const void *mapped = ul_memory_map(window->memory, lower[i], &got);
		if (!mapped || got <= window->start - lower[i])
			continue;
		window->start = lower[i];
		window->end = lower[i] + got;
		window->bytes = mapped;
		return;
	}
}

static struct ul_error *scan_plain(struct marker *marker, uint64_t kaddr, uint64_t bytes)
{
	const bool mapped = is_in_window(&marker->direct, kaddr, bytes);
	if (!mapped || may_be_hidden(marker, kaddr, bytes)) {
		UL_TRY(ul_reach_scan_range(marker->scan, &marker->direct, kaddr, bytes, scan_words,
					   marker));
		if (!mapped)
			widen(marker);
		return NULL;
	}
	marker->direct.scanned += bytes & ~UINT64_C(7);
	return scan_words(marker, kaddr, marker->direct.bytes + (kaddr - marker->direct.start),
			  bytes);
}

static struct ul_error *scan_entry(struct marker *marker, uint64_t item)
{
	const struct ul_reach_scan *scan = marker->scan;
	uint64_t bytes;
	const uint64_t kaddr = entry_kaddr(marker, item, &bytes);
	if (item & PLAIN)
		return scan_plain(marker, kaddr, bytes);
	const struct ul_block *block = &scan->heap->blocks.data[item >> 32];
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
	const struct ul_reach_window *window = &marker->direct;
	uint64_t bytes;
	const uint64_t kaddr = entry_kaddr(marker, item, &bytes);
	if (kaddr - window->start >= window->end - window->start)
		return;
	if (bytes > PREFETCH_LINES * LINE)
		bytes = PREFETCH_LINES * LINE;
	for (uint64_t at = 0; at < bytes; at += LINE)
		__builtin_prefetch(window->bytes + (kaddr - window->start) + at);
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

/** From the stack to the queue. */
static void fill_queue(struct marker *marker)
{
	while (marker->queue_len < QUEUE && marker->stack.len) {
		const uint64_t item = marker->stack.data[--marker->stack.len];
		marker->queue[(marker->queue_first + marker->queue_len++) % QUEUE] = item;
		prefetch_entry(marker, item);
	}
}

/** Scans what is on the stack and what that leads to. */
static struct ul_error *drain(struct marker *marker)
{
	for (;;) {
		if (!marker->stack.len && !marker->queue_len)
			flush(marker);
		if (marker->failed)
			return &ul_enomem;
		if (marker->stack.len >= SHARE_MIN &&
		    __atomic_load_n(&marker->pass->idle, __ATOMIC_RELAXED))
			UL_TRY(share(marker));
		fill_queue(marker);
		if (!marker->queue_len)
			return NULL;
		const uint64_t item = marker->queue[marker->queue_first];
		marker->queue_first = (marker->queue_first + 1) % QUEUE;
		marker->queue_len--;
		UL_TRY(scan_entry(marker, item));
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
	ul_reach_window_deinit(&marker->direct);
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
	if (!error)
		error = ul_reach_window_init(&marker->direct, pass->scan->image->memory);
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
		pass->scan_bytes += marker->window.scanned + marker->direct.scanned;
		pass->unreadable += marker->window.unreadable + marker->direct.unreadable;
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

/** Which values are worth a look. The number 0 refers to nothing. */
static void make_filter(struct pass *pass)
{
	const struct ul_reach_scan *scan = pass->scan;
	const struct ul_heap_table *vmalloc = &scan->index->vmalloc;
	struct ul_reach_filter *filter = &pass->filter;
	pass->sort_out = ul_reach_filter_best();
	filter->direct = (struct ul_reach_values){pass->cells.base, pass->cells.bytes};
	ul_reach_filter_add(filter, vmalloc->base, vmalloc->base + vmalloc->bytes);
	ul_reach_filter_add(filter, scan->vmemmap.start, scan->vmemmap.end);
	for (size_t i = 0; i < scan->others_len; i++)
		ul_reach_filter_add(filter, scan->others[i].start ? scan->others[i].start : 1,
				    scan->others[i].end);
	ul_reach_filter_ready(filter);
}
_Static_assert(UL_REACH_OTHERS + 2 <= UL_REACH_FILTER_RANGES, "room for all of them");

/** Processor registers and constants of instructions hold references as good as any. */
static void mark_values(struct pass *pass, struct marker *marker)
{
	ul_vec_foreach (root, &pass->scan->heap->roots)
		if (root->kind == UL_ROOT_CODE)
			mark_one(marker, root->owner);
	ul_vec_foreach (cpu, &pass->scan->image->cpus)
		for (uint32_t i = 0; i < cpu->registers_len && i < UL_ARRAY_LEN(cpu->registers);
		     i++)
			mark_one(marker, cpu->registers[i]);
}

static struct ul_error *begin_values(struct pass *pass)
{
	UL_CLEANUP(cleanup_marker) struct marker *marker = calloc(1, sizeof(*marker));
	if (!marker)
		return &ul_enomem;
	marker->pass = pass;
	marker->scan = pass->scan;
	mark_values(pass, marker);
	ul_vec_foreach (item, &marker->stack)
		if (!ul_vec_push(&pass->pool, *item))
			return &ul_enomem;
	return marker->failed ? &ul_enomem : NULL;
}

static struct ul_error *run(struct pass *pass)
{
	UL_TRY(ul_reach_cells_init(pass->scan->heap, &pass->cells));
	make_filter(pass);
	UL_TRY(begin(pass));
	UL_TRY(begin_values(pass));
	UL_TRY(ul_reach_roots(pass->scan, &pass->roots));
	return ul_parallel(pass->scan->threads, work, pass);
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
	ul_reach_cells_deinit(&pass.cells);
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
