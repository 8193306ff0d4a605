// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Slab caches: those on slab_caches, and those that only their slabs know (no data symbols; a cache
 * that is being destroyed). A struct kmem_cache is believed when its name is printable and its
 * sizes make sense.
 *
 * One cache may serve several users (merging). Their names are symbolic links under
 * /sys/kernel/slab, and these links are in memory: kernfs nodes below slab_kset.
 */
#include <stdlib.h>
#include <string.h>

#include "source/kwalk/kwalk_internal.h"

enum {
	NAME_BYTES = 128,
	SLOT_BYTES_MAX = 64 << 20,
	SLAB_RECLAIM_ACCOUNT = 17, /**< bit of flags up to v6.8; an enumerator from v6.9 on */
	SLAB_STORE_USER = 16,	   /**< likewise */
	KERNFS_LINK = 4,	   /**< Linux include/linux/kernfs.h enum kernfs_node_type */
	KERNFS_TYPE_MASK = 0xf,
	ALIASES_MAX = 1 << 20
};

static size_t slot_of(const struct ul_kwalk *walk, uint64_t kaddr)
{
	size_t slot = (size_t)(kaddr * 0x9e3779b97f4a7c15ULL >> 32) & (walk->cache_slots_len - 1);
	while (walk->cache_slots[slot] &&
	       walk->caches.data[walk->cache_slots[slot] - 1].kaddr != kaddr)
		slot = (slot + 1) & (walk->cache_slots_len - 1);
	return slot;
}

bool ul_kwalk_cache_find(const struct ul_kwalk *walk, uint64_t kaddr, uint32_t *ret)
{
	if (!walk->cache_slots_len)
		return false;
	const uint32_t found = walk->cache_slots[slot_of(walk, kaddr)];
	if (!found)
		return false;
	*ret = found - 1;
	return true;
}

/** Keeps the table at most half full. */
static struct ul_error *make_room(struct ul_kwalk *walk)
{
	if (walk->caches.len * 2 < walk->cache_slots_len)
		return NULL;
	const size_t len = walk->cache_slots_len ? walk->cache_slots_len * 2 : 1024;
	uint32_t *slots = calloc(len, sizeof(*slots));
	if (!slots)
		return &ul_enomem;
	free(walk->cache_slots);
	walk->cache_slots = slots;
	walk->cache_slots_len = len;
	for (size_t i = 0; i < walk->caches.len; i++)
		slots[slot_of(walk, walk->caches.data[i].kaddr)] = (uint32_t)i + 1;
	return NULL;
}

/** Whether bit @p bit of a cache's flags is set; newer kernels have it as enumerator @p name. */
static bool has_flag(const struct ul_kwalk *walk, uint32_t flags, const char *name, int64_t bit)
{
	int64_t named;
	// commit cc61eb851409 ("mm/slab: use an enum to define SLAB_ cache creation flags") (v6.9)
	if (ul_types_enumerator(walk->image->types, name, &named) && named >= 0 && named < 32)
		bit = named;
	return flags >> bit & 1;
}

/**
 * Where SLUB keeps who asked for an object: Linux mm/slub.c get_info_end(), get_track(). Behind the
 * object, and behind the free pointer where that is, too; the first record is that of allocating.
 */
static uint32_t find_track(const struct ul_kwalk *walk, uint64_t kaddr, uint32_t flags,
			   uint32_t free_pointer, uint32_t slot_bytes)
{
	struct ul_place inuse;
	struct ul_place addr;
	uint32_t end;
	if (!has_flag(walk, flags, "_SLAB_STORE_USER", SLAB_STORE_USER) ||
	    !ul_types_place(walk->image->types, "kmem_cache", "inuse", &inuse) ||
	    !ul_types_place(walk->image->types, "track", "addr", &addr) ||
	    !ul_kwalk_u32(walk, kaddr, inuse.offset, &end) || end > slot_bytes)
		return 0;
	if (free_pointer >= end)
		end += 8;
	end += addr.offset;
	return end % 8 || end + 8 > slot_bytes ? 0 : end;
}

