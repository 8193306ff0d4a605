// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/buf.h"

#include <stdint.h>
#include <string.h>

bool ul_buf_reserve(struct ul_buf *buf, size_t more)
{
	size_t wanted;
	if (__builtin_add_overflow(buf->len, more, &wanted) ||
	    __builtin_add_overflow(wanted, 1, &wanted)) {
		buf->failed = true;
		return false;
	}
	if (wanted <= buf->cap)
		return true;
	size_t cap = buf->cap < 64 ? 64 : buf->cap;
	while (cap < wanted)
		cap = cap > SIZE_MAX / 2 ? wanted : cap * 2;
	char *data = realloc(buf->data, cap);
	if (!data) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->cap = cap;
	return true;
}

void ul_buf_add(struct ul_buf *buf, const void *bytes, size_t len)
{
	if (!ul_buf_reserve(buf, len))
		return;
	if (len)
		memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void ul_buf_puts(struct ul_buf *buf, const char *string)
{
	ul_buf_add(buf, string, strlen(string));
}

void ul_buf_putc(struct ul_buf *buf, char c)
{
	ul_buf_add(buf, &c, 1);
}

void ul_buf_vprintf(struct ul_buf *buf, const char *format, va_list arguments)
{
	va_list again;
	va_copy(again, arguments);
	const int len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (len < 0 || !ul_buf_reserve(buf, (size_t)len)) {
		buf->failed = true;
		return;
	}
	vsnprintf(buf->data + buf->len, (size_t)len + 1, format, arguments);
	buf->len += (size_t)len;
}

void ul_buf_printf(struct ul_buf *buf, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	ul_buf_vprintf(buf, format, arguments);
	va_end(arguments);
}

const char *ul_buf_str(const struct ul_buf *buf)
{
	return buf->data ? buf->data : "";
}

void ul_buf_clear(struct ul_buf *buf)
{
	buf->len = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

void ul_buf_deinit(struct ul_buf *buf)
{
	free(buf->data);
	*buf = (struct ul_buf){0};
}
