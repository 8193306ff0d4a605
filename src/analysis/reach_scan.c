// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How memory comes to the passes of analysis/reach: in stretches of words, in place where the image
 * is mapped, without the words that are hidden; the roots cut into stretches.
 */
#include <unistd.h>

#include "analysis/reach_internal.h"
#include "base/parallel.h"

enum {
	PAGE_BYTES = 4096,
	GAP_MIN = 1 << 20, /**< bytes between blocks that are worth leaving out */
};

/* ---- window ---- */

struct ul_error *ul_reach_window_init(struct ul_reach_window *window, struct ul_memory *memory)
{
	*window = (struct ul_reach_window){.memory = memory};
	window->buffer = malloc(UL_REACH_READ_BYTES);
	return window->buffer ? NULL : &ul_enomem;
}

void ul_reach_window_deinit(struct ul_reach_window *window)
{
	free(window->buffer);
	window->buffer = NULL;
}

void ul_reach_window_renew(struct ul_reach_window *window)
{
	window->start = window->end = 0;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

struct ul_error *ul_reach_window_get(struct ul_reach_window *window, uint64_t kaddr, uint64_t len,
				     const uint8_t **ret, uint64_t *ret_len)
{
	size_t got = 0;
	if (kaddr - window->start >= window->end - window->start) {
		const void *mapped = ul_memory_map(window->memory, kaddr, &got);
		window->start = kaddr;
		window->end = mapped ? kaddr + got : kaddr;
		window->bytes = mapped;
	}
	if (window->end > kaddr) {
		*ret = window->bytes + (kaddr - window->start);
		*ret_len = min_u64(len, window->end - kaddr);
		window->scanned += *ret_len;
		return NULL;
	}
	uint64_t want = min_u64(len, UL_REACH_READ_BYTES);
	if (window->ahead && want < UL_REACH_AHEAD_BYTES)
		want = UL_REACH_AHEAD_BYTES;
	UL_TRY(ul_memory_read(window->memory, kaddr, window->buffer, want, &got));
	if (!got) {
		*ret = NULL;
		*ret_len = min_u64(len, PAGE_BYTES - kaddr % PAGE_BYTES);
		window->unreadable += *ret_len;
		return NULL;
	}
	if (window->ahead) {
		window->start = kaddr;
		window->end = kaddr + got;
		window->bytes = window->buffer;
	}
	*ret = window->buffer;
	*ret_len = min_u64(len, got);
	window->scanned += *ret_len;
	return NULL;
}

/* ---- what the passes share ---- */

/**
 * Where the blocks in no table are farthest apart: before @p ret[0], ret[1] ... of them; how many.
 */
static size_t find_gaps(const struct ul_reach_scan *scan, size_t ret[static UL_REACH_OTHERS - 1])
{
	const __auto_type others = &scan->index->others;
	const struct ul_block *blocks = scan->heap->blocks.data;
	uint64_t gaps[UL_REACH_OTHERS - 1] = {0};
	size_t len = 0;
	for (size_t i = 1; i < others->len; i++) {
		const struct ul_block *before = &blocks[others->data[i - 1]];
		const uint64_t gap = blocks[others->data[i]].kaddr - before->kaddr - before->bytes;
		size_t place = len;
		while (place && gaps[place - 1] < gap)
			place--;
		if (gap < GAP_MIN || place == UL_REACH_OTHERS - 1)
			continue;
		len += len < UL_REACH_OTHERS - 1;
		memmove(gaps + place + 1, gaps + place, (len - place - 1) * sizeof(*gaps));
		memmove(ret + place + 1, ret + place, (len - place - 1) * sizeof(*ret));
		gaps[place] = gap;
		ret[place] = i;
	}
	return len;
}

/** Ranges of the blocks in no table, with the largest gaps between them left out. */
static void find_others(struct ul_reach_scan *scan)
{
	const __auto_type others = &scan->index->others;
	size_t gaps[UL_REACH_OTHERS - 1];
	const size_t gaps_len = find_gaps(scan, gaps);
	for (size_t i = 0; i < others->len; i++) {
		const struct ul_block *block = &scan->heap->blocks.data[others->data[i]];
		bool begins = !i;
		for (size_t k = 0; k < gaps_len; k++)
			begins |= gaps[k] == i;
		if (begins)
			scan->others[scan->others_len++].start = block->kaddr;
		scan->others[scan->others_len - 1].end = block->kaddr + block->bytes;
	}
}

static struct ul_error *find_hidden_frames(struct ul_reach_scan *scan)
{
	const struct ul_address_space *space = &scan->heap->space;
	scan->hidden_frames = calloc(space->max_pfn / 64 + 1, sizeof(*scan->hidden_frames));
	if (!scan->hidden_frames)
		return &ul_enomem;
	ul_vec_foreach (range, &scan->heap->hidden) {
		uint64_t pfn;
		uint64_t last;
		if (!ul_space_direct_pfn(space, range->start, &pfn) ||
		    !ul_space_direct_pfn(space, range->end - 1, &last))
			continue;
		for (; pfn <= last; pfn++)
			scan->hidden_frames[pfn / 64] |= UINT64_C(1) << pfn % 64;
	}
	return NULL;
}

static unsigned int count_threads(const struct ul_image *image, unsigned int threads)
{
	if (!image->memory->concurrent)
		return 1;
	if (!threads) {
		const long online = sysconf(_SC_NPROCESSORS_ONLN);
		threads = online > 0 ? (unsigned int)online : 1;
	}
	return threads < UL_PARALLEL_MAX ? threads : UL_PARALLEL_MAX;
}

struct ul_error *ul_reach_scan_init(struct ul_reach_scan *scan, struct ul_image *image,
				    const struct ul_heap *heap, unsigned int threads)
{
	const struct ul_address_space *space = &heap->space;
	*scan = (struct ul_reach_scan){.image = image, .heap = heap, .index = heap->index};
	scan->threads = count_threads(image, threads);
	if (space->vmemmap && space->struct_page_bytes) {
		scan->vmemmap.start = space->vmemmap;
		scan->vmemmap.end = ul_space_pfn_page(space, space->max_pfn);
		if (!(space->struct_page_bytes & (space->struct_page_bytes - 1)))
			scan->page_struct_shift =
				(unsigned int)__builtin_ctz(space->struct_page_bytes);
	}
	find_others(scan);
	return find_hidden_frames(scan);
}

void ul_reach_scan_deinit(struct ul_reach_scan *scan)
{
	free(scan->hidden_frames);
	scan->hidden_frames = NULL;
}

/* ---- stretches ---- */

static struct ul_error *scan_visible(struct ul_reach_window *window, uint64_t kaddr, uint64_t len,
				     ul_reach_words_fn fn, void *context)
{
	while (len >= 8) {
		const uint8_t *bytes;
		uint64_t got;
		UL_TRY(ul_reach_window_get(window, kaddr, len, &bytes, &got));
		if (bytes && got >= 8)
			UL_TRY(fn(context, kaddr, bytes, got & ~UINT64_C(7)));
		got = got < 8 ? 8 : got & ~UINT64_C(7); // of a word cut by a hole nothing is known
		kaddr += got;
		len -= min_u64(got, len);
	}
	return NULL;
}

/** Whether hidden words may lie in the range. */
static bool may_be_hidden(const struct ul_reach_scan *scan, uint64_t kaddr, uint64_t len)
{
	uint64_t pfn;
	uint64_t last;
	if (!scan->heap->hidden.len)
		return false;
	if (!ul_space_direct_pfn(&scan->heap->space, kaddr, &pfn) ||
	    !ul_space_direct_pfn(&scan->heap->space, kaddr + len - 1, &last))
		return true;
	for (; pfn <= last; pfn++)
		if (scan->hidden_frames[pfn / 64] >> pfn % 64 & 1)
			return true;
	return false;
}

/** Index of the first hidden range that ends behind @p kaddr. */
static size_t first_hidden(const struct ul_heap *heap, uint64_t kaddr)
{
	size_t low = 0;
	size_t high = heap->hidden.len;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (heap->hidden.data[middle].end <= kaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct ul_error *ul_reach_scan_range(const struct ul_reach_scan *scan,
				     struct ul_reach_window *window, uint64_t kaddr, uint64_t len,
				     ul_reach_words_fn fn, void *context)
{
	const uint64_t end = (kaddr + len) & ~UINT64_C(7);
	kaddr = (kaddr + 7) & ~UINT64_C(7);
	if (kaddr >= end)
		return NULL;
	if (!may_be_hidden(scan, kaddr, end - kaddr))
		return scan_visible(window, kaddr, end - kaddr, fn, context);
	const __auto_type hidden = &scan->heap->hidden;
	for (size_t i = first_hidden(scan->heap, kaddr); i < hidden->len && kaddr < end; i++) {
		const struct ul_range *range = &hidden->data[i];
		if (range->start >= end)
			break;
		if (range->start > kaddr)
			UL_TRY(scan_visible(window, kaddr, range->start - kaddr, fn, context));
		kaddr = (range->end + 7) & ~UINT64_C(7);
	}
	return kaddr < end ? scan_visible(window, kaddr, end - kaddr, fn, context) : NULL;
}

/* ---- what a value points into ---- */

struct ul_range ul_reach_struct_pages(const struct ul_reach_scan *scan,
				      const struct ul_block *block)
{
	const struct ul_address_space *space = &scan->heap->space;
	uint64_t first;
	uint64_t last;
	if (!space->vmemmap || !space->struct_page_bytes ||
	    !ul_space_direct_pfn(space, block->kaddr, &first) ||
	    !ul_space_direct_pfn(space, block->kaddr + block->bytes - 1, &last))
		return (struct ul_range){0};
	return (struct ul_range){ul_space_pfn_page(space, first),
				 ul_space_pfn_page(space, last + 1)};
}

static bool resolve_other(const struct ul_reach_scan *scan, uint64_t value,
			  struct ul_reach_hit *ret)
{
	bool near = false;
	for (size_t i = 0; i < scan->others_len; i++)
		near |= value - scan->others[i].start < scan->others[i].end - scan->others[i].start;
	const uint32_t number = near ? ul_heap_index_others(scan->heap, value) : 0;
	if (!number)
		return false;
	const struct ul_block *block = &scan->heap->blocks.data[number - 1];
	const uint64_t offset = value - block->kaddr;
	// Of percpu pointers only the exact one counts: they are numbers like any other.
	if (offset >= block->bytes || (block->kind == UL_BLOCK_PERCPU && offset))
		return false;
	const uint32_t slot = ul_heap_block_slot(block, offset);
	*ret = (struct ul_reach_hit){number - 1, slot, block->first + slot};
	return slot < block->slots;
}

bool ul_reach_resolve(const struct ul_reach_scan *scan, uint64_t value, struct ul_reach_hit *ret)
{
	const struct ul_heap *heap = scan->heap;
	const unsigned int shift = scan->index->page_shift;
	bool page = false;
	if (value - scan->vmemmap.start < scan->vmemmap.end - scan->vmemmap.start) {
		uint64_t pfn;
		if (!ul_space_page_pfn(&heap->space, value, &pfn))
			return false;
		value = ul_space_pfn_kaddr(&heap->space, pfn);
		page = true;
	}
	uint32_t number = ul_heap_table_get(&scan->index->direct, shift, value);
	if (!number && !page)
		number = ul_heap_table_get(&scan->index->vmalloc, shift, value);
	if (!number)
		return !page && resolve_other(scan, value, ret);
	const struct ul_block *block = &heap->blocks.data[number - 1];
	const uint64_t offset = value - block->kaddr;
	if (offset >= block->bytes || (page && !ul_reach_owns_pages(block)))
		return false;
	const uint32_t slot = ul_heap_block_slot(block, offset);
	*ret = (struct ul_reach_hit){number - 1, slot, block->first + slot};
	return slot < block->slots;
}

/* ---- roots ---- */

static struct ul_error *add_stretches(struct ul_reach_roots *roots, uint64_t kaddr, uint64_t bytes,
				      uint32_t root)
{
	for (uint64_t at = 0; at < bytes; at += UL_REACH_CHUNK_BYTES) {
		const uint64_t left = bytes - at;
		const struct ul_reach_root item = {
			.kaddr = kaddr + at,
			.bytes = min_u64(left, UL_REACH_CHUNK_BYTES),
			.root = root,
		};
		if (!ul_vec_push(&roots->items, item))
			return &ul_enomem;
	}
	return NULL;
}

/** Does the struct page of this frame count by itself? */
static bool is_page_root(const struct ul_reach_scan *scan, uint64_t pfn)
{
	const struct ul_heap *heap = scan->heap;
	switch ((enum ul_frame_class)heap->page_class[pfn]) {
	case UL_FRAME_ABSENT:
	case UL_FRAME_FREE:
	case UL_FRAME_VMEMMAP:
	case UL_FRAME_OFFLINE:
		return false;
	case UL_FRAME_SLAB:
	case UL_FRAME_KMALLOC_LARGE:
	case UL_FRAME_ANON:
	case UL_FRAME_FILE:
	case UL_FRAME_SHMEM:
	case UL_FRAME_HUGETLB:
	case UL_FRAME_TABLE:
	case UL_FRAME_IMAGE:
	case UL_FRAME_RESERVED:
	case UL_FRAME_VMALLOC:
	case UL_FRAME_STACK:
	case UL_FRAME_PERCPU:
	case UL_FRAME_KERNEL:
	case UL_FRAME_UNKNOWN:
	case UL_FRAME_CLASSES:
		break;
	}
	const uint64_t kaddr = ul_space_pfn_kaddr(&heap->space, pfn);
	const uint32_t number =
		ul_heap_table_get(&scan->index->direct, scan->index->page_shift, kaddr);
	return !number || !ul_reach_owns_pages(&heap->blocks.data[number - 1]);
}

/** The struct pages of [kaddr, kaddr + bytes) that count, in runs. */
static struct ul_error *add_page_roots(const struct ul_reach_scan *scan,
				       struct ul_reach_roots *roots, const struct ul_root *root,
				       uint32_t number)
{
	const struct ul_address_space *space = &scan->heap->space;
	const uint64_t end = min_u64(root->kaddr + root->bytes, scan->vmemmap.end);
	uint64_t pfn;
	uint64_t run = 0;
	if (!ul_space_page_pfn(space, root->kaddr, &pfn))
		return NULL;
	for (uint64_t at = ul_space_pfn_page(space, pfn); at < end;
	     at += space->struct_page_bytes, pfn++) {
		const bool counts = pfn < space->max_pfn && is_page_root(scan, pfn);
		if (counts && !run)
			run = at;
		if (!counts && run) {
			UL_TRY(add_stretches(roots, run, at - run, number));
			run = 0;
		}
	}
	return run ? add_stretches(roots, run, end - run, number) : NULL;
}

struct ul_error *ul_reach_roots(const struct ul_reach_scan *scan, struct ul_reach_roots *ret)
{
	const struct ul_address_space *space = &scan->heap->space;
	const uint64_t bytes_max = space->max_pfn * space->page_bytes; // none is larger than memory
	for (size_t i = 0; i < scan->heap->roots.len; i++) {
		const struct ul_root *root = &scan->heap->roots.data[i];
		if (root->bytes > bytes_max || root->kaddr + root->bytes < root->kaddr)
			continue;
		if (root->kind == UL_ROOT_PAGE)
			UL_TRY(add_page_roots(scan, ret, root, (uint32_t)i));
		else
			UL_TRY(add_stretches(ret, root->kaddr, root->bytes, (uint32_t)i));
	}
	return NULL;
}
