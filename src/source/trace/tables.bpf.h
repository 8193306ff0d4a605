/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The tables of the programs and what is done with them: live allocations are stored, taken and
 * counted here; which of them is decided in site.bpf.h. Included once, by trace.bpf.c.
 *
 * A program for another kind of event calls record_object() (a slab object) or record_area() (a key
 * space of its own: pages by their struct page, percpu and vmalloc areas) of site.bpf.h for what
 * was allocated, and erase() of freed.bpf.h for what was freed. These look at `mode`, filters and
 * the share of addresses themselves. Unrolled they are long: once in a program, in a loop only
 * behind a __noinline function.
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
#include "unpreempted.bpf.h"

/* Set before load. */
const volatile __u32 slab_buckets = 1; /**< of each table */
const volatile __u32 page_buckets = 1;
const volatile __u32 percpu_buckets = 1;
const volatile __u32 vmalloc_buckets = 1;
const volatile bool with_processes = true; /**< records name the process that allocated */
const volatile __u32 tick_ns = 4000000;	   /**< of the kernel: the unit of time of records */
const volatile bool paced = false;	   /**< records are held to a budget: see keep_pace() */
const volatile __u32 window_ticks = 16;

volatile __u32 mode = ULT_MODE_OFF;
volatile __u64 start_ns = 0;	/**< CLOCK_MONOTONIC when recording began */
volatile __u64 start_ticks = 0; /**< the same in jiffies; set by the first event */
/**
 * Addresses are recorded whose hash is below, of 2^32. The same test decides at the allocation and
 * at the free, so no free is looked up for nothing, and what is left stays unbiased. 0 while off.
 */
volatile __u64 sample_below = 0;
volatile __u32 epoch = 0;
volatile __u32 level = 0;		    /**< sample_below is 2^(32 - level) */
volatile __u8 level_since[ULT_EPOCHS] = {}; /**< highest level since that epoch began */
volatile __u64 changing = 0;		    /**< held by who changes the four above */
volatile __u32 window_limit =
	0; /**< records on one CPU in a window before the level rises; 0: any */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ult_pace);
} paces SEC(".maps");

/* Records whose first bucket was full, by that bucket's number: most misses need no second look. */
volatile __u32 overflows[ULT_OVERFLOWS] = {};

/*
 * Where caches or sizes are in focus most objects freed are none of those recorded, and looking for
 * each in a table that no cache of the processor holds costs more than all else. So the pages are
 * remembered that ever had a recorded one, by hash and for good: one that is not there has none.
 */
const volatile bool focused = false;
volatile __u8 pages_seen[ULT_PAGES_SEEN] = {};

/* Buckets of live allocations; sized and mapped by user space. */
struct live_table {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ult_bucket);
};
struct live_table slab_live SEC(".maps"), page_live SEC(".maps"), percpu_live SEC(".maps"),
	vmalloc_live SEC(".maps");

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

/* Index of the site that a key with this hash was last found at. Only a hint: keys are compared. */
volatile __u16 hints[ULT_HINTS] = {};

/* Frames of the sites' stacks. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ult_part);
} parts SEC(".maps");

/* Indices not used yet, put in by user space: popping one is atomic on every kernel. */
struct index_queue {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__uint(value_size, sizeof(__u32));
};
struct index_queue site_free SEC(".maps"), part_free SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ULT_WALKERS);
	__type(key, __u32);
	__type(value, struct ult_scratch);
} scratches SEC(".maps");

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
	return allocator == ULT_SLAB	 ? &slab_live
	       : allocator == ULT_PAGES	 ? &page_live
	       : allocator == ULT_PERCPU ? &percpu_live
					 : &vmalloc_live;
}

static __always_inline __u32 buckets_of(enum ult_allocator allocator)
{
	return allocator == ULT_SLAB	 ? slab_buckets
	       : allocator == ULT_PAGES	 ? page_buckets
	       : allocator == ULT_PERCPU ? percpu_buckets
					 : vmalloc_buckets;
}

static __always_inline __u64 mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ (hash >> 29);
}

static __always_inline __u32 page_seen_at(__u64 pointer)
{
	return ((pointer >> 12) * 0x9e3779b97f4a7c15ULL >> 40) % ULT_PAGES_SEEN;
}

/* Whether a slab object there can have a record. */
static __always_inline bool may_be_recorded(enum ult_allocator allocator, __u64 pointer)
{
	return !focused || allocator != ULT_SLAB || pages_seen[page_seen_at(pointer)];
}

static __always_inline bool sampled(__u64 hash)
{
	return (hash >> 32) < sample_below;
}

#include "ages.bpf.h"

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

