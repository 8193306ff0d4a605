// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"

#define ALL (UL_OPTION_BIT(COUNT) - 1)

/** Parse the words of @p line; error or NULL. argv lives in @p words while options are used. */
static struct ul_error *parse(struct ul_options *options, char *line, uint64_t allowed,
			      int *ret_positionals)
{
	static char *argv[64];
	int argc = 0;
	int first = 0;
	char *save = NULL;
	ul_options_init(options);
	for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	struct ul_error *error =
		ul_options_parse(options, "ullage test", allowed, false, argc, argv, &first);
	if (!error && ret_positionals)
		*ret_positionals = argc - first;
	return error;
}

static void expect_usage(const char *text, uint64_t allowed, const char *message, const char *hint)
{
	char line[256];
	struct ul_options options UL_CLEANUP_OPTIONS;
	snprintf(line, sizeof(line), "test %s", text);
	struct ul_error *error = parse(&options, line, allowed, NULL);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_USAGE);
	assert_string_equal(error->message, message);
	if (hint)
		assert_string_equal(error->hint, hint);
	ul_error_destroy(error);
}

static void every_option_arrives_where_it_belongs(void **state)
{
	char line[] = "test -vv -q -p --color=never -o out --proc p --sys s --for 5m --every 500ms "
		      "-r rec -n 7 --cache a --cache=b --size 4k-8k --pid 42 --comm cat --module m "
		      "--stack foo* --drain 3s --vmlinux v --core d1 --core=d2 --slab --pages "
		      "--no-contents one two";
	struct ul_options options UL_CLEANUP_OPTIONS;
	int positionals = 0;
	assert_null(parse(&options, line, ALL, &positionals));
	assert_int_equal(positionals, 2);
	assert_int_equal(options.verbose, 2);
	assert_true(options.quiet && options.json && options.pretty);
	assert_int_equal(options.color, UL_COLOR_NEVER);
	assert_string_equal(options.output, "out");
	assert_int_equal(options.cores.len, 2);
	assert_string_equal(options.cores.data[0], "d1");
	assert_string_equal(options.cores.data[1], "d2");
	assert_string_equal(options.proc_root, "p");
	assert_string_equal(options.sys_root, "s");
	assert_int_equal(options.for_ns, 300 * UL_NS_PER_S);
	assert_int_equal(options.every_ns, UL_NS_PER_S / 2);
	assert_string_equal(options.record, "rec");
	assert_int_equal(options.top, 7);
	assert_int_equal(options.caches.len, 2);
	assert_string_equal(options.caches.data[1], "b");
	assert_int_equal(options.size_min, 4096);
	assert_int_equal(options.size_max, 8192);
	assert_int_equal(options.pid, 42);
	assert_string_equal(options.comm, "cat");
	assert_string_equal(options.module, "m");
	assert_string_equal(options.stack, "foo*");
	assert_int_equal(options.drain_ns, 3 * UL_NS_PER_S);
	assert_string_equal(options.vmlinux, "v");
	assert_true(options.slab && options.pages && options.no_contents);
	assert_true(options.given & UL_OPTION_BIT(DRAIN));
	assert_false(options.given & UL_OPTION_BIT(HELP));
}

static void one_size_is_both_its_bounds_and_none_is_all(void **state)
{
	char none[] = "test";
	char one[] = "test --size 4096";
	struct ul_options options UL_CLEANUP_OPTIONS;
	assert_null(parse(&options, none, ALL, NULL));
	assert_int_equal(options.size_min, 0);
	assert_true(options.size_max == UINT64_MAX);
	assert_null(parse(&options, one, ALL, NULL));
	assert_int_equal(options.size_min, 4096);
	assert_int_equal(options.size_max, 4096);
}

static void an_option_the_command_would_ignore_is_refused(void **state)
{
	expect_usage("--cache x", 0, "ullage test does not take --cache",
		     "its options: ullage test --help");
	expect_usage("-n 5", 0, "ullage test does not take --top",
		     "its options: ullage test --help");
}

