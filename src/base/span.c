// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/span.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

struct ul_span ul_span_of(const char *string)
{
	return (struct ul_span){string, strlen(string)};
}

bool ul_span_line(struct ul_span *rest, struct ul_span *ret_line)
{
	if (!rest->len)
		return false;
	const char *newline = memchr(rest->data, '\n', rest->len);
	const size_t len = newline ? (size_t)(newline - rest->data) : rest->len;
	*ret_line = (struct ul_span){rest->data, len};
	const size_t skip = newline ? len + 1 : len;
	rest->data += skip;
	rest->len -= skip;
	return true;
}

bool ul_span_word(struct ul_span *rest, struct ul_span *ret_word)
{
	size_t start = 0;
	while (start < rest->len && is_blank(rest->data[start]))
		start++;
	size_t end = start;
	while (end < rest->len && !is_blank(rest->data[end]))
		end++;
	const bool found = end > start;
	if (found)
		*ret_word = (struct ul_span){rest->data + start, end - start};
	if (rest->len) {
		rest->data += end;
		rest->len -= end;
	}
	return found;
}

bool ul_span_cut(struct ul_span *rest, char separator, struct ul_span *ret_before)
{
	const char *at = rest->len ? memchr(rest->data, separator, rest->len) : NULL;
	if (!at)
		return false;
	const size_t len = (size_t)(at - rest->data);
	*ret_before = (struct ul_span){rest->data, len};
	rest->data += len + 1;
	rest->len -= len + 1;
	return true;
}

struct ul_span ul_span_trim(struct ul_span span)
{
	while (span.len && is_blank(span.data[0])) {
		span.data++;
		span.len--;
	}
	while (span.len && is_blank(span.data[span.len - 1]))
		span.len--;
	return span;
}

bool ul_span_item(struct ul_span *rest, struct ul_span *ret_item)
{
	if (!rest->len)
		return false;
	if (!ul_span_cut(rest, ',', ret_item)) {
		*ret_item = *rest;
		rest->len = 0;
	}
	*ret_item = ul_span_trim(*ret_item);
	return true;
}

bool ul_span_equal(struct ul_span span, const char *string)
{
	return span.len == strlen(string) && (!span.len || !memcmp(span.data, string, span.len));
}

bool ul_span_starts(struct ul_span span, const char *prefix)
{
	const size_t len = strlen(prefix);
	return span.len >= len && (!len || !memcmp(span.data, prefix, len));
}

bool ul_span_find(struct ul_span span, const char *needle, size_t *ret_offset)
{
	const char *at = span.len ? memmem(span.data, span.len, needle, strlen(needle)) : NULL;
	if (!at)
		return false;
	if (ret_offset)
		*ret_offset = (size_t)(at - span.data);
	return true;
}

bool ul_span_u64(struct ul_span span, uint64_t *ret)
{
	uint64_t value = 0;
	if (!span.len)
		return false;
	for (size_t i = 0; i < span.len; i++) {
		if (span.data[i] < '0' || span.data[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(span.data[i] - '0'), &value))
			return false;
	}
	*ret = value;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool ul_span_hex(struct ul_span span, uint64_t *ret)
{
	if (ul_span_starts(span, "0x") || ul_span_starts(span, "0X")) {
		span.data += 2;
		span.len -= 2;
	}
	if (!span.len || span.len > 16)
		return false;
	uint64_t value = 0;
	for (size_t i = 0; i < span.len; i++) {
		const int digit = hex_digit(span.data[i]);
		if (digit < 0)
			return false;
		value = value << 4 | (uint64_t)digit;
	}
	*ret = value;
	return true;
}

bool ul_span_word_u64(struct ul_span *rest, uint64_t *ret)
{
	struct ul_span word;
	return ul_span_word(rest, &word) && ul_span_u64(word, ret);
}

char *ul_span_dup(struct ul_span span)
{
	char *copy = malloc(span.len + 1);
	if (!copy)
		return NULL;
	ul_span_copy(span, copy, span.len + 1);
	return copy;
}

void ul_span_copy(struct ul_span span, char *buffer, size_t size)
{
	const size_t len = span.len < size - 1 ? span.len : size - 1;
	if (len)
		memcpy(buffer, span.data, len);
	buffer[len] = '\0';
}
