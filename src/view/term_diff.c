// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/units.h"
#include "view/diff.h"

static const char *signed_bytes(char text[static UL_UNITS_TEXT + 1], int64_t bytes)
{
	char number[UL_UNITS_TEXT];
	snprintf(text, UL_UNITS_TEXT + 1, "%s%s", bytes > 0 ? "+" : "",
		 ul_format_bytes(number, (double)bytes));
	return text;
}

static enum ul_style change_style(const struct ul_diff_row *row)
{
	if (!row->change)
		return UL_STYLE_DIM;
	return row->change > 0 && !row->reclaimable && row->kind != UL_KIND_FREE ? UL_STYLE_STRONG
										 : UL_STYLE_PLAIN;
}

static void put_side(struct ul_table *table, bool there, int64_t bytes)
{
	char text[UL_UNITS_TEXT];
	if (there)
		ul_table_cell(table, UL_STYLE_PLAIN, "%s", ul_format_bytes(text, (double)bytes));
	else
		ul_table_cell(table, UL_STYLE_DIM, "-");
}

/** "+1,234" of objects, where the thing has any. */
static void put_objects(struct ul_table *table, const struct ul_diff_row *row)
{
	char text[UL_UNITS_TEXT];
	if (row->objects_before < 0 && row->objects_after < 0) {
		ul_table_cell(table, UL_STYLE_PLAIN, "%s", "");
		return;
	}
	const int64_t change = (row->objects_after < 0 ? 0 : row->objects_after) -
			       (row->objects_before < 0 ? 0 : row->objects_before);
	const uint64_t size = change < 0 ? -(uint64_t)change : (uint64_t)change;
	ul_table_cell(table, UL_STYLE_PLAIN, "%s%s",
		      change < 0 ? "-"
		      : change	 ? "+"
				 : "",
		      ul_format_count(text, size));
}

static void put_row(struct ul_table *table, const struct ul_diff_row *row)
{
	char change[UL_UNITS_TEXT + 1];
	ul_table_cell(table, change_style(row), "%s", signed_bytes(change, row->change));
	if (row->cache && !*row->name)
		ul_table_cell(table, UL_STYLE_DIM, "(not known)");
	else if (row->kind == UL_KIND_PROCESS && row->pid)
		ul_table_cell(table, UL_STYLE_PLAIN, "%s (pid %d)", row->name, (int)row->pid);
	else
		ul_table_cell(table, UL_STYLE_PLAIN, "%s", row->name);
	if (row->cache)
		ul_table_cell(table, UL_STYLE_PLAIN, "%s", row->cache);
	else if (row->kind == UL_KIND_PROCESS)
		ul_table_cell(table, UL_STYLE_DIM, "%s",
			      !row->was	 ? "new"
			      : !row->is ? "gone"
					 : "");
	else
		ul_table_cell(table, UL_STYLE_PLAIN, "%s%s", ul_kind_name(row->kind),
			      !row->was	 ? ", new"
			      : !row->is ? ", gone"
					 : "");
	put_side(table, row->was, row->before);
	put_side(table, row->is, row->after);
	put_objects(table, row);
}

/** @p extra may be NULL: one more row, at its place by its change. */
static struct ul_error *print_rows(const struct ul_term *term, const struct ul_diff_rows *rows,
				   const struct ul_diff_row *extra, const char *what, size_t top,
				   bool all, const char *objects)
{
	const struct ul_table_column columns[] = {
		{.title = "CHANGE", .right = true},
		{.title = what, .shrinks = true, .min = 12},
		{.title = rows->rows.len && rows->rows.data[0].cache ? "CACHE" : "",
		 .shrinks = true,
		 .min = 6},
		{.title = "BEFORE", .right = true},
		{.title = "AFTER", .right = true},
		{.title = objects, .right = true},
	};
	struct ul_table table UL_CLEANUP_TABLE;
	size_t hidden = 0;
	ul_table_init(&table, columns, UL_ARRAY_LEN(columns));
	ul_vec_foreach (row, &rows->rows) {
		if (extra && llabs(extra->change) >= llabs(row->change)) {
			put_row(&table, extra);
			extra = NULL;
			top -= top > 0;
		}
		if (!top || (!all && !row->change)) {
			hidden++;
			continue;
		}
		put_row(&table, row);
		top--;
	}
	if (extra)
		put_row(&table, extra);
	if (table.cells.len)
		UL_TRY(ul_table_print(term, &table));
	else
		ul_term_print(term, UL_STYLE_DIM, "  nothing changed\n");
	if (hidden)
		ul_term_print(term, UL_STYLE_DIM, "  and %zu more%s\n", hidden,
			      all ? "" : " that changed less or not at all (more: -n N, all: -v)");
	return NULL;
}

struct ul_error *ul_term_diff(const struct ul_term *term, const struct ul_ledger_diff *diff,
			      const char *from, const char *to, size_t top, bool all)
{
	char window[UL_UNITS_TEXT];
	const double seconds = diff->seconds < 0 ? -diff->seconds : diff->seconds;
	const bool total = ul_ledger_diff_has_total(diff);
	// Dumps do not say when they were made.
	if (seconds > 0)
		ul_term_print(term, UL_STYLE_STRONG, "From %s to %s: %s%s\n", from, to,
			      ul_format_duration(window, seconds),
			      diff->seconds < 0 ? ", backwards in time" : "");
	else
		ul_term_print(term, UL_STYLE_STRONG, "From %s to %s\n", from, to);
	ul_term_heading(term, "Accounts");
	UL_TRY(print_rows(term, &diff->accounts, total ? &diff->unaccounted : NULL, "ACCOUNT", top,
			  all, "OBJECTS"));
	if (diff->types.rows.len) {
		ul_term_heading(term, "Slab objects in use, by type");
		UL_TRY(print_rows(term, &diff->types, NULL, "TYPE", top, all, "OBJECTS"));
	}
	if (diff->processes.rows.len) {
		ul_term_heading(term,
				diff->other_boot ? "Processes by name (RSS)" : "Processes (RSS)");
		UL_TRY(print_rows(term, &diff->processes, NULL, "PROCESS", top, all,
				  diff->other_boot ? "PROCESSES" : ""));
	}
	ul_term_losses(term, &diff->losses);
	return NULL;
}
