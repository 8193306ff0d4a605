// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source/ftrace/calls.h"

static struct ul_traceables parse(const char *text)
{
	struct ul_traceables list;
	char *copy = strdup(text);
	assert_non_null(copy);
	assert_null(ul_traceables_parse(copy, strlen(copy), &list));
	return list;
}

static void functions_are_told_by_their_place(void **state)
{
	struct ul_traceables list = parse("kfree\nvfs_read\next4_iget [ext4]\n");
	assert_int_equal(list.items.len, 3);
	assert_true(ul_span_equal(list.items.data[1].name, "vfs_read"));
	assert_int_equal(list.items.data[1].module.len, 0);
	assert_true(ul_span_equal(list.items.data[2].name, "ext4_iget"));
	assert_true(ul_span_equal(list.items.data[2].module, "ext4"));
	ul_traceables_deinit(&list);
}

static void what_cannot_be_read_keeps_its_place(void **state)
{
	struct ul_traceables list =
		parse("a\n\n__ftrace_invalid_address___8 [\nb []\n  [m]\nc [x] more\nlast");
	assert_int_equal(list.items.len, 7);
	assert_int_equal(list.items.data[1].name.len, 0);
	assert_int_equal(list.items.data[2].module.len, 0);
	assert_int_equal(list.items.data[3].module.len, 0);
	assert_true(ul_span_equal(list.items.data[5].module, "x"));
	assert_true(ul_span_equal(list.items.data[6].name, "last"));
	ul_traceables_deinit(&list);
	list = parse("");
	assert_int_equal(list.items.len, 0);
	ul_traceables_deinit(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_told_by_their_place),
		cmocka_unit_test(what_cannot_be_read_keeps_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
