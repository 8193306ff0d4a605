// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names come from outside, and a screen breaks when a character takes another width than was
 * reckoned with. Which characters are two columns wide, or none, depends on the terminal's tables
 * and the locale; so only ranges that are one column wide everywhere are let through: Latin, Greek,
 * Cyrillic, Armenian, and the blocks that ullage draws with. Others show as '?'.
 */
#include "view/tui/canvas.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "view/utf8.h"

bool ul_canvas_resize(struct ul_canvas *canvas, unsigned int rows, unsigned int columns)
{
	rows = rows > UL_CANVAS_ROWS_MAX ? UL_CANVAS_ROWS_MAX : rows;
	columns = columns > UL_CANVAS_COLUMNS_MAX ? UL_CANVAS_COLUMNS_MAX : columns;
	if (!canvas->cells || rows != canvas->rows || columns != canvas->columns) {
		const size_t count = (size_t)rows * columns;
		struct ul_canvas_cell *cells = calloc(count ? count : 1, sizeof(*cells));
		if (!cells)
			return false;
		free(canvas->cells);
		canvas->cells = cells;
		canvas->rows = rows;
		canvas->columns = columns;
	}
	ul_canvas_clear(canvas);
	return true;
}

void ul_canvas_deinit(struct ul_canvas *canvas)
{
	free(canvas->cells);
	*canvas = (struct ul_canvas){.utf8 = canvas->utf8};
}

void ul_canvas_clear(struct ul_canvas *canvas)
{
	for (size_t i = 0; i < (size_t)canvas->rows * canvas->columns; i++)
		canvas->cells[i] = (struct ul_canvas_cell){.text = " "};
}

static uint32_t code_point(const unsigned char *bytes, size_t len)
{
	static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t code = bytes[0] & masks[len];
	for (size_t i = 1; i < len; i++)
		code = code << 6 | (bytes[i] & 0x3f);
	return code;
}

static bool is_narrow(uint32_t code)
{
	return (code >= 0x20 && code < 0x7f) ||
	       (code >= 0xa1 && code <= 0x2ff && code != 0xad) || // soft hyphen: no width
	       (code >= 0x370 && code <= 0x482) || (code >= 0x48a && code <= 0x58f) ||
	       (code >= 0x2500 && code <= 0x259f) || (code >= 0x2800 && code <= 0x28ff);
}

/** Next character of @p text into @p cell; returns the bytes it took, 0 at the end. */
static size_t next(const struct ul_canvas *canvas, const char *text, size_t left, char cell[5])
{
	if (!left)
		return 0;
	const unsigned char *bytes = (const unsigned char *)text;
	const size_t len = ul_utf8_len(bytes, left);
	const bool good = len && is_narrow(code_point(bytes, len)) && (len == 1 || canvas->utf8);
	memset(cell, 0, 5);
	if (good)
		memcpy(cell, text, len);
	else
		cell[0] = '?';
	return len ? len : 1;
}

unsigned int ul_canvas_put(struct ul_canvas *canvas, unsigned int row, unsigned int column,
			   unsigned int width, enum ul_ink ink, const char *text)
{
	if (row >= canvas->rows || column >= canvas->columns)
		return 0;
	if (width > canvas->columns - column)
		width = canvas->columns - column;
	struct ul_canvas_cell *cells = &canvas->cells[(size_t)row * canvas->columns + column];
	size_t left = strlen(text);
	unsigned int used = 0;
	while (left && used < width) {
		const size_t step = next(canvas, text, left, cells[used].text);
		cells[used++].ink = (uint8_t)ink;
		text += step;
		left -= step;
	}
	if (left && used)
		memcpy(cells[used - 1].text, "~", 2);
	return used;
}

static unsigned int columns_of(const struct ul_canvas *canvas, const char *text)
{
	char cell[5];
	size_t left = strlen(text);
	unsigned int columns = 0;
	for (size_t step; (step = next(canvas, text, left, cell)); columns++) {
		text += step;
		left -= step;
	}
	return columns;
}

void ul_canvas_put_right(struct ul_canvas *canvas, unsigned int row, unsigned int column,
			 unsigned int width, enum ul_ink ink, const char *text)
{
	const unsigned int columns = columns_of(canvas, text);
	const unsigned int lead = columns < width ? width - columns : 0;
	ul_canvas_put(canvas, row, column + lead, width - lead, ink, text);
}

unsigned int ul_canvas_printf(struct ul_canvas *canvas, unsigned int row, unsigned int column,
			      enum ul_ink ink, const char *format, ...)
{
	char text[UL_CANVAS_COLUMNS_MAX];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return ul_canvas_put(canvas, row, column, canvas->columns, ink, text);
}

void ul_canvas_tint(struct ul_canvas *canvas, unsigned int row, unsigned int column,
		    unsigned int width, enum ul_ink ink)
{
	if (row >= canvas->rows || ink == UL_INK_PLAIN)
		return;
	for (unsigned int i = column; i < canvas->columns && i - column < width; i++)
		canvas->cells[(size_t)row * canvas->columns + i].ink = (uint8_t)ink;
}

bool ul_canvas_write(const struct ul_canvas *canvas, FILE *out)
{
	for (unsigned int row = 0; row < canvas->rows; row++) {
		const struct ul_canvas_cell *cells = &canvas->cells[(size_t)row * canvas->columns];
		unsigned int len = canvas->columns;
		while (len && !strcmp(cells[len - 1].text, " "))
			len--;
		for (unsigned int i = 0; i < len; i++)
			fputs(cells[i].text, out);
		fputc('\n', out);
	}
	return !ferror(out);
}
