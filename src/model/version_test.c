// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/version.h"

static struct ul_version parse(const char *text)
{
	struct ul_version version;
	assert_true(ul_version_parse(ul_span_of(text), &version));
	return version;
}

static void versions_are_read_at_the_start_of_a_text(void **state)
{
	static const struct {
		const char *text;
		struct ul_version version;
		const char *again;
	} cases[] = {
		{"6.1.192", {6, 1, 192, 0}, "6.1.192"},
		{"6.1.192-2", {6, 1, 192, 0}, "6.1.192"},
		{"v6.12-rc3", {6, 12, 0, 3}, "6.12-rc3"},
		{"6.12~rc6-1~exp1", {6, 12, 0, 6}, "6.12-rc6"},
		{"6.12.0-rc3", {6, 12, 0, 3}, "6.12-rc3"},
		{"7.3.4-1~bpo13+1", {7, 3, 4, 0}, "7.3.4"},
		{"2.6.32", {2, 6, 32, 0}, "2.6.32"},
		{"6.1.0-56-cloud-amd64", {6, 1, 0, 0}, "6.1"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct ul_version version = parse(cases[i].text);
		char text[UL_VERSION_TEXT];
		assert_int_equal(ul_version_compare(version, cases[i].version), 0);
		assert_int_equal(version.rc, cases[i].version.rc);
		assert_string_equal(ul_version_format(text, version), cases[i].again);
	}
}

static void what_is_no_version_is_refused(void **state)
{
	static const char *const texts[] = {"",	   "v",	      "six",	  "6",	    "6.",  "6.1.",
					    "0.1", "70000.1", "6.123456", "6.1-rc", "-6.1"};
	struct ul_version version;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_false(ul_version_parse(ul_span_of(texts[i]), &version));
		assert_int_equal(version.major, 0);
	}
}

static void versions_are_ordered_as_they_came_out(void **state)
{
	static const char *const ascending[] = {"2.6.32",  "3.10", "5.10.9", "5.10.10",	 "6.1-rc1",
						"6.1-rc2", "6.1",  "6.1.1",  "6.12-rc1", "7.2"};
	for (size_t i = 0; i + 1 < sizeof(ascending) / sizeof(ascending[0]); i++) {
		assert_true(ul_version_compare(parse(ascending[i]), parse(ascending[i + 1])) < 0);
		assert_true(ul_version_compare(parse(ascending[i + 1]), parse(ascending[i])) > 0);
	}
	assert_int_equal(ul_version_compare(parse("6.1"), parse("6.1.0")), 0);
	assert_true(ul_version_same_series(parse("6.1"), parse("6.1.192")));
	assert_false(ul_version_same_series(parse("6.1"), parse("6.12")));
	assert_false(ul_version_same_series(parse("2.6.32"), parse("2.6.33")));
}

