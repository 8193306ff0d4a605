/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the files of source/kwalk. One struct ul_kwalk lives through one walk; the files fill its
 * heap in this order:
 *
 *   layout.c   where members lie, by name (nothing is known by version)
 *   pages.c    class of each page frame; the slabs; where the page array lies
 *   tasks.c    where each CPU's area lies
 *   idle.c     pages on the lists of CPUs
 *   caches.c   slab caches
 *   tasks.c    stacks, before vmalloc areas and pages get their blocks
 *   tables.c   page tables that no mark tells
 *   percpu.c   per-CPU chunks
 *   vmalloc.c  areas; allocators' own words hidden
 *   caches.c   other names of merged caches
 *   modules.c  data of modules
 *   sheaves.c  objects that wait in caches of a CPU or node
 *   kfence.c   objects of the KFENCE pool
 *   blocks.c   blocks of what is left: slabs, large kmalloc, page blocks
 *   roots.c    roots among the page frames
 *   kept.c     what is kept for reuse, with stale pointers: hidden
 *   freelist.c which objects are free
 *   kept.c     what is on its way out: free
 *
 * Where only pages are asked for, blocks.c follows vmalloc.c, and nothing else does.
 */
#ifndef UL_SOURCE_KWALK_KWALK_INTERNAL_H
#define UL_SOURCE_KWALK_KWALK_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"
#include "source/kwalk/kwalk.h"

/** A member that this kernel does not have. */
#define UL_KWALK_NONE UINT32_MAX

/** Limits of what an image can make us do; each walk that meets one says so as a loss. */
enum {
	UL_KWALK_CACHES = 65536,
	UL_KWALK_CPUS = 8192,
	UL_KWALK_NODES = 1024,
	UL_KWALK_TASKS = 4 << 20,
	UL_KWALK_MODULES = 65536,
	UL_KWALK_AREAS = 65536,		/**< vmalloc areas, free ones too; and one a page frame */
	UL_KWALK_CHUNKS = 65536,	/**< per-CPU chunks */
	UL_KWALK_SHEAF_OBJECTS = 65536, /**< in one sheaf */
	UL_KWALK_SHEAVES = 1 << 20,
	UL_KWALK_CLAIMS = 1 << 24, /**< pages of areas, beside four a page frame */
	UL_KWALK_KFENCE = 65536,
	UL_KWALK_CONSTANTS = 512,  /**< in text, that point to memory; 7.3 has 23 */
	UL_KWALK_TREE_DEPTH = 128, /**< of a red-black tree: twice the bits of a size */
	UL_KWALK_STRUCT_PAGE = 512 /**< bytes of a struct page, at most */
};

/** Offsets of members, in bytes; UL_KWALK_NONE where there is no such member. */
struct ul_kwalk_layout {
	uint32_t page_bytes; /**< sizeof(struct page) */
	uint32_t page_flags, page_info, page_type, page_refcount, page_mapping, page_private,
		page_lru;
	bool has_memcg_type; /**< a page type of its own for charged pages (before v5.11) */
	uint32_t slab_cache, slab_freelist, slab_objects;
	uint32_t slab_objects_shift, slab_objects_bits;

	uint32_t cache_name, cache_list, cache_size, cache_object_size, cache_offset;
	uint32_t cache_random, cache_red_left_pad, cache_flags, cache_refcount, cache_kobj;
	uint32_t cache_cpu_slab, cache_cpu_sheaves, cache_sheaf_capacity;
	uint32_t cache_nodes, cache_node_bytes, cache_node_node, cache_node_barn, cache_node_count;
	uint32_t cpu_freelist;
	uint32_t sheaves_main, sheaves_spare, sheaves_rcu_free;
	uint32_t sheaf_size, sheaf_capacity, sheaf_objects, sheaf_list;
	uint32_t node_barn, barn_full, barn_empty;

