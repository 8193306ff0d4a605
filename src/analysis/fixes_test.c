// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/fixes.h"

#define FUNCTIONS(...)                                                                             \
	.functions = (const struct ul_fix_function[]){__VA_ARGS__},                                \
	.functions_len = sizeof((const struct ul_fix_function[]){__VA_ARGS__}) /                   \
			 sizeof(struct ul_fix_function)
#define FILES(...)                                                                                 \
	.files = (const char *const[]){__VA_ARGS__},                                               \
	.files_len = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)
#define FIXED(...)                                                                                 \
	.fixed = (const struct ul_version[]){__VA_ARGS__},                                         \
	.fixed_len = sizeof((const struct ul_version[]){__VA_ARGS__}) / sizeof(struct ul_version)

/** A hundred fixes that nobody asks for, so that rarity means something. */
static struct ul_fixes make_fixes(const struct ul_fix *fixes, size_t len)
{
	struct ul_fixes ret = {0};
	for (size_t i = 0; i < len; i++)
		assert_true(ul_vec_push(&ret.items, fixes[i]));
	for (size_t i = 0; i < 100; i++) {
		const struct ul_fix other = {.title = "other: fix memory leak on error path"};
		assert_true(ul_vec_push(&ret.items, other));
	}
	return ret;
}

static struct ul_fix_matches rank(const struct ul_fixes *fixes, const char *release,
				  const struct ul_fix_suspect *suspects, size_t len,
				  double threshold)
{
	struct ul_fix_matches matches;
	const struct ul_fix_query query = {
		.suspects = suspects,
		.suspects_len = len,
		.kernel = ul_version_of(release, ""),
		.threshold = threshold,
	};
	assert_null(ul_fixes_rank(fixes, &query, &matches));
	assert_int_equal(matches.searched, fixes->items.len);
	return matches;
}

static void the_function_in_the_title_comes_first(void **state)
{
	const struct ul_fix known[] = {
		{.title = "foo: fix leak on probe", FUNCTIONS({"foo_probe", false})},
		{.title = "foo: fix leak in foo_release()", FUNCTIONS({"foo_release", true})},
		{.title = "bar: fix leak", FUNCTIONS({"foo_release", false}, {"bar", false})},
	};
	const struct ul_fix_suspect suspects[] = {{.function = "foo_release", .weight = 1}};
	UL_CLEANUP_FIXES struct ul_fixes fixes = make_fixes(known, 3);
	UL_CLEANUP_FIX_MATCHES struct ul_fix_matches matches =
		rank(&fixes, "6.1.20", suspects, 1, 2);
	assert_int_equal(matches.items.len, 3);
	assert_string_equal(matches.items.data[0].fix->title, known[1].title);
	assert_string_equal(matches.items.data[1].fix->title, known[2].title);
	assert_true(matches.items.data[0].score > 1.5 * matches.items.data[1].score);
	assert_non_null(strstr(matches.items.data[0].why, "its title names foo_release"));
}

static void no_known_fix_is_an_answer(void **state)
{
	const struct ul_fix_suspect suspects[] = {{.function = "nobody_heard_of_it", .weight = 1}};
	UL_CLEANUP_FIXES struct ul_fixes fixes = make_fixes(NULL, 0);
	UL_CLEANUP_FIX_MATCHES struct ul_fix_matches matches =
		rank(&fixes, "6.1.20", suspects, 1, 0);
	assert_int_equal(matches.items.len, 0);
}

static void what_every_fix_has_says_nothing(void **state)
{
	static const struct ul_fix_function shared[] = {{"shared_helper", false}};
	struct ul_fix known[50];
	for (size_t i = 0; i < 50; i++)
		known[i] = (struct ul_fix){.title = "x", .functions = shared, .functions_len = 1};
	const struct ul_fix_suspect suspects[] = {{.function = "shared_helper", .weight = 1}};
	UL_CLEANUP_FIXES struct ul_fixes fixes = make_fixes(known, 50);
	UL_CLEANUP_FIX_MATCHES struct ul_fix_matches matches =
		rank(&fixes, "6.1.20", suspects, 1, 2);
	assert_int_equal(matches.items.len, 0);
	assert_true(matches.best_below > 0 && matches.best_below < 2);
}

static void entry_frames_do_not_count(void **state)
{
	const struct ul_fix known[] = {
		{.title = "a", FUNCTIONS({"kthread", false}, {"worker_thread", false})}};
	const struct ul_fix_suspect suspects[] = {{.function = "kthread", .weight = 1},
						  {.function = "worker_thread", .weight = 1}};
	UL_CLEANUP_FIXES struct ul_fixes fixes = make_fixes(known, 1);
	UL_CLEANUP_FIX_MATCHES struct ul_fix_matches matches =
		rank(&fixes, "6.1.20", suspects, 2, 1);
	assert_int_equal(matches.items.len, 0);
}

