// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The lines above the rows. The bar shares its columns out by class, each class with a letter of
 * its own, so that it can be read without colours; the legend gives the letters their meaning and
 * the sizes, as far as there is room, unaccounted always.
 */
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "view/tui/top_internal.h"

enum { LOW_SCREEN = 20 /* rows below which the bar is left out */ };

/** Classes as the bar joins them. */
struct segment {
	char letter;
	enum ul_ink ink;
	const char *name;
	unsigned int kinds; /**< bits of enum ul_kind */
	int64_t bytes;
};

enum { SEGMENTS = 7, SEGMENT_UNACCOUNTED = 5 };

#define KIND(name) (1U << UL_KIND_##name)

static void segments(const struct ul_history *history, size_t at,
		     struct segment ret[static SEGMENTS], double *ret_total)
{
	static const struct segment empty[SEGMENTS] = {
		{'A', UL_INK_ANON, "anon", KIND(ANON) | KIND(HUGETLB) | KIND(COMPRESSED), 0},
		{'C', UL_INK_FILE, "cache", KIND(FILE), 0},
		{'M', UL_INK_SHMEM, "shmem", KIND(SHMEM), 0},
		{'S', UL_INK_SLAB, "slab", KIND(SLAB), 0},
		{'K', UL_INK_KERNEL, "kernel",
		 KIND(KERNEL_STACK) | KIND(PAGE_TABLES) | KIND(PERCPU) | KIND(VMALLOC) |
			 KIND(KERNEL_OTHER),
		 0},
		{'U', UL_INK_UNACCOUNTED, "unaccounted", KIND(UNACCOUNTED), 0},
		{'.', UL_INK_FREE, "free", KIND(FREE), 0},
	};
	double total = 0;
	memcpy(ret, empty, sizeof(empty));
	ul_vec_foreach (place, &history->tracks) {
		const struct ul_history_track *track = *place;
		const struct ul_history_value value = ul_history_value(track, at);
		if (!ul_history_is_account(track->kind) || value.bytes == UL_HISTORY_NONE)
			continue;
		total += (double)value.bytes;
		for (size_t i = 0; i < SEGMENTS; i++)
			if (ret[i].kinds >> track->kind & 1)
				ret[i].bytes += value.bytes;
	}
	*ret_total = total;
}

static void draw_bar(struct ul_canvas *canvas, unsigned int line,
		     const struct segment parts[static SEGMENTS], double total)
{
	if (canvas->columns < 3 || !(total > 0))
		return;
	const unsigned int width = canvas->columns - 2;
	double before = 0;
	ul_canvas_put(canvas, line, 0, 1, UL_INK_STRONG, "[");
	ul_canvas_put(canvas, line, width + 1, 1, UL_INK_STRONG, "]");
	for (size_t i = 0; i < SEGMENTS; i++) {
		// A negative rest (counters that overlap) takes no room.
		const double share = fmax(0, (double)parts[i].bytes) / total;
		const unsigned int from = (unsigned int)(fmin(1, before) * width + 0.5);
		const unsigned int to = (unsigned int)(fmin(1, before + share) * width + 0.5);
		const char text[2] = {parts[i].letter, '\0'};
		for (unsigned int x = from; x < to; x++)
			ul_canvas_put(canvas, line, 1 + x, 1, parts[i].ink, text);
		before += share;
	}
}

/** "113 MiB" as "113M": seven of them are to fit into 80 columns. */
static const char *compact(char text[static UL_UNITS_TEXT], double bytes)
{
	char *blank = strchr(ul_format_bytes(text, bytes), ' ');
	if (blank) {
		blank[0] = blank[1];
		blank[1] = '\0';
	}
	return text;
}

static void draw_legend(struct ul_canvas *canvas, unsigned int line,
			const struct segment parts[static SEGMENTS])
{
	unsigned int x = 1;
	for (size_t i = 0; i < SEGMENTS; i++) {
		char size[UL_UNITS_TEXT];
		char text[64];
		snprintf(text, sizeof(text), "%c %s %s", parts[i].letter, parts[i].name,
			 compact(size, (double)parts[i].bytes));
		// Unaccounted has the next line, with its bounds.
		if (i == SEGMENT_UNACCOUNTED || x + strlen(text) > canvas->columns)
			continue;
		x += ul_canvas_put(canvas, line, x, canvas->columns, parts[i].ink, text) + 2;
	}
}

