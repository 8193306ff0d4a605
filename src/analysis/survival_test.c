// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/survival.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void near(double value, double wanted, double error)
{
	if (!(fabs(value - wanted) <= error))
		fail_msg("%g is not %g", value, wanted);
}

/*
 * The textbook example (Freireich et al. 1963, 21 patients with 6-MP; weeks, + is censored):
 * 6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+
 */
static void the_textbook_example_of_kaplan_and_meier(void **state)
{
	static const struct ul_survival_interval weeks[] = {
		{6, 3, 1},  {7, 1, 0},	{9, 0, 1},  {10, 1, 1}, {11, 0, 1}, {13, 1, 0},
		{16, 1, 0}, {17, 0, 1}, {19, 0, 1}, {20, 0, 1}, {22, 1, 0}, {23, 1, 0},
		{25, 0, 1}, {32, 0, 2}, {34, 0, 1}, {35, 0, 1},
	};
	// 18/21, x 16/17, x 14/15, x 11/12, x 10/11, x 6/7, x 5/6: as printed, to three digits.
	static const double published[] = {0.857, 0.807, 0.807, 0.753, 0.753, 0.690, 0.627, 0.627,
					   0.627, 0.627, 0.538, 0.448, 0.448, 0.448, 0.448, 0.448};
	double alive[UL_ARRAY_LEN(weeks)];
	ul_survival_estimate(weeks, UL_ARRAY_LEN(weeks), 1, alive);
	for (size_t i = 0; i < UL_ARRAY_LEN(weeks); i++)
		near(alive[i], published[i], 0.0006);
}

static void a_life_table_counts_leavers_for_half_of_their_interval(void **state)
{
	// By hand: 100 begin; 10 of 100 - 20/2 die: 8/9; 70 are left, 14 of 70 - 0: x 4/5.
	static const struct ul_survival_interval years[] = {{1, 10, 20}, {2, 14, 0}, {3, 0, 56}};
	double alive[3];
	ul_survival_estimate(years, 3, 0.5, alive);
	near(alive[0], 8.0 / 9, 1e-12);
	near(alive[1], 8.0 / 9 * 4 / 5, 1e-12);
	near(alive[2], 8.0 / 9 * 4 / 5, 1e-12);
}

static void classes_of_age_double(void **state)
{
	assert_int_equal(ul_age_class(-5), 0);
	assert_int_equal(ul_age_class((1 << 20) - 1), 0);
	assert_int_equal(ul_age_class(1 << 20), 1);
	assert_int_equal(ul_age_class((1 << 21) - 1), 1);
	assert_int_equal(ul_age_class(1 << 21), 2);
	assert_int_equal(ul_age_class(INT64_MAX), UL_AGE_CLASSES - 1);
	near(ul_age_class_end_s(0), 0.001048576, 1e-12);
	near(ul_age_class_end_s(10), 1.073741824, 1e-12);
}

static struct ul_site site_of(const uint64_t *freed, const uint64_t *live, size_t classes)
{
	struct ul_site site = {0};
	for (size_t i = 0; i < classes; i++) {
		site.ages.freed[i] = freed[i];
		site.ages.live[i] = live[i];
	}
	assert_null(ul_survival_of_site(&site));
	return site;
}

static void a_leak_stays_flat(void **state)
{
	// 32 of 85 freed at once; 53 live, of ages up to 8 s.
	static const uint64_t freed[14] = {30, 2};
	static const uint64_t live[14] = {[11] = 13, [12] = 20, [13] = 20};
	struct ul_site site = site_of(freed, live, 14);
	assert_int_equal(site.survival.len, 14);
	near(site.survival.data[13].alive, 53.0 / 85, 1e-9);
	near(site.late_survival, 1, 1e-9);
	assert_int_equal(site.survival_shape, UL_SURVIVAL_FLAT);
	assert_true(isnan(site.lifetime_p50_s)); // more than half live on
	ul_site_deinit(&site);
}

static void a_cache_falls(void **state)
{
	// Each second class frees half of what has reached it.
	static const uint64_t freed[14] = {[10] = 400, [11] = 200, [12] = 100, [13] = 40};
	static const uint64_t live[14] = {[10] = 100, [11] = 50, [12] = 50, [13] = 60};
	struct ul_site site = site_of(freed, live, 14);
	// By hand: 1000 reach class 10; 1 - 400/950, x 1 - 200/475, x 1 - 100/225, x 1 - 40/70.
	near(site.survival.data[10].alive, 0.578947, 1e-6);
	near(site.survival.data[13].alive, 0.578947 * 0.578947 * 0.555556 * 0.428571, 1e-5);
	near(site.late_survival, 0.555556 * 0.428571, 1e-5);
	assert_int_equal(site.survival_shape, UL_SURVIVAL_FALLING);
	// Half is reached in class 11, (0.5789 - 0.5) / (0.5789 - 0.3352) of the way up.
	near(site.lifetime_p50_s, 1.073741824 * exp2(0.32388), 0.001);
	ul_site_deinit(&site);
}

static void few_objects_prove_nothing(void **state)
{
	static const uint64_t none[14] = {0};
	static const uint64_t few[14] = {[13] = 7};
	struct ul_site site = site_of(none, few, 14);
	assert_true(isnan(site.late_survival));
	assert_int_equal(site.survival_shape, UL_SURVIVAL_UNKNOWN);
	ul_site_deinit(&site);
	site = site_of(none, none, 14);
	assert_int_equal(site.survival.len, 0);
	assert_true(isnan(site.lifetime_p50_s));
	assert_true(isnan(ul_survival_live_p50_s(&site.ages)));
	ul_site_deinit(&site);
}

static void the_median_age_of_the_live(void **state)
{
	struct ul_ages ages = {.live = {[10] = 10, [11] = 20, [12] = 10}};
	// The middle of class 11, from 1.07 to 2.15 s.
	near(ul_survival_live_p50_s(&ages), 1.073741824 * sqrt(2), 1e-9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_textbook_example_of_kaplan_and_meier),
		cmocka_unit_test(a_life_table_counts_leavers_for_half_of_their_interval),
		cmocka_unit_test(classes_of_age_double),
		cmocka_unit_test(a_leak_stays_flat),
		cmocka_unit_test(a_cache_falls),
		cmocka_unit_test(few_objects_prove_nothing),
		cmocka_unit_test(the_median_age_of_the_live),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
