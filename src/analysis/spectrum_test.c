// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs made by hand: a line of calls "caller>function", in order, for each run of a kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/spectrum.h"
#include "base/span.h"
#include "base/text.h"

enum { RUNS = 20 };

struct fixture {
	struct ul_calls calls;
	struct ul_site site;
	struct ul_frame frames[4];
	struct ul_finding finding;
};

/** Names that begin with "mod_" are of a module; kfree and put_x release. */
static int32_t number_of(struct fixture *fixture, struct ul_span name)
{
	for (size_t i = 0; i < fixture->calls.functions.len; i++)
		if (ul_span_equal(name, fixture->calls.functions.data[i].name))
			return (int32_t)i;
	struct ul_call_function *function = ul_vec_add(&fixture->calls.functions);
	assert_non_null(function);
	function->name = ul_span_dup(name);
	assert_non_null(function->name);
	if (ul_span_starts(name, "mod_"))
		assert_true(ul_text_set(&function->module, "mod"));
	function->releases = ul_span_equal(name, "kfree") || ul_span_equal(name, "put_x");
	return (int32_t)fixture->calls.functions.len - 1;
}

static void run(struct fixture *fixture, enum ul_batch_kind kind, const char *text)
{
	struct ul_span rest = ul_span_of(text);
	struct ul_span word;
	const uint32_t index = (uint32_t)fixture->calls.runs.len;
	assert_true(ul_vec_push(&fixture->calls.runs, (struct ul_call_run){kind}));
	while (ul_span_word(&rest, &word)) {
		struct ul_span caller = {0};
		struct ul_call call = {.run = index, .caller = UL_CALL_NOBODY};
		if (ul_span_cut(&word, '>', &caller))
			call.caller = number_of(fixture, caller);
		call.function = number_of(fixture, word);
		assert_true(ul_vec_push(&fixture->calls.items, call));
	}
}

static void begin(struct fixture *fixture, const char *const *stack, size_t len)
{
	*fixture = (struct fixture){.site = {.allocator = UL_ALLOCATOR_SLAB}};
	for (size_t i = 0; i < len; i++)
		fixture->frames[i].function = (char *)(uintptr_t)stack[i];
	fixture->site.stack.frames.data = fixture->frames;
	fixture->site.stack.frames.len = len;
	fixture->finding.site = &fixture->site;
	fixture->finding.trigger = (struct ul_finding_trigger){
		.runs = 300,
		.lost = {.shape = UL_PER_RUN_STEADY, .per_run = 1},
	};
}

static void repeat(struct fixture *fixture, enum ul_batch_kind kind, const char *text)
{
	for (int i = 0; i < RUNS; i++)
		run(fixture, kind, text);
}

static void judge(struct fixture *fixture)
{
	assert_null(ul_spectrum(&fixture->calls, &fixture->finding));
}

static const struct ul_accusation *accused(const struct fixture *fixture, size_t place)
{
	assert_true(place < fixture->finding.accusations.len);
	return &fixture->finding.accusations.data[place];
}

static void end(struct fixture *fixture)
{
	ul_vec_foreach (accusation, &fixture->finding.accusations) {
		free(accusation->function);
		free(accusation->module);
		free(accusation->why);
	}
	ul_vec_deinit(&fixture->finding.accusations);
	ul_calls_deinit(&fixture->calls);
}

static const char *const stack[] = {"mod_queue", "mod_write", "vfs_write"};
static const char bad[] = "mod_write mod_write>mod_queue mod_write>mod_run mod_write>mod_complete "
			  "mod_complete>kfree";
static const char good[] = "mod_write mod_write>mod_queue mod_write>mod_run mod_write>mod_complete "
			   "mod_complete>kfree mod_complete>kfree";

static void without_a_control_the_last_after_the_allocation_is_first(void **state)
{
	struct fixture fixture;
	begin(&fixture, stack, 3);
	repeat(&fixture, UL_BATCH_IDLE, "");
	repeat(&fixture, UL_BATCH_TRIGGER, bad);
	judge(&fixture);
	assert_string_equal(accused(&fixture, 0)->function, "mod_complete");
	assert_string_equal(accused(&fixture, 0)->module, "mod");
	assert_string_equal(accused(&fixture, 1)->function, "mod_run");
	assert_non_null(strstr(accused(&fixture, 0)->why, "ran 20 times in 20 runs"));
	assert_non_null(strstr(accused(&fixture, 0)->why, "last of its code after"));
	assert_non_null(strstr(accused(&fixture, 0)->why, "never while nothing was run"));
	ul_vec_foreach (accusation, &fixture.finding.accusations)
		assert_string_not_equal(accusation->function, "kfree");
	end(&fixture);
}

