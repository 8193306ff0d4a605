// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "analysis/growth.h"
#include "analysis/growth_families.h"

enum { PAGE = 4096 };

static struct ul_series *get(struct ul_series_set *set, enum ul_kind kind, const char *name)
{
	struct ul_series *series = NULL;
	assert_null(ul_series_set_get(set, kind, name, &series));
	return series;
}

/** Samples four times a second. */
static void fill(struct ul_series *series, const int64_t *pages, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_null(ul_series_add(series, (int64_t)i * 250000000, pages[i] * PAGE, -1));
}

/** Growth of a slab account of these pages. */
static struct ul_growth growth_of(const int64_t *pages, size_t count)
{
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	struct ul_series *series = get(set, UL_KIND_SLAB, "kmalloc-4k");
	fill(series, pages, count);
	struct ul_growth growth;
	assert_null(ul_growth_analyse(series, &growth));
	return growth;
}

static void assert_verdict(const struct ul_growth *growth, enum ul_growth_verdict expected)
{
	if (growth->verdict != expected)
		fail_msg("%s is not %s (slope %g, %g to %g)",
			 ul_growth_verdict_name(growth->verdict), ul_growth_verdict_name(expected),
			 growth->bytes_per_s, growth->low, growth->high);
}

static void a_line_to_the_end_is_leak_like(void **state)
{
	(void)state;
	int64_t pages[120];
	for (int i = 0; i < 120; i++)
		pages[i] = 1000 + 2 * i;
	const struct ul_growth growth = growth_of(pages, 120);
	assert_verdict(&growth, UL_GROWTH_LEAK_LIKE);
	// Two pages every quarter of a second.
	assert_true(fabs(growth.bytes_per_s - 8 * PAGE) < 1);
	assert_true(fabs(growth.recent_bytes_per_s - 8 * PAGE) < 1);
	assert_true(growth.low > 0 && growth.low <= growth.bytes_per_s);
	assert_true(growth.high >= growth.bytes_per_s);
	assert_int_equal(growth.first, 1000 * PAGE);
	assert_int_equal(growth.last, 1238 * PAGE);
	assert_int_equal(growth.samples, 120);
	assert_true(fabs(growth.window_s - 29.75) < 1e-9);
	assert_true(growth.score > 0.5 && growth.score <= 1);
}

static void a_staircase_of_four_slabs_is_leak_like(void **state)
{
	(void)state;
	int64_t pages[120];
	for (int i = 0; i < 120; i++)
		pages[i] = 1000 + 8 * ((i + 10) / 30);
	const struct ul_growth growth = growth_of(pages, 120);
	assert_verdict(&growth, UL_GROWTH_LEAK_LIKE);
	// Eight pages in 7.5 s.
	assert_true(fabs(growth.bytes_per_s / (8 * PAGE / 7.5) - 1) < 0.15);
}

static void two_steps_are_not_enough(void **state)
{
	(void)state;
	int64_t pages[120];
	for (int i = 0; i < 120; i++)
		pages[i] = 1000 + 8 * ((i + 20) / 60);
	const struct ul_growth growth = growth_of(pages, 120);
	assert_true(growth.verdict != UL_GROWTH_LEAK_LIKE);
}

static void a_jump_is_a_step(void **state)
{
	(void)state;
	int64_t pages[120];
	for (int i = 0; i < 120; i++)
		pages[i] = i < 55 ? 1000 : 5000;
	const struct ul_growth growth = growth_of(pages, 120);
	assert_verdict(&growth, UL_GROWTH_STEP);
}

static void a_cache_that_fills_and_stops_is_a_step(void **state)
{
	(void)state;
	int64_t pages[120];
	for (int i = 0; i < 120; i++)
		pages[i] = 1000 + 5 * (i < 85 ? i : 85);
	const struct ul_growth growth = growth_of(pages, 120);
	assert_verdict(&growth, UL_GROWTH_STEP);
	assert_true(fabs(growth.recent_bytes_per_s) < PAGE);
}

static void warm_up_that_slows_down_is_a_step(void **state)
{
	(void)state;
	int64_t pages[120];
	for (int i = 0; i < 120; i++)
		pages[i] = 1000 + (int64_t)(5000 * (1 - exp(-i / 35.0)));
	const struct ul_growth growth = growth_of(pages, 120);
	assert_verdict(&growth, UL_GROWTH_STEP);
}

