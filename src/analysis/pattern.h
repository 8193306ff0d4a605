/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What do these objects hold, and how many of them agree? Pure. */
#ifndef UL_ANALYSIS_PATTERN_H
#define UL_ANALYSIS_PATTERN_H

#include <stdbool.h>

#include "base/error.h"
#include "model/pattern.h"
#include "model/symtab.h"

/** One object as it was read. */
struct ul_object_bytes {
	uint64_t kaddr;
	const uint8_t *bytes; /**< borrowed */
	size_t len;	      /**< may be less than the object: a hole */
};

/** What a pointer without a symbol leads to. */
struct ul_pattern_target {
	enum ul_word_kind kind; /**< CACHE, PAGE, VMALLOC, or KERNEL with a name of its own */
	const char *name;	/**< of the cache, ...; borrowed as long as the resolver lives */
	uint32_t offset;	/**< within the object it points into */
};

/** Whoever knows where objects lie: analysis/pattern_heap for a heap. */
struct ul_pattern_resolver {
	/** False: nothing known of @p value. */
	bool (*resolve)(const void *context, uint64_t value, struct ul_pattern_target *ret);
	const void *context;
};

/**
 * Group the objects by contents: every 8-byte word is decoded by kind before it is compared, so
 * that objects that differ only in addresses and counters fall together.
 *
 * @param symtab  May be NULL: then no pointer has a symbol.
 * @param ret     Initialised here; caller deinitialises.
 */
UL_MUST_USE struct ul_error *ul_pattern_analyse(const struct ul_object_bytes *objects, size_t count,
						const struct ul_symtab *symtab,
						struct ul_patterns *ret);
/** The same, and says what pointers of a pattern lead to; @p resolver NULL: does not. */
UL_MUST_USE struct ul_error *ul_pattern_analyse_resolved(const struct ul_object_bytes *objects,
							 size_t count,
							 const struct ul_symtab *symtab,
							 const struct ul_pattern_resolver *resolver,
							 struct ul_patterns *ret);
/**
 * The same, and says which pattern each object is in: @p ret_pattern_of gets @p count indices into
 * ret->items, UINT32_MAX for an object that was not readable.
 */
UL_MUST_USE struct ul_error *ul_pattern_sort_out(const struct ul_object_bytes *objects,
						 size_t count, const struct ul_symtab *symtab,
						 const struct ul_pattern_resolver *resolver,
						 uint32_t *ret_pattern_of, struct ul_patterns *ret);

#endif
