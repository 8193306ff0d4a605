// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Millions of objects, a few bytes each.
 *
 * An object has no record of its own. Its block says where it lies, how large it is and which cache
 * it is of; whether it is allocated is one bit. A block costs 40 bytes and holds 10 to 100 objects;
 * an address finds its block through one uint32_t a page of memory (heap_index.h). So 64 GiB with
 * 50 million objects in 2.5 million slabs take 100 MB of blocks, 64 MB of page table, 16 MB of page
 * classes and 6 MB of bits: 4 bytes an object.
 *
 * Slots are found without a division: offset * ceil(2^32 / slot_bytes) >> 32 is exact as long as
 * offset * slot_bytes < 2^32, which holds for blocks up to 64 KiB; larger ones divide.
 *
 * Whoever fills the heap reads damaged images. So nothing that is added is trusted: blocks without
 * sense and blocks that overlap are dropped and counted, and no table grows with a size that the
 * image claims: the direct map's is bounded by max_pfn, that of vmalloc by VMALLOC_SECTIONS.
 */
#include "model/heap.h"

#include <string.h>

#include "model/heap_index.h"

enum {
	RECIPROCAL_BYTES = 1 << 16,  /**< see above */
	VMALLOC_SECTIONS = 1024,     /**< of page table beside what physical memory would need */
	BLOCKS_MAX = INT32_MAX,	     /**< the search for what is reached wants a bit for itself */
	VMALLOC_PAGES_MAX = 1 << 24, /**< areas larger than this are looked up by bisection */
};

/** Page frames: 64 TiB in pages of 4 KiB. */
#define PFN_MAX (UINT64_C(1) << 34)
/** Sections of address space from the first vmalloc area on: 128 TiB; what lies above is found by
 * bisection. */
#define VMALLOC_SPAN_MAX (UINT64_C(1) << 20)
/** Objects: their numbers are uint32_t in blocks. */
#define OBJECTS_MAX ((uint64_t)UINT32_MAX)

const char *ul_frame_class_name(enum ul_frame_class class)
{
	static const char *const names[UL_FRAME_CLASSES] = {
		[UL_FRAME_ABSENT] = "absent",	  [UL_FRAME_FREE] = "free",
		[UL_FRAME_SLAB] = "slab",	  [UL_FRAME_KMALLOC_LARGE] = "kmalloc_large",
		[UL_FRAME_ANON] = "anon",	  [UL_FRAME_FILE] = "file",
		[UL_FRAME_SHMEM] = "shmem",	  [UL_FRAME_HUGETLB] = "hugetlb",
		[UL_FRAME_TABLE] = "page_table",  [UL_FRAME_IMAGE] = "kernel_image",
		[UL_FRAME_RESERVED] = "reserved", [UL_FRAME_VMEMMAP] = "page_array",
		[UL_FRAME_VMALLOC] = "vmalloc",	  [UL_FRAME_STACK] = "kernel_stack",
		[UL_FRAME_PERCPU] = "percpu",	  [UL_FRAME_KERNEL] = "kernel",
		[UL_FRAME_OFFLINE] = "offline",	  [UL_FRAME_UNKNOWN] = "unknown",
	};
	return (size_t) class < UL_FRAME_CLASSES ? names[class] : "unknown";
}

const char *ul_root_kind_name(enum ul_root_kind kind)
{
	static const char *const names[] = {
		[UL_ROOT_IMAGE] = "kernel data",   [UL_ROOT_MODULE] = "module data",
		[UL_ROOT_PERCPU] = "percpu",	   [UL_ROOT_STACK] = "stack",
		[UL_ROOT_REGISTERS] = "registers", [UL_ROOT_RESERVED] = "reserved",
		[UL_ROOT_PAGE] = "struct page",	   [UL_ROOT_CODE] = "kernel code",
	};
	return (size_t)kind < UL_ARRAY_LEN(names) ? names[kind] : "unknown";
}

