// SPDX-License-Identifier: GPL-2.0-or-later
/* Lives made by hand: "A enter+ leave- F" is one that is allocated, has calls of the get by enter
 * and of the put by leave, and is freed; without the F it stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/balance.h"
#include "base/span.h"
#include "base/text.h"

struct fixture {
	struct ul_reference_calls calls;
	const struct ul_reference_type *type;
	struct ul_finding finding;
	uint64_t objects;
};

static int32_t caller_of(struct fixture *fixture, struct ul_span name)
{
	for (size_t i = 0; i < fixture->calls.callers.len; i++)
		if (ul_span_equal(name, fixture->calls.callers.data[i].name))
			return (int32_t)i;
	struct ul_reference_caller *caller = ul_vec_add(&fixture->calls.callers);
	assert_non_null(caller);
	caller->name = ul_span_dup(name);
	assert_non_null(caller->name);
	return (int32_t)fixture->calls.callers.len - 1;
}

static uint32_t function_of(const struct fixture *fixture, bool puts)
{
	uint32_t at = 0;
	while (fixture->type->functions[at].puts != puts)
		at++;
	return at;
}

static void add(struct fixture *fixture, struct ul_reference_event event)
{
	event.type = fixture->type;
	event.run = (uint32_t)fixture->calls.runs.len - 1;
	assert_true(ul_vec_push(&fixture->calls.items, event));
}

/** What happens to one object, in the run that was begun last. */
static void live_at(struct fixture *fixture, uint64_t object, const char *text)
{
	struct ul_span rest = ul_span_of(text);
	struct ul_span word;
	while (ul_span_word(&rest, &word)) {
		struct ul_reference_event event = {.object = object, .caller = UL_CALL_NOBODY};
		if (ul_span_equal(word, "A")) {
			event.what = UL_REFERENCE_ALLOCATED;
		} else if (ul_span_equal(word, "F")) {
			event.what = UL_REFERENCE_FREED;
		} else {
			event.what = UL_REFERENCE_CALLED;
			event.function = function_of(fixture, word.data[word.len - 1] == '-');
			word.len--;
			event.caller = caller_of(fixture, word);
		}
		add(fixture, event);
	}
}

static void live(struct fixture *fixture, const char *text)
{
	live_at(fixture, 0xffff888000001000 + 64 * ++fixture->objects, text);
}

static void begin(struct fixture *fixture)
{
	*fixture = (struct fixture){
		.type = ul_reference_type_of("alloc_pid"),
		.finding.trigger = {.runs = 300,
				    .lost = {.shape = UL_PER_RUN_STEADY, .per_run = 1}},
	};
	assert_non_null(fixture->type);
}

static void run(struct fixture *fixture, enum ul_batch_kind kind)
{
	assert_true(ul_vec_push(&fixture->calls.runs, (struct ul_call_run){kind}));
}

static void judge(struct fixture *fixture)
{
	assert_null(ul_balance(&fixture->calls, fixture->type, &fixture->finding));
}

/** The whole of it where each run of the trigger makes two objects, and there is no control. */
static void judge_two_a_run(struct fixture *fixture, int runs, const char *first,
			    const char *second)
{
	begin(fixture);
	for (int i = 0; i < runs; i++) {
		run(fixture, UL_BATCH_TRIGGER);
		live(fixture, first);
		live(fixture, second);
	}
	judge(fixture);
}

static void end(struct fixture *fixture)
{
	ul_finding_deinit(&fixture->finding);
	ul_reference_calls_deinit(&fixture->calls);
}

static const struct ul_accusation *accusation_of(const struct fixture *fixture, const char *name)
{
	ul_vec_foreach (accusation, &fixture->finding.accusations)
		if (!strcmp(accusation->function, name))
			return accusation;
	return NULL;
}

