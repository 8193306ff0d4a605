// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Per-CPU memory (Linux mm/percpu.c). A chunk is divided in granules of four bytes; two bitmaps say
 * where areas begin and which are given out. The same layout is there once for each CPU, a unit.
 *
 * What is in per-CPU areas is a root, all CPUs' copies of it: nobody else points from there often
 * enough to find out. That an area itself is lost can be seen, for a block is made of each, at the
 * address that the kernel hands out: offset + __per_cpu_start. On x86 before v6.15 that is a small
 * number, which ordinary numbers may equal: lost areas are missed then, never invented.
 */
#include "source/kwalk/kwalk_internal.h"

enum {
	GRANULE = 4, /**< Linux mm/percpu-internal.h PCPU_MIN_ALLOC_SIZE */
	CHUNK_PAGES_MAX = 1 << 16,
	BITS = 64
};

struct chunk {
	uint64_t base;	     /**< of CPU 0's unit */
	uint32_t first, end; /**< granules that may be given out */
	uint64_t *allocated, *bound;
	uint32_t words;
};

static void chunk_deinit(struct chunk *chunk)
{
	free(chunk->allocated);
	free(chunk->bound);
}

static bool bit_of(const uint64_t *map, uint32_t bit)
{
	return map[bit / BITS] >> bit % BITS & 1;
}

static struct ul_error *damaged(struct ul_kwalk *walk)
{
	return ul_kwalk_loss(walk, UL_BIAS_OVER, 1, "per-CPU chunks that make no sense");
}

/** *@p ret_ok false: there is no chunk that can be understood. */
static struct ul_error *read_chunk(struct ul_kwalk *walk, uint64_t kaddr, struct chunk *chunk,
				   bool *ret_ok)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	uint64_t allocated;
	uint64_t bound;
	uint32_t pages;
	uint32_t start = 0;
	uint32_t tail = 0;
	*ret_ok = false;
	if (!ul_kwalk_word(walk, kaddr, layout->chunk_base, &chunk->base) ||
	    !ul_kwalk_word(walk, kaddr, layout->chunk_alloc_map, &allocated) ||
	    !ul_kwalk_word(walk, kaddr, layout->chunk_bound_map, &bound) ||
	    !ul_kwalk_u32(walk, kaddr, layout->chunk_nr_pages, &pages) ||
	    !ul_kwalk_is_pointer(chunk->base) || !ul_kwalk_is_pointer(allocated) ||
	    !ul_kwalk_is_pointer(bound) || !pages || pages > CHUNK_PAGES_MAX)
		return NULL;
	ul_kwalk_u32(walk, kaddr, layout->chunk_start, &start);
	ul_kwalk_u32(walk, kaddr, layout->chunk_end, &tail);
	const uint64_t bytes = (uint64_t)pages * walk->heap->space.page_bytes;
	if ((uint64_t)start + tail >= bytes)
		return NULL;
	chunk->first = start / GRANULE;
	chunk->end = (uint32_t)((bytes - tail) / GRANULE);
	chunk->words = (uint32_t)(bytes / GRANULE / BITS);
	chunk->allocated = calloc(chunk->words, sizeof(uint64_t));
	chunk->bound = calloc(chunk->words, sizeof(uint64_t));
	if (!chunk->allocated || !chunk->bound)
		return &ul_enomem;
	*ret_ok = ul_kwalk_read(walk, allocated, chunk->allocated, chunk->words * 8) &&
		  ul_kwalk_read(walk, bound, chunk->bound, chunk->words * 8);
	return NULL;
}

/** Granules [first, end) on all CPUs are given out. */
static struct ul_error *root_granules(struct ul_kwalk *walk, const struct chunk *chunk,
				      uint32_t first, uint32_t end)
{
	const uint64_t value = chunk->base - walk->percpu_base + walk->percpu_start;
	for (size_t cpu = 0; cpu < walk->heap->cpu_offsets.len; cpu++)
		UL_TRY(ul_kwalk_root(walk, UL_ROOT_PERCPU,
				     ul_kwalk_percpu(walk, value, cpu) + (uint64_t)first * GRANULE,
				     (uint64_t)(end - first) * GRANULE, 0));
	return NULL;
}

