// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The files in tests/golden/exact are what Debian's kernels 6.1 and 5.10 printed in a guest where
 * the module leakstat had lost 1009 objects of leakstat_obj, 211 kmallocs of 4096 bytes, and 7
 * buffers of seq_file (/proc/leakctl said so).
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "source/exact/exact.h"

static void parse(const char *text, size_t len, const char *cache, struct ul_trace *trace)
{
	const struct ul_exact_context context = {.source = UL_EXACT_SLUB,
						 .cache = cache,
						 .object_bytes = 100,
						 .clock = {.jiffies_per_s = 250}};
	UL_CLEANUP_EXACT_PARSER struct ul_exact_parser *parser = ul_exact_parser_create(&context);
	assert_non_null(parser);
	assert_null(ul_exact_parser_feed(parser, text, len));
	assert_null(ul_exact_parser_finish(parser, trace));
}

static void parse_golden(const char *name, const char *cache, struct ul_trace *trace)
{
	char path[512];
	UL_CLEANUP_BUF struct ul_buf text = {0};
	snprintf(path, sizeof(path), "%s/exact/%s", UL_GOLDEN, name);
	assert_null(ul_file_read(AT_FDCWD, path, 1 << 20, &text));
	parse(ul_buf_str(&text), text.len, cache, trace);
}

static void the_leak_of_a_guest_is_one_site_with_its_exact_count(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse_golden("6.1-leakstat_obj.alloc_traces", "leakstat_obj", &trace);
	assert_int_equal(trace.sites.len, 1);
	const struct ul_site *site = trace.sites.data;
	assert_int_equal(site->live, 1009);
	assert_int_equal(site->live_bytes, 1009 * 100);
	assert_string_equal(site->cache, "leakstat_obj");
	assert_true(site->exact);
	assert_true(ul_site_balanced(site));
	assert_int_equal(site->stack.frames.len, 9);
	assert_string_equal(site->stack.frames.data[0].function, "leakstat_leak_cache");
	assert_int_equal(site->stack.frames.data[0].offset, 0x16);
	assert_string_equal(site->stack.frames.data[0].module, "leakstat");
	assert_null(site->stack.frames.data[4].module);
	assert_true(fabs(site->age_p50_s - 98 / 250.0) < 1e-9);
	assert_int_equal(site->processes.len, 1);
	assert_int_equal(site->processes.data[0].pid, 116);
	assert_int_equal(trace.losses.items.len, 0);
}

static void waste_and_ranges_of_pids_do_not_disturb(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse_golden("6.1-kmalloc-cg-4k.alloc_traces", "kmalloc-cg-4k", &trace);
	uint64_t live = 0;
	bool found = false;
	ul_vec_foreach (site, &trace.sites) {
		live += site->live;
		if (!strcmp(site->stack.frames.data[1].function, "seq_read_iter")) {
			found = true;
			assert_int_equal(site->live, 7);
			assert_int_equal(site->processes.len, 0); // pid=118-124
		}
	}
	assert_true(found);
	// awk '/^ *[0-9]+ /{n+=$1} END{print n}' of the file
	assert_int_equal(live, 17);
	assert_int_equal(trace.losses.items.len, 0);
}

static void objects_without_a_track_are_a_loss(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse_golden("6.1-seq_file.free_traces", "seq_file", &trace);
	assert_int_equal(trace.sites.len, 2);
	assert_int_equal(trace.losses.items.len, 1);
	assert_int_equal(trace.losses.items.data[0].count, 6);
}

static void before_v5_14_the_caller_stands_for_the_stack(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse_golden("5.10-kmalloc-4k.alloc_calls", "kmalloc-4k", &trace);
	assert_int_equal(trace.sites.len, 20); // wc -l
	const struct ul_site *leak = &trace.sites.data[19];
	assert_int_equal(leak->live, 211);
	assert_int_equal(leak->stack.frames.len, 1);
	assert_string_equal(leak->stack.frames.data[0].function, "leakstat_leak_kmalloc");
	assert_string_equal(leak->stack.frames.data[0].module, "leakstat");
	assert_int_equal(trace.losses.items.len, 0);
}