static void a_put_that_freed_ones_have_and_lost_ones_lack_is_missing(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture);
	for (int i = 0; i < 20; i++) {
		run(&fixture, UL_BATCH_TRIGGER);
		live(&fixture, "A reap- F"); // who has nothing to do with it
		live(&fixture, "A enter+ leave- enter+ leave- reap- F");
		live(&fixture, "A enter+ leave- enter+ reap-");
	}
	judge(&fixture);
	assert_int_equal(fixture.finding.imbalances.len, 1);
	const struct ul_imbalance *imbalance = fixture.finding.imbalances.data;
	assert_string_equal(imbalance->type, "struct pid");
	assert_string_equal(imbalance->get_caller, "enter");
	assert_string_equal(imbalance->put, "put_pid");
	assert_string_equal(imbalance->put_caller, "leave");
	assert_int_equal(imbalance->lost, 20);
	assert_int_equal(imbalance->lost_of, 20);
	assert_int_equal(imbalance->freed, 20);
	assert_int_equal(imbalance->freed_of, 20);
	assert_int_equal(fixture.finding.accusations.len, 2);
	const struct ul_accusation *leave = accusation_of(&fixture, "leave");
	assert_non_null(leave);
	assert_string_equal(leave->why,
			    "find_get_pid called by enter took a reference of 20 of 20 lost struct "
			    "pid; in 20 of 20 that were freed put_pid called by leave gave it "
			    "back, in these nothing did");
	assert_true(leave->points > accusation_of(&fixture, "enter")->points);
	end(&fixture);
}

static void nobody_is_accused_where_lost_and_freed_lives_do_not_differ(void **state)
{
	(void)state;
	struct fixture fixture;
	judge_two_a_run(&fixture, 20, "A enter+ leave- reap- F", "A enter+ leave- reap-");
	assert_int_equal(fixture.finding.imbalances.len, 0);
	assert_int_equal(fixture.finding.accusations.len, 0);
	end(&fixture);
}

static void a_get_that_only_lost_ones_have_is_told_without_a_put(void **state)
{
	(void)state;
	struct fixture fixture;
	judge_two_a_run(&fixture, 20, "A look+ unlook- reap- F", "A look+ unlook- enter+ reap-");
	assert_int_equal(fixture.finding.imbalances.len, 1);
	assert_string_equal(fixture.finding.imbalances.data[0].get_caller, "enter");
	assert_null(fixture.finding.imbalances.data[0].put);
	assert_int_equal(fixture.finding.accusations.len, 1);
	assert_non_null(accusation_of(&fixture, "enter"));
	end(&fixture);
}

static void a_get_that_lost_ones_gave_back_is_not_told(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture);
	for (int i = 0; i < 20; i++) {
		run(&fixture, UL_BATCH_TRIGGER);
		live(&fixture, "A reap- F");
		live(&fixture, "A enter+ leave- reap-"); // lost by a get that was inlined
	}
	judge(&fixture);
	assert_int_equal(fixture.finding.accusations.len, 0);
	end(&fixture);
}

static void a_get_whose_own_put_came_is_not_paired_with_one_that_did_not(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture);
	for (int i = 0; i < 20; i++) {
		run(&fixture, UL_BATCH_TRIGGER);
		live(&fixture, "A fork+ fork- reap-");
		run(&fixture, UL_BATCH_CONTROL);
		live(&fixture, "A fork+ fork- drop- reap- F");
	}
	judge(&fixture);
	assert_int_equal(fixture.finding.imbalances.len, 1);
	assert_null(fixture.finding.imbalances.data[0].get);
	assert_string_equal(fixture.finding.imbalances.data[0].put_caller, "drop");
	end(&fixture);
}