void ul_top_format_clock(char text[static UL_UNITS_TEXT], const struct ul_top_input *input,
			 int64_t time_ns)
{
	const time_t seconds = (time_t)((time_ns + input->clock_offset_ns) / UL_NS_PER_S);
	struct tm local;
	if (!localtime_r(&seconds, &local) ||
	    !strftime(text, UL_UNITS_TEXT, input->file ? "%b %d %H:%M:%S" : "%H:%M:%S", &local))
		ul_text_copy(text, UL_UNITS_TEXT, "?");
}

/** "live, every 1 s", "PAUSED 12 s ago", "night.ullage 3/400". */
static void mode_text(const struct ul_top *top, const struct ul_top_input *input, char *text,
		      size_t size)
{
	char span[UL_UNITS_TEXT];
	const struct ul_history *history = input->accounts;
	const size_t at = ul_top_point(top, history);
	const struct ul_history_point *points = history->points.data;
	const size_t len = history->points.len;
	if (input->file) {
		const char *slash = strrchr(input->file, '/');
		snprintf(text, size, "%.40s, sample %zu of %zu",
			 slash && slash[1] ? slash + 1 : input->file, at + 1, len);
	} else if (top->paused) {
		const int64_t back_ns = points[len - 1].time_ns - points[at].time_ns;
		snprintf(text, size, "PAUSED %s ago",
			 ul_format_duration(span, (double)back_ns / UL_NS_PER_S));
	} else {
		snprintf(text, size, "live, every %s",
			 ul_format_duration(span, (double)input->every_ns / UL_NS_PER_S));
	}
}

static void draw_machine(const struct ul_top *top, const struct ul_top_input *input,
			 struct ul_canvas *canvas, double total)
{
	char clock[UL_UNITS_TEXT];
	char size[UL_UNITS_TEXT];
	char mode[96];
	char right[144];
	char left[192];
	const struct ul_history *history = input->accounts;
	const size_t at = ul_top_point(top, history);
	ul_top_format_clock(clock, input, history->points.data[at].time_ns);
	mode_text(top, input, mode, sizeof(mode));
	snprintf(right, sizeof(right), "%s  %s", clock, mode);
	snprintf(left, sizeof(left), "ullage %s%s%s, %s", input->kernel->node,
		 *input->kernel->node ? ", " : "", input->kernel->release,
		 ul_format_bytes(size, total));
	const unsigned int len = (unsigned int)strlen(right);
	const bool both = len + 2 < canvas->columns;
	ul_canvas_put(canvas, 0, 0, both ? canvas->columns - len - 2 : canvas->columns,
		      UL_INK_STRONG, left);
	if (both)
		ul_canvas_put_right(canvas, 0, 0, canvas->columns,
				    top->paused && !input->file ? UL_INK_WARN : UL_INK_PLAIN,
				    right);
}

static void draw_leaks(const struct ul_outlook *outlook, struct ul_canvas *canvas,
		       unsigned int line, unsigned int x)
{
	char rate[UL_TOP_RATE_TEXT];
	char left[UL_UNITS_TEXT];
	char early[UL_UNITS_TEXT];
	char late[UL_UNITS_TEXT];
	if (!outlook->leaks) {
		ul_canvas_put(canvas, line, x, canvas->columns, UL_INK_GOOD,
			      "no account grows like a leak");
		return;
	}
	ul_top_format_rate(rate, canvas, outlook->bytes_per_s, (outlook->high - outlook->low) / 2);
	x += ul_canvas_printf(canvas, line, x, UL_INK_BAD, "%zu leak-like %s", outlook->leaks,
			      rate);
	if (!isfinite(outlook->seconds) || outlook->seconds > 1e9)
		return;
	ul_format_duration(left, outlook->seconds);
	x += ul_canvas_printf(canvas, line, x, UL_INK_BAD, "; full in %s", left);
	if (x + 24 < canvas->columns)
		x += ul_canvas_printf(canvas, line, x, UL_INK_PLAIN, " (%s to %s)",
				      ul_format_duration(early, outlook->seconds_low),
				      isfinite(outlook->seconds_high)
					      ? ul_format_duration(late, outlook->seconds_high)
					      : "never");
}