struct ul_error *ul_heap_init(struct ul_heap *heap, const struct ul_address_space *space)
{
	*heap = (struct ul_heap){.space = *space};
	if (space->page_bytes < 1024 || space->page_bytes & (space->page_bytes - 1))
		return ul_error_new(UL_ERR_BAD_DATA, "heap: pages of %u bytes", space->page_bytes);
	if (space->max_pfn > PFN_MAX)
		return ul_error_new(UL_ERR_LIMIT, "heap: %llu page frames, at most %llu",
				    (unsigned long long)space->max_pfn,
				    (unsigned long long)PFN_MAX);
	heap->page_class = calloc(space->max_pfn ? space->max_pfn : 1, 1);
	return heap->page_class ? NULL : &ul_enomem;
}

static void table_deinit(struct ul_heap_table *table)
{
	for (size_t i = 0; table->section && i < table->sections; i++)
		free(table->section[i]);
	free(table->section);
}

static void index_destroy(struct ul_heap_index *index)
{
	if (!index)
		return;
	table_deinit(&index->direct);
	table_deinit(&index->vmalloc);
	ul_vec_deinit(&index->others);
	free(index);
}
UL_DEFINE_CLEANUP(cleanup_index, struct ul_heap_index, index_destroy);

void ul_heap_deinit(struct ul_heap *heap)
{
	ul_vec_foreach (cache, &heap->caches) {
		free(cache->name);
		free(cache->aliases);
	}
	ul_vec_deinit(&heap->caches);
	ul_vec_deinit(&heap->areas);
	ul_vec_deinit(&heap->blocks);
	ul_vec_deinit(&heap->roots);
	ul_vec_deinit(&heap->hidden);
	ul_vec_deinit(&heap->cpu_offsets);
	free(heap->page_class);
	free(heap->allocated);
	index_destroy(heap->index);
	ul_losses_deinit(&heap->losses);
	*heap = (struct ul_heap){0};
}

struct ul_error *ul_heap_add_block(struct ul_heap *heap, const struct ul_block *block)
{
	if (heap->blocks.len >= BLOCKS_MAX)
		return ul_error_new(UL_ERR_LIMIT, "heap: more than %d blocks", BLOCKS_MAX);
	struct ul_block *added = ul_vec_add(&heap->blocks);
	if (!added)
		return &ul_enomem;
	*added = *block;
	added->first = (uint32_t)heap->blocks.len - 1; // which came first, until finish numbers it
	return NULL;
}

/* ---- finish: sort, drop what cannot be, number, index ---- */

static int compare_blocks(const void *a, const void *b)
{
	const struct ul_block *left = a;
	const struct ul_block *right = b;
	if (left->kaddr != right->kaddr)
		return left->kaddr < right->kaddr ? -1 : 1;
	return (left->first > right->first) - (left->first < right->first);
}

static int compare_ranges(const void *a, const void *b)
{
	const struct ul_range *left = a;
	const struct ul_range *right = b;
	return (left->start > right->start) - (left->start < right->start);
}

static void sort_blocks(struct ul_heap *heap)
{
	for (size_t i = 1; i < heap->blocks.len; i++)
		if (compare_blocks(&heap->blocks.data[i - 1], &heap->blocks.data[i]) > 0) {
			qsort(heap->blocks.data, heap->blocks.len, sizeof(*heap->blocks.data),
			      compare_blocks);
			return;
		}
}

static bool makes_sense(const struct ul_block *block)
{
	uint64_t end;
	if (!block->slots || !block->bytes || block->kind < UL_BLOCK_SLAB ||
	    block->kind > UL_BLOCK_PERCPU ||
	    __builtin_add_overflow(block->kaddr, block->bytes, &end))
		return false;
	return block->slots == 1 ||
	       // A slab with red zones: the last slot ends before its distance is over.
	       (block->slot_bytes &&
		(uint64_t)(block->slots - 1) * block->slot_bytes < block->bytes);
}

/** First address that no other block of the direct map may have: there, pages are not shared. */
static uint64_t end_of(const struct ul_heap *heap, const struct ul_block *block)
{
	const uint64_t end = block->kaddr + block->bytes;
	uint64_t pfn;
	if (!ul_space_direct_pfn(&heap->space, end - 1, &pfn))
		return end;
	return ul_space_pfn_kaddr(&heap->space, pfn + 1);
}

