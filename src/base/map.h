/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers of 64 bits -> numbers of 32: addresses and hashes to indices and ids. Open addressing, at
 * most half full; nothing is taken out. Where the key is a hash, what it costs that two are alike
 * is the caller's to know.
 */
#ifndef UL_BASE_MAP_H
#define UL_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct ul_map_slot {
	uint64_t key; /**< 0: empty */
	uint32_t value;
};

/** Zeroed: empty. */
struct ul_map {
	struct ul_map_slot *slots;
	size_t mask;
	size_t used;
};

void ul_map_deinit(struct ul_map *map);
/** Let @p key (not 0) lead to @p value, whatever it led to before; false: no memory. */
bool ul_map_put(struct ul_map *map, uint64_t key, uint32_t value);
/** NULL: @p key leads to nothing. Good until the next put. */
const uint32_t *ul_map_find(const struct ul_map *map, uint64_t key);
/** The same where 0 is no value: 0 when @p key leads to nothing. */
uint32_t ul_map_get(const struct ul_map *map, uint64_t key);

#endif
