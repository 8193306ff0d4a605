// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ftrace/queue.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void push(struct ul_ftrace_queue *queue, int64_t time_ns, pid_t tid)
{
	const struct ul_ftrace_entry entry = {.tid = tid, .event = {.time_ns = time_ns}};
	assert_true(ul_ftrace_queue_push(queue, &entry));
}

static void expect(const struct ul_ftrace_queue *queue, const int64_t *times, size_t count)
{
	assert_int_equal(queue->entries.len, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(queue->entries.data[i].event.time_ns, times[i]);
}

static void runs_become_one_order(void **state)
{
	struct ul_ftrace_queue queue = {0};
	for (int64_t run = 0; run < 5; run++) {
		assert_true(ul_ftrace_queue_begin_run(&queue));
		for (int64_t i = 0; i < run; i++) // 1; 2 12; 3 13 23; 4 14 24 34
			push(&queue, run + 10 * i, 1);
	}
	assert_true(ul_ftrace_queue_merge(&queue));
	expect(&queue, (const int64_t[]){1, 2, 3, 4, 12, 13, 14, 23, 24, 34}, 10);
	ul_ftrace_queue_drop(&queue, 8);
	// What is left is a run of its own among the next.
	assert_true(ul_ftrace_queue_begin_run(&queue));
	push(&queue, 30, 1);
	push(&queue, 20, 1); // a neighbour that waited
	assert_true(ul_ftrace_queue_begin_run(&queue));
	assert_true(ul_ftrace_queue_merge(&queue));
	expect(&queue, (const int64_t[]){20, 24, 30, 34}, 4);
	ul_ftrace_queue_deinit(&queue);
}

static void equal_times_stay_in_the_order_of_their_rings(void **state)
{
	struct ul_ftrace_queue queue = {0};
	for (pid_t run = 1; run <= 3; run++) {
		assert_true(ul_ftrace_queue_begin_run(&queue));
		push(&queue, 7, run);
		push(&queue, 7, run + 10);
	}
	assert_true(ul_ftrace_queue_merge(&queue));
	const pid_t order[] = {1, 11, 2, 12, 3, 13};
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(queue.entries.data[i].tid, order[i]);
	ul_ftrace_queue_deinit(&queue);
}

static void nothing_is_fine(void **state)
{
	struct ul_ftrace_queue queue = {0};
	assert_true(ul_ftrace_queue_merge(&queue));
	assert_true(ul_ftrace_queue_begin_run(&queue));
	assert_true(ul_ftrace_queue_begin_run(&queue));
	assert_true(ul_ftrace_queue_merge(&queue));
	assert_true(ul_ftrace_queue_begin_run(&queue));
	push(&queue, 1, 1);
	assert_true(ul_ftrace_queue_merge(&queue));
	expect(&queue, (const int64_t[]){1}, 1);
	ul_ftrace_queue_deinit(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_become_one_order),
		cmocka_unit_test(equal_times_stay_in_the_order_of_their_rings),
		cmocka_unit_test(nothing_is_fine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