static void warm_up_before_a_leak_does_not_hide_it(void **state)
{
	(void)state;
	int64_t pages[120];
	for (int i = 0; i < 120; i++)
		pages[i] = (i < 20 ? 100 * i : 2000) + i;
	const struct ul_growth growth = growth_of(pages, 120);
	assert_verdict(&growth, UL_GROWTH_LEAK_LIKE);
	assert_true(fabs(growth.bytes_per_s / (4 * PAGE) - 1) < 0.05);
}

static void a_pause_in_the_sampling_is_no_slowing_down(void **state)
{
	(void)state;
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	struct ul_series *series = get(set, UL_KIND_UNACCOUNTED, "unaccounted");
	// A line of 50 pages a second for 46 s, of which 15 s are not sampled: what is loaded then.
	for (int i = 0; i < 46 * 4; i++)
		if (i < 13 * 4 || i >= 28 * 4)
			assert_null(ul_series_add(series, (int64_t)i * 250000000,
						  (1000 + (int64_t)i * 50 / 4) * PAGE, -1));
	struct ul_growth growth;
	assert_null(ul_growth_analyse(series, &growth));
	assert_verdict(&growth, UL_GROWTH_LEAK_LIKE);
	// Judged whole, not by its last 60 %: the interval is of all of it.
	assert_true(growth.score > 0.8);
}

/** Ten seconds of samples, a hole of seventy, twenty seconds more: pages at second @p s. */
static struct ul_growth growth_with_a_hole(int64_t (*pages)(double s))
{
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	struct ul_series *series = get(set, UL_KIND_SLAB, "kmalloc-4k");
	for (int i = 0; i < 120; i++) {
		const double s = i * 0.25 + (i < 40 ? 0 : 70);
		assert_null(ul_series_add(series, (int64_t)(s * 1e9), pages(s) * PAGE, -1));
	}
	struct ul_growth growth;
	assert_null(ul_growth_analyse(series, &growth));
	return growth;
}

static int64_t steady(double s)
{
	return 1000 + (int64_t)(10 * s);
}

static int64_t faster_at_first(double s)
{
	return 1000 + (int64_t)(s < 10 ? 20 * s : 200 + 10 * (s - 10));
}

static int64_t jump_in_the_hole(double s)
{
	return s < 40 ? 1000 : 2000;
}

static int64_t jump_and_a_little(double s)
{
	return jump_in_the_hole(s) + (int64_t)s;
}

static int64_t fills_in_the_hole(double s)
{
	return 1000 + (int64_t)(s < 60 ? 10 * s : 600);
}

static void growth_while_nobody_looked_is_no_step(void **state)
{
	(void)state;
	struct ul_growth growth = growth_with_a_hole(steady);
	assert_verdict(&growth, UL_GROWTH_LEAK_LIKE);
	growth = growth_with_a_hole(faster_at_first);
	assert_verdict(&growth, UL_GROWTH_LEAK_LIKE);
	growth = growth_with_a_hole(jump_in_the_hole);
	assert_verdict(&growth, UL_GROWTH_STEP);
	// What goes on behind the jump is its own: judged by the tail, without the jump.
	growth = growth_with_a_hole(jump_and_a_little);
	assert_verdict(&growth, UL_GROWTH_LEAK_LIKE);
	assert_true(fabs(growth.bytes_per_s / PAGE - 1) < 0.05);
	growth = growth_with_a_hole(fills_in_the_hole);
	assert_verdict(&growth, UL_GROWTH_STEP);
}

/** Thirty seconds of samples, and one behind a hole of seventy. */
static struct ul_growth growth_with_a_late_sample(int64_t last_pages)
{
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	struct ul_series *series = get(set, UL_KIND_SLAB, "kmalloc-4k");
	for (int i = 0; i < 120; i++)
		assert_null(ul_series_add(series, i * (int64_t)25e7, steady(i * 0.25) * PAGE, -1));
	assert_null(ul_series_add(series, (int64_t)100e9, last_pages * PAGE, -1));
	struct ul_growth growth;
	assert_null(ul_growth_analyse(series, &growth));
	return growth;
}

