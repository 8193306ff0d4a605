// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/tracefile/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

enum { EVENTS_MAX = 64 };

/** A reader, and what came out of it. */
struct fixture {
	struct ul_dictionary dictionary;
	struct ul_tracefile_info info;
	struct ul_losses losses;
	struct ul_trace_text *text;
	struct ul_event events[EVENTS_MAX];
	size_t len;
};

static struct ul_error *take(void *context, const struct ul_event *event)
{
	struct fixture *fixture = context;
	if (fixture->len < EVENTS_MAX)
		fixture->events[fixture->len] = *event;
	fixture->len++;
	return NULL;
}

static void read_in_pieces(struct fixture *fixture, const char *text, size_t piece)
{
	*fixture = (struct fixture){0};
	assert_null(ul_trace_text_create(&fixture->dictionary, &fixture->info, &fixture->losses,
					 take, fixture, &fixture->text));
	struct ul_buf held UL_CLEANUP_BUF = {0};
	size_t left = strlen(text);
	while (left) {
		const size_t more = left < piece ? left : piece;
		ul_buf_add(&held, text, more);
		text += more;
		left -= more;
		size_t used;
		assert_null(ul_trace_text_feed(fixture->text, (struct ul_span){held.data, held.len},
					       !left, &used));
		memmove(held.data, held.data + used, held.len - used);
		held.len -= used;
	}
	assert_int_equal(held.len, 0);
	assert_null(ul_trace_text_finish(fixture->text));
}

static void read_text(struct fixture *fixture, const char *text)
{
	read_in_pieces(fixture, text, strlen(text));
}

static void close_fixture(struct fixture *fixture)
{
	ul_trace_text_destroy(fixture->text);
	ul_losses_deinit(&fixture->losses);
	ul_dictionary_deinit(&fixture->dictionary);
}

/** Innermost function of the event's stack. */
static const char *innermost(const struct fixture *fixture, size_t event)
{
	const struct ul_stack *stack =
		ul_dictionary_stack_of(&fixture->dictionary, fixture->events[event].stack);
	return stack ? stack->frames.data[0].function : NULL;
}

static const struct ul_loss *loss_of(const struct fixture *fixture, const char *words)
{
	ul_vec_foreach (loss, &fixture->losses.items)
		if (strstr(loss->what, words))
			return loss;
	return NULL;
}

#define ALLOC(task, cpu, time, ptr)                                                                \
	task " [" cpu "] ..... " time ": kmalloc: call_site=from_site+0x1/0x2 ptr=" ptr            \
	     " bytes_req=64 bytes_alloc=64 gfp_flags=GFP_KERNEL\n"
#define CAT "             cat-7      "
#define DOG "             dog-8      "

static void a_stack_goes_to_the_event_before_it_on_its_processor(void **state)
{
	struct fixture fixture;
	read_text(&fixture, ALLOC(CAT, "000", "1.000001", "0x1000")
				    ALLOC(DOG, "001", "1.000002", "0x2000") CAT
		  " [000] ..... 1.000003: <stack trace>\n => cat_fn\n"
		  " => outer\n" DOG " [001] ..... 1.000004: <stack trace>\n => dog_fn\n");
	assert_int_equal(fixture.len, 2);
	assert_string_equal(innermost(&fixture, 0), "cat_fn");
	assert_string_equal(innermost(&fixture, 1), "dog_fn");
	assert_int_equal(fixture.info.stacks, 2);
	close_fixture(&fixture);
}

static void an_interrupt_between_event_and_stack_keeps_them_apart(void **state)
{
	struct fixture fixture;
	read_text(&fixture,
		  ALLOC(CAT, "000", "1.000001", "0x1000") ALLOC(CAT, "000", "1.000002", "0x2000")
			  CAT " [000] d.h1. 1.000003: <stack trace>\n => irq_fn\n" CAT
			      " [000] ..... 1.000004: <stack trace>\n => task_fn\n");
	assert_string_equal(innermost(&fixture, 0), "task_fn");
	assert_string_equal(innermost(&fixture, 1), "irq_fn");
	close_fixture(&fixture);
}

