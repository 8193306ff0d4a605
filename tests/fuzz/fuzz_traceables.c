// SPDX-License-Identifier: GPL-2.0-or-later
/* Input: the text of available_filter_functions. Each line has its place, whatever is in it. */
#include <stdlib.h>
#include <string.h>

#include "source/ftrace/calls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ul_traceables list;
	size_t lines = size && data[size - 1] != '\n';
	char *text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	struct ul_error *error = ul_traceables_parse(text, size, &list);
	if (error) {
		ul_error_destroy(error);
		return 0;
	}
	if (list.items.len != lines)
		__builtin_trap();
	ul_vec_foreach (item, &list.items)
		if (item->name.len > size || item->module.len > size)
			__builtin_trap();
	ul_traceables_deinit(&list);
	return 0;
}