	uint32_t area_start, area_end, area_rb, area_list, area_vm, area_purge_list;
	uint32_t rb_parent, rb_left, rb_right;
	uint32_t vm_addr, vm_size, vm_flags, vm_pages, vm_nr_pages, vm_nr_pages_bytes, vm_caller;
	uint32_t vmap_node_bytes, vmap_node_pool, vmap_pool_bytes, vmap_pool_head, vmap_pools;
	uint32_t vmap_node_busy, vmap_node_lazy, vmap_node_purge;

	uint32_t chunk_list, chunk_base, chunk_alloc_map, chunk_bound_map, chunk_nr_pages;
	uint32_t chunk_populated, chunk_start, chunk_end;

	uint32_t task_tasks, task_signal, task_thread_node, task_stack, task_sp, task_on_cpu;
	uint32_t task_on_cpu_bytes, task_stack_vm;
	uint32_t task_mm, task_active_mm, mm_pgd;
	uint32_t signal_thread_head, rq_idle, stack_bytes;

	uint32_t module_list, module_memory, module_memory_bytes, module_memory_len;
	uint32_t memory_base, memory_size, memory_text_size;

	uint32_t kfence_bytes, kfence_state, kfence_addr, kfence_size, kfence_cache;
	uint32_t kernfs_children, kernfs_rb, kernfs_name, kernfs_flags, kernfs_target, kernfs_priv;
	uint32_t kset_kobj, kobject_sd;

	uint32_t zone_bytes, pgdat_zones, pgdat_zones_len, zone_pageset;
	uint32_t pageset_lists, pageset_lists_len;
};

/** What the type or the flags of a page say it is; from enumerators of the kernel. */
struct ul_kwalk_marks {
	bool bytes; /**< the type is a number in the top byte (v6.12); else bits that are clear */
	uint8_t of_byte[256]; /**< enum ul_frame_class; ABSENT: says nothing */
	uint32_t type_base;   /**< set in every value that is a type */
	struct {
		uint32_t bit;
		uint8_t class;
	} of_bit[8];
	size_t of_bit_len;
	uint64_t slab, reserved, head, lru, swap_backed; /**< masks of page flags; 0: none */
	uint64_t swap_cache, poisoned;
	uint64_t hugetlb_second; /**< flag of the second struct page */
	uint32_t dtor; /**< offset from the head's struct page of the destructor's number */
	uint8_t dtor_hugetlb;
	uint8_t zsmalloc_byte; /**< type byte of zsmalloc; 0: none */
};

/** Private classes and bits, gone when the walk is over. */
enum {
	UL_FRAME_TAIL = 0x80,	   /**< bit: not the first page of its compound page */
	UL_FRAME_IDLE = 0x7f,	   /**< not counted and of no type: free, or behind a head */
	UL_FRAME_ZSMALLOC = 0x7e,  /**< compressed memory: no pointers */
	UL_FRAME_MAPPED = 0x7d,	   /**< vmap() of pages that have another owner, too */
	UL_FRAME_OLD_STACK = 0x7c, /**< of a stack that is pages: CONFIG_VMAP_STACK=n */
	UL_FRAME_CLASS_MASK = 0x7f /**< without TAIL */
};

struct ul_kwalk_slab {
	uint64_t pfn;
	uint64_t cache; /**< struct kmem_cache * */
	uint32_t pages;
	uint32_t objects;
};

/** What the walker keeps of a cache beside the heap's own record. */
struct ul_kwalk_cache {
	uint64_t kaddr;
	uint64_t random; /**< 0 with `hardened` false */
	bool hardened;
	uint32_t offset; /**< of the free pointer in a slot */
	uint32_t red_left_pad;
	uint32_t size;
};

/** An object that waits in a sheaf or on a CPU's freelist. */
struct ul_kwalk_free {
	uint64_t kaddr;
	uint32_t cache; /**< index */
	uint64_t place; /**< of a freelist: where its first address stands; 0: a single object */
};

/** The stack of a task. */
struct ul_kwalk_stack {
	uint64_t start;
	uint64_t bytes;
	uint64_t sp; /**< where the live part begins; 0: not known */
	uint64_t task;
};