static void the_source_file_and_the_module_help(void **state)
{
	const struct ul_fix known[] = {
		{.title = "a", FUNCTIONS({"shared_name", false}), FILES("drivers/a/one.c")},
		{.title = "b", FUNCTIONS({"shared_name", false}), FILES("drivers/b/my-driver.c")},
	};
	const struct ul_fix_suspect by_file[] = {
		{.function = "shared_name", .file = "/build/linux/drivers/a/one.c", .weight = 1}};
	const struct ul_fix_suspect by_module[] = {
		{.function = "shared_name", .module = "my_driver", .weight = 1}};
	UL_CLEANUP_FIXES struct ul_fixes fixes = make_fixes(known, 2);
	UL_CLEANUP_FIX_MATCHES struct ul_fix_matches matches =
		rank(&fixes, "6.1.20", by_file, 1, 2);
	assert_string_equal(matches.items.data[0].fix->title, "a");
	UL_CLEANUP_FIX_MATCHES struct ul_fix_matches others =
		rank(&fixes, "6.1.20", by_module, 1, 2);
	assert_string_equal(others.items.data[0].fix->title, "b");
}

static void a_fix_the_kernel_lacks_goes_before_one_it_has(void **state)
{
	const struct ul_fix known[] = {
		{.title = "has", FUNCTIONS({"twice_fixed", false}), FIXED({6, 1, 10, 0})},
		{.title = "lacks", FUNCTIONS({"twice_fixed", false}), FIXED({6, 1, 30, 0})},
	};
	const struct ul_fix_suspect suspects[] = {{.function = "twice_fixed", .weight = 1}};
	UL_CLEANUP_FIXES struct ul_fixes fixes = make_fixes(known, 2);
	UL_CLEANUP_FIX_MATCHES struct ul_fix_matches matches =
		rank(&fixes, "6.1.20", suspects, 1, 2);
	assert_string_equal(matches.items.data[0].fix->title, "lacks");
	assert_int_equal(matches.items.data[0].in_kernel, UL_IN_KERNEL_NO);
	assert_int_equal(matches.items.data[1].in_kernel, UL_IN_KERNEL_YES);
}

static void kernels_are_told_what_they_have(void **state)
{
	const struct ul_fix fix = {
		.title = "t",
		.introduced = {5, 18, 0, 0},
		.mainline = {6, 7, 0, 0},
		FIXED({6, 1, 64, 0}, {6, 6, 3, 0}),
	};
	static const struct {
		const char *release, *banner;
		enum ul_in_kernel in_kernel;
	} cases[] = {
		{"6.1.0-13-amd64", "Debian 6.1.55-1", UL_IN_KERNEL_NO},
		{"6.1.0-18-rt-amd64", "Debian 6.1.76-1", UL_IN_KERNEL_YES},
		{"6.1.64", "", UL_IN_KERNEL_YES},
		{"6.1.63", "", UL_IN_KERNEL_NO},
		{"6.6.2", "", UL_IN_KERNEL_NO},
		{"6.7.0", "", UL_IN_KERNEL_YES},
		{"6.12.117+deb12-cloud-amd64", "Debian 6.12.117-1~deb12u1", UL_IN_KERNEL_YES},
		{"7.3-rc7-amd64", "Debian 7.3~rc7-1~exp1", UL_IN_KERNEL_YES},
		{"6.7.0-rc1", "", UL_IN_KERNEL_UNKNOWN}, // before or after it, in the merge window
		{"5.10.200", "", UL_IN_KERNEL_NOT_AFFECTED},
		{"6.5.3", "", UL_IN_KERNEL_UNKNOWN}, // a series nobody wrote of
		{"6.1.0-1.el9.x86_64", "", UL_IN_KERNEL_UNKNOWN},
		{"6.8.0-45-generic", "", UL_IN_KERNEL_YES}, // made from what has it
		{"strange", "", UL_IN_KERNEL_UNKNOWN},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct ul_kernel_version kernel =
			ul_version_of(cases[i].release, cases[i].banner);
		struct ul_fix_match match = {0};
		ul_fix_in_kernel(&fix, &kernel, &match);
		if (match.in_kernel != cases[i].in_kernel)
			fail_msg("%s %s: %s, %s", cases[i].release, cases[i].banner,
				 ul_in_kernel_name(match.in_kernel), match.in_kernel_why);
		assert_true(match.in_kernel_why[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_function_in_the_title_comes_first),
		cmocka_unit_test(no_known_fix_is_an_answer),
		cmocka_unit_test(what_every_fix_has_says_nothing),
		cmocka_unit_test(entry_frames_do_not_count),
		cmocka_unit_test(the_source_file_and_the_module_help),
		cmocka_unit_test(a_fix_the_kernel_lacks_goes_before_one_it_has),
		cmocka_unit_test(kernels_are_told_what_they_have),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