static struct ul_error *add_areas(struct ul_kwalk *walk, const struct chunk *chunk)
{
	const uint64_t value = chunk->base - walk->percpu_base + walk->percpu_start;
	uint32_t run = chunk->first; // given out without a gap since here
	for (uint32_t at = chunk->first; at < chunk->end;) {
		uint32_t end = at + 1;
		while (end < chunk->end && !bit_of(chunk->bound, end))
			end++;
		if (bit_of(chunk->allocated, at)) {
			const struct ul_block block = {
				.kaddr = value + (uint64_t)at * GRANULE,
				.bytes = (uint64_t)(end - at) * GRANULE,
				.slots = 1,
				.cache = UINT32_MAX,
				.kind = UL_BLOCK_PERCPU,
				.flags = UL_BLOCK_NO_SCAN,
			};
			UL_TRY(ul_heap_add_block(walk->heap, &block));
		} else {
			if (run < at)
				UL_TRY(root_granules(walk, chunk, run, at));
			run = end;
		}
		at = end;
	}
	return run < chunk->end ? root_granules(walk, chunk, run, chunk->end) : NULL;
}

static void claim_units(struct ul_kwalk *walk, uint64_t base, uint64_t bytes)
{
	const uint64_t value = base - walk->percpu_base + walk->percpu_start;
	for (size_t cpu = 0; cpu < walk->heap->cpu_offsets.len; cpu++)
		ul_kwalk_claim(walk, ul_kwalk_percpu(walk, value, cpu), bytes, UL_FRAME_PERCPU);
}

static struct ul_error *add_chunk(struct ul_kwalk *walk, uint64_t kaddr)
{
	UL_CLEANUP(chunk_deinit) struct chunk chunk = {0};
	bool ok;
	UL_TRY(read_chunk(walk, kaddr, &chunk, &ok));
	if (!ok)
		return damaged(walk);
	claim_units(walk, chunk.base, (uint64_t)chunk.words * BITS * GRANULE);
	return add_areas(walk, &chunk);
}

static struct ul_error *add_list(struct ul_kwalk *walk, uint64_t head, size_t *left)
{
	struct ul_kwalk_list list = ul_kwalk_list_begin(walk, head, *left);
	uint64_t node;
	while (ul_kwalk_list_next(&list, &node))
		UL_TRY(add_chunk(walk, node - walk->layout.chunk_list));
	*left = list.left;
	return list.broken ? damaged(walk) : NULL;
}

/** Variables of the kernel and of modules that are there from the start. */
static struct ul_error *add_static(struct ul_kwalk *walk)
{
	uint64_t end;
	if (!ul_kwalk_symbol(walk, "__per_cpu_end", &end) || end <= walk->percpu_start)
		return NULL;
	const uint64_t bytes = end - walk->percpu_start;
	for (size_t cpu = 0; cpu < walk->heap->cpu_offsets.len; cpu++)
		UL_TRY(ul_kwalk_root_without(walk, UL_ROOT_PERCPU,
					     ul_kwalk_percpu(walk, walk->percpu_start, cpu), bytes,
					     0));
	if (walk->percpu_base)
		claim_units(walk, walk->percpu_base, bytes);
	return NULL;
}

struct ul_error *ul_kwalk_percpu_chunks(struct ul_kwalk *walk)
{
	uint64_t lists;
	uint32_t slots;
	uint64_t reserved;
	int64_t types = 1;
	size_t left = UL_KWALK_CHUNKS;
	UL_TRY(add_static(walk));
	if (!walk->percpu_base || !walk->heap->cpu_offsets.len ||
	    walk->layout.chunk_list == UL_KWALK_NONE ||
	    !ul_kwalk_variable(walk, "pcpu_chunk_lists", &lists) || !ul_kwalk_is_pointer(lists) ||
	    !ul_kwalk_variable32(walk, "pcpu_nr_slots", &slots) || !slots || slots > 1024)
		return ul_kwalk_loss(walk, UL_BIAS_OVER, 0,
				     "per-CPU areas: the lists of chunks are not found");
	// Charged areas had lists of their own from v5.9 to v5.13.
	if (!ul_types_enumerator(walk->image->types, "PCPU_NR_CHUNK_TYPES", &types) || types < 1 ||
	    types > 8)
		types = 1;
	for (uint64_t i = 0; left && i < (uint64_t)types * slots; i++)
		UL_TRY(add_list(walk, lists + i * 16, &left));
	if (ul_kwalk_variable(walk, "pcpu_reserved_chunk", &reserved) &&
	    ul_kwalk_is_pointer(reserved))
		UL_TRY(add_chunk(walk, reserved));
	return NULL;
}
