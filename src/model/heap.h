/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every allocated thing in a kernel's memory: filled by source/kwalk, searched by analysis. Made
 * for tens of millions of objects: what is kept of one object is one bit (allocated), the rest is
 * kept by block. A block is what one call of a lower allocator gave: a slab with its slots, a large
 * kmalloc, a page block, a vmalloc area, a percpu area. Objects have numbers: block.first + slot.
 *
 * Built in three steps: add caches and blocks, finish (sorts, numbers the objects), set allocated
 * bits. From then on it is read only, from any number of threads.
 */
#ifndef UL_MODEL_HEAP_H
#define UL_MODEL_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"
#include "model/image.h"
#include "model/loss.h"

/** What a page frame is used for. One byte a page frame. (enum ul_page_class of model/page_count.h
 * is what the flags of /proc say; the two meet only in cmd.) */
enum ul_frame_class {
	UL_FRAME_ABSENT, /**< no memory, or not in the dump's map */
	UL_FRAME_FREE,	 /**< buddy or per-CPU lists */
	UL_FRAME_SLAB,
	UL_FRAME_KMALLOC_LARGE, /**< where the kernel marks it (v6.16 and later) */
	UL_FRAME_ANON,		/**< from here to HUGETLB: user memory, never scanned */
	UL_FRAME_FILE,		/**< page cache, buffers of file systems too */
	UL_FRAME_SHMEM,
	UL_FRAME_HUGETLB,
	UL_FRAME_TABLE,	   /**< page tables */
	UL_FRAME_IMAGE,	   /**< reserved and within the kernel image */
	UL_FRAME_RESERVED, /**< reserved otherwise: memblock, firmware */
	UL_FRAME_VMEMMAP,  /**< holds struct pages */
	UL_FRAME_VMALLOC,  /**< mapped by a vmalloc area (its block is the area) */
	UL_FRAME_STACK,	   /**< of a kernel stack */
	UL_FRAME_PERCPU,
	UL_FRAME_KERNEL,  /**< given out by the page allocator; no owner that flags know */
	UL_FRAME_OFFLINE, /**< ballooned, poisoned or otherwise taken out */
	UL_FRAME_UNKNOWN, /**< its struct page made no sense */
	UL_FRAME_CLASSES,
};
/** "free", "slab", "kmalloc_large", "anon" ...; stable names. */
const char *ul_frame_class_name(enum ul_frame_class class);
/** Whether its contents are a process's or a file's: what looks like a pointer there is none. */
static inline bool ul_frame_is_user(enum ul_frame_class class)
{
	return class >= UL_FRAME_ANON && class <= UL_FRAME_HUGETLB;
}

enum ul_block_kind {
	UL_BLOCK_SLAB = 1,
	UL_BLOCK_KMALLOC_LARGE,
	UL_BLOCK_PAGES, /**< alloc_pages(), nobody's that we know: also large kmalloc before v6.16
			 */
	UL_BLOCK_VMALLOC,
	UL_BLOCK_PERCPU, /**< kaddr: the pointer value as the kernel hands it out */
};

enum ul_block_flags {
	UL_BLOCK_UNKNOWN =
		1 << 0,		    /**< allocation state not known (damaged freelist, changed while
				       read): its objects are never leaks, and are scanned as roots */
	UL_BLOCK_NO_SCAN = 1 << 1,  /**< holds stale pointers or none (sheaves, dead stacks) */
	UL_BLOCK_NOT_LEAK = 1 << 2, /**< known to be kept where no pointer is seen: a root */
	UL_BLOCK_SPLIT = 1 << 3,    /**< pages counted one by one that were one allocation */
};

struct ul_block {
	uint64_t kaddr;	     /**< of slot 0 */
	uint64_t bytes;	     /**< of all slots together */
	uint32_t slot_bytes; /**< distance of slots; of one-slot blocks it may be 0 */
	uint32_t slots;
	uint32_t first;	     /**< number of the object in slot 0; set by ul_heap_finish() */
	uint32_t cache;	     /**< slab: index in caches; vmalloc: in areas; else UINT32_MAX */
	uint32_t reciprocal; /**< private to heap.c: 2^32 / slot_bytes, rounded up; 0: divide */
	uint8_t kind;	     /**< enum ul_block_kind */
	uint8_t flags;	     /**< enum ul_block_flags */
};
_Static_assert(sizeof(struct ul_block) == 40, "a heap of 50 million objects has millions of them");

struct ul_heap_cache {
	char *name;
	char *aliases;	/**< ", " between; NULL: none */
	uint64_t kaddr; /**< struct kmem_cache * */
	uint32_t track; /**< how far behind an object's start the address lies that asked for it; 0:
			   not kept */
	uint32_t object_bytes; /**< payload: what may be scanned */
	uint32_t slot_bytes;   /**< what slabinfo calls objsize */
	bool merged;	       /**< several users under one name: never type or exclude by name */
	bool reclaimable;      /**< SLAB_RECLAIM_ACCOUNT */
	uint64_t slabs, objects, allocated; /**< filled by the walker */
	uint64_t unknown;		    /**< objects in slabs whose state is not known */
	uint64_t bytes;			    /**< slabs x their pages */
};

