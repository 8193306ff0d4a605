// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which objects are free. All count as allocated at first; then the freelist of each slab is
 * followed, the freelists of CPUs, and what waits in sheaves.
 *
 * A free object holds the address of the next one, with CONFIG_SLAB_FREELIST_HARDENED mixed with a
 * secret of the cache and its own place, whose bytes are swapped since v5.7 (commit 1ad53d9fa3f6,
 * "slub: improve bit diffusion for freelist ptr obfuscation"). Each address must be a slot of the
 * same slab that is not free yet: so a list cannot run in a circle, and damage ends it. Then
 * nothing is known of that slab, all its objects count as allocated, and none of them as a leak.
 *
 * A live kernel is read in runs of neighbouring slabs: struct pages, slabs, struct pages once more,
 * three copies within microseconds (a read for each link of each list was most of the time of a
 * look). A slab whose struct page says something else the second time has changed meanwhile: it is
 * read again by itself, a few times; when it will not stand still nothing is known of it either.
 */
#include <stdlib.h>
#include <string.h>

#include "source/kwalk/kwalk_internal.h"

enum {
	RUN_BYTES = 256 << 10, /**< what the live reader copies at once */
	RUN_GAP = 16 << 10,    /**< between two slabs of a run, at most */
	TRIES = 4,	       /**< for a slab that changes while it is read */
	CHAIN_TRIES = 16,      /**< for the list that a CPU takes from at this moment */
};

/** A slab that is looked at. */
struct slab {
	struct ul_kwalk *walk;
	struct ul_block *block;
	const struct ul_kwalk_cache *cache;
	const uint8_t *data; /**< from block->kaddr on; NULL: read word by word */
};

/** Slot of an object's address; false when it is none. */
static bool slot_of(const struct ul_block *block, uint64_t kaddr, uint32_t *ret)
{
	const uint64_t offset = kaddr - block->kaddr;
	if (offset >= block->bytes)
		return false;
	const uint64_t slot = block->slot_bytes ? offset / block->slot_bytes : 0;
	if (slot >= block->slots || slot * block->slot_bytes != offset)
		return false;
	*ret = (uint32_t)slot;
	return true;
}

static bool link_at(const struct slab *slab, uint64_t kaddr, uint64_t *ret)
{
	const uint64_t at = kaddr + slab->cache->offset;
	if (!slab->data)
		return ul_kwalk_read(slab->walk, at, ret, sizeof(*ret));
	const uint64_t offset = at - slab->block->kaddr;
	if (offset + sizeof(*ret) > slab->block->bytes)
		return ul_kwalk_read(slab->walk, at, ret, sizeof(*ret));
	memcpy(ret, slab->data + offset, sizeof(*ret));
	return true;
}

/** The next object behind the free one at @p kaddr; 0: it is the last. False: damaged. */
static bool next_of(const struct slab *slab, uint64_t kaddr, uint64_t *ret)
{
	uint64_t word;
	uint32_t slot;
	if (!link_at(slab, kaddr, &word))
		return false;
	const uint64_t at = kaddr + slab->cache->offset;
	const uint64_t mixed = word ^ slab->cache->random;
	const uint64_t candidates[] = {mixed ^ __builtin_bswap64(at), mixed ^ at};
	for (size_t i = 0; slab->cache->hardened && i < UL_ARRAY_LEN(candidates); i++)
		if (!candidates[i] || slot_of(slab->block, candidates[i], &slot)) {
			*ret = candidates[i];
			return true;
		}
	*ret = word;
	return !slab->cache->hardened && (!word || slot_of(slab->block, word, &slot));
}

/** Takes the object at @p kaddr as free; false when that cannot be. */
static bool set_free(const struct slab *slab, uint64_t kaddr)
{
	uint32_t slot;
	if (!slot_of(slab->block, kaddr, &slot))
		return false;
	const uint64_t object = (uint64_t)slab->block->first + slot;
	if (!ul_heap_is_allocated(slab->walk->heap, object))
		return false;
	ul_heap_set_allocated(slab->walk->heap, object, false);
	return true;
}

