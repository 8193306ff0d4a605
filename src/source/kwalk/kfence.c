// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * KFENCE takes a few allocations of every cache into a pool of its own, one a page, between guard
 * pages. Its pages look like slabs of one object, which may lie anywhere in the page; where it lies
 * and whether it is in use say its own records (Linux mm/kfence/kfence.h struct kfence_metadata),
 * which also name every object: these words are hidden.
 */
#include "source/kwalk/kwalk_internal.h"

static struct ul_error *add_object(struct ul_kwalk *walk, uint64_t metadata, uint64_t kaddr)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	int64_t allocated = 1;
	uint32_t state;
	uint64_t size;
	uint64_t cache;
	uint32_t index;
	ul_types_enumerator(walk->image->types, "KFENCE_OBJECT_ALLOCATED", &allocated);
	if (!ul_kwalk_u32(walk, metadata, layout->kfence_state, &state) || state != allocated ||
	    !ul_kwalk_word(walk, metadata, layout->kfence_size, &size) || !size ||
	    size > walk->heap->space.page_bytes ||
	    !ul_kwalk_word(walk, metadata, layout->kfence_cache, &cache) ||
	    !ul_kwalk_cache_find(walk, cache, &index))
		return NULL;
	const struct ul_block block = {
		.kaddr = kaddr,
		.bytes = size,
		.slots = 1,
		.cache = index,
		.kind = UL_BLOCK_SLAB,
	};
	return ul_heap_add_block(walk->heap, &block);
}

struct ul_error *ul_kwalk_kfence(struct ul_kwalk *walk)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	const uint64_t page_bytes = walk->heap->space.page_bytes;
	uint64_t pool;
	uint64_t metadata;
	uint64_t i = 0;
	if (layout->kfence_addr == UL_KWALK_NONE || !layout->kfence_bytes ||
	    !ul_kwalk_variable(walk, "__kfence_pool", &pool) || !ul_kwalk_is_pointer(pool))
		return NULL;
	// A pointer since v6.5 (commit cabdf74e6b31), an array before: its first word is a list
	// head.
	if (!ul_kwalk_symbol(walk, "kfence_metadata", &metadata))
		return NULL;
	uint64_t pointer;
	uint64_t probe;
	if (ul_kwalk_word(walk, metadata, 0, &pointer) && ul_kwalk_is_pointer(pointer) &&
	    ul_kwalk_word(walk, pointer, layout->kfence_addr, &probe) &&
	    (probe & ~(page_bytes - 1)) == pool + 2 * page_bytes)
		metadata = pointer;
	// Object i has page 2 (i + 1): the records end where that is no longer so.
	for (; i < UL_KWALK_KFENCE; i++) {
		const uint64_t at = metadata + i * layout->kfence_bytes;
		uint64_t kaddr;
		if (!ul_kwalk_word(walk, at, layout->kfence_addr, &kaddr) ||
		    (kaddr & ~(page_bytes - 1)) != pool + 2 * (i + 1) * page_bytes)
			break;
		UL_TRY(ul_kwalk_hide(walk, at + layout->kfence_addr, 8));
		UL_TRY(add_object(walk, at, kaddr));
	}
	if (i)
		walk->kfence_pool = (struct ul_range){pool, pool + 2 * (i + 1) * page_bytes};
	return NULL;
}