static void a_list_that_fills_a_page_may_be_cut(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	UL_CLEANUP_BUF struct ul_buf text = {0};
	for (int i = 0; text.len < 3900; i++)
		ul_buf_printf(&text, "%7d function_number_%d+0x1/0x2 age=1 pid=1\n", i + 1, i);
	parse(ul_buf_str(&text), text.len, "x", &trace);
	assert_int_equal(trace.losses.items.len, 1);
	assert_int_equal(trace.losses.items.data[0].bias, UL_BIAS_UNDER);
}

static void two_lines_with_one_stack_are_one_site(void **state)
{
	(void)state;
	static const char text[] = "      3 a+0x1/0x2 waste=9/3 age=1 pid=7\n        a+0x1/0x2\n"
				   "        b+0x1/0x2\n\n"
				   "      5 a+0x1/0x2 waste=5/1 age=1 pid=7\n        a+0x1/0x2\n"
				   "        b+0x1/0x2\n\n";
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse(text, sizeof(text) - 1, "x", &trace);
	assert_int_equal(trace.sites.len, 1);
	assert_int_equal(trace.sites.data[0].live, 8);
	assert_int_equal(trace.sites.data[0].processes.data[0].objects, 8);
}

static void text_in_pieces_gives_what_it_gives_whole(void **state)
{
	(void)state;
	static const char text[] = "      3 a+0x1/0x2 [m] age=1/2/3 pid=7 future=1\n"
				   "        a+0x1/0x2 [m]\n\n     1 0xffffffff81000000 age=1\n";
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		const struct ul_exact_context context = {.source = UL_EXACT_SLUB, .cache = "x"};
		UL_CLEANUP_TRACE struct ul_trace trace = {0};
		UL_CLEANUP_EXACT_PARSER struct ul_exact_parser *parser =
			ul_exact_parser_create(&context);
		for (size_t at = 0; at < sizeof(text) - 1; at += piece)
			assert_null(ul_exact_parser_feed(
				parser, text + at,
				piece < sizeof(text) - 1 - at ? piece : sizeof(text) - 1 - at));
		assert_null(ul_exact_parser_finish(parser, &trace));
		assert_int_equal(trace.sites.len, 2);
		assert_int_equal(trace.sites.data[0].live, 3);
		assert_string_equal(trace.sites.data[0].stack.frames.data[0].module, "m");
		assert_true(trace.sites.data[1].stack.frames.data[0].kaddr == 0xffffffff81000000);
		assert_int_equal(trace.losses.items.len, 0);
	}
}

static void rubbish_is_counted_and_skipped(void **state)
{
	(void)state;
	static const char text[] =
		"what is this\n   2 a+0x1/0x2 age=99999999999999999999999 pid=x\n"
		"not a frame\n\nNo data\n18446744073709551615 b+0x0/0x0 age=1\n";
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse(text, sizeof(text) - 1, "x", &trace);
	assert_int_equal(trace.sites.len, 1);
	assert_int_equal(trace.sites.data[0].live, 2);
	assert_int_equal(trace.losses.items.len, 1);
	assert_int_equal(trace.losses.items.data[0].count, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_leak_of_a_guest_is_one_site_with_its_exact_count),
		cmocka_unit_test(waste_and_ranges_of_pids_do_not_disturb),
		cmocka_unit_test(objects_without_a_track_are_a_loss),
		cmocka_unit_test(before_v5_14_the_caller_stands_for_the_stack),
		cmocka_unit_test(a_list_that_fills_a_page_may_be_cut),
		cmocka_unit_test(two_lines_with_one_stack_are_one_site),
		cmocka_unit_test(text_in_pieces_gives_what_it_gives_whole),
		cmocka_unit_test(rubbish_is_counted_and_skipped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
