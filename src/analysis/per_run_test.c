// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/per_run.h"

enum { BATCHES = 20 };

/** Batches of @p runs runs; run i (from 0) leaves @p left(i, argument). */
static struct ul_per_run judge(uint32_t runs, uint64_t (*left)(uint64_t run, uint64_t argument),
			       uint64_t argument, struct ul_per_run_facts facts)
{
	struct ul_per_run_batch batches[BATCHES] = {0};
	for (uint64_t run = 0; run < (uint64_t)runs * BATCHES; run++) {
		batches[run / runs].runs++;
		batches[run / runs].left += left(run, argument);
	}
	return ul_per_run(batches, BATCHES, &facts);
}

static const struct ul_per_run_facts nothing;

static uint64_t always(uint64_t run, uint64_t count)
{
	return count;
}

static void one_object_a_run_is_steady(void **state)
{
	const struct ul_per_run lost = judge(15, always, 1, nothing);
	assert_int_equal(lost.shape, UL_PER_RUN_STEADY);
	assert_int_equal(lost.lost, 300);
	assert_int_equal(lost.numerator, 1);
	assert_int_equal(lost.denominator, 1);
	assert_true(lost.per_run == 1.0);
	assert_true(lost.confidence > 0.9);
}

static uint64_t seven_of_two(uint64_t run, uint64_t unused)
{
	return run % 2 ? 4 : 3;
}

static void seven_objects_for_two_runs_are_three_and_a_half(void **state)
{
	struct ul_per_run lost = judge(2, seven_of_two, 0, nothing);
	assert_int_equal(lost.shape, UL_PER_RUN_STEADY);
	assert_int_equal(lost.numerator, 7);
	assert_int_equal(lost.denominator, 2);
	// An odd number of runs a batch: 52 or 53 in turn.
	lost = judge(15, seven_of_two, 0, nothing);
	assert_int_equal(lost.shape, UL_PER_RUN_STEADY);
	assert_true(lost.low <= 3.5 && lost.high >= 3.5);
	assert_int_equal(lost.numerator, 7);
	assert_int_equal(lost.denominator, 2);
}

static uint64_t fourteen_of_eight(uint64_t run, uint64_t unused)
{
	return run % 8 ? 0 : 14;
}

static void fourteen_for_eight_runs_are_seven_quarters(void **state)
{
	const struct ul_per_run lost = judge(16, fourteen_of_eight, 0, nothing);
	assert_int_equal(lost.shape, UL_PER_RUN_STEADY);
	assert_int_equal(lost.numerator, 7);
	assert_int_equal(lost.denominator, 4);
}

static uint64_t every_nth(uint64_t run, uint64_t n)
{
	return run % n == n - 1;
}

static void one_in_sixteen_runs_is_steady_too(void **state)
{
	const struct ul_per_run lost = judge(15, every_nth, 16, nothing);
	assert_int_equal(lost.shape, UL_PER_RUN_STEADY);
	assert_int_equal(lost.lost, 18);
	assert_true(lost.low <= 1.0 / 16 && lost.high >= 1.0 / 16);
}

static uint64_t now_and_then(uint64_t run, uint64_t unused)
{
	return run % 37 == 5 || run % 29 == 3;
}

/** A page that serves fragments of two processors in turn: 16 of 240 runs, irregularly. */
static void a_page_now_and_then_is_steady_too(void **state)
{
	const struct ul_per_run lost = judge(12, now_and_then, 0, nothing);
	assert_int_equal(lost.lost, 16);
	assert_int_equal(lost.shape, UL_PER_RUN_STEADY);
	assert_true(lost.low <= 1.0 / 15 && lost.high >= 1.0 / 15);
}

static void three_objects_of_forty_runs_are_chance(void **state)
{
	assert_int_equal(judge(2, every_nth, 13, nothing).shape, UL_PER_RUN_NONE);
}

static uint64_t until(uint64_t run, uint64_t bound)
{
	return run < bound;
}

static void what_stops_by_itself_is_no_leak_without_limit(void **state)
{
	// A cache of 101, and a leak bounded at 17, of which the warm-up had its part.
	struct ul_per_run lost = judge(15, until, 101, nothing);
	assert_int_equal(lost.shape, UL_PER_RUN_STOPPED);
	assert_int_equal(lost.lost_in_all, 101);
	assert_true(lost.last_run >= 101 && lost.last_run <= 105);
	lost = judge(2, until, 14, (struct ul_per_run_facts){.warm_up_left = 3});
	assert_int_equal(lost.shape, UL_PER_RUN_STOPPED);
	assert_int_equal(lost.lost_in_all, 17);
}

static uint64_t from(uint64_t run, uint64_t first)
{
	return run >= first;
}

