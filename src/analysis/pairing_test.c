// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/pairing.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"

/** A pairing with one name, one stack, and a clock. */
struct fixture {
	struct ul_dictionary dictionary;
	struct ul_pairing *pairing;
	struct ul_trace trace;
	uint32_t cache, comm, stack;
	int64_t now_ns;
};

static uint32_t make_stack(struct fixture *fixture, const char *function)
{
	struct ul_stack stack = {0};
	struct ul_frame *frame = ul_vec_add(&stack.frames);
	uint32_t id;
	assert_non_null(frame);
	frame->function = strdup(function);
	assert_null(ul_dictionary_stack(&fixture->dictionary, &stack, &id));
	return id;
}

static void open_with(struct fixture *fixture, const struct ul_pairing_options *options)
{
	*fixture = (struct fixture){.now_ns = 1000};
	assert_null(ul_pairing_create(options, &fixture->pairing));
	assert_null(ul_dictionary_name(&fixture->dictionary, ul_span_of("filp"), &fixture->cache));
	assert_null(ul_dictionary_name(&fixture->dictionary, ul_span_of("cat"), &fixture->comm));
	fixture->stack = make_stack(fixture, "seq_read");
}

static void open_fixture(struct fixture *fixture)
{
	open_with(fixture, &(struct ul_pairing_options){0});
}

static void close_fixture(struct fixture *fixture)
{
	ul_pairing_destroy(fixture->pairing);
	ul_trace_deinit(&fixture->trace);
	ul_dictionary_deinit(&fixture->dictionary);
}

static void add(struct fixture *fixture, struct ul_event event)
{
	fixture->now_ns += 1000;
	if (!event.time_ns)
		event.time_ns = fixture->now_ns;
	event.comm = fixture->comm;
	if (!event.pid)
		event.pid = 7;
	if (!event.stack)
		event.stack = fixture->stack;
	assert_null(ul_pairing_add(fixture->pairing, &event));
}

static void take(struct fixture *fixture, uint64_t key)
{
	add(fixture, (struct ul_event){UL_EVENT_ALLOC, UL_ALLOCATOR_SLAB, .key = key, .bytes = 192,
				       .cache = fixture->cache});
}

static void give(struct fixture *fixture, uint64_t key)
{
	add(fixture, (struct ul_event){UL_EVENT_FREE, UL_ALLOCATOR_SLAB, .key = key});
}

static void take_pages(struct fixture *fixture, uint64_t frame, uint8_t order)
{
	add(fixture, (struct ul_event){UL_EVENT_ALLOC, UL_ALLOCATOR_PAGES, .key = frame,
				       .order = order, .bytes = UINT64_C(4096) << order});
}

static void give_pages(struct fixture *fixture, uint64_t frame, uint8_t order)
{
	add(fixture,
	    (struct ul_event){UL_EVENT_FREE, UL_ALLOCATOR_PAGES, .key = frame, .order = order});
}

static void finish(struct fixture *fixture)
{
	assert_null(ul_pairing_finish(fixture->pairing, &fixture->dictionary, &fixture->trace));
	ul_vec_foreach (site, &fixture->trace.sites) {
		assert_true(ul_site_balanced(site));
		assert_true(site->allocated_bytes >= site->freed_bytes + site->live_bytes);
	}
}

/** The one site. */
static const struct ul_site *only_site(struct fixture *fixture)
{
	finish(fixture);
	assert_int_equal(fixture->trace.sites.len, 1);
	return &fixture->trace.sites.data[0];
}

static const struct ul_loss *loss_of(const struct fixture *fixture, const char *words)
{
	ul_vec_foreach (loss, &fixture->trace.losses.items)
		if (strstr(loss->what, words))
			return loss;
	return NULL;
}

static void what_is_freed_is_not_live(void **state)
{
	struct fixture fixture;
	open_fixture(&fixture);
	take(&fixture, 0x1000);
	take(&fixture, 0x2000);
	take(&fixture, 0x3000);
	give(&fixture, 0x2000);
	const struct ul_site *site = only_site(&fixture);
	assert_int_equal(site->allocated, 3);
	assert_int_equal(site->freed, 1);
	assert_int_equal(site->live, 2);
	assert_int_equal(site->survivors, 2);
	assert_int_equal(site->live_bytes, 2 * 192);
	assert_string_equal(site->cache, "filp");
	assert_string_equal(site->stack.frames.data[0].function, "seq_read");
	assert_int_equal(site->processes.len, 1);
	assert_string_equal(site->processes.data[0].comm, "cat");
	assert_int_equal(site->processes.data[0].objects, 2);
	assert_int_equal(site->examples.len, 2);
	assert_int_equal(site->examples.data[0].key, 0x1000);
	assert_float_equal(site->trust, 1, 0);
	close_fixture(&fixture);
}

