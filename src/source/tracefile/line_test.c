// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/tracefile/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *text, const char *comm, pid_t pid, uint32_t cpu, int64_t time_ns,
		   const char *event)
{
	struct ul_event_line line;
	if (!ul_event_line_parse(ul_span_of(text), &line))
		fail_msg("no event: %s", text);
	if (!ul_span_equal(line.comm, comm) || !ul_span_equal(line.event, event))
		fail_msg("%s: comm '%.*s', event '%.*s'", text, UL_SPAN_ARG(line.comm),
			 UL_SPAN_ARG(line.event));
	assert_int_equal(line.pid, pid);
	assert_int_equal(line.cpu, cpu);
	assert_int_equal(line.time_ns, time_ns);
}

static void refuse(const char *text)
{
	struct ul_event_line line;
	if (ul_event_line_parse(ul_span_of(text), &line))
		fail_msg("taken for an event: %s", text);
}

static void ftrace_with_and_without_thread_group(void **state)
{
	expect("             cat-9160    [000] d..1.  5352.962684: kfree: call_site=x ptr=0", "cat",
	       9160, 0, 5352962684000, "kfree");
	expect("             cat-9160    (   4711) [012] ...1.  5352.962684: kfree: ptr=0", "cat",
	       4711, 12, 5352962684000, "kfree");
	expect("             cat-9160    (-------) [001] .....  5352.962684: kfree: ptr=0", "cat",
	       9160, 1, 5352962684000, "kfree");
	// Before Linux 2.6.39 there were no flags, and trace-cmd shows none.
	expect("             cat-1234  [001]   123.000005: kmalloc: (x) call_site=1", "cat", 1234,
	       1, 123000005000, "kmalloc");
}

static void threads_are_told_from_their_process(void **state)
{
	struct ul_event_line line;
	assert_true(ul_event_line_parse(
		ul_span_of("             cat-9160    (   4711) [012] ...1.  1.5: kfree: ptr=0"),
		&line));
	assert_int_equal(line.tid, 9160);
	assert_int_equal(line.time_ns, 1500000000);
}

static void a_comm_may_hold_anything(void **state)
{
	expect("    kworker/u8:0-12    [001] .....     1.000001: kfree: ptr=0", "kworker/u8:0", 12,
	       1, 1000001000, "kfree");
	expect("     my proc-123-77    [002] .....     1.000001: kfree: ptr=0", "my proc-123", 77,
	       2, 1000001000, "kfree");
	// Fifteen characters that look like a whole head.
	expect(" a-1 [000] 1.5: -99    [003] .....     2.000000: kfree: ptr=0",
	       "a-1 [000] 1.5:", 99, 3, 2000000000, "kfree");
	expect("my proc-1 [001]  1234 [002]     3.000000: kmem:kfree: ptr=0", "my proc-1 [001]",
	       1234, 2, 3000000000, "kmem:kfree");
	expect("          <idle>-0       [000] d.h1.     1.000000: kfree: ptr=0", "<idle>", 0, 0,
	       1000000000, "kfree");
}

static void a_buffer_instance_may_stand_in_front(void **state)
{
	expect("ulltr_8278:               as-8280  [001]  5324.412550: kfree:  (x) call_site=x",
	       "as", 8280, 1, 5324412550000, "kfree");
}

static void perf_script_with_a_period(void **state)
{
	expect("python3  2549 [001] 71299.332295:          1 kmem:kfree: ptr=0", "python3", 2549, 1,
	       71299332295000, "kmem:kfree");
}

static void perf_script_with_pid_and_thread(void **state)
{
	struct ul_event_line line;
	assert_true(ul_event_line_parse(
		ul_span_of("cat  4711/9160  [001]  5346.896795123: kmem:kmalloc: call_site=x"),
		&line));
	assert_true(line.perf);
	assert_int_equal(line.pid, 4711);
	assert_int_equal(line.tid, 9160);
	assert_int_equal(line.time_ns, 5346896795123);
	expect("kworker/0:1-ev    42 [000]     7.000000: kmem:kfree: ptr=0x1", "kworker/0:1-ev", 42,
	       0, 7000000000, "kmem:kfree");
}

static void other_clocks(void **state)
{
	struct ul_event_line line;
	expect("    bash-9155      1..... 89358us : kfree: ptr=0", "bash", 9155, 1, 89358000,
	       "kfree");
	expect("    bash-9155      3d.h1.  12us+: kfree: ptr=0", "bash", 9155, 3, 12000, "kfree");
	assert_true(ul_event_line_parse(
		ul_span_of("             cat-9160    [000] d..1. 123456789: kfree: ptr=0"), &line));
	assert_int_equal(line.clock, UL_LINE_CLOCK_COUNTER);
	assert_int_equal(line.time_ns, 123456789);
}

static void stacks_are_events_too(void **state)
{
	expect("             cat-9160    [000] .....  5352.962684: <stack trace>", "cat", 9160, 0,
	       5352962684000, "<stack trace>");
	expect("             cat-1234  [001]   123.000005: kernel_stack:         <stack trace >",
	       "cat", 1234, 1, 123000005000, "kernel_stack");
}

static void other_text_is_no_event(void **state)
{
	refuse("");
	refuse("CPU:1 [LOST 549 EVENTS]");
	refuse(" => kfree+0x10/0x20");
	refuse("slabinfo - version: 2.1");
	refuse("Mar  3 10:00:00 host kernel: [ 12.345678] usb 1-1: new device");
	refuse("             cat-9160    [000] .....  5352.962684:");
	refuse("             cat-9160    [000] .....  99999999999999999999.1: kfree: ptr=0");
	refuse("             cat-9160    [000] .....  9999999999999999.1: kfree: ptr=0");
	refuse("             cat-99999999999  [000] .....  1.1: kfree: ptr=0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ftrace_with_and_without_thread_group),
		cmocka_unit_test(threads_are_told_from_their_process),
		cmocka_unit_test(a_comm_may_hold_anything),
		cmocka_unit_test(a_buffer_instance_may_stand_in_front),
		cmocka_unit_test(perf_script_with_a_period),
		cmocka_unit_test(perf_script_with_pid_and_thread),
		cmocka_unit_test(other_clocks),
		cmocka_unit_test(stacks_are_events_too),
		cmocka_unit_test(other_text_is_no_event),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
