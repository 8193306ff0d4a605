// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One leak moves many counters. A process that leaks heap makes its RSS grow, and anon, and the
 * cgroups it is in; one that leaks descriptors makes a dozen slab caches grow. A list of them all
 * names nothing, so each row is asked whether another, more telling row explains it:
 *
 *   row                       is explained by
 *   anon                      processes, else a cgroup
 *   shared memory             processes by what they map or hold open
 *   page tables               processes by their page tables
 *   RSS of a process          its own page tables, when they are what its touching pages is for
 *   files of a process        its own RSS, when it has them mapped
 *   slab cache                a process whose descriptors grow at the pace of its objects; removed
 *                             cgroups, likewise
 *   percpu                    removed cgroups
 *   cgroup                    one below it; or any row above at its pace
 *
 * "Explains" means at least EXPLAINED of the rate, and not so much more that the two have nothing
 * to do with each other; several processes explain a sum together. This is arithmetic and no
 * proof: two leaks of the same rate are taken for one. Nothing is hidden by it, the row only stands
 * behind the one that explains it.
 */
#include "analysis/growth_order.h"

#include <string.h>

enum { ROWS_MAX = 512 /**< leak-like rows that are compared with each other */ };

static const double EXPLAINED = 0.6;		     /**< of the rate, at least */
static const double TOO_MUCH = 1.7;		     /**< times the rate: another matter */
static const double PACE_LEAST = 0.2, PACE_MOST = 5; /**< objects for one descriptor or cgroup */

struct rows {
	struct ul_growth_row *data;
	size_t len; /**< the leak-like ones: they come first */
};

static bool is_dying(const struct ul_growth_row *row)
{
	return row->series->kind == UL_KIND_CGROUP && !strcmp(row->series->name, UL_CGROUP_DYING);
}

static bool rate_fits(const struct ul_growth_row *cause, const struct ul_growth_row *row)
{
	return cause->growth.bytes_per_s >= EXPLAINED * row->growth.bytes_per_s &&
	       cause->growth.bytes_per_s <= TOO_MUCH * row->growth.bytes_per_s;
}

static bool pace_fits(const struct ul_growth_row *cause, const struct ul_growth_row *row)
{
	const double cause_pace = cause->growth.objects_per_s;
	const double pace = row->growth.objects_per_s;
	return cause_pace > 0 && pace >= PACE_LEAST * cause_pace && pace <= PACE_MOST * cause_pace;
}

/** The largest row of @p kind, when all of that kind together have EXPLAINED of the rate. */
static const struct ul_growth_row *sum_explains(const struct rows *rows, enum ul_kind kind,
						const struct ul_growth_row *row)
{
	const struct ul_growth_row *largest = NULL;
	double sum = 0;
	for (size_t i = 0; i < rows->len; i++) {
		const struct ul_growth_row *other = &rows->data[i];
		if (other->series->kind != kind || other == row || is_dying(other) ||
		    other->growth.bytes_per_s > TOO_MUCH * row->growth.bytes_per_s)
			continue;
		sum += other->growth.bytes_per_s;
		if (!largest || other->growth.bytes_per_s > largest->growth.bytes_per_s)
			largest = other;
	}
	return sum >= EXPLAINED * row->growth.bytes_per_s ? largest : NULL;
}

/** A row of the same process and of @p kind at this one's rate. */
static const struct ul_growth_row *same_process(const struct rows *rows, enum ul_kind kind,
						const struct ul_growth_row *row)
{
	for (size_t i = 0; i < rows->len; i++) {
		const struct ul_growth_row *other = &rows->data[i];
		if (other->series->kind == kind &&
		    !strcmp(other->series->name, row->series->name) && rate_fits(other, row))
			return other;
	}
	return NULL;
}

/** Descriptors or removed cgroups at the pace of the cache's objects. */
static const struct ul_growth_row *pace_explains(const struct rows *rows,
						 const struct ul_growth_row *row)
{
	for (size_t i = 0; i < rows->len; i++) {
		const struct ul_growth_row *other = &rows->data[i];
		if ((other->series->kind == UL_KIND_PROCESS_FDS || is_dying(other)) &&
		    pace_fits(other, row))
			return other;
	}
	return NULL;
}

static bool is_below(const char *path, const char *parent)
{
	const size_t len = strlen(parent);
	return !strncmp(path, parent, len) && path[len] == '/';
}

/** Sums that a cgroup has its part of: it explains them, not they it. */
static bool is_sum(enum ul_kind kind)
{
	return kind == UL_KIND_ANON || kind == UL_KIND_PAGE_TABLES ||
	       kind == UL_KIND_KERNEL_STACK || kind == UL_KIND_PERCPU ||
	       kind == UL_KIND_UNACCOUNTED || kind == UL_KIND_CGROUP || kind == UL_KIND_NOTE;
}