static bool follow(const struct slab *slab, uint64_t kaddr)
{
	while (kaddr)
		if (!set_free(slab, kaddr) || !next_of(slab, kaddr, &kaddr))
			return false;
	return true;
}

static void set_none_free(struct ul_kwalk *walk, const struct ul_block *block)
{
	for (uint32_t i = 0; i < block->slots; i++)
		ul_heap_set_allocated(walk->heap, (uint64_t)block->first + i, true);
}

/** Of the slab @p block nothing is known. */
static void give_up(struct ul_kwalk *walk, struct ul_block *block)
{
	if (block->flags & UL_BLOCK_UNKNOWN)
		return;
	block->flags |= UL_BLOCK_UNKNOWN;
	set_none_free(walk, block);
	walk->heap->caches.data[block->cache].unknown += block->slots;
}

static struct slab slab_of(struct ul_kwalk *walk, struct ul_block *block)
{
	struct slab slab = {
		.walk = walk, .block = block, .cache = &walk->caches.data[block->cache]};
	size_t run = 0;
	const void *data = ul_memory_map(walk->memory, block->kaddr, &run);
	if (data && run >= block->bytes)
		slab.data = data;
	return slab;
}

static bool in_kfence_pool(const struct ul_kwalk *walk, const struct ul_block *block)
{
	return block->kaddr >= walk->kfence_pool.start && block->kaddr < walk->kfence_pool.end;
}

/** Whether the slab at @p page is another than it was, or its freelist begins elsewhere. */
static bool has_moved(const struct slab *slab, uint64_t page, uint64_t head)
{
	const struct ul_kwalk_layout *layout = &slab->walk->layout;
	uint64_t now;
	uint64_t cache;
	return !ul_kwalk_word(slab->walk, page, layout->slab_freelist, &now) || now != head ||
	       !ul_kwalk_word(slab->walk, page, layout->slab_cache, &cache) ||
	       cache != slab->cache->kaddr;
}

/**
 * The freelist that the slab's own struct page begins. Of a live kernel: of a slab too large for a
 * run, which must be the same afterwards.
 */
static void free_of_slab(struct ul_kwalk *walk, struct ul_block *block)
{
	struct slab slab = slab_of(walk, block);
	uint64_t pfn;
	uint64_t head;
	if (!ul_space_direct_pfn(&walk->heap->space, block->kaddr, &pfn))
		return;
	const uint64_t page = ul_space_pfn_page(&walk->heap->space, pfn);
	if (!ul_kwalk_word(walk, page, walk->layout.slab_freelist, &head) || !follow(&slab, head) ||
	    (walk->image->live && has_moved(&slab, page, head)))
		give_up(walk, block);
}

/* ---- a live kernel ---- */

/** Neighbouring slabs as they were at one moment, and their struct pages before and after it. */
struct run {
	struct ul_kwalk *walk;
	uint64_t kaddr; /**< of a page */
	uint64_t pages;
	uint8_t *data;	 /**< RUN_BYTES */
	uint8_t *before; /**< struct pages of as much */
	uint8_t *after;
};

static void run_deinit(struct run *run)
{
	free(run->data);
	free(run->before);
	free(run->after);
}

static struct ul_error *run_init(struct run *run, struct ul_kwalk *walk)
{
	const struct ul_address_space *space = &walk->heap->space;
	const size_t structs = RUN_BYTES / space->page_bytes * space->struct_page_bytes;
	run->walk = walk;
	run->data = malloc(RUN_BYTES);
	run->before = malloc(structs);
	run->after = malloc(structs);
	return run->data && run->before && run->after ? NULL : &ul_enomem;
}

static bool read_run(struct run *run)
{
	const struct ul_address_space *space = &run->walk->heap->space;
	const size_t structs = (size_t)run->pages * space->struct_page_bytes;
	uint64_t pfn;
	if (!ul_space_direct_pfn(space, run->kaddr, &pfn))
		return false;
	const uint64_t page = ul_space_pfn_page(space, pfn);
	return ul_kwalk_read(run->walk, page, run->before, structs) &&
	       ul_kwalk_read(run->walk, run->kaddr, run->data,
			     (size_t)run->pages * space->page_bytes) &&
	       ul_kwalk_read(run->walk, page, run->after, structs);
}

