/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Curves out of characters. */
#ifndef UL_VIEW_TUI_SPARK_H
#define UL_VIEW_TUI_SPARK_H

#include "view/tui/canvas.h"

/**
 * Draw @p values (NAN: nothing there) as a curve of @p height rows whose top left is (row, column):
 * one column a value, from the least at the bottom to the largest at the top; eighths of a row
 * where the canvas takes UTF-8, else ASCII.
 */
void ul_spark(struct ul_canvas *canvas, unsigned int row, unsigned int column, unsigned int height,
	      enum ul_ink ink, const double *values, size_t len);

#endif
