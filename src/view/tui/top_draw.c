// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The screen, from top to bottom: header (top_header.c), titles, rows, the line of keys. Columns
 * have the narrowest terminal they are shown on; the name and the curve share what is left. Below
 * MIN_COLUMNS x MIN_ROWS nothing is drawn but what is needed.
 */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "view/tui/spark.h"
#include "view/tui/top_internal.h"

enum {
	MIN_COLUMNS = 40,
	MIN_ROWS = 10,
	NAME_MIN = 12,
	NAME_WANTED = 34,
	CURVE_MIN = 6,
	CURVE_MAX = 120,
	FREE_COLUMN = 0, /* width: what is left */
};

enum column {
	COLUMN_PID,
	COLUMN_NAME,
	COLUMN_KIND,
	COLUMN_BYTES,
	COLUMN_PSS,
	COLUMN_SWAP,
	COLUMN_OBJECTS,
	COLUMN_SIZE,
	COLUMN_PER_SLAB,
	COLUMN_USE,
	COLUMN_CHANGE,
	COLUMN_RATE,
	COLUMN_RATE_ALONE, /* without the interval */
	COLUMN_VERDICT,
	COLUMN_CURVE,
};

struct column_info {
	enum column column;
	const char *title;
	unsigned int width;
	bool left;
	unsigned int from_columns; /**< narrowest terminal that shows it */
	unsigned int to_columns;   /**< widest; 0: any */
	unsigned int tabs;	   /**< bits of enum ul_top_tab */
};

#define TAB(name)     (1U << UL_TAB_##name)
#define TABS_ACCOUNTS (TAB(OVERVIEW) | TAB(VMALLOC))
#define TABS_ALL      (TABS_ACCOUNTS | TAB(SLAB) | TAB(PROCESSES))

static const struct column_info columns[] = {
	{COLUMN_PID, "PID", 7, false, 0, 0, TAB(PROCESSES)},
	{COLUMN_NAME, "ACCOUNT", FREE_COLUMN, true, 0, 0, TABS_ACCOUNTS},
	{COLUMN_NAME, "CACHE", FREE_COLUMN, true, 0, 0, TAB(SLAB)},
	{COLUMN_NAME, "COMMAND", FREE_COLUMN, true, 0, 0, TAB(PROCESSES)},
	{COLUMN_KIND, "CLASS", 12, true, 110, 0, TABS_ACCOUNTS},
	{COLUMN_BYTES, "BYTES", 9, false, 0, 0, TABS_ACCOUNTS | TAB(SLAB)},
	{COLUMN_BYTES, "RSS", 9, false, 0, 0, TAB(PROCESSES)},
	{COLUMN_PSS, "PSS", 9, false, 100, 0, TAB(PROCESSES)},
	{COLUMN_SWAP, "SWAP", 9, false, 120, 0, TAB(PROCESSES)},
	{COLUMN_OBJECTS, "OBJECTS", 10, false, 100, 0, TAB(SLAB)},
	{COLUMN_OBJECTS, "AREAS", 7, false, 100, 0, TAB(VMALLOC)},
	{COLUMN_SIZE, "SIZE", 6, false, 100, 0, TAB(SLAB)},
	{COLUMN_PER_SLAB, "OBJ/SLAB", 8, false, 140, 0, TAB(SLAB)},
	{COLUMN_USE, "USE", 4, false, 120, 0, TAB(SLAB)},
	{COLUMN_CHANGE, "CHANGE", 10, false, 60, 0, TABS_ACCOUNTS | TAB(SLAB)},
	{COLUMN_CHANGE, "CHANGE", 10, false, 70, 0, TAB(PROCESSES)},
	{COLUMN_RATE, "GROWTH +-95 %", 19, false, 76, 0, TABS_ALL},
	{COLUMN_RATE_ALONE, "GROWTH", 13, false, 50, 75, TABS_ALL},
	{COLUMN_VERDICT, "VERDICT", 9, true, 0, 0, TABS_ALL},
	{COLUMN_CURVE, "TREND", FREE_COLUMN, true, 76, 0, TABS_ALL},
};

enum ul_ink ul_top_verdict_ink(enum ul_growth_verdict verdict)
{
	switch (verdict) {
	case UL_GROWTH_LEAK_LIKE:
		return UL_INK_BAD;
	case UL_GROWTH_FILLING:
	case UL_GROWTH_STEP:
		return UL_INK_WARN;
	case UL_GROWTH_FLAT:
	case UL_GROWTH_TOO_SHORT:
		break;
	}
	return UL_INK_DIM;
}

static const char *digits(char text[static 16], double value)
{
	snprintf(text, 16, value < 9.95 ? "%.1f" : "%.0f", value);
	return text;
}

