/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The tables of the programs and what is done with them: live allocations are stored, taken and
 * counted here; which of them is decided in site.bpf.h. Included once, by trace.bpf.c.
 *
 * A program for another kind of event calls record_object() (a slab object) or record_area() (a key
 * space of its own: pages by their struct page, percpu areas) of site.bpf.h for what was allocated,
 * and erase() for what was freed. These look at `mode`, filters and the share of addresses
 * themselves. Unrolled they are long: once in a program, in a loop only behind a __noinline
 * function.
 *
 * Every failed update ends in a counter. Loads on Linux 5.10 and later: no atomic fetches, no
 * loops the verifier of 5.10 cannot follow.
 */
#ifndef UL_SOURCE_TRACE_TABLES_BPF_H
#define UL_SOURCE_TRACE_TABLES_BPF_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "trace_shared.h"

/* Set before load. */
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

/* The table of a key space; @allocator is a constant, so one branch is left. */
static __always_inline void *table_of(enum ult_allocator allocator)
{
	return allocator == ULT_SLAB	? &slab_live
	       : allocator == ULT_PAGES ? &page_live
					: &percpu_live;
}

static __always_inline __u32 mask_of(enum ult_allocator allocator)
{
	return allocator == ULT_SLAB ? slab_mask : allocator == ULT_PAGES ? page_mask : percpu_mask;
}

static __always_inline __u64 mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ (hash >> 29);
}

static __always_inline bool sampled(__u64 hash)
{
	return (hash >> 32) < sample_below;
}

static __always_inline struct ult_site *site_at(__u32 index)
{
	return bpf_map_lookup_elem(&sites, &index);
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

static __always_inline bool store_live(enum ult_allocator allocator, __u64 hash, __u64 key,
				       __u32 site)
{
	__u32 at = ult_first_bucket(hash, mask_of(allocator));
	struct ult_bucket *bucket = bpf_map_lookup_elem(table_of(allocator), &at);
	if (!bucket)
		return false;
	if (store_in(bucket, key, site) != FULL)
		return true;
	at = ult_second_bucket(hash, mask_of(allocator));
	bucket = bpf_map_lookup_elem(table_of(allocator), &at);
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

static __always_inline bool take_live(enum ult_allocator allocator, __u64 hash, __u64 key,
				      struct ult_live *ret)
{
	__u32 at = ult_first_bucket(hash, mask_of(allocator));
	struct ult_bucket *bucket = bpf_map_lookup_elem(table_of(allocator), &at);
	if (!bucket)
		return false;
	if (take_from(bucket, key, ret))
		return true;
	at = ult_second_bucket(hash, mask_of(allocator));
	bucket = bpf_map_lookup_elem(table_of(allocator), &at);
	return bucket && take_from(bucket, key, ret);
}

/* While draining, an allocation only proves that what was recorded there is gone. */
static __always_inline void close_reused(enum ult_allocator allocator, __u64 key)
{
	struct ult_live old;
	const __u64 hash = ult_hash(key);
	if (sampled(hash) && take_live(allocator, hash, key, &old))
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
static __always_inline void record(enum ult_allocator allocator, __u64 hash, __u64 pointer,
				   struct ult_site *site, __u32 index)
{
	if (store_live(allocator, hash, pointer, index))
		__sync_fetch_and_add(&site->allocated, 1);
}

/* @key was freed; @bytes: how much of it, where the event says (pages), else 0. */
static __always_inline void erase(void *ctx, enum ult_allocator allocator, __u64 key, __u32 bytes)
{
	struct ult_live live;
	const __u64 hash = ult_hash(key);
	if (mode == ULT_MODE_OFF || !sampled(hash) || !take_live(allocator, hash, key, &live))
		return;
	struct ult_site *site = site_at(live.site);
	if (!site)
		return;
	__sync_fetch_and_add(&site->freed, 1);
	if (bytes && bytes != site->object_bytes)
		count(ULT_PAGES_SPLIT);
}

#endif
