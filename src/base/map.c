// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/map.h"

#include <stdlib.h>

#include "base/hash.h"

enum { SLOTS_MIN = 1024 };

static struct ul_map_slot *slot_of(const struct ul_map *map, uint64_t key)
{
	for (size_t i = (size_t)ul_hash_u64(0, key);; i++) {
		struct ul_map_slot *slot = &map->slots[i & map->mask];
		if (!slot->key || slot->key == key)
			return slot;
	}
}

static bool grow(struct ul_map *map)
{
	struct ul_map grown = {.mask = map->slots ? map->mask * 2 + 1 : SLOTS_MIN - 1,
			       .used = map->used};
	grown.slots = calloc(grown.mask + 1, sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	for (size_t i = 0; map->slots && i <= map->mask; i++)
		if (map->slots[i].key)
			*slot_of(&grown, map->slots[i].key) = map->slots[i];
	free(map->slots);
	*map = grown;
	return true;
}

void ul_map_deinit(struct ul_map *map)
{
	free(map->slots);
	*map = (struct ul_map){0};
}

bool ul_map_put(struct ul_map *map, uint64_t key, uint32_t value)
{
	if ((!map->slots || map->used * 2 >= map->mask) && !grow(map))
		return false;
	struct ul_map_slot *slot = slot_of(map, key);
	map->used += !slot->key;
	*slot = (struct ul_map_slot){key, value};
	return true;
}

const uint32_t *ul_map_find(const struct ul_map *map, uint64_t key)
{
	const struct ul_map_slot *slot = map->slots && key ? slot_of(map, key) : NULL;
	return slot && slot->key ? &slot->value : NULL;
}

uint32_t ul_map_get(const struct ul_map *map, uint64_t key)
{
	const uint32_t *value = ul_map_find(map, key);
	return value ? *value : 0;
}