static uint64_t word_of(const uint8_t *page, uint32_t offset)
{
	uint64_t word;
	memcpy(&word, page + offset, sizeof(word));
	return word;
}

/** Takes what the run says of @p block; false: the slab changed while it was read. */
static bool free_of_run(const struct run *run, struct ul_block *block)
{
	const struct ul_kwalk_layout *layout = &run->walk->layout;
	const struct ul_address_space *space = &run->walk->heap->space;
	struct slab slab = slab_of(run->walk, block);
	const uint64_t into = block->kaddr - run->kaddr;
	const size_t at = (size_t)(into / space->page_bytes) * space->struct_page_bytes;
	const uint64_t head = word_of(run->before + at, layout->slab_freelist);
	if (word_of(run->after + at, layout->slab_freelist) != head ||
	    word_of(run->before + at, layout->slab_cache) != slab.cache->kaddr ||
	    word_of(run->after + at, layout->slab_cache) != slab.cache->kaddr)
		return false;
	slab.data = run->data + into;
	if (!follow(&slab, head))
		give_up(run->walk, block);
	return true;
}

static uint64_t page_of(const struct ul_kwalk *walk, uint64_t kaddr)
{
	return kaddr & ~((uint64_t)walk->heap->space.page_bytes - 1);
}

static void span_run(struct run *run, uint64_t start, uint64_t end)
{
	const uint64_t page_bytes = run->walk->heap->space.page_bytes;
	run->kaddr = page_of(run->walk, start);
	run->pages = (end - run->kaddr + page_bytes - 1) / page_bytes;
}

/** A slab by itself, until it stands still. */
static void free_of_moving(struct run *run, struct ul_block *block)
{
	span_run(run, block->kaddr, block->kaddr + block->bytes);
	for (int i = 0; i < TRIES; i++)
		if (read_run(run) && free_of_run(run, block))
			return;
	give_up(run->walk, block);
}

/** A slab that fits into a run. */
static bool is_runnable(const struct ul_kwalk *walk, const struct ul_block *block)
{
	uint64_t pfn;
	return block->kind == UL_BLOCK_SLAB && !in_kfence_pool(walk, block) &&
	       ul_space_direct_pfn(&walk->heap->space, block->kaddr, &pfn) &&
	       block->kaddr + block->bytes - page_of(walk, block->kaddr) <= RUN_BYTES;
}

/** The slabs from block @p first on that can be read at once: index behind the last of them. */
static size_t end_of_run(const struct ul_kwalk *walk, size_t first)
{
	const __auto_type blocks = &walk->heap->blocks;
	const uint64_t start = page_of(walk, blocks->data[first].kaddr);
	uint64_t end = blocks->data[first].kaddr + blocks->data[first].bytes;
	size_t behind = first + 1;
	for (size_t at = behind; at < blocks->len; at++) {
		const struct ul_block *block = &blocks->data[at];
		if (block->kaddr + block->bytes - start > RUN_BYTES || block->kaddr - end > RUN_GAP)
			break;
		if (!is_runnable(walk, block))
			continue;
		end = block->kaddr + block->bytes;
		behind = at + 1;
	}
	return behind;
}

static void free_in_run(struct run *run, size_t first, size_t end)
{
	struct ul_kwalk *walk = run->walk;
	struct ul_block *blocks = walk->heap->blocks.data;
	UL_VEC(size_t) moving = {0};
	span_run(run, blocks[first].kaddr, blocks[end - 1].kaddr + blocks[end - 1].bytes);
	const bool whole = read_run(run);
	for (size_t i = first; i < end; i++) {
		if (!is_runnable(walk, &blocks[i]) || (whole && free_of_run(run, &blocks[i])))
			continue;
		if (!ul_vec_push(&moving, i))
			give_up(walk, &blocks[i]);
	}
	ul_vec_foreach (i, &moving)
		free_of_moving(run, &blocks[*i]);
	ul_vec_deinit(&moving);
}