static void a_hole_in_which_nothing_grew_is_silence(void **state)
{
	(void)state;
	struct ul_growth growth = growth_with_a_late_sample(steady(100));
	assert_verdict(&growth, UL_GROWTH_LEAK_LIKE);
	growth = growth_with_a_late_sample(steady(30));
	assert_verdict(&growth, UL_GROWTH_STEP);
	// Stopped soon after the hole began.
	growth = growth_with_a_late_sample(steady(45));
	assert_verdict(&growth, UL_GROWTH_STEP);
}

/** A day of samples every ten minutes but at night, from ten to six: pages at hour @p h. */
static struct ul_growth growth_without_nights(int days, int64_t (*pages)(double h))
{
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	struct ul_series *series = get(set, UL_KIND_SLAB, "kmalloc-4k");
	for (int i = 0; i < days * 144; i++) {
		const double h = i / 6.0;
		const double of_day = fmod(h, 24);
		if (of_day >= 6 && of_day < 22)
			assert_null(ul_series_add(series, i * (int64_t)600e9, pages(h) * PAGE, -1));
	}
	struct ul_growth growth;
	assert_null(ul_growth_analyse(series, &growth));
	return growth;
}

static int64_t fills_by_the_first_noon(double h)
{
	return 1000 + (int64_t)(50 * fmin(h, 12));
}

static int64_t grows_by_day_and_is_gone_by_morning(double h)
{
	return 1000 + (int64_t)(100 * fmod(h, 24));
}

static int64_t grows_by_day_and_stays(double h)
{
	const double day = floor(h / 24);
	return 1000 + (int64_t)(100 * (day * 16 + fmin(16, fmod(h, 24) - 6)));
}

static void nights_without_samples_do_not_mislead(void **state)
{
	(void)state;
	for (int days = 2; days <= 5; days++) {
		struct ul_growth growth = growth_without_nights(days, steady);
		assert_verdict(&growth, UL_GROWTH_LEAK_LIKE);
		growth = growth_without_nights(days, fills_by_the_first_noon);
		assert_verdict(&growth, UL_GROWTH_STEP);
		growth = growth_without_nights(days, grows_by_day_and_stays);
		assert_verdict(&growth, UL_GROWTH_LEAK_LIKE);
		growth = growth_without_nights(days, grows_by_day_and_is_gone_by_morning);
		assert_int_not_equal(growth.verdict, UL_GROWTH_LEAK_LIKE);
	}
}

static void a_sawtooth_is_flat_unless_its_floor_rises(void **state)
{
	(void)state;
	int64_t pages[120];
	for (int i = 0; i < 120; i++)
		pages[i] = 1000 + 10 * (i % 14);
	struct ul_growth growth = growth_of(pages, 120);
	assert_verdict(&growth, UL_GROWTH_FLAT);
	for (int i = 0; i < 120; i++)
		pages[i] += i;
	growth = growth_of(pages, 120);
	assert_verdict(&growth, UL_GROWTH_LEAK_LIKE);
}

static void a_few_pages_are_flat(void **state)
{
	(void)state;
	int64_t pages[120];
	for (int i = 0; i < 120; i++)
		pages[i] = 1000 + i / 40;
	const struct ul_growth growth = growth_of(pages, 120);
	assert_verdict(&growth, UL_GROWTH_FLAT);
	assert_true(growth.score <= 0);
}

static void shrinking_is_flat(void **state)
{
	(void)state;
	int64_t pages[120];
	for (int i = 0; i < 120; i++)
		pages[i] = 10000 - 3 * i;
	const struct ul_growth growth = growth_of(pages, 120);
	assert_verdict(&growth, UL_GROWTH_FLAT);
	assert_true(growth.bytes_per_s < 0);
	assert_true(growth.high < 0);
}

static void a_constant_is_flat_with_slope_zero(void **state)
{
	(void)state;
	int64_t pages[10] = {7, 7, 7, 7, 7, 7, 7, 7, 7, 7};
	const struct ul_growth growth = growth_of(pages, 10);
	assert_verdict(&growth, UL_GROWTH_FLAT);
	assert_true(growth.bytes_per_s == 0 && growth.low == 0 && growth.high == 0);
}