struct ul_kwalk {
	struct ul_image *image;
	struct ul_memory *memory;
	struct ul_heap *heap;
	struct ul_kwalk_code *code; /**< NULL: for this walk alone */
	unsigned int threads;
	uint64_t claims_left; /**< pages that may still be looked up for an owner */
	struct ul_kwalk_layout layout;
	struct ul_kwalk_marks marks;
	UL_VEC(struct ul_kwalk_slab) slabs;   /**< by pfn */
	UL_VEC(struct ul_kwalk_cache) caches; /**< as in heap->caches */
	uint32_t *cache_slots;		      /**< hash of kaddr -> index + 1 */
	size_t cache_slots_len;		      /**< power of two */
	UL_VEC(struct ul_kwalk_free) waiting;
	UL_VEC(struct ul_kwalk_stack) stacks; /**< by start */
	UL_VEC(struct ul_range) not_root;     /**< dead stacks in memory that is a root: left out */
	struct ul_range kfence_pool;
	uint64_t percpu_base;  /**< pcpu_base_addr: CPU 0's first chunk; 0: not known */
	uint64_t percpu_start; /**< __per_cpu_start: what a pointer to it begins at */
};

/* ---- read.c ---- */

/** Read all of @p len bytes, or false. */
bool ul_kwalk_read(const struct ul_kwalk *walk, uint64_t kaddr, void *buffer, size_t len);
/** Member of 8 bytes at @p base + @p offset; false where there is none or it cannot be read. */
bool ul_kwalk_word(const struct ul_kwalk *walk, uint64_t base, uint32_t offset, uint64_t *ret);
bool ul_kwalk_u32(const struct ul_kwalk *walk, uint64_t base, uint32_t offset, uint32_t *ret);
/** A printable, non-empty string at @p kaddr, cut to @p size; false else. */
bool ul_kwalk_string(const struct ul_kwalk *walk, uint64_t kaddr, char *text, size_t size);
/** Upper half, and aligned to 8. */
bool ul_kwalk_is_pointer(uint64_t value);
/** Address of kernel symbol @p name; false when there is none. */
bool ul_kwalk_symbol(const struct ul_kwalk *walk, const char *name, uint64_t *ret);
/** 8 bytes at a symbol. */
bool ul_kwalk_variable(const struct ul_kwalk *walk, const char *name, uint64_t *ret);
bool ul_kwalk_variable32(const struct ul_kwalk *walk, const char *name, uint32_t *ret);
/** Copy of this CPU's instance of a per-CPU pointer. */
uint64_t ul_kwalk_percpu(const struct ul_kwalk *walk, uint64_t pointer, size_t cpu);

/** Steps over a struct list_head; see ul_kwalk_list_next(). */
struct ul_kwalk_list {
	const struct ul_kwalk *walk;
	uint64_t head;
	uint64_t at, next;
	size_t left;	   /**< steps that are still allowed */
	uint64_t mark;	   /**< a place passed: meeting it again means a ring without the head */
	size_t until_mark; /**< steps until it is set anew, twice as far each time (Brent) */
	size_t stride;
	bool broken; /**< the list did not come back to its head */
};

struct ul_kwalk_list ul_kwalk_list_begin(const struct ul_kwalk *walk, uint64_t head, size_t limit);
/** Address of the next struct list_head; false at the end, and where it breaks. */
bool ul_kwalk_list_next(struct ul_kwalk_list *list, uint64_t *ret);

/**
 * Calls @p visit with the address of every struct rb_node below @p root (that of the top node).
 * False when the tree is damaged or has more than *@p left nodes, which is counted down. An error
 * of @p visit ends it.
 */
UL_MUST_USE struct ul_error *ul_kwalk_tree(const struct ul_kwalk *walk, uint64_t root, size_t *left,
					   struct ul_error *(*visit)(void *argument, uint64_t node),
					   void *argument, bool *ret_whole);