/** Unaccounted, growth of all that is used, leaks and what is left for them. */
static unsigned int draw_outlook(const struct ul_top *top, const struct ul_top_input *input,
				 struct ul_canvas *canvas, unsigned int line, int64_t unaccounted)
{
	char size[UL_UNITS_TEXT];
	char low[UL_UNITS_TEXT];
	char high[UL_UNITS_TEXT];
	const struct ul_history *history = input->accounts;
	const bool newest = ul_top_point(top, history) == history->points.len - 1;
	const bool bounds = newest && input->ledger && canvas->columns >= 76;
	unsigned int x =
		1 + ul_canvas_printf(canvas, line, 1, UL_INK_UNACCOUNTED, "U unaccounted %s",
				     ul_format_bytes(size, (double)unaccounted));
	if (bounds)
		x += ul_canvas_printf(
			canvas, line, x, UL_INK_DIM, " (%s to %s)",
			ul_format_bytes(low, (double)input->ledger->unaccounted.low),
			ul_format_bytes(high, (double)input->ledger->unaccounted.high));
	// A rate that may as well be nought would only alarm.
	const bool trend = input->outlook.used_low > 0 || input->outlook.used_high < 0;
	ul_canvas_printf(canvas, line, x, UL_INK_PLAIN, ";  in use %s%s%s",
			 !trend				  ? "no trend"
			 : input->outlook.used_per_s >= 0 ? "+"
							  : "",
			 trend ? ul_format_bytes(size, input->outlook.used_per_s * 3600) : "",
			 trend ? "/h" : "");
	draw_leaks(&input->outlook, canvas, ++line, 1);
	return line + 1;
}

static void draw_tabs(const struct ul_top *top, struct ul_canvas *canvas, unsigned int line)
{
	static const char *const wide[] = {"Overview", "Slab", "vmalloc/percpu", "Processes",
					   "Events"};
	static const char *const narrow[] = {"All", "Slab", "Vm", "Proc", "Events"};
	const bool is_wide = canvas->columns >= 100;
	char right[160];
	unsigned int x = 0;
	for (int tab = 0; tab < UL_TAB_COUNT; tab++) {
		const bool here = (int)top->tab == tab;
		x += ul_canvas_printf(canvas, line, x, here ? UL_INK_HEAD : UL_INK_PLAIN,
				      here ? "[%d %s]" : " %d %s ", tab + 1,
				      is_wide ? wide[tab] : narrow[tab]);
	}
	if (top->within)
		x += ul_canvas_printf(canvas, line, x + 1, UL_INK_STRONG, "> %s",
				      ul_kind_name(top->within)) +
		     1;
	char window[48] = "";
	char span[UL_UNITS_TEXT];
	if (top->window_ns)
		snprintf(window, sizeof(window), "last %s, ",
			 ul_format_duration(span, (double)top->window_ns / UL_NS_PER_S));
	snprintf(right, sizeof(right), "%s%s%s%sby %s%s", *top->filter ? "filter " : "",
		 top->filter, *top->filter ? ", " : "", window,
		 ul_top_sort_name(top->sort[top->tab]), top->reverse[top->tab] ? ", reversed" : "");
	if (top->tab == UL_TAB_EVENTS)
		return;
	const unsigned int len = (unsigned int)strlen(right) + 1;
	if (x + len <= canvas->columns)
		ul_canvas_put_right(canvas, line, 0, canvas->columns, UL_INK_DIM, right);
}

unsigned int ul_top_draw_header(const struct ul_top *top, const struct ul_top_input *input,
				struct ul_canvas *canvas)
{
	struct segment parts[SEGMENTS];
	double total;
	unsigned int line = 1;
	segments(input->accounts, ul_top_point(top, input->accounts), parts, &total);
	draw_machine(top, input, canvas, total);
	if (canvas->rows >= LOW_SCREEN)
		draw_bar(canvas, line++, parts, total);
	draw_legend(canvas, line++, parts);
	line = draw_outlook(top, input, canvas, line, parts[SEGMENT_UNACCOUNTED].bytes);
	draw_tabs(top, canvas, line++);
	return line;
}
