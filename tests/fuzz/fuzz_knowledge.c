// SPDX-License-Identifier: GPL-2.0-or-later
/* A file of knowledge; and the same bytes as a file in which a setting is looked for. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "source/knowledge/knowledge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ul_span text = {.data = (const char *)data, .len = size};
	UL_CLEANUP_KNOWLEDGE struct ul_knowledge knowledge = {0};
	UL_CLEANUP_ERROR struct ul_error *error = ul_knowledge_parse(text, &knowledge);
	const struct ul_setting_value third = {.path = "x", .word = 3};
	const struct ul_setting_value key = {.path = "x", .key = "is"};
	double number = 0;
	if ((ul_setting_number(&third, text, &number) || ul_setting_number(&key, text, &number)) &&
	    number < 0)
		abort();
	if (error)
		return 0;
	ul_vec_foreach (entry, &knowledge.entries)
		if (!entry->accounts.items.len || !entry->what || !entry->source)
			abort(); // an entry that is whole has these
	return 0;
}
