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

/** Index of a counter in the per-CPU array `counters`. Each becomes a loss, except the events. */
enum ult_counter {
	ULT_EVENTS_ALLOC,    /**< allocation events that passed the filter */
	ULT_EVENTS_FREE,     /**< free events of recorded allocations */
	ULT_LIVE_FULL,	     /**< allocation not recorded: table of live allocations full */
	ULT_LIVE_BUSY,	     /**< ... or its bucket busy (interrupt in the middle of an update) */
	ULT_SITE_FULL,	     /**< allocation not recorded: table of sites full */
	ULT_SITE_CLASH,	     /**< ... or two sites with one 64-bit hash */
	ULT_STACK_COLLISION, /**< stack not stored: another one has its bucket */
	ULT_STACK_FAILED,    /**< stack not stored: could not be walked, or table full */
	ULT_FREE_BUSY,	     /**< a free that could not erase its record */
	ULT_PAGES_SPLIT,     /**< page blocks freed in parts: erased as a whole */
	ULT_FREE_UNMATCHED,  /**< frees of what was not recorded: allocated before the start */
	ULT_CACHE_UNREAD,    /**< the cache of an object could not be found out */
	ULT_COUNTERS,
};

enum ult_allocator {
	ULT_SLAB = 1,
	ULT_PAGES = 2,
	ULT_PERCPU = 3,
};

/** What makes one site; hashed to 64 bits, which is the key of `sites`. */
struct ult_site_key {
	__u64 call_site;
	__u64 cache;	/**< struct kmem_cache *, 0: none or not known */
	__s64 stack_id; /**< in `stacks`; negative: no stack */
	__u32 bytes;	/**< of one allocation; 0: the cache says */
	__u16 allocator;
	__u16 gfp_class; /**< enum ult_gfp_class bits: which kmalloc family, when cache is 0 */
};
_Static_assert(sizeof(struct ult_site_key) == 32, "shared layout");

/** Families of kmalloc caches, as Linux mm/slab.h kmalloc_type() chooses them. */
enum ult_gfp_class {
	ULT_GFP_DMA = 1,
	ULT_GFP_RECLAIMABLE = 2,
	ULT_GFP_ACCOUNT = 4,
};

struct ult_site {
	struct ult_site_key key;
	__u64 allocated;
	__u64 freed;
	__u64 missed;	    /**< live records whose address was handed out again: frees not seen */
	__u32 object_bytes; /**< bytes_alloc, or the cache's object_size */
	__u32 padding;
	char cache_name[ULT_CACHE_NAME];
};
_Static_assert(sizeof(struct ult_site) == 64 + ULT_CACHE_NAME, "shared layout");

/** One live allocation; the key is its address, or that of its struct page. */
struct ult_live {
	__u64 time_ns; /**< CLOCK_MONOTONIC */
	__u64 site;    /**< key in `sites` */
	__u32 pid;     /**< thread group */
	__u32 bytes;
	char comm[ULT_COMM];
};
_Static_assert(sizeof(struct ult_live) == 40, "shared layout");

/** Where an event keeps its arguments: they moved between kernels; user space reads it in BTF. */
struct ult_arguments {
	__s8 pointer;
	__s8 cache; /**< struct kmem_cache * */
	__s8 bytes; /**< bytes_alloc */
	__s8 gfp;
};

#endif
