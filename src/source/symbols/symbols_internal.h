/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of source/symbols only. */
#ifndef UL_SOURCE_SYMBOLS_SYMBOLS_INTERNAL_H
#define UL_SOURCE_SYMBOLS_SYMBOLS_INTERNAL_H

#include "base/span.h"
#include "base/vec.h"
#include "source/symbols/symbols.h"

/** What a text of kallsyms was made of. */
struct ul_kallsyms_count {
	uint64_t symbols;
	uint64_t addresses; /**< of them, with an address that is not zero */
	uint64_t malformed; /**< lines that are no symbol */
};

/** Add every line of @p text (the contents of kallsyms) to @p symtab. */
UL_MUST_USE struct ul_error *ul_kallsyms_parse(struct ul_span text, struct ul_symtab *symtab,
					       struct ul_kallsyms_count *ret);
/** Add the range of every line of @p text (the contents of modules). */
UL_MUST_USE struct ul_error *ul_modules_parse(struct ul_span text, struct ul_symtab *symtab,
					      uint64_t *ret_malformed);

enum { UL_BUILD_ID_BYTES = 64 };

/** The GNU build id in a run of ELF notes; false when there is none. @p ret_len > 0 on success. */
bool ul_notes_build_id(struct ul_span notes, uint8_t ret_id[static UL_BUILD_ID_BYTES],
		       size_t *ret_len);

/** A place in the source. */
struct ul_line {
	char *function; /**< as the compiler knows it; NULL: not known */
	char *file;	/**< relative to where the kernel was built; NULL: not known */
	uint32_t line;	/**< 0: not known */
};

enum { UL_LINES_INLINE_MAX = 32 };

/** Innermost inlined function first; the last one is the function that has its own code. */
struct ul_line_chain {
	UL_VEC(struct ul_line) items;
};

void ul_line_chain_deinit(struct ul_line_chain *chain);

/**
 * The source of the instruction at @p kaddr, which lies in @p symbol. An empty chain where nothing
 * is known. @p ret is initialised here; caller deinitialises. Reads debug files when first needed.
 */
UL_MUST_USE struct ul_error *ul_lines_find(struct ul_lines *lines, const struct ul_symtab *symtab,
					   const struct ul_symbol *symbol, uint64_t kaddr,
					   struct ul_line_chain *ret);

#endif
