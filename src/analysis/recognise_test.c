// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/recognise.h"

static struct ul_knowledge_entry *add(struct ul_knowledge *knowledge, const char *name)
{
	struct ul_knowledge_entry *entry = ul_vec_add(&knowledge->entries);
	assert_non_null(entry);
	entry->name = name;
	assert_true(ul_vec_push(&entry->accounts.items, "kmalloc-*"));
	return entry;
}

/** Made by hand: `any` is known by its account alone, the others by one condition each. */
static struct ul_knowledge make_knowledge(void)
{
	struct ul_knowledge knowledge = {0};
	add(&knowledge, "any");
	struct ul_knowledge_entry *entry = add(&knowledge, "by function");
	assert_true(ul_vec_push(&entry->functions.items, "foo_*"));
	entry = add(&knowledge, "by symbol");
	assert_true(ul_vec_push(&entry->symbols.items, "foo_ops*"));
	entry = add(&knowledge, "by setting");
	const struct ul_setting_test test = {
		.value = {.path = "/x", .word = 1},
		.factor = 0.5,
		.other = {.path = "/x", .word = 2},
		.text = "x[1] > 50% of x[2]",
	};
	assert_true(ul_vec_push(&entry->settings, test));
	return knowledge;
}

/** "/x" holds two numbers: those of @p data. */
static bool setting(const struct ul_setting_value *value, double *ret, void *data)
{
	const double *numbers = data;
	assert_string_equal(value->path, "/x");
	*ret = numbers[value->word - 1];
	return true;
}

static const struct ul_recognised *find(const struct ul_recognitions *recognitions,
					const char *name)
{
	ul_vec_foreach (item, &recognitions->items)
		if (!strcmp(item->entry->name, name))
			return item;
	return NULL;
}

static struct ul_recognitions recognise(const struct ul_knowledge *knowledge,
					const struct ul_recognise_facts *facts)
{
	struct ul_recognitions ret;
	assert_null(ul_recognise(knowledge, facts, &ret));
	return ret;
}

static void what_cannot_be_looked_at_stays_uncertain(void **state)
{
	UL_CLEANUP_KNOWLEDGE struct ul_knowledge knowledge = make_knowledge();
	const struct ul_recognise_facts facts = {.account = "kmalloc-64"};
	UL_CLEANUP_RECOGNITIONS struct ul_recognitions found = recognise(&knowledge, &facts);
	assert_int_equal(found.items.len, 4);
	ul_vec_foreach (item, &found.items)
		assert_false(item->certain);
}

static void another_account_is_not_recognised(void **state)
{
	UL_CLEANUP_KNOWLEDGE struct ul_knowledge knowledge = make_knowledge();
	const struct ul_recognise_facts facts = {.account = "dentry", .aliases = "filp, cred"};
	UL_CLEANUP_RECOGNITIONS struct ul_recognitions found = recognise(&knowledge, &facts);
	assert_int_equal(found.items.len, 0);
	const struct ul_recognise_facts merged = {.account = "dentry",
						  .aliases = "filp, kmalloc-192"};
	UL_CLEANUP_RECOGNITIONS struct ul_recognitions others = recognise(&knowledge, &merged);
	assert_int_equal(others.items.len, 4);
}

static void a_caller_of_vmalloc_is_known_by_kind_and_name(void **state)
{
	UL_CLEANUP_KNOWLEDGE struct ul_knowledge knowledge = {0};
	struct ul_knowledge_entry *entry = add(&knowledge, "areas");
	assert_true(ul_vec_push(&entry->accounts.items, "vmalloc foo_*"));
	const struct ul_recognise_facts area = {.account = "foo_alloc", .kind = "vmalloc"};
	UL_CLEANUP_RECOGNITIONS struct ul_recognitions found = recognise(&knowledge, &area);
	assert_int_equal(found.items.len, 1);
	const struct ul_recognise_facts cache = {.account = "foo_alloc", .kind = "slab"};
	UL_CLEANUP_RECOGNITIONS struct ul_recognitions none = recognise(&knowledge, &cache);
	assert_int_equal(none.items.len, 0);
	assert_true(ul_knowledge_is_about(entry, "foo_alloc"));
	assert_false(ul_knowledge_is_about(entry, "bar_alloc"));
}

static void a_condition_that_fails_rules_out(void **state)
{
	UL_CLEANUP_KNOWLEDGE struct ul_knowledge knowledge = make_knowledge();
	double numbers[2] = {10, 100};
	struct ul_patterns patterns = {.objects_read = 1};
	const struct ul_recognise_facts facts = {
		.account = "kmalloc-64",
		.function = "bar",
		.patterns = &patterns,
		.setting = setting,
		.data = numbers,
	};
	UL_CLEANUP_RECOGNITIONS struct ul_recognitions found = recognise(&knowledge, &facts);
	assert_int_equal(found.items.len, 1);
	assert_string_equal(found.items.data[0].entry->name, "any");
}

static void a_condition_that_holds_makes_certain(void **state)
{
	UL_CLEANUP_KNOWLEDGE struct ul_knowledge knowledge = make_knowledge();
	double numbers[2] = {51, 100};
	char symbol[] = "foo_ops [foo]";
	struct ul_pattern_word word = {.kind = UL_WORD_SYMBOL, .symbol = symbol};
	struct ul_pattern pattern = {.objects = 1};
	pattern.words.data = &word;
	pattern.words.len = 1;
	struct ul_patterns patterns = {.objects_read = 1};
	patterns.items.data = &pattern;
	patterns.items.len = 1;
	const struct ul_recognise_facts facts = {
		.account = "kmalloc-64",
		.function = "foo_open",
		.patterns = &patterns,
		.setting = setting,
		.data = numbers,
	};
	UL_CLEANUP_RECOGNITIONS struct ul_recognitions found = recognise(&knowledge, &facts);
	assert_int_equal(found.items.len, 4);
	assert_true(find(&found, "by function")->certain);
	assert_string_equal(find(&found, "by function")->why, "allocated in foo_open");
	assert_true(find(&found, "by symbol")->certain);
	assert_string_equal(find(&found, "by symbol")->why, "points to foo_ops [foo]");
	assert_true(find(&found, "by setting")->certain);
	assert_false(find(&found, "any")->certain);
	assert_string_equal(found.items.data[3].entry->name, "any"); // certain ones first
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_be_looked_at_stays_uncertain),
		cmocka_unit_test(another_account_is_not_recognised),
		cmocka_unit_test(a_caller_of_vmalloc_is_known_by_kind_and_name),
		cmocka_unit_test(a_condition_that_fails_rules_out),
		cmocka_unit_test(a_condition_that_holds_makes_certain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