static void few_samples_or_little_time_are_too_short(void **state)
{
	(void)state;
	int64_t pages[5] = {1, 100, 200, 300, 400};
	for (size_t count = 0; count <= 5; count++) {
		const struct ul_growth growth = growth_of(pages, count);
		assert_verdict(&growth, UL_GROWTH_TOO_SHORT);
		assert_int_equal(growth.samples, count);
	}
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	struct ul_series *series = get(set, UL_KIND_SLAB, "quick");
	for (int i = 0; i < 100; i++)
		assert_null(ul_series_add(series, i * 1000000, i * PAGE, -1));
	struct ul_growth growth;
	assert_null(ul_growth_analyse(series, &growth));
	assert_verdict(&growth, UL_GROWTH_TOO_SHORT);
}

static void six_rising_samples_are_leak_like(void **state)
{
	(void)state;
	const int64_t pages[6] = {100, 140, 170, 220, 250, 300};
	const struct ul_growth growth = growth_of(pages, 6);
	assert_verdict(&growth, UL_GROWTH_LEAK_LIKE);
}

static enum ul_growth_verdict verdict_for(enum ul_kind kind, bool reclaimable)
{
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	struct ul_series *series = get(set, kind, "account");
	series->reclaimable = reclaimable;
	for (int i = 0; i < 120; i++)
		assert_null(ul_series_add(series, i * 250000000LL, (1000 + 3 * i) * PAGE, -1));
	struct ul_growth growth;
	assert_null(ul_growth_analyse(series, &growth));
	return growth.verdict;
}

static void the_kind_of_account_decides_what_growth_means(void **state)
{
	(void)state;
	assert_int_equal(verdict_for(UL_KIND_FREE, false), UL_GROWTH_FLAT);
	assert_int_equal(verdict_for(UL_KIND_FILE, false), UL_GROWTH_FILLING);
	assert_int_equal(verdict_for(UL_KIND_SLAB, true), UL_GROWTH_FILLING);
	assert_int_equal(verdict_for(UL_KIND_COMPRESSED, false), UL_GROWTH_FILLING);
	assert_int_equal(verdict_for(UL_KIND_SLAB, false), UL_GROWTH_LEAK_LIKE);
	assert_int_equal(verdict_for(UL_KIND_ANON, false), UL_GROWTH_LEAK_LIKE);
	assert_int_equal(verdict_for(UL_KIND_SHMEM, false), UL_GROWTH_LEAK_LIKE);
	assert_int_equal(verdict_for(UL_KIND_PERCPU, false), UL_GROWTH_LEAK_LIKE);
	assert_int_equal(verdict_for(UL_KIND_UNACCOUNTED, false), UL_GROWTH_LEAK_LIKE);
	assert_int_equal(verdict_for(UL_KIND_PROCESS, false), UL_GROWTH_LEAK_LIKE);
}

static void objects_have_a_slope_of_their_own(void **state)
{
	(void)state;
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	struct ul_series *series = get(set, UL_KIND_SLAB, "filp");
	for (int i = 0; i < 60; i++)
		assert_null(ul_series_add(series, i * 1000000000LL, 100 * PAGE, 500 + 16 * i));
	struct ul_growth growth;
	assert_null(ul_growth_analyse(series, &growth));
	assert_verdict(&growth, UL_GROWTH_FLAT);
	assert_true(fabs(growth.objects_per_s - 16) < 1e-6);
}

static void a_day_at_one_hertz_is_thinned_and_found(void **state)
{
	(void)state;
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	struct ul_series *series = get(set, UL_KIND_UNACCOUNTED, "unaccounted");
	struct ul_random random = {.state = 9};
	for (int64_t i = 0; i < 86400; i++) {
		// 100 bytes a second under noise of up to 64 pages.
		const int64_t noise = (int64_t)(64 * ul_random_unit(&random)) * PAGE;
		assert_null(ul_series_add(series, i * 1000000000, i * 100 + noise, -1));
	}
	struct ul_growth growth;
	assert_null(ul_growth_analyse(series, &growth));
	assert_verdict(&growth, UL_GROWTH_LEAK_LIKE);
	assert_true(fabs(growth.bytes_per_s - 100) < 3);
	assert_true(growth.low < 100 && growth.high > 100);
}

