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
 * The same when the slab changed while it was read.
 */
#include <stdlib.h>
#include <string.h>

#include "source/kwalk/kwalk_internal.h"

/** A slab that is looked at. */
struct slab {
	struct ul_kwalk *walk;
	struct ul_block *block;
	const struct ul_kwalk_cache *cache;
	const uint8_t *data; /**< from block->kaddr on; NULL: read word by word */
	uint64_t free;
	bool damaged;
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
static bool set_free(struct slab *slab, uint64_t kaddr)
{
	uint32_t slot;
	if (!slot_of(slab->block, kaddr, &slot))
		return false;
	const uint64_t object = (uint64_t)slab->block->first + slot;
	if (!ul_heap_is_allocated(slab->walk->heap, object))
		return false;
	ul_heap_set_allocated(slab->walk->heap, object, false);
	slab->free++;
	return true;
}

static bool follow(struct slab *slab, uint64_t kaddr)
{
	while (kaddr)
		if (!set_free(slab, kaddr) || !next_of(slab, kaddr, &kaddr))
			return false;
	return true;
}

static void give_up(struct slab *slab)
{
	struct ul_block *block = slab->block;
	if (block->flags & UL_BLOCK_UNKNOWN)
		return;
	block->flags |= UL_BLOCK_UNKNOWN;
	for (uint32_t i = 0; i < block->slots; i++)
		ul_heap_set_allocated(slab->walk->heap, (uint64_t)block->first + i, true);
	slab->walk->heap->caches.data[block->cache].unknown += block->slots;
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

/** The freelist that the slab's own struct page begins. */
static void free_of_slab(struct ul_kwalk *walk, struct ul_block *block)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	struct slab slab = slab_of(walk, block);
	uint64_t pfn;
	uint64_t head;
	uint64_t again;
	uint64_t cache;
	if (!ul_space_direct_pfn(&walk->heap->space, block->kaddr, &pfn))
		return;
	const uint64_t page = ul_space_pfn_page(&walk->heap->space, pfn);
	if (!ul_kwalk_word(walk, page, layout->slab_freelist, &head) || !follow(&slab, head)) {
		give_up(&slab);
		return;
	}
	if (walk->image->live &&
	    (!ul_kwalk_word(walk, page, layout->slab_freelist, &again) || again != head ||
	     !ul_kwalk_word(walk, page, layout->slab_cache, &cache) || cache != slab.cache->kaddr))
		give_up(&slab);
}

/** Begins with all allocated. */
static struct ul_error *all_allocated(struct ul_heap *heap)
{
	if (heap->objects)
		memset(heap->allocated, 0xff, (heap->objects + 63) / 64 * 8);
	if (heap->objects % 64)
		heap->allocated[heap->objects / 64] = (UINT64_C(1) << heap->objects % 64) - 1;
	return NULL;
}

/** An object that waits on a CPU or in a sheaf, with all behind it. */
static void free_waiting(struct ul_kwalk *walk, const struct ul_kwalk_free *waiting,
			 uint64_t *strays)
{
	struct ul_heap_hit hit;
	if (!ul_heap_find(walk->heap, waiting->kaddr, &hit) || hit.block->kind != UL_BLOCK_SLAB) {
		++*strays;
		return;
	}
	struct ul_block *block = &walk->heap->blocks.data[hit.block - walk->heap->blocks.data];
	struct slab slab = slab_of(walk, block);
	if (block->flags & UL_BLOCK_UNKNOWN)
		return;
	const bool good =
		block->cache == waiting->cache &&
		(waiting->chain ? follow(&slab, waiting->kaddr) : set_free(&slab, waiting->kaddr));
	if (!good)
		give_up(&slab);
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
	uint64_t strays = 0;
	UL_TRY(all_allocated(walk->heap));
	ul_vec_foreach (block, &walk->heap->blocks)
		if (block->kind == UL_BLOCK_SLAB && !in_kfence_pool(walk, block))
			free_of_slab(walk, block);
	ul_vec_foreach (waiting, &walk->waiting)
		free_waiting(walk, waiting, &strays);
	if (strays)
		UL_TRY(ul_kwalk_loss(walk, UL_BIAS_OVER, strays,
				     "objects on lists of free ones that are in no slab"));
	return add_up(walk);
}
