/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the screen share among themselves. */
#ifndef UL_VIEW_TUI_TOP_INTERNAL_H
#define UL_VIEW_TUI_TOP_INTERNAL_H

#include "base/units.h"
#include "view/tui/top.h"

/** Room for a rate with its interval. */
enum { UL_TOP_RATE_TEXT = 48 };

/** "+1.21 ±0.30 KiB/s" (ASCII: +-); without the interval where @p half is NAN. */
void ul_top_format_rate(char text[static UL_TOP_RATE_TEXT], const struct ul_canvas *canvas,
			double rate, double half);
/** "12:03:44" or "Tue 12:03:44" of a point in time, in the local time zone. */
void ul_top_format_clock(char text[static UL_UNITS_TEXT], const struct ul_top_input *input,
			 int64_t time_ns);
enum ul_ink ul_top_verdict_ink(enum ul_growth_verdict verdict);

/**
 * The bytes of a row in @p len equal parts of the window, the newest last; NAN: nothing there.
 */
void ul_top_curve(const struct ul_top *top, const struct ul_history *history,
		  const struct ul_top_row *row, double *values, size_t len);

/** Case does not matter; an empty @p needle is in everything. */
bool ul_top_contains(const char *text, const char *needle);
struct ul_top_id ul_top_id_of(const struct ul_top_row *row);
bool ul_top_same(const struct ul_top_id *a, const struct ul_top_id *b);
/** What the row is called. */
const char *ul_top_row_name(const struct ul_top_row *row);

/** The first lines: machine, bar, legend, outlook, tabs. @return rows used. */
unsigned int ul_top_draw_header(const struct ul_top *top, const struct ul_top_input *input,
				struct ul_canvas *canvas);
/** The page of one account or process; of tab 5; of help: from row @p row to @p end. */
void ul_top_draw_detail(const struct ul_top *top, const struct ul_top_input *input,
			struct ul_canvas *canvas, unsigned int row, unsigned int end);
void ul_top_draw_events(struct ul_top *top, const struct ul_top_input *input,
			struct ul_canvas *canvas, unsigned int row, unsigned int end);
void ul_top_draw_help(const struct ul_top *top, struct ul_canvas *canvas);

#endif
