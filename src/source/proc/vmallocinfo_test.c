// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/buf.h"
#include "source/proc/limits.h"
#include "source/proc/vmallocinfo.h"

#define RANGE "0x00000000a5c41c4f-0x000000009c123f09   20480 "

static struct ul_error *parse(const char *text, struct ul_vmallocinfo *ret)
{
	return ul_vmallocinfo_parse(ul_span_of(text), ret);
}

static void areas_of_one_function_are_one_caller(void **state)
{
	(void)state;
	UL_CLEANUP_VMALLOCINFO struct ul_vmallocinfo info = {0};
	assert_null(parse(RANGE "htab_map_alloc+0x2e4/0x5a0 pages=100 vmalloc N0=100\n" RANGE
				"htab_map_alloc+0xf6/0x5a0 pages=7 vmalloc vpages N0=7\n" RANGE
				"n_tty_open+0x14/0xa0 pages=3 vmalloc N0=3\n",
			  &info));
	assert_int_equal(info.callers.len, 2);
	assert_true(ul_span_equal(info.callers.data[0].function, "htab_map_alloc"));
	assert_int_equal(info.callers.data[0].pages, 107);
	assert_int_equal(info.callers.data[0].areas, 2);
	assert_int_equal(info.pages, 110);
}

static void a_module_is_part_of_the_name(void **state)
{
	(void)state;
	UL_CLEANUP_VMALLOCINFO struct ul_vmallocinfo info = {0};
	char name[64];
	assert_null(parse(RANGE "open+0x1/0x2 [nfsd] pages=1 vmalloc N0=1\n" RANGE
				"open+0x1/0x2 [xfs] pages=2 vmalloc N0=2\n" RANGE
				"open+0x1/0x2 pages=4 vmalloc N0=4\n" RANGE "pages=8 vmalloc\n",
			  &info));
	assert_int_equal(info.callers.len, 4);
	ul_vmalloc_caller_name(&info.callers.data[0], name, sizeof(name));
	assert_string_equal(name, "open [nfsd]");
	ul_vmalloc_caller_name(&info.callers.data[2], name, sizeof(name));
	assert_string_equal(name, "open");
	ul_vmalloc_caller_name(&info.callers.data[3], name, sizeof(name));
	assert_string_equal(name, "(no caller)");
	assert_int_equal(info.callers.data[3].pages, 8);
}

static void what_has_no_pages_of_its_own_is_not_counted(void **state)
{
	(void)state;
	UL_CLEANUP_VMALLOCINFO struct ul_vmallocinfo info = {0};
	assert_null(parse(RANGE
			  "irq_init_percpu_irqstack+0xca/0x100 vmap\n" RANGE
			  "acpi_os_map_iomem+0x1bc/0x1e0 phys=0x00000000000a0000 ioremap\n" RANGE
			  "pcpu_get_vm_areas+0x0/0x1050 vmalloc\n" RANGE
			  "  unpurged vm_area\n" RANGE "vm_map_ram\n",
			  &info));
	assert_int_equal(info.callers.len, 0);
	assert_int_equal(info.pages, 0);
	assert_int_equal(info.bad_lines, 0);
}

static void pages_handed_to_vmap_belong_to_somebody_else(void **state)
{
	(void)state;
	UL_CLEANUP_VMALLOCINFO struct ul_vmallocinfo info = {0};
	assert_null(
		parse(RANGE "i915_gem_object_pin_map+0x1/0x2 [i915] pages=9 vmap N0=9\n", &info));
	assert_int_equal(info.callers.len, 0);
	assert_int_equal(info.pages, 0);
	assert_int_equal(info.borrowed_pages, 9);
}