/* ---- all of them ---- */

/** Begins with all allocated. */
static void all_allocated(struct ul_heap *heap)
{
	if (heap->objects)
		memset(heap->allocated, 0xff, (heap->objects + 63) / 64 * 8);
	if (heap->objects % 64)
		heap->allocated[heap->objects / 64] = (UINT64_C(1) << heap->objects % 64) - 1;
}

/** What the slabs' own struct pages say. */
static void free_of_slabs(struct run *run)
{
	struct ul_kwalk *walk = run->walk;
	const __auto_type blocks = &walk->heap->blocks;
	for (size_t i = 0; i < blocks->len;) {
		struct ul_block *block = &blocks->data[i];
		if (walk->image->live && is_runnable(walk, block)) {
			const size_t end = end_of_run(walk, i);
			free_in_run(run, i, end);
			i = end;
			continue;
		}
		if (block->kind == UL_BLOCK_SLAB && !in_kfence_pool(walk, block))
			free_of_slab(walk, block);
		i++;
	}
}

/** Follows a list some of whose objects may be known to be free: they were on another before. */
static bool follow_again(const struct slab *slab, uint64_t kaddr)
{
	for (uint32_t steps = 0; kaddr; steps++) {
		uint32_t slot;
		if (steps == slab->block->slots || !slot_of(slab->block, kaddr, &slot))
			return false;
		(void)set_free(slab, kaddr);
		if (!next_of(slab, kaddr, &kaddr))
			return false;
	}
	return true;
}

static struct ul_block *slab_at(const struct ul_kwalk *walk, uint64_t kaddr, uint32_t cache)
{
	struct ul_heap_hit hit;
	if (!ul_heap_find(walk->heap, kaddr, &hit) || hit.block->kind != UL_BLOCK_SLAB ||
	    hit.block->cache != cache)
		return NULL;
	return &walk->heap->blocks.data[hit.block - walk->heap->blocks.data];
}

/**
 * One try: *@p ret is the slab that the list is in, NULL when all of it was given out. False: it
 * moved while it was read.
 */
static bool read_chain(struct run *run, const struct ul_kwalk_free *waiting, struct ul_block **ret)
{
	struct ul_kwalk *walk = run->walk;
	uint64_t head;
	uint64_t again;
	*ret = NULL;
	if (!ul_kwalk_word(walk, waiting->place, 0, &head) || !head)
		return true;
	struct ul_block *block = slab_at(walk, head, waiting->cache);
	if (!block || block->bytes > RUN_BYTES ||
	    !ul_kwalk_read(walk, block->kaddr, run->data, block->bytes) ||
	    !ul_kwalk_word(walk, waiting->place, 0, &again) || again != head)
		return false;
	struct slab slab = slab_of(walk, block);
	slab.data = run->data;
	if (!(block->flags & UL_BLOCK_UNKNOWN) && !follow_again(&slab, head))
		give_up(walk, block);
	*ret = block;
	return true;
}

/** Whether a CPU gives out objects of @p block now: what is free of it is then in two lists. */
static bool is_worked_on(const struct ul_kwalk *walk, const struct ul_block *block)
{
	uint64_t head;
	ul_vec_foreach (waiting, &walk->waiting)
		if (waiting->place && waiting->cache == block->cache &&
		    (!ul_kwalk_word(walk, waiting->place, 0, &head) ||
		     head - block->kaddr < block->bytes))
			return true;
	return false;
}

/** A slab that its CPU has done with since: all that is free of it is in its struct page now. */
static void free_of_returned(struct run *run, struct ul_block *block)
{
	struct ul_kwalk *walk = run->walk;
	if (block->flags & UL_BLOCK_UNKNOWN)
		return;
	set_none_free(walk, block);
	if (is_runnable(walk, block) && !is_worked_on(walk, block))
		free_of_moving(run, block);
	else
		give_up(walk, block);
	// A CPU that took it up while it was read has its free objects in the other list.
	if (is_worked_on(walk, block))
		give_up(walk, block);
}

