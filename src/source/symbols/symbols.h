/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names for kernel addresses: kallsyms with modules, and file:line where DWARF is at hand. */
#ifndef UL_SOURCE_SYMBOLS_SYMBOLS_H
#define UL_SOURCE_SYMBOLS_SYMBOLS_H

#include "base/error.h"
#include "model/loss.h"
#include "model/stack.h"
#include "model/symtab.h"

/**
 * Read @p proc_root/kallsyms and modules (NULL: /proc) into a new table.
 * All addresses zero (kptr_restrict, no CAP_SYSLOG) is UL_ERR_PERMISSION with the remedy as hint.
 */
UL_MUST_USE struct ul_error *ul_kallsyms_load(const char *proc_root, struct ul_losses *losses,
					      struct ul_symtab **ret);

/** file:line look-up; knows where Debian, Fedora and users put debug files. Never downloads. */
struct ul_lines;

/**
 * @p vmlinux NULL: look in the usual places. Always gives an object; without libdw an empty one.
 */
UL_MUST_USE struct ul_error *ul_lines_create(const char *vmlinux, struct ul_lines **ret);
void ul_lines_destroy(struct ul_lines *lines);
UL_DEFINE_CLEANUP(ul_cleanup_lines, struct ul_lines, ul_lines_destroy);
#define UL_CLEANUP_LINES UL_CLEANUP(ul_cleanup_lines)
/** What is at hand, for `doctor`: "vmlinux with DWARF at PATH", "no debug files for RELEASE". */
const char *ul_lines_status(const struct ul_lines *lines);

/**
 * Append the frames of return address @p kaddr (innermost inline first) to @p stack: function,
 * offset, module from @p symtab, file and line from @p lines (either may be NULL). The look-up uses
 * kaddr - 1 when @p is_return: a return address belongs to the call before it.
 */
UL_MUST_USE struct ul_error *ul_symbolize(const struct ul_symtab *symtab, struct ul_lines *lines,
					  uint64_t kaddr, bool is_return, struct ul_stack *stack);

#endif
