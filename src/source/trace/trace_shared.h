/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * What the programs and user space agree on. Fixed-width members, explicit padding, sizes asserted.
 * Nothing outside of source/trace includes this.
 */
#ifndef UL_SOURCE_TRACE_SHARED_H
#define UL_SOURCE_TRACE_SHARED_H

#include <linux/types.h>

enum {
	ULT_COMM = 16,	     /**< TASK_COMM_LEN */
	ULT_CACHE_NAME = 64, /**< cut beyond: Linux cache names are shorter */
	ULT_STACK_FRAMES = 64,
	ULT_PART_FRAMES = 16, /**< frames are kept in parts of this many */
	ULT_STACK_PARTS = ULT_STACK_FRAMES / ULT_PART_FRAMES,
	ULT_MAX_WANTED = 16,	   /**< cache names in the filter */
	ULT_MAX_CGROUP_DEPTH = 32, /**< of a task below the cgroup in the filter */
	ULT_ARG_NONE = -1,	   /**< the event does not carry this argument */
};

/** What the programs do with an event; a global of the BPF object, set from user space. */
enum ult_mode {
	ULT_MODE_OFF = 0,
	ULT_MODE_RECORD = 1, /**< allocations are recorded, frees erase them */
	ULT_MODE_DRAIN = 2,  /**< no new allocations; frees and re-use of an address still erase */
};

/** Index of a counter in the per-CPU array `counters`. Each becomes a loss. */
enum ult_counter {
	ULT_LIVE_FULL,	   /**< allocation not recorded: both its buckets were full */
	ULT_SITE_FULL,	   /**< allocation not recorded: no room for its site */
	ULT_SITE_CLASH,	   /**< ... or two sites with one 64-bit hash */
	ULT_STACK_FAILED,  /**< stack not stored: could not be walked */
	ULT_STACK_FULL,	   /**< frames of a stack not stored: no room */
	ULT_PAGES_SPLIT,   /**< parts of page blocks freed, no room to note it: counted as live */
	ULT_CACHE_UNREAD,  /**< call sites whose cache could not be found out */
	ULT_FREED_FULL,	   /**< free paths that found no room */
	ULT_BULK_LONG,	   /**< objects beyond what is looked at of one bulk call */
	ULT_CALL_LOST,	   /**< calls whose begin was overwritten before they ended */
	ULT_STACK_CHECKED, /**< no loss: known stacks that were walked none the less ... */
	ULT_STACK_STALE,   /**< ... and were others */
	ULT_COUNTERS,
};

enum ult_allocator {
	ULT_SLAB = 1,
	ULT_PAGES = 2,
	ULT_PERCPU = 3,
	ULT_VMALLOC = 4,
	ULT_ALLOCATORS, /**< one more than the last */
};

enum {
	ULT_MAX_ORDER = 10, /**< largest page block followed: 4 MiB */
	ULT_HOLES = 1024,   /**< page blocks freed in part, at one time */
	ULT_FREED_PATHS = 4096,
	ULT_FREED_STACKS = 2048,
	ULT_FREED_ALL = 256,	/**< so many frees of a site are all looked at ... */
	ULT_FREED_MANY = 65536, /**< ... until then every 16th, beyond every 256th */
	ULT_FREED_SAMPLES = 32, /**< freed objects of a site whose contents are kept */
	ULT_FREED_OBJECTS = 2048,
	ULT_FREED_BYTES = 256, /**< of each */
	ULT_BULK_MAX = 1024,   /**< objects looked at of one bulk call */
	ULT_CALLS = 1024,      /**< calls watched by kprobes that have not returned */
	ULT_CALL_FRAMES = 24,  /**< of their stacks */
};

/** Pages of a block that were freed, and are somebody else's since. */
struct ult_holes {
	__u32 pages; /**< how many */
	__u32 padding;
	__u64 words[(1 << ULT_MAX_ORDER) / 64]; /**< a bit each */
};
_Static_assert(sizeof(struct ult_holes) == 136, "shared layout");

/** Key of `freed_paths`: frees of one site by one stack. */
struct ult_freed_key {
	__u32 site;
	__s32 stack_id; /**< in `free_stacks`; negative: lost */
	__u32 comm_id;	/**< of the allocation, not of the free */
	__u32 padding;
};
_Static_assert(sizeof(struct ult_freed_key) == 16, "shared layout");

