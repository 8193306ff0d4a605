// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tables. Widths come from the contents; when the sum is over the width of the terminal, the
 * columns that may shrink give up space, the widest first, so that the numbers stay whole.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "view/term.h"

enum {
	INDENT = 2,
	GAP = 2,
	SHRINK_MIN = 8,
};

void ul_table_init(struct ul_table *table, const struct ul_table_column *columns, size_t len)
{
	assert(len > 0 && len <= UL_TABLE_MAX_COLUMNS);
	*table = (struct ul_table){.columns = columns, .columns_len = len};
}

void ul_table_deinit(struct ul_table *table)
{
	ul_vec_foreach (cell, &table->cells)
		free(cell->text);
	ul_vec_deinit(&table->cells);
}

void ul_table_cell(struct ul_table *table, enum ul_style style, const char *format, ...)
{
	struct ul_buf raw UL_CLEANUP_BUF = {0};
	struct ul_buf safe UL_CLEANUP_BUF = {0};
	struct ul_table_cell *cell = ul_vec_add(&table->cells);
	if (!cell) {
		table->failed = true;
		return;
	}
	va_list arguments;
	va_start(arguments, format);
	ul_buf_vprintf(&raw, format, arguments);
	va_end(arguments);
	ul_term_escape(&safe, ul_buf_str(&raw));
	cell->style = style;
	if (raw.failed || safe.failed)
		table->failed = true;
	else
		cell->text = UL_TAKE(safe.data);
}

static void natural_widths(const struct ul_table *table, size_t *widths)
{
	assert(table->columns_len);
	for (size_t c = 0; c < table->columns_len; c++)
		widths[c] = table->columns[c].title ? ul_term_columns(table->columns[c].title) : 0;
	for (size_t i = 0; i < table->cells.len; i++) {
		const char *text = table->cells.data[i].text;
		size_t *width = &widths[i % table->columns_len];
		const size_t columns = text ? ul_term_columns(text) : 0;
		if (columns > *width)
			*width = columns;
	}
}

static size_t least(const struct ul_table_column *column)
{
	return column->min ? column->min : SHRINK_MIN;
}

static void fit_widths(const struct ul_table *table, size_t available, size_t *widths)
{
	size_t sum = INDENT;
	for (size_t c = 0; c < table->columns_len; c++)
		sum += widths[c] + (c ? GAP : 0);
	while (sum > available) {
		size_t widest = table->columns_len;
		for (size_t c = 0; c < table->columns_len; c++) {
			const struct ul_table_column *column = &table->columns[c];
			if (column->shrinks && widths[c] > least(column) &&
			    (widest == table->columns_len || widths[c] > widths[widest]))
				widest = c;
		}
		if (widest == table->columns_len)
			return; // nothing left to give: the rows will be longer than the line
		widths[widest]--;
		sum--;
	}
}

/** Bytes of the first @p columns characters of @p text. */
static size_t bytes_of_columns(const char *text, size_t columns)
{
	size_t i = 0;
	for (; text[i]; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80 && !columns--)
			break;
	return i;
}

static void print_cell(const struct ul_term *term, const struct ul_table_column *column,
		       enum ul_style style, const char *text, size_t width, bool last)
{
	const size_t columns = ul_term_columns(text);
	const int pad = columns < width ? (int)(width - columns) : 0;
	if (column->right)
		fprintf(term->out, "%*s", pad, "");
	if (columns > width && column->shrinks)
		ul_term_print(term, style, "%.*s~", (int)bytes_of_columns(text, width - 1), text);
	else if (*text)
		ul_term_print(term, style, "%s", text);
	if (!column->right && !last) // no blanks at the end of a line
		fprintf(term->out, "%*s", pad, "");
	fputs(last ? "\n" : "  ", term->out);
}

static const char *text_of(const struct ul_table_cell *cell)
{
	return cell->text ? cell->text : "";
}

static void print_row(const struct ul_term *term, const struct ul_table *table,
		      const struct ul_table_cell *row, const size_t *widths)
{
	size_t last = table->columns_len;
	while (last > 1 && !*text_of(&row[last - 1]))
		last--; // no blanks at the end of a line
	fprintf(term->out, "%*s", INDENT, "");
	for (size_t c = 0; c < last; c++)
		print_cell(term, &table->columns[c], row[c].style, text_of(&row[c]), widths[c],
			   c + 1 == last);
}

static void print_titles(const struct ul_term *term, const struct ul_table *table,
			 const size_t *widths)
{
	size_t last = table->columns_len;
	while (last && !table->columns[last - 1].title)
		last--;
	if (last)
		fprintf(term->out, "%*s", INDENT, "");
	for (size_t c = 0; c < last; c++) {
		const char *title = table->columns[c].title ? table->columns[c].title : "";
		print_cell(term, &table->columns[c], UL_STYLE_DIM, title, widths[c], c + 1 == last);
	}
}

struct ul_error *ul_table_print(const struct ul_term *term, const struct ul_table *table)
{
	size_t widths[UL_TABLE_MAX_COLUMNS];
	if (table->failed)
		return &ul_enomem;
	natural_widths(table, widths);
	fit_widths(table, term->width, widths);
	print_titles(term, table, widths);
	for (size_t i = 0; i + table->columns_len <= table->cells.len; i += table->columns_len)
		print_row(term, table, &table->cells.data[i], widths);
	return NULL;
}
