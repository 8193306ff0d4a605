// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/units.h"
#include "source/logs/when.h"

// `date -u -d "2023-10-12 10:11:12" +%s`
enum { MOMENT_S = 1697105472 };

static void reads(const char *text, int64_t seconds, bool zoned)
{
	struct ul_when when;
	if (!ul_when_parse(ul_span_of(text), &when))
		fail_msg("not read: %s", text);
	if (when.time_ns != seconds * UL_NS_PER_S || when.has_zone != zoned)
		fail_msg("%s: %lld", text, (long long)when.time_ns);
}

static void refuses(const char *text)
{
	struct ul_when when;
	if (ul_when_parse(ul_span_of(text), &when))
		fail_msg("read: %s", text);
}

static void the_outputs_of_date_are_moments(void **state)
{
	reads("Thu Oct 12 10:11:12 UTC 2023", MOMENT_S, true);
	reads("Thu 12 Oct 2023 10:11:12 AM UTC", MOMENT_S, true);
	reads("Thu 12 Oct 2023 10:11:12 PM UTC", MOMENT_S + 12 * 3600, true);
	reads("Thu Oct 12 12:11:12 CEST 2023", MOMENT_S, true);
	reads("Thu, 12 Oct 2023 12:11:12 +0200", MOMENT_S, true);
	reads("2023-10-12T12:11:12+02:00", MOMENT_S, true);
	reads("2023-10-12T10:11:12Z", MOMENT_S, true);
	reads("2023-10-12 10:11:12", MOMENT_S, false);
	reads("2023-10-12 10:11:12 UTC", MOMENT_S, true);
	reads("12.10.2023 10:11:12", MOMENT_S, false);
	reads("Date: 2023-10-12 10:11:12", MOMENT_S, false);
	reads("1697105472", MOMENT_S, true);
	reads("@1697105472", MOMENT_S, true);
}

static void names_of_files_are_moments(void **state)
{
	reads("20231012-101112", MOMENT_S, false);
	reads("20231012T101112Z", MOMENT_S, true);
	reads("2023-10-12_10:11:12", MOMENT_S, false);
	reads("20231012", MOMENT_S - (10 * 3600 + 11 * 60 + 12), false);
}

static void fractions_and_clocks_without_a_date_are_read(void **state)
{
	struct ul_when when;
	assert_true(ul_when_parse(ul_span_of("1697105472.25"), &when));
	assert_int_equal(when.time_ns, MOMENT_S * UL_NS_PER_S + UL_NS_PER_S / 4);
	assert_true(ul_when_parse(ul_span_of("10:11:12.5"), &when));
	assert_false(when.has_date);
	assert_int_equal(when.time_ns, (10 * 3600 + 11 * 60 + 12) * UL_NS_PER_S + UL_NS_PER_S / 2);
	assert_true(ul_when_parse(ul_span_of("12:00:01 AM"), &when));
	assert_int_equal(when.time_ns, UL_NS_PER_S);
	assert_true(ul_when_parse(ul_span_of("2024-02-29"), &when));
	assert_false(when.has_clock);
}

static void lines_of_data_are_none(void **state)
{
	refuses("");
	refuses("1234");
	refuses("10:11:12 up 5 days");
	refuses("MemTotal: 1234 kB");
	refuses("2023-02-29 10:00:00");
	refuses("2023-13-01 10:00:00");
	refuses("2023-10-12 25:00:00");
	refuses("2023-10-12 10:00 2023-10-12");
	refuses("13:00:00 PM");
	refuses("10/12/2023"); // October or December: not known
	refuses("16:44:41     21716216  23871892");
	refuses("99999999999999999999");
	refuses("Oct 12 2023 10:11:12 Oct 12 2023 10:11:12 a b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_outputs_of_date_are_moments),
		cmocka_unit_test(names_of_files_are_moments),
		cmocka_unit_test(fractions_and_clocks_without_a_date_are_read),
		cmocka_unit_test(lines_of_data_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
