// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Pairs allocations with frees in the kernel, so that only what is live leaves it.
 *
 * Raw tracepoints: their programs get plain numbers, refuse only their own recursion (a classic
 * tracepoint program is skipped while any BPF program runs on the CPU), and cost least. Allocation
 * and free are separate programs for the same reason. One table serves kmalloc/kfree and
 * kmem_cache_alloc/kmem_cache_free: kfree() frees objects of either. Pages and percpu areas have
 * key spaces of their own.
 *
 * What the events hide (kfree_rcu, bulk frees) is partly seen by re-use: an allocation at an
 * address that is still recorded proves a free that was not seen; it closes the old record as
 * `missed`. That goes on while draining.
 *
 * Every failed update ends in a counter. Loads on Linux 5.10 and later: no atomic fetches, no
 * loops the verifier of 5.10 cannot follow, kernel structures only through CO-RE.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "trace_shared.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

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
const volatile struct ult_arguments kmalloc_arguments = {2, ULT_ARG_NONE, 4, 5};
const volatile struct ult_arguments cache_alloc_arguments = {2, 3, ULT_ARG_NONE, 4};
const volatile struct ult_arguments percpu_arguments = {8, ULT_ARG_NONE, 9, ULT_ARG_NONE};
const volatile bool percpu_has_call_site = true;

volatile __u32 mode = ULT_MODE_OFF;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct ult_live);
} slab_live SEC(".maps"), page_live SEC(".maps"), percpu_live SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct ult_site);
} sites SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, ULT_STACK_FRAMES * sizeof(__u64));
} stacks SEC(".maps");

/* Whether a cache is wanted: its name is read and compared once, when it is first met. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, __u32);
} cache_wanted SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ULT_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/*
 * Room for what does not fit the 512-byte stack. One for each kind of event: an interrupt can
 * allocate pages in the middle of what a slab event does here.
 */
enum scratch_slot { SCRATCH_KMALLOC, SCRATCH_CACHE, SCRATCH_PAGES, SCRATCH_PERCPU, SCRATCH_SLOTS };
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_SLOTS);
	__type(key, __u32);
	__type(value, struct ult_site);
} scratch SEC(".maps");

static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);
	if (value)
		*value += 1;
}

/*
 * The verifier wants constant offsets from the context itself, and the compiler likes to compute
 * the address first ("dereference of modified ctx ptr"). So the load is spelt out for every index,
 * and of the chain the verifier keeps the one branch user space chose.
 */
#define LOAD_ARGUMENT(number, offset)                                                              \
	case number:                                                                               \
		asm volatile("%0 = *(u64 *)(%1 + " #offset ")" : "=r"(value) : "r"(ctx));          \
		break

static __always_inline __u64 argument(const struct bpf_raw_tracepoint_args *ctx, int index)
{
	__u64 value = 0;
	switch (index) {
		LOAD_ARGUMENT(0, 0);
		LOAD_ARGUMENT(1, 8);
		LOAD_ARGUMENT(2, 16);
		LOAD_ARGUMENT(3, 24);
		LOAD_ARGUMENT(4, 32);
		LOAD_ARGUMENT(5, 40);
		LOAD_ARGUMENT(6, 48);
		LOAD_ARGUMENT(7, 56);
		LOAD_ARGUMENT(8, 64);
		LOAD_ARGUMENT(9, 72);
	}
	return value;
}

static __always_inline __u64 mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ (hash >> 29);
}

