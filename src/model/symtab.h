/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of kernel addresses. Filled by source/symbols (kallsyms, DWARF), read by everyone.
 */
#ifndef UL_MODEL_SYMTAB_H
#define UL_MODEL_SYMTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ul_symtab;

struct ul_symbol {
	const char *name;   /**< NULL when unknown. Borrowed from the table */
	const char *module; /**< NULL for the kernel itself */
	uint64_t start;
	uint64_t offset; /**< of the address looked up within the symbol */
	bool code;	 /**< text (kallsyms types t, T, w, W), else data */
};

/** NULL when memory is out. */
struct ul_symtab *ul_symtab_create(void);
void ul_symtab_destroy(struct ul_symtab *symtab);
UL_DEFINE_CLEANUP(ul_cleanup_symtab, struct ul_symtab, ul_symtab_destroy);
#define UL_CLEANUP_SYMTAB UL_CLEANUP(ul_cleanup_symtab)

/** Add a symbol; copies the strings. @p module NULL: the kernel. @p type: kallsyms letter. */
UL_MUST_USE struct ul_error *ul_symtab_add(struct ul_symtab *symtab, uint64_t kaddr, char type,
					   const char *name, const char *module);
/** A module's address range: addresses beyond it are not its symbols'. @p size 0: not known. */
UL_MUST_USE struct ul_error *ul_symtab_add_module(struct ul_symtab *symtab, const char *name,
						  uint64_t base, uint64_t size);
/**
 * Sort for look-up; call after the last add. More may be added then, and finished in their turn.
 */
void ul_symtab_finish(struct ul_symtab *symtab);
size_t ul_symtab_len(const struct ul_symtab *symtab);
/**
 * The @p index-th symbol by address (after finish), and how many bytes it is to the next address
 * that has one (0: it is the last). False: there are fewer.
 */
bool ul_symtab_at(const struct ul_symtab *symtab, size_t index, struct ul_symbol *ret,
		  uint64_t *ret_bytes);
/**
 * The symbol that holds @p kaddr; false (and *@p ret zero) when none does. Symbols have no size in
 * kallsyms: a symbol reaches to the next one, at most 1 MiB, and never over the end of its module
 * or of the kernel image ([_stext/_text .. _end] where known).
 */
bool ul_symtab_lookup(const struct ul_symtab *symtab, uint64_t kaddr, struct ul_symbol *ret);
/** Address of the first symbol called @p name (any module); false when there is none. */
bool ul_symtab_address(const struct ul_symtab *symtab, const char *name, uint64_t *ret_kaddr);
/** True when data symbols are present (CONFIG_KALLSYMS_ALL): init_task is, as data. */
bool ul_symtab_has_data(const struct ul_symtab *symtab);

#endif
