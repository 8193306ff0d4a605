/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Sites: what the allocations of one call site, stack, cache and size are counted under; and the
 * filters, which decide what is recorded at all. Included once, by trace.bpf.c.
 *
 * Kernel structures are read only through CO-RE: this is built without the kernel's headers.
 */
#ifndef UL_SOURCE_TRACE_SITE_BPF_H
#define UL_SOURCE_TRACE_SITE_BPF_H

#include "tables.bpf.h"

/* The few members this needs, found in the running kernel by CO-RE. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct kmem_cache {
	const char *name;
	unsigned int object_size;
	unsigned int size; /* of one slot: what /proc/slabinfo and bytes_alloc before v6.1 say */
};
struct slab { /* Linux mm/slab.h, since v5.17 (d122019bf061) */
	struct kmem_cache *slab_cache;
};
struct page {
	unsigned long compound_head;
};
struct page___before_slab { /* slab_cache in struct page, before v5.17 */
	struct kmem_cache *slab_cache;
};
struct page___info { /* compound_head became compound_info in v7.1 */
	unsigned long compound_info;
};
#pragma clang attribute pop

/* Set before load. */
const volatile bool with_stacks = true; /**< of slab allocations; pages always have theirs */
const volatile bool bytes_filtered = false;
const volatile __u64 bytes_min = 0;
const volatile __u64 bytes_max = ~0ULL;
const volatile __u32 wanted_caches = 0; /**< names in `wanted`; 0: every cache */
const volatile char wanted[ULT_MAX_WANTED][ULT_CACHE_NAME] = {};
const volatile bool wanted_large = false; /**< ... and kmalloc beyond the caches, which has none */
const volatile __u32 only_pid = 0;	  /**< thread group, 0: all */
const volatile __u32 own_pid = 0;	  /**< ours: never recorded */
const volatile char only_comm[ULT_COMM] = {};
const volatile __u64 page_offset = 0; /**< 0: caches of kmalloc objects are not looked up */
const volatile __u64 vmemmap = 0;
const volatile __u32 struct_page_bytes = 64;
const volatile __u32 page_bytes = 4096;
const volatile __u32 kmalloc_cache_max = 8192; /**< beyond: large kmalloc, pages without a cache */
const volatile __u64 gfp_account = 0x400000;

static __always_inline __u64 hash_key(const struct ult_site_key *key)
{
	__u64 hash = mix(0x51ed270b1a2f3c4dULL, key->call_site);
	hash = mix(hash, key->cache ^ (__u64)(__u32)key->stack_id << 20);
	return mix(hash, (__u64)key->bytes << 32 | (__u32)key->allocator << 16 | key->gfp_class);
}

static __always_inline bool process_wanted(void)
{
	const __u32 pid = bpf_get_current_pid_tgid() >> 32;
	if (pid == own_pid && pid)
		return false;
	if (only_pid && pid != only_pid)
		return false;
	if (only_comm[0]) {
		char comm[ULT_COMM] = {};
		bpf_get_current_comm(comm, sizeof(comm));
		for (int i = 0; i < ULT_COMM; i++) {
			if (comm[i] != only_comm[i])
				return false;
			if (!comm[i])
				break;
		}
	}
	return true;
}

/*
 * struct kmem_cache of a slab object, by way of its page; 0 when that cannot be found.
 * Mirrors Linux mm/slab.h virt_to_slab().
 */
static __always_inline __u64 cache_of(__u64 pointer)
{
	if (!page_offset || pointer < page_offset)
		return 0;
	__u64 page = vmemmap + (pointer - page_offset) / page_bytes * struct_page_bytes;
	__u64 head = 0;
	if (bpf_core_field_exists(struct page, compound_head)) {
		struct page *p = (void *)page;
		bpf_core_read(&head, sizeof(head), &p->compound_head);
	} else {
		struct page___info *p = (void *)page;
		bpf_core_read(&head, sizeof(head), &p->compound_info);
	}
	if (head & 1) {
		head -= 1;
		// v7.1 may keep a mask instead of an address: it is no address near the page.
		page = head <= page && page - head < (1ULL << 30) ? head : page & head;
	}
	struct kmem_cache *cache = 0;
	if (bpf_core_type_exists(struct slab)) {
		struct slab *slab = (void *)page;
		bpf_core_read(&cache, sizeof(cache), &slab->slab_cache);
	} else if (bpf_core_field_exists(struct page___before_slab, slab_cache)) {
		struct page___before_slab *slab = (void *)page;
		bpf_core_read(&cache, sizeof(cache), &slab->slab_cache);
	}
	return (__u64)cache;
}

