// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/history_growth.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND 1000000000LL

static void ok(struct ul_error *error)
{
	if (error)
		fail_msg("%s", error->message);
}

static void add(struct ul_history *history, enum ul_kind kind, const char *name, int64_t bytes)
{
	ok(ul_history_add(history, kind, name, NULL, 0, false,
			  (struct ul_history_value){bytes, -1}));
}

/** A machine of 1 GB, in which "leak" takes 8192 bytes a second from what is free. */
static void run_machine(struct ul_history *history, int seconds)
{
	ul_history_init(history, true);
	for (int t = 1; t <= seconds; t++) {
		ok(ul_history_begin(history, t * SECOND));
		add(history, UL_KIND_SLAB, "leak", 8192LL * t);
		add(history, UL_KIND_SLAB, "still", 100000);
		add(history, UL_KIND_FILE, "page cache", 1000000);
		add(history, UL_KIND_FREE, "free", 1000000000LL - 8192LL * t);
	}
}

static void judge(struct ul_history *history, int64_t from_ns)
{
	ok(ul_history_growth(history, history->points.len - 1, from_ns, 1, history->tracks.data,
			     history->tracks.len));
}

static void a_leak_is_judged_by_the_history_however_it_was_thinned(void **state)
{
	static const int seconds[] = {60, 1000, 20000};
	for (size_t i = 0; i < UL_ARRAY_LEN(seconds); i++) {
		struct ul_history history UL_CLEANUP_HISTORY = {0};
		run_machine(&history, seconds[i]);
		judge(&history, 0);
		const struct ul_history_track *leak =
			ul_history_find(&history, UL_KIND_SLAB, "leak");
		assert_int_equal(leak->growth.verdict, UL_GROWTH_LEAK_LIKE);
		assert_true(fabs(leak->growth.bytes_per_s - 8192) < 82); // 1 %
		assert_true(leak->growth.samples <= 2 * UL_HISTORY_GROWTH_POINTS);
		assert_true(leak->growth.window_s > 0.95 * (seconds[i] - 1));
		assert_int_equal(ul_history_find(&history, UL_KIND_SLAB, "still")->growth.verdict,
				 UL_GROWTH_FLAT);
	}
}

static void the_window_bounds_what_is_looked_at(void **state)
{
	struct ul_history history UL_CLEANUP_HISTORY = {0};
	run_machine(&history, 250);
	judge(&history, 190 * SECOND);
	const struct ul_history_track *leak = ul_history_find(&history, UL_KIND_SLAB, "leak");
	assert_true(fabs(leak->growth.window_s - 60) < 1.5);
	assert_true(leak->growth.first >= 8192LL * 190);
}

static void the_outlook_divides_what_is_left_by_the_leaks(void **state)
{
	struct ul_history history UL_CLEANUP_HISTORY = {0};
	run_machine(&history, 100);
	judge(&history, 0);
	const struct ul_outlook outlook = ul_history_outlook(&history, history.points.len - 1);
	const double available = 1000000000.0 - 819200 + 1000000;
	assert_int_equal(outlook.leaks, 1);
	assert_int_equal(outlook.available, (int64_t)available);
	assert_true(fabs(outlook.seconds - available / 8192) < 0.01 * outlook.seconds);
	assert_true(outlook.seconds_low <= outlook.seconds);
	assert_true(outlook.seconds_high >= outlook.seconds);
	assert_true(fabs(outlook.used_per_s - 8192) < 82);
}

static void without_a_leak_nothing_is_foreseen(void **state)
{
	struct ul_history history UL_CLEANUP_HISTORY = {0};
	ul_history_init(&history, true);
	for (int t = 1; t <= 50; t++) {
		ok(ul_history_begin(&history, t * SECOND));
		add(&history, UL_KIND_FREE, "free", 1000);
	}
	judge(&history, 0);
	const struct ul_outlook outlook = ul_history_outlook(&history, 49);
	assert_int_equal(outlook.leaks, 0);
	assert_true(isinf(outlook.seconds));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leak_is_judged_by_the_history_however_it_was_thinned),
		cmocka_unit_test(the_window_bounds_what_is_looked_at),
		cmocka_unit_test(the_outlook_divides_what_is_left_by_the_leaks),
		cmocka_unit_test(without_a_leak_nothing_is_foreseen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
