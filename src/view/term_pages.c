// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>

#include "base/units.h"
#include "view/pages.h"

enum { RUN_BAR = 24 };

static const char *figure_bytes(char text[static UL_UNITS_TEXT], const struct ul_page_count *count,
				const struct ul_page_figure *figure)
{
	return ul_format_bytes(text, figure->value * count->page_bytes);
}

static void print_heading(const struct ul_term *term, const struct ul_page_count *count)
{
	char read[UL_UNITS_TEXT];
	char all[UL_UNITS_TEXT];
	char time[UL_UNITS_TEXT];
	ul_format_count(read, count->read);
	ul_format_count(all, count->counted);
	ul_format_duration(time, count->seconds);
	if (count->sampled)
		ul_term_heading(term, "Page by page: %s of %s pages, drawn at random, in %s", read,
				all, time);
	else
		ul_term_heading(term, "Page by page: %s pages in %s, by %s", read, time,
				count->walked ? "the page array" : "their flags in /proc");
}

static const char *signed_bytes(char text[static UL_UNITS_TEXT], double bytes)
{
	char size[UL_UNITS_TEXT];
	ul_format_bytes(size, fabs(bytes));
	snprintf(text, UL_UNITS_TEXT, "%s%.*s", bytes < 0 ? "-" : "+", UL_UNITS_TEXT - 2, size);
	return text;
}

static struct ul_error *print_rows(const struct ul_term *term, const struct ul_pages *pages)
{
	static const struct ul_table_column columns[] = {
		{.title = "WHAT", .shrinks = true},	{.title = "BY FLAGS", .right = true},
		{.title = "+/-", .right = true},	{.title = "BY COUNTERS", .right = true},
		{.title = "DIFFERENCE", .right = true}, {.title = NULL}};
	const struct ul_page_compare *compare = pages->compare;
	struct ul_table table UL_CLEANUP_TABLE;
	ul_table_init(&table, columns, UL_ARRAY_LEN(columns));
	for (size_t i = 0; i < compare->rows_len; i++) {
		char text[UL_UNITS_TEXT];
		const struct ul_page_compared *row = &compare->rows[i];
		const enum ul_style style = row->differs ? UL_STYLE_WARN : UL_STYLE_PLAIN;
		ul_table_cell(&table, style, "%s", row->what);
		ul_table_cell(&table, style, "%s", ul_format_bytes(text, row->flags_bytes));
		ul_table_cell(&table, UL_STYLE_DIM, "%s",
			      row->margin_bytes > 0 ? ul_format_bytes(text, row->margin_bytes)
						    : "");
		ul_table_cell(&table, style, "%s", ul_format_bytes(text, row->counters_bytes));
		ul_table_cell(&table, style, "%s",
			      signed_bytes(text, row->flags_bytes - row->counters_bytes));
		ul_table_cell(&table, style, "%s", row->differs ? "(over 1 %)" : "");
	}
	return ul_table_print(term, &table);
}

static void print_reasons(const struct ul_term *term, const struct ul_page_compare *compare)
{
	for (size_t i = 0; i < compare->rows_len; i++) {
		struct ul_buf line UL_CLEANUP_BUF = {0};
		const struct ul_page_compared *row = &compare->rows[i];
		if (!row->differs)
			continue;
		ul_buf_printf(&line, "  %s differs by more than 1 %% of MemTotal; possible: %s.",
			      row->what, row->why);
		ul_term_wrap(term, UL_STYLE_WARN, 4, ul_buf_str(&line));
	}
}

/** Where the driver pages of other accounts are named, so that the subtraction can be followed. */
static void print_explained(const struct ul_term *term, const struct ul_pages *pages)
{
	char text[UL_UNITS_TEXT];
	struct ul_buf line UL_CLEANUP_BUF = {0};
	const struct ul_page_compare *compare = pages->compare;
	const char *between = " (";
	ul_buf_printf(&line, "  Pages with no owner in their flags: %s",
		      ul_format_bytes(text, compare->driver_bytes));
	if (compare->unowned_margin_bytes > 0)
		ul_buf_printf(&line, " +/- %s",
			      ul_format_bytes(text, compare->unowned_margin_bytes));
	ul_buf_printf(&line, ". Of these %s are in accounts that flags cannot tell",
		      ul_format_bytes(text, compare->explained_bytes));
	ul_vec_foreach (entry, &compare->explained) {
		ul_buf_puts(&line, between);
		ul_term_escape(&line, entry->name);
		ul_buf_printf(&line, " %s", ul_format_bytes(text, entry->bytes));
		between = ", ";
	}
	ul_buf_printf(&line, "%s; the other %s are what drivers took.",
		      compare->explained.len ? ")" : "",
		      ul_format_bytes(text, compare->unowned_bytes));
	ul_term_wrap(term, UL_STYLE_PLAIN, 2, ul_buf_str(&line));
}

static void print_holders(const struct ul_term *term, const struct ul_page_count *count)
{
	char mapped[UL_UNITS_TEXT];
	char charged[UL_UNITS_TEXT];
	struct ul_buf line UL_CLEANUP_BUF = {0};
	figure_bytes(mapped, count, &count->figures[UL_PAGE_MAPPED]);
	figure_bytes(charged, count, &count->figures[UL_PAGE_CHARGED]);
	if (count->has_mapped && count->has_charged)
		ul_buf_printf(&line,
			      "  Of the pages with no owner %s are mapped by a process, %s are "
			      "charged to a memory cgroup.",
			      mapped, charged);
	else if (count->has_mapped)
		ul_buf_printf(&line, "  Of the pages with no owner %s are mapped by a process.",
			      mapped);
	else
		return;
	ul_term_wrap(term, UL_STYLE_PLAIN, 2, ul_buf_str(&line));
}