/** As record keeps it: ten minutes apart, from three days ago on one, from six hours ago on 1 s. */
static struct ul_growth growth_of_a_recording(double days, double (*pages)(double days_ago))
{
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	struct ul_series *series = get(set, UL_KIND_UNACCOUNTED, "unaccounted");
	const int64_t last = (int64_t)(days * 86400);
	for (int64_t s = 0; s <= last; s++) {
		const int64_t ago = last - s;
		const int64_t apart = ago > 3 * 86400 ? 600 : ago > 6 * 3600 ? 60 : 1;
		const double now = 20000 + pages((double)ago / 86400);
		if (s % apart == 0)
			assert_null(ul_series_add(series, s * 1000000000, (int64_t)now * PAGE, -1));
	}
	struct ul_growth growth;
	assert_null(ul_growth_analyse(series, &growth));
	return growth;
}

static double daily_wave_that_rises_now(double days_ago)
{
	return 1000 * sin(-6.283185307 * days_ago);
}

static double saturates(double days_ago)
{
	return 60000 * (1 - exp(days_ago - 4));
}

static double leaks_for_weeks(double days_ago)
{
	return -10 * days_ago + 100 * sin(6.283185307 * 8 * days_ago);
}

static double leaks_since_yesterday(double days_ago)
{
	return 50 * sin(6.283185307 * 8 * days_ago) + 1000 * fmax(0, 1 - days_ago);
}

static double leaks_for_four_hours(double days_ago)
{
	return 50 * sin(6.283185307 * 8 * days_ago) + 10000 * fmax(0, 4.0 / 24 - days_ago);
}

static void the_thinned_part_of_a_recording_counts_by_its_time(void **state)
{
	(void)state;
	struct ul_growth growth = growth_of_a_recording(4, daily_wave_that_rises_now);
	assert_verdict(&growth, UL_GROWTH_FLAT);
	growth = growth_of_a_recording(30, daily_wave_that_rises_now);
	assert_verdict(&growth, UL_GROWTH_FLAT);
	growth = growth_of_a_recording(4, saturates);
	assert_verdict(&growth, UL_GROWTH_STEP);
	growth = growth_of_a_recording(30, leaks_for_weeks);
	assert_verdict(&growth, UL_GROWTH_LEAK_LIKE);
	assert_true(fabs(growth.bytes_per_s * 86400 / PAGE - 10) < 1);
}

static void a_leak_that_has_begun_of_late_is_found_in_a_long_recording(void **state)
{
	(void)state;
	struct ul_growth growth = growth_of_a_recording(4, leaks_since_yesterday);
	assert_verdict(&growth, UL_GROWTH_LEAK_LIKE);
	growth = growth_of_a_recording(30, leaks_since_yesterday);
	assert_verdict(&growth, UL_GROWTH_LEAK_LIKE);
	growth = growth_of_a_recording(4, leaks_for_four_hours);
	assert_verdict(&growth, UL_GROWTH_LEAK_LIKE);
	assert_true(fabs(growth.bytes_per_s * 86400 / PAGE / 10000 - 1) < 0.1);
	growth = growth_of_a_recording(30, leaks_for_four_hours);
	assert_verdict(&growth, UL_GROWTH_LEAK_LIKE);
}

static void a_few_samples_far_apart_before_many_are_no_trouble(void **state)
{
	(void)state;
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	struct ul_series *series = get(set, UL_KIND_UNACCOUNTED, "unaccounted");
	assert_null(ul_series_add(series, 0, 0, -1));
	assert_null(ul_series_add(series, 989 * (int64_t)1e9, PAGE, -1));
	for (int64_t i = 0; i < 2000; i++)
		assert_null(ul_series_add(series, 999 * (int64_t)1e9 + i * 500000, i * PAGE, -1));
	struct ul_growth growth;
	assert_null(ul_growth_analyse(series, &growth));
	assert_true(isfinite(growth.bytes_per_s) && isfinite(growth.recent_bytes_per_s));
}

