// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "analysis/growth_families.h"
#include "analysis/growth_slope.h"

enum { MANY = 4096 };

struct fixture {
	struct ul_slope_scratch scratch;
	double time[MANY];
	double value[MANY];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	if (!fixture || !ul_slope_scratch_init(&fixture->scratch))
		return -1;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	ul_slope_scratch_deinit(&fixture->scratch);
	free(fixture);
	return 0;
}

static struct ul_slope fit(struct fixture *fixture, size_t count)
{
	return ul_slope_fit(&fixture->scratch, fixture->time, fixture->value, count,
			    UL_SLOPE_POINTS);
}

static void assert_near(double value, double expected, double tolerance)
{
	if (fabs(value - expected) > tolerance)
		fail_msg("%g is not within %g of %g", value, tolerance, expected);
}

static int ascending(const void *left, const void *right)
{
	const double a = *(const double *)left;
	const double b = *(const double *)right;
	return (a > b) - (a < b);
}

static void every_rank_is_selected_as_sorting_would(void **state)
{
	(void)state;
	struct ul_random random = {.state = 5};
	for (size_t count = 1; count < 60; count++) {
		double sorted[60];
		double values[60];
		for (size_t i = 0; i < count; i++)
			sorted[i] = values[i] = floor(ul_random_unit(&random) * 12);
		qsort(sorted, count, sizeof(*sorted), ascending);
		for (size_t rank = 0; rank < count; rank++)
			assert_near(ul_slope_select(values, count, rank), sorted[rank], 0);
	}
}

static void a_line_has_its_slope_and_no_doubt(void **state)
{
	struct fixture *fixture = *state;
	for (size_t i = 0; i < 50; i++) {
		fixture->time[i] = (double)i * 0.25;
		fixture->value[i] = 1e9 + 4096 * fixture->time[i];
	}
	const struct ul_slope slope = fit(fixture, 50);
	assert_near(slope.per_s, 4096, 1e-6);
	assert_near(slope.low, 4096, 1e-6);
	assert_near(slope.high, 4096, 1e-6);
}

/** Small enough to do by hand. */
static void the_slope_is_the_median_of_all_pairs(void **state)
{
	struct fixture *fixture = *state;
	static const double value[] = {0, 1, 4, 3, 9};
	for (size_t i = 0; i < 5; i++) {
		fixture->time[i] = (double)i;
		fixture->value[i] = value[i];
	}
	// Pairs: 1, 2, 1, 9/4; 3, 1, 8/3; -1, 5/2; 6. Sorted: -1 1 1 1 2 9/4 5/2 8/3 3 6.
	assert_near(fit(fixture, 5).per_s, 2.25, 1e-9);
}

static void a_quarter_of_wild_points_does_not_move_it(void **state)
{
	struct fixture *fixture = *state;
	for (size_t i = 0; i < 100; i++) {
		fixture->time[i] = (double)i;
		fixture->value[i] = i % 4 ? 10.0 * (double)i : 1e12;
	}
	assert_near(fit(fixture, 100).per_s, 10, 1);
}

static void the_interval_holds_the_truth_in_95_of_100_cases(void **state)
{
	struct fixture *fixture = *state;
	struct ul_random random = {.state = 11};
	int inside = 0;
	for (int round = 0; round < 1000; round++) {
		for (size_t i = 0; i < 40; i++) {
			fixture->time[i] = (double)i;
			// The sum of twelve uniform numbers is as good as normal.
			double noise = -6;
			for (int k = 0; k < 12; k++)
				noise += ul_random_unit(&random);
			fixture->value[i] = 0.3 * (double)i + noise;
		}
		const struct ul_slope slope = fit(fixture, 40);
		inside += slope.low <= 0.3 && slope.high >= 0.3;
	}
	// Three standard deviations of a binomial (1000, 0.95) are 21; widening only adds.
	assert_true(inside >= 929);
	assert_true(inside <= 990);
}

static void correlated_noise_widens_the_interval(void **state)
{
	struct fixture *fixture = *state;
	struct ul_random random = {.state = 3};
	double widths[2] = {0};
	for (int correlated = 0; correlated < 2; correlated++) {
		for (int round = 0; round < 20; round++) {
			double level = 0;
			for (size_t i = 0; i < 120; i++) {
				fixture->time[i] = (double)i;
				const double kick = ul_random_unit(&random) - 0.5;
				// Same variance: 1 / (1 - 0.8^2) = 1 / 0.36.
				level = correlated ? 0.8 * level + 0.6 * kick : kick;
				fixture->value[i] = level;
			}
			const struct ul_slope slope = fit(fixture, 120);
			widths[correlated] += slope.high - slope.low;
		}
	}
	// In theory the variance of the slope grows by (1 + 0.8) / (1 - 0.8) = 9, its width by 3.
	assert_true(widths[1] > 1.8 * widths[0]);
}

static void long_series_go_by_block_medians(void **state)
{
	struct fixture *fixture = *state;
	for (size_t i = 0; i < MANY; i++) {
		fixture->time[i] = (double)i;
		fixture->value[i] = -7.0 * (double)i;
	}
	assert_near(fit(fixture, MANY).per_s, -7, 1e-9);
}

static void too_few_points_have_no_slope(void **state)
{
	struct fixture *fixture = *state;
	assert_near(fit(fixture, 0).per_s, 0, 0);
	fixture->value[0] = 5;
	assert_near(fit(fixture, 1).per_s, 0, 0);
	// Two samples at what a double takes for one time.
	fixture->time[0] = fixture->time[1] = 3;
	assert_near(fit(fixture, 2).per_s, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rank_is_selected_as_sorting_would),
		cmocka_unit_test(a_line_has_its_slope_and_no_doubt),
		cmocka_unit_test(the_slope_is_the_median_of_all_pairs),
		cmocka_unit_test(a_quarter_of_wild_points_does_not_move_it),
		cmocka_unit_test(the_interval_holds_the_truth_in_95_of_100_cases),
		cmocka_unit_test(correlated_noise_widens_the_interval),
		cmocka_unit_test(long_series_go_by_block_medians),
		cmocka_unit_test(too_few_points_have_no_slope),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