/** The freelist of a CPU that goes on working: from where it begins now. */
static void free_chain_of_live(struct run *run, const struct ul_kwalk_free *waiting)
{
	struct ul_block *before = slab_at(run->walk, waiting->kaddr, waiting->cache);
	struct ul_block *now = NULL;
	bool stood = false;
	for (int i = 0; i < CHAIN_TRIES && !stood; i++)
		stood = read_chain(run, waiting, &now);
	if (before && (!stood || now != before))
		free_of_returned(run, before);
}

/** An object that waits on a CPU or in a sheaf, with all behind it. */
static void free_waiting(struct run *run, const struct ul_kwalk_free *waiting, uint64_t *strays)
{
	struct ul_kwalk *walk = run->walk;
	struct ul_heap_hit hit;
	if (!ul_heap_find(walk->heap, waiting->kaddr, &hit) || hit.block->kind != UL_BLOCK_SLAB) {
		++*strays;
		return;
	}
	struct ul_block *block = &walk->heap->blocks.data[hit.block - walk->heap->blocks.data];
	struct slab slab = slab_of(walk, block);
	if (block->flags & UL_BLOCK_UNKNOWN)
		return;
	if (!slab.data && waiting->place && block->bytes <= RUN_BYTES &&
	    ul_kwalk_read(walk, block->kaddr, run->data, block->bytes))
		slab.data = run->data;
	const bool good =
		block->cache == waiting->cache &&
		(waiting->place ? follow(&slab, waiting->kaddr) : set_free(&slab, waiting->kaddr));
	// Of a live kernel only single objects come here: it has gone back to its slab meanwhile.
	if (!good && !(walk->image->live && block->cache == waiting->cache))
		give_up(walk, block);
}

static uint64_t count_bits(const struct ul_heap *heap, uint64_t first, uint64_t count)
{
	uint64_t set = 0;
	while (count) {
		const unsigned int shift = first % 64;
		const unsigned int bits = count < 64 - shift ? (unsigned int)count : 64 - shift;
		const uint64_t mask = bits == 64 ? UINT64_MAX : ((UINT64_C(1) << bits) - 1);
		set += (uint64_t)__builtin_popcountll(heap->allocated[first / 64] >> shift & mask);
		first += bits;
		count -= bits;
	}
	return set;
}

static struct ul_error *add_up(struct ul_kwalk *walk)
{
	uint64_t unknown = 0;
	ul_vec_foreach (block, &walk->heap->blocks)
		if (block->kind == UL_BLOCK_SLAB && !in_kfence_pool(walk, block)) {
			walk->heap->caches.data[block->cache].allocated +=
				count_bits(walk->heap, block->first, block->slots);
			unknown += block->flags & UL_BLOCK_UNKNOWN ? 1 : 0;
		}
	if (!unknown)
		return NULL;
	return ul_kwalk_loss(
		walk, UL_BIAS_UNDER, unknown,
		walk->image->live ? "slabs that changed while they were read: none of their "
				    "objects counts as lost"
				  : "slabs with a damaged freelist: none of their objects counts "
				    "as lost");
}

struct ul_error *ul_kwalk_freelists(struct ul_kwalk *walk)
{
	UL_CLEANUP(run_deinit) struct run run = {0};
	uint64_t strays = 0;
	UL_TRY(run_init(&run, walk));
	all_allocated(walk->heap);
	free_of_slabs(&run);
	// Lists first: a slab that is read anew forgets what was said to be free of it.
	ul_vec_foreach (waiting, &walk->waiting)
		if (waiting->place && walk->image->live)
			free_chain_of_live(&run, waiting);
		else if (waiting->place)
			free_waiting(&run, waiting, &strays);
	ul_vec_foreach (waiting, &walk->waiting)
		if (!waiting->place)
			free_waiting(&run, waiting, &strays);
	if (strays)
		UL_TRY(ul_kwalk_loss(walk, UL_BIAS_OVER, strays,
				     "objects on lists of free ones that are in no slab"));
	return add_up(walk);
}
