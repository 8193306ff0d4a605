// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Objects counted by cache and type: what shows a leak that stays reachable, when there are two
 * such counts. Objects whose type is not known are counted as such, so of each cache all are there.
 */
#include "analysis/typeid_internal.h"

enum { NAME_TEXT = 96 };

/** One cache and type. */
struct tally {
	uint32_t cache;
	ul_type_id type;
	uint64_t objects;
};

struct counting {
	UL_VEC(struct tally) tallies;
	struct ul_map places; /**< of cache and type: index in tallies + 1 */
};

static void counting_deinit(struct counting *counting)
{
	ul_vec_deinit(&counting->tallies);
	ul_map_deinit(&counting->places);
}

static bool count(struct counting *counting, uint32_t cache, ul_type_id type)
{
	const uint64_t key = ((uint64_t)cache + 1) << 32 | type;
	const uint32_t place = ul_map_get(&counting->places, key);
	if (place) {
		counting->tallies.data[place - 1].objects++;
		return true;
	}
	return ul_vec_push(&counting->tallies, ((struct tally){cache, type, 1})) &&
	       ul_map_put(&counting->places, key, (uint32_t)counting->tallies.len);
}

static struct ul_error *count_block(const struct ul_typeid *typeid, const struct ul_block *block,
				    struct counting *counting)
{
	for (uint32_t slot = 0; slot < block->slots; slot++) {
		const uint64_t object = (uint64_t)block->first + slot;
		if (ul_heap_is_allocated(typeid->heap, object) &&
		    !count(counting, block->cache, ul_typeid_of(typeid, object)))
			return &ul_enomem;
	}
	return NULL;
}

struct ul_error *ul_typeid_census(const struct ul_typeid *typeid, struct ul_type_census *ret)
{
	const struct ul_heap *heap = typeid->heap;
	UL_CLEANUP(counting_deinit) struct counting counting = {0};
	UL_CLEANUP_TYPE_CENSUS struct ul_type_census census = {0};
	ul_vec_foreach (block, &heap->blocks)
		if (block->kind == UL_BLOCK_SLAB && block->cache < heap->caches.len)
			UL_TRY(count_block(typeid, block, &counting));
	ul_vec_foreach (tally, &counting.tallies) {
		const struct ul_heap_cache *cache = &heap->caches.data[tally->cache];
		char name[NAME_TEXT];
		if (tally->type)
			ul_types_name(typeid->facts.types, tally->type, name, sizeof(name));
		UL_TRY(ul_type_census_add(&census, cache->name, tally->type ? name : NULL,
					  cache->reclaimable, tally->objects,
					  tally->objects * cache->slot_bytes));
	}
	*ret = census;
	census = (struct ul_type_census){0};
	return NULL;
}
