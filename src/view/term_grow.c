// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "base/units.h"
#include "view/grow.h"

enum { WIDE_COLUMNS = 100 };

static enum ul_style verdict_style(enum ul_growth_verdict verdict)
{
	switch (verdict) {
	case UL_GROWTH_LEAK_LIKE:
		return UL_STYLE_BAD;
	case UL_GROWTH_FILLING:
	case UL_GROWTH_STEP:
		return UL_STYLE_WARN;
	case UL_GROWTH_TOO_SHORT:
	case UL_GROWTH_FLAT:
		break;
	}
	return UL_STYLE_DIM;
}

static bool worth_showing(const struct ul_growth *growth)
{
	return growth->verdict != UL_GROWTH_FLAT && growth->verdict != UL_GROWTH_TOO_SHORT;
}

/**
 * "+1.2 MiB/s": rates of one row in one unit of time would compare better, but the unit that reads
 * well is the one ul_format_rate() picks.
 */
static void put_row(struct ul_table *table, const struct ul_growth_row *row, bool interval)
{
	char rate[UL_UNITS_TEXT];
	char low[UL_UNITS_TEXT];
	char high[UL_UNITS_TEXT];
	char last[UL_UNITS_TEXT];
	char change[UL_UNITS_TEXT];
	const struct ul_series *series = row->series;
	const struct ul_growth *growth = &row->growth;
	const double delta = (double)growth->last - (double)growth->first;
	ul_table_cell(table, verdict_style(growth->verdict), "%s",
		      ul_growth_verdict_name(growth->verdict));
	// What another row explains stands behind it, indented.
	const char *indent = row->part_of ? "  " : "";
	if (series->pid)
		ul_table_cell(table, UL_STYLE_PLAIN, "%s%s (pid %d)", indent, series->label,
			      (int)series->pid);
	else
		ul_table_cell(table, UL_STYLE_PLAIN, "%s%s", indent, series->label);
	ul_table_cell(table, UL_STYLE_PLAIN, "%s", ul_kind_name(series->kind));
	ul_table_cell(table, UL_STYLE_STRONG, "%s", ul_format_rate(rate, growth->bytes_per_s));
	if (interval)
		ul_table_cell(table, UL_STYLE_DIM, "%s .. %s", ul_format_rate(low, growth->low),
			      ul_format_rate(high, growth->high));
	ul_table_cell(table, UL_STYLE_PLAIN, "%s%s", delta > 0 ? "+" : "",
		      ul_format_bytes(change, delta));
	ul_table_cell(table, UL_STYLE_PLAIN, "%s", ul_format_bytes(last, (double)growth->last));
}

/** The interval goes first where the terminal is narrow: the verdict has weighed it already. */
static struct ul_error *print_rows(const struct ul_term *term,
				   const struct ul_growth_report *report, size_t top, bool all,
				   size_t *ret_hidden)
{
	static const struct ul_table_column verdict = {.title = "VERDICT"};
	static const struct ul_table_column account = {
		.title = "ACCOUNT", .shrinks = true, .min = 12};
	static const struct ul_table_column kind = {.title = "KIND", .shrinks = true, .min = 6};
	static const struct ul_table_column growth = {.title = "GROWTH", .right = true};
	static const struct ul_table_column interval = {.title = "95 % INTERVAL", .right = true};
	static const struct ul_table_column change = {.title = "CHANGE", .right = true};
	static const struct ul_table_column now = {.title = "NOW", .right = true};
	const struct ul_table_column narrow_columns[] = {verdict, account, kind,
							 growth,  change,  now};
	const struct ul_table_column wide_columns[] = {verdict,	 account, kind, growth,
						       interval, change,  now};
	const bool wide = term->width >= WIDE_COLUMNS;
	struct ul_table table UL_CLEANUP_TABLE;
	size_t hidden = 0;
	if (wide)
		ul_table_init(&table, wide_columns, UL_ARRAY_LEN(wide_columns));
	else
		ul_table_init(&table, narrow_columns, UL_ARRAY_LEN(narrow_columns));
	ul_vec_foreach (row, &report->rows) {
		if (!top || (!all && !worth_showing(&row->growth))) {
			hidden++;
			continue;
		}
		put_row(&table, row, wide);
		top--;
	}
	if (table.cells.len)
		UL_TRY(ul_table_print(term, &table));
	*ret_hidden = hidden;
	return NULL;
}

static bool any_verdict(const struct ul_growth_report *report, enum ul_growth_verdict verdict)
{
	ul_vec_foreach (row, &report->rows)
		if (row->growth.verdict == verdict)
			return true;
	return false;
}

struct ul_error *ul_term_grow(const struct ul_term *term, const struct ul_growth_report *report,
			      const struct ul_losses *losses, size_t top, bool all)
{
	char window[UL_UNITS_TEXT];
	size_t hidden;
	ul_term_print(term, UL_STYLE_STRONG, "Growth over %s (%zu samples)\n",
		      ul_format_duration(window, report->window_s), report->samples);
	UL_TRY(print_rows(term, report, top, all, &hidden));
	if (hidden)
		ul_term_print(term, UL_STYLE_DIM, "  and %zu more%s\n", hidden,
			      all ? "" : ", most of them not growing (all: -v; more rows: -n N)");
	if (any_verdict(report, UL_GROWTH_LEAK_LIKE))
		ul_term_print(term, UL_STYLE_PLAIN,
			      "\nLeak-like is a shape, not yet a leak. The code behind it: ullage "
			      "find\n");
	else
		ul_term_print(
			term, UL_STYLE_GOOD,
			"\nNothing grows like a leak in this window. A slow leak needs a longer "
			"one: --for 10m\n");
	ul_term_losses(term, losses);
	return NULL;
}
