// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Objects that a slab thinks are in use and that wait to be given out: on the freelist of a CPU, in
 * a sheaf of a CPU (main, spare, and the one that gathers what kfree_rcu() frees), in the full
 * sheaves of a node's barn.
 *
 * A sheaf is an array of pointers of which the first `size` count; behind them, and in empty
 * sheaves, stand pointers to objects that were given out since. All of it is hidden. A sheaf that
 * waits for its grace period is on no list: its objects stay allocated, and reachable from it.
 */
#include <stdlib.h>

#include "source/kwalk/kwalk_internal.h"

enum { OBJECTS_AT_ONCE = 64 };

/** @p place: of a freelist, where its first address @p kaddr stands; 0: a single object. */
static struct ul_error *wait(struct ul_kwalk *walk, uint64_t kaddr, uint32_t cache, uint64_t place)
{
	const struct ul_kwalk_free waiting = {.kaddr = kaddr, .cache = cache, .place = place};
	return ul_vec_push(&walk->waiting, waiting) ? NULL : &ul_enomem;
}

static struct ul_error *damaged(struct ul_kwalk *walk)
{
	return ul_kwalk_loss(walk, UL_BIAS_OVER, 1,
			     "sheaves of free objects that make no sense: what is in them counts "
			     "as allocated");
}

/** @p full false: nothing in it counts. */
static struct ul_error *add_sheaf(struct ul_kwalk *walk, uint64_t sheaf, uint32_t cache, bool full)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	uint32_t size;
	uint32_t capacity = 0;
	if (!sheaf)
		return NULL;
	if (!ul_kwalk_is_pointer(sheaf) || !ul_kwalk_u32(walk, sheaf, layout->sheaf_size, &size) ||
	    size > UL_KWALK_SHEAF_OBJECTS)
		return damaged(walk);
	ul_kwalk_u32(walk, walk->caches.data[cache].kaddr, layout->cache_sheaf_capacity, &capacity);
	// Sheaves that were filled for somebody may be larger than the cache's.
	const uint32_t slots = capacity > size ? capacity : size;
	const uint64_t objects = sheaf + layout->sheaf_objects;
	if (slots > UL_KWALK_SHEAF_OBJECTS)
		return damaged(walk);
	UL_TRY(ul_kwalk_hide(walk, objects, (uint64_t)slots * 8));
	for (uint32_t done = 0; full && done < size;) {
		uint64_t batch[OBJECTS_AT_ONCE];
		const uint32_t n = size - done < OBJECTS_AT_ONCE ? size - done : OBJECTS_AT_ONCE;
		if (!ul_kwalk_read(walk, objects + (uint64_t)done * 8, batch, n * sizeof(*batch)))
			return damaged(walk);
		for (uint32_t i = 0; i < n; i++) {
			if (!ul_kwalk_is_pointer(batch[i]))
				return damaged(walk);
			UL_TRY(wait(walk, batch[i], cache, 0));
		}
		done += n;
	}
	return NULL;
}

static struct ul_error *add_sheaf_list(struct ul_kwalk *walk, uint64_t head, uint32_t cache,
				       bool full, size_t *left)
{
	struct ul_kwalk_list list = ul_kwalk_list_begin(walk, head, *left);
	uint64_t node;
	while (ul_kwalk_list_next(&list, &node))
		UL_TRY(add_sheaf(walk, node - walk->layout.sheaf_list, cache, full));
	*left = list.left;
	return list.broken ? damaged(walk) : NULL;
}

static struct ul_error *add_cpus(struct ul_kwalk *walk, uint32_t cache)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	const uint64_t kaddr = walk->caches.data[cache].kaddr;
	const uint32_t sheaves[] = {layout->sheaves_main, layout->sheaves_spare,
				    layout->sheaves_rcu_free};
	uint64_t slab = 0;
	uint64_t held = 0;
	uint64_t at;
	ul_kwalk_word(walk, kaddr, layout->cache_cpu_slab, &slab);
	ul_kwalk_word(walk, kaddr, layout->cache_cpu_sheaves, &held);
	for (size_t cpu = 0; cpu < walk->heap->cpu_offsets.len; cpu++) {
		if (slab &&
		    ul_kwalk_word(walk, ul_kwalk_percpu(walk, slab, cpu), layout->cpu_freelist,
				  &at) &&
		    at)
			UL_TRY(wait(walk, at, cache,
				    ul_kwalk_percpu(walk, slab, cpu) + layout->cpu_freelist));
		for (size_t i = 0; held && i < UL_ARRAY_LEN(sheaves); i++)
			if (ul_kwalk_word(walk, ul_kwalk_percpu(walk, held, cpu), sheaves[i], &at))
				UL_TRY(add_sheaf(walk, at, cache, true));
	}
	return NULL;
}

/** The barn of node number @p index; 0: none. */
static uint64_t barn_of(const struct ul_kwalk *walk, uint64_t cache, uint32_t index)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	const uint64_t entry =
		cache + layout->cache_nodes + (uint64_t)index * layout->cache_node_bytes;
	uint64_t node;
	uint64_t barn;
	if (layout->cache_node_barn != UL_KWALK_NONE)
		return ul_kwalk_word(walk, entry, layout->cache_node_barn, &barn) ? barn : 0;
	if (layout->node_barn == UL_KWALK_NONE ||
	    !ul_kwalk_word(walk, entry, layout->cache_node_node, &node) ||
	    !ul_kwalk_is_pointer(node) || !ul_kwalk_word(walk, node, layout->node_barn, &barn))
		return 0;
	return barn;
}

/** How many nodes this kernel has: arrays in caches end there, whatever their type says. */
static uint32_t count_nodes(const struct ul_kwalk *walk)
{
	uint32_t nodes = 1;
	if (!ul_kwalk_variable32(walk, "nr_node_ids", &nodes) || !nodes)
		nodes = 1;
	const uint32_t most = walk->layout.cache_node_count;
	return nodes < most || !most ? nodes : most;
}

static struct ul_error *add_barns(struct ul_kwalk *walk, uint32_t cache, uint32_t nodes,
				  size_t *left)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	if (layout->barn_full == UL_KWALK_NONE || layout->cache_nodes == UL_KWALK_NONE)
		return NULL;
	for (uint32_t i = 0; i < nodes && i < UL_KWALK_NODES; i++) {
		const uint64_t barn = barn_of(walk, walk->caches.data[cache].kaddr, i);
		if (!barn)
			continue;
		if (!ul_kwalk_is_pointer(barn))
			return damaged(walk);
		UL_TRY(add_sheaf_list(walk, barn + layout->barn_full, cache, true, left));
		UL_TRY(add_sheaf_list(walk, barn + layout->barn_empty, cache, false, left));
	}
	return NULL;
}

struct ul_error *ul_kwalk_sheaves(struct ul_kwalk *walk)
{
	const uint32_t nodes = count_nodes(walk);
	size_t left = UL_KWALK_SHEAVES;
	for (uint32_t i = 0; i < walk->caches.len; i++) {
		UL_TRY(add_cpus(walk, i));
		UL_TRY(add_barns(walk, i, nodes, &left));
	}
	return NULL;
}
