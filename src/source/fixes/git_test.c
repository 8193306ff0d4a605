// SPDX-License-Identifier: GPL-2.0-or-later
/* A small repository made by git itself; skipped where there is no git. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source/fixes/fixes_internal.h"

/*
 * Mainline: v6.0, the bug (in 6.1-rc1), its fix (v6.2-rc1), another commit. Stable: from v6.1, the
 * fix again as a copy that names the original, v6.1.5.
 */
static const char script[] =
	"set -e\n"
	"cd \"$1\"\n"
	"export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b\n"
	"export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b\n"
	"git init -q -b master .\n"
	"commit() { git add -A; git commit -q -m \"$1\"; }\n"
	"printf 'static int foo_probe(int x)\\n{\\n\\tint a;\\n\\n\\n\\tint b;\\n\\treturn "
	"0;\\n}\\n' >foo.c\n"
	"commit 'begin'; git tag -a -m v6.0 v6.0\n"
	"sed -i 's/int a;/int a = x;/' foo.c; commit 'foo: take x'; bug=$(git rev-parse HEAD)\n"
	"git tag -a -m rc v6.1-rc1; git tag -a -m v6.1 v6.1\n"
	"sed -i 's/int b;/int b = 1;/' foo.c\n"
	"commit \"foo: fix memory leak in foo_probe()\n\nFixes: $(echo $bug | cut -c1-12) "
	"(\\\"foo: take x\\\")\"\n"
	"fix=$(git rev-parse HEAD); git tag -a -m rc v6.2-rc1\n"
	"echo >bar.c; commit 'bar: something about leaking information to userspace'\n"
	"git checkout -q -b stable v6.1\n"
	"sed -i 's/int b;/int b = 1;/' foo.c\n"
	"commit \"foo: fix memory leak in foo_probe()\n\ncommit $fix upstream.\"\n"
	"git tag -a -m v6.1.5 v6.1.5; git checkout -q master; echo $fix >fix\n";

static void a_clone_gives_commits_functions_and_releases(void **state)
{
	char directory[] = "/tmp/ullage-git-XXXXXX";
	struct ul_buf path UL_CLEANUP_BUF = {0};
	struct ul_buf command UL_CLEANUP_BUF = {0};
	UL_CLEANUP_FIXES struct ul_fixes fixes = {0};
	struct ul_fix_merger *merger UL_CLEANUP_FIX_MERGER = NULL;
	struct ul_fix_counts counts;
	char text[UL_VERSION_TEXT];
	char commit[64] = "";
	if (system("git --version >/dev/null 2>&1") != 0)
		skip();
	assert_non_null(mkdtemp(directory));
	ul_buf_printf(&path, "%s/script", directory);
	FILE *file = fopen(path.data, "w");
	assert_non_null(file);
	fputs(script, file);
	fclose(file);
	ul_buf_printf(&command, "sh %s %s", path.data, directory);
	assert_int_equal(system(command.data), 0);
	assert_null(ul_fix_merger_create(&fixes, &merger));
	assert_null(ul_fixes_add_git(merger, directory, &counts));
	ul_buf_clear(&path);
	ul_buf_printf(&path, "%s/fix", directory);
	file = fopen(path.data, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%63s", commit), 1);
	fclose(file);
	ul_buf_clear(&command);
	ul_buf_printf(&command, "rm -rf %s", directory);
	assert_int_equal(system(command.data), 0);

	assert_int_equal(fixes.items.len, 1); // the copy is the same fix
	const struct ul_fix *fix = &fixes.items.data[0];
	assert_int_equal(strncmp(fix->commit, commit, 12), 0);
	assert_string_equal(fix->title, "foo: fix memory leak in foo_probe()");
	assert_int_equal(fix->functions_len, 1);
	assert_string_equal(fix->functions[0].name, "foo_probe");
	assert_int_equal(fix->files_len, 1);
	assert_string_equal(fix->files[0], "foo.c");
	assert_string_equal(ul_version_format(text, fix->mainline), "6.2");
	assert_string_equal(ul_version_format(text, fix->introduced), "6.1");
	assert_int_equal(fix->fixed_len, 1);
	assert_string_equal(ul_version_format(text, fix->fixed[0]), "6.1.5");
	assert_int_equal(fix->sources, UL_FIX_GIT);
	assert_int_equal(counts.leaks, 2);
}

static void what_is_no_clone_is_an_error(void **state)
{
	UL_CLEANUP_FIXES struct ul_fixes fixes = {0};
	struct ul_fix_merger *merger UL_CLEANUP_FIX_MERGER = NULL;
	struct ul_fix_counts counts;
	if (system("git --version >/dev/null 2>&1") != 0)
		skip();
	assert_null(ul_fix_merger_create(&fixes, &merger));
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_fixes_add_git(merger, "/nonexistent-directory", &counts);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_OS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clone_gives_commits_functions_and_releases),
		cmocka_unit_test(what_is_no_clone_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