static void stacks_are_told_by_any_function_of_fork(void **state)
{
	(void)state;
	UL_CLEANUP_VMALLOCINFO struct ul_vmallocinfo info = {0};
	assert_null(parse(RANGE "kernel_clone+0x94/0x3e0 pages=4 vmalloc N0=4\n" RANGE
				"dup_task_struct.isra.0+0x1/0x3 pages=4 vmalloc N0=4\n" RANGE
				"fork_idle+0x74/0x120 pages=4 vmalloc N0=4\n" RANGE
				"copy_process_data+0x74/0x120 pages=1 vmalloc N0=1\n",
			  &info));
	assert_int_equal(info.stack_areas, 3);
	assert_int_equal(info.stack_pages, 12);
	assert_int_equal(info.callers.len, 1);
	assert_int_equal(info.pages, 13);
}

static void code_that_is_gone_keeps_its_address_as_a_name(void **state)
{
	(void)state;
	UL_CLEANUP_VMALLOCINFO struct ul_vmallocinfo info = {0};
	assert_null(parse(RANGE "0xffffffffc0a01234 pages=2 vmalloc N0=2\n", &info));
	assert_true(ul_span_equal(info.callers.data[0].function, "0xffffffffc0a01234"));
}

static void damaged_lines_are_counted(void **state)
{
	(void)state;
	UL_CLEANUP_VMALLOCINFO struct ul_vmallocinfo info = {0};
	assert_null(parse("x\n" RANGE "f+0x1/0x2 pages=-4 vmalloc\n0x1-0x2 much\n" RANGE
			  "f+0x1/0x2 pages=99999999999999 vmalloc\n",
			  &info));
	assert_int_equal(info.bad_lines, 4);
	assert_int_equal(info.callers.len, 0);
}

static void an_open_bracket_is_no_module(void **state)
{
	(void)state;
	UL_CLEANUP_VMALLOCINFO struct ul_vmallocinfo info = {0};
	assert_null(parse(RANGE "f+0x1/0x2 [\n" RANGE "f+0x1/0x2 [] pages=1 vmalloc\n", &info));
	assert_int_equal(info.callers.len, 1);
	assert_int_equal(info.callers.data[0].module.len, 0);
}

static void callers_beyond_the_limit_are_told_and_not_lost_from_the_sum(void **state)
{
	(void)state;
	UL_CLEANUP_VMALLOCINFO struct ul_vmallocinfo info = {0};
	UL_CLEANUP_BUF struct ul_buf text = {0};
	for (int i = 0; i < UL_PROC_LIMIT_CALLERS + 5; i++)
		ul_buf_printf(&text, RANGE "f%d+0x1/0x2 pages=2 vmalloc\n", i);
	assert_false(text.failed);
	assert_null(parse(ul_buf_str(&text), &info));
	assert_int_equal(info.callers.len, UL_PROC_LIMIT_CALLERS);
	assert_int_equal(info.callers_over_limit, 5);
	assert_int_equal(info.pages, 2 * (UL_PROC_LIMIT_CALLERS + 5));
}

static void a_sum_over_the_limit_is_refused(void **state)
{
	(void)state;
	UL_CLEANUP_VMALLOCINFO struct ul_vmallocinfo info = {0};
	UL_CLEANUP_ERROR struct ul_error *err = parse(
		RANGE "a+0x1/0x2 pages=68719476736 vmalloc\n" RANGE "b+0x1/0x2 pages=1 vmalloc\n",
		&info);
	assert_non_null(err);
	assert_int_equal(err->code, UL_ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(areas_of_one_function_are_one_caller),
		cmocka_unit_test(a_module_is_part_of_the_name),
		cmocka_unit_test(what_has_no_pages_of_its_own_is_not_counted),
		cmocka_unit_test(pages_handed_to_vmap_belong_to_somebody_else),
		cmocka_unit_test(stacks_are_told_by_any_function_of_fork),
		cmocka_unit_test(code_that_is_gone_keeps_its_address_as_a_name),
		cmocka_unit_test(damaged_lines_are_counted),
		cmocka_unit_test(an_open_bracket_is_no_module),
		cmocka_unit_test(callers_beyond_the_limit_are_told_and_not_lost_from_the_sum),
		cmocka_unit_test(a_sum_over_the_limit_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
