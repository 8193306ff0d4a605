// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Widths are counted in characters (one for each UTF-8 sequence): what ullage prints is ASCII and a
 * few narrow signs; a comm in a wide script may push its row to the right, never break it.
 *
 * The text of names comes from outside, and a terminal obeys what it is sent: a process called
 * "\033[2J" must not clear the screen of the administrator who lists processes. Escaping is done
 * where a cell is added, so that no view can forget it.
 */
#include "view/term.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "view/utf8.h"

static const char *const styles[] = {
	[UL_STYLE_PLAIN] = "",	     [UL_STYLE_STRONG] = "\033[1m", [UL_STYLE_DIM] = "\033[2m",
	[UL_STYLE_BAD] = "\033[31m", [UL_STYLE_WARN] = "\033[33m",  [UL_STYLE_GOOD] = "\033[32m",
};

static void style_begin(const struct ul_term *term, enum ul_style style)
{
	if (term->color)
		fputs(styles[style], term->out);
}

static void style_end(const struct ul_term *term, enum ul_style style)
{
	if (term->color && style != UL_STYLE_PLAIN)
		fputs("\033[0m", term->out);
}

void ul_term_print(const struct ul_term *term, enum ul_style style, const char *format, ...)
{
	va_list arguments;
	style_begin(term, style);
	va_start(arguments, format);
	vfprintf(term->out, format, arguments);
	va_end(arguments);
	style_end(term, style);
}

void ul_term_heading(const struct ul_term *term, const char *format, ...)
{
	va_list arguments;
	fputc('\n', term->out);
	style_begin(term, UL_STYLE_STRONG);
	va_start(arguments, format);
	vfprintf(term->out, format, arguments);
	va_end(arguments);
	style_end(term, UL_STYLE_STRONG);
	fputc('\n', term->out);
}

/** Characters that steer a terminal or turn the order of what follows: C1 and bidi controls. */
static bool steers(const unsigned char *bytes, size_t len)
{
	if (len == 2)
		return bytes[0] == 0xc2 && bytes[1] < 0xa0; // U+0080..U+009F
	if (len != 3 || bytes[0] != 0xe2)
		return false;
	return (bytes[1] == 0x80 && bytes[2] >= 0xaa && bytes[2] <= 0xae) || // U+202A..U+202E
	       (bytes[1] == 0x81 && bytes[2] >= 0xa6 && bytes[2] <= 0xa9);   // U+2066..U+2069
}

static void escape_byte(struct ul_buf *buf, unsigned char byte)
{
	if (byte == '\n')
		ul_buf_puts(buf, "\\n");
	else if (byte == '\t')
		ul_buf_puts(buf, "\\t");
	else
		ul_buf_printf(buf, "\\x%02x", byte);
}

void ul_term_escape(struct ul_buf *buf, const char *text)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t left = strlen(text);
	while (left) {
		const size_t len = ul_utf8_len(bytes, left);
		const bool plain =
			len > 1 ? !steers(bytes, len) : len == 1 && *bytes >= ' ' && *bytes != 0x7f;
		const size_t step = len ? len : 1;
		if (plain)
			ul_buf_add(buf, bytes, len);
		for (size_t i = 0; !plain && i < step; i++)
			escape_byte(buf, bytes[i]);
		bytes += step;
		left -= step;
	}
}

size_t ul_term_columns(const char *text)
{
	size_t columns = 0;
	for (; *text; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}

void ul_term_wrap(const struct ul_term *term, enum ul_style style, unsigned int indent,
		  const char *text)
{
	const size_t lead = strspn(text, " ");
	size_t column = lead;
	bool first = true; // of its line: no blank before it, and never broken off
	style_begin(term, style);
	fprintf(term->out, "%*s", (int)lead, "");
	for (text += lead; *text; text += strspn(text, " ")) {
		const size_t len = strcspn(text, " ");
		char word[256];
		snprintf(word, sizeof(word), "%.*s", (int)len, text);
		const size_t columns = ul_term_columns(word);
		if (!first && column + 1 + columns > term->width) {
			fprintf(term->out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			fputc(' ', term->out);
			column++;
		}
		fwrite(text, 1, len, term->out);
		column += columns;
		text += len;
		first = false;
	}
	style_end(term, style);
	fputc('\n', term->out);
}

static const char *bias_words(enum ul_bias bias)
{
	switch (bias) {
	case UL_BIAS_NONE:
		return "does not move the result";
	case UL_BIAS_UNDER:
		return "the true figures are larger";
	case UL_BIAS_OVER:
		return "the true figures are smaller";
	case UL_BIAS_UNKNOWN:
		break;
	}
	return "may err to either side";
}

void ul_term_losses(const struct ul_term *term, const struct ul_losses *losses)
{
	if (!losses->items.len)
		return;
	ul_term_heading(term, "Not seen");
	ul_vec_foreach (loss, &losses->items) {
		struct ul_buf line UL_CLEANUP_BUF = {0};
		ul_buf_puts(&line, "  ");
		if (loss->count) {
			char count[UL_UNITS_TEXT];
			ul_buf_printf(&line, "%s ", ul_format_count(count, loss->count));
		}
		ul_term_escape(&line, loss->what);
		ul_buf_printf(&line, " (%s)", bias_words(loss->bias));
		ul_term_wrap(term, UL_STYLE_WARN, 4, ul_buf_str(&line));
	}
}
