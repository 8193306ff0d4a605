/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of analysis/reach only. */
#ifndef UL_ANALYSIS_REACH_INTERNAL_H
#define UL_ANALYSIS_REACH_INTERNAL_H

#include <string.h>

#include "analysis/reach.h"
#include "model/heap_index.h"

enum {
	UL_REACH_READ_BYTES = 1 << 18,	/**< of memory that must be copied, at a time */
	UL_REACH_AHEAD_BYTES = 1 << 15, /**< read at least, by who goes in order of addresses */
	UL_REACH_CHUNK_BYTES = 1 << 20, /**< of one large object, a unit of work */
	UL_REACH_OTHERS = 6,		/**< ranges that the blocks in no table lie in */
};

static inline uint64_t ul_reach_load(const uint8_t *bytes)
{
	uint64_t word;
	memcpy(&word, bytes, sizeof(word));
	return word;
}

/** Memory as one thread reads it: in place where it is mapped, else through a buffer. */
struct ul_reach_window {
	struct ul_memory *memory;
	uint64_t start; /**< what `bytes` is mapped for */
	uint64_t end;
	const uint8_t *bytes;
	uint8_t *buffer;
	bool ahead;	  /**< what is copied is read ahead, and kept until the next read */
	uint64_t scanned; /**< bytes handed out */
	uint64_t unreadable;
};

UL_MUST_USE struct ul_error *ul_reach_window_init(struct ul_reach_window *window,
						  struct ul_memory *memory);
/** Forget what was read: what comes next is read anew. */
void ul_reach_window_renew(struct ul_reach_window *window);
void ul_reach_window_deinit(struct ul_reach_window *window);
/**
 * The bytes at @p kaddr, at most @p len of them, good until the next call. *@p ret_len says how
 * many; with *@p ret NULL so many cannot be read (never 0).
 */
UL_MUST_USE struct ul_error *ul_reach_window_get(struct ul_reach_window *window, uint64_t kaddr,
						 uint64_t len, const uint8_t **ret,
						 uint64_t *ret_len);

/** What all passes over one heap share: read only once it is made. */
struct ul_reach_scan {
	struct ul_image *image;
	const struct ul_heap *heap;
	const struct ul_heap_index *index;
	struct ul_range vmemmap;	/**< the struct pages of all page frames */
	unsigned int page_struct_shift; /**< of struct_page_bytes; 0: no power of two */
	/** Where blocks in no table of the index lie, in at most so many ranges. */
	struct ul_range others[UL_REACH_OTHERS];
	size_t others_len;
	uint64_t *hidden_frames; /**< bit by pfn: a hidden range touches the frame */
	unsigned int threads;
};

UL_MUST_USE struct ul_error *ul_reach_scan_init(struct ul_reach_scan *scan, struct ul_image *image,
						const struct ul_heap *heap, unsigned int threads);
void ul_reach_scan_deinit(struct ul_reach_scan *scan);

/** Gets each stretch of words in turn; @p bytes holds @p len of them, a multiple of 8. */
typedef struct ul_error *(*ul_reach_words_fn)(void *context, uint64_t kaddr, const uint8_t *bytes,
					      uint64_t len);
/**
 * Hands out [kaddr, kaddr + len) in stretches: without hidden words, without what is unreadable.
 */
UL_MUST_USE struct ul_error *ul_reach_scan_range(const struct ul_reach_scan *scan,
						 struct ul_reach_window *window, uint64_t kaddr,
						 uint64_t len, ul_reach_words_fn fn, void *context);

/** What a value points into: object, block and slot. */
struct ul_reach_hit {
	uint32_t block;
	uint32_t slot;
	uint32_t object;
};
/** Resolve any word: address, struct page of a page block, percpu pointer. Allocated or not. */
bool ul_reach_resolve(const struct ul_reach_scan *scan, uint64_t value, struct ul_reach_hit *ret);

/** A stretch of memory that is a root, or a part of one. */
struct ul_reach_root {
	uint64_t kaddr;
	uint64_t bytes;
	uint32_t root; /**< index in heap->roots */
};
struct ul_reach_roots {
	UL_VEC(struct ul_reach_root) items;
};
/**
 * The roots in stretches of at most UL_REACH_CHUNK_BYTES. Of UL_ROOT_PAGE the struct pages of page
 * blocks are left out: they belong to their block, and count when that is reached.
 */
UL_MUST_USE struct ul_error *ul_reach_roots(const struct ul_reach_scan *scan,
					    struct ul_reach_roots *ret);

/** Bits of objects. */
static inline bool ul_reach_bit(const uint64_t *bits, uint64_t object)
{
	return bits[object / 64] >> object % 64 & 1;
}

/** Whether the objects of this block are scanned for pointers when reached. */
static inline bool ul_reach_is_scanned(const struct ul_block *block)
{
	return !(block->flags & UL_BLOCK_NO_SCAN) && block->kind != UL_BLOCK_PERCPU;
}
/** Whether the struct pages of this block are part of it. */
static inline bool ul_reach_owns_pages(const struct ul_block *block)
{
	return block->kind == UL_BLOCK_PAGES || block->kind == UL_BLOCK_KMALLOC_LARGE;
}
/** The struct pages of a block that owns them. */
struct ul_range ul_reach_struct_pages(const struct ul_reach_scan *scan,
				      const struct ul_block *block);

/** Result of the first pass. */
struct ul_reach_marks {
	uint64_t *white; /**< bit an object: allocated and not reached */
	uint64_t scan_bytes;
	uint64_t unreadable;
};
UL_MUST_USE struct ul_error *ul_reach_mark(const struct ul_reach_scan *scan,
					   struct ul_reach_marks *ret);
void ul_reach_marks_deinit(struct ul_reach_marks *marks);

/** Second pass: sets weak and stale_kaddr of @p orphans, which are by address. */
UL_MUST_USE struct ul_error *ul_reach_weigh(const struct ul_reach_scan *scan,
					    const struct ul_reach_marks *marks,
					    struct ul_orphans *orphans);
/** Sets role, retained_bytes and, by their weak references, the grade of @p orphans. */
UL_MUST_USE struct ul_error *ul_reach_structure(const struct ul_reach_scan *scan,
						struct ul_orphans *orphans);

/**
 * References among orphans, for structure and for groups: edges of orphan i are
 * to[first[i]] .. to[first[i + 1] - 1], sorted, none to itself.
 */
struct ul_orphan_edges {
	uint32_t *first;
	UL_VEC(uint32_t) to;
};
UL_MUST_USE struct ul_error *ul_reach_edges(const struct ul_reach_scan *scan,
					    const struct ul_orphans *orphans,
					    struct ul_orphan_edges *ret);
/** The same without a scan at hand. */
UL_MUST_USE struct ul_error *ul_orphan_edges_find(struct ul_image *image,
						  const struct ul_heap *heap,
						  const struct ul_orphans *orphans,
						  struct ul_orphan_edges *ret);
/** Marks, of @p count orphans, whatever hangs from one that is @p marked. */
UL_MUST_USE struct ul_error *ul_orphan_edges_spread(const struct ul_orphan_edges *edges,
						    size_t count, bool *marked);
void ul_orphan_edges_deinit(struct ul_orphan_edges *edges);

#endif