/** Classes that no counter knows. */
static void print_others(const struct ul_term *term, const struct ul_page_count *count)
{
	static const struct {
		enum ul_page_class class;
		const char *what;
	} others[] = {
		{UL_PAGE_RESERVED, "reserved at boot"},
		{UL_PAGE_UNTOUCHED, "free, never prepared"},
		{UL_PAGE_OFFLINE, "ballooned or offline"},
		{UL_PAGE_ZERO, "pages of zeroes"},
		{UL_PAGE_POISONED, "broken hardware"},
		{UL_PAGE_UNKNOWN, "not understood"},
	};
	struct ul_buf line UL_CLEANUP_BUF = {0};
	const char *between = "  Without a counter: ";
	for (size_t i = 0; i < UL_ARRAY_LEN(others); i++) {
		char text[UL_UNITS_TEXT];
		const struct ul_page_figure *figure = &count->figures[others[i].class];
		if (figure->value <= 0)
			continue;
		ul_buf_printf(&line, "%s%s %s", between, others[i].what,
			      figure_bytes(text, count, figure));
		between = ", ";
	}
	if (!line.len)
		return;
	ul_buf_putc(&line, '.');
	ul_term_wrap(term, UL_STYLE_PLAIN, 2, ul_buf_str(&line));
}

static struct ul_error *print_runs(const struct ul_term *term, const struct ul_page_count *count)
{
	static const struct ul_table_column columns[] = {{.title = "PAGES IN A ROW", .right = true},
							 {.title = "RUNS", .right = true},
							 {.title = "BYTES", .right = true},
							 {.title = NULL}};
	const double all = count->figures[UL_PAGE_DRIVER].value;
	struct ul_table table UL_CLEANUP_TABLE;
	ul_table_init(&table, columns, UL_ARRAY_LEN(columns));
	for (size_t i = 0; i < UL_PAGE_RUNS; i++) {
		char text[UL_UNITS_TEXT];
		const struct ul_page_figure *pages = &count->figures[UL_PAGE_RUN_PAGES + i];
		const double runs = count->figures[UL_PAGE_RUN_COUNT + i].value;
		if (pages->value <= 0)
			continue;
		int bar = (int)lround(pages->value / all * RUN_BAR);
		bar = bar < 0 ? 0 : bar > RUN_BAR ? RUN_BAR : bar;
		if (!i)
			ul_table_cell(&table, UL_STYLE_PLAIN, "1");
		else if (i + 1 == UL_PAGE_RUNS)
			ul_table_cell(&table, UL_STYLE_PLAIN, "%u and more", 1U << i);
		else
			ul_table_cell(&table, UL_STYLE_PLAIN, "%u-%u", 1U << i, (2U << i) - 1);
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s",
			      ul_format_count(text, (uint64_t)llround(runs)));
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", figure_bytes(text, count, pages));
		ul_table_cell(&table, UL_STYLE_DIM, "%.*s", bar, "########################");
	}
	if (!table.cells.len)
		return NULL;
	ul_term_heading(term, "Pages with no owner, by how many lie in a row");
	return ul_table_print(term, &table);
}

static struct ul_error *print_zones(const struct ul_term *term, const struct ul_page_count *count)
{
	static const struct ul_table_column columns[] = {
		{.title = "NODE", .right = true},    {.title = "ZONE"},
		{.title = "MEMORY", .right = true},  {.title = "FREE", .right = true},
		{.title = "SLAB", .right = true},    {.title = "NO OWNER", .right = true},
		{.title = "RESERVED", .right = true}};
	static const enum ul_page_class shown[] = {UL_PAGE_FREE, UL_PAGE_SLAB, UL_PAGE_DRIVER,
						   UL_PAGE_RESERVED};
	struct ul_table table UL_CLEANUP_TABLE;
	ul_table_init(&table, columns, UL_ARRAY_LEN(columns));
	ul_vec_foreach (zone, &count->zones) {
		char text[UL_UNITS_TEXT];
		if (!zone->counted)
			continue;
		ul_table_cell(&table, UL_STYLE_PLAIN, "%d", zone->node);
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", zone->name);
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s",
			      ul_format_bytes(text, (double)zone->counted * count->page_bytes));
		for (size_t i = 0; i < UL_ARRAY_LEN(shown); i++) {
			struct ul_page_figure figure = zone->figures[shown[i]];
			if (shown[i] == UL_PAGE_FREE)
				ul_page_figure_merge(&figure, &zone->figures[UL_PAGE_UNTOUCHED]);
			ul_table_cell(&table, UL_STYLE_PLAIN, "%s",
				      figure_bytes(text, count, &figure));
		}
	}
	ul_term_heading(term, "By zone");
	return ul_table_print(term, &table);
}

struct ul_error *ul_term_pages(const struct ul_term *term, const struct ul_pages *pages)
{
	print_heading(term, pages->count);
	UL_TRY(print_rows(term, pages));
	print_reasons(term, pages->compare);
	print_explained(term, pages);
	print_holders(term, pages->count);
	print_others(term, pages->count);
	UL_TRY(print_runs(term, pages->count));
	return print_zones(term, pages->count);
}