/** False when there is no cache at @p kaddr. */
static bool read_cache(const struct ul_kwalk *walk, uint64_t kaddr, char name[static NAME_BYTES],
		       struct ul_kwalk_cache *cache, struct ul_heap_cache *record)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	uint64_t name_at;
	uint32_t flags;
	uint32_t users = 1;
	if (!ul_kwalk_is_pointer(kaddr) ||
	    !ul_kwalk_word(walk, kaddr, layout->cache_name, &name_at) ||
	    !ul_kwalk_string(walk, name_at, name, NAME_BYTES) ||
	    !ul_kwalk_u32(walk, kaddr, layout->cache_size, &record->slot_bytes) ||
	    !ul_kwalk_u32(walk, kaddr, layout->cache_object_size, &record->object_bytes) ||
	    !ul_kwalk_u32(walk, kaddr, layout->cache_offset, &cache->offset) ||
	    !ul_kwalk_u32(walk, kaddr, layout->cache_flags, &flags))
		return false;
	if (record->slot_bytes < 8 || record->slot_bytes > SLOT_BYTES_MAX ||
	    record->object_bytes > record->slot_bytes || cache->offset > record->slot_bytes - 8)
		return false;
	cache->kaddr = record->kaddr = kaddr;
	cache->size = record->slot_bytes;
	cache->hardened = ul_kwalk_word(walk, kaddr, layout->cache_random, &cache->random);
	if (!ul_kwalk_u32(walk, kaddr, layout->cache_red_left_pad, &cache->red_left_pad) ||
	    cache->red_left_pad >= record->slot_bytes)
		cache->red_left_pad = 0;
	record->merged = ul_kwalk_u32(walk, kaddr, layout->cache_refcount, &users) && users > 1;
	record->reclaimable = has_flag(walk, flags, "_SLAB_RECLAIM_ACCOUNT", SLAB_RECLAIM_ACCOUNT);
	record->track = find_track(walk, kaddr, flags, cache->offset, record->slot_bytes);
	return true;
}

/** Adds the cache unless it is known, or none. */
static struct ul_error *add_cache(struct ul_kwalk *walk, uint64_t kaddr, bool *ret_is)
{
	char name[NAME_BYTES];
	struct ul_kwalk_cache cache = {0};
	struct ul_heap_cache record = {0};
	uint32_t known;
	*ret_is = ul_kwalk_cache_find(walk, kaddr, &known);
	if (*ret_is || walk->caches.len >= UL_KWALK_CACHES ||
	    !read_cache(walk, kaddr, name, &cache, &record))
		return NULL;
	*ret_is = true;
	UL_TRY(make_room(walk));
	if (!ul_vec_reserve(&walk->caches, walk->caches.len + 1) ||
	    !ul_vec_reserve(&walk->heap->caches, walk->heap->caches.len + 1))
		return &ul_enomem;
	record.name = strdup(name);
	if (!record.name)
		return &ul_enomem;
	walk->cache_slots[slot_of(walk, kaddr)] = (uint32_t)walk->caches.len + 1;
	walk->caches.data[walk->caches.len++] = cache;
	walk->heap->caches.data[walk->heap->caches.len++] = record;
	return NULL;
}

/** Caches on the list that @p head is on. */
static struct ul_error *add_list(struct ul_kwalk *walk, uint64_t head, bool *ret_whole)
{
	struct ul_kwalk_list list = ul_kwalk_list_begin(walk, head, UL_KWALK_CACHES);
	uint64_t node;
	*ret_whole = true;
	while (ul_kwalk_list_next(&list, &node)) {
		bool is;
		UL_TRY(add_cache(walk, node - walk->layout.cache_list, &is));
		*ret_whole = *ret_whole && is;
	}
	*ret_whole = *ret_whole && !list.broken;
	return NULL;
}

