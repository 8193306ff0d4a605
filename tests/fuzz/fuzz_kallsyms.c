// SPDX-License-Identifier: GPL-2.0-or-later
/* Contents of kallsyms, a NUL, contents of modules, then ELF notes out of the same bytes. */
#include <string.h>

#include "source/symbols/symbols_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct ul_error *error)
{
	ul_error_destroy(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *split = size ? memchr(text, '\0', size) : NULL;
	const size_t first = split ? (size_t)(split - text) : size;
	const size_t second = split ? first + 1 : size;
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = ul_symtab_create();
	struct ul_kallsyms_count count;
	uint64_t malformed;
	uint8_t id[UL_BUILD_ID_BYTES];
	size_t len;
	if (!symtab)
		return 0;
	check(ul_kallsyms_parse((struct ul_span){text, first}, symtab, &count));
	check(ul_modules_parse((struct ul_span){text + second, size - second}, symtab, &malformed));
	ul_symtab_finish(symtab);
	(void)ul_notes_build_id((struct ul_span){text, size}, id, &len);
	for (size_t at = 0; at + 8 <= size; at += 8) {
		uint64_t kaddr;
		struct ul_symbol symbol;
		memcpy(&kaddr, data + at, sizeof(kaddr));
		(void)ul_symtab_lookup(symtab, kaddr, &symbol);
		(void)ul_symtab_lookup(symtab, 0xffffffff81000000ULL + at, &symbol);
	}
	return 0;
}
