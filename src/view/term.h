/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text for people: colour that is never the only signal, tables that fit the terminal, and names
 * from outside made harmless (a comm may hold escape sequences).
 */
#ifndef UL_VIEW_TERM_H
#define UL_VIEW_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/vec.h"
#include "model/kernel.h"
#include "model/loss.h"

struct ul_term {
	FILE *out;
	unsigned int width; /**< columns to fill at most; 80 when not a terminal */
	bool color;	    /**< decided by the caller: option, NO_COLOR, TERM, tty */
};

enum ul_style {
	UL_STYLE_PLAIN,
	UL_STYLE_STRONG, /**< headings, the number that matters */
	UL_STYLE_DIM,
	UL_STYLE_BAD, /**< a leak, a failure: the text says so too */
	UL_STYLE_WARN,
	UL_STYLE_GOOD,
};

/**
 * printf in a style. @p format's own text must be printable; names from outside go through
 * ul_term_escape() first.
 */
void ul_term_print(const struct ul_term *term, enum ul_style style, const char *format, ...)
	UL_PRINTF(3, 4);
/** A heading on a line of its own, after an empty line. */
void ul_term_heading(const struct ul_term *term, const char *format, ...) UL_PRINTF(2, 3);
/**
 * A paragraph without newlines, broken at blanks to fit the width. Blanks at its start are kept;
 * continuation lines start with @p indent of them.
 */
void ul_term_wrap(const struct ul_term *term, enum ul_style style, unsigned int indent,
		  const char *text);
/** "What this did not see": one line each, nothing when there is none. */
void ul_term_losses(const struct ul_term *term, const struct ul_losses *losses);

/** Append @p text with control bytes and invalid UTF-8 as \n, \t, \xNN. */
void ul_term_escape(struct ul_buf *buf, const char *text);
/** Columns @p text takes, counting one for each UTF-8 character. */
size_t ul_term_columns(const char *text);

struct ul_table_column {
	const char *title;
	bool right;	  /**< numbers */
	bool shrinks;	  /**< may be cut (with "~") when the table is too wide; else it never is */
	unsigned int min; /**< a shrinking column keeps at least this many columns; 0: 8 */
};

struct ul_table_cell {
	char *text; /**< escaped, owned; NULL: empty */
	enum ul_style style;
};

enum { UL_TABLE_MAX_COLUMNS = 16 };

/**
 * A table: cells are added row by row, the widths come from the contents. An out-of-memory on the
 * way is remembered and reported by ul_table_print().
 */
struct ul_table {
	const struct ul_table_column *columns; /**< borrowed */
	size_t columns_len;
	UL_VEC(struct ul_table_cell) cells;
	bool failed;
};

void ul_table_init(struct ul_table *table, const struct ul_table_column *columns, size_t len);
void ul_table_deinit(struct ul_table *table);
#define UL_CLEANUP_TABLE UL_CLEANUP(ul_table_deinit)
/** Next cell of the row; control bytes of the result are escaped. */
void ul_table_cell(struct ul_table *table, enum ul_style style, const char *format, ...)
	UL_PRINTF(3, 4);
/** Titles (left out when all are NULL), then the rows, indented by two blanks. &ul_enomem only. */
UL_MUST_USE struct ul_error *ul_table_print(const struct ul_term *term,
					    const struct ul_table *table);

#endif
