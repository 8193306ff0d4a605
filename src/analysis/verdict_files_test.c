// SPDX-License-Identifier: GPL-2.0-or-later
/* Open files, of a program that keeps them and of one that does not. */
#include "analysis/verdict_files.h"

#include "analysis/verdict_fixture.h"

enum { SURVIVORS = 700 }; // of 14 s at 50 a second

/** A process whose descriptors grow by @p per_s, from 1,000. */
static void add_descriptors(struct fixture *f, const char *name, pid_t pid, const char *comm,
			    double per_s)
{
	struct ul_series *series = NULL;
	fixture_grow(f, UL_KIND_PROCESS_FDS, name, per_s, 256, true);
	assert_null(ul_series_set_get(f->series, UL_KIND_PROCESS_FDS, name, &series));
	series->pid = pid;
	assert_true(ul_text_set(&series->label, comm));
}

/** Survivors of @p cache, taken in @p function and above it in @p caller, by keeper[7]. */
static void add_survivors(struct fixture *f, const char *cache, const char *function,
			  const char *caller, uint64_t survivors)
{
	fixture_grow(f, UL_KIND_SLAB, cache, (double)survivors / 14, 192, true);
	struct ul_site *site = fixture_site(f, cache, function, "keeper", 192, survivors);
	struct ul_frame *frame = ul_vec_add(&site->stack.frames);
	assert_non_null(frame);
	assert_true(ul_text_set(&frame->function, caller));
	site->processes.data[0].pid = 7;
}

static const struct ul_finding *judge(struct fixture *f)
{
	fixture_finish(f);
	const struct ul_evidence evidence = fixture_evidence(f);
	assert_null(ul_verdict(&evidence, &f->findings));
	assert_int_equal(f->findings.items.len, 1);
	assert_int_equal(f->findings.items.data[0].verdict, UL_FINDING_LEAK);
	assert_null(ul_verdict_open_files(&evidence, &f->findings));
	return f->findings.items.data;
}

static void files_that_a_program_keeps_open_are_held_by_it(void **state)
{
	struct fixture *f = *state;
	add_survivors(f, "filp", "alloc_empty_file", "path_openat", SURVIVORS);
	add_descriptors(f, "7:100", 7, "keeper", 50);
	const struct ul_finding *finding = judge(f);
	assert_int_equal(finding->verdict, UL_FINDING_HELD);
	assert_string_equal(finding->holder, "keeper[7] by 700 file descriptors more than before");
	assert_int_equal(finding->next.len, 1);
	assert_string_equal(finding->next.data[0], "ls -l /proc/7/fd");
}

static void what_is_taken_with_each_file_is_held_with_it(void **state)
{
	struct fixture *f = *state;
	add_survivors(f, "UDP", "sk_prot_alloc", "inet_create", SURVIVORS);
	add_survivors(f, "filp", "alloc_empty_file_noaccount", "alloc_file_pseudo", SURVIVORS);
	add_descriptors(f, "7:100", 7, "keeper", 50);
	const struct ul_finding *finding = judge(f);
	assert_int_equal(finding->companions.len, 1);
	assert_int_equal(finding->verdict, UL_FINDING_HELD);
}

static void files_of_workers_of_one_name_are_held_by_them_all(void **state)
{
	struct fixture *f = *state;
	add_survivors(f, "filp", "alloc_empty_file", "path_openat", SURVIVORS);
	f->trace.sites.data[0].processes.data[0].pid = 0;
	add_descriptors(f, "7:100", 7, "keeper", 25);
	add_descriptors(f, "8:100", 8, "keeper", 25);
	const struct ul_finding *finding = judge(f);
	assert_int_equal(finding->verdict, UL_FINDING_HELD);
	assert_string_equal(finding->next.data[0], "ullage account --holders");
}

static void files_that_no_descriptor_holds_are_a_leak(void **state)
{
	struct fixture *f = *state;
	add_survivors(f, "filp", "alloc_empty_file", "path_openat", SURVIVORS);
	add_descriptors(f, "7:100", 7, "keeper", 0);
	assert_int_equal(judge(f)->verdict, UL_FINDING_LEAK);
	assert_null(f->findings.items.data[0].holder);
}

static void descriptors_of_somebody_else_hold_nothing(void **state)
{
	struct fixture *f = *state;
	add_survivors(f, "filp", "alloc_empty_file", "path_openat", SURVIVORS);
	add_descriptors(f, "8:100", 8, "other", 50);
	assert_int_equal(judge(f)->verdict, UL_FINDING_LEAK);
}

static void half_as_many_descriptors_leave_a_leak(void **state)
{
	struct fixture *f = *state;
	add_survivors(f, "filp", "alloc_empty_file", "path_openat", SURVIVORS);
	add_descriptors(f, "7:100", 7, "keeper", 25);
	assert_int_equal(judge(f)->verdict, UL_FINDING_LEAK);
}

static void as_many_objects_as_descriptors_are_inconclusive(void **state)
{
	struct fixture *f = *state;
	add_survivors(f, "seq_file", "seq_open", "single_open", SURVIVORS);
	add_descriptors(f, "7:100", 7, "keeper", 50);
	const struct ul_finding *finding = judge(f);
	assert_int_equal(finding->verdict, UL_FINDING_INCONCLUSIVE);
	assert_true(finding->confidence < 0.5);
}

static void other_numbers_of_objects_than_descriptors_are_a_leak(void **state)
{
	struct fixture *f = *state;
	add_survivors(f, "seq_file", "seq_open", "single_open", SURVIVORS);
	add_descriptors(f, "7:100", 7, "keeper", 100);
	assert_int_equal(judge(f)->verdict, UL_FINDING_LEAK);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(files_that_a_program_keeps_open_are_held_by_it),
		WITH_FIXTURE(what_is_taken_with_each_file_is_held_with_it),
		WITH_FIXTURE(files_of_workers_of_one_name_are_held_by_them_all),
		WITH_FIXTURE(files_that_no_descriptor_holds_are_a_leak),
		WITH_FIXTURE(descriptors_of_somebody_else_hold_nothing),
		WITH_FIXTURE(half_as_many_descriptors_leave_a_leak),
		WITH_FIXTURE(as_many_objects_as_descriptors_are_inconclusive),
		WITH_FIXTURE(other_numbers_of_objects_than_descriptors_are_a_leak),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
