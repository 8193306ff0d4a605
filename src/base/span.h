/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bounded pieces of text, and the few steps every parser of /proc text is made of. A span borrows
 * its bytes, is not NUL-terminated and may hold any byte: input is hostile.
 */
#ifndef UL_BASE_SPAN_H
#define UL_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct ul_span {
	const char *data;
	size_t len;
};

#define UL_SPAN_ARG(span) (int)(span).len, (span).data /**< for "%.*s" */

struct ul_span ul_span_of(const char *string);
/** Cut the next line (without its newline) off @p rest; false when nothing is left. */
bool ul_span_line(struct ul_span *rest, struct ul_span *ret_line);
/** Cut the next run of non-blanks off @p rest; false when only blanks are left. */
bool ul_span_word(struct ul_span *rest, struct ul_span *ret_word);
/**
 * Split at the first @p separator: before it, and @p rest moved past it; false if there is none.
 */
bool ul_span_cut(struct ul_span *rest, char separator, struct ul_span *ret_before);
struct ul_span ul_span_trim(struct ul_span span);
/** Next item of a list as "a, b", trimmed; false at the end of it. */
bool ul_span_item(struct ul_span *rest, struct ul_span *ret_item);
bool ul_span_equal(struct ul_span span, const char *string);
bool ul_span_starts(struct ul_span span, const char *prefix);
/** True when @p span holds @p needle; @p ret_offset (may be NULL) is where it begins. */
bool ul_span_find(struct ul_span span, const char *needle, size_t *ret_offset);
/** The whole span is a decimal (or hexadecimal, optional 0x) number that fits 64 bits. */
bool ul_span_u64(struct ul_span span, uint64_t *ret);
bool ul_span_hex(struct ul_span span, uint64_t *ret);
/** Next word as a decimal number. */
bool ul_span_word_u64(struct ul_span *rest, uint64_t *ret);
/** NUL-terminated copy; caller frees; NULL when memory is out. */
char *ul_span_dup(struct ul_span span);
/** Copy into @p buffer, cut to fit, always NUL-terminated. */
void ul_span_copy(struct ul_span span, char *buffer, size_t size);

#define ul_span_foreach_line(line, rest) for (struct ul_span line; ul_span_line(&(rest), &line);)

#endif
