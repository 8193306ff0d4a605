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

const volatile __u32 slab_mask = 0; /**< buckets of each table, less one; a power of two */
const volatile __u32 page_mask = 0;
const volatile __u32 percpu_mask = 0;

volatile __u32 mode = ULT_MODE_OFF;
volatile __u64 start_ns = 0;
/**
 * Share of the address space that is recorded, times 2^32: an address is in it when its hash is
 * below. The same test decides at the allocation and at the free, so no free is looked up for
 * nothing, and what is left stays unbiased.
 */
volatile __u64 sample_below = 1ULL << 32;

/* Buckets of live allocations; sized and mapped by user space. */
struct live_table {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ult_bucket);
};
struct live_table slab_live SEC(".maps"), page_live SEC(".maps"), percpu_live SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ult_site);
} sites SEC(".maps");

/* Hash of a site's key -> its index in `sites`. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u32);
} site_ids SEC(".maps");

/* Indices not used yet, put in by user space: popping one is atomic on every kernel. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__uint(value_size, sizeof(__u32));
} site_free SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, ULT_STACK_FRAMES * sizeof(__u64));
} stacks SEC(".maps");

struct comm {
	char text[ULT_COMM];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct comm);
} comms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ULT_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* The comm_id stored last on this CPU: it need not be stored again. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} last_comm SEC(".maps");

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
	hash = mix(hash, key->cache ^ (__u64)(__u32)key->stack_id << 20);
	return mix(hash, (__u64)key->bytes << 32 | (__u32)key->allocator << 16 | key->gfp_class);
}

static __always_inline bool sampled(__u64 hash)
{
	return (hash >> 32) < sample_below;
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

static __always_inline struct ult_site *site_at(__u32 index)
{
	return bpf_map_lookup_elem(&sites, &index);
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

/*
 * Claim an empty slot for @key without a lock and without a compare-and-swap (Linux v5.12): add the
 * key to the slot's zero, and look. Who reads exactly its own key has the slot; who reads a sum was
 * not alone and takes its part out again. Adding needs no result, so v5.10 can do it.
 */
static __always_inline bool claim(volatile __u64 *slot, __u64 key)
{
	if (*slot)
		return false;
	__sync_fetch_and_add(slot, key);
	if (*slot == key)
		return true;
	__sync_fetch_and_add(slot, -key);
	return false;
}

static __always_inline void release(volatile __u64 *slot, __u64 key)
{
	__sync_fetch_and_add(slot, -key);
}

static __always_inline __u32 comm_id(void)
{
	union {
		struct comm comm;
		__u64 words[2];
	} name = {};
	bpf_get_current_comm(&name.comm, sizeof(name.comm));
	const __u32 id = mix(mix(0, name.words[0]), name.words[1]) >> 16;
	const __u32 zero = 0;
	__u32 *last = bpf_map_lookup_elem(&last_comm, &zero);
	if (last && *last != id) {
		bpf_map_update_elem(&comms, &id, &name.comm, BPF_ANY);
		*last = id;
	}
	return id;
}

static __always_inline void fill_live(struct ult_live *live, __u32 site)
{
	live->site = site;
	live->time = (bpf_ktime_get_ns() - start_ns) >> ULT_TIME_SHIFT;
	live->pid = bpf_get_current_pid_tgid() >> 32;
	live->comm_id = comm_id();
}

static __always_inline void add_missed(__u32 index)
{
	struct ult_site *site = site_at(index);
	if (site)
		__sync_fetch_and_add(&site->missed, 1);
}

enum stored { STORED, REUSED, FULL };

/* Into the first free slot of a bucket, or over the old record of the same address. */
static __always_inline enum stored store_in(struct ult_bucket *bucket, __u64 key, __u32 site)
{
#pragma unroll
	for (int i = 0; i < ULT_BUCKET_SLOTS; i++) {
		if (bucket->keys[i] == key) {
			// The address was handed out again: its free was not seen.
			add_missed(bucket->live[i].site);
			fill_live(&bucket->live[i], site);
			return REUSED;
		}
	}
#pragma unroll
	for (int i = 0; i < ULT_BUCKET_SLOTS; i++) {
		if (claim(&bucket->keys[i], key)) {
			fill_live(&bucket->live[i], site);
			return STORED;
		}
	}
	return FULL;
}

