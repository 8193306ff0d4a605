// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No Debian kernel has CONFIG_DEBUG_KMEMLEAK: the texts are written by hand from the formats of
 * Linux mm/kmemleak.c print_unreferenced() of v5.10 and of v6.13.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "source/exact/exact.h"

static void parse(const char *text, const struct ul_exact_clock *clock, struct ul_trace *trace)
{
	const struct ul_exact_context context = {.source = UL_EXACT_KMEMLEAK, .clock = *clock};
	UL_CLEANUP_EXACT_PARSER struct ul_exact_parser *parser = ul_exact_parser_create(&context);
	assert_non_null(parser);
	assert_null(ul_exact_parser_feed(parser, text, strlen(text)));
	assert_null(ul_exact_parser_finish(parser, trace));
}

static const struct ul_exact_clock no_clock;

static void reports_with_one_stack_are_one_site_with_addresses(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse("unreferenced object 0xffff888101354400 (size 512):\n"
	      "  comm \"kworker/0:1\", pid 8, jiffies 4294953824 (age 15.250s)\n"
	      "  hex dump (first 32 bytes):\n"
	      "    00 44 35 01 81 88 ff ff 00 44 35 01 81 88 ff ff  .D5......D5.....\n"
	      "    00 00 00 00 00 00 00 00 9d 2d 9b 85 ff ff ff ff  ..a+0x1/0x2.....\n"
	      "  backtrace:\n"
	      "    [<000000004c12b1c7>] kmem_cache_alloc+0x1ac/0x2f4\n"
	      "    [<00000000794dd22c>] optee_handle_rpc+0x60/0x6f0 [optee]\n"
	      "unreferenced object 0xffff888101354600 (size 512):\n"
	      "  comm \"a\", pid 9, jiffies 4294953824 (age 5.250s)\n"
	      "  backtrace:\n"
	      "    [<0000000000000001>] kmem_cache_alloc+0x1ac/0x2f4\n"
	      "    [<0000000000000002>] optee_handle_rpc+0x60/0x6f0 [optee]\n",
	      &no_clock, &trace);
	assert_int_equal(trace.sites.len, 1); // whatever stands in the brackets
	const struct ul_site *site = trace.sites.data;
	assert_int_equal(site->live, 2);
	assert_int_equal(site->live_bytes, 1024);
	assert_int_equal(site->processes.len, 2);
	assert_int_equal(site->object_bytes, 512);
	assert_int_equal(site->examples.data[0].key, 0xffff888101354400);
	assert_int_equal(site->stack.frames.len, 2);
	assert_string_equal(site->stack.frames.data[1].function, "optee_handle_rpc");
	assert_string_equal(site->stack.frames.data[1].module, "optee");
	assert_string_equal(site->processes.data[0].comm, "kworker/0:1");
	assert_true(fabs(site->age_p50_s - 10.25) < 1e-9); // the mean of both
	assert_int_equal(trace.losses.items.len, 0);
}

static void newer_kernels_give_no_age_and_no_address(void **state)
{
	(void)state;
	const struct ul_exact_clock clock = {.jiffies_per_s = 250, .jiffies = 4294904166};
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse("unreferenced object 0xffff888243866800 (size 2048):\n"
	      "  comm \"send\"msg02\", pid 67, jiffies 4294903166\n"
	      "  hex dump (first 32 bytes):\n"
	      "    00 00 00 00 00 00 00 00 5e 00 00 00 00 00 00 00  ........^.......\n"
	      "  backtrace (crc 7e96a3f2):\n"
	      "    kmem_cache_alloc_noprof+0x209/0x450\n"
	      "    sk_prot_alloc.constprop.0+0x60/0x160\n"
	      "unreferenced object (percpu) 0x607ee5e2d9c8 (size 8):\n"
	      "  comm \"x\", pid 68, jiffies 4294903166\n"
	      "  hex dump (first 8 bytes on cpu 1):\n    00 00 00 00 00 00 00 00  ........\n"
	      "  backtrace (crc 0):\n    pcpu_alloc_noprof+0x1/0x2\n",
	      &clock, &trace);
	assert_int_equal(trace.sites.len, 2);
	assert_true(fabs(trace.sites.data[0].age_p50_s - 4) < 1e-9);
	assert_string_equal(trace.sites.data[0].processes.data[0].comm, "send\"msg02");
	assert_int_equal(trace.sites.data[1].allocator, UL_ALLOCATOR_PERCPU);
}

static void a_log_with_prefixes_and_decoded_lines_is_read(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse("[   76.61] usb 1-1: new device\n"
	      "[   76.611642][  T170] kmemleak: unreferenced object 0xfffffff06ef81480 (size "
	      "128):\n"
	      "[   76.618965][  T170] kmemleak:   comm \"insmod\", pid 493, jiffies 4294941102 "
	      "(age "
	      "38.540s)\n"
	      "[   76.627031][  T170] kmemleak:   backtrace:\n"
	      "[   76.631206][  T170] kmemleak:     [<ffffff>] create_object+0x100/0x288 mm/k.c:7\n"
	      "[   76.631206][  T170] kmemleak:     kzalloc include/linux/slab.h:680 [inline]\n",
	      &no_clock, &trace);
	assert_int_equal(trace.sites.len, 1);
	const struct ul_stack *stack = &trace.sites.data[0].stack;
	assert_int_equal(stack->frames.len, 2);
	assert_string_equal(stack->frames.data[0].file, "mm/k.c");
	assert_int_equal(stack->frames.data[0].line, 7);
	assert_true(stack->frames.data[1].inlined);
	assert_string_equal(stack->frames.data[1].function, "kzalloc");
}

static void an_empty_report_has_no_sites(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse("", &no_clock, &trace);
	assert_int_equal(trace.sites.len, 0);
	assert_int_equal(trace.losses.items.len, 0);
}

static void a_report_without_address_or_size_is_counted(void **state)
{
	(void)state;
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	parse("unreferenced object\nunreferenced object 0x12 (siz\n  comm \"", &no_clock, &trace);
	assert_int_equal(trace.sites.len, 0);
	assert_int_equal(trace.losses.items.data[0].count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_with_one_stack_are_one_site_with_addresses),
		cmocka_unit_test(newer_kernels_give_no_age_and_no_address),
		cmocka_unit_test(a_log_with_prefixes_and_decoded_lines_is_read),
		cmocka_unit_test(an_empty_report_has_no_sites),
		cmocka_unit_test(a_report_without_address_or_size_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
