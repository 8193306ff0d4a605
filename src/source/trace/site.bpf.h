/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Sites: what the allocations of one call site, stack, cache and size are counted under; and the
 * filters, which decide what is recorded at all. Included once, by trace.bpf.c.
 *
 * Kernel structures are read only through CO-RE: this is built without the kernel's headers.
 */
#ifndef UL_SOURCE_TRACE_SITE_BPF_H
#define UL_SOURCE_TRACE_SITE_BPF_H

#include "stack.bpf.h"
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
struct kernfs_node {
	__u64 id; /* of a cgroup: the inode number of its directory */
};
struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};
struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};
struct css_set {
	struct cgroup_subsys_state *subsys[1]; /* as many as there are controllers */
	struct cgroup *dfl_cgrp;	       /* of version 2 */
};
struct task_struct___cgroups {
	struct css_set *cgroups;
};
enum cgroup_subsys_id___memory {
	memory_cgrp_id___memory = 1,
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
const volatile __u64 only_cgroup = 0;  /**< its number, and all below it; 0: all */
const volatile bool cgroup_v1 = false; /**< of the memory controller's own hierarchy */
const volatile __u64 page_offset = 0;  /**< 0: caches of kmalloc objects are not looked up */
const volatile __u64 vmemmap = 0;
const volatile __u32 struct_page_bytes = 64;
const volatile __u32 page_bytes = 4096;
const volatile __u32 kmalloc_cache_max = 8192; /**< beyond: large kmalloc, pages without a cache */
const volatile __u64 gfp_account = 0x400000;

static __always_inline __u64 hash_key(const struct ult_site_key *key)
{
	__u64 hash = mix(0x51ed270b1a2f3c4dULL, key->call_site);
	hash = mix(mix(hash, key->cache), key->stack);
	return mix(hash, (__u64)key->bytes << 32 | (__u32)key->allocator << 16 | key->gfp_class);
}

/* Cheap: where `hints` may know the site. */
static __always_inline __u32 hint_of(const struct ult_site_key *key)
{
	const __u64 sum = (key->call_site ^ key->cache >> 6 ^ (__u64)key->bytes << 24) + key->stack;
	return (sum * 0x9e3779b97f4a7c15ULL) >> 52;
}

static __always_inline bool same_key(const struct ult_site_key *a, const struct ult_site_key *b)
{
	return a->call_site == b->call_site && a->cache == b->cache && a->stack == b->stack &&
	       a->bytes == b->bytes && a->allocator == b->allocator && a->gfp_class == b->gfp_class;
}

/* The cgroup of the current task: in the hierarchy of version 2, or of the memory controller. */
static __always_inline struct cgroup *current_cgroup(void)
{
	struct task_struct___cgroups *task = (void *)bpf_get_current_task();
	struct cgroup *group = 0;
	struct css_set *set = 0;
	bpf_core_read(&set, sizeof(set), &task->cgroups);
	if (!cgroup_v1) {
		bpf_core_read(&group, sizeof(group), &set->dfl_cgrp);
		return group;
	}
	struct cgroup_subsys_state *state = 0;
	const __u64 number =
		bpf_core_enum_value(enum cgroup_subsys_id___memory, memory_cgrp_id___memory);
	bpf_probe_read_kernel(&state, sizeof(state), (char *)&set->subsys + number * 8);
	bpf_core_read(&group, sizeof(group), &state->cgroup);
	return group;
}

/* Whether the current task is in the cgroup wanted, or below it. */
static __noinline bool in_cgroup(void)
{
	struct cgroup *group = current_cgroup();
	for (int depth = 0; depth < ULT_MAX_CGROUP_DEPTH && group; depth++) {
		struct kernfs_node *node = 0;
		struct cgroup_subsys_state *parent = 0;
		__u64 number = 0;
		bpf_core_read(&node, sizeof(node), &group->kn);
		bpf_core_read(&number, sizeof(number), &node->id);
		if (number == only_cgroup)
			return true;
		bpf_core_read(&parent, sizeof(parent), &group->self.parent);
		group = 0;
		bpf_core_read(&group, sizeof(group), &parent->cgroup);
	}
	return false;
}

static __always_inline bool process_wanted(__u32 pid)
{
	if (pid == own_pid && pid)
		return false;
	if (only_pid && pid != only_pid)
		return false;
	if (only_cgroup && !in_cgroup())
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

static __always_inline bool in_range(__u64 bytes)
{
	return bytes >= bytes_min && bytes <= bytes_max;
}

/* Whether the filters want what @site stands for, its cache being known by @name. */
static __always_inline bool is_wanted(const struct ult_site *site, const char name[ULT_CACHE_NAME])
{
	if (site->key.allocator != ULT_SLAB)
		return true; // caches and their sizes filter slab objects only
	// Either size of a cache will do: people ask for the object's, slabinfo gives the slot's.
	if (site->cache && bytes_filtered && !site->key.bytes &&
	    !in_range(object_size(site->cache)) && !in_range(slot_size(site->cache)))
		return false;
	if (!wanted_caches)
		return true;
	// Not known which cache: the size has decided. Large kmalloc has none, and is wanted by
	// name.
	if (!site->cache)
		return site->key.bytes <= kmalloc_cache_max || wanted_large;
	return name_is_wanted(name);
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
	if (cache)
		read_cache_name(cache, (char *)words);
	__builtin_memcpy(site->cache_name, words, sizeof(words));
	site->wanted = is_wanted(site, (const char *)words);
	if (!site->object_bytes && cache)
		site->object_bytes = object_size(cache);
}

/* Keep the frames of a new site's stack, in as many parts as it takes. */
static __always_inline void keep_stack(struct ult_site *site, const struct ult_scratch *scratch)
{
#pragma unroll
	for (__u32 i = 0; i < ULT_STACK_PARTS; i++) {
		__u32 fresh;
		if (i * ULT_PART_FRAMES >= scratch->frames_len)
			return;
		if (bpf_map_pop_elem(&part_free, &fresh)) {
			count(ULT_STACK_FULL);
			return;
		}
		struct ult_part *part = bpf_map_lookup_elem(&parts, &fresh);
		if (part)
			__builtin_memcpy(part, &scratch->frames[i * ULT_PART_FRAMES],
					 sizeof(*part));
		site->parts[i] = fresh + 1;
	}
}

/* A new site under @hash; 0 when there is no room. Another CPU may have been faster. */
static __noinline __u32 new_site(__u64 hash, const struct ult_site_key *key, __u64 pointer,
				 const struct ult_scratch *scratch)
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
	fill_site(site, pointer);
	if (!bpf_map_update_elem(&site_ids, &hash, &fresh, BPF_NOEXIST)) {
		if (scratch)
			keep_stack(site, scratch);
		return fresh;
	}
	bpf_map_push_elem(&site_free, &fresh, 0);
	__u32 *theirs = bpf_map_lookup_elem(&site_ids, &hash);
	if (theirs)
		return *theirs;
	count(ULT_SITE_FULL);
	return 0;
}

/* Index of the site of @key, made if new; 0: none. */
static __noinline __u32 find_site(const struct ult_site_key *key, __u64 pointer,
				  const struct ult_scratch *scratch)
{
	const __u64 hash = hash_key(key);
	const __u32 *known = bpf_map_lookup_elem(&site_ids, &hash);
	const __u32 index = known ? *known : new_site(hash, key, pointer, scratch);
	const struct ult_site *site = index ? site_at(index) : 0;
	if (!site)
		return 0;
	if (!same_key(&site->key, key)) {
		count(ULT_SITE_CLASH);
		return 0;
	}
	hints[hint_of(key) % ULT_HINTS] = index;
	return index;
}

/* The site of @key, made if new. @scratch: frames of its stack; 0: it has none. */
static __always_inline struct ult_site *enter_site(const struct ult_site_key *key, __u64 pointer,
						   const struct ult_scratch *scratch, __u32 *index)
{
	*index = hints[hint_of(key) % ULT_HINTS];
	struct ult_site *site = site_at(*index);
	if (site && same_key(&site->key, key))
		return site;
	*index = find_site(key, pointer, scratch);
	return *index ? site_at(*index) : 0;
}

static __always_inline __u16 gfp_class(__u64 gfp)
{
	return (gfp & 0x01 ? ULT_GFP_DMA : 0) | (gfp & 0x10 ? ULT_GFP_RECLAIMABLE : 0) |
	       (gfp & gfp_account ? ULT_GFP_ACCOUNT : 0);
}

/* Whether an event at this address is nothing to us: early, before its arguments are read. */
static __always_inline bool is_outside(__u64 pointer)
{
	return !sampled(ult_hash(pointer));
}

/* The site of @key with the stack of here, and one more record of it. */
static __always_inline void record_with_stack(void *ctx, enum ult_walker walker,
					      enum ult_allocator allocator, __u64 pointer,
					      struct ult_site_key *key, __u32 pid)
{
	__u32 index;
	__u64 timed;
	begin_unpreempted();
	struct ult_pace *pace = begin_pace(&timed);
	struct ult_scratch *scratch = walk_stack(ctx, walker, key->call_site, &key->stack);
	struct ult_site *site = enter_site(key, pointer, scratch, &index);
	end_walk(scratch);
	if (site && site->wanted)
		record(allocator, ult_hash(pointer), pointer, site, index, pid);
	keep_pace(pace, timed);
	end_unpreempted();
}

/*
 * A slab object was allocated. Of @key: call_site, bytes and gfp_class, or cache, as the event has
 * them. The filters by process, size and cache decide here; those by cache and size once for each
 * call site. @walker: the calling program's own.
 */
static __always_inline void record_object(void *ctx, enum ult_walker walker, __u64 pointer,
					  struct ult_site_key *key)
{
	if (is_outside(pointer) || (key->bytes && !in_range(key->bytes)))
		return;
	if (mode != ULT_MODE_RECORD) {
		close_reused(ULT_SLAB, pointer);
		return;
	}
	__u32 index;
	struct ult_site *site = 0;
	key->allocator = ULT_SLAB;
	key->stack = ULT_STACK_NONE;
	if (!with_stacks || wanted_caches || bytes_filtered) {
		site = enter_site(key, pointer, 0, &index);
		if (!site || !site->wanted)
			return;
	}
	const __u32 pid = bpf_get_current_pid_tgid() >> 32;
	if (!process_wanted(pid)) {
		close_reused(ULT_SLAB, pointer); // its old owner has freed it
		return;
	}
	if (with_stacks) {
		record_with_stack(ctx, walker, ULT_SLAB, pointer, key, pid);
		return;
	}
	__u64 timed;
	begin_unpreempted();
	struct ult_pace *pace = begin_pace(&timed);
	record(ULT_SLAB, ult_hash(pointer), pointer, site, index, pid);
	keep_pace(pace, timed);
	end_unpreempted();
}

/*
 * Pages or a percpu area were allocated: always with a stack, which alone says where they come
 * from. Of @key: bytes, gfp_class, call_site, as the event has them.
 */
static __always_inline void record_area(void *ctx, enum ult_walker walker,
					enum ult_allocator allocator, __u64 pointer,
					struct ult_site_key *key)
{
	if (is_outside(pointer))
		return;
	const __u32 pid = bpf_get_current_pid_tgid() >> 32;
	if (mode != ULT_MODE_RECORD || !process_wanted(pid)) {
		close_reused(allocator, pointer);
		return;
	}
	key->allocator = allocator;
	record_with_stack(ctx, walker, allocator, pointer, key, pid);
}

#endif
