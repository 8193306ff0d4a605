/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * What trace.bpf.c and tracer.c agree on. Fixed-width members, explicit padding, sizes asserted.
 * Nothing else includes this.
 */
#ifndef UL_SOURCE_TRACE_SHARED_H
#define UL_SOURCE_TRACE_SHARED_H

#include <linux/types.h>

enum {
	ULT_COMM = 16,	     /**< TASK_COMM_LEN */
	ULT_CACHE_NAME = 64, /**< cut beyond: Linux cache names are shorter */
	ULT_STACK_FRAMES = 64,
	ULT_MAX_WANTED = 16, /**< cache names in the filter */
	ULT_ARG_NONE = -1,   /**< the event does not carry this argument */
};

/** What the programs do with an event; a global of the BPF object, set from user space. */
enum ult_mode {
	ULT_MODE_OFF = 0,
	ULT_MODE_RECORD = 1, /**< allocations are recorded, frees erase them */
	ULT_MODE_DRAIN = 2,  /**< no new allocations; frees and re-use of an address still erase */
};

/** Index of a counter in the per-CPU array `counters`. Each becomes a loss. */
enum ult_counter {
	ULT_LIVE_FULL,	     /**< allocation not recorded: both its buckets were full */
	ULT_SITE_FULL,	     /**< allocation not recorded: no room for its site */
	ULT_SITE_CLASH,	     /**< ... or two sites with one 64-bit hash */
	ULT_STACK_COLLISION, /**< stack not stored: another one has its bucket */
	ULT_STACK_FAILED,    /**< stack not stored: could not be walked, or table full */
	ULT_PAGES_SPLIT,     /**< page blocks freed in parts: erased as a whole */
	ULT_CACHE_UNREAD,    /**< call sites whose cache could not be found out */
	ULT_COUNTERS,
};

enum ult_allocator {
	ULT_SLAB = 1,
	ULT_PAGES = 2,
	ULT_PERCPU = 3,
};

/** What makes one site; hashed to 64 bits, which is the key of `site_ids`. */
struct ult_site_key {
	__u64 call_site;
	__u64 cache;	 /**< struct kmem_cache * where the event has it, else 0 */
	__s32 stack_id;	 /**< in `stacks`; ULT_NO_STACK, or another negative number: lost */
	__u32 bytes;	 /**< of one allocation; 0: the cache says */
	__u16 allocator; /**< enum ult_allocator */
	__u16 gfp_class; /**< enum ult_gfp_class bits: which kmalloc family */
	__u32 padding;
};
_Static_assert(sizeof(struct ult_site_key) == 32, "shared layout");

/** stack_id of a site that stands for a call site, whatever the stack. */
enum { ULT_NO_STACK = -1 };

/** Families of kmalloc caches, as Linux mm/slab.h kmalloc_type() chooses them. */
enum ult_gfp_class {
	ULT_GFP_DMA = 1,
	ULT_GFP_RECLAIMABLE = 2,
	ULT_GFP_ACCOUNT = 4,
};

/** One site: an element of the array `sites`, which user space maps. */
struct ult_site {
	struct ult_site_key key;
	__u64 cache;	 /**< struct kmem_cache *, 0: none or not known */
	__u64 allocated; /**< recorded; what found no room is taken out again */
	__u64 freed;
	__u64 missed;	    /**< live records whose address was handed out again: frees not seen */
	__u32 object_bytes; /**< bytes_alloc, or the cache's object_size */
	__u32 wanted;	    /**< the cache filter's answer, found once */
	char cache_name[ULT_CACHE_NAME];
};
_Static_assert(sizeof(struct ult_site) == 72 + ULT_CACHE_NAME, "shared layout");

/** What is known of one live allocation, beside its key. */
struct ult_live {
	__u32 site;    /**< index in `sites` */
	__u32 time;    /**< of the allocation: (CLOCK_MONOTONIC ns - start_ns) >> ULT_TIME_SHIFT */
	__u32 pid;     /**< thread group */
	__u32 comm_id; /**< key in `comms` */
};

enum {
	ULT_BUCKET_SLOTS = 8,
	ULT_TIME_SHIFT = 20, /**< a unit is 1.05 ms: 52 days fit */
};

/**
 * The table of live allocations is an array of buckets, which user space maps: 24 bytes a slot,
 * keys on a cache line of their own. Key 0 is an empty slot. See trace.bpf.c for how a slot is
 * claimed without a lock.
 */
struct ult_bucket {
	__u64 keys[ULT_BUCKET_SLOTS]; /**< address, or that of a struct page */
	struct ult_live live[ULT_BUCKET_SLOTS];
};
_Static_assert(sizeof(struct ult_bucket) == 192, "three cache lines");

/** Hash of a key of the table: its upper half samples, its lower half and middle choose buckets. */
static inline __u64 ult_hash(__u64 key)
{
	const __u64 hash = key * 0x9e3779b97f4a7c15ULL;
	return hash ^ (hash >> 32);
}

/** The two buckets a key may be in; @mask is their number less one. */
static inline __u32 ult_first_bucket(__u64 hash, __u32 mask)
{
	return (__u32)hash & mask;
}

static inline __u32 ult_second_bucket(__u64 hash, __u32 mask)
{
	return (__u32)(hash >> 24 ^ hash >> 45) & mask;
}

/** Where an event keeps its arguments: they moved between kernels; user space reads it in BTF. */
struct ult_arguments {
	__s8 pointer;
	__s8 cache; /**< struct kmem_cache * */
	__s8 bytes; /**< bytes_alloc */
	__s8 gfp;
};

#endif
