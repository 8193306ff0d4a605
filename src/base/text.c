// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"

#include <string.h>

#include "base/span.h"

bool ul_text_set(char **slot, const char *text)
{
	char *copy = text ? strdup(text) : NULL;
	if (text && !copy)
		return false;
	free(*slot);
	*slot = copy;
	return true;
}

bool ul_text_equal(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

void ul_text_copy(char *buffer, size_t size, const char *text)
{
	ul_span_copy(ul_span_of(text), buffer, size);
}
