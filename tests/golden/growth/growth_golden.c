// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Verdicts on series recorded on a real machine, against what is known of them. A .series file
 * holds lines "series KIND kept|reclaimable NAME", each followed by its samples, "MILLISECONDS
 * BYTES OBJECTS" (-1: none); an .expect file a line "VERDICT NAME LEAST MOST" for each, slopes in
 * KiB/s. Usage: growth_golden FILE.series FILE.expect
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/growth.h"

static struct ul_error *read_series(FILE *file, struct ul_series_set *set)
{
	char line[256];
	struct ul_series *series = NULL;
	while (fgets(line, sizeof(line), file)) {
		char kind_name[32];
		char state[16];
		char name[64];
		long long time_ms;
		long long bytes;
		long long objects;
		enum ul_kind kind;
		if (sscanf(line, "series %31s %15s %63s", kind_name, state, name) == 3 &&
		    ul_kind_parse(kind_name, &kind)) {
			UL_TRY(ul_series_set_get(set, kind, name, &series));
			series->reclaimable = !strcmp(state, "reclaimable");
		} else if (series &&
			   sscanf(line, "%lld %lld %lld", &time_ms, &bytes, &objects) == 3) {
			UL_TRY(ul_series_add(series, time_ms * 1000000, bytes, objects));
		} else {
			return ul_error_new(UL_ERR_BAD_DATA, "not a series line: %s", line);
		}
	}
	return NULL;
}

/** One line of the .expect file against the report. */
static bool meets(const char *line, const struct ul_growth_report *report)
{
	char verdict[16];
	char name[64];
	double low;
	double high;
	if (sscanf(line, "%15s %63s %lf %lf", verdict, name, &low, &high) != 4)
		return false;
	ul_vec_foreach (row, &report->rows) {
		const double kib_per_s = row->growth.bytes_per_s / 1024;
		if (!strcmp(row->series->name, name))
			return !strcmp(ul_growth_verdict_name(row->growth.verdict), verdict) &&
			       kib_per_s >= low && kib_per_s <= high;
	}
	return false;
}

static void print(const struct ul_growth_report *report)
{
	ul_vec_foreach (row, &report->rows)
		printf("%-9s %-16s %7.1f KiB/s %6.1f objects/s\n",
		       ul_growth_verdict_name(row->growth.verdict), row->series->name,
		       row->growth.bytes_per_s / 1024, row->growth.objects_per_s);
}

static struct ul_error *run(FILE *series, FILE *expect)
{
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	UL_CLEANUP_GROWTH_REPORT struct ul_growth_report report = {0};
	if (!set)
		return &ul_enomem;
	UL_TRY(read_series(series, set));
	UL_TRY(ul_growth_report(set, &report));
	print(&report);
	char line[256];
	size_t expected = 0;
	while (fgets(line, sizeof(line), expect)) {
		if (line[0] == '#')
			continue;
		if (!meets(line, &report))
			return ul_error_new(UL_ERR_BAD_DATA, "expected: %s", line);
		expected++;
	}
	if (expected != report.rows.len)
		return ul_error_new(UL_ERR_BAD_DATA, "%zu series, %zu expected", report.rows.len,
				    expected);
	return NULL;
}

int main(int argc, char **argv)
{
	UL_CLEANUP_FCLOSE FILE *series = argc == 3 ? fopen(argv[1], "r") : NULL;
	UL_CLEANUP_FCLOSE FILE *expect = argc == 3 ? fopen(argv[2], "r") : NULL;
	if (!series || !expect)
		return EXIT_FAILURE;
	UL_CLEANUP_ERROR struct ul_error *error = run(series, expect);
	if (error)
		fprintf(stderr, "%s\n", error->message);
	return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
