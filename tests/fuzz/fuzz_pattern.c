// SPDX-License-Identifier: GPL-2.0-or-later
/* First byte: object size in words; the rest is cut into objects of that size. */
#include <stdlib.h>

#include "analysis/pattern.h"

enum { OBJECTS = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ul_symtab *make_symtab(void)
{
	struct ul_symtab *symtab = ul_symtab_create();
	struct ul_error *error =
		symtab ? ul_symtab_add(symtab, 0xffffffff81000000ULL, 'T', "seq_open", NULL) : NULL;
	ul_error_destroy(error);
	if (symtab)
		ul_symtab_finish(symtab);
	return symtab;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ul_object_bytes objects[OBJECTS];
	if (!size)
		return 0;
	const size_t each = ((size_t)data[0] + 1) * 8;
	size_t count = 0;
	for (size_t at = 1; at < size && count < OBJECTS; at += each, count++)
		objects[count] = (struct ul_object_bytes){
			.kaddr = 0xffff888100000000ULL + count * each,
			.bytes = data + at,
			.len = size - at < each ? size - at : each,
		};
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = make_symtab();
	UL_CLEANUP_PATTERNS struct ul_patterns patterns = {0};
	struct ul_error *error = ul_pattern_analyse(objects, count, symtab, &patterns);
	ul_error_destroy(error);
	uint64_t sum = patterns.objects_unreadable;
	ul_vec_foreach (pattern, &patterns.items)
		sum += pattern->objects;
	// Every object is in one pattern or was not readable.
	if (!error && sum != count)
		abort();
	return 0;
}
