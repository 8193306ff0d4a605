// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No Debian kernel has CONFIG_MEM_ALLOC_PROFILING: the texts are written by hand from the formats
 * of Linux lib/alloc_tag.c alloc_tag_to_text(), "%12lli %8llu ", and lib/codetag.c
 * codetag_to_text(), "%s:%u [%s] func:%s" ("%s:%u module %s func:%s" until v6.10-rc).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "source/exact/exact.h"

static void parse(const char *text, struct ul_trace *trace)
{
	const struct ul_exact_context context = {.source = UL_EXACT_ALLOCINFO};
	UL_CLEANUP_EXACT_PARSER struct ul_exact_parser *parser = ul_exact_parser_create(&context);
	assert_non_null(parser);
	assert_null(ul_exact_parser_feed(parser, text, strlen(text)));
	assert_null(ul_exact_parser_finish(parser, trace));
}

static void a_line_is_a_site_with_its_place(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse("allocinfo - version: 1.0\n#     <size>  <calls> <tag info>\n"
	      "       69632       17 fs/seq_file.c:210 func:seq_read_iter \n"
	      "           0        0 init/main.c:1314 func:do_initcalls \n"
	      "       12288        3 drivers/net/virtio_net.c:123 [virtio_net] func:virtnet_probe "
	      "\n",
	      &trace);
	assert_int_equal(trace.sites.len, 2);
	const struct ul_site *first = &trace.sites.data[0];
	assert_int_equal(first->live, 17);
	assert_int_equal(first->live_bytes, 69632);
	assert_int_equal(first->stack.frames.len, 1);
	assert_string_equal(first->stack.frames.data[0].function, "seq_read_iter");
	assert_string_equal(first->stack.frames.data[0].file, "fs/seq_file.c");
	assert_int_equal(first->stack.frames.data[0].line, 210);
	assert_null(first->stack.frames.data[0].module);
	assert_string_equal(trace.sites.data[1].stack.frames.data[0].module, "virtio_net");
	assert_int_equal(trace.losses.items.len, 0);
}

static void lines_the_kernel_marks_as_inexact_are_a_loss(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse("allocinfo - version: 2.0\n"
	      "         512        1 arch/x86/kernel/alternative.c:127 func:__its_alloc "
	      "accurate:no \n"
	      "       -4096        1 mm/foo.c:1 func:foo \n",
	      &trace);
	assert_int_equal(trace.sites.len, 2);
	assert_int_equal(trace.sites.data[1].live_bytes, 0);
	assert_int_equal(trace.losses.items.len, 1);
	assert_int_equal(trace.losses.items.data[0].count, 2);
}

static void two_lines_of_one_function_are_two_sites(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse("64 1 a.c:1 func:f\n64 2 a.c:2 func:f\n64 3 a.c:2 func:f\n", &trace);
	assert_int_equal(trace.sites.len, 2);
	assert_int_equal(trace.sites.data[1].live, 5);
}

static void rubbish_and_future_fields_are_no_failure(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse("allocinfo - version: 9.9\nx y z\n1\n 64 1 nocolon func:f\n 64 1 a.c:1\n"
	      " 99999999999999999999 1 a.c:1 func:f\n 64 1 a.c:1 [m] func:f node:3 more\n",
	      &trace);
	assert_int_equal(trace.sites.len, 1);
	assert_int_equal(trace.losses.items.len, 1);
	assert_int_equal(trace.losses.items.data[0].count, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_a_site_with_its_place),
		cmocka_unit_test(lines_the_kernel_marks_as_inexact_are_a_loss),
		cmocka_unit_test(two_lines_of_one_function_are_two_sites),
		cmocka_unit_test(rubbish_and_future_fields_are_no_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
