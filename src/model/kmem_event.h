/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which events of a kernel are allocations and frees, and what their fields mean. For every source
 * of recorded events: text, trace.dat, the rings of a running kernel.
 */
#ifndef UL_MODEL_KMEM_EVENT_H
#define UL_MODEL_KMEM_EVENT_H

#include "model/event.h"

/** One event of the kernel that is followed. */
struct ul_kmem_event {
	const char *name;
	size_t len; /**< of the name */
	enum ul_event_kind kind;
	enum ul_allocator allocator;
	bool kmalloc; /**< from a cache chosen by size and flags */
	bool repeats; /**< see struct ul_event */
};

/** The event called @p name ("kmalloc", "kmem:kmalloc"), or NULL when it is not followed. */
const struct ul_kmem_event *ul_kmem_event_find(struct ul_span name);

/** Names of kmalloc caches by size and family, so that they are not made again for every event. */
struct ul_kmalloc_name {
	uint64_t bytes;
	unsigned int family;
	uint32_t name; /**< 0: empty */
};

enum { UL_KMALLOC_NAMES = 512 };

struct ul_kmalloc_names {
	struct ul_kmalloc_name slots[UL_KMALLOC_NAMES];
};

/** enum bits: which family of kmalloc caches */
enum ul_kmalloc_family {
	UL_KMALLOC_DMA = 1,
	UL_KMALLOC_RECLAIMABLE = 2,
	UL_KMALLOC_ACCOUNT = 4,
};

/** The cache that such a kmalloc comes from; Linux mm/slab_common.c new_kmalloc_cache(). */
UL_MUST_USE struct ul_error *ul_kmalloc_cache(struct ul_kmalloc_names *names,
					      struct ul_dictionary *dictionary, uint64_t bytes,
					      unsigned int family, uint32_t *ret);

/** What the text of an event's fields says. */
struct ul_kmem_fields {
	struct ul_span call_site; /**< "seq_read_iter+0x38e/0x490 [module]", or hexadecimal */
	struct ul_span name;	  /**< of the cache */
	struct ul_span gfp_flags;
	uint64_t pointer, pfn, page;
	uint64_t bytes_req, bytes_alloc, order, migratetype;
	bool hashed;	/**< the pointer is a hash */
	bool unprinted; /**< the kernel had no hash yet: "(____ptrval____)" */
	bool has_pfn, has_page, has_pointer;
};

enum ul_kmem_outcome {
	UL_KMEM_TAKEN,
	UL_KMEM_NULL,	    /**< kfree(NULL), a failed allocation */
	UL_KMEM_UNREADABLE, /**< without what it takes to be paired */
};

/** Kind, key, sizes and order of the event out of its fields; cache and stack are the caller's. */
enum ul_kmem_outcome ul_kmem_event_fill(const struct ul_kmem_event *what,
					const struct ul_kmem_fields *fields, uint32_t page_bytes,
					struct ul_event *ret);

#endif