/* As a shell's pid has them, of 6.1; "visits" stand for calls of a module. */
static void of_gets_and_puts_that_fit_the_closest_are_paired(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture);
	for (int i = 0; i < 20; i++) {
		run(&fixture, UL_BATCH_TRIGGER);
		live(&fixture, "A clone+ clone- inode+ inode+ enter+ leave- enter+ leave- evict- "
			       "evict- reap- F");
		live(&fixture, "A clone+ clone- wait+ wait- inode+ inode+ enter+ leave- enter+ "
			       "wait+ evict- evict- reap- wait-");
	}
	judge(&fixture);
	assert_int_equal(fixture.finding.imbalances.len, 1);
	assert_string_equal(fixture.finding.imbalances.data[0].get_caller, "enter");
	assert_string_equal(fixture.finding.imbalances.data[0].put_caller, "leave");
	end(&fixture);
}

static void a_put_of_the_control_that_is_missing_in_the_runs_needs_no_get(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture);
	for (int i = 0; i < 20; i++) {
		run(&fixture, UL_BATCH_TRIGGER);
		live(&fixture, "A shell- reap- F");
		live(&fixture, "A reap-");
	}
	for (int i = 0; i < 20; i++) {
		run(&fixture, UL_BATCH_CONTROL);
		live(&fixture, "A shell- reap- F");
		live(&fixture, "A drop- reap- F");
	}
	judge(&fixture);
	assert_int_equal(fixture.finding.imbalances.len, 1);
	assert_null(fixture.finding.imbalances.data[0].get);
	assert_string_equal(fixture.finding.imbalances.data[0].put_caller, "drop");
	assert_int_equal(fixture.finding.accusations.len, 1);
	assert_string_equal(accusation_of(&fixture, "drop")->why,
			    "put_pid called by drop gave back a reference of 20 struct pid in 20 "
			    "runs of the control, of 0 in 20 runs here, and of 0 of the 20 lost");
	end(&fixture);
}

static void without_a_control_a_lone_put_says_nothing(void **state)
{
	(void)state;
	struct fixture fixture;
	judge_two_a_run(&fixture, 20, "A shell- F", "A reap-");
	assert_int_equal(fixture.finding.accusations.len, 0);
	end(&fixture);
}

static void an_address_that_is_used_again_is_a_new_life(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture);
	for (int i = 0; i < 20; i++) {
		run(&fixture, UL_BATCH_TRIGGER);
		live_at(&fixture, 0xffff888000000040, "A enter+ leave- reap- F");
		live(&fixture, "A enter+ reap-");
	}
	// The last one's free was not seen, but its address is given out again.
	run(&fixture, UL_BATCH_IDLE);
	live_at(&fixture, 0xffff888000000040, "A enter+ leave-");
	live_at(&fixture, 0xffff888000000040, "A");
	judge(&fixture);
	assert_int_equal(fixture.finding.imbalances.len, 1);
	assert_int_equal(fixture.finding.imbalances.data[0].lost, 20);
	assert_int_equal(fixture.finding.imbalances.data[0].freed, 21);
	assert_string_equal(fixture.finding.imbalances.data[0].put_caller, "leave");
	end(&fixture);
}

static void what_stays_of_other_runs_is_not_lost_by_these(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture);
	for (int i = 0; i < 20; i++) {
		run(&fixture, UL_BATCH_TRIGGER);
		live(&fixture, "A enter+ leave- F");
		run(&fixture, UL_BATCH_WARM_UP);
		live(&fixture, "A enter+");
	}
	judge(&fixture);
	assert_int_equal(fixture.finding.accusations.len, 0);
	end(&fixture);
}

static void fewer_than_half_of_what_is_lost_accuse_nobody(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture);
	for (int i = 0; i < 20; i++) {
		run(&fixture, UL_BATCH_TRIGGER);
		live(&fixture, "A enter+ leave- F");
		live(&fixture, i < 9 ? "A enter+" : "A");
	}
	judge(&fixture);
	assert_int_equal(fixture.finding.accusations.len, 0);
	end(&fixture);
}

static void events_without_a_life_or_a_caller_do_no_harm(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture);
	judge(&fixture);
	run(&fixture, UL_BATCH_TRIGGER);
	live(&fixture, "F enter+ leave- F");
	add(&fixture,
	    (struct ul_reference_event){.what = UL_REFERENCE_CALLED, .caller = UL_CALL_NOBODY});
	judge(&fixture);
	assert_int_equal(fixture.finding.accusations.len, 0);
	end(&fixture);
}

