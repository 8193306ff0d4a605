// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "analysis/ledger_diff.h"
#include "base/text.h"
#include "base/units.h"

#define OK(call) assert_null(call)

static void make(struct ul_ledger *ledger, int64_t second, uint64_t total)
{
	ul_ledger_init(ledger);
	ledger->time_ns = (1700000000 + second) * UL_NS_PER_S;
	ledger->monotonic_ns = (1000 + second) * UL_NS_PER_S;
	ledger->mem_total = total;
}

static void account(struct ul_ledger *ledger, const char *name, int64_t bytes, int64_t objects)
{
	OK(ul_ledger_add(ledger, UL_KIND_SLAB, name, bytes, objects, false));
}

static void process(struct ul_ledger *ledger, pid_t pid, uint64_t start, const char *comm,
		    uint64_t rss_bytes)
{
	struct ul_process *made = ul_vec_add(&ledger->processes);
	assert_non_null(made);
	made->pid = pid;
	made->start_ticks = start;
	made->rss_bytes = rss_bytes;
	ul_text_copy(made->comm, sizeof(made->comm), comm);
}

static void the_largest_change_comes_first_to_either_side(void **state)
{
	UL_CLEANUP_LEDGER struct ul_ledger a;
	UL_CLEANUP_LEDGER struct ul_ledger b;
	UL_CLEANUP_LEDGER_DIFF struct ul_ledger_diff diff = {0};
	make(&a, 0, 1000000);
	make(&b, 60, 1000000);
	account(&a, "grows", 1000, 10);
	account(&a, "shrinks", 9000, 90);
	account(&a, "ends", 300, -1);
	account(&b, "grows", 3000, 30);
	account(&b, "shrinks", 4000, 40);
	account(&b, "begins", 100, 1);
	ul_ledger_close(&a, 0, 0);
	ul_ledger_close(&b, 0, 0);
	OK(ul_ledger_diff(&a, &b, &diff));
	static const struct {
		const char *name;
		int64_t change;
		bool was, is;
	} want[] = {{"shrinks", -5000, true, true},
		    {"grows", 2000, true, true},
		    {"ends", -300, true, false},
		    {"begins", 100, false, true}};
	assert_int_equal(diff.accounts.rows.len, UL_ARRAY_LEN(want));
	for (size_t i = 0; i < UL_ARRAY_LEN(want); i++) {
		const struct ul_diff_row *row = &diff.accounts.rows.data[i];
		assert_string_equal(row->name, want[i].name);
		assert_int_equal(row->change, want[i].change);
		assert_int_equal(row->was, want[i].was);
		assert_int_equal(row->is, want[i].is);
	}
	assert_int_equal(diff.accounts.rows.data[0].objects_before, 90);
	assert_int_equal(diff.accounts.rows.data[0].objects_after, 40);
	assert_int_equal(diff.accounts.rows.data[2].objects_after, -1);
	assert_int_equal(diff.accounts.rows.data[3].objects_before, -1);
	assert_true(diff.seconds == 60);
}

static void changes_add_up_to_that_of_the_total(void **state)
{
	UL_CLEANUP_LEDGER struct ul_ledger a;
	UL_CLEANUP_LEDGER struct ul_ledger b;
	UL_CLEANUP_LEDGER_DIFF struct ul_ledger_diff diff = {0};
	make(&a, 0, 1000000);
	make(&b, 60, 1200000);
	account(&a, "x", 1000, 10);
	account(&b, "x", 3000, 30);
	account(&b, "y", 7, 1);
	ul_ledger_close(&a, 0, 0);
	ul_ledger_close(&b, 0, 0);
	OK(ul_ledger_diff(&a, &b, &diff));
	int64_t sum = diff.unaccounted.change;
	ul_vec_foreach (row, &diff.accounts.rows)
		sum += row->change;
	assert_int_equal(sum, 200000);
	assert_true(ul_ledger_diff_has_total(&diff));
}

