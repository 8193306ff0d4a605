// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/parallel.h"

enum { PIECES = 100000 };

struct job {
	unsigned int next, workers, failing;
	uint8_t done[PIECES];
};

static struct ul_error *take_pieces(void *context)
{
	struct job *job = context;
	__atomic_fetch_add(&job->workers, 1, __ATOMIC_RELAXED);
	for (;;) {
		const unsigned int i = __atomic_fetch_add(&job->next, 1, __ATOMIC_RELAXED);
		if (i >= PIECES)
			return NULL;
		job->done[i]++;
	}
}

static struct ul_error *fail_some(void *context)
{
	struct job *job = context;
	const unsigned int worker = __atomic_fetch_add(&job->workers, 1, __ATOMIC_RELAXED);
	return worker < job->failing ? ul_error_new(UL_ERR_BAD_DATA, "worker %u", worker) : NULL;
}

static void every_piece_is_done_once_by_any_number_of_threads(void **state)
{
	static const unsigned int threads[] = {0, 1, 2, 7, UL_PARALLEL_MAX, 1000};
	static const unsigned int workers[] = {1, 1, 2, 7, UL_PARALLEL_MAX, UL_PARALLEL_MAX};
	(void)state;
	for (size_t k = 0; k < sizeof(threads) / sizeof(*threads); k++) {
		static struct job job;
		job = (struct job){0};
		assert_null(ul_parallel(threads[k], take_pieces, &job));
		assert_int_equal(job.workers, workers[k]);
		for (size_t i = 0; i < PIECES; i++)
			assert_int_equal(job.done[i], 1);
	}
}

static void one_error_comes_back_of_none_one_or_many(void **state)
{
	static const unsigned int failing[] = {0, 1, 5};
	(void)state;
	for (size_t k = 0; k < sizeof(failing) / sizeof(*failing); k++) {
		static struct job job;
		job = (struct job){.failing = failing[k]};
		UL_CLEANUP_ERROR struct ul_error *error = ul_parallel(5, fail_some, &job);
		assert_int_equal(job.workers, 5);
		assert_int_equal(error != NULL, failing[k] > 0);
		if (error)
			assert_int_equal(error->code, UL_ERR_BAD_DATA);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_piece_is_done_once_by_any_number_of_threads),
		cmocka_unit_test(one_error_comes_back_of_none_one_or_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