/** Drops from the sorted blocks what makes no sense and, of two that overlap, the later one. */
static struct ul_error *drop_impossible(struct ul_heap *heap)
{
	size_t kept = 0;
	uint64_t senseless = 0;
	uint64_t overlapping = 0;
	for (size_t i = 0; i < heap->blocks.len; i++) {
		const struct ul_block *block = &heap->blocks.data[i];
		if (!makes_sense(block)) {
			senseless++;
			continue;
		}
		struct ul_block *last = kept ? &heap->blocks.data[kept - 1] : NULL;
		if (!last || block->kaddr >= end_of(heap, last)) {
			heap->blocks.data[kept++] = *block;
			continue;
		}
		overlapping++;
		if (block->first < last->first)
			*last = *block;
	}
	heap->blocks.len = kept;
	if (senseless)
		UL_TRY(ul_losses_add(&heap->losses, UL_BIAS_UNDER, senseless,
				     "blocks of memory whose size makes no sense"));
	if (overlapping)
		UL_TRY(ul_losses_add(&heap->losses, UL_BIAS_UNDER, overlapping,
				     "blocks of memory that overlap others"));
	return NULL;
}

static struct ul_error *number_objects(struct ul_heap *heap)
{
	uint64_t objects = 0;
	ul_vec_foreach (block, &heap->blocks) {
		if (objects + block->slots > OBJECTS_MAX)
			return ul_error_new(UL_ERR_LIMIT, "heap: more than %llu objects",
					    (unsigned long long)OBJECTS_MAX);
		block->first = (uint32_t)objects;
		objects += block->slots;
		block->reciprocal =
			block->slots > 1 && block->slot_bytes > 1 &&
					block->bytes <= RECIPROCAL_BYTES
				? (uint32_t)((UINT64_C(1) << 32) / block->slot_bytes) + 1
				: 0;
	}
	heap->objects = objects;
	heap->allocated = calloc(objects / 64 + 1, sizeof(*heap->allocated));
	return heap->allocated ? NULL : &ul_enomem;
}

static struct ul_error *table_init(struct ul_heap_table *table, uint64_t base, uint64_t pages,
				   unsigned int page_shift)
{
	table->base = base;
	table->bytes = pages << page_shift;
	table->sections = (size_t)((pages + UL_HEAP_SECTION_PAGES - 1) >> UL_HEAP_SECTION_SHIFT);
	table->section = calloc(table->sections ? table->sections : 1, sizeof(*table->section));
	return table->section ? NULL : &ul_enomem;
}

/**
 * Enter block @p number for its pages; makes at most *@p left new sections. False (and nothing is
 * entered behind the place) when that is not enough, or memory is out.
 */
static bool table_enter(struct ul_heap_table *table, unsigned int page_shift,
			const struct ul_block *block, uint32_t number, size_t *left)
{
	const uint64_t first = (block->kaddr - table->base) >> page_shift;
	const uint64_t last = (block->kaddr + block->bytes - 1 - table->base) >> page_shift;
	for (uint64_t page = first; page <= last; page++) {
		uint32_t **section = &table->section[page >> UL_HEAP_SECTION_SHIFT];
		if (!*section) {
			if (!*left)
				return false;
			*section = calloc(UL_HEAP_SECTION_PAGES, sizeof(**section));
			if (!*section)
				return false;
			--*left;
		}
		(*section)[page & (UL_HEAP_SECTION_PAGES - 1)] = number + 1;
	}
	return true;
}

static bool fits(const struct ul_heap_table *table, const struct ul_block *block)
{
	return block->kaddr - table->base < table->bytes &&
	       block->kaddr + block->bytes - 1 - table->base < table->bytes;
}