static void a_ring_keeps_only_what_is_recent(void **state)
{
	const struct ul_per_run lost =
		judge(15, from, 233, (struct ul_per_run_facts){.freed = 233});
	assert_int_equal(lost.shape, UL_PER_RUN_RECENT);
	assert_true(lost.kept_runs >= 67 && lost.kept_runs <= 75);
}

static void what_begins_late_and_frees_nothing_is_a_leak(void **state)
{
	const struct ul_per_run lost = judge(15, from, 100, nothing);
	assert_int_equal(lost.shape, UL_PER_RUN_STEADY);
}

static uint64_t fading(uint64_t run, uint64_t unused)
{
	return run < 100 ? 1 : run % (run / 50 + 1) == 0;
}

static void less_and_less_is_falling(void **state)
{
	assert_int_equal(judge(15, fading, 0, nothing).shape, UL_PER_RUN_FALLING);
}

static uint64_t with_a_burst(uint64_t run, uint64_t size)
{
	return 1 + (run == 170 ? size : 0);
}

static void one_burst_of_somebody_else_does_not_move_the_rate(void **state)
{
	const struct ul_per_run lost = judge(15, with_a_burst, 100, nothing);
	assert_int_equal(lost.shape, UL_PER_RUN_STEADY);
	assert_int_equal(lost.numerator, 1);
	assert_int_equal(lost.denominator, 1);
}

/** One object of somebody else among forty: what a run loses is still one. */
static void one_object_of_somebody_else_does_not_move_the_ratio(void **state)
{
	for (uint64_t size = 1; size <= 2; size++) {
		struct ul_per_run_batch batches[BATCHES];
		for (size_t i = 0; i < BATCHES; i++)
			batches[i] = (struct ul_per_run_batch){2, i == 7 ? 2 + size : 2};
		const struct ul_per_run lost = ul_per_run(batches, BATCHES, &nothing);
		assert_int_equal(lost.lost, 2 * BATCHES + size);
		assert_int_equal(lost.shape, UL_PER_RUN_STEADY);
		assert_int_equal(lost.numerator, 1);
		assert_int_equal(lost.denominator, 1);
	}
}

/** In every second batch of two runs two or four, in the others none: somebody's batches. */
static uint64_t in_bouts(uint64_t run, uint64_t unused)
{
	return run / 2 % 3 == 0 ? 1 + run % 4 : 0;
}

static void what_comes_in_bouts_is_uneven(void **state)
{
	assert_int_equal(judge(2, in_bouts, 0, nothing).shape, UL_PER_RUN_UNEVEN);
}

static uint64_t once(uint64_t run, uint64_t size)
{
	return run == 5 ? size : 0;
}

static void what_the_machine_does_by_itself_is_nothing(void **state)
{
	assert_int_equal(judge(15, once, 500, nothing).shape, UL_PER_RUN_NONE);
	assert_int_equal(
		judge(15, every_nth, 20, (struct ul_per_run_facts){.background_left = 12}).shape,
		UL_PER_RUN_NONE);
	assert_int_equal(judge(15, always, 0, nothing).shape, UL_PER_RUN_NONE);
	assert_int_equal(ul_per_run(NULL, 0, &nothing).shape, UL_PER_RUN_NONE);
}

static uint64_t only_the_last(uint64_t run, uint64_t runs)
{
	return run + 4 >= runs;
}

static void what_the_last_runs_left_is_not_steady(void **state)
{
	const struct ul_per_run lost =
		judge(15, only_the_last, 300, (struct ul_per_run_facts){.freed = 296});
	assert_true(lost.shape == UL_PER_RUN_NONE || lost.shape == UL_PER_RUN_RECENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_object_a_run_is_steady),
		cmocka_unit_test(seven_objects_for_two_runs_are_three_and_a_half),
		cmocka_unit_test(fourteen_for_eight_runs_are_seven_quarters),
		cmocka_unit_test(one_in_sixteen_runs_is_steady_too),
		cmocka_unit_test(a_page_now_and_then_is_steady_too),
		cmocka_unit_test(three_objects_of_forty_runs_are_chance),
		cmocka_unit_test(what_stops_by_itself_is_no_leak_without_limit),
		cmocka_unit_test(a_ring_keeps_only_what_is_recent),
		cmocka_unit_test(what_begins_late_and_frees_nothing_is_a_leak),
		cmocka_unit_test(less_and_less_is_falling),
		cmocka_unit_test(one_burst_of_somebody_else_does_not_move_the_rate),
		cmocka_unit_test(one_object_of_somebody_else_does_not_move_the_ratio),
		cmocka_unit_test(what_comes_in_bouts_is_uneven),
		cmocka_unit_test(what_the_machine_does_by_itself_is_nothing),
		cmocka_unit_test(what_the_last_runs_left_is_not_steady),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
