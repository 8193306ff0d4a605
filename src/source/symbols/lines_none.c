// SPDX-License-Identifier: GPL-2.0-or-later
/* Stands in for lines_dw.c where ullage is built without libdw: nothing is ever found. */
#include "source/symbols/symbols_internal.h"

struct ul_lines {
	char nothing;
};

struct ul_error *ul_lines_create(const char *vmlinux, struct ul_lines **ret)
{
	if (vmlinux)
		return ul_error_hint(ul_error_new(UL_ERR_UNSUPPORTED,
						  "reading DWARF of %s: built without libdw",
						  vmlinux),
				     "build ullage with -Ddwarf=enabled");
	struct ul_lines *lines = calloc(1, sizeof(*lines));
	if (!lines)
		return &ul_enomem;
	*ret = lines;
	return NULL;
}

void ul_lines_destroy(struct ul_lines *lines)
{
	free(lines);
}

const char *ul_lines_status(const struct ul_lines *lines)
{
	return "no file:line: built without libdw";
}

struct ul_error *ul_lines_find(struct ul_lines *lines, const struct ul_symtab *symtab,
			       const struct ul_symbol *symbol, uint64_t kaddr,
			       struct ul_line_chain *ret)
{
	*ret = (struct ul_line_chain){0};
	return NULL;
}