static const struct ul_growth_row *cgroup_cause(const struct rows *rows,
						const struct ul_growth_row *row)
{
	for (size_t i = 0; i < rows->len; i++) {
		const struct ul_growth_row *other = &rows->data[i];
		const bool below = other->series->kind == UL_KIND_CGROUP &&
				   is_below(other->series->name, row->series->name);
		if ((below || !is_sum(other->series->kind)) && rate_fits(other, row))
			return other;
	}
	return sum_explains(rows, UL_KIND_PROCESS, row);
}

static const struct ul_growth_row *first_of(const struct rows *rows, const enum ul_kind *kinds,
					    size_t len, const struct ul_growth_row *row)
{
	const struct ul_growth_row *cause = NULL;
	for (size_t i = 0; i < len && !cause; i++)
		cause = sum_explains(rows, kinds[i], row);
	return cause;
}

static const struct ul_growth_row *any_dying(const struct rows *rows)
{
	for (size_t i = 0; i < rows->len; i++)
		if (is_dying(&rows->data[i]))
			return &rows->data[i];
	return NULL;
}

static const struct ul_growth_row *cause_of(const struct rows *rows,
					    const struct ul_growth_row *row)
{
	static const enum ul_kind of_anon[] = {UL_KIND_PROCESS, UL_KIND_CGROUP};
	static const enum ul_kind of_shmem[] = {UL_KIND_PROCESS, UL_KIND_PROCESS_FILES};
	static const enum ul_kind of_tables[] = {UL_KIND_PROCESS_TABLES};
	switch (row->series->kind) {
	case UL_KIND_ANON:
		return first_of(rows, of_anon, UL_ARRAY_LEN(of_anon), row);
	case UL_KIND_SHMEM:
		return first_of(rows, of_shmem, UL_ARRAY_LEN(of_shmem), row);
	case UL_KIND_PAGE_TABLES:
		return first_of(rows, of_tables, UL_ARRAY_LEN(of_tables), row);
	case UL_KIND_PROCESS:
		return same_process(rows, UL_KIND_PROCESS_TABLES, row);
	case UL_KIND_PROCESS_FILES:
		return same_process(rows, UL_KIND_PROCESS, row);
	case UL_KIND_SLAB:
		return pace_explains(rows, row);
	case UL_KIND_PERCPU:
		return any_dying(rows);
	case UL_KIND_CGROUP:
		return is_dying(row) ? NULL : cgroup_cause(rows, row);
	case UL_KIND_FREE:
	case UL_KIND_FILE:
	case UL_KIND_KERNEL_STACK:
	case UL_KIND_VMALLOC:
	case UL_KIND_HUGETLB:
	case UL_KIND_KERNEL_OTHER:
	case UL_KIND_UNACCOUNTED:
	case UL_KIND_NOTE:
	case UL_KIND_COMPRESSED:
	case UL_KIND_PROCESS_FDS:
	case UL_KIND_PROCESS_TABLES:
		break;
	}
	return NULL;
}

/** Row of that series among the leak-like ones. */
static const struct ul_growth_row *row_of(const struct rows *rows, const struct ul_series *series)
{
	for (size_t i = 0; i < rows->len; i++)
		if (rows->data[i].series == series)
			return &rows->data[i];
	return NULL;
}

/** Follow the causes to the first; a circle (which the table does not have) ends somewhere. */
static void resolve(const struct rows *rows, struct ul_growth_row *row)
{
	for (size_t hops = 0; hops < rows->len && row->part_of; hops++) {
		const struct ul_growth_row *cause = row_of(rows, row->part_of);
		if (!cause || !cause->part_of || cause->part_of == row->series)
			return;
		row->part_of = cause->part_of;
	}
}

struct ul_error *ul_growth_order(struct ul_growth_report *report)
{
	struct rows rows = {.data = report->rows.data};
	while (rows.len < report->rows.len && rows.len < ROWS_MAX &&
	       rows.data[rows.len].growth.verdict == UL_GROWTH_LEAK_LIKE)
		rows.len++;
	for (size_t i = 0; i < rows.len; i++) {
		const struct ul_growth_row *cause = cause_of(&rows, &rows.data[i]);
		rows.data[i].part_of = cause ? cause->series : NULL;
	}
	for (size_t i = 0; i < rows.len; i++)
		resolve(&rows, &rows.data[i]);
	UL_CLEANUP_FREE struct ul_growth_row *sorted =
		reallocarray(NULL, rows.len ? rows.len : 1, sizeof(*sorted));
	if (!sorted)
		return &ul_enomem;
	size_t at = 0;
	for (size_t i = 0; i < rows.len; i++) {
		if (rows.data[i].part_of)
			continue;
		sorted[at++] = rows.data[i];
		for (size_t k = 0; k < rows.len; k++)
			if (rows.data[k].part_of == rows.data[i].series)
				sorted[at++] = rows.data[k];
	}
	if (at == rows.len && at)
		memcpy(rows.data, sorted, at * sizeof(*sorted));
	return NULL;
}