static __always_inline void read_cache_name(__u64 cache, char name[ULT_CACHE_NAME])
{
	const char *text = 0;
	struct kmem_cache *c = (void *)cache;
	if (bpf_core_read(&text, sizeof(text), &c->name) ||
	    bpf_probe_read_kernel_str(name, ULT_CACHE_NAME, text) < 0)
		name[0] = 0;
}

static __always_inline __u32 object_size(__u64 cache)
{
	__u32 bytes = 0;
	struct kmem_cache *c = (void *)cache;
	bpf_core_read(&bytes, sizeof(bytes), &c->object_size);
	return bytes;
}

static __always_inline __u32 slot_size(__u64 cache)
{
	__u32 bytes = 0;
	struct kmem_cache *c = (void *)cache;
	bpf_core_read(&bytes, sizeof(bytes), &c->size);
	return bytes;
}

/* Compares whole names 8 bytes at a time: 8 steps a name instead of 64. */
static __always_inline bool name_is_wanted(const char name[ULT_CACHE_NAME])
{
	for (__u32 i = 0; i < ULT_MAX_WANTED; i++) {
		if (i >= wanted_caches)
			break;
		const volatile __u64 *a = (const volatile __u64 *)wanted[i];
		const __u64 *b = (const __u64 *)name;
		__u64 different = 0;
		for (int word = 0; word < ULT_CACHE_NAME / 8; word++)
			different |= a[word] ^ b[word];
		if (!different)
			return true;
	}
	return false;
}

/* Fill a new site: the cache it allocates from, that cache's name and whether it is wanted. */
static __noinline void fill_site(struct ult_site *site, __u64 pointer)
{
	__u64 words[ULT_CACHE_NAME / 8] = {};
	__u64 cache = site->key.cache;
	if (!cache && site->key.allocator == ULT_SLAB && site->key.bytes <= kmalloc_cache_max) {
		cache = cache_of(pointer);
		if (!cache)
			count(ULT_CACHE_UNREAD);
	}
	site->object_bytes = site->key.bytes;
	site->cache = cache;
	// Not known which cache: the size has decided. Large kmalloc has none, and is wanted by
	// name.
	const bool large = !cache && site->key.bytes > kmalloc_cache_max;
	site->wanted = !wanted_caches || (large ? wanted_large : !cache);
	if (!cache)
		return;
	read_cache_name(cache, (char *)words);
	__builtin_memcpy(site->cache_name, words, sizeof(words));
	if (!site->wanted)
		site->wanted = name_is_wanted((const char *)words);
	if (!site->object_bytes)
		site->object_bytes = object_size(cache);
}

/* A new site under @hash; NULL when there is no room. Another CPU may have been faster. */
static __noinline struct ult_site *new_site(__u64 hash, const struct ult_site_key *key,
					    const struct ult_site *caller, __u64 pointer,
					    __u32 *index)
{
	__u32 fresh;
	if (bpf_map_pop_elem(&site_free, &fresh)) {
		count(ULT_SITE_FULL);
		return 0;
	}
	struct ult_site *site = site_at(fresh);
	if (!site)
		return 0;
	site->key = *key;
	if (caller) {
		site->cache = caller->cache;
		site->object_bytes = caller->object_bytes;
		site->wanted = 1;
		__builtin_memcpy(site->cache_name, caller->cache_name, ULT_CACHE_NAME);
	} else {
		fill_site(site, pointer);
	}
	if (bpf_map_update_elem(&site_ids, &hash, &fresh, BPF_NOEXIST)) {
		bpf_map_push_elem(&site_free, &fresh, 0);
		__u32 *theirs = bpf_map_lookup_elem(&site_ids, &hash);
		if (!theirs) {
			count(ULT_SITE_FULL);
			return 0;
		}
		fresh = *theirs;
		site = site_at(fresh);
	}
	*index = fresh;
	return site;
}