/** Key of `freed_objects`. */
struct ult_freed_slot {
	__u32 site;
	__u32 slot;
};
_Static_assert(sizeof(struct ult_freed_slot) == 8, "shared layout");

/** An object as it was when it was freed. */
struct ult_freed_object {
	__u64 pointer;
	__u32 bytes; /**< of `data` that belong to it */
	__u32 padding;
	__u8 data[ULT_FREED_BYTES];
};
_Static_assert(sizeof(struct ult_freed_object) == 16 + ULT_FREED_BYTES, "shared layout");

/** What makes one site; hashed to 64 bits, which is the key of `site_ids`. */
struct ult_site_key {
	__u64 call_site;
	__u64 cache;	 /**< struct kmem_cache * where the event has it, else 0 */
	__u64 stack;	 /**< hash of all its frames; ULT_STACK_NONE, ULT_STACK_LOST */
	__u32 bytes;	 /**< of one allocation; 0: the cache says */
	__u16 allocator; /**< enum ult_allocator */
	__u16 gfp_class; /**< enum ult_gfp_class bits: which kmalloc family */
};
_Static_assert(sizeof(struct ult_site_key) == 32, "shared layout");

enum {
	ULT_STACK_NONE = 0, /**< a site that stands for a call site, whatever the stack */
	ULT_STACK_LOST = 1, /**< the stack could not be walked */
};

/**
 * Which program walks a stack: each has room of its own for the frames, since an interrupt may run
 * another one in between; its own recursion is refused by the kernel.
 */
enum ult_walker {
	ULT_WALKER_KMALLOC,
	ULT_WALKER_KMALLOC_NODE,
	ULT_WALKER_CACHE_ALLOC,
	ULT_WALKER_CACHE_ALLOC_NODE,
	ULT_WALKER_PAGES,
	ULT_WALKER_PERCPU,
	ULT_WALKER_ALLOC_BULK,
	ULT_WALKER_PAGES_BULK,
	ULT_WALKER_VM_AREA,
	ULT_WALKERS,
};

enum {
	ULT_KNOWN_STACKS = 1024,
	ULT_KNOWN_FRAMES = 32, /**< at most, of a known stack */
	ULT_KNOWN_CHECK = 64,  /**< one known stack in so many is walked to compare */
	ULT_STACK_BELOW = 4,   /**< frames that may lie below the context of a program */
	ULT_STACK_BYTES = 2048,
	ULT_STACK_WORDS = ULT_STACK_BYTES / 8,
	ULT_KERNEL_STACK = 16384, /**< Linux THREAD_SIZE of x86_64 and arm64 */
};

/** Where on the kernel's stack the frames of a stack lay when it was walked: see stack.bpf.h. */
struct ult_known_stack {
	__u64 hash;  /**< of its frames */
	__u64 busy;  /**< held by who writes it */
	__u32 len;   /**< frames; 0: none known here */
	__u32 below; /**< of these, frames that are not on the stack above the context: `frames` */
	__u64 frames[ULT_STACK_BELOW];
	__u16 places[ULT_KNOWN_FRAMES]; /**< of the others, in words from the context */
	__u64 unused;
};
_Static_assert(sizeof(struct ult_known_stack) == 128, "two cache lines");

/** Room for the frames of one stack on its way to a site. */
struct ult_scratch {
	__u64 frames[ULT_STACK_FRAMES];
	__u32 frames_len;
	__u32 busy;  /**< kernels before v6.2 do not refuse a raw tracepoint's own recursion */
	__u64 at;    /**< of the program's context, as a number */
	__u32 found; /**< of the frames, on the stack */
	__u32 padding;
	__u64 words[ULT_STACK_WORDS]; /**< of the stack from there on */
};

/** Families of kmalloc caches, as Linux mm/slab.h kmalloc_type() chooses them. */
enum ult_gfp_class {
	ULT_GFP_DMA = 1,
	ULT_GFP_RECLAIMABLE = 2,
	ULT_GFP_ACCOUNT = 4,
};