/** What is known of a vmalloc area beside its place. */
struct ul_heap_area {
	uint64_t vm_struct;
	uint64_t caller; /**< code address that asked for it; 0: not known */
	uint32_t flags;	 /**< VM_ALLOC, VM_MAP ... of Linux include/linux/vmalloc.h */
	uint64_t pages;	 /**< that back it */
};

enum ul_root_kind {
	UL_ROOT_IMAGE,	   /**< data, bss, read-only after init of the kernel */
	UL_ROOT_MODULE,	   /**< a module's data */
	UL_ROOT_PERCPU,	   /**< static and first-chunk per-CPU variables */
	UL_ROOT_STACK,	   /**< live part of a task's stack */
	UL_ROOT_REGISTERS, /**< bytes: none; see image->cpus */
	UL_ROOT_RESERVED,  /**< memory taken before the page allocator was there */
	UL_ROOT_PAGE,	   /**< struct pages of pages in use: page->private, mapping, lists */
	UL_ROOT_CODE, /**< a constant within an instruction; bytes: none, its value is `owner` */
};
const char *ul_root_kind_name(enum ul_root_kind kind);

struct ul_root {
	uint64_t kaddr;
	uint64_t bytes;
	enum ul_root_kind kind;
	uint64_t owner; /**< stack: struct task_struct *; module: struct module *; code; else 0 */
};

struct ul_heap {
	struct ul_address_space space; /**< copied from the image */
	UL_VEC(struct ul_heap_cache) caches;
	UL_VEC(struct ul_heap_area) areas;
	UL_VEC(struct ul_block) blocks; /**< after finish: by kaddr */
	UL_VEC(struct ul_root) roots;
	/**
	 * Words that are the allocators' own and point at everything (vmap_area, vm_struct.addr):
	 * taken as zero when scanned. By address after finish, not overlapping.
	 */
	UL_VEC(struct ul_range) hidden;
	/** What makes a per-CPU pointer the address of each CPU's copy, by CPU. */
	UL_VEC(uint64_t) cpu_offsets;
	uint8_t *page_class;	     /**< enum ul_frame_class by pfn, space.max_pfn of them */
	uint64_t objects;	     /**< numbers given out */
	uint64_t *allocated;	     /**< one bit an object */
	struct ul_heap_index *index; /**< private to heap.c */
	struct ul_losses losses;
};

/** Where an address falls. */
struct ul_heap_hit {
	const struct ul_block *block;
	uint32_t slot;
	uint64_t object; /**< block->first + slot */
	uint64_t kaddr;	 /**< of the object */
	uint64_t offset; /**< of the address within it */
	uint32_t bytes;	 /**< payload of the object (UINT32_MAX at most) */
	bool allocated;
};

/** @p space is copied; allocates page_class (all ABSENT). */
UL_MUST_USE struct ul_error *ul_heap_init(struct ul_heap *heap,
					  const struct ul_address_space *space);
void ul_heap_deinit(struct ul_heap *heap);
#define UL_CLEANUP_HEAP UL_CLEANUP(ul_heap_deinit)

/** Append a block; not before ul_heap_init(), not after finish. */
UL_MUST_USE struct ul_error *ul_heap_add_block(struct ul_heap *heap, const struct ul_block *block);
/**
 * Sort, number and index. Blocks that overlap (in the direct map: that share a page) are our own
 * bug or a damaged image: of two, the one added later is dropped and counted as a loss. Blocks that
 * make no sense (no slots, more slots than bytes, beyond the end of the address space) are, too.
 * All objects are free at first.
 */
UL_MUST_USE struct ul_error *ul_heap_finish(struct ul_heap *heap);
/** Mark object @p object allocated (or free again). Before other threads read. */
void ul_heap_set_allocated(struct ul_heap *heap, uint64_t object, bool allocated);
bool ul_heap_is_allocated(const struct ul_heap *heap, uint64_t object);

/**
 * The object whose slot holds @p kaddr, allocated or not, whether the address falls into its
 * payload or its padding; direct map, vmalloc and percpu pointer values alike. False: no object
 * there. O(1) in the direct map, O(log areas) elsewhere.
 */
bool ul_heap_find(const struct ul_heap *heap, uint64_t kaddr, struct ul_heap_hit *ret);
/** The object that the page of a struct page belongs to: a slab page's first slot, a page block. */
bool ul_heap_find_page(const struct ul_heap *heap, uint64_t struct_page, struct ul_heap_hit *ret);
/** The object of that number. */
bool ul_heap_object(const struct ul_heap *heap, uint64_t object, struct ul_heap_hit *ret);
/** Where the bytes of an object can be read: of a per-CPU area, which is a pointer that leads
 * nowhere by itself, the first CPU's copy. */
uint64_t ul_heap_contents(const struct ul_heap *heap, const struct ul_heap_hit *hit);
/** "kmalloc-4k", "vmalloc", "pages", "kmalloc-large", "percpu". Borrowed. */
const char *ul_heap_block_name(const struct ul_heap *heap, const struct ul_block *block);

#endif