static void an_address_handed_out_again_closes_the_old_owner_as_missed(void **state)
{
	struct fixture fixture;
	open_fixture(&fixture);
	take(&fixture, 0x1000);
	take(&fixture, 0x1000);
	take(&fixture, 0x1000);
	give(&fixture, 0x1000);
	const struct ul_site *site = only_site(&fixture);
	assert_int_equal(site->allocated, 3);
	assert_int_equal(site->missed, 2);
	assert_int_equal(site->freed, 1);
	assert_int_equal(site->live, 0);
	assert_int_equal(site->live_bytes, 0);
	assert_float_equal(site->trust, 1.0 / 3, 1e-9);
	close_fixture(&fixture);
}

static void a_trace_that_begins_in_the_middle_has_frees_of_nothing_known(void **state)
{
	struct fixture fixture;
	open_fixture(&fixture);
	give(&fixture, 0x5000);
	give(&fixture, 0x6000);
	take(&fixture, 0x5000);
	finish(&fixture);
	assert_int_equal(fixture.trace.sites.data[0].live, 1);
	const struct ul_loss *loss = loss_of(&fixture, "whose allocation is not in the trace");
	assert_non_null(loss);
	assert_int_equal(loss->count, 2);
	assert_int_equal(loss->bias, UL_BIAS_NONE);
	close_fixture(&fixture);
}

static void a_block_freed_in_parts_is_live_until_its_last_part(void **state)
{
	struct fixture fixture;
	open_fixture(&fixture);
	take_pages(&fixture, 8, 2);
	give_pages(&fixture, 9, 0);
	assert_int_equal(ul_pairing_live(fixture.pairing), 2); // 8, and 10-11
	const struct ul_site *site = only_site(&fixture);
	assert_int_equal(site->live, 1);
	assert_int_equal(site->freed, 0);
	assert_int_equal(site->live_bytes, 3 * 4096);
	assert_int_equal(site->freed_bytes, 4096);
	assert_int_equal(site->survivor_bytes, 3 * 4096);
	assert_int_equal(site->processes.data[0].objects, 1);
	close_fixture(&fixture);

	open_fixture(&fixture);
	take_pages(&fixture, 8, 2);
	give_pages(&fixture, 9, 0);
	give_pages(&fixture, 10, 1);
	give_pages(&fixture, 8, 0);
	assert_int_equal(ul_pairing_live(fixture.pairing), 0);
	site = only_site(&fixture);
	assert_int_equal(site->freed, 1);
	assert_int_equal(site->live, 0);
	assert_int_equal(site->freed_bytes, 4 * 4096);
	close_fixture(&fixture);
}

static void a_larger_free_closes_all_that_is_live_inside(void **state)
{
	struct fixture fixture;
	open_fixture(&fixture);
	take_pages(&fixture, 16, 3);
	give_pages(&fixture, 18, 0); // split_page(), one page given back
	give_pages(&fixture, 16, 3);
	const struct ul_site *site = only_site(&fixture);
	assert_int_equal(site->freed, 1);
	assert_int_equal(site->live_bytes, 0);
	assert_null(loss_of(&fixture, "whose allocation"));
	close_fixture(&fixture);
}

static void a_free_of_a_huge_block_closes_all_inside_and_nothing_else(void **state)
{
	enum { ORDER = 18, INSIDE = 600 };
	static const uint64_t block = UINT64_C(5) << ORDER;
	struct fixture fixture;
	open_fixture(&fixture);
	for (uint64_t i = 0; i < INSIDE; i++)
		take_pages(&fixture, block + i * 400, (uint8_t)(i % 3));
	take_pages(&fixture, block - 1, 0);
	take_pages(&fixture, block + (UINT64_C(1) << ORDER), 2);
	give_pages(&fixture, block, ORDER);
	assert_int_equal(ul_pairing_live(fixture.pairing), 2);
	give_pages(&fixture, block - 1, 0);
	give_pages(&fixture, block + (UINT64_C(1) << ORDER), 2);
	assert_int_equal(ul_pairing_live(fixture.pairing), 0);
	finish(&fixture);
	uint64_t freed = 0;
	ul_vec_foreach (site, &fixture.trace.sites)
		freed += site->freed;
	assert_int_equal(freed, INSIDE + 2);
	close_fixture(&fixture);
}