static __always_inline __u64 hash_key(const struct ult_site_key *key)
{
	__u64 hash = mix(0x51ed270b1a2f3c4dULL, key->call_site);
	hash = mix(hash, key->cache);
	hash = mix(hash, (__u64)key->stack_id);
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

static __always_inline bool cache_is_wanted(__u64 cache, __u64 bytes)
{
	if (!wanted_caches)
		return true;
	if (!cache && bytes > kmalloc_cache_max)
		return wanted_large;
	if (!cache)
		return true; // not known which: the size has decided
	__u32 *known = bpf_map_lookup_elem(&cache_wanted, &cache);
	if (known)
		return *known;
	__u64 words[ULT_CACHE_NAME / 8] = {};
	read_cache_name(cache, (char *)words);
	const __u32 answer = name_is_wanted((const char *)words);
	bpf_map_update_elem(&cache_wanted, &cache, &answer, BPF_ANY);
	return answer;
}

/* The site of this event, made if new; its key in `sites`, or 0 when it could not be stored. */
static __always_inline __u64 enter_site(const struct ult_site_key *key, enum scratch_slot slot)
{
	__u64 hash = hash_key(key);
	struct ult_site *site = bpf_map_lookup_elem(&sites, &hash);
	if (!site) {
		const __u32 index = slot;
		struct ult_site *fresh = bpf_map_lookup_elem(&scratch, &index);
		if (!fresh)
			return 0;
		__builtin_memset(fresh, 0, sizeof(*fresh));
		fresh->key = *key;
		fresh->object_bytes = key->bytes;
		if (key->cache) {
			read_cache_name(key->cache, fresh->cache_name);
			if (!key->bytes)
				fresh->object_bytes = object_size(key->cache);
		}
		bpf_map_update_elem(&sites, &hash, fresh, BPF_NOEXIST);
		site = bpf_map_lookup_elem(&sites, &hash);
		if (!site) {
			count(ULT_SITE_FULL);
			return 0;
		}
	}
	if (site->key.call_site != key->call_site || site->key.stack_id != key->stack_id ||
	    site->key.cache != key->cache || site->key.bytes != key->bytes) {
		count(ULT_SITE_CLASH);
		return 0;
	}
	__sync_fetch_and_add(&site->allocated, 1);
	return hash;
}

static __always_inline void add_missed(__u64 site_hash)
{
	struct ult_site *site = bpf_map_lookup_elem(&sites, &site_hash);
	if (site)
		__sync_fetch_and_add(&site->missed, 1);
}

/* An allocation that was counted at its site and could not be stored: take it out of the books. */
static __always_inline void undo_allocated(__u64 site_hash, __u32 counter)
{
	struct ult_site *site = bpf_map_lookup_elem(&sites, &site_hash);
	if (site)
		__sync_fetch_and_add(&site->allocated, (__u64)-1);
	count(counter);
}

static __always_inline void store_live(void *table, __u64 key, __u64 site, __u32 bytes)
{
	struct ult_live live = {
		.time_ns = bpf_ktime_get_ns(),
		.site = site,
		.pid = bpf_get_current_pid_tgid() >> 32,
		.bytes = bytes,
	};
	bpf_get_current_comm(live.comm, sizeof(live.comm));
	// int, not long: before v6.4 (d7ba4cc900bf) the verifier called functions that return int
	// here, and the upper half of the register was not their sign.
	int failed = (int)bpf_map_update_elem(table, &key, &live, BPF_NOEXIST);
	if (failed == -17 /* EEXIST */) {
		// The address was handed out again: its free was not seen.
		struct ult_live *old = bpf_map_lookup_elem(table, &key);
		const __u64 old_site = old ? old->site : 0;
		failed = (int)bpf_map_update_elem(table, &key, &live, BPF_ANY);
		if (!failed && old_site)
			add_missed(old_site);
	}
	if (!failed)
		return;
	undo_allocated(site, failed == -16 /* EBUSY */ ? ULT_LIVE_BUSY : ULT_LIVE_FULL);
}

/* While draining, an allocation only proves that what was recorded there is gone. */
static __always_inline void close_reused(void *table, __u64 key)
{
	struct ult_live *old = bpf_map_lookup_elem(table, &key);
	if (!old)
		return;
	const __u64 site = old->site;
	if (bpf_map_delete_elem(table, &key))
		count(ULT_FREE_BUSY);
	else
		add_missed(site);
}

/*
 * Two stacks can fall into one bucket. Leaving out the innermost frame, which is this program's
 * own, changes the hash: the second and third try find room for all but a few in a million.
 */
static __always_inline __s64 stack_of(void *ctx)
{
	int id = (int)bpf_get_stackid(ctx, &stacks, 0);
	if (id == -17 /* EEXIST */)
		id = (int)bpf_get_stackid(ctx, &stacks, 1);
	if (id == -17)
		id = (int)bpf_get_stackid(ctx, &stacks, 2);
	if (id == -17)
		count(ULT_STACK_COLLISION);
	else if (id < 0)
		count(ULT_STACK_FAILED);
	return id;
}

static __always_inline void record(void *table, __u64 pointer, const struct ult_site_key *key,
				   enum scratch_slot slot)
{
	count(ULT_EVENTS_ALLOC);
	const __u64 site = enter_site(key, slot);
	if (site)
		store_live(table, pointer, site, key->bytes);
}

static __always_inline void erase(void *table, __u64 key, __u32 bytes)
{
	struct ult_live *live = bpf_map_lookup_elem(table, &key);
	if (!live) {
		count(ULT_FREE_UNMATCHED);
		return;
	}
	const __u64 hash = live->site;
	const __u32 recorded = live->bytes;
	if (bpf_map_delete_elem(table, &key)) {
		count(ULT_FREE_BUSY);
		return;
	}
	count(ULT_EVENTS_FREE);
	if (bytes && bytes != recorded)
		count(ULT_PAGES_SPLIT);
	struct ult_site *site = bpf_map_lookup_elem(&sites, &hash);
	if (site)
		__sync_fetch_and_add(&site->freed, 1);
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

static __always_inline int slab_allocated(struct bpf_raw_tracepoint_args *ctx,
					  const volatile struct ult_arguments *where,
					  enum scratch_slot slot)
{
	if (mode == ULT_MODE_OFF)
		return 0;
	// The event's own first argument is args[0]: BTF counts __data before it.
	const __u64 pointer = argument(ctx, where->pointer - 1);
	if (pointer <= 16) // ZERO_SIZE_PTR, or the allocation failed
		return 0;
	if (mode == ULT_MODE_DRAIN) {
		close_reused(&slab_live, pointer);
		return 0;
	}
	struct ult_site_key key = {.allocator = ULT_SLAB, .stack_id = -1};
	if (where->bytes != ULT_ARG_NONE) {
		const __u64 bytes = argument(ctx, where->bytes - 1);
		if (!in_range(bytes))
			return 0;
		key.bytes = bytes;
	}
	if (!process_wanted()) {
		close_reused(&slab_live, pointer); // whoever got it: the old owner has freed it
		return 0;
	}
	if (where->gfp != ULT_ARG_NONE)
		key.gfp_class = gfp_class(argument(ctx, where->gfp - 1));
	if (where->cache != ULT_ARG_NONE) {
		key.cache = argument(ctx, where->cache - 1);
		// Either size will do: people ask for the object's, slabinfo gives the slot's.
		if (bytes_filtered && !key.bytes && !in_range(object_size(key.cache)) &&
		    !in_range(slot_size(key.cache)))
			return 0;
	} else if (key.bytes <= kmalloc_cache_max) {
		key.cache = cache_of(pointer);
		if (!key.cache)
			count(ULT_CACHE_UNREAD);
	}
	if (!cache_is_wanted(key.cache, key.bytes))
		return 0;
	key.call_site = ctx->args[0];
	if (with_stacks)
		key.stack_id = stack_of(ctx);
	record(&slab_live, pointer, &key, slot);
	return 0;
}

SEC("?raw_tp/kmalloc")
int ul_kmalloc(struct bpf_raw_tracepoint_args *ctx)
{
	return slab_allocated(ctx, &kmalloc_arguments, SCRATCH_KMALLOC);
}

SEC("?raw_tp/kmalloc_node") /* gone since v6.1 (11e9734bcb6a) */
int ul_kmalloc_node(struct bpf_raw_tracepoint_args *ctx)
{
	return slab_allocated(ctx, &kmalloc_arguments, SCRATCH_KMALLOC);
}

SEC("?raw_tp/kmem_cache_alloc")
int ul_kmem_cache_alloc(struct bpf_raw_tracepoint_args *ctx)
{
	return slab_allocated(ctx, &cache_alloc_arguments, SCRATCH_CACHE);
}

SEC("?raw_tp/kmem_cache_alloc_node") /* gone since v6.1 */
int ul_kmem_cache_alloc_node(struct bpf_raw_tracepoint_args *ctx)
{
	return slab_allocated(ctx, &cache_alloc_arguments, SCRATCH_CACHE);
}

/* kfree(call_site, ptr) and kmem_cache_free(call_site, ptr, ...): alike where it matters. */
SEC("?raw_tp/kfree")
int ul_kfree(struct bpf_raw_tracepoint_args *ctx)
{
	if (mode != ULT_MODE_OFF && ctx->args[1] > 16)
		erase(&slab_live, ctx->args[1], 0);
	return 0;
}

SEC("?raw_tp/kmem_cache_free")
int ul_kmem_cache_free(struct bpf_raw_tracepoint_args *ctx)
{
	if (mode != ULT_MODE_OFF && ctx->args[1])
		erase(&slab_live, ctx->args[1], 0);
	return 0;
}

/* mm_page_alloc(page, order, gfp, migratetype) */
SEC("?raw_tp/mm_page_alloc")
int ul_mm_page_alloc(struct bpf_raw_tracepoint_args *ctx)
{
	const __u64 page = ctx->args[0];
	if (mode == ULT_MODE_OFF || !page)
		return 0;
	if (mode == ULT_MODE_DRAIN) {
		close_reused(&page_live, page);
		return 0;
	}
	// MIGRATE_UNMOVABLE only: what is movable or reclaimable belongs to users or shrinkers.
	if (ctx->args[3] & 0xffffffff) {
		close_reused(&page_live, page);
		return 0;
	}
	const __u32 order = ctx->args[1];
	if (order > 20)
		return 0;
	if (!process_wanted()) {
		close_reused(&page_live, page);
		return 0;
	}
	struct ult_site_key key = {
		.allocator = ULT_PAGES,
		.bytes = page_bytes << order,
		.gfp_class = gfp_class(ctx->args[2]),
	};
	key.stack_id = stack_of(ctx);
	record(&page_live, page, &key, SCRATCH_PAGES);
	return 0;
}

/* mm_page_free(page, order): also those freed in batches, free_pages_prepare() emits it for all. */
SEC("?raw_tp/mm_page_free")
int ul_mm_page_free(struct bpf_raw_tracepoint_args *ctx)
{
	const __u32 order = ctx->args[1];
	if (mode != ULT_MODE_OFF && order <= 20)
		erase(&page_live, ctx->args[0], page_bytes << order);
	return 0;
}

SEC("?raw_tp/percpu_alloc_percpu")
int ul_percpu_alloc(struct bpf_raw_tracepoint_args *ctx)
{
	const __u64 pointer = argument(ctx, percpu_arguments.pointer - 1);
	if (mode == ULT_MODE_OFF || !pointer)
		return 0;
	if (mode == ULT_MODE_DRAIN) {
		close_reused(&percpu_live, pointer);
		return 0;
	}
	if (!process_wanted()) {
		close_reused(&percpu_live, pointer);
		return 0;
	}
	struct ult_site_key key = {
		.allocator = ULT_PERCPU,
		.bytes = argument(ctx, percpu_arguments.bytes - 1),
		.call_site = percpu_has_call_site ? ctx->args[0] : 0,
	};
	key.stack_id = stack_of(ctx);
	record(&percpu_live, pointer, &key, SCRATCH_PERCPU);
	return 0;
}

/* percpu_free_percpu(base_addr, off, ptr) */
SEC("?raw_tp/percpu_free_percpu")
int ul_percpu_free(struct bpf_raw_tracepoint_args *ctx)
{
	if (mode != ULT_MODE_OFF)
		erase(&percpu_live, ctx->args[2], 0);
	return 0;
}