static void wrong_options_are_named(void **state)
{
	expect_usage("--frobnicate", ALL, "unknown option --frobnicate",
		     "options: ullage test --help");
	expect_usage("--josn", ALL, "unknown option --josn", "did you mean --json?");
	expect_usage("-X", ALL, "unknown option -X", "options: ullage test --help");
	expect_usage("--json=yes", ALL, "--json takes no value", NULL);
	expect_usage("--for", ALL, "--for needs a DURATION", NULL);
	expect_usage("-o", ALL, "--output needs a FILE", NULL);
}

static void wrong_values_are_named_with_their_option(void **state)
{
	expect_usage("--for soon", ALL,
		     "--for: 'soon' is not a duration (examples: 30s, 5m, 2h, 500ms)", NULL);
	expect_usage("--every 1ms", ALL, "--every: '1ms' is less than 10ms", NULL);
	expect_usage("--size 8k-4k", ALL, "--size: '8k-4k' begins above its end", NULL);
	expect_usage("--color red", ALL, "--color: 'red' is not one of auto, always, never", NULL);
	expect_usage("--budget cpu=0%", ALL,
		     "--budget: 'cpu=0%' is not cpu=N% with N from 1 to 100", NULL);
	expect_usage("--budget cpu=2%,mem=1k", ALL, "--budget: 'mem=1k' is less than 1M", NULL);
	expect_usage("--budget disk=1", ALL, "--budget: 'disk=1' is neither cpu=N% nor mem=SIZE",
		     NULL);
	expect_usage("--proc=", ALL, "--proc: the directory name is empty", NULL);
}

static void the_exit_code_follows_from_the_error(void **state)
{
	static const struct {
		enum ul_error_code code;
		int exit_code;
	} expected[] = {{UL_ERR_OS, 1},		 {UL_ERR_NOMEM, 1},	 {UL_ERR_BAD_DATA, 1},
			{UL_ERR_LIMIT, 1},	 {UL_ERR_USAGE, 2},	 {UL_ERR_PERMISSION, 4},
			{UL_ERR_UNSUPPORTED, 5}, {UL_ERR_INTERRUPTED, 1}};
	assert_int_equal(ul_exit_code(NULL), 0);
	for (size_t i = 0; i < UL_ARRAY_LEN(expected); i++) {
		const struct ul_error error = {.code = expected[i].code};
		assert_int_equal(ul_exit_code(&error), expected[i].exit_code);
	}
}

static void near_names_are_suggested_best_first(void **state)
{
	static const struct ul_cmd account = {.name = "account"};
	static const struct ul_cmd record = {.name = "record"};
	static const struct ul_cmd report = {.name = "report"};
	static const struct ul_cmd *const commands[] = {&account, &record, &report};
	const char *near[2];
	assert_int_equal(ul_help_nearest("recrod", commands, 3, near, 2), 1);
	assert_string_equal(near[0], "record");
	assert_int_equal(ul_help_nearest("re", commands, 3, near, 2), 2);
	assert_int_equal(ul_help_nearest("zzzzzz", commands, 3, near, 2), 0);
	assert_int_equal(ul_help_distance("", "abc"), 3);
	assert_int_equal(ul_help_distance("ab", "ba"), 1);
	assert_int_equal(ul_help_distance("kitten", "sitting"), 3);
}

static void every_option_has_a_help_text_of_one_line(void **state)
{
	for (unsigned int id = 0; id < UL_OPTION_COUNT; id++) {
		const struct ul_option *option = ul_option((enum ul_option_id)id);
		assert_int_equal(option->id, id);
		assert_true(strlen(option->help) > 0 && strlen(option->help) <= 52);
		for (unsigned int other = 0; other < id; other++) {
			const struct ul_option *before = ul_option((enum ul_option_id)other);
			assert_string_not_equal(before->name, option->name);
			assert_true(!option->letter || before->letter != option->letter);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_arrives_where_it_belongs),
		cmocka_unit_test(one_size_is_both_its_bounds_and_none_is_all),
		cmocka_unit_test(an_option_the_command_would_ignore_is_refused),
		cmocka_unit_test(wrong_options_are_named),
		cmocka_unit_test(wrong_values_are_named_with_their_option),
		cmocka_unit_test(the_exit_code_follows_from_the_error),
		cmocka_unit_test(near_names_are_suggested_best_first),
		cmocka_unit_test(every_option_has_a_help_text_of_one_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