static void extreme_numbers_give_finite_results(void **state)
{
	(void)state;
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	struct ul_series *series = get(set, UL_KIND_SLAB, "hostile");
	assert_null(ul_series_add(series, INT64_MIN, INT64_MIN, -1));
	for (int64_t i = 1; i < 20; i++)
		assert_null(ul_series_add(series, INT64_MAX - 40 + i, i % 2 ? INT64_MAX : INT64_MIN,
					  INT64_MAX));
	struct ul_growth growth;
	assert_null(ul_growth_analyse(series, &growth));
	assert_true(isfinite(growth.bytes_per_s) && isfinite(growth.low) && isfinite(growth.high));
	assert_true(growth.score >= 0 && growth.score <= 1);
	assert_true(growth.window_s > 1e10);
}

static void the_report_puts_the_most_suspicious_first(void **state)
{
	(void)state;
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	struct ul_series *flat = get(set, UL_KIND_SLAB, "flat");
	struct ul_series *filling = get(set, UL_KIND_FILE, "cached");
	struct ul_series *small = get(set, UL_KIND_SLAB, "small leak");
	struct ul_series *jump = get(set, UL_KIND_SLAB, "jump");
	struct ul_series *big = get(set, UL_KIND_SLAB, "big leak");
	struct ul_series *late = get(set, UL_KIND_PROCESS, "9:9");
	for (int64_t i = 0; i < 60; i++) {
		const int64_t time_ns = i * 500000000;
		assert_null(ul_series_add(flat, time_ns, 50 * PAGE, -1));
		assert_null(ul_series_add(filling, time_ns, 1000 * i * PAGE, -1));
		assert_null(ul_series_add(small, time_ns, (i + i % 3) * PAGE, -1));
		assert_null(ul_series_add(jump, time_ns, (i < 30 ? 0 : 9000) * PAGE, -1));
		assert_null(ul_series_add(big, time_ns, 100 * i * PAGE, -1));
	}
	assert_null(ul_series_add(late, 0, 1, -1));
	UL_CLEANUP_GROWTH_REPORT struct ul_growth_report report;
	assert_null(ul_growth_report(set, &report));
	assert_int_equal(report.rows.len, 6);
	assert_int_equal(report.samples, 60);
	assert_true(fabs(report.window_s - 29.5) < 1e-9);
	const struct ul_series *const expected[] = {big, small, filling, jump, flat, late};
	for (size_t i = 0; i < UL_ARRAY_LEN(expected); i++)
		assert_ptr_equal(report.rows.data[i].series, expected[i]);
}

static void processes_that_came_or_went_are_not_accused(void **state)
{
	(void)state;
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	struct ul_series *stays = get(set, UL_KIND_PROCESS, "1:1");
	struct ul_series *went = get(set, UL_KIND_PROCESS, "2:1");
	struct ul_series *came = get(set, UL_KIND_PROCESS, "3:1");
	struct ul_series *module = get(set, UL_KIND_VMALLOC, "new_caller");
	for (int64_t i = 0; i < 120; i++) {
		const int64_t time_ns = i * 250000000;
		assert_null(ul_series_add(stays, time_ns, 50 * i * PAGE, -1));
		if (i < 90)
			assert_null(ul_series_add(went, time_ns, 50 * i * PAGE, -1));
		if (i >= 80)
			assert_null(ul_series_add(came, time_ns, 50 * i * PAGE, -1));
		if (i >= 80)
			assert_null(ul_series_add(module, time_ns, 50 * i * PAGE, -1));
	}
	UL_CLEANUP_GROWTH_REPORT struct ul_growth_report report;
	assert_null(ul_growth_report(set, &report));
	ul_vec_foreach (row, &report.rows) {
		if (row->series == went)
			assert_verdict(&row->growth, UL_GROWTH_FLAT);
		else if (row->series == came)
			assert_verdict(&row->growth, UL_GROWTH_TOO_SHORT);
		else
			assert_verdict(&row->growth, UL_GROWTH_LEAK_LIKE);
	}
}

static void an_empty_set_gives_an_empty_report(void **state)
{
	(void)state;
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	UL_CLEANUP_GROWTH_REPORT struct ul_growth_report report;
	assert_null(ul_growth_report(set, &report));
	assert_int_equal(report.rows.len, 0);
}

