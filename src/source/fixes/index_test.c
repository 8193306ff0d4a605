// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source/fixes/fixes_internal.h"

static const char two_fixes[] =
	"# ullage fixes 1 2026-11-16\n"
	"# a remark\n"
	"0123456789ab\tfoo: fix leak in foo_open()\tCVE-2026-1\t*foo_open,foo_release\t"
	"drivers/foo/foo.c\t5.4\t6.13\t5.10.206,6.1.63\t\tc\n"
	"\tbar: free it on error\t\t\t\t\t\t6.1.20\t\td\n";

static struct ul_fixes parse(const char *text)
{
	struct ul_fixes fixes;
	assert_null(ul_fixes_parse(ul_span_of(text), &fixes));
	return fixes;
}

static void check_two(const struct ul_fixes *fixes)
{
	char text[UL_VERSION_TEXT];
	assert_string_equal(fixes->date, "2026-11-16");
	assert_int_equal(fixes->items.len, 2);
	const struct ul_fix *bar = &fixes->items.data[0];
	const struct ul_fix *foo = &fixes->items.data[1];
	if (foo->commit == NULL) {
		foo = bar;
		bar = &fixes->items.data[1];
	}
	assert_string_equal(foo->commit, "0123456789ab");
	assert_string_equal(foo->cve, "CVE-2026-1");
	assert_int_equal(foo->functions_len, 2);
	assert_string_equal(foo->functions[0].name, "foo_open");
	assert_true(foo->functions[0].in_title);
	assert_false(foo->functions[1].in_title);
	assert_int_equal(foo->files_len, 1);
	assert_string_equal(foo->files[0], "drivers/foo/foo.c");
	assert_string_equal(ul_version_format(text, foo->introduced), "5.4");
	assert_string_equal(ul_version_format(text, foo->mainline), "6.13");
	assert_int_equal(foo->fixed_len, 2);
	assert_string_equal(ul_version_format(text, foo->fixed[1]), "6.1.63");
	assert_int_equal(foo->sources, UL_FIX_CNA);
	assert_null(bar->commit);
	assert_null(bar->cve);
	assert_string_equal(bar->title, "bar: free it on error");
	assert_int_equal(bar->sources, UL_FIX_CHANGELOG);
}

static void an_index_is_read(void **state)
{
	UL_CLEANUP_FIXES struct ul_fixes fixes = parse(two_fixes);
	check_two(&fixes);
	assert_int_equal(fixes.losses.items.len, 0);
}

static void what_is_written_is_read_again(void **state)
{
	UL_CLEANUP_FIXES struct ul_fixes fixes = parse(two_fixes);
	UL_CLEANUP_FIXES struct ul_fixes again = {0};
	char path[] = "/tmp/ullage-fixes-XXXXXX";
	const int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	assert_null(ul_fixes_write(&fixes, path));
	assert_null(ul_fixes_read(path, &again));
	unlink(path);
	check_two(&again);
}

static void damaged_lines_are_a_loss(void **state)
{
	UL_CLEANUP_FIXES struct ul_fixes fixes = parse("# ullage fixes 1 \n"
						       "only one field\n"
						       "nothexadecim\ttitle\t\t\t\t\t\t\t\tc\n"
						       "\t\t\t\t\t\t\t\t\td\n"
						       "\tgood\t\t\t\tsix\t\t6.1.20,x\t\td\n");
	assert_int_equal(fixes.items.len, 1);
	assert_int_equal(fixes.items.data[0].fixed_len, 1);
	assert_int_equal(fixes.losses.items.len, 1);
	assert_int_equal(fixes.losses.items.data[0].count, 4);
}

static void what_is_no_index_is_refused(void **state)
{
	static const char *const texts[] = {"", "\n", "# ullage fixes 2 \n", "commit\ttitle\n"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		UL_CLEANUP_FIXES struct ul_fixes fixes = {0};
		UL_CLEANUP_ERROR struct ul_error *error =
			ul_fixes_parse(ul_span_of(texts[i]), &fixes);
		assert_non_null(error);
		assert_int_equal(error->code, UL_ERR_BAD_DATA);
	}
}

static void facts_of_one_fix_come_together(void **state)
{
	UL_CLEANUP_FIXES struct ul_fixes fixes = parse(two_fixes);
	UL_CLEANUP_FIXES struct ul_fixes more =
		parse("# ullage fixes 1 2026-12-01\n"
		      "\tfoo: fix leak in foo_open()\t\t\t\t\t\t6.1.60,6.12.9\t\td\n"
		      "fedcba987654\tbar: free it on error\t\tbar_probe\t\t\t6.2\t\t\tg\n"
		      "aaaaaaaaaaaa\tfoo: fix leak in foo_open()\t\t\t\t\t\t\t\tg\n");
	char text[UL_VERSION_TEXT];
	assert_null(ul_fixes_unite(&fixes, &more));
	assert_string_equal(fixes.date, "2026-12-01");
	// The third is another commit of the same title: it stays one of its own.
	assert_int_equal(fixes.items.len, 3);
	const struct ul_fix *foo = &fixes.items.data[0];
	assert_int_equal(foo->fixed_len, 3);
	assert_string_equal(ul_version_format(text, foo->fixed[1]), "6.1.60");
	assert_int_equal(foo->sources, UL_FIX_CNA | UL_FIX_CHANGELOG);
	assert_int_equal(foo->functions_len, 2);
	const struct ul_fix *bar = &fixes.items.data[1];
	assert_string_equal(bar->commit, "fedcba987654");
	assert_int_equal(bar->functions_len, 1);
	assert_string_equal(bar->functions[0].name, "bar_probe");
	assert_string_equal(ul_version_format(text, bar->mainline), "6.2");
}

static void the_index_that_ships_knows_the_first_case(void **state)
{
	UL_CLEANUP_FIXES struct ul_fixes fixes;
	size_t found = 0;
	assert_null(ul_fixes_shipped(&fixes));
	assert_int_equal(fixes.losses.items.len, 0);
	assert_true(fixes.items.len > 3000);
	assert_true(fixes.date[0]);
	ul_vec_foreach (fix, &fixes.items)
		found += fix->commit && !strcmp(fix->commit, "8e0bcc722289") &&
			 !strcmp(fix->title, "fix a leak in /proc/schedstats");
	assert_int_equal(found, 1);
}

static void a_damaged_package_is_refused(void **state)
{
	static const char garbage[] = "\x1f\x8b\x08nothing that inflates";
	struct ul_buf text UL_CLEANUP_BUF = {0};
	UL_CLEANUP_ERROR struct ul_error *error = ul_fixes_unpack(ul_span_of(garbage), &text);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_BAD_DATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_index_is_read),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(damaged_lines_are_a_loss),
		cmocka_unit_test(what_is_no_index_is_refused),
		cmocka_unit_test(facts_of_one_fix_come_together),
		cmocka_unit_test(the_index_that_ships_knows_the_first_case),
		cmocka_unit_test(a_damaged_package_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