static void a_process_is_its_pid_and_its_start(void **state)
{
	UL_CLEANUP_LEDGER struct ul_ledger a;
	UL_CLEANUP_LEDGER struct ul_ledger b;
	UL_CLEANUP_LEDGER_DIFF struct ul_ledger_diff diff = {0};
	make(&a, 0, 0);
	make(&b, 60, 0);
	process(&a, 10, 1, "sh", 100);
	process(&a, 11, 1, "old", 50);
	process(&b, 10, 1, "renamed", 400);
	process(&b, 11, 2, "new", 70);
	OK(ul_ledger_diff(&a, &b, &diff));
	assert_int_equal(diff.processes.rows.len, 3);
	assert_string_equal(diff.processes.rows.data[0].name, "renamed");
	assert_int_equal(diff.processes.rows.data[0].change, 300);
	assert_int_equal(diff.processes.rows.data[1].change, 70);
	assert_false(diff.processes.rows.data[1].was);
	assert_int_equal(diff.processes.rows.data[2].change, -50);
	assert_false(ul_ledger_diff_has_total(&diff));
}

static void after_a_restart_processes_are_summed_by_name(void **state)
{
	UL_CLEANUP_LEDGER struct ul_ledger a;
	UL_CLEANUP_LEDGER struct ul_ledger b;
	UL_CLEANUP_LEDGER_DIFF struct ul_ledger_diff diff = {0};
	make(&a, 0, 0);
	make(&b, 6000, 0);
	b.monotonic_ns = 50 * UL_NS_PER_S;
	process(&a, 10, 1, "worker", 100);
	process(&a, 11, 1, "worker", 50);
	process(&b, 10, 1, "worker", 400);
	OK(ul_ledger_diff(&a, &b, &diff));
	assert_true(diff.other_boot);
	assert_int_equal(diff.processes.rows.len, 1);
	assert_int_equal(diff.processes.rows.data[0].before, 150);
	assert_int_equal(diff.processes.rows.data[0].after, 400);
	assert_int_equal(diff.processes.rows.data[0].objects_before, 2);
	assert_int_equal(diff.processes.rows.data[0].objects_after, 1);
}

static void types_meet_by_cache_and_name(void **state)
{
	UL_CLEANUP_TYPE_CENSUS struct ul_type_census a = {0};
	UL_CLEANUP_TYPE_CENSUS struct ul_type_census b = {0};
	UL_CLEANUP_LEDGER_DIFF struct ul_ledger_diff diff = {0};
	OK(ul_type_census_add(&a, "kmalloc-64", "struct file", false, 10, 640));
	OK(ul_type_census_add(&a, "kmalloc-96", "struct file", false, 1, 96));
	OK(ul_type_census_add(&a, "kmalloc-64", NULL, false, 5, 320));
	OK(ul_type_census_add(&b, "kmalloc-64", NULL, false, 2, 128));
	OK(ul_type_census_add(&b, "kmalloc-64", "struct ring", false, 1, 64));
	OK(ul_type_census_add(&b, "kmalloc-96", "struct file", false, 1, 96));
	OK(ul_type_census_add(&b, "kmalloc-64", "struct file", false, 110, 7040));
	OK(ul_ledger_diff_types(&a, &b, &diff));
	static const struct {
		const char *cache, *name;
		int64_t change, objects_before, objects_after;
	} want[] = {{"kmalloc-64", "struct file", 6400, 10, 110},
		    {"kmalloc-64", "", -192, 5, 2},
		    {"kmalloc-64", "struct ring", 64, -1, 1},
		    {"kmalloc-96", "struct file", 0, 1, 1}};
	assert_int_equal(diff.types.rows.len, UL_ARRAY_LEN(want));
	for (size_t i = 0; i < UL_ARRAY_LEN(want); i++) {
		const struct ul_diff_row *row = &diff.types.rows.data[i];
		assert_string_equal(row->cache, want[i].cache);
		assert_string_equal(row->name, want[i].name);
		assert_int_equal(row->change, want[i].change);
		assert_int_equal(row->objects_before, want[i].objects_before);
		assert_int_equal(row->objects_after, want[i].objects_after);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_change_comes_first_to_either_side),
		cmocka_unit_test(changes_add_up_to_that_of_the_total),
		cmocka_unit_test(a_process_is_its_pid_and_its_start),
		cmocka_unit_test(after_a_restart_processes_are_summed_by_name),
		cmocka_unit_test(types_meet_by_cache_and_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
