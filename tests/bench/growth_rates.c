// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prints the tables of docs/method/growth.md: how often each family of series without a
 * leak is called leak-like, how often leaks of several sizes are found and how far their slope is
 * off, and what it costs. Usage: growth_rates [SERIES-PER-FAMILY [HOLE]]
 * HOLE: share of the window, from a fifth of it on, in which no samples are taken; "thinned": four
 * days as record keeps them, only these.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analysis/growth.h"
#include "analysis/growth_families.h"

static const struct ul_family_frame frames[] = {{.samples = 120, .window_s = 30},
						{.samples = 30, .window_s = 30},
						{.samples = 300, .window_s = 300}};
static const double HOLE_BEGINS = 0.2;
enum { THINNED_SAMPLES = 345601 }; // more than UL_FAMILY_SAMPLES
/* Four days at 1 Hz. */
static const struct ul_family_frame thinned_frame = {
	.samples = THINNED_SAMPLES, .window_s = 4 * 86400, .thinned = true};
static const double leaks[] = {4, 8, 16, 32, 64, 128, 512};

static struct ul_series *make_series(struct ul_series_set *set, const char *name)
{
	struct ul_series *series = NULL;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_series_set_get(set, UL_KIND_SLAB, name, &series);
	if (error)
		exit(EXIT_FAILURE);
	return series;
}

/** One in ten minutes, after a day one a minute, the last six hours all. */
static bool is_thinned_out(size_t i, double place)
{
	const size_t apart = place < 0.25 ? 600 : place < 0.9375 ? 60 : 1;
	return i % apart != 0;
}

static void fill(struct ul_series *series, struct ul_random *random, const struct ul_family *family,
		 const struct ul_family_frame *frame, double pages)
{
	static int64_t bytes[THINNED_SAMPLES];
	family->fill(random, frame, pages, bytes);
	series->samples.len = 0;
	for (size_t i = 0; i < frame->samples; i++) {
		const double place = (double)i / (double)(frame->samples - 1);
		const int64_t time_ns = (int64_t)(frame->window_s * 1e9 * place);
		if (place > HOLE_BEGINS && place < HOLE_BEGINS + frame->hole)
			continue;
		if (frame->thinned && is_thinned_out(i, place))
			continue;
		UL_CLEANUP_ERROR struct ul_error *error =
			ul_series_add(series, time_ns, bytes[i], -1);
		if (error)
			exit(EXIT_FAILURE);
	}
}

static struct ul_growth analyse(const struct ul_series *series)
{
	struct ul_growth growth = {0};
	UL_CLEANUP_ERROR struct ul_error *error = ul_growth_analyse(series, &growth);
	if (error)
		exit(EXIT_FAILURE);
	return growth;
}

static void leak_free(struct ul_series *series, const struct ul_family *families, size_t len,
		      const struct ul_family_frame *frame, int count)
{
	printf("| family | leak-like | step | flat |\n|---|---:|---:|---:|\n");
	int all = 0;
	for (size_t family = 0; family < len; family++) {
		struct ul_random random = {.state = 1 + family};
		int verdicts[UL_GROWTH_LEAK_LIKE + 1] = {0};
		for (int i = 0; i < count; i++) {
			fill(series, &random, &families[family], frame, 0);
			verdicts[analyse(series).verdict]++;
		}
		all += verdicts[UL_GROWTH_LEAK_LIKE];
		printf("| %s | %.2f %% | %.1f %% | %.1f %% |\n", families[family].name,
		       100.0 * verdicts[UL_GROWTH_LEAK_LIKE] / count,
		       100.0 * verdicts[UL_GROWTH_STEP] / count,
		       100.0 * verdicts[UL_GROWTH_FLAT] / count);
	}
	printf("| all | %.3f %% | | |\n", 100.0 * all / count / (double)len);
}

static void innocent(struct ul_series *series, const struct ul_family_frame *frame, int count)
{
	printf("\nWithout a leak, %zu samples in %.0f s, %d series each:\n\n", frame->samples,
	       frame->window_s, count);
	leak_free(series, ul_families_leak_free, ul_families_leak_free_len, frame, count);
	printf("\nNot to be decided in the window, %zu samples in %.0f s, %d series each:\n\n",
	       frame->samples, frame->window_s, count);
	leak_free(series, ul_families_undecided, ul_families_undecided_len, frame, count);
}