/*
 * Ticks since recording began. Jiffies are one load, a clock is a call and some 20 ns; the kernel
 * derives them from CLOCK_MONOTONIC (Linux kernel/time/tick-sched.c tick_do_update_jiffies64()).
 */
static __always_inline __u32 time_now(void)
{
	const __u64 now = bpf_jiffies64();
	if (!start_ticks)
		start_ticks = now - (bpf_ktime_get_ns() - start_ns) / tick_ns;
	return now > start_ticks ? now - start_ticks : 0;
}

/* Objects that a record stands for, less one; a record outside of its share stands for none. */
static __always_inline bool weight_of(const struct ult_live *live, __u64 hash, __u64 *extra)
{
	const __u32 high = level_since[live->epoch];
	*extra = (1ULL << (high & 31)) - 1;
	return ult_in_share(hash, high & 31);
}

/* A record taken out of a table, or about to be written over: its object was freed unseen. */
static __always_inline void add_missed(const struct ult_live *live, __u64 hash)
{
	__u64 extra;
	struct ult_site *site = site_at(live->site);
	if (!site)
		return;
	__sync_fetch_and_add(&site->missed, 1);
	if (!weight_of(live, hash, &extra))
		extra = -1ULL;
	if (extra)
		__sync_fetch_and_add(&site->missed_extra, extra);
}

/* Index of @key in a bucket; ULT_BUCKET_SLOTS: not there. */
static __always_inline __u32 slot_of(const struct ult_bucket *bucket, __u64 key)
{
#pragma unroll
	for (__u32 i = 0; i < ULT_BUCKET_SLOTS; i++)
		if (bucket->keys[i] == key)
			return i;
	return ULT_BUCKET_SLOTS;
}

/* Claims a slot; ULT_BUCKET_SLOTS: all are taken. */
static __always_inline __u32 claim_slot(struct ult_bucket *bucket, __u64 key)
{
#pragma unroll
	for (__u32 i = 0; i < ULT_BUCKET_SLOTS; i++)
		if (claim(&bucket->keys[i], key))
			return i;
	return ULT_BUCKET_SLOTS;
}

/* Into the first free slot of a bucket, or over the old record of the same address. */
static __always_inline bool store_in(struct ult_bucket *bucket, __u64 hash, __u64 key,
				     const struct ult_live *live)
{
	__u32 slot = slot_of(bucket, key);
	if (slot < ULT_BUCKET_SLOTS)
		add_missed(&bucket->live[slot], hash); // handed out again: its free was not seen
	else
		slot = claim_slot(bucket, key);
	if (slot >= ULT_BUCKET_SLOTS)
		return false;
	bucket->live[slot] = *live;
	return true;
}

static __noinline bool store_second(enum ult_allocator allocator, __u64 hash, __u64 key,
				    const struct ult_live *live)
{
	const __u32 first = ult_first_bucket(hash, buckets_of(allocator));
	const __u32 at = ult_second_bucket(hash, buckets_of(allocator));
	struct ult_bucket *bucket = bpf_map_lookup_elem(table_of(allocator), &at);
	if (!bucket || !store_in(bucket, hash, key, live)) {
		count(ULT_LIVE_FULL);
		return false;
	}
	// Never taken back: a second look too many does no harm, one too few would.
	overflows[first % ULT_OVERFLOWS] = 1;
	return true;
}

static __always_inline bool store_live(enum ult_allocator allocator, __u64 hash, __u64 key,
				       const struct ult_live *live)
{
	const __u32 at = ult_first_bucket(hash, buckets_of(allocator));
	struct ult_bucket *bucket = bpf_map_lookup_elem(table_of(allocator), &at);
	if (!bucket)
		return false;
	return store_in(bucket, hash, key, live) || store_second(allocator, hash, key, live);
}

/* Take @key out of a bucket; its record goes to @ret. */
static __always_inline bool take_from(struct ult_bucket *bucket, __u64 key, struct ult_live *ret)
{
	const __u32 slot = slot_of(bucket, key);
	if (slot >= ULT_BUCKET_SLOTS)
		return false;
	*ret = bucket->live[slot];
	release(&bucket->keys[slot], key);
	return true;
}

static __always_inline bool take_live(enum ult_allocator allocator, __u64 hash, __u64 key,
				      struct ult_live *ret)
{
	const __u32 first = ult_first_bucket(hash, buckets_of(allocator));
	struct ult_bucket *bucket = bpf_map_lookup_elem(table_of(allocator), &first);
	if (!bucket)
		return false;
	if (take_from(bucket, key, ret))
		return true;
	if (!overflows[first % ULT_OVERFLOWS])
		return false;
	const __u32 second = ult_second_bucket(hash, buckets_of(allocator));
	bucket = bpf_map_lookup_elem(table_of(allocator), &second);
	return bucket && take_from(bucket, key, ret);
}