static __always_inline bool store_live(void *table, __u32 mask, __u64 hash, __u64 key, __u32 site)
{
	__u32 at = ult_first_bucket(hash, mask);
	struct ult_bucket *bucket = bpf_map_lookup_elem(table, &at);
	if (!bucket)
		return false;
	if (store_in(bucket, key, site) != FULL)
		return true;
	at = ult_second_bucket(hash, mask);
	bucket = bpf_map_lookup_elem(table, &at);
	if (bucket && store_in(bucket, key, site) != FULL)
		return true;
	count(ULT_LIVE_FULL);
	return false;
}

/* Take @key out of a bucket; its record goes to @ret. */
static __always_inline bool take_from(struct ult_bucket *bucket, __u64 key, struct ult_live *ret)
{
#pragma unroll
	for (int i = 0; i < ULT_BUCKET_SLOTS; i++) {
		if (bucket->keys[i] == key) {
			*ret = bucket->live[i];
			release(&bucket->keys[i], key);
			return true;
		}
	}
	return false;
}

static __always_inline bool take_live(void *table, __u32 mask, __u64 hash, __u64 key,
				      struct ult_live *ret)
{
	__u32 at = ult_first_bucket(hash, mask);
	struct ult_bucket *bucket = bpf_map_lookup_elem(table, &at);
	if (!bucket)
		return false;
	if (take_from(bucket, key, ret))
		return true;
	at = ult_second_bucket(hash, mask);
	bucket = bpf_map_lookup_elem(table, &at);
	return bucket && take_from(bucket, key, ret);
}

/* While draining, an allocation only proves that what was recorded there is gone. */
static __always_inline void close_reused(void *table, __u32 mask, __u64 key)
{
	struct ult_live old;
	const __u64 hash = ult_hash(key);
	if (sampled(hash) && take_live(table, mask, hash, key, &old))
		add_missed(old.site);
}

/*
 * Two stacks can fall into one bucket. Leaving out the innermost frame, which is this program's
 * own, changes the hash: the second and third try find room for all but a few in a million.
 */
static __always_inline __s32 stack_of(void *ctx)
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
	// ULT_NO_STACK is another thing than a stack that was lost.
	return id < 0 ? -2 : id;
}

/* Count the allocation at its site and store it; taken out of the books when there is no room. */
static __always_inline void record(void *table, __u32 mask, __u64 hash, __u64 pointer,
				   struct ult_site *site, __u32 index)
{
	if (store_live(table, mask, hash, pointer, index))
		__sync_fetch_and_add(&site->allocated, 1);
}

static __always_inline void erase(void *table, __u32 mask, __u64 key, __u32 bytes)
{
	struct ult_live live;
	const __u64 hash = ult_hash(key);
	if (!sampled(hash) || !take_live(table, mask, hash, key, &live))
		return;
	struct ult_site *site = site_at(live.site);
	if (!site)
		return;
	__sync_fetch_and_add(&site->freed, 1);
	if (bytes && bytes != site->object_bytes)
		count(ULT_PAGES_SPLIT);
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
					  const volatile struct ult_arguments *where)
{
	if (mode == ULT_MODE_OFF)
		return 0;
	// The event's own first argument is args[0]: BTF counts __data before it.
	const __u64 pointer = argument(ctx, where->pointer - 1);
	if (pointer <= 16) // ZERO_SIZE_PTR, or the allocation failed
		return 0;
	const __u64 hash = ult_hash(pointer);
	if (!sampled(hash))
		return 0;
	if (mode == ULT_MODE_DRAIN) {
		close_reused(&slab_live, slab_mask, pointer);
		return 0;
	}
	struct ult_site_key key = {.allocator = ULT_SLAB, .stack_id = ULT_NO_STACK};
	if (where->bytes != ULT_ARG_NONE) {
		const __u64 bytes = argument(ctx, where->bytes - 1);
		if (!in_range(bytes))
			return 0;
		key.bytes = bytes;
	}
	if (!process_wanted()) {
		close_reused(&slab_live, slab_mask, pointer); // the old owner has freed it
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
	}
	key.call_site = ctx->args[0];
	__u32 index = 0;
	struct ult_site *caller = enter_site(&key, 0, pointer, &index);
	if (!caller || !caller->wanted)
		return 0;
	if (with_stacks) {
		key.stack_id = stack_of(ctx);
		struct ult_site *site = enter_site(&key, caller, pointer, &index);
		if (site)
			record(&slab_live, slab_mask, hash, pointer, site, index);
	} else {
		record(&slab_live, slab_mask, hash, pointer, caller, index);
	}
	return 0;
}

SEC("?raw_tp/kmalloc")
int ul_kmalloc(struct bpf_raw_tracepoint_args *ctx)
{
	return slab_allocated(ctx, &kmalloc_arguments);
}

