/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects whose contents agree. Computed by analysis/pattern. */
#ifndef UL_MODEL_PATTERN_H
#define UL_MODEL_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

/** What one aligned 8-byte word of an object is; also the kind of a whole pattern. */
enum ul_word_kind {
	UL_WORD_ZERO,
	UL_WORD_TEXT,	/**< printable bytes */
	UL_WORD_SYMBOL, /**< pointer to a known function or variable */
	UL_WORD_KERNEL, /**< pointer into kernel memory (heap, vmalloc, image without a symbol) */
	UL_WORD_SELF,	/**< pointer into the object itself (an empty list head) */
	UL_WORD_SMALL,	/**< small integer */
	UL_WORD_OTHER,
	UL_WORD_MIXED, /**< (patterns only) */
	/* Told by a resolver, in a pattern's words only; objects are compared as KERNEL. */
	UL_WORD_CACHE,	 /**< pointer into an object of a slab cache, at `target_offset` */
	UL_WORD_PAGE,	 /**< pointer into a page block, or to a struct page */
	UL_WORD_VMALLOC, /**< pointer into a vmalloc area */
};

struct ul_pattern_word {
	uint32_t offset; /**< bytes from the start of the object */
	enum ul_word_kind kind;
	char *symbol; /**< "name" or "name [module]" where kind is SYMBOL and all agree; else NULL
		       */
	/** What most point into: the cache's name, "pages", "vmalloc", ...; NULL: not told. */
	char *target;
	uint32_t target_offset; /**< where in the target's object they point */
	double share;		/**< of the pattern's objects that agree in this word */
};

struct ul_pattern {
	double share; /**< of the objects read */
	uint64_t objects;
	enum ul_word_kind kind; /**< what most of the object is: TEXT, ZERO, SYMBOL, ... MIXED */
	char *text; /**< longest common text, or NULL; printable, control bytes as \n, \xNN */
	UL_VEC(struct ul_pattern_word)
	words;		       /**< the telling ones: symbols, text starts, self ... */
	char *type;	       /**< NULL until types are inferred */
	uint64_t example;      /**< kernel address of the object shown */
	UL_VEC(uint8_t) bytes; /**< first bytes of the example, for the hexdump */
};

struct ul_patterns {
	UL_VEC(struct ul_pattern) items; /**< most objects first */
	uint64_t objects_read;
	uint64_t objects_unreadable;
	uint32_t object_bytes;
};

void ul_patterns_deinit(struct ul_patterns *patterns);
#define UL_CLEANUP_PATTERNS UL_CLEANUP(ul_patterns_deinit)
/** "zero", "text", "symbol", "pointer", "self", "small", "other", "mixed", "cache" ... */
const char *ul_word_kind_name(enum ul_word_kind kind);

#endif