static void stacks_of_others_and_of_users_are_not_taken(void **state)
{
	struct fixture fixture;
	read_text(&fixture, ALLOC(CAT, "000", "1.000001", "0x1000") CAT
		  " [000] ..... 1.000002: sched_switch: prev_comm=cat ==> x\n" CAT
		  " [000] ..... 1.000003: <stack trace>\n => switch_fn\n" CAT
		  " [000] ..... 1.000004: <user stack trace>\n => <00007f12345678>\n" ALLOC(
			  DOG, "000", "1.000005", "0x2000") CAT
		  " [000] ..... 1.000006: <stack trace>\n => not_of_dog\n");
	assert_int_equal(fixture.len, 2);
	// Without a stack the call site is all there is.
	assert_string_equal(innermost(&fixture, 0), "from_site");
	assert_string_equal(innermost(&fixture, 1), "from_site");
	assert_int_equal(loss_of(&fixture, "stacks that belong to no event")->count, 1);
	assert_int_equal(fixture.info.others, 1);
	close_fixture(&fixture);
}

static void events_out_of_order_are_put_into_order(void **state)
{
	struct fixture fixture;
	read_text(&fixture,
		  ALLOC(CAT, "000", "1.000005", "0x5000") ALLOC(CAT, "001", "1.000001", "0x1000")
			  ALLOC(CAT, "000", "1.000006", "0x6000")
				  ALLOC(CAT, "001", "1.000005", "0x5001"));
	const uint64_t order[] = {0x1000, 0x5000, 0x5001, 0x6000};
	assert_int_equal(fixture.len, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(fixture.events[i].key, order[i]);
	assert_null(loss_of(&fixture, "out of order"));
	close_fixture(&fixture);
}

static void what_comes_later_than_the_window_is_counted(void **state)
{
	struct ul_buf text UL_CLEANUP_BUF = {0};
	struct fixture fixture;
	for (int i = 0; i < UL_TRACEFILE_WINDOW + 10; i++)
		ul_buf_printf(&text, CAT " [000] ..... %d.5: kfree: call_site=x ptr=0x%x\n",
			      100 + i, 0x1000 + i);
	ul_buf_puts(&text, ALLOC(CAT, "001", "99.0", "0x999000"));
	read_text(&fixture, ul_buf_str(&text));
	assert_int_equal(fixture.len, UL_TRACEFILE_WINDOW + 11);
	assert_int_equal(loss_of(&fixture, "out of order")->count, 1);
	close_fixture(&fixture);
}

static void lost_events_are_told_by_their_marks(void **state)
{
	static const struct {
		const char *text;
		uint64_t count;
	} marks[] = {
		{"cat-1 [001] 1.0: any: x\nCPU:1 [LOST 549 EVENTS]\n", 549},
		{"cat-1 [012] 1.0: any: x\nCPU:12 [LOST EVENTS]\n", 0},
		{"cat-1 [003] 1.0: any: x\nCPU:3 [122 EVENTS DROPPED]\n", 122},
		{"cat-1 [000] 1.0: any: x\nCPU:0 [EVENTS DROPPED]\n", 0},
		{"rb: cat-1 [001] 1.0: any: x\nrb: CPU:1 [17 EVENTS DROPPED]\n", 17},
		{"cat 1 [000] 1.0: PERF_RECORD_LOST id:12: lost:34\n", 34},
		{"Lost 123 events\n", 123},
		{"Processed 10 events and lost 3 chunks!\n", 0},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(marks); i++) {
		struct fixture fixture;
		read_text(&fixture, marks[i].text);
		if (fixture.len != 1 || fixture.events[0].kind != UL_EVENT_LOST ||
		    fixture.events[0].bytes != marks[i].count)
			fail_msg("%s", marks[i].text);
		close_fixture(&fixture);
	}
}

static void a_stack_after_a_gap_belongs_to_nothing_before_it(void **state)
{
	struct fixture fixture;
	read_text(&fixture, ALLOC(CAT, "000", "1.000001",
				  "0x1000") "CPU:0 [LOST 5 EVENTS]\n" CAT
					    " [000] ..... 1.000004: <stack trace>\n => task_fn\n");
	assert_string_equal(innermost(&fixture, 1), "from_site");
	close_fixture(&fixture);
}

static void a_ring_that_was_overwritten_says_so(void **state)
{
	struct fixture fixture;
	read_text(&fixture,
		  "# tracer: nop\n#\n# entries-in-buffer/entries-written: 533/110065   "
		  "#P:2\n#\n" ALLOC(CAT, "000", "1.000001",
				    "0x1000") "##### CPU 1 buffer started ####\n" ALLOC(CAT, "001",
											"1.000002",
											"0x2000"));
	assert_int_equal(fixture.len, 3);
	assert_int_equal(fixture.events[1].kind, UL_EVENT_CPU_BEGINS);
	assert_int_equal(fixture.events[1].time_ns, 1000001000);
	assert_int_equal(loss_of(&fixture, "overwritten")->count, 110065 - 533);
	assert_int_equal(loss_of(&fixture, "overwritten")->bias, UL_BIAS_UNDER);
	close_fixture(&fixture);
}

static void what_was_lost_before_the_first_event_of_a_processor_was_overwritten(void **state)
{
	struct fixture fixture;
	read_text(&fixture,
		  "CPU:0 [77 EVENTS DROPPED]\n" ALLOC(
			  CAT, "000", "1.000001",
			  "0x1000") "CPU:1 [EVENTS DROPPED]\n" ALLOC(CAT, "001", "1.000002",
								     "0x2000"));
	assert_int_equal(fixture.len, 4);
	assert_int_equal(fixture.events[0].kind, UL_EVENT_CPU_BEGINS);
	assert_int_equal(fixture.events[2].kind, UL_EVENT_CPU_BEGINS);
	assert_int_equal(fixture.events[2].time_ns, 1000001000);
	assert_int_equal(loss_of(&fixture, "oldest events overwritten")->count, 77);
	assert_int_equal(loss_of(&fixture, "processors whose oldest")->count, 1);
	close_fixture(&fixture);
}

static void lines_may_end_like_those_of_other_systems(void **state)
{
	struct fixture fixture;
	read_text(&fixture, CAT " [000] ..... 1.000001: kfree: call_site=x ptr=0xff00\r\n" CAT
				" [000] ..... 1.000002: <stack trace>\r\n => kfree\r\n"
				" => from_site\r\n");
	assert_int_equal(fixture.len, 1);
	assert_int_equal(fixture.events[0].key, 0xff00);
	assert_string_equal(innermost(&fixture, 0), "kfree");
	assert_int_equal(fixture.info.lines, 4);
	assert_null(loss_of(&fixture, "no events"));
	close_fixture(&fixture);
}

static void reports_in_other_forms_have_the_same_stacks(void **state)
{
	static const char *const forms[] = {
		// trace-cmd report -N, --ts-diff, -l
		"    cat-7    [001]  1.5: kfree: ptr=0x1000\n"
		"    cat-7    [001]  1.6: kernel_stack:         \t=> inner_fn\n\t=> outer_fn\n",
		"    cat-7    [001]  1.5:          kfree: ptr=0x1000\n"
		"    cat-7    [001]  1.6: (+3)     kernel_stack:  <stack trace >\n"
		"=> inner_fn (ffffffff815c9ffe)\n=> outer_fn (ffffffff815c9fff)\n",
		"rb:     cat-7       1..... 1.5: kfree: ptr=0x1000\n"
		"rb:     cat-7       1..... 1.6: kernel_stack:  <stack trace >\n"
		"=> inner_fn (ffffffff815c9ffe)\n=> outer_fn (ffffffff815c9fff)\n",
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(forms); i++)
		for (size_t piece = 1; piece < 40; piece += 13) {
			struct fixture fixture;
			read_in_pieces(&fixture, forms[i], piece);
			assert_int_equal(fixture.len, 1);
			assert_int_equal(fixture.events[0].cpu, 1);
			assert_int_equal(fixture.events[0].time_ns, 1500000000);
			assert_string_equal(innermost(&fixture, 0), "inner_fn");
			const struct ul_stack *stack = ul_dictionary_stack_of(
				&fixture.dictionary, fixture.events[0].stack);
			assert_int_equal(stack->frames.len, 2);
			assert_null(loss_of(&fixture, "no events"));
			close_fixture(&fixture);
		}
}

static void the_kernels_release_is_taken_from_headers(void **state)
{
	struct fixture fixture;
	read_text(&fixture, "# nop latency trace v1.1.5 on 6.18.44-fc\n");
	assert_string_equal(fixture.info.release, "6.18.44-fc");
	close_fixture(&fixture);
	read_text(&fixture, "# hostname : vm\n# os release : 5.10.0-30-amd64\n");
	assert_string_equal(fixture.info.release, "5.10.0-30-amd64");
	close_fixture(&fixture);
}

static const char perf_text[] =
	"cat  7 [000]  1.000001:  kmem:kmalloc: call_site=x ptr=0xffff888000001000 bytes_req=64 "
	"bytes_alloc=64 gfp_flags=GFP_KERNEL\n"
	"\tffffffff81000001 perf_fn+0x1 ([kernel.kallsyms])\n"
	"\tffffffff81000002 outer+0x2 ([kernel.kallsyms])\n"
	"\t           ee137 main+0x7 (/usr/bin/cat)\n"
	"\tffffffff81000003 behind_the_user+0x2 ([kernel.kallsyms])\n"
	"\n"
	"cat  7 [000]  1.000002:  kmem:kfree: call_site=x ptr=0xffff888000001000\n"
	"\tffffffff81000001 free_fn+0x1 ([kernel.kallsyms])\n\n";

static void perf_stacks_end_where_user_space_begins(void **state)
{
	struct fixture fixture;
	read_text(&fixture, perf_text);
	assert_int_equal(fixture.len, 2);
	assert_string_equal(innermost(&fixture, 0), "perf_fn");
	assert_int_equal(
		ul_dictionary_stack_of(&fixture.dictionary, fixture.events[0].stack)->frames.len,
		2);
	assert_int_equal(fixture.info.lines, 9);
	assert_int_equal(fixture.losses.items.len, 0);
	close_fixture(&fixture);
}

static void pieces_of_any_size_give_the_same(void **state)
{
	static const char *const texts[] = {
		perf_text,
		ALLOC(CAT, "000", "1.000001", "0x1000") CAT
		" [000] ..... 1.000003: <stack trace>\n => cat_fn\n => outer\n => third\n" ALLOC(
			CAT, "000", "1.000004", "0x2000") "junk\n",
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(texts); i++) {
		struct fixture whole;
		read_text(&whole, texts[i]);
		for (size_t piece = 1; piece < 200; piece++) {
			struct fixture fixture;
			read_in_pieces(&fixture, texts[i], piece);
			assert_int_equal(fixture.len, whole.len);
			assert_int_equal(fixture.info.lines, whole.info.lines);
			assert_int_equal(fixture.dictionary.stacks.len,
					 whole.dictionary.stacks.len);
			for (size_t k = 0; k < whole.len; k++)
				assert_string_equal(innermost(&fixture, k), innermost(&whole, k));
			close_fixture(&fixture);
		}
		close_fixture(&whole);
	}
}

static void lines_that_are_nothing_are_counted(void **state)
{
	struct fixture fixture;
	read_text(&fixture, "cpus=2\nversion = 6\n\nwhat is this\n" ALLOC(CAT, "000", "1.000001",
									  "(____ptrval____)"));
	assert_int_equal(fixture.len, 0);
	assert_int_equal(loss_of(&fixture, "no events")->count, 1);
	assert_int_equal(loss_of(&fixture, "readable address")->count, 1);
	close_fixture(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stack_goes_to_the_event_before_it_on_its_processor),
		cmocka_unit_test(an_interrupt_between_event_and_stack_keeps_them_apart),
		cmocka_unit_test(stacks_of_others_and_of_users_are_not_taken),
		cmocka_unit_test(events_out_of_order_are_put_into_order),
		cmocka_unit_test(what_comes_later_than_the_window_is_counted),
		cmocka_unit_test(lost_events_are_told_by_their_marks),
		cmocka_unit_test(a_stack_after_a_gap_belongs_to_nothing_before_it),
		cmocka_unit_test(a_ring_that_was_overwritten_says_so),
		cmocka_unit_test(
			what_was_lost_before_the_first_event_of_a_processor_was_overwritten),
		cmocka_unit_test(lines_may_end_like_those_of_other_systems),
		cmocka_unit_test(reports_in_other_forms_have_the_same_stacks),
		cmocka_unit_test(the_kernels_release_is_taken_from_headers),
		cmocka_unit_test(perf_stacks_end_where_user_space_begins),
		cmocka_unit_test(pieces_of_any_size_give_the_same),
		cmocka_unit_test(lines_that_are_nothing_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