SEC("?raw_tp/kmalloc_node") /* gone since v6.1 (11e9734bcb6a) */
int ul_kmalloc_node(struct bpf_raw_tracepoint_args *ctx)
{
	return slab_allocated(ctx, &kmalloc_arguments);
}

SEC("?raw_tp/kmem_cache_alloc")
int ul_kmem_cache_alloc(struct bpf_raw_tracepoint_args *ctx)
{
	return slab_allocated(ctx, &cache_alloc_arguments);
}

SEC("?raw_tp/kmem_cache_alloc_node") /* gone since v6.1 */
int ul_kmem_cache_alloc_node(struct bpf_raw_tracepoint_args *ctx)
{
	return slab_allocated(ctx, &cache_alloc_arguments);
}

/* kfree(call_site, ptr) and kmem_cache_free(call_site, ptr, ...): alike where it matters. */
SEC("?raw_tp/kfree")
int ul_kfree(struct bpf_raw_tracepoint_args *ctx)
{
	if (mode != ULT_MODE_OFF && ctx->args[1] > 16)
		erase(&slab_live, slab_mask, ctx->args[1], 0);
	return 0;
}

SEC("?raw_tp/kmem_cache_free")
int ul_kmem_cache_free(struct bpf_raw_tracepoint_args *ctx)
{
	if (mode != ULT_MODE_OFF && ctx->args[1])
		erase(&slab_live, slab_mask, ctx->args[1], 0);
	return 0;
}

/* Pages and percpu areas: always with a stack, which alone says where they come from. */
static __always_inline void record_with_stack(void *ctx, void *table, __u32 mask, __u64 pointer,
					      struct ult_site_key *key)
{
	const __u64 hash = ult_hash(pointer);
	if (!sampled(hash))
		return;
	if (!process_wanted()) {
		close_reused(table, mask, pointer);
		return;
	}
	__u32 index = 0;
	key->stack_id = stack_of(ctx);
	struct ult_site *site = enter_site(key, 0, pointer, &index);
	if (site)
		record(table, mask, hash, pointer, site, index);
}

/* mm_page_alloc(page, order, gfp, migratetype) */
SEC("?raw_tp/mm_page_alloc")
int ul_mm_page_alloc(struct bpf_raw_tracepoint_args *ctx)
{
	const __u64 page = ctx->args[0];
	const __u32 order = ctx->args[1];
	if (mode == ULT_MODE_OFF || !page)
		return 0;
	// MIGRATE_UNMOVABLE only: what is movable or reclaimable belongs to users or shrinkers.
	if (mode == ULT_MODE_DRAIN || (ctx->args[3] & 0xffffffff) || order > 20) {
		close_reused(&page_live, page_mask, page);
		return 0;
	}
	struct ult_site_key key = {
		.allocator = ULT_PAGES,
		.bytes = page_bytes << order,
		.gfp_class = gfp_class(ctx->args[2]),
	};
	record_with_stack(ctx, &page_live, page_mask, page, &key);
	return 0;
}

/* mm_page_free(page, order): also those freed in batches, free_pages_prepare() emits it for all. */
SEC("?raw_tp/mm_page_free")
int ul_mm_page_free(struct bpf_raw_tracepoint_args *ctx)
{
	const __u32 order = ctx->args[1];
	if (mode != ULT_MODE_OFF && order <= 20)
		erase(&page_live, page_mask, ctx->args[0], page_bytes << order);
	return 0;
}

SEC("?raw_tp/percpu_alloc_percpu")
int ul_percpu_alloc(struct bpf_raw_tracepoint_args *ctx)
{
	const __u64 pointer = argument(ctx, percpu_arguments.pointer - 1);
	if (mode == ULT_MODE_OFF || !pointer)
		return 0;
	if (mode == ULT_MODE_DRAIN) {
		close_reused(&percpu_live, percpu_mask, pointer);
		return 0;
	}
	struct ult_site_key key = {
		.allocator = ULT_PERCPU,
		.bytes = argument(ctx, percpu_arguments.bytes - 1),
		.call_site = percpu_has_call_site ? ctx->args[0] : 0,
	};
	record_with_stack(ctx, &percpu_live, percpu_mask, pointer, &key);
	return 0;
}

/* percpu_free_percpu(base_addr, off, ptr) */
SEC("?raw_tp/percpu_free_percpu")
int ul_percpu_free(struct bpf_raw_tracepoint_args *ctx)
{
	if (mode != ULT_MODE_OFF)
		erase(&percpu_live, percpu_mask, ctx->args[2], 0);
	return 0;
}