/** Where the areas of a size that can be true lie: the second table covers that. */
static struct ul_error *init_vmalloc_table(struct ul_heap *heap, struct ul_heap_index *index)
{
	const uint64_t span = VMALLOC_SPAN_MAX << UL_HEAP_SECTION_SHIFT << index->page_shift;
	uint64_t low = UINT64_MAX;
	uint64_t high = 0;
	ul_vec_foreach (block, &heap->blocks) {
		if (block->kind != UL_BLOCK_VMALLOC || fits(&index->direct, block) ||
		    block->bytes >> index->page_shift > VMALLOC_PAGES_MAX)
			continue;
		if (low == UINT64_MAX)
			low = block->kaddr & ~(uint64_t)(heap->space.page_bytes - 1);
		// With five levels of page tables per-CPU memory and modules lie petabytes above.
		if (block->kaddr + block->bytes - low > span)
			break;
		high = block->kaddr + block->bytes;
	}
	if (low >= high)
		return NULL;
	const uint64_t pages = ((high - 1 - low) >> index->page_shift) + 1;
	return table_init(&index->vmalloc, low, pages, index->page_shift);
}

static struct ul_error *enter_all(struct ul_heap *heap, struct ul_heap_index *index)
{
	size_t direct_left = SIZE_MAX;
	size_t vmalloc_left = VMALLOC_SECTIONS + index->direct.sections;
	for (size_t i = 0; i < heap->blocks.len; i++) {
		const struct ul_block *block = &heap->blocks.data[i];
		const uint32_t number = (uint32_t)i;
		if (block->kind != UL_BLOCK_PERCPU && fits(&index->direct, block)) {
			if (!table_enter(&index->direct, index->page_shift, block, number,
					 &direct_left))
				return &ul_enomem;
			continue;
		}
		if (block->kind == UL_BLOCK_VMALLOC && fits(&index->vmalloc, block) &&
		    block->bytes >> index->page_shift <= VMALLOC_PAGES_MAX &&
		    table_enter(&index->vmalloc, index->page_shift, block, number, &vmalloc_left))
			continue;
		if (!ul_vec_push(&index->others, number))
			return &ul_enomem;
	}
	return NULL;
}

static struct ul_error *make_index(struct ul_heap *heap)
{
	UL_CLEANUP(cleanup_index) struct ul_heap_index *index = calloc(1, sizeof(*index));
	if (!index)
		return &ul_enomem;
	index->page_shift = (unsigned int)__builtin_ctz(heap->space.page_bytes);
	if (heap->space.page_offset)
		UL_TRY(table_init(&index->direct, heap->space.page_offset, heap->space.max_pfn,
				  index->page_shift));
	UL_TRY(init_vmalloc_table(heap, index));
	UL_TRY(enter_all(heap, index));
	heap->index = UL_TAKE(index);
	return NULL;
}

/** By address, joined where they touch or overlap. */
static void sort_hidden(struct ul_heap *heap)
{
	size_t kept = 0;
	if (heap->hidden.len)
		qsort(heap->hidden.data, heap->hidden.len, sizeof(*heap->hidden.data),
		      compare_ranges);
	ul_vec_foreach (range, &heap->hidden) {
		struct ul_range *last = kept ? &heap->hidden.data[kept - 1] : NULL;
		if (range->end <= range->start)
			continue;
		if (last && range->start <= last->end)
			last->end = range->end > last->end ? range->end : last->end;
		else
			heap->hidden.data[kept++] = *range;
	}
	heap->hidden.len = kept;
}

struct ul_error *ul_heap_finish(struct ul_heap *heap)
{
	sort_blocks(heap);
	sort_hidden(heap);
	UL_TRY(drop_impossible(heap));
	UL_TRY(number_objects(heap));
	return make_index(heap);
}

/* ---- bits and look-up ---- */

void ul_heap_set_allocated(struct ul_heap *heap, uint64_t object, bool allocated)
{
	const uint64_t bit = UINT64_C(1) << object % 64;
	if (object >= heap->objects)
		return;
	if (allocated)
		heap->allocated[object / 64] |= bit;
	else
		heap->allocated[object / 64] &= ~bit;
}

bool ul_heap_is_allocated(const struct ul_heap *heap, uint64_t object)
{
	return object < heap->objects && heap->allocated[object / 64] >> object % 64 & 1;
}

