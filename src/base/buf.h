/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A growing string of bytes. Running out of memory is remembered (`failed`), so that a long
 * sequence of appends is checked once, at its end. The bytes are always followed by a NUL.
 */
#ifndef UL_BASE_BUF_H
#define UL_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct ul_buf {
	char *data; /**< NULL while nothing was appended */
	size_t len;
	size_t cap;
	bool failed; /**< an append was lost for want of memory */
};

void ul_buf_add(struct ul_buf *buf, const void *bytes, size_t len);
void ul_buf_puts(struct ul_buf *buf, const char *string);
void ul_buf_putc(struct ul_buf *buf, char c);
void ul_buf_printf(struct ul_buf *buf, const char *format, ...) UL_PRINTF(2, 3);
void ul_buf_vprintf(struct ul_buf *buf, const char *format, va_list arguments) UL_PRINTF(2, 0);
/** Make room for @p more bytes beyond len; false (and failed) when memory is out. */
bool ul_buf_reserve(struct ul_buf *buf, size_t more);
/** The string; "" when empty. Borrowed until the next append. */
const char *ul_buf_str(const struct ul_buf *buf);
/** Empty it, keeping the memory. */
void ul_buf_clear(struct ul_buf *buf);
void ul_buf_deinit(struct ul_buf *buf);

#define UL_CLEANUP_BUF UL_CLEANUP(ul_buf_deinit)

#endif
