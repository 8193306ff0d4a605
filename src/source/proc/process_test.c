// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <stdio.h>
#include <string.h>

#include "source/proc/process.h"

#define BEHIND " S 1 2 3 0 -1 %u 146 0 1 0 0 0 0 0 20 0 1 0 229763 2990080 411 0 0"

static bool parse(const char *before, unsigned int flags, struct ul_process *ret)
{
	char text[512];
	snprintf(text, sizeof(text), "%s" BEHIND "\n", before, flags);
	return ul_process_parse_stat(ul_span_of(text), ret);
}

static void stat_gives_name_start_and_flags(void **state)
{
	(void)state;
	struct ul_process process;
	assert_true(parse("777 (sleep)", 4194304, &process));
	assert_int_equal(process.pid, 777);
	assert_string_equal(process.comm, "sleep");
	assert_int_equal(process.start_ticks, 229763);
	assert_false(process.kernel_thread);
}

static void a_name_may_hold_anything(void **state)
{
	(void)state;
	struct ul_process process;
	assert_true(parse("7 (a) S (b\n) c)", 0, &process));
	assert_string_equal(process.comm, "a) S (b\n) c");
	assert_int_equal(process.start_ticks, 229763);
	assert_true(parse("7 ()", 0, &process));
	assert_string_equal(process.comm, "");
}

static void a_kernel_thread_is_told_by_its_flag(void **state)
{
	(void)state;
	struct ul_process process;
	// kthreadd of the recorded tree has flags 2129984 = 0x208040, which holds 0x200000.
	assert_true(parse("2 (kthreadd)", 2129984, &process));
	assert_true(process.kernel_thread);
}

static void a_long_name_is_cut(void **state)
{
	(void)state;
	struct ul_process process;
	assert_true(parse("7 (kworker/u8:2-a_work_queue_whose_name_goes_on_and_on_and_on_and_on)",
			  0, &process));
	assert_int_equal(strlen(process.comm), sizeof(process.comm) - 1);
}

static void damaged_stat_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",   "1", "1 (x", "x (y) S 1", "1 (x) S 1 2 3", "99999999999 (x) S 1 2 3 0 -1 0",
		")(",
	};
	struct ul_process process;
	for (size_t i = 0; i < UL_ARRAY_LEN(bad); i++)
		assert_false(ul_process_parse_stat(ul_span_of(bad[i]), &process));
}

static void statm_gives_resident_pages(void **state)
{
	(void)state;
	uint64_t pages;
	assert_true(ul_process_parse_statm(ul_span_of("730 455 427 5 0 89 0\n"), &pages));
	assert_int_equal(pages, 455);
	assert_false(ul_process_parse_statm(ul_span_of("730"), &pages));
	assert_false(ul_process_parse_statm(ul_span_of("730 99999999999999999"), &pages));
}

static void status_says_what_stat_does_not(void **state)
{
	(void)state;
	struct ul_process_status status;
	ul_process_parse_status(ul_span_of("Name:\tVmPTE: 9 kB\nFDSize:\t256\nVmPTE:\t      76 kB\n"
					   "VmSwap:\t       4 kB\nVmPMD:\t       8 kB\n"),
				&status);
	assert_true(status.has_tables);
	assert_int_equal(status.table_bytes, (76 + 8) * 1024);
	assert_int_equal(status.swap_bytes, 4096);
	assert_int_equal(status.fd_slots, 256);
	ul_process_parse_status(ul_span_of("Name:\tkthreadd\nFDSize:\t64\n"), &status);
	assert_false(status.has_tables);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_says_what_stat_does_not),
		cmocka_unit_test(stat_gives_name_start_and_flags),
		cmocka_unit_test(a_name_may_hold_anything),
		cmocka_unit_test(a_kernel_thread_is_told_by_its_flag),
		cmocka_unit_test(a_long_name_is_cut),
		cmocka_unit_test(damaged_stat_is_refused),
		cmocka_unit_test(statm_gives_resident_pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