UL_MUST_USE struct ul_error *ul_kwalk_loss(struct ul_kwalk *walk, enum ul_bias bias, uint64_t count,
					   const char *what);
UL_MUST_USE struct ul_error *ul_kwalk_hide(struct ul_kwalk *walk, uint64_t kaddr, uint64_t bytes);
UL_MUST_USE struct ul_error *ul_kwalk_root(struct ul_kwalk *walk, enum ul_root_kind kind,
					   uint64_t kaddr, uint64_t bytes, uint64_t owner);
/** As above, without the parts in walk->not_root (sorted). */
UL_MUST_USE struct ul_error *ul_kwalk_root_without(struct ul_kwalk *walk, enum ul_root_kind kind,
						   uint64_t kaddr, uint64_t bytes, uint64_t owner);
/** Give the page frames behind [kaddr, kaddr + bytes) @p class; returns how many there were. */
uint64_t ul_kwalk_claim(struct ul_kwalk *walk, uint64_t kaddr, uint64_t bytes, uint8_t class);

/* ---- the passes ---- */

UL_MUST_USE struct ul_error *ul_kwalk_layout_load(const struct ul_image *image,
						  struct ul_kwalk_layout *ret,
						  struct ul_kwalk_marks *ret_marks);
UL_MUST_USE struct ul_error *ul_kwalk_pages(struct ul_kwalk *walk);
/** Which frames the page array itself is in. */
UL_MUST_USE struct ul_error *ul_kwalk_page_array(struct ul_kwalk *walk);
/**
 * What is on the per-CPU lists of the page allocator is free; the rest of IDLE hangs from heads.
 */
UL_MUST_USE struct ul_error *ul_kwalk_idle_pages(struct ul_kwalk *walk);
UL_MUST_USE struct ul_error *ul_kwalk_caches(struct ul_kwalk *walk);
/** Index of a cache; false when it is none that we know. */
bool ul_kwalk_cache_find(const struct ul_kwalk *walk, uint64_t kaddr, uint32_t *ret);
UL_MUST_USE struct ul_error *ul_kwalk_aliases(struct ul_kwalk *walk);
/** heap->cpu_offsets, from __per_cpu_offset[]. */
UL_MUST_USE struct ul_error *ul_kwalk_cpus(struct ul_kwalk *walk);
UL_MUST_USE struct ul_error *ul_kwalk_tasks(struct ul_kwalk *walk);
UL_MUST_USE struct ul_error *ul_kwalk_tables(struct ul_kwalk *walk);
UL_MUST_USE struct ul_error *ul_kwalk_percpu_chunks(struct ul_kwalk *walk);
UL_MUST_USE struct ul_error *ul_kwalk_modules(struct ul_kwalk *walk);
UL_MUST_USE struct ul_error *ul_kwalk_vmalloc(struct ul_kwalk *walk);
UL_MUST_USE struct ul_error *ul_kwalk_sheaves(struct ul_kwalk *walk);
UL_MUST_USE struct ul_error *ul_kwalk_kfence(struct ul_kwalk *walk);
UL_MUST_USE struct ul_error *ul_kwalk_blocks(struct ul_kwalk *walk);
UL_MUST_USE struct ul_error *ul_kwalk_roots(struct ul_kwalk *walk);
/** Is it part of the block of pages before it, though it has a count of its own? */
bool ul_kwalk_is_split_tail(const struct ul_kwalk *walk, uint64_t pfn);
/** Stale pointers in what is kept for reuse. */
UL_MUST_USE struct ul_error *ul_kwalk_hide_kept(struct ul_kwalk *walk);
/** What is on its way out counts as free; after ul_kwalk_freelists(). */
UL_MUST_USE struct ul_error *ul_kwalk_free_kept(struct ul_kwalk *walk);
/** After ul_heap_finish(). */
UL_MUST_USE struct ul_error *ul_kwalk_freelists(struct ul_kwalk *walk);

#endif