void ul_top_format_rate(char text[static UL_TOP_RATE_TEXT], const struct ul_canvas *canvas,
			double rate, double half)
{
	static const struct {
		const char *name;
		double seconds;
	} periods[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	char number[16];
	char range[16];
	const bool interval = !isnan(half);
	const double size = fmax(fabs(rate), interval ? half : 0);
	size_t period = 0;
	size_t unit = 0;
	if (size * 86400 < 1) {
		snprintf(text, UL_TOP_RATE_TEXT, "0");
		return;
	}
	while (period + 1 < UL_ARRAY_LEN(periods) && size * periods[period].seconds < 1024)
		period++;
	double scale = periods[period].seconds;
	while (unit + 1 < UL_ARRAY_LEN(units) && size * scale >= 999.5) {
		scale /= 1024;
		unit++;
	}
	// Nought has no sign.
	const double shown = fabs(rate) * scale;
	const char *sign = shown < 0.05 ? "" : rate < 0 ? "-" : "+";
	const int len = snprintf(text, UL_TOP_RATE_TEXT, "%s%s", sign, digits(number, shown));
	if (len < 0)
		return;
	snprintf(text + len, (size_t)(UL_TOP_RATE_TEXT - len), "%s%s %s/%s",
		 !interval	? ""
		 : canvas->utf8 ? " ±"
				: " +-",
		 interval ? digits(range, half * scale) : "", units[unit], periods[period].name);
}

static bool is_shown(const struct column_info *info, enum ul_top_tab tab, unsigned int width)
{
	return (info->tabs >> tab & 1) && width >= info->from_columns &&
	       (!info->to_columns || width <= info->to_columns);
}

/** Widths of name and curve: the rest, the name first. */
static void share_rest(const struct ul_top *top, unsigned int width, unsigned int *ret_name,
		       unsigned int *ret_curve)
{
	unsigned int used = 1; // the mark of a tag
	bool curve = false;
	for (size_t i = 0; i < UL_ARRAY_LEN(columns); i++) {
		if (!is_shown(&columns[i], top->tab, width))
			continue;
		used += columns[i].width + 1;
		curve |= columns[i].column == COLUMN_CURVE;
	}
	unsigned int left = width > used ? width - used : 0;
	*ret_name = left;
	*ret_curve = 0;
	if (!curve)
		return;
	unsigned int name = left > CURVE_MIN + NAME_MIN ? left * 2 / 3 : NAME_MIN;
	name = name > NAME_WANTED ? NAME_WANTED : name;
	name = name > left ? left : name;
	*ret_name = name;
	*ret_curve = left - name > CURVE_MAX ? CURVE_MAX : left - name;
}

static void format_change(char text[static UL_UNITS_TEXT], int64_t change)
{
	char bytes[UL_UNITS_TEXT];
	if (change == UL_HISTORY_NONE)
		ul_text_copy(text, UL_UNITS_TEXT, "-");
	else if (!change)
		ul_text_copy(text, UL_UNITS_TEXT, "0");
	else
		snprintf(text, UL_UNITS_TEXT, "%s%.30s", change > 0 ? "+" : "",
			 ul_format_bytes(bytes, (double)change));
}

static void format_count(char text[static UL_UNITS_TEXT], int64_t count)
{
	if (count < 0)
		ul_text_copy(text, UL_UNITS_TEXT, "-");
	else
		ul_format_count(text, (uint64_t)count);
}

static void format_name(char *text, size_t size, const struct ul_top_row *row)
{
	if (!row->track)
		snprintf(text, size, "%s (%zu)", ul_top_row_name(row), row->members);
	else if (row->cache && row->cache->aliases.len)
		snprintf(text, size, "%s =%zu", row->track->label, row->cache->aliases.len + 1);
	else
		ul_text_copy(text, size, ul_top_row_name(row));
}

/** Text and ink of one cell. */
static enum ul_ink format_cell(char text[static 128], const struct ul_canvas *canvas,
			       enum column column, const struct ul_top_row *row)
{
	const struct ul_cache *cache = row->cache;
	const struct ul_process *process = row->process;
	enum ul_ink ink = UL_INK_PLAIN;
	ul_text_copy(text, 128, "");
	switch (column) {
	case COLUMN_PID:
		snprintf(text, 128, "%d", row->track ? (int)row->track->pid : 0);
		break;
	case COLUMN_NAME:
		format_name(text, 128, row);
		break;
	case COLUMN_KIND:
		ul_text_copy(text, 128, ul_kind_name(row->kind));
		return UL_INK_DIM;
	case COLUMN_BYTES:
		ul_format_bytes(text, (double)row->bytes);
		break;
	case COLUMN_PSS:
		if (process && process->has_pss)
			ul_format_bytes(text, (double)process->pss_bytes);
		break;
	case COLUMN_SWAP:
		if (process && process->swap_bytes)
			ul_format_bytes(text, (double)process->swap_bytes);
		break;
	case COLUMN_OBJECTS:
		format_count(text, row->objects);
		break;
	case COLUMN_SIZE:
		if (cache)
			snprintf(text, 128, "%u", cache->object_size);
		break;
	case COLUMN_PER_SLAB:
		if (cache)
			snprintf(text, 128, "%u", cache->objects_per_slab);
		break;
	case COLUMN_USE:
		if (cache && cache->objects_total)
			snprintf(text, 128, "%.0f%%",
				 100.0 * (double)cache->objects / (double)cache->objects_total);
		break;
	case COLUMN_CHANGE:
		format_change(text, row->change);
		break;
	case COLUMN_RATE:
	case COLUMN_RATE_ALONE:
		if (row->judged && row->verdict != UL_GROWTH_TOO_SHORT)
			ul_top_format_rate(text, canvas, row->rate,
					   column == COLUMN_RATE ? row->half : NAN);
		return row->judged ? ul_top_verdict_ink(row->verdict) : UL_INK_DIM;
	case COLUMN_VERDICT:
		if (row->judged)
			ul_text_copy(text, 128, ul_growth_verdict_name(row->verdict));
		return ul_top_verdict_ink(row->verdict);
	case COLUMN_CURVE:
		break;
	}
	return ink;
}

static void draw_curve(const struct ul_top *top, const struct ul_top_input *input,
		       struct ul_canvas *canvas, unsigned int line, unsigned int column,
		       unsigned int width, const struct ul_top_row *row)
{
	double values[CURVE_MAX];
	if (width > CURVE_MAX)
		width = CURVE_MAX;
	ul_top_curve(top, ul_top_history(top, input), row, values, width);
	ul_spark(canvas, line, column, 1, ul_top_verdict_ink(row->verdict), values, width);
}

/** @p row NULL: the titles. */
static void draw_line(const struct ul_top *top, const struct ul_top_input *input,
		      struct ul_canvas *canvas, unsigned int line, const struct ul_top_row *row)
{
	unsigned int name;
	unsigned int curve;
	unsigned int x = 1;
	share_rest(top, canvas->columns, &name, &curve);
	for (size_t i = 0; i < UL_ARRAY_LEN(columns); i++) {
		const struct column_info *info = &columns[i];
		char text[128];
		if (!is_shown(info, top->tab, canvas->columns))
			continue;
		const unsigned int width = info->column == COLUMN_NAME	  ? name
					   : info->column == COLUMN_CURVE ? curve
									  : info->width;
		const enum ul_ink ink =
			row ? format_cell(text, canvas, info->column, row) : UL_INK_HEAD;
		if (!row)
			ul_text_copy(text, sizeof(text), info->title);
		if (row && info->column == COLUMN_CURVE)
			draw_curve(top, input, canvas, line, x, width, row);
		else if (info->left)
			ul_canvas_put(canvas, line, x, width, ink, text);
		else
			ul_canvas_put_right(canvas, line, x, width, ink, text);
		x += width + 1;
	}
}

static void draw_rows(struct ul_top *top, const struct ul_top_input *input,
		      struct ul_canvas *canvas, unsigned int line, unsigned int end)
{
	draw_line(top, input, canvas, line, NULL);
	ul_canvas_tint(canvas, line, 0, canvas->columns, UL_INK_HEAD);
	line++;
	top->page = end > line ? end - line : 1;
	if (top->at < top->offset)
		top->offset = top->at;
	if (top->at >= top->offset + top->page)
		top->offset = top->at - top->page + 1;
	if (top->rows.len <= top->page)
		top->offset = 0;
	for (size_t i = top->offset; i < top->rows.len && line < end; i++, line++) {
		const struct ul_top_row *row = &top->rows.data[i];
		draw_line(top, input, canvas, line, row);
		if (row->tagged)
			ul_canvas_put(canvas, line, 0, 1, UL_INK_STRONG, "*");
		if (i != top->at)
			continue;
		// The mark says it too, where nothing can be shown reversed.
		ul_canvas_put(canvas, line, 0, 1, UL_INK_SELECTED, row->tagged ? "*" : ">");
		ul_canvas_tint(canvas, line, 0, canvas->columns, UL_INK_SELECTED);
	}
	if (!top->rows.len)
		ul_canvas_put(canvas, line, 2, canvas->columns, UL_INK_DIM,
			      *top->filter ? "nothing matches the filter (F4, Esc: remove it)"
					   : "nothing here at this time");
}

/** What the tagged rows of the screen add up to. */
static void tagged_text(const struct ul_top *top, const struct ul_canvas *canvas, char *text,
			size_t size)
{
	char bytes[UL_UNITS_TEXT];
	char rate[UL_TOP_RATE_TEXT];
	double sum = 0;
	double growth = 0;
	size_t count = 0;
	ul_vec_foreach (row, &top->rows) {
		if (!row->tagged)
			continue;
		count++;
		sum += (double)row->bytes;
		growth += row->judged ? row->rate : 0;
	}
	ul_top_format_rate(rate, canvas, growth, NAN);
	snprintf(text, size, "%zu tagged: %s, %s (U: untag)", count, ul_format_bytes(bytes, sum),
		 rate);
}

static void draw_keys(const struct ul_top *top, const struct ul_top_input *input,
		      struct ul_canvas *canvas)
{
	static const struct {
		const char *key;
		const char *what;
	} keys[] = {{"F1", "Help"},  {"F3", "Search"}, {"F4", "Filter"}, {"F5", "Group"},
		    {"F6", "Sort"},  {"F10", "Quit"},  {"p", "Pause"},	 {"b", "Baseline"},
		    {"w", "Window"}, {"Ent", "Open"},  {"[ ]", "Time"},	 {"Spc", "Tag"}};
	unsigned int x = 0;
	const unsigned int line = canvas->rows - 1;
	for (size_t i = 0; i < UL_ARRAY_LEN(keys); i++) {
		const unsigned int needed =
			(unsigned int)(strlen(keys[i].key) + strlen(keys[i].what)) + 2;
		if (x + needed > canvas->columns)
			break;
		x += ul_canvas_put(canvas, line, x, canvas->columns, UL_INK_STRONG, keys[i].key);
		x += ul_canvas_put(canvas, line, x + 1, canvas->columns, UL_INK_DIM, keys[i].what) +
		     2;
	}
}

static void draw_last_line(const struct ul_top *top, const struct ul_top_input *input,
			   struct ul_canvas *canvas)
{
	char text[192];
	const unsigned int line = canvas->rows - 1;
	if (top->prompt == UL_PROMPT_SEARCH)
		ul_canvas_printf(canvas, line, 0, UL_INK_STRONG,
				 "Search: %s_   Enter: done, F3: next, Esc: stop", top->search);
	else if (top->prompt == UL_PROMPT_FILTER)
		ul_canvas_printf(canvas, line, 0, UL_INK_STRONG,
				 "Filter: %s_   Enter: done, Esc: remove", top->filter);
	else if (top->prompt == UL_PROMPT_SORT)
		ul_canvas_put(canvas, line, 0, canvas->columns, UL_INK_STRONG,
			      "Up, Down, Enter: sort by this; Esc: leave it");
	else if (*top->message)
		ul_canvas_put(canvas, line, 0, canvas->columns, UL_INK_STRONG, top->message);
	else if (top->tags.len) {
		tagged_text(top, canvas, text, sizeof(text));
		ul_canvas_put(canvas, line, 0, canvas->columns, UL_INK_STRONG, text);
	} else
		draw_keys(top, input, canvas);
}

static void draw_menu(const struct ul_top *top, struct ul_canvas *canvas, unsigned int line)
{
	enum { WIDTH = 22 };
	for (int sort = 0; sort < UL_SORT_COUNT && line + 1 < canvas->rows; sort++) {
		if (!ul_top_sort_fits(top->tab, (enum ul_top_sort)sort))
			continue;
		const bool here = top->menu == (size_t)sort;
		char text[WIDTH + 1];
		snprintf(text, sizeof(text), "%s %-*s", here ? ">" : " ", WIDTH - 2,
			 ul_top_sort_name((enum ul_top_sort)sort));
		ul_canvas_put(canvas, line++, 0, WIDTH, here ? UL_INK_SELECTED : UL_INK_HEAD, text);
	}
}

void ul_top_draw(struct ul_top *top, const struct ul_top_input *input, struct ul_canvas *canvas)
{
	ul_canvas_clear(canvas);
	if (canvas->columns < MIN_COLUMNS || canvas->rows < MIN_ROWS) {
		ul_canvas_printf(canvas, 0, 0, UL_INK_STRONG,
				 "%ux%u is too small:", canvas->columns, canvas->rows);
		ul_canvas_printf(canvas, 1, 0, UL_INK_PLAIN, "%dx%d is needed, q quits",
				 MIN_COLUMNS, MIN_ROWS);
		return;
	}
	if (top->help) {
		ul_top_draw_help(top, canvas);
		return;
	}
	const unsigned int line = ul_top_draw_header(top, input, canvas);
	const unsigned int end = canvas->rows - 1;
	if (top->detail)
		ul_top_draw_detail(top, input, canvas, line, end);
	else if (top->tab == UL_TAB_EVENTS)
		ul_top_draw_events(top, input, canvas, line, end);
	else
		draw_rows(top, input, canvas, line, end);
	if (top->prompt == UL_PROMPT_SORT)
		draw_menu(top, canvas, line + 1);
	draw_last_line(top, input, canvas);
}
