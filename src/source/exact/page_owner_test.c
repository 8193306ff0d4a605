// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No Debian kernel has CONFIG_PAGE_OWNER: the texts are written by hand from the formats of Linux
 * mm/page_owner.c print_page_owner() of v6.1 and of v6.12, and stack_print().
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "source/exact/exact.h"

#define STACK_A                                                                                    \
	" post_alloc_hook+0x177/0x1a0\n __alloc_pages+0x18a/0x370\n"                               \
	" leakstat_leak_pages+0x13/0x50 [leakstat]\n"

static void parse(enum ul_exact_source source, const char *text, struct ul_trace *trace)
{
	const struct ul_exact_context context = {
		.source = source, .page_bytes = 4096, .clock = {.monotonic_ns = 5000000000}};
	UL_CLEANUP_EXACT_PARSER struct ul_exact_parser *parser = ul_exact_parser_create(&context);
	assert_non_null(parser);
	assert_null(ul_exact_parser_feed(parser, text, strlen(text)));
	assert_null(ul_exact_parser_finish(parser, trace));
}

static void blocks_with_one_stack_are_one_site(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse(UL_EXACT_PAGE_OWNER,
	      "Page allocated via order 2, mask 0xcc0(GFP_KERNEL), pid 18, tgid 17 (cat), ts "
	      "1000000000 ns, free_ts 900 ns\n"
	      "PFN 6699 type Unmovable Block 13 type Unmovable Flags 0x0(node=0|zone=1)\n" STACK_A
	      "Charged (via objcg)to memcg a.service\n\n"
	      "Page allocated via order 2, mask 0xcc0(GFP_KERNEL), pid 17, tgid 17 (cat), ts "
	      "3000000000 ns\n"
	      "PFN 0x1a2f type Unmovable Block 13 type Unmovable Flags 0x0(node=0|zone=1)\n" STACK_A
	      "\n",
	      &trace);
	assert_int_equal(trace.sites.len, 1);
	const struct ul_site *site = trace.sites.data;
	assert_int_equal(site->allocator, UL_ALLOCATOR_PAGES);
	assert_int_equal(site->live, 2);
	assert_int_equal(site->object_bytes, 16384);
	assert_int_equal(site->live_bytes, 32768);
	assert_int_equal(site->stack.frames.len, 3);
	assert_true(fabs(site->age_p50_s - 3) < 1e-9); // 4 s and 2 s
	assert_int_equal(site->processes.len, 1);
	assert_int_equal(site->processes.data[0].pid, 17);
	assert_int_equal(site->processes.data[0].objects, 2);
	assert_string_equal(site->processes.data[0].comm, "cat");
	assert_int_equal(site->examples.len, 2);
	assert_int_equal(site->examples.data[0].key, 6699);
	assert_int_equal(site->examples.data[1].key, 0x1a2f);
	assert_int_equal(trace.losses.items.len, 0);
}

static void what_processes_and_caches_can_give_back_is_left_out(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse(UL_EXACT_PAGE_OWNER,
	      "Page allocated via order 0, mask 0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), pid 1, "
	      "tgid 1 (a), ts 1 ns\n"
	      "PFN 0x1 type Movable Block 0 type Movable Flags 0x0()\n" STACK_A "\n",
	      &trace);
	assert_int_equal(trace.sites.len, 0);
	assert_int_equal(trace.losses.items.len, 1);
	assert_int_equal(trace.losses.items.data[0].bias, UL_BIAS_NONE);
}

static void older_kernels_know_neither_process_nor_time(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse(UL_EXACT_PAGE_OWNER,
	      "Page allocated via order 0, mask 0x0()\n"
	      "PFN 4096 type Unmovable Block 8 type Unmovable Flags 0x0()\n"
	      " a+0x1/0x2\n\n",
	      &trace);
	assert_int_equal(trace.sites.len, 1);
	assert_int_equal(trace.sites.data[0].processes.len, 0);
	assert_true(isnan(trace.sites.data[0].age_p50_s));
}

static void a_name_may_hold_parentheses_and_commas(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse(UL_EXACT_PAGE_OWNER,
	      "Page allocated via order 0, mask 0xcc0(GFP_KERNEL), pid 9, tgid 9 (a), (b), ts 4 "
	      "ns\n a+0x1/0x2\n\n",
	      &trace);
	assert_string_equal(trace.sites.data[0].processes.data[0].comm, "a), (b");
	assert_int_equal(trace.sites.data[0].processes.data[0].pid, 9);
}

static void sums_by_stack_are_counted_in_pages(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse(UL_EXACT_PAGE_STACKS,
	      STACK_A
	      "nr_base_pages: 404\n\n b+0x1/0x2\nhandle: 12\nnr_base_pages: 16\n\n c+0x1/0x2\n\n",
	      &trace);
	assert_int_equal(trace.sites.len, 2);
	assert_int_equal(trace.sites.data[0].live, 404);
	assert_int_equal(trace.sites.data[0].live_bytes, 404 * 4096);
	assert_int_equal(trace.sites.data[0].stack.frames.len, 3);
	assert_int_equal(trace.sites.data[1].live, 16);
	assert_int_equal(trace.losses.items.len, 0);
}

static void the_sums_of_v6_9_are_of_allocations(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse(UL_EXACT_PAGE_STACKS, " a+0x1/0x2\nstack_count: 7\n\n", &trace);
	assert_int_equal(trace.sites.data[0].live, 7);
	assert_int_equal(trace.losses.items.len, 1);
	assert_int_equal(trace.losses.items.data[0].bias, UL_BIAS_UNDER);
}

static void more_stacks_than_the_limit_are_lost_and_counted(void **state)
{
	(void)state;
	enum { BEYOND = 5 };
	const struct ul_exact_context context = {.source = UL_EXACT_PAGE_STACKS};
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	UL_CLEANUP_EXACT_PARSER struct ul_exact_parser *parser = ul_exact_parser_create(&context);
	for (int i = 0; i < UL_EXACT_MAX_SITES + BEYOND; i++) {
		char text[64];
		const int len =
			snprintf(text, sizeof(text), " f%d+0x1/0x2\nnr_base_pages: 2\n\n", i);
		assert_null(ul_exact_parser_feed(parser, text, (size_t)len));
	}
	// Known ones go on counting.
	assert_null(ul_exact_parser_feed(parser, " f0+0x1/0x2\nnr_base_pages: 3\n\n", 30));
	assert_null(ul_exact_parser_finish(parser, &trace));
	assert_int_equal(trace.sites.len, UL_EXACT_MAX_SITES);
	assert_int_equal(trace.sites.data[0].live, 5);
	assert_int_equal(trace.losses.items.len, 1);
	assert_int_equal(trace.losses.items.data[0].count, 2 * BEYOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_with_one_stack_are_one_site),
		cmocka_unit_test(what_processes_and_caches_can_give_back_is_left_out),
		cmocka_unit_test(older_kernels_know_neither_process_nor_time),
		cmocka_unit_test(a_name_may_hold_parentheses_and_commas),
		cmocka_unit_test(sums_by_stack_are_counted_in_pages),
		cmocka_unit_test(the_sums_of_v6_9_are_of_allocations),
		cmocka_unit_test(more_stacks_than_the_limit_are_lost_and_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