static void an_allocation_inside_a_live_block_proves_that_it_was_freed(void **state)
{
	struct fixture fixture;
	open_fixture(&fixture);
	take_pages(&fixture, 32, 4);
	take_pages(&fixture, 37, 0);
	take_pages(&fixture, 64, 0);
	take_pages(&fixture, 67, 0);
	// Of another sort, for users: not followed, but it lies where the two were.
	add(&fixture, (struct ul_event){UL_EVENT_REUSE, UL_ALLOCATOR_PAGES, .key = 64, .order = 2});
	finish(&fixture);
	assert_int_equal(fixture.trace.sites.len, 2);
	ul_vec_foreach (site, &fixture.trace.sites) {
		const bool large = site->object_bytes == 16 * 4096;
		assert_int_equal(site->allocated, large ? 1 : 3);
		assert_int_equal(site->missed, large ? 1 : 2);
		assert_int_equal(site->live, large ? 0 : 1);
	}
	close_fixture(&fixture);
}

static void a_free_told_by_two_events_is_one(void **state)
{
	for (int order = 0; order < 2; order++) {
		const struct ul_event plain = {UL_EVENT_FREE, UL_ALLOCATOR_PAGES, .key = 5};
		const struct ul_event batched = {UL_EVENT_FREE, UL_ALLOCATOR_PAGES, .key = 5,
						 .repeats = true};
		struct fixture fixture;
		open_fixture(&fixture);
		take_pages(&fixture, 5, 0);
		add(&fixture, order ? plain : batched);
		add(&fixture, order ? batched : plain);
		const struct ul_site *site = only_site(&fixture);
		assert_int_equal(site->freed, 1);
		assert_null(loss_of(&fixture, "whose allocation"));
		close_fixture(&fixture);
	}
}

static void key_spaces_do_not_mix(void **state)
{
	struct fixture fixture;
	open_fixture(&fixture);
	take(&fixture, 0x40);
	take_pages(&fixture, 0x40, 0);
	add(&fixture,
	    (struct ul_event){UL_EVENT_ALLOC, UL_ALLOCATOR_PERCPU, .key = 0x40, .bytes = 8});
	give_pages(&fixture, 0x40, 0);
	finish(&fixture);
	assert_int_equal(fixture.trace.sites.len, 3);
	ul_vec_foreach (site, &fixture.trace.sites)
		assert_int_equal(site->live, site->allocator != UL_ALLOCATOR_PAGES);
	close_fixture(&fixture);
}

static void without_any_free_event_nothing_is_believed(void **state)
{
	struct fixture fixture;
	open_fixture(&fixture);
	take(&fixture, 0x1000);
	take(&fixture, 0x2000);
	const struct ul_site *site = only_site(&fixture);
	assert_float_equal(site->trust, 0, 0);
	const struct ul_loss *loss = loss_of(&fixture, "no kfree");
	assert_non_null(loss);
	assert_int_equal(loss->count, 2);
	assert_int_equal(loss->bias, UL_BIAS_OVER);
	close_fixture(&fixture);
}

static void lost_events_lower_the_trust_by_the_frees_among_them(void **state)
{
	struct fixture fixture;
	open_fixture(&fixture);
	// 10 allocated, 6 freed, 4 live: 16 events. 8 lost: 6 x 8/16 = 3 frees may be among them.
	for (uint64_t i = 1; i <= 10; i++)
		take(&fixture, i << 12);
	for (uint64_t i = 1; i <= 6; i++)
		give(&fixture, i << 12);
	add(&fixture, (struct ul_event){.kind = UL_EVENT_LOST, .bytes = 8});
	add(&fixture, (struct ul_event){.kind = UL_EVENT_LOST});
	const struct ul_site *site = only_site(&fixture);
	assert_float_equal(site->trust, 1 - 3.0 / 4, 1e-9);
	assert_int_equal(loss_of(&fixture, "a lost free")->count, 8);
	assert_int_equal(loss_of(&fixture, "a lost free")->bias, UL_BIAS_OVER);
	assert_non_null(loss_of(&fixture, "at 1 places"));
	close_fixture(&fixture);
}

static void what_is_older_than_a_processors_first_event_is_not_believed(void **state)
{
	struct fixture fixture;
	open_fixture(&fixture);
	take(&fixture, 0x1000);
	take(&fixture, 0x2000);
	take(&fixture, 0x3000);
	fixture.now_ns += 1;
	add(&fixture, (struct ul_event){.kind = UL_EVENT_CPU_BEGINS, .cpu = 1});
	take(&fixture, 0x4000);
	give(&fixture, 0x9000);
	const struct ul_site *site = only_site(&fixture);
	assert_float_equal(site->trust, 0.25, 1e-9);
	assert_int_equal(loss_of(&fixture, "oldest event of some processor")->count, 3);
	close_fixture(&fixture);
}