static int ascending(const void *left, const void *right)
{
	const double a = *(const double *)left;
	const double b = *(const double *)right;
	return (a > b) - (a < b);
}

/** Share found, and the median of measured over true slope of those found. */
static void leak_cell(struct ul_series *series, const struct ul_family *family,
		      const struct ul_family_frame *frame, double pages, int count, double *ratios)
{
	struct ul_random random = {.state = 1000 + (uint64_t)pages};
	const double truth = pages * 4096 / frame->window_s;
	size_t found = 0;
	for (int i = 0; i < count; i++) {
		fill(series, &random, family, frame, pages);
		const struct ul_growth growth = analyse(series);
		if (growth.verdict == UL_GROWTH_LEAK_LIKE)
			ratios[found++] = growth.bytes_per_s / truth;
	}
	qsort(ratios, found, sizeof(*ratios), ascending);
	if (found)
		printf(" %.1f %% (%.2f) |", 100.0 * (double)found / count, ratios[found / 2]);
	else
		printf(" 0 |");
}

static void leaking(struct ul_series *series, const struct ul_family_frame *frame, int count)
{
	UL_CLEANUP_FREE double *ratios = calloc((size_t)count, sizeof(*ratios));
	if (!ratios)
		exit(EXIT_FAILURE);
	printf("\nFound, by pages leaked in the window, %zu samples in %.0f s, %d series each (in "
	       "brackets: median of measured over true slope):\n\n| family |",
	       frame->samples, frame->window_s, count);
	for (size_t i = 0; i < UL_ARRAY_LEN(leaks); i++)
		printf(" %.0f |", leaks[i]);
	printf("\n|---|");
	for (size_t i = 0; i < UL_ARRAY_LEN(leaks); i++)
		printf("---:|");
	for (size_t family = 0; family < ul_families_leak_len; family++) {
		printf("\n| %s |", ul_families_leak[family].name);
		for (size_t i = 0; i < UL_ARRAY_LEN(leaks); i++)
			leak_cell(series, &ul_families_leak[family], frame, leaks[i], count,
				  ratios);
	}
	printf("\n");
}

/** Cost of a report over @p count series of which every one moves. */
static void cost(size_t count, const struct ul_family_frame *frame)
{
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	struct ul_random random = {.state = 7};
	if (!set)
		exit(EXIT_FAILURE);
	for (size_t i = 0; i < count; i++) {
		char name[32];
		snprintf(name, sizeof(name), "%zu", i);
		const size_t family = i % (ul_families_leak_free_len + ul_families_leak_len);
		const bool leak = family >= ul_families_leak_free_len;
		fill(make_series(set, name), &random,
		     leak ? &ul_families_leak[family - ul_families_leak_free_len]
			  : &ul_families_leak_free[family],
		     frame, 64);
	}
	struct timespec begin;
	struct timespec end;
	UL_CLEANUP_GROWTH_REPORT struct ul_growth_report report = {0};
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	UL_CLEANUP_ERROR struct ul_error *error = ul_growth_report(set, &report);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	if (error)
		exit(EXIT_FAILURE);
	printf("\n%zu series of %zu samples: %.1f ms\n", count, frame->samples,
	       (double)(end.tv_sec - begin.tv_sec) * 1e3 +
		       (double)(end.tv_nsec - begin.tv_nsec) / 1e6);
}

int main(int argc, char **argv)
{
	const int count = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 10000;
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	if (!set || count < 1)
		return EXIT_FAILURE;
	struct ul_series *series = make_series(set, "synthetic");
	if (argc > 2 && !strcmp(argv[2], "thinned")) {
		innocent(series, &thinned_frame, count);
		leaking(series, &thinned_frame, count / 10 + 1);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < UL_ARRAY_LEN(frames); i++) {
		struct ul_family_frame frame = frames[i];
		frame.hole = argc > 2 ? strtod(argv[2], NULL) : 0;
		innocent(series, &frame, count);
		leaking(series, &frame, count / 10 + 1);
	}
	cost(500, &frames[0]);
	cost(100000, &frames[1]);
	return EXIT_SUCCESS;
}
