// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/progress.h"

#include <math.h>
#include <string.h>

#include "base/units.h"

enum { BAR_COLUMNS = 20 };

static const int64_t first_after_ns = UL_NS_PER_S;
static const int64_t redraw_ns = UL_NS_PER_S / 10;

void ul_progress_init(struct ul_progress *progress, FILE *out, unsigned int width, int64_t now_ns)
{
	*progress = (struct ul_progress){.out = out, .width = width, .start_ns = now_ns};
}

static int format_bar(char *line, size_t size, double fraction)
{
	if (isnan(fraction))
		return 0;
	const int filled = (int)(fmin(fmax(fraction, 0), 1) * BAR_COLUMNS);
	return snprintf(line, size, "[%.*s%.*s] %3d %% ", filled, "####################",
			BAR_COLUMNS - filled, "....................", (int)(fraction * 100));
}

void ul_progress_update(struct ul_progress *progress, int64_t now_ns, double fraction,
			double left_s, const char *what)
{
	char line[256];
	char left[UL_UNITS_TEXT];
	if (!progress->out || now_ns - progress->start_ns < first_after_ns ||
	    (progress->drawn_ns && now_ns - progress->drawn_ns < redraw_ns))
		return;
	const size_t used = (size_t)format_bar(line, sizeof(line), fraction);
	if (isnan(left_s))
		snprintf(line + used, sizeof(line) - used, "%s  Ctrl-C: report now", what);
	else
		snprintf(line + used, sizeof(line) - used, "%s, %s left  Ctrl-C: report now", what,
			 ul_format_duration(left, left_s));
	// A line that wraps could not be erased.
	fprintf(progress->out, "\r%.*s\033[K", (int)progress->width - 1, line);
	fflush(progress->out);
	progress->drawn_ns = now_ns;
}

void ul_progress_end(struct ul_progress *progress)
{
	if (!progress->out || !progress->drawn_ns)
		return;
	fputs("\r\033[K", progress->out);
	fflush(progress->out);
	progress->drawn_ns = 0;
}