/** Caches that slabs name. */
static struct ul_error *add_from_slabs(struct ul_kwalk *walk)
{
	uint64_t last = 0;
	bool whole;
	ul_vec_foreach (slab, &walk->slabs) {
		const size_t before = walk->caches.len;
		bool is;
		if (slab->cache == last)
			continue;
		last = slab->cache;
		UL_TRY(add_cache(walk, slab->cache, &is));
		// All the others are on the same list; its head, slab_caches, is no cache.
		if (walk->caches.len > before)
			UL_TRY(add_list(walk, slab->cache + walk->layout.cache_list, &whole));
	}
	return NULL;
}

struct ul_error *ul_kwalk_caches(struct ul_kwalk *walk)
{
	uint64_t head;
	if (ul_kwalk_symbol(walk, "slab_caches", &head)) {
		bool whole;
		UL_TRY(add_list(walk, head, &whole));
		if (!whole)
			UL_TRY(ul_kwalk_loss(walk, UL_BIAS_NONE, 0,
					     "slab caches: their list is damaged; those without "
					     "slabs are missing"));
	}
	UL_TRY(add_from_slabs(walk));
	if (!walk->caches.len && walk->slabs.len)
		return ul_error_new(UL_ERR_BAD_DATA,
				    "slab caches: %zu slab pages, and none names a cache that "
				    "makes sense",
				    walk->slabs.len);
	return NULL;
}

/* ---- aliases ---- */

static struct ul_error *add_alias(struct ul_heap_cache *cache, const char *name)
{
	UL_CLEANUP_FREE char *joined = NULL;
	if (!strcmp(cache->name, name))
		return NULL;
	cache->merged = true;
	if (cache->aliases) {
		if (asprintf(&joined, "%s, %s", cache->aliases, name) < 0) {
			joined = NULL;
			return &ul_enomem;
		}
	} else {
		joined = strdup(name);
		if (!joined)
			return &ul_enomem;
	}
	free(cache->aliases);
	cache->aliases = UL_TAKE(joined);
	return NULL;
}

/** A node below /sys/kernel/slab: links are named as a user of the cache that they lead to. */
static struct ul_error *visit_node(void *argument, uint64_t rb)
{
	struct ul_kwalk *walk = argument;
	const struct ul_kwalk_layout *layout = &walk->layout;
	const uint64_t node = rb - layout->kernfs_rb;
	char name[NAME_BYTES];
	uint32_t flags;
	uint32_t index;
	uint64_t at;
	uint64_t target;
	uint64_t kobject;
	if (!ul_kwalk_u32(walk, node, layout->kernfs_flags, &flags) ||
	    (flags & KERNFS_TYPE_MASK) != KERNFS_LINK ||
	    !ul_kwalk_word(walk, node, layout->kernfs_name, &at) ||
	    !ul_kwalk_string(walk, at, name, sizeof(name)) ||
	    !ul_kwalk_word(walk, node, layout->kernfs_target, &target) ||
	    !ul_kwalk_is_pointer(target) ||
	    !ul_kwalk_word(walk, target, layout->kernfs_priv, &kobject) ||
	    !ul_kwalk_cache_find(walk, kobject - layout->cache_kobj, &index))
		return NULL;
	return add_alias(&walk->heap->caches.data[index], name);
}

struct ul_error *ul_kwalk_aliases(struct ul_kwalk *walk)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	uint64_t kset;
	uint64_t directory;
	uint64_t root;
	size_t left = ALIASES_MAX;
	bool whole;
	if (layout->kernfs_rb == UL_KWALK_NONE || layout->cache_kobj == UL_KWALK_NONE ||
	    layout->kset_kobj == UL_KWALK_NONE || layout->rb_parent == UL_KWALK_NONE ||
	    !ul_kwalk_variable(walk, "slab_kset", &kset) || !ul_kwalk_is_pointer(kset) ||
	    !ul_kwalk_word(walk, kset + layout->kset_kobj, layout->kobject_sd, &directory) ||
	    !ul_kwalk_is_pointer(directory) ||
	    !ul_kwalk_word(walk, directory, layout->kernfs_children, &root))
		return NULL; // no sysfs: names stay single
	return ul_kwalk_tree(walk, root, &left, visit_node, walk, &whole);
}