static void a_put_that_is_missing_accuses_its_caller(void **state)
{
	struct fixture fixture;
	begin(&fixture, stack, 3);
	// mod_late comes after the guilty one in both.
	for (int i = 0; i < RUNS; i++) {
		run(&fixture, UL_BATCH_TRIGGER,
		    "mod_write mod_write>mod_queue mod_complete mod_complete>kfree mod_late");
		run(&fixture, UL_BATCH_CONTROL,
		    "mod_write mod_write>mod_queue mod_complete mod_complete>kfree "
		    "mod_complete>kfree mod_late");
	}
	judge(&fixture);
	assert_string_equal(accused(&fixture, 0)->function, "mod_complete");
	assert_non_null(
		strstr(accused(&fixture, 0)->why, "calls kfree 2 times a run in the control, 1"));
	end(&fixture);
}

static void what_never_runs_in_the_control_is_suspect(void **state)
{
	struct fixture fixture;
	begin(&fixture, stack, 3);
	repeat(&fixture, UL_BATCH_TRIGGER, "mod_write mod_write>mod_queue mod_unwind mod_done");
	repeat(&fixture, UL_BATCH_CONTROL, "mod_write mod_write>mod_queue mod_done");
	judge(&fixture);
	const struct ul_accusation *first = accused(&fixture, 0);
	assert_string_equal(first->function, "mod_unwind");
	assert_non_null(strstr(first->why, "never in the control"));
	end(&fixture);
}

static void what_runs_all_the_time_is_less_suspect_than_what_runs_with_losses(void **state)
{
	struct fixture fixture;
	begin(&fixture, stack, 3);
	repeat(&fixture, UL_BATCH_IDLE, "mod_timer mod_timer mod_timer");
	repeat(&fixture, UL_BATCH_TRIGGER,
	       "mod_queue mod_drop mod_timer mod_timer mod_timer mod_timer mod_timer mod_timer");
	judge(&fixture);
	assert_string_equal(accused(&fixture, 0)->function, "mod_drop");
	end(&fixture);
}

static void code_of_the_kernel_is_ranked_as_well(void **state)
{
	static const char *const core[] = {"copy_creds", "copy_process"};
	struct fixture fixture;
	begin(&fixture, core, 2);
	repeat(&fixture, UL_BATCH_TRIGGER, "copy_process copy_process>copy_creds lookup lose");
	judge(&fixture);
	assert_string_equal(accused(&fixture, 0)->function, "lose");
	assert_string_equal(accused(&fixture, 1)->function, "lookup");
	assert_null(accused(&fixture, 0)->module);
	end(&fixture);
}

static void allocations_of_others_in_the_same_run_do_not_matter(void **state)
{
	static const char *const core[] = {"d_alloc", "d_lookup"};
	struct fixture fixture;
	begin(&fixture, core, 2);
	// A program looks up names before and after the one that is lost.
	repeat(&fixture, UL_BATCH_TRIGGER, "d_alloc mod_mark mod_unmark d_alloc d_alloc");
	judge(&fixture);
	assert_string_equal(accused(&fixture, 0)->function, "mod_unmark");
	assert_non_null(strstr(accused(&fixture, 0)->why, "after the allocation"));
	end(&fixture);
}

static void no_runs_accuse_nobody(void **state)
{
	struct fixture fixture;
	begin(&fixture, stack, 3);
	repeat(&fixture, UL_BATCH_CONTROL, good);
	judge(&fixture);
	assert_int_equal(fixture.finding.accusations.len, 0);
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_control_the_last_after_the_allocation_is_first),
		cmocka_unit_test(a_put_that_is_missing_accuses_its_caller),
		cmocka_unit_test(what_never_runs_in_the_control_is_suspect),
		cmocka_unit_test(what_runs_all_the_time_is_less_suspect_than_what_runs_with_losses),
		cmocka_unit_test(code_of_the_kernel_is_ranked_as_well),
		cmocka_unit_test(allocations_of_others_in_the_same_run_do_not_matter),
		cmocka_unit_test(no_runs_accuse_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