/* The record of @key, where it lies; 0: there is none. */
static __always_inline struct ult_live *find_in(struct ult_bucket *bucket, __u64 key)
{
	const __u32 slot = slot_of(bucket, key);
	return slot < ULT_BUCKET_SLOTS ? &bucket->live[slot] : 0;
}

static __always_inline struct ult_live *find_live(enum ult_allocator allocator, __u64 hash,
						  __u64 key)
{
	const __u32 first = ult_first_bucket(hash, buckets_of(allocator));
	struct ult_bucket *bucket = bpf_map_lookup_elem(table_of(allocator), &first);
	struct ult_live *found = bucket ? find_in(bucket, key) : 0;
	if (found || !overflows[first % ULT_OVERFLOWS])
		return found;
	const __u32 second = ult_second_bucket(hash, buckets_of(allocator));
	bucket = bpf_map_lookup_elem(table_of(allocator), &second);
	return bucket ? find_in(bucket, key) : 0;
}

/* An allocation that is not recorded only proves that what was recorded there is gone. */
static __always_inline void close_reused(enum ult_allocator allocator, __u64 key)
{
	struct ult_live old;
	const __u64 hash = ult_hash(key);
	if (!sampled(hash) || !may_be_recorded(allocator, key))
		return;
	begin_unpreempted();
	if (take_live(allocator, hash, key, &old))
		add_missed(&old, hash);
	end_unpreempted();
}

/* Epochs from @first on have been at @next. Global, and a part of them: verified once, 16 turns. */
enum { EPOCHS_PART = 16 };
__noinline int raise_epochs(__u32 first, __u32 next)
{
	for (__u32 i = 0; i < EPOCHS_PART; i++) {
		volatile __u8 *since = &level_since[(first + i) % ULT_EPOCHS];
		if (*since < next)
			*since = next;
	}
	return 0;
}

/*
 * Halve the share of addresses, @steps times. The records that fall out of it need not be found
 * now: see struct ult_live. The order matters: whoever still tests with the old share leaves a
 * record that the new level drops. Global, so that its loop is verified once.
 */
__noinline int raise_level(__u32 steps)
{
	__u32 next = level + steps;
	if (next > ULT_MAX_LEVEL)
		next = ULT_MAX_LEVEL;
	if (next == level || !sample_below || !claim(&changing, 1))
		return 0;
	const __u32 begun = epoch + 1;
	for (__u32 i = 0; i < ULT_EPOCHS; i += EPOCHS_PART)
		raise_epochs(i, next);
	level = next;
	sample_below = 1ULL << (32 - (next & 31));
	if (begun < ULT_EPOCHS)
		epoch = begun;
	release(&changing, 1);
	return 0;
}

/*
 * Begin a record that is held to the budget, and say when if this one is timed. The clock is read
 * for one in 64.
 */
static __always_inline struct ult_pace *begin_pace(__u64 *timed)
{
	const __u32 zero = 0;
	struct ult_pace *pace = paced ? bpf_map_lookup_elem(&paces, &zero) : 0;
	*timed = pace && !(pace->total % 64) ? bpf_ktime_get_ns() : 0;
	return pace;
}

/*
 * One more record on this CPU. Beyond what the budget allows in a window the share is halved, as
 * often as the part of the window that is over says. That this is done here is what keeps a storm
 * that begins suddenly from being traced in full until user space has had its turn.
 */
static __always_inline void keep_pace(struct ult_pace *pace, __u64 timed)
{
	if (!pace)
		return;
	if (timed) {
		pace->timed_ns += bpf_ktime_get_ns() - timed;
		pace->timed++;
	}
	pace->total++;
	const __u32 now = time_now();
	if (now - pace->window >= window_ticks) {
		pace->window = now;
		pace->records = 0;
	}
	if (++pace->records <= window_limit)
		return;
	const __u32 over = now - pace->window + 1;
	pace->window = now;
	pace->records = 0;
	raise_level(over * 8 <= window_ticks ? 3 : over * 4 <= window_ticks ? 2 : 1);
}

/* Store the record of an allocation and count it at its site. */
static __always_inline void record(enum ult_allocator allocator, __u64 hash, __u64 pointer,
				   struct ult_site *site, __u32 index, __u32 pid)
{
	struct ult_live live = {.site = index, .epoch = epoch, .time = time_now(), .pid = pid};
	if (with_processes)
		live.comm_id = comm_id();
	if (focused && allocator == ULT_SLAB)
		pages_seen[page_seen_at(pointer)] = 1;
	if (store_live(allocator, hash, pointer, &live))
		__sync_fetch_and_add(&site->stored, 1);
}

#endif
