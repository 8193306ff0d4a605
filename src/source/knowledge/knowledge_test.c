// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "source/knowledge/knowledge.h"

#define REST "what: w\ngrows: g\ntest: t\ndo: d\nsource: s\n"

static void an_entry_is_read(void **state)
{
	UL_CLEANUP_KNOWLEDGE struct ul_knowledge knowledge;
	assert_null(ul_knowledge_parse(
		ul_span_of(
			"# remark\n\n[one]\nis: limit\naccount: a, b-*\nfunction: f*\n"
			"symbol: s [m]\ntext: *t*\n"
			"setting: /proc/x[3] > 50% of /proc/y:Key\nsetting: /proc/z[1] < 7\n" REST
			"[two]\nis: leak\naccount: c\n" REST),
		&knowledge));
	assert_int_equal(knowledge.entries.len, 2);
	const struct ul_knowledge_entry *one = &knowledge.entries.data[0];
	assert_string_equal(one->name, "one");
	assert_int_equal(one->as, UL_KNOWN_LIMIT);
	assert_true(ul_globs_match(&one->accounts, "a"));
	assert_true(ul_globs_match(&one->accounts, "b-12"));
	assert_false(ul_globs_match(&one->accounts, "ab-12"));
	assert_true(ul_globs_match(&one->functions, "foo"));
	assert_string_equal(one->symbols.items.data[0], "s [m]");
	assert_string_equal(one->advice, "d");
	assert_int_equal(one->settings.len, 2);
	const struct ul_setting_test *test = &one->settings.data[0];
	assert_string_equal(test->value.path, "/proc/x");
	assert_int_equal(test->value.word, 3);
	assert_false(test->less);
	assert_true(test->factor == 0.5);
	assert_string_equal(test->other.path, "/proc/y");
	assert_string_equal(test->other.key, "Key");
	test++;
	assert_true(test->less);
	assert_true(test->factor == 7);
	assert_null(test->other.path);
}

static void a_mistake_is_told_with_its_line(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"is: leak\n", "line 1"},
		{"[one]\nis: bug\n", "line 2"},
		{"[one]\nis: leak\nacount: a\n", "line 3"},
		{"[one]\nis: leak\naccount:\n", "nothing behind"},
		{"[one]\nis: leak\naccount: a,,b\n", "empty name"},
		{"[one]\nis: leak\naccount: a\n" REST "[one]\n", "second entry"},
		{"[one]\nis: leak\naccount: a\nwhat: w\n", "missing"},
		{"[one]\naccount: a\n" REST, "no \"is\""},
		{"[one]\nis: leak\n" REST, "no \"account\""},
		{"[one\n", "brackets"},
		{"[one]\nsetting: /proc/x > 1\n", "neither [WORD] nor :KEY"},
		{"[one]\nsetting: /proc/x[0] > 1\n", "number of a word"},
		{"[one]\nsetting: /proc/x[1] = 1\n", "neither < nor >"},
		{"[one]\nsetting: /proc/x[1] > much\n", "no number"},
		{"[one]\nsetting: /proc/x[1] > -1\n", "no number"},
		{"[one]\nsetting: /proc/x[1] > 50%\n", "of what"},
		{"[one]\nsetting: proc/x[1] > 5\n", "absolute"},
		{"[one]\nwhat: w\nwhat: w\n", "already"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		UL_CLEANUP_KNOWLEDGE struct ul_knowledge knowledge = {0};
		UL_CLEANUP_ERROR struct ul_error *error =
			ul_knowledge_parse(ul_span_of(cases[i].text), &knowledge);
		assert_non_null(error);
		assert_int_equal(error->code, UL_ERR_BAD_DATA);
		if (!strstr(error->message, cases[i].words))
			fail_msg("'%s' does not say '%s'", error->message, cases[i].words);
	}
}

static void numbers_are_found_in_files(void **state)
{
	static const char words[] = "145\t7 30  0\n-5 9\n";
	static const char lines[] = "MemTotal:  1000 kB\nMemFree:   40 kB\nnr_free 12\n";
	double number;
	const struct ul_setting_value second = {.path = "x", .word = 2};
	const struct ul_setting_value fifth = {.path = "x", .word = 5};
	const struct ul_setting_value seventh = {.path = "x", .word = 7};
	const struct ul_setting_value free_memory = {.path = "x", .key = "MemFree"};
	const struct ul_setting_value free_pages = {.path = "x", .key = "nr_free"};
	const struct ul_setting_value missing = {.path = "x", .key = "Mem"};
	assert_true(ul_setting_number(&second, ul_span_of(words), &number));
	assert_true(number == 7);
	assert_false(ul_setting_number(&fifth, ul_span_of(words), &number));
	assert_false(ul_setting_number(&seventh, ul_span_of(words), &number));
	assert_true(ul_setting_number(&free_memory, ul_span_of(lines), &number));
	assert_true(number == 40);
	assert_true(ul_setting_number(&free_pages, ul_span_of(lines), &number));
	assert_true(number == 12);
	assert_false(ul_setting_number(&missing, ul_span_of(lines), &number));
}

static void what_ships_is_whole(void **state)
{
	UL_CLEANUP_KNOWLEDGE struct ul_knowledge knowledge;
	struct ul_error *error = ul_knowledge_shipped(&knowledge);
	if (error)
		fail_msg("%s", error->message);
	assert_true(knowledge.entries.len >= 30);
	// Every entry says where in the kernel it was read: a file and a symbol of it.
	ul_vec_foreach (entry, &knowledge.entries)
		if (!strstr(entry->source, ".c") && !strstr(entry->source, ".h"))
			fail_msg("%s: source names no file: %s", entry->name, entry->source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_read),
		cmocka_unit_test(a_mistake_is_told_with_its_line),
		cmocka_unit_test(numbers_are_found_in_files),
		cmocka_unit_test(what_ships_is_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
