// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "source/proc/limits.h"
#include "source/proc/meminfo.h"

static struct ul_error *parse(const char *text, struct ul_meminfo *ret)
{
	return ul_meminfo_parse(ul_span_of(text), ret);
}

static void kilobytes_become_bytes_and_counts_stay_counts(void **state)
{
	(void)state;
	struct ul_meminfo meminfo;
	assert_null(parse("MemTotal:       1000 kB\nMemFree:    10 kB\nHugePages_Total:       3\n"
			  "Hugepagesize:       2048 kB\n",
			  &meminfo));
	assert_int_equal(meminfo.value[UL_MEMINFO_MEM_TOTAL], 1024000);
	assert_int_equal(meminfo.value[UL_MEMINFO_HUGE_PAGES_TOTAL], 3);
	assert_int_equal(meminfo.value[UL_MEMINFO_HUGE_PAGE_SIZE], 2097152);
	assert_false(meminfo.has[UL_MEMINFO_HUGETLB]);
}

static void a_field_that_starts_like_another_is_not_taken_for_it(void **state)
{
	(void)state;
	struct ul_meminfo meminfo;
	assert_null(
		parse("MemTotal: 9 kB\nMemFree: 1 kB\nSlabX: 5 kB\nCached2: 7 kB\nZswapped: 3 kB\n",
		      &meminfo));
	assert_false(meminfo.has[UL_MEMINFO_SLAB]);
	assert_false(meminfo.has[UL_MEMINFO_CACHED]);
	assert_false(meminfo.has[UL_MEMINFO_ZSWAP]);
}

static void unknown_lines_and_a_missing_last_newline_are_fine(void **state)
{
	(void)state;
	struct ul_meminfo meminfo;
	assert_null(parse("garbage\n\n:\nNew: x\nMemTotal: 9 kB\nMemFree: 1 kB", &meminfo));
	assert_int_equal(meminfo.value[UL_MEMINFO_MEM_FREE], 1024);
}

static void a_damaged_field_is_named(void **state)
{
	(void)state;
	struct ul_meminfo meminfo;
	UL_CLEANUP_ERROR struct ul_error *err = parse("MemTotal: 9 kB\nMemFree: -1 kB\n", &meminfo);
	assert_non_null(err);
	assert_int_equal(err->code, UL_ERR_BAD_DATA);
	assert_non_null(strstr(err->message, "MemFree"));
}

static void another_unit_is_refused(void **state)
{
	(void)state;
	struct ul_meminfo meminfo;
	UL_CLEANUP_ERROR struct ul_error *mb = parse("MemTotal: 9 MB\nMemFree: 1 kB\n", &meminfo);
	assert_int_equal(mb->code, UL_ERR_BAD_DATA);
	UL_CLEANUP_ERROR struct ul_error *none = parse("MemTotal: 9\nMemFree: 1 kB\n", &meminfo);
	assert_int_equal(none->code, UL_ERR_BAD_DATA);
}

static void a_text_without_totals_is_no_meminfo(void **state)
{
	(void)state;
	struct ul_meminfo meminfo;
	UL_CLEANUP_ERROR struct ul_error *empty = parse("", &meminfo);
	assert_int_equal(empty->code, UL_ERR_BAD_DATA);
	UL_CLEANUP_ERROR struct ul_error *half = parse("MemTotal: 9 kB\n", &meminfo);
	assert_int_equal(half->code, UL_ERR_BAD_DATA);
}

static void more_than_any_machine_has_is_over_the_limit(void **state)
{
	(void)state;
	struct ul_meminfo meminfo;
	// 2^42 kB is the limit of 2^52 bytes; one more is too much, and so is 2^64.
	assert_null(parse("MemTotal: 4398046511104 kB\nMemFree: 1 kB\n", &meminfo));
	UL_CLEANUP_ERROR struct ul_error *err =
		parse("MemTotal: 4398046511105 kB\nMemFree: 1 kB\n", &meminfo);
	assert_int_equal(err->code, UL_ERR_LIMIT);
	UL_CLEANUP_ERROR struct ul_error *huge =
		parse("MemTotal: 18446744073709551616 kB\nMemFree: 1 kB\n", &meminfo);
	assert_int_equal(huge->code, UL_ERR_BAD_DATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kilobytes_become_bytes_and_counts_stay_counts),
		cmocka_unit_test(a_field_that_starts_like_another_is_not_taken_for_it),
		cmocka_unit_test(unknown_lines_and_a_missing_last_newline_are_fine),
		cmocka_unit_test(a_damaged_field_is_named),
		cmocka_unit_test(another_unit_is_refused),
		cmocka_unit_test(a_text_without_totals_is_no_meminfo),
		cmocka_unit_test(more_than_any_machine_has_is_over_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
