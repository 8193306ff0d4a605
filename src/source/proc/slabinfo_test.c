// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "source/proc/limits.h"
#include "source/proc/slabinfo.h"

#define HEADER_2 "slabinfo - version: 2.1\n# name <active_objs> ...\n"

static struct ul_error *parse(const char *text, struct ul_slabinfo *ret)
{
	return ul_slabinfo_parse(ul_span_of(text), ret);
}

static void a_line_of_version_2_gives_its_slabs_and_pages(void **state)
{
	(void)state;
	UL_CLEANUP_SLABINFO struct ul_slabinfo slabinfo = {0};
	assert_null(parse(HEADER_2
			  "kmalloc-8k   36  40   8192    4    8 : tunables    0    0    0 : "
			  "slabdata      9     10      0\n",
			  &slabinfo));
	assert_int_equal(slabinfo.caches.len, 1);
	const struct ul_slabinfo_cache *cache = slabinfo.caches.data;
	assert_true(ul_span_equal(cache->name, "kmalloc-8k"));
	assert_int_equal(cache->active_objects, 36);
	assert_int_equal(cache->objects, 40);
	assert_int_equal(cache->object_size, 8192);
	assert_int_equal(cache->objects_per_slab, 4);
	assert_int_equal(cache->slabs, 10);
	assert_int_equal(cache->pages, 80);
	assert_int_equal(slabinfo.pages, 80);
}

static void statistics_behind_the_line_do_not_disturb(void **state)
{
	(void)state;
	UL_CLEANUP_SLABINFO struct ul_slabinfo slabinfo = {0};
	assert_null(parse("slabinfo - version: 2.0 (statistics)\n"
			  "filp 10 12 256 16 1 : tunables 120 60 8 : slabdata 1 2 0 : globalstat "
			  "1 2 3 4 5 6 7 8 : cpustat 9 8 7 6\n",
			  &slabinfo));
	assert_int_equal(slabinfo.caches.data[0].slabs, 2);
	assert_int_equal(slabinfo.bad_lines, 0);
}

static void version_1_has_slabs_before_the_colon(void **state)
{
	(void)state;
	UL_CLEANUP_SLABINFO struct ul_slabinfo slabinfo = {0};
	assert_null(parse("slabinfo - version: 1.1 (SMP)\nkmem_cache 80 81 248 5 6 2 : 252 126\n"
			  "nocolon 1 2 32 1 1 1\n",
			  &slabinfo));
	assert_int_equal(slabinfo.caches.len, 2);
	assert_int_equal(slabinfo.caches.data[0].active_objects, 80);
	assert_int_equal(slabinfo.caches.data[0].slabs, 6);
	assert_int_equal(slabinfo.caches.data[0].pages, 12);
}

static void a_name_may_hold_blanks_and_digits(void **state)
{
	(void)state;
	UL_CLEANUP_SLABINFO struct ul_slabinfo slabinfo = {0};
	assert_null(parse(HEADER_2 "odd 7 name  1 2 3 4 5 : tunables 0 0 0 : slabdata 1 1 0\n",
			  &slabinfo));
	assert_true(ul_span_equal(slabinfo.caches.data[0].name, "odd 7 name"));
	assert_int_equal(slabinfo.caches.data[0].pages, 5);
}

static void damaged_lines_are_counted_and_the_rest_is_read(void **state)
{
	(void)state;
	UL_CLEANUP_SLABINFO struct ul_slabinfo slabinfo = {0};
	assert_null(parse(HEADER_2 "cut 1 2 3\n"
				   " 1 2 3 4 5 : tunables 0 0 0 : slabdata 1 1 0\n"
				   "neg -1 2 3 4 5 : tunables 0 0 0 : slabdata 1 1 0\n"
				   "nodata 1 2 3 4 5 : tunables 0 0 0\n"
				   "good 1 2 3 4 5 : tunables 0 0 0 : slabdata 1 1 0\n",
			  &slabinfo));
	assert_int_equal(slabinfo.bad_lines, 4);
	assert_int_equal(slabinfo.caches.len, 1);
}

static void numbers_whose_product_overflows_are_a_damaged_line(void **state)
{
	(void)state;
	UL_CLEANUP_SLABINFO struct ul_slabinfo slabinfo = {0};
	assert_null(parse(HEADER_2
			  "x 1 2 3 4 4294967296 : tunables 0 0 0 : slabdata 1 4294967296 0\n"
			  "y 1 2 3 4 4294967295 : tunables 0 0 0 : slabdata 1 68719476736 0\n",
			  &slabinfo));
	assert_int_equal(slabinfo.bad_lines, 2);
}

static void a_sum_over_the_limit_is_refused(void **state)
{
	(void)state;
	UL_CLEANUP_SLABINFO struct ul_slabinfo slabinfo = {0};
	// Each line has 2^36 pages, which is the limit.
	UL_CLEANUP_ERROR struct ul_error *err =
		parse(HEADER_2 "a 1 2 3 4 1 : tunables 0 0 0 : slabdata 1 68719476736 0\n"
			       "b 1 2 3 4 1 : tunables 0 0 0 : slabdata 1 68719476736 0\n",
		      &slabinfo);
	assert_non_null(err);
	assert_int_equal(err->code, UL_ERR_LIMIT);
}

static void a_text_without_version_is_refused(void **state)
{
	(void)state;
	UL_CLEANUP_SLABINFO struct ul_slabinfo slabinfo = {0};
	UL_CLEANUP_ERROR struct ul_error *empty = parse("", &slabinfo);
	assert_int_equal(empty->code, UL_ERR_BAD_DATA);
	UL_CLEANUP_ERROR struct ul_error *other = parse("MemTotal: 1 kB\n", &slabinfo);
	assert_int_equal(other->code, UL_ERR_BAD_DATA);
}

static void parsing_again_forgets_the_text_before(void **state)
{
	(void)state;
	UL_CLEANUP_SLABINFO struct ul_slabinfo slabinfo = {0};
	assert_null(
		parse(HEADER_2 "a 1 2 3 4 5 : tunables 0 0 0 : slabdata 1 1 0\nbad\n", &slabinfo));
	assert_null(parse(HEADER_2, &slabinfo));
	assert_int_equal(slabinfo.caches.len, 0);
	assert_int_equal(slabinfo.pages, 0);
	assert_int_equal(slabinfo.bad_lines, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_of_version_2_gives_its_slabs_and_pages),
		cmocka_unit_test(statistics_behind_the_line_do_not_disturb),
		cmocka_unit_test(version_1_has_slabs_before_the_colon),
		cmocka_unit_test(a_name_may_hold_blanks_and_digits),
		cmocka_unit_test(damaged_lines_are_counted_and_the_rest_is_read),
		cmocka_unit_test(numbers_whose_product_overflows_are_a_damaged_line),
		cmocka_unit_test(a_sum_over_the_limit_is_refused),
		cmocka_unit_test(a_text_without_version_is_refused),
		cmocka_unit_test(parsing_again_forgets_the_text_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
