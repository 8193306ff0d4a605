// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "base/units.h"
#include "cmd/moment.h"

// 2023-10-12 10:11:12 UTC, and two hours before
enum { LAST_S = 1697105472, FIRST_S = LAST_S - 7200 };

static int64_t moment(const char *text)
{
	int64_t ns = 0;
	struct ul_error *err =
		ul_moment_parse("--from", text, FIRST_S * UL_NS_PER_S, LAST_S * UL_NS_PER_S, &ns);
	if (err)
		fail_msg("%s", err->message);
	return ns / UL_NS_PER_S;
}

static void in_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static void distances_count_from_the_ends(void **state)
{
	assert_int_equal(moment("start"), FIRST_S);
	assert_int_equal(moment("end"), LAST_S);
	assert_int_equal(moment("+5m"), FIRST_S + 300);
	assert_int_equal(moment("-1h"), LAST_S - 3600);
}

static void a_clock_time_is_the_last_one_in_the_recording(void **state)
{
	in_zone("UTC");
	assert_int_equal(moment("10:00"), LAST_S - 672);
	assert_int_equal(moment("10:11:12"), LAST_S);
	assert_int_equal(moment("11:00"), LAST_S - 672 + 3600 - 86400);
	in_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	assert_int_equal(moment("12:00"), LAST_S - 672);
}

static void a_moment_without_a_zone_is_local(void **state)
{
	in_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	assert_int_equal(moment("2023-10-12 12:11:12"), LAST_S);
	assert_int_equal(moment("2023-10-12 10:11:12 UTC"), LAST_S);
	assert_int_equal(moment("1697105472"), LAST_S);
}

static void nonsense_is_a_usage_error(void **state)
{
	static const char *const texts[] = {"", "soon", "+", "-x", "25:00", "10/12/2023"};
	for (size_t i = 0; i < UL_ARRAY_LEN(texts); i++) {
		int64_t ns;
		struct ul_error *err UL_CLEANUP_ERROR =
			ul_moment_parse("--to", texts[i], 0, 1, &ns);
		assert_non_null(err);
		assert_int_equal(err->code, UL_ERR_USAGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distances_count_from_the_ends),
		cmocka_unit_test(a_clock_time_is_the_last_one_in_the_recording),
		cmocka_unit_test(a_moment_without_a_zone_is_local),
		cmocka_unit_test(nonsense_is_a_usage_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
