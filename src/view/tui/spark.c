// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The scale of a curve is its own least and largest value: it shows the shape, the numbers beside
 * it show the size. A curve that does not move is a line at the bottom.
 */
#include "view/tui/spark.h"

#include <math.h>

enum { EIGHTHS = 8, ASCII_STEPS = 4 };

/** @p filled of @p EIGHTHS: a part of a row from below. */
static const char *block(const struct ul_canvas *canvas, int filled)
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {" ", "_", ".", "-", "#"};
	if (canvas->utf8)
		return blocks[filled];
	return ascii[(filled * ASCII_STEPS + EIGHTHS - 1) / EIGHTHS];
}

static void draw_column(struct ul_canvas *canvas, unsigned int row, unsigned int column,
			unsigned int height, enum ul_ink ink, int eighths)
{
	for (unsigned int i = 0; i < height; i++) {
		const int below = (int)(height - 1 - i) * EIGHTHS;
		const int left = eighths - below;
		if (left <= 0)
			continue;
		ul_canvas_put(canvas, row + i, column, 1, ink,
			      block(canvas, left > EIGHTHS ? EIGHTHS : left));
	}
}

void ul_spark(struct ul_canvas *canvas, unsigned int row, unsigned int column, unsigned int height,
	      enum ul_ink ink, const double *values, size_t len)
{
	double least = INFINITY;
	double most = -INFINITY;
	for (size_t i = 0; i < len; i++) {
		least = fmin(least, values[i]); // fmin() and fmax() pass over NAN
		most = fmax(most, values[i]);
	}
	if (!(most >= least))
		return;
	const double top = (double)height * EIGHTHS - 1;
	for (size_t i = 0; i < len; i++) {
		if (isnan(values[i]))
			continue;
		const double part = most > least ? (values[i] - least) / (most - least) : 0;
		draw_column(canvas, row, column + (unsigned int)i, height, ink,
			    1 + (int)(part * top + 0.5));
	}
}
