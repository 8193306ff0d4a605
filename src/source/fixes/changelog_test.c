// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "source/fixes/fixes_internal.h"

static const char changelog[] =
	"linux (6.1.192-1) bookworm-security; urgency=high\n"
	"\n"
	"  * New upstream stable update:\n"
	"    https://www.kernel.org/pub/linux/kernel/v6.x/ChangeLog-6.1.191\n"
	"    - [arm64,arm] foo: fix memory leak in\n"
	"      foo_probe() (CVE-2026-1)\n"
	"    - bar: something else\n"
	"    https://www.kernel.org/pub/linux/kernel/v6.x/ChangeLog-6.1.192\n"
	"    - baz: fix refcount leak in baz_open() (Closes: #1) (CVE-2026-2)\n"
	"  * qux: fix memory leak in qux_close()\n"
	"\n"
	" -- A Maintainer <a@example.org>  Mon, 16 Nov 2026 11:17:40 +0100\n"
	"\n"
	"linux (6.1.20-1) bookworm; urgency=medium\n"
	"\n"
	"  * New upstream stable update:\n"
	"    https://www.kernel.org/pub/linux/kernel/v6.x/ChangeLog-6.1.20\n"
	"    - old: fix memory leak in old_probe()\n"
	"\n"
	" -- A Maintainer <a@example.org>  Sun, 19 Mar 2023 15:08:20 +0100\n";

static struct ul_fixes read_changelog(const char *text, struct ul_fix_counts *counts)
{
	struct ul_fixes fixes = {0};
	struct ul_fix_merger *merger UL_CLEANUP_FIX_MERGER = NULL;
	assert_null(ul_fix_merger_create(&fixes, &merger));
	assert_null(ul_fixes_add_changelog(merger, ul_span_of(text), counts));
	return fixes;
}

static void check_fix(const struct ul_fix *fix, const char *title, const char *version,
		      const char *function)
{
	char text[UL_VERSION_TEXT];
	assert_string_equal(fix->title, title);
	assert_int_equal(fix->fixed_len, 1);
	assert_string_equal(ul_version_format(text, fix->fixed[0]), version);
	assert_int_equal(fix->functions_len, 1);
	assert_string_equal(fix->functions[0].name, function);
	assert_true(fix->functions[0].in_title);
	assert_null(fix->commit);
}

static void titles_come_with_the_version_that_brought_them(void **state)
{
	struct ul_fix_counts counts;
	UL_CLEANUP_FIXES struct ul_fixes fixes = read_changelog(changelog, &counts);
	assert_int_equal(counts.titles, 4); // Debian's own patch is of no upstream version
	assert_int_equal(counts.leaks, 3);
	assert_int_equal(fixes.items.len, 3);
	assert_string_equal(fixes.date, "2026-11-16");
	check_fix(&fixes.items.data[0], "foo: fix memory leak in foo_probe()", "6.1.191",
		  "foo_probe");
	check_fix(&fixes.items.data[1], "baz: fix refcount leak in baz_open()", "6.1.192",
		  "baz_open");
	check_fix(&fixes.items.data[2], "old: fix memory leak in old_probe()", "6.1.20",
		  "old_probe");
}

static void other_texts_give_nothing(void **state)
{
	static const char *const texts[] = {
		"",
		"\n\n\n",
		"bash (5.2-1) unstable; urgency=low\n\n  * Fix memory leak in foo()\n",
		"    - fix memory leak in foo()\n",
		"linux (",
		"    https://x/ChangeLog-\n    - leak\n"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct ul_fix_counts counts;
		UL_CLEANUP_FIXES struct ul_fixes fixes = read_changelog(texts[i], &counts);
		assert_int_equal(counts.titles, 0);
		assert_int_equal(fixes.items.len, 0);
	}
}

static void a_package_that_is_not_installed_is_not_known(void **state)
{
	const struct ul_fix fix = {.title = "foo"};
	const struct ul_fix *const fixes[] = {&fix};
	bool named = true;
	bool known = true;
	assert_null(ul_fixes_package_names("0.0.0-no-such-kernel", "6.1.192-2", fixes, 1, &named,
					   &known));
	assert_false(named);
	assert_false(known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(titles_come_with_the_version_that_brought_them),
		cmocka_unit_test(other_texts_give_nothing),
		cmocka_unit_test(a_package_that_is_not_installed_is_not_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
