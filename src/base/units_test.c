// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/units.h"

static void durations_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{"30", 30000000000},  {"30s", 30000000000},  {"500ms", 500000000},
		{"5m", 300000000000}, {"2h", 7200000000000}, {"1d", 86400000000000},
		{"1.5s", 1500000000}, {"0.25", 250000000},   {"10us", 10000},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(cases); i++) {
		int64_t ns = 0;
		assert_null(ul_parse_duration(cases[i].text, &ns));
		assert_true(ns == cases[i].ns);
	}
}

static void what_is_no_duration_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"",	  "s",	  "-1s",	   "0",	  "5 s",
					    "1x", "1e3",  "inf",	   "nan", "1.2.3s",
					    ".5", "0x10", "9999999999999d"};
	for (size_t i = 0; i < UL_ARRAY_LEN(texts); i++) {
		int64_t ns = 77;
		UL_CLEANUP_ERROR struct ul_error *error = ul_parse_duration(texts[i], &ns);
		assert_non_null(error);
		assert_int_equal(error->code, UL_ERR_USAGE);
		assert_non_null(strstr(error->message, texts[i]));
		assert_int_equal(ns, 77);
	}
}

static void sizes_are_read_in_powers_of_1024(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{"0", 0},	  {"4096", 4096},    {"64k", 65536},	 {"64K", 65536},
		{"64KiB", 65536}, {"64M", 67108864}, {"2G", 2147483648}, {"1T", 1099511627776},
		{"1.5k", 1536},	  {"12B", 12},	     {"1MB", 1048576},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(cases); i++) {
		uint64_t bytes = 1;
		assert_null(ul_parse_size(cases[i].text, &bytes));
		assert_true(bytes == cases[i].bytes);
	}
}

static void what_is_no_size_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "k", "-1", "1kk", "1 k", "1kiB2", "99999999999T"};
	for (size_t i = 0; i < UL_ARRAY_LEN(texts); i++) {
		uint64_t bytes = 77;
		UL_CLEANUP_ERROR struct ul_error *error = ul_parse_size(texts[i], &bytes);
		assert_non_null(error);
		assert_int_equal(error->code, UL_ERR_USAGE);
		assert_int_equal(bytes, 77);
	}
}

static void numbers_are_held_to_their_range(void **state)
{
	(void)state;
	uint64_t value = 0;
	assert_null(ul_parse_number("1", 1, 9, &value));
	assert_int_equal(value, 1);
	assert_null(ul_parse_number("9", 1, 9, &value));
	static const char *const texts[] = {"0", "10", "", "+5", "5 ", "0x5"};
	for (size_t i = 0; i < UL_ARRAY_LEN(texts); i++) {
		UL_CLEANUP_ERROR struct ul_error *error = ul_parse_number(texts[i], 1, 9, &value);
		assert_non_null(error);
		assert_int_equal(error->code, UL_ERR_USAGE);
	}
	assert_int_equal(value, 9);
}

static void bytes_are_written_with_three_digits(void **state)
{
	(void)state;
	char text[UL_UNITS_TEXT];
	assert_string_equal(ul_format_bytes(text, 0), "0 B");
	assert_string_equal(ul_format_bytes(text, 640), "640 B");
	assert_string_equal(ul_format_bytes(text, 1024), "1.00 KiB");
	assert_string_equal(ul_format_bytes(text, -12 * 1024), "-12.0 KiB");
	assert_string_equal(ul_format_bytes(text, 1536.0 * 1024 * 1024), "1.50 GiB");
	assert_string_equal(ul_format_bytes(text, 999 * 1024), "999 KiB");
	assert_string_equal(ul_format_bytes(text, 1023 * 1024), "1.00 MiB");
}

static void any_number_fits_its_buffer(void **state)
{
	(void)state;
	static const double values[] = {1e300, -1e300, 1e18, -9.3e18, 0.4, -0.4, 1e-300};
	for (size_t i = 0; i < UL_ARRAY_LEN(values); i++) {
		char text[UL_UNITS_TEXT];
		assert_true(strlen(ul_format_bytes(text, values[i])) < UL_UNITS_TEXT);
		assert_true(strlen(ul_format_rate(text, values[i])) < UL_UNITS_TEXT);
		assert_true(strlen(ul_format_duration(text, values[i])) < UL_UNITS_TEXT);
	}
	char text[UL_UNITS_TEXT];
	assert_true(strlen(ul_format_count(text, UINT64_MAX)) < UL_UNITS_TEXT);
	assert_string_equal(text, "18,446,744,073,709,551,615");
}

static void rates_choose_the_period_that_reads_well(void **state)
{
	(void)state;
	char text[UL_UNITS_TEXT];
	assert_string_equal(ul_format_rate(text, 0), "0 B/s");
	assert_string_equal(ul_format_rate(text, 1.25 * 1024 * 1024), "+1.25 MiB/s");
	assert_string_equal(ul_format_rate(text, -4096), "-4.00 KiB/s");
	// 512 B/s is 30 KiB a minute, 1 B/s 3.52 KiB an hour, 0.02 B/s 1.69 KiB a day.
	assert_string_equal(ul_format_rate(text, 512), "+30.0 KiB/min");
	assert_string_equal(ul_format_rate(text, 1), "+3.52 KiB/h");
	assert_string_equal(ul_format_rate(text, 0.02), "+1.69 KiB/d");
}

static void durations_are_written_in_two_units(void **state)
{
	(void)state;
	char text[UL_UNITS_TEXT];
	assert_string_equal(ul_format_duration(text, 0.45), "450 ms");
	assert_string_equal(ul_format_duration(text, 12), "12 s");
	assert_string_equal(ul_format_duration(text, 200), "3 min 20 s");
	assert_string_equal(ul_format_duration(text, 7500), "2 h 5 min");
	assert_string_equal(ul_format_duration(text, 4 * 86400 + 3 * 3600), "4 d 3 h");
	assert_string_equal(ul_format_duration(text, 120), "2 min");
	assert_string_equal(ul_format_duration(text, (double)NAN), "unknown");
	assert_string_equal(ul_format_duration(text, -1), "unknown");
}

static void counts_are_grouped_by_thousands(void **state)
{
	(void)state;
	char text[UL_UNITS_TEXT];
	assert_string_equal(ul_format_count(text, 0), "0");
	assert_string_equal(ul_format_count(text, 999), "999");
	assert_string_equal(ul_format_count(text, 1000), "1,000");
	assert_string_equal(ul_format_count(text, 12345678), "12,345,678");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_read),
		cmocka_unit_test(what_is_no_duration_is_refused),
		cmocka_unit_test(sizes_are_read_in_powers_of_1024),
		cmocka_unit_test(what_is_no_size_is_refused),
		cmocka_unit_test(numbers_are_held_to_their_range),
		cmocka_unit_test(bytes_are_written_with_three_digits),
		cmocka_unit_test(any_number_fits_its_buffer),
		cmocka_unit_test(rates_choose_the_period_that_reads_well),
		cmocka_unit_test(durations_are_written_in_two_units),
		cmocka_unit_test(counts_are_grouped_by_thousands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