static void kernels_say_what_they_are_made_from(void **state)
{
	static const struct {
		const char *release, *banner, *version, *package;
		enum ul_vendor vendor;
	} cases[] = {
		{"6.1.0-56-cloud-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)",
		 "6.1.192", "6.1.192-2", UL_VENDOR_DEBIAN},
		{"6.1.0-56-rt-amd64", "#1 SMP PREEMPT_RT Debian 6.1.192-2 (2026-11-16)", "6.1.192",
		 "6.1.192-2", UL_VENDOR_DEBIAN},
		{"6.12.117+deb12-cloud-amd64",
		 "#1 SMP PREEMPT_DYNAMIC Debian 6.12.117-1~deb12u1 (2026-11-01)", "6.12.117",
		 "6.12.117-1~deb12u1", UL_VENDOR_DEBIAN},
		{"6.12-rc6-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.12~rc6-1~exp1 (2024-11-10)",
		 "6.12-rc6", "6.12~rc6-1~exp1", UL_VENDOR_DEBIAN},
		{"6.6.31", "#1 SMP Mon May 20 10:00:00 UTC 2024", "6.6.31", "", UL_VENDOR_UPSTREAM},
		{"6.12.0", "#2 SMP", "6.12", "", UL_VENDOR_UPSTREAM},
		{"6.12.0-rc3", "#2 SMP", "6.12-rc3", "", UL_VENDOR_UPSTREAM},
		{"6.8.0-45-generic", "#45-Ubuntu SMP PREEMPT_DYNAMIC", "6.8", "",
		 UL_VENDOR_UNKNOWN},
		{"5.14.0-427.el9.x86_64", "#1 SMP PREEMPT_DYNAMIC", "5.14", "", UL_VENDOR_UNKNOWN},
		{"6.1.0-37-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22)",
		 "6.1.140", "6.1.140-1", UL_VENDOR_DEBIAN},
		{"5.10.0-46-cloud-amd64", "#1 SMP Debian 5.10.262-1 (2026-11-01)", "5.10.262",
		 "5.10.262-1", UL_VENDOR_DEBIAN},
		{"7.3.4+deb13-cloud-amd64",
		 "#1 SMP PREEMPT_DYNAMIC Debian 7.3.4-1~bpo13+1 (2026-11-10)", "7.3.4",
		 "7.3.4-1~bpo13+1", UL_VENDOR_DEBIAN},
		{"6.12.9+bpo-rt-amd64", "#1 SMP PREEMPT_RT Debian 6.12.9-1~bpo12+1 (2025-01-19)",
		 "6.12.9", "6.12.9-1~bpo12+1", UL_VENDOR_DEBIAN},
		{"5.10.0-30-686-pae", "#1 SMP Debian 5.10.218-1 (2024-06-01)", "5.10.218",
		 "5.10.218-1", UL_VENDOR_DEBIAN},
		// Debian's source with patches of others.
		{"6.8.11-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.8.11-1kali2 (2024-05-30)",
		 "6.8.11", "", UL_VENDOR_UNKNOWN},
		{"6.6.20+rpt-rpi-v8", "#1 SMP PREEMPT Debian 1:6.6.20-1+rpt1 (2024-03-07)",
		 "6.6.20", "", UL_VENDOR_UNKNOWN},
		{"6.10.11-1-ahs", "#1 SMP PREEMPT_DYNAMIC Debian 6.10.11-1~mx23ahs (2024-09-22)",
		 "6.10.11", "", UL_VENDOR_UNKNOWN},
		{"Debian 6.1.182-1kali1", "Debian 6.1.182-1kali1", "6.1.182", "",
		 UL_VENDOR_UNKNOWN}, // as it may be typed
		// Others.
		{"6.8.12-4-pve", "#1 SMP PREEMPT_DYNAMIC PMX 6.8.12-4 (2024-11-06T15:04Z)",
		 "6.8.12", "", UL_VENDOR_UNKNOWN},
		{"5.15.90.1-microsoft-standard-WSL2", "#1 SMP Fri Jan 27 02:56:13 UTC 2023",
		 "5.15.90", "", UL_VENDOR_UNKNOWN},
		{"6.9.1-arch1-1", "#1 SMP PREEMPT_DYNAMIC", "6.9.1", "", UL_VENDOR_UNKNOWN},
		{"6.6.31-rt31", "#1 SMP PREEMPT_RT", "6.6.31", "", UL_VENDOR_UNKNOWN},
		{"6.10.0-rc1-next-20240530", "#1 SMP", "6.10-rc1", "", UL_VENDOR_UNKNOWN},
		{"6.6.31+", "#3 SMP", "6.6.31", "", UL_VENDOR_UNKNOWN},
		{"4.18.0-553.el8_10.x86_64", "#1 SMP Fri May 10 15:19:13 UTC 2024", "4.18", "",
		 UL_VENDOR_UNKNOWN},
		{"5.14.21-150500.55.52-default", "#1 SMP PREEMPT_DYNAMIC", "5.14.21", "",
		 UL_VENDOR_UNKNOWN},
		{"6.18.44-fc-v595", "#1 SMP PREEMPT_DYNAMIC @0", "6.18.44", "", UL_VENDOR_UNKNOWN},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct ul_kernel_version kernel =
			ul_version_of(cases[i].release, cases[i].banner);
		char text[UL_VERSION_TEXT];
		assert_string_equal(ul_version_format(text, kernel.version), cases[i].version);
		assert_string_equal(kernel.package, cases[i].package);
		assert_int_equal(kernel.vendor, cases[i].vendor);
	}
	assert_int_equal(ul_version_of("weird", "").version.major, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_read_at_the_start_of_a_text),
		cmocka_unit_test(what_is_no_version_is_refused),
		cmocka_unit_test(versions_are_ordered_as_they_came_out),
		cmocka_unit_test(kernels_say_what_they_are_made_from),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
