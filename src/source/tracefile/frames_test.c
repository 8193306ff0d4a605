// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/tracefile/frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *text, const char *function, uint64_t offset, const char *module,
		   uint64_t kaddr)
{
	struct ul_stack stack = {0};
	assert_null(ul_frames_parse(ul_span_of(text), &stack));
	assert_int_equal(stack.frames.len, 1);
	const struct ul_frame *frame = &stack.frames.data[0];
	assert_int_equal(frame->offset, offset);
	assert_int_equal(frame->kaddr, kaddr);
	if (function)
		assert_string_equal(frame->function, function);
	else
		assert_null(frame->function);
	if (module)
		assert_string_equal(frame->module, module);
	else
		assert_null(frame->module);
	ul_stack_deinit(&stack);
}

static void frames_of_every_form(void **state)
{
	expect(" => seq_read", "seq_read", 0, NULL, 0);
	expect(" => seq_read+0x41/0x370", "seq_read", 0x41, NULL, 0);
	expect(" => leak+0x12/0x30 [leakstat]", "leak", 0x12, "leakstat", 0);
	expect(" => seq_read+0x41/0x370 <ffffffff816365b7>", "seq_read", 0x41, NULL,
	       0xffffffff816365b7);
	expect(" => 0xffffffffc0401234", NULL, 0, NULL, 0xffffffffc0401234);
	expect(" => ffffffffc0401234", NULL, 0, NULL, 0xffffffffc0401234);
	expect("=> seq_read (ffffffff816365b7)", "seq_read", 0, NULL, 0xffffffff816365b7);
	expect("\tffffffff8162e91f kfree+0x20f ([kernel.kallsyms])", "kfree", 0x20f, NULL,
	       0xffffffff8162e91f);
	expect("\tffffffffc0401234 leak+0x12 ([leakstat])", "leak", 0x12, "leakstat",
	       0xffffffffc0401234);
	expect("\tffffffffc0401234 leak+0x12 (/lib/modules/6.1.0/extra/leak-stat.ko.xz)", "leak",
	       0x12, "leak_stat", 0xffffffffc0401234);
	expect("\tffffffffc0401234 [unknown] ([kernel.kallsyms])", NULL, 0, NULL,
	       0xffffffffc0401234);
	expect(" => _RNvNtCs123_4core3fmt5write", "_RNvNtCs123_4core3fmt5write", 0, NULL, 0);
}

static void frames_that_say_nothing_are_left_out(void **state)
{
	struct ul_stack stack = {0};
	assert_null(ul_frames_parse(ul_span_of(" => \n => seq_read\n =>"), &stack));
	assert_int_equal(stack.frames.len, 1);
	ul_stack_deinit(&stack);
}

static void users_are_told_from_the_kernel(void **state)
{
	bool kernel;
	assert_true(ul_frame_is_perf(
		ul_span_of("\tffffffff8162e91f kfree+0x20f ([kernel.kallsyms])"), &kernel));
	assert_true(kernel);
	assert_true(ul_frame_is_perf(ul_span_of("\t           ee137 sched (/usr/lib/libc.so.6)"),
				     &kernel));
	assert_false(kernel);
	assert_true(
		ul_frame_is_perf(ul_span_of("\t75746174732f3732 [unknown] ([unknown])"), &kernel));
	assert_false(kernel);
	assert_true(
		ul_frame_is_perf(ul_span_of("\tffffffffff600000 [unknown] ([vsyscall])"), &kernel));
	assert_false(kernel);
	// s390: the kernel lies low.
	assert_true(ul_frame_is_perf(
		ul_span_of("\t          2e91f kfree+0x20f ([kernel.kallsyms])"), &kernel));
	assert_true(kernel);
	assert_false(ul_frame_is_perf(ul_span_of("cat 1 [000] 1.0: x: y"), &kernel));
	assert_false(ul_frame_is_perf(ul_span_of(""), &kernel));
	assert_false(ul_frame_is_perf(ul_span_of("\t"), &kernel));
}

static void arrows(void **state)
{
	assert_true(ul_frame_is_arrow(ul_span_of(" => x")));
	assert_true(ul_frame_is_arrow(ul_span_of("=> x")));
	assert_false(ul_frame_is_arrow(ul_span_of("= x")));
	assert_false(ul_frame_is_arrow(ul_span_of("")));
	assert_false(ul_frame_is_arrow(ul_span_of(" ")));
	assert_false(ul_frame_is_arrow(ul_span_of(" =")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_of_every_form),
		cmocka_unit_test(frames_that_say_nothing_are_left_out),
		cmocka_unit_test(users_are_told_from_the_kernel),
		cmocka_unit_test(arrows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
