/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A screen as plain data: a grid of characters with ink. Everything that `ullage top` shows is put
 * here; what reaches a terminal, a pipe or a test is a copy of it.
 */
#ifndef UL_VIEW_TUI_CANVAS_H
#define UL_VIEW_TUI_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/cleanup.h"

/** How a character is shown. None of them is the only signal of anything. */
enum ul_ink {
	UL_INK_PLAIN,
	UL_INK_STRONG,
	UL_INK_DIM,
	UL_INK_BAD,
	UL_INK_WARN,
	UL_INK_GOOD,
	UL_INK_HEAD,	 /**< titles of columns, the tab that is open: reversed */
	UL_INK_SELECTED, /**< the row keys act on: reversed */
	UL_INK_FREE,	 /**< classes of memory in the bar */
	UL_INK_ANON,
	UL_INK_FILE,
	UL_INK_SHMEM,
	UL_INK_SLAB,
	UL_INK_KERNEL,
	UL_INK_UNACCOUNTED,
	UL_INK_COUNT,
};

struct ul_canvas_cell {
	char text[5]; /**< one character in UTF-8, NUL-terminated; one column wide */
	uint8_t ink;  /**< enum ul_ink */
};

enum { UL_CANVAS_ROWS_MAX = 500, UL_CANVAS_COLUMNS_MAX = 1000 };

struct ul_canvas {
	unsigned int rows;
	unsigned int columns;
	bool utf8; /**< characters beyond ASCII may be put; else they become '?' */
	struct ul_canvas_cell *cells;
};

/** Blank, of that size (at most the limits); false when memory is out. */
UL_MUST_USE bool ul_canvas_resize(struct ul_canvas *canvas, unsigned int rows,
				  unsigned int columns);
void ul_canvas_deinit(struct ul_canvas *canvas);
#define UL_CLEANUP_CANVAS UL_CLEANUP(ul_canvas_deinit)
void ul_canvas_clear(struct ul_canvas *canvas);

/**
 * Put @p text at (row, column), cut to @p width columns (a cut shows "~"). Control bytes, invalid
 * UTF-8 and characters that may be wider or narrower than a column become '?'. What lies outside is
 * dropped. @return columns used.
 */
unsigned int ul_canvas_put(struct ul_canvas *canvas, unsigned int row, unsigned int column,
			   unsigned int width, enum ul_ink ink, const char *text);
/** The same, ending at column + width - 1. */
void ul_canvas_put_right(struct ul_canvas *canvas, unsigned int row, unsigned int column,
			 unsigned int width, enum ul_ink ink, const char *text);
/** The same with a format, to the end of the row. @return columns used. */
unsigned int ul_canvas_printf(struct ul_canvas *canvas, unsigned int row, unsigned int column,
			      enum ul_ink ink, const char *format, ...) UL_PRINTF(5, 6);
/** Another ink for what is there; @p ink PLAIN leaves it. */
void ul_canvas_tint(struct ul_canvas *canvas, unsigned int row, unsigned int column,
		    unsigned int width, enum ul_ink ink);
/** The rows as lines without trailing blanks; false when writing failed. */
UL_MUST_USE bool ul_canvas_write(const struct ul_canvas *canvas, FILE *out);

#endif