static void too_many_live_are_a_loss_and_frees_make_room(void **state)
{
	struct fixture fixture;
	open_with(&fixture, &(struct ul_pairing_options){.max_live = 3});
	for (uint64_t i = 1; i <= 5; i++)
		take(&fixture, i << 12);
	give(&fixture, 1 << 12);
	take(&fixture, 9 << 12);
	const struct ul_site *site = only_site(&fixture);
	assert_int_equal(site->allocated, 4);
	assert_int_equal(site->live, 3);
	const struct ul_loss *loss = loss_of(&fixture, "too many were live");
	assert_int_equal(loss->count, 2);
	assert_int_equal(loss->bias, UL_BIAS_UNDER);
	close_fixture(&fixture);
}

static void hashed_addresses_pair_and_are_no_examples(void **state)
{
	struct fixture fixture;
	open_fixture(&fixture);
	const struct ul_event event = {UL_EVENT_ALLOC, UL_ALLOCATOR_SLAB, .key = 0x1234abcd,
				       .bytes = 64, .hashed = true};
	add(&fixture, event);
	give(&fixture, 0x1);
	const struct ul_site *site = only_site(&fixture);
	assert_int_equal(site->survivors, 1);
	assert_int_equal(site->examples.len, 0);
	assert_non_null(loss_of(&fixture, "hashes"));
	close_fixture(&fixture);
}

static void only_what_is_older_than_the_drain_window_survives(void **state)
{
	struct fixture fixture;
	open_with(&fixture, &(struct ul_pairing_options){.drain_ns = 2 * UL_NS_PER_S});
	for (int64_t second = 1; second <= 10; second++)
		add(&fixture, (struct ul_event){UL_EVENT_ALLOC, UL_ALLOCATOR_SLAB,
						.key = (uint64_t)second << 12, .bytes = 64,
						.time_ns = second * UL_NS_PER_S});
	// 1 s to 10 s: recorded until 8 s, and those of 1 s to 7 s are older than that.
	const struct ul_site *site = only_site(&fixture);
	assert_int_equal(site->live, 10);
	assert_int_equal(site->survivors, 7);
	assert_float_equal(fixture.trace.window_s, 7, 1e-9);
	assert_float_equal(fixture.trace.drain_s, 2, 1e-9);
	close_fixture(&fixture);
}

static void by_default_a_tenth_drains_and_nothing_of_a_short_trace(void **state)
{
	// Eleven allocations, the first nine of them older than the last tenth of ten seconds.
	static const struct {
		int64_t step_ns;
		uint64_t survivors;
	} table[] = {{UL_NS_PER_S, 9}, {UL_NS_PER_S / 20, 11}};
	for (size_t i = 0; i < UL_ARRAY_LEN(table); i++) {
		struct fixture fixture;
		open_with(&fixture, &(struct ul_pairing_options){.drain_ns = -1});
		for (int64_t n = 1; n <= 11; n++)
			add(&fixture, (struct ul_event){UL_EVENT_ALLOC, UL_ALLOCATOR_SLAB,
							.key = (uint64_t)n << 12, .bytes = 64,
							.time_ns = n * table[i].step_ns});
		const struct ul_site *site = only_site(&fixture);
		assert_int_equal(site->live, 11);
		assert_int_equal(site->survivors, table[i].survivors);
		close_fixture(&fixture);
	}
}

static void stacks_and_sizes_make_sites(void **state)
{
	struct fixture fixture;
	open_fixture(&fixture);
	const uint32_t other = make_stack(&fixture, "seq_open");
	for (uint64_t i = 1; i <= 12; i++)
		add(&fixture, (struct ul_event){UL_EVENT_ALLOC, UL_ALLOCATOR_SLAB, .key = i << 12,
						.bytes = i % 2 ? 64 : 128,
						.stack = i % 3 ? fixture.stack : other,
						.pid = (pid_t)(i % 3)});
	finish(&fixture);
	assert_int_equal(fixture.trace.sites.len, 4);
	uint64_t live = 0;
	ul_vec_foreach (site, &fixture.trace.sites)
		live += site->live;
	assert_int_equal(live, 12);
	close_fixture(&fixture);
}

/* The same by brute force: who owns each frame. */
enum { FRAMES = 512, STEPS = 200000 };