uint32_t ul_heap_index_others(const struct ul_heap *heap, uint64_t kaddr)
{
	const __auto_type others = &heap->index->others;
	size_t low = 0;
	size_t high = others->len;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (heap->blocks.data[others->data[middle]].kaddr <= kaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? others->data[low - 1] + 1 : 0;
}

static void fill_hit(const struct ul_heap *heap, const struct ul_block *block, uint32_t slot,
		     struct ul_heap_hit *ret)
{
	const uint64_t payload = ul_heap_block_payload(heap, block);
	*ret = (struct ul_heap_hit){
		.block = block,
		.slot = slot,
		.object = (uint64_t)block->first + slot,
		.kaddr = block->kaddr + (uint64_t)slot * block->slot_bytes,
		.bytes = payload < UINT32_MAX ? (uint32_t)payload : UINT32_MAX,
	};
	ret->allocated = ul_heap_is_allocated(heap, ret->object);
}

bool ul_heap_find(const struct ul_heap *heap, uint64_t kaddr, struct ul_heap_hit *ret)
{
	const struct ul_heap_index *index = heap->index;
	if (!index)
		return false;
	uint32_t number = ul_heap_table_get(&index->direct, index->page_shift, kaddr);
	if (!number)
		number = ul_heap_table_get(&index->vmalloc, index->page_shift, kaddr);
	if (!number)
		number = ul_heap_index_others(heap, kaddr);
	if (!number)
		return false;
	const struct ul_block *block = &heap->blocks.data[number - 1];
	const uint64_t offset = kaddr - block->kaddr;
	if (offset >= block->bytes)
		return false;
	const uint32_t slot = ul_heap_block_slot(block, offset);
	if (slot >= block->slots)
		return false; // behind the last slot
	fill_hit(heap, block, slot, ret);
	ret->offset = kaddr - ret->kaddr;
	return true;
}

bool ul_heap_find_page(const struct ul_heap *heap, uint64_t struct_page, struct ul_heap_hit *ret)
{
	uint64_t pfn;
	if (!heap->index || !ul_space_page_pfn(&heap->space, struct_page, &pfn))
		return false;
	const uint64_t kaddr = ul_space_pfn_kaddr(&heap->space, pfn);
	const uint32_t number =
		ul_heap_table_get(&heap->index->direct, heap->index->page_shift, kaddr);
	if (!number)
		return false;
	const struct ul_block *block = &heap->blocks.data[number - 1];
	fill_hit(heap, block, 0, ret);
	ret->offset = kaddr > ret->kaddr && block->slots == 1 ? kaddr - ret->kaddr : 0;
	return true;
}

bool ul_heap_object(const struct ul_heap *heap, uint64_t object, struct ul_heap_hit *ret)
{
	size_t low = 0;
	size_t high = heap->blocks.len;
	if (object >= heap->objects || !heap->index)
		return false;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (heap->blocks.data[middle].first <= object)
			low = middle + 1;
		else
			high = middle;
	}
	const struct ul_block *block = &heap->blocks.data[low - 1];
	fill_hit(heap, block, (uint32_t)(object - block->first), ret);
	return true;
}

uint64_t ul_heap_contents(const struct ul_heap *heap, const struct ul_heap_hit *hit)
{
	const bool copies = hit->block->kind == UL_BLOCK_PERCPU && heap->cpu_offsets.len;
	return copies ? hit->kaddr + heap->cpu_offsets.data[0] : hit->kaddr;
}

const char *ul_heap_block_name(const struct ul_heap *heap, const struct ul_block *block)
{
	switch ((enum ul_block_kind)block->kind) {
	case UL_BLOCK_SLAB:
		if (block->cache < heap->caches.len && heap->caches.data[block->cache].name)
			return heap->caches.data[block->cache].name;
		return "slab";
	case UL_BLOCK_KMALLOC_LARGE:
		return "kmalloc-large";
	case UL_BLOCK_PAGES:
		return "pages";
	case UL_BLOCK_VMALLOC:
		return "vmalloc";
	case UL_BLOCK_PERCPU:
		break;
	}
	return "percpu";
}