/* The site of @key, made if new. @caller (may be 0): the site of the same call without a stack. */
static __always_inline struct ult_site *enter_site(const struct ult_site_key *key,
						   const struct ult_site *caller, __u64 pointer,
						   __u32 *index)
{
	__u64 hash = hash_key(key);
	__u32 *known = bpf_map_lookup_elem(&site_ids, &hash);
	struct ult_site *site;
	if (known) {
		*index = *known;
		site = site_at(*known);
	} else {
		site = new_site(hash, key, caller, pointer, index);
	}
	if (!site)
		return 0;
	if (site->key.call_site != key->call_site || site->key.stack_id != key->stack_id ||
	    site->key.cache != key->cache || site->key.bytes != key->bytes) {
		count(ULT_SITE_CLASH);
		return 0;
	}
	return site;
}

static __always_inline __u16 gfp_class(__u64 gfp)
{
	return (gfp & 0x01 ? ULT_GFP_DMA : 0) | (gfp & 0x10 ? ULT_GFP_RECLAIMABLE : 0) |
	       (gfp & gfp_account ? ULT_GFP_ACCOUNT : 0);
}

static __always_inline bool in_range(__u64 bytes)
{
	return bytes >= bytes_min && bytes <= bytes_max;
}

/* Whether an event at this address is nothing to us: early, before its arguments are read. */
static __always_inline bool is_outside(__u64 pointer)
{
	return mode == ULT_MODE_OFF || !sampled(ult_hash(pointer));
}

/* Nobody asked for what is allocated at @pointer now: all it says is that the old owner is gone. */
static __always_inline bool is_unwanted(enum ult_allocator allocator, __u64 pointer)
{
	if (mode != ULT_MODE_DRAIN && process_wanted())
		return false;
	close_reused(allocator, pointer);
	return true;
}

/*
 * A slab object was allocated. Of @key: call_site, bytes and gfp_class, or cache, as the event has
 * them. The filters by process, size and cache decide here.
 */
static __always_inline void record_object(void *ctx, __u64 pointer, struct ult_site_key *key)
{
	if (is_outside(pointer))
		return;
	// Either size of a cache will do: people ask for the object's, slabinfo gives the slot's.
	if (key->bytes ? !in_range(key->bytes)
		       : key->cache && bytes_filtered && !in_range(object_size(key->cache)) &&
				 !in_range(slot_size(key->cache)))
		return;
	if (is_unwanted(ULT_SLAB, pointer))
		return;
	__u32 index = 0;
	key->allocator = ULT_SLAB;
	key->stack_id = ULT_NO_STACK;
	struct ult_site *site = enter_site(key, 0, pointer, &index);
	if (!site || !site->wanted)
		return;
	if (with_stacks) {
		key->stack_id = stack_of(ctx);
		site = enter_site(key, site, pointer, &index);
		if (!site)
			return;
	}
	record(ULT_SLAB, ult_hash(pointer), pointer, site, index);
}

/*
 * Pages or a percpu area were allocated: always with a stack, which alone says where they come
 * from. Of @key: bytes, gfp_class, call_site, as the event has them.
 */
static __always_inline void record_area(void *ctx, enum ult_allocator allocator, __u64 pointer,
					struct ult_site_key *key)
{
	if (is_outside(pointer) || is_unwanted(allocator, pointer))
		return;
	__u32 index = 0;
	key->allocator = allocator;
	key->stack_id = stack_of(ctx);
	struct ult_site *site = enter_site(key, 0, pointer, &index);
	if (site)
		record(allocator, ult_hash(pointer), pointer, site, index);
}

#endif
