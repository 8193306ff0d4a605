// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "analysis/suppressions.h"

static void parse(struct ul_suppressions *suppressions, const char *text)
{
	assert_null(ul_suppressions_parse(suppressions, "test", ul_span_of(text)));
}

static void rules_comments_and_quotes_are_read(void **state)
{
	(void)state;
	UL_CLEANUP_SUPPRESSIONS struct ul_suppressions rules = {0};
	parse(&rules, "# only a comment\n"
		      "\n"
		      "cache=kmalloc-64 symbol=\"foo_ops [foo]\"   # bug 17 # and more\n"
		      "  contents=\"a # is no comment *\"\ttype=\"struct foo\"\n"
		      "caller=snd_*");
	assert_int_equal(rules.items.len, 3);
	assert_string_equal(rules.items.data[0].cache, "kmalloc-64");
	assert_string_equal(rules.items.data[0].symbol, "foo_ops [foo]");
	assert_string_equal(rules.items.data[0].why, "bug 17 # and more");
	assert_string_equal(rules.items.data[0].text, "cache=kmalloc-64 symbol=\"foo_ops [foo]\"");
	assert_string_equal(rules.items.data[1].contents, "a # is no comment *");
	assert_string_equal(rules.items.data[1].type, "struct foo");
	assert_null(rules.items.data[1].why);
	assert_string_equal(rules.items.data[2].caller, "snd_*");
}

static void what_is_no_rule_is_refused_with_its_line(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"cache=a\nkmalloc-64\n", "cache=a\ncolour=red\n",      "cache=a\ncache=\n",
		"cache=a\ncache=\"b\n",	 "cache=a\ncache=b cache=c\n",
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(wrong); i++) {
		UL_CLEANUP_SUPPRESSIONS struct ul_suppressions rules = {0};
		struct ul_error *error UL_CLEANUP_ERROR =
			ul_suppressions_parse(&rules, "test", ul_span_of(wrong[i]));
		assert_non_null(error);
		assert_int_equal(error->code, UL_ERR_BAD_DATA);
		assert_non_null(strstr(error->message, "test line 2"));
	}
}

static void a_rule_names_a_group_when_all_it_asks_for_matches(void **state)
{
	(void)state;
	UL_CLEANUP_SUPPRESSIONS struct ul_suppressions rules = {0};
	parse(&rules, "cache=kmalloc-* symbol=foo_ops*\ncontents=version*\ntype=none caller=me\n");
	char symbol[] = "foo_ops [foo]";
	char text[] = "version 15\\n";
	char caller[] = "me";
	struct ul_pattern_word word = {.symbol = symbol};
	struct ul_pattern pattern = {.words = {&word, 1, 1}};
	struct ul_orphan_group group = {.cache = "kmalloc-96",
					.patterns = {.items = {&pattern, 1, 1}}};
	assert_ptr_equal(ul_suppressions_find(&rules, &group), &rules.items.data[0]);
	group.cache = "dentry";
	assert_null(ul_suppressions_find(&rules, &group));
	pattern.text = text;
	assert_ptr_equal(ul_suppressions_find(&rules, &group), &rules.items.data[1]);
	pattern.text = NULL;
	group.caller = caller; // but it has no type
	assert_null(ul_suppressions_find(&rules, &group));
}

static void the_built_in_ones_say_where_the_kernel_says_so(void **state)
{
	(void)state;
	UL_CLEANUP_SUPPRESSIONS struct ul_suppressions rules = {0};
	assert_null(ul_suppressions_add_built_in(&rules));
	assert_true(rules.items.len > 0);
	ul_vec_foreach (rule, &rules.items) {
		assert_true(rule->built_in);
		assert_non_null(strstr(rule->why, "kmemleak_not_leak"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_comments_and_quotes_are_read),
		cmocka_unit_test(what_is_no_rule_is_refused_with_its_line),
		cmocka_unit_test(a_rule_names_a_group_when_all_it_asks_for_matches),
		cmocka_unit_test(the_built_in_ones_say_where_the_kernel_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
