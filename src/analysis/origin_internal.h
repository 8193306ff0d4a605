/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of analysis/origin only. */
#ifndef UL_ANALYSIS_ORIGIN_INTERNAL_H
#define UL_ANALYSIS_ORIGIN_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/heap.h"
#include "model/image.h"
#include "model/origin.h"

/** A member that may be missing: bytes 0 then. */
struct ul_origin_member {
	uint32_t offset, bytes;
	uint32_t bit_offset, bits;
};

/** Where the words lie that lead to what is kept of an object; see origin_words.c. */
struct ul_origin_layout {
	struct ul_origin_member slab_cache;
	struct ul_origin_member vector; /**< the word that leads to a slab's vector */
	uint64_t vector_mark;		/**< bits of it that must be set */
	struct ul_origin_member stride, in_object, needs_objcg;
	uint32_t entry_bytes;
	struct ul_origin_member objcg, tag; /**< in an entry */
	bool split;		      /**< objcg and tag are entries of their own, in this order */
	bool tags_known, tags_kept;   /**< (split) whether entries of tags are there */
	struct ul_origin_member page; /**< of a page that is in no slab */
	bool page_is_memcg;	      /**< it leads to a struct mem_cgroup itself */
	struct ul_origin_member vm_pages;
};

/** Pointers that are kept of an object; 0: none. */
struct ul_origin_words {
	uint64_t objcg; /**< struct obj_cgroup * */
	uint64_t memcg; /**< struct mem_cgroup *, where it is kept itself */
	uint64_t tag;	/**< struct codetag * */
};

/** The vector of the slab that was asked about last. */
struct ul_origin_slab {
	const struct ul_block *block; /**< NULL: none yet */
	bool known;
	uint64_t base;	 /**< entry of the object in slot 0 */
	uint64_t stride; /**< bytes from one object's to the next one's */
	bool has_objcg, has_tag;
	uint32_t objcg, tag; /**< where they stand from there */
};

/** What the kernel's types say; members stay 0 where it keeps nothing. */
void ul_origin_layout_load(const struct ul_image *image, struct ul_origin_layout *ret);
/** All 0 where nothing is kept of the object. @p slab: the last one, zeroed at first. */
void ul_origin_words_of(const struct ul_image *image, const struct ul_heap *heap,
			const struct ul_origin_layout *layout, struct ul_origin_slab *slab,
			const struct ul_heap_hit *hit, struct ul_origin_words *ret);

/** The cgroup of a struct obj_cgroup or, without one, of a struct mem_cgroup. False: it makes no
 * sense. @p ret owns its texts when true. */
bool ul_origin_charge_of(const struct ul_image *image, const struct ul_origin_words *words,
			 struct ul_charge *ret);
/** The same of a struct codetag. */
bool ul_origin_tag_of(const struct ul_image *image, uint64_t tag, struct ul_code_tag *ret);

static inline bool ul_origin_is_pointer(uint64_t value)
{
	return value >> 63 && !(value & 7);
}

#endif