struct brute {
	uint32_t owner[FRAMES]; /**< number of the allocation; 0: free */
	uint32_t left[STEPS];	/**< frames of it that are live */
	uint64_t live, freed, live_frames;
};

static uint32_t random_below(uint32_t *seed, uint32_t limit)
{
	*seed = *seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)*seed * limit >> 32);
}

static void step(struct fixture *fixture, struct brute *brute, uint32_t *seed, uint32_t number)
{
	const uint8_t order = (uint8_t)random_below(seed, 6);
	const uint32_t size = 1u << order;
	const uint32_t first = random_below(seed, FRAMES / size) * size;
	const uint32_t owner = brute->owner[first];
	for (uint32_t i = 1; i < size; i++)
		if (brute->owner[first + i] != owner)
			return;
	for (uint32_t i = 0; i < size; i++)
		brute->owner[first + i] = owner ? 0 : number;
	// Frame 0 is no allocation in a trace, so all are moved away from it.
	if (!owner) {
		brute->left[number] = size;
		brute->live++;
		brute->live_frames += size;
		take_pages(fixture, first + 4096, order);
		return;
	}
	brute->left[owner] -= size;
	brute->live_frames -= size;
	brute->live -= !brute->left[owner];
	brute->freed += !brute->left[owner];
	give_pages(fixture, first + 4096, order);
}

static void pages_agree_with_a_table_of_frames(void **state)
{
	struct fixture fixture;
	struct brute *brute = calloc(1, sizeof(*brute));
	uint32_t seed = 1;
	assert_non_null(brute);
	open_fixture(&fixture);
	for (uint32_t number = 1; number < STEPS; number++)
		step(&fixture, brute, &seed, number);
	finish(&fixture);
	uint64_t live = 0;
	uint64_t freed = 0;
	uint64_t bytes = 0;
	ul_vec_foreach (site, &fixture.trace.sites) {
		live += site->live;
		freed += site->freed;
		bytes += site->live_bytes;
		assert_int_equal(site->missed, 0);
	}
	assert_true(freed > 10000);
	assert_int_equal(live, brute->live);
	assert_int_equal(freed, brute->freed);
	assert_int_equal(bytes, brute->live_frames * 4096);
	assert_null(loss_of(&fixture, "whose allocation"));
	free(brute);
	close_fixture(&fixture);
}

static void a_million_freed_objects_leave_the_few_that_are_live(void **state)
{
	struct fixture fixture;
	open_fixture(&fixture);
	for (uint64_t i = 0; i < 1000000; i++) {
		take(&fixture, 0xffff888000000000 + i * 64);
		if (i >= 100 && i % 1009)
			give(&fixture, 0xffff888000000000 + i * 64);
	}
	// The first hundred (0 among them), then one in 1,009.
	const struct ul_site *site = only_site(&fixture);
	assert_int_equal(site->allocated, 1000000);
	assert_int_equal(site->live, 100 + 999999 / 1009);
	close_fixture(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_freed_is_not_live),
		cmocka_unit_test(an_address_handed_out_again_closes_the_old_owner_as_missed),
		cmocka_unit_test(a_trace_that_begins_in_the_middle_has_frees_of_nothing_known),
		cmocka_unit_test(a_block_freed_in_parts_is_live_until_its_last_part),
		cmocka_unit_test(a_larger_free_closes_all_that_is_live_inside),
		cmocka_unit_test(a_free_of_a_huge_block_closes_all_inside_and_nothing_else),
		cmocka_unit_test(an_allocation_inside_a_live_block_proves_that_it_was_freed),
		cmocka_unit_test(a_free_told_by_two_events_is_one),
		cmocka_unit_test(key_spaces_do_not_mix),
		cmocka_unit_test(without_any_free_event_nothing_is_believed),
		cmocka_unit_test(lost_events_lower_the_trust_by_the_frees_among_them),
		cmocka_unit_test(what_is_older_than_a_processors_first_event_is_not_believed),
		cmocka_unit_test(too_many_live_are_a_loss_and_frees_make_room),
		cmocka_unit_test(hashed_addresses_pair_and_are_no_examples),
		cmocka_unit_test(only_what_is_older_than_the_drain_window_survives),
		cmocka_unit_test(by_default_a_tenth_drains_and_nothing_of_a_short_trace),
		cmocka_unit_test(stacks_and_sizes_make_sites),
		cmocka_unit_test(pages_agree_with_a_table_of_frames),
		cmocka_unit_test(a_million_freed_objects_leave_the_few_that_are_live),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