static void more_places_than_there_is_room_for_are_left_out(void **state)
{
	(void)state;
	struct fixture fixture;
	char text[64];
	begin(&fixture);
	for (int i = 0; i < 20; i++) {
		run(&fixture, UL_BATCH_TRIGGER);
		live(&fixture, "A enter+ leave- F");
		live(&fixture, "A enter+");
	}
	for (int i = 0; i < 400; i++) {
		snprintf(text, sizeof(text), "A other_%d+ other_%d- F", i, i);
		live(&fixture, text);
	}
	judge(&fixture);
	assert_int_equal(fixture.finding.imbalances.len, 1);
	end(&fixture);
}

static void of_many_only_some_are_told_and_pairs_before_others(void **state)
{
	(void)state;
	struct fixture fixture;
	char lost[1024] = "A";
	for (int i = 0; i < 40; i++)
		snprintf(lost + strlen(lost), sizeof(lost) - strlen(lost), " lone_%d+", i);
	snprintf(lost + strlen(lost), sizeof(lost) - strlen(lost), " enter+");
	judge_two_a_run(&fixture, 20, "A enter+ leave- F", lost);
	assert_int_equal(fixture.finding.imbalances.len, 16);
	assert_string_equal(fixture.finding.imbalances.data[0].put_caller, "leave");
	assert_null(fixture.finding.imbalances.data[15].put);
	assert_non_null(accusation_of(&fixture, "leave"));
	end(&fixture);
}

static void types_are_told_by_who_allocates(void **state)
{
	(void)state;
	size_t len = 0;
	const struct ul_reference_type *types = ul_reference_types(&len);
	assert_string_equal(ul_reference_type_of("alloc_empty_file")->name, "struct file");
	assert_string_equal(ul_reference_type_of("__d_alloc.isra.0")->name, "struct dentry");
	assert_null(ul_reference_type_of("alloc_pid_ns"));
	assert_null(ul_reference_type_of("alloc"));
	assert_null(ul_reference_type_of(""));
	for (size_t i = 0; i < len; i++) {
		size_t puts = 0;
		assert_null(types[i].allocators[UL_REFERENCE_ALLOCATORS - 1]);
		assert_null(types[i].functions[UL_REFERENCE_FUNCTIONS - 1].name);
		for (size_t f = 0; types[i].functions[f].name; f++)
			puts += types[i].functions[f].puts;
		assert_true(puts > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_put_that_freed_ones_have_and_lost_ones_lack_is_missing),
		cmocka_unit_test(nobody_is_accused_where_lost_and_freed_lives_do_not_differ),
		cmocka_unit_test(a_get_that_only_lost_ones_have_is_told_without_a_put),
		cmocka_unit_test(a_get_that_lost_ones_gave_back_is_not_told),
		cmocka_unit_test(a_get_whose_own_put_came_is_not_paired_with_one_that_did_not),
		cmocka_unit_test(of_gets_and_puts_that_fit_the_closest_are_paired),
		cmocka_unit_test(a_put_of_the_control_that_is_missing_in_the_runs_needs_no_get),
		cmocka_unit_test(without_a_control_a_lone_put_says_nothing),
		cmocka_unit_test(an_address_that_is_used_again_is_a_new_life),
		cmocka_unit_test(what_stays_of_other_runs_is_not_lost_by_these),
		cmocka_unit_test(fewer_than_half_of_what_is_lost_accuse_nobody),
		cmocka_unit_test(events_without_a_life_or_a_caller_do_no_harm),
		cmocka_unit_test(more_places_than_there_is_room_for_are_left_out),
		cmocka_unit_test(of_many_only_some_are_told_and_pairs_before_others),
		cmocka_unit_test(types_are_told_by_who_allocates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