/** One site: an element of the array `sites`, which user space maps. */
struct ult_site {
	struct ult_site_key key; /**< does not change once its index is in `site_ids` */
	/* Raw counts of records, and what weights beyond 1 add; see struct ult_live. */
	__u64 stored;
	__u64 erased;	    /**< records whose object was freed */
	__u64 erased_extra; /**< objects these stand for, less `erased` */
	__u64 missed;	    /**< records whose address was handed out again: frees not seen */
	__u64 missed_extra;
	__u64 cache;		      /**< struct kmem_cache *, 0: none or not known */
	__u32 parts[ULT_STACK_PARTS]; /**< of its stack: indices in `parts` plus 1, 0: end */
	__u32 object_bytes;	      /**< bytes_alloc, or the cache's object_size */
	__u32 wanted;		      /**< the cache filter's answer, found once */
	char cache_name[ULT_CACHE_NAME];
	__u64 unused[3];
};
_Static_assert(sizeof(struct ult_site) == 192, "three cache lines, the busy one first");

enum { ULT_AGE_CLASSES = 24, ULT_AGE_SHIFT = 20 /**< as model/ages.h */, ULT_GROUPS = 8 };

/**
 * Records of one site that were freed, by class of age; and objects that those of them stand for
 * which stand for more than themselves, by eight groups of addresses. How much the groups differ
 * tells how far their sum can be believed (collect.c).
 */
struct ult_ages {
	__u32 freed[ULT_AGE_CLASSES];
	__u64 groups[ULT_GROUPS];
};
_Static_assert(sizeof(struct ult_ages) == 160, "shared layout");

/** Sixteen frames of a stack. */
struct ult_part {
	__u64 frames[ULT_PART_FRAMES];
};

/**
 * What is known of one live allocation, beside its key.
 *
 * Addresses are recorded whose hash is in the lowest 2^-level of the space. The level may change
 * while recording; each change begins an epoch. A record stands for 2^l objects, l being the
 * highest level since its epoch began (`level_since`): it is there only because its hash was in the
 * share all that time. One whose hash is not in that share is dropped, by whoever sees it.
 */
struct ult_live {
	__u16 site; /**< index in `sites` */
	__u8 epoch;
	__u8 order;    /**< of a block of pages */
	__u32 time;    /**< of the allocation, in ticks of the kernel since start_ns */
	__u32 pid;     /**< thread group */
	__u32 comm_id; /**< key in `comms` */
};

enum {
	ULT_BUCKET_SLOTS = 8,
	ULT_EPOCHS = 256,
	ULT_MAX_LEVEL = 16,
	ULT_HINTS = 4096, /**< sites found without a look-up, by their key's hash */
	ULT_OVERFLOWS = 4096,
	ULT_PAGES_SEEN = 65536, /**< 64 KiB */
};

/** Records on one CPU, and what a sample of them cost. */
struct ult_pace {
	__u32 window;  /**< when it began, in ticks */
	__u32 records; /**< in it */
	__u64 total;
	__u64 timed;	/**< records whose time was taken */
	__u64 timed_ns; /**< ... together */
};

/**
 * The table of live allocations is an array of buckets, which user space maps: 24 bytes a slot,
 * keys on a cache line of their own. Key 0 is an empty slot. See tables.bpf.h for how a slot is
 * claimed without a lock.
 */
struct ult_bucket {
	__u64 keys[ULT_BUCKET_SLOTS]; /**< address, or that of a struct page */
	struct ult_live live[ULT_BUCKET_SLOTS];
};
_Static_assert(sizeof(struct ult_bucket) == 192, "three cache lines");

/** Hash of a key of the table: its upper half samples, its lower half chooses buckets. */
static inline __u64 ult_hash(__u64 key)
{
	const __u64 hash = key * 0x9e3779b97f4a7c15ULL;
	return hash ^ (hash >> 32);
}

/** Whether a key is among those recorded at @level. */
static inline int ult_in_share(__u64 hash, __u32 level)
{
	return !(hash >> 32 >> (32 - level));
}

/** Group of addresses that a key is in: by other bits than sampling and buckets look at first. */
static inline __u32 ult_group(__u64 hash)
{
	return hash >> 32 & (ULT_GROUPS - 1);
}

/** The two buckets, of @count, that a key may be in. */
static inline __u32 ult_first_bucket(__u64 hash, __u32 count)
{
	return (__u32)((hash & 0xffffffff) * count >> 32);
}

static inline __u32 ult_second_bucket(__u64 hash, __u32 count)
{
	return (__u32)((hash * 0xc2b2ae3d27d4eb4fULL >> 32) * count >> 32);
}

/** Where an event keeps its arguments: they moved between kernels; user space reads it in BTF. */
struct ult_arguments {
	__s8 pointer;
	__s8 cache; /**< struct kmem_cache * */
	__s8 bytes; /**< bytes_alloc */
	__s8 gfp;
};

#endif