/** How many of @p count series of the family are leak-like. */
static int count_leak_like(const struct ul_family *family, const struct ul_family_frame *frame,
			   double pages, int count)
{
	struct ul_random random = {.state = 4711};
	int64_t bytes[UL_FAMILY_SAMPLES];
	int found = 0;
	for (int n = 0; n < count; n++) {
		UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
		struct ul_series *series = get(set, UL_KIND_SLAB, family->name);
		family->fill(&random, frame, pages, bytes);
		for (size_t i = 0; i < frame->samples; i++)
			assert_null(ul_series_add(series, (int64_t)i * 250000000, bytes[i], -1));
		struct ul_growth growth;
		assert_null(ul_growth_analyse(series, &growth));
		found += growth.verdict == UL_GROWTH_LEAK_LIKE;
	}
	return found;
}

static const struct ul_family_frame half_a_minute = {.samples = 120, .window_s = 29.75};

static void at_most_one_in_a_hundred_innocent_series_is_accused(void **state)
{
	(void)state;
	enum { EACH = 200 };
	int accused = 0;
	for (size_t i = 0; i < ul_families_leak_free_len; i++)
		accused += count_leak_like(&ul_families_leak_free[i], &half_a_minute, 0, EACH);
	assert_true(accused * 100 <= (int)ul_families_leak_free_len * EACH);
}

/** 128 pages in half a minute: 17 KiB/s. */
static void nineteen_of_twenty_leaks_of_17_kib_per_s_are_found(void **state)
{
	(void)state;
	enum { EACH = 100 };
	for (size_t i = 0; i < ul_families_leak_len; i++) {
		const int found = count_leak_like(&ul_families_leak[i], &half_a_minute, 128, EACH);
		if (found * 100 < 95 * EACH)
			fail_msg("%s: %d of %d", ul_families_leak[i].name, found, EACH);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_to_the_end_is_leak_like),
		cmocka_unit_test(a_staircase_of_four_slabs_is_leak_like),
		cmocka_unit_test(two_steps_are_not_enough),
		cmocka_unit_test(a_jump_is_a_step),
		cmocka_unit_test(a_cache_that_fills_and_stops_is_a_step),
		cmocka_unit_test(warm_up_that_slows_down_is_a_step),
		cmocka_unit_test(a_pause_in_the_sampling_is_no_slowing_down),
		cmocka_unit_test(growth_while_nobody_looked_is_no_step),
		cmocka_unit_test(a_hole_in_which_nothing_grew_is_silence),
		cmocka_unit_test(nights_without_samples_do_not_mislead),
		cmocka_unit_test(warm_up_before_a_leak_does_not_hide_it),
		cmocka_unit_test(a_sawtooth_is_flat_unless_its_floor_rises),
		cmocka_unit_test(a_few_pages_are_flat),
		cmocka_unit_test(shrinking_is_flat),
		cmocka_unit_test(a_constant_is_flat_with_slope_zero),
		cmocka_unit_test(few_samples_or_little_time_are_too_short),
		cmocka_unit_test(six_rising_samples_are_leak_like),
		cmocka_unit_test(the_kind_of_account_decides_what_growth_means),
		cmocka_unit_test(objects_have_a_slope_of_their_own),
		cmocka_unit_test(a_day_at_one_hertz_is_thinned_and_found),
		cmocka_unit_test(the_thinned_part_of_a_recording_counts_by_its_time),
		cmocka_unit_test(a_leak_that_has_begun_of_late_is_found_in_a_long_recording),
		cmocka_unit_test(a_few_samples_far_apart_before_many_are_no_trouble),
		cmocka_unit_test(extreme_numbers_give_finite_results),
		cmocka_unit_test(the_report_puts_the_most_suspicious_first),
		cmocka_unit_test(processes_that_came_or_went_are_not_accused),
		cmocka_unit_test(an_empty_set_gives_an_empty_report),
		cmocka_unit_test(at_most_one_in_a_hundred_innocent_series_is_accused),
		cmocka_unit_test(nineteen_of_twenty_leaks_of_17_kib_per_s_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
