// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/reach_fixture.h"

#include "analysis/orphan_recheck.h"
#include "analysis/reach_internal.h"

/* The slab of small objects is page 16, of large ones page 17, of either page 18. */
#define SMALL(n) (FIXTURE_DIRECT + 16 * 4096 + (uint64_t)(n)*64)
#define LARGE(n) (FIXTURE_DIRECT + 17 * 4096 + (uint64_t)(n)*1024)
#define EITHER	 (FIXTURE_DIRECT + 18 * 4096)
#define ROOT	 FIXTURE_IMAGE

enum { OBJECTS = 8 };

/** @p small: the slab on page 18 is one of small objects. */
static struct fixture *make(bool small)
{
	struct fixture *fixture = fixture_create(false);
	fixture->heap.caches.data[0].kaddr = 0x1000;
	fixture->heap.caches.data[1].kaddr = 0x2000;
	fixture_block(fixture, SMALL(0), 4096, 64, 0, UL_BLOCK_SLAB, 0);
	fixture_block(fixture, LARGE(0), 4096, 1024, 1, UL_BLOCK_SLAB, 0);
	fixture_block(fixture, EITHER, 4096, small ? 64 : 1024, small ? 0 : 1, UL_BLOCK_SLAB, 0);
	fixture_root(fixture, ROOT, 4096, UL_ROOT_IMAGE);
	assert_null(ul_heap_finish(&fixture->heap));
	for (int i = 0; i < OBJECTS; i++)
		fixture_allocate(fixture, SMALL(i));
	fixture_allocate(fixture, EITHER);
	return fixture;
}

static struct ul_orphans look(struct fixture *fixture)
{
	struct ul_orphans orphans;
	const struct ul_reach_options options = {.threads = 1};
	assert_null(ul_reach(&fixture->image, &fixture->heap, &options, &orphans));
	return orphans;
}

static bool has(const struct ul_orphans *orphans, uint64_t kaddr)
{
	ul_vec_foreach (orphan, &orphans->items)
		if (orphan->kaddr == kaddr)
			return true;
	return false;
}

/**
 * Keeps of @p orphans what was one in the look that @p witnesses remember; how many are dropped.
 */
static uint64_t keep(struct fixture *fixture, struct ul_witnesses *witnesses,
		     struct ul_orphans *orphans)
{
	uint64_t dropped = UINT64_MAX;
	assert_null(ul_orphans_keep_witnessed(&fixture->image, &fixture->heap, witnesses, orphans,
					      &dropped));
	ul_witnesses_deinit(witnesses);
	assert_int_equal(orphans->objects_orphans, orphans->items.len);
	assert_int_equal(orphans->objects_orphans + orphans->objects_reachable,
			 orphans->objects_allocated);
	return dropped;
}

static struct ul_witnesses witness(struct fixture *fixture)
{
	struct ul_witnesses witnesses;
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = look(fixture);
	assert_null(ul_orphans_witness(&fixture->image, &fixture->heap, &orphans, &witnesses));
	assert_int_equal(witnesses.items.len, orphans.items.len);
	return witnesses;
}

static void what_stands_still_is_an_orphan(void **state)
{
	(void)state;
	struct fixture *fixture = make(true);
	fixture_put(fixture, SMALL(0) + 8, 0x1234);
	struct ul_witnesses witnesses = witness(fixture);
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = look(fixture);
	assert_int_equal(keep(fixture, &witnesses, &orphans), 0);
	assert_int_equal(orphans.items.len, OBJECTS + 1);
	fixture_free(fixture);
}

static void what_was_written_to_is_dropped(void **state)
{
	(void)state;
	struct fixture *fixture = make(true);
	fixture_put(fixture, SMALL(1) + 8, 100);
	struct ul_witnesses witnesses = witness(fixture);
	fixture_put(fixture, SMALL(1) + 8, 101);
	fixture_put(fixture, SMALL(2), 1);
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = look(fixture);
	assert_int_equal(keep(fixture, &witnesses, &orphans), 2);
	assert_false(has(&orphans, SMALL(1)));
	assert_false(has(&orphans, SMALL(2)));
	assert_true(has(&orphans, SMALL(0)));
	assert_true(has(&orphans, SMALL(3)));
	fixture_free(fixture);
}

static void pointers_into_the_heap_may_change(void **state)
{
	(void)state;
	struct fixture *fixture = make(true);
	fixture_put(fixture, SMALL(0), SMALL(1));
	struct ul_witnesses witnesses = witness(fixture);
	fixture_put(fixture, SMALL(0), SMALL(2) + 8);
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = look(fixture);
	assert_int_equal(keep(fixture, &witnesses, &orphans), 0);
	assert_true(has(&orphans, SMALL(0)));
	fixture_free(fixture);
}

static void what_was_reached_a_look_ago_is_dropped(void **state)
{
	(void)state;
	struct fixture *fixture = make(true);
	fixture_put(fixture, ROOT, SMALL(3));
	fixture_put(fixture, SMALL(3), SMALL(4)); // hangs from it
	struct ul_witnesses witnesses = witness(fixture);
	fixture_put(fixture, ROOT, 0);
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = look(fixture);
	assert_true(has(&orphans, SMALL(3)));
	assert_int_equal(keep(fixture, &witnesses, &orphans), 2);
	assert_false(has(&orphans, SMALL(3)));
	assert_false(has(&orphans, SMALL(4)));
	fixture_free(fixture);
}

static void another_object_at_the_same_place_is_another(void **state)
{
	(void)state;
	struct fixture *before = make(true);
	struct fixture *after = make(false); // the page has gone to another cache
	struct ul_witnesses witnesses = witness(before);
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = look(after);
	assert_true(has(&orphans, EITHER));
	assert_int_equal(keep(after, &witnesses, &orphans), 1);
	assert_false(has(&orphans, EITHER));
	assert_int_equal(orphans.items.len, OBJECTS);
	fixture_free(before);
	fixture_free(after);
}

static void a_cache_made_anew_at_another_place_is_another(void **state)
{
	(void)state;
	struct fixture *fixture = make(true);
	struct ul_witnesses witnesses = witness(fixture);
	fixture->heap.caches.data[0].kaddr = 0x3000;
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = look(fixture);
	assert_int_equal(keep(fixture, &witnesses, &orphans), OBJECTS + 1);
	assert_int_equal(orphans.items.len, 0);
	fixture_free(fixture);
}

/** The third look at @p orphans; how many it drops. */
static uint64_t third_since(struct fixture *fixture, struct ul_memory *before,
			    struct ul_orphans *orphans)
{
	uint64_t dropped = UINT64_MAX;
	assert_null(ul_orphans_drop_referred(&fixture->image, &fixture->heap, before, orphans,
					     &dropped));
	assert_int_equal(orphans->objects_orphans, orphans->items.len);
	return dropped;
}

static uint64_t third(struct fixture *fixture, struct ul_orphans *orphans)
{
	return third_since(fixture, NULL, orphans);
}

static void
what_is_referred_to_in_the_third_look_is_dropped_with_all_that_hangs_from_it(void **state)
{
	(void)state;
	struct fixture *fixture = make(true);
	fixture_put(fixture, SMALL(0), SMALL(1));
	fixture_put(fixture, SMALL(1), SMALL(2) + 63);
	fixture_put(fixture, SMALL(3), SMALL(4)); // a ring: nothing outside refers to it
	fixture_put(fixture, SMALL(4), SMALL(3));
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = look(fixture);
	assert_int_equal(orphans.items.len, OBJECTS + 1);
	fixture_put(fixture, ROOT + 8, SMALL(0) + 16); // appears between the looks
	assert_int_equal(third(fixture, &orphans), 3);
	for (int i = 0; i < OBJECTS; i++)
		assert_int_equal(has(&orphans, SMALL(i)), i > 2);
	assert_null(ul_orphans_restructure(&fixture->image, &fixture->heap, &orphans));
	ul_vec_foreach (orphan, &orphans.items) {
		const bool ring = orphan->kaddr == SMALL(3) || orphan->kaddr == SMALL(4);
		assert_int_equal(orphan->role, ring ? UL_ORPHAN_CYCLE : UL_ORPHAN_DIRECT);
	}
	fixture_free(fixture);
}

static void what_is_referred_to_by_an_object_that_is_no_orphan_is_dropped(void **state)
{
	(void)state;
	struct fixture *fixture = make(true);
	fixture_put(fixture, ROOT, SMALL(7));
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = look(fixture);
	fixture_put(fixture, SMALL(7) + 8, SMALL(6)); // its new owner
	fixture_put(fixture, SMALL(40), SMALL(5));    // a free object: stale
	assert_int_equal(third(fixture, &orphans), 1);
	assert_false(has(&orphans, SMALL(6)));
	assert_true(has(&orphans, SMALL(5)));
	fixture_free(fixture);
}

static void a_reference_written_since_counts_even_in_free_memory(void **state)
{
	(void)state;
	struct fixture *fixture = make(true);
	struct fixture *before = make(true);
	before->memory.memory.ops = &fixture_map_ops;
	fixture_put(before, SMALL(40), SMALL(5));
	fixture_put(before, SMALL(41), SMALL(5));
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = look(fixture);
	fixture_put(fixture, SMALL(40), SMALL(5)); // as before: stale
	fixture_put(fixture, SMALL(41), SMALL(6)); // new: whoever it is was not known yet
	assert_int_equal(third_since(fixture, &before->memory.memory, &orphans), 1);
	assert_true(has(&orphans, SMALL(5)));
	assert_false(has(&orphans, SMALL(6)));
	fixture_free(before);
	fixture_free(fixture);
}

static void what_was_left_out_of_the_copy_is_not_taken_as_written_since(void **state)
{
	(void)state;
	struct fixture *fixture = make(true);
	struct fixture *before = make(true); // its memory cannot be mapped: nothing is in the copy
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = look(fixture);
	fixture_put(fixture, SMALL(40), SMALL(5));
	fixture_put(fixture, SMALL(41), SMALL(6));
	before->memory.memory.left_out_from = SMALL(41);
	assert_int_equal(third_since(fixture, &before->memory.memory, &orphans), 1);
	assert_false(has(&orphans, SMALL(5)));
	assert_true(has(&orphans, SMALL(6)));
	fixture_free(before);
	fixture_free(fixture);
}

static void what_a_new_walk_does_not_find_is_dropped_and_the_rest_has_its_numbers(void **state)
{
	(void)state;
	uint64_t dropped = 0;
	struct fixture *fixture = make(true);
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = look(fixture);
	struct fixture *later = fixture_create(false);
	struct ul_heap_hit hit;
	fixture_block(later, fixture_page(10), 4096, 64, 0, UL_BLOCK_SLAB, 0); // before all others
	fixture_block(later, SMALL(0), 4096, 64, 0, UL_BLOCK_SLAB, 0);
	assert_null(ul_heap_finish(&later->heap));
	fixture_allocate(later, SMALL(2));
	fixture_allocate(later, SMALL(4));
	assert_null(ul_orphans_renumber(&later->heap, &orphans, &dropped));
	assert_int_equal(dropped, OBJECTS + 1 - 2);
	assert_int_equal(orphans.items.len, 2);
	ul_vec_foreach (orphan, &orphans.items) {
		assert_true(ul_heap_object(&later->heap, orphan->object, &hit));
		assert_int_equal(hit.kaddr, orphan->kaddr);
	}
	fixture_free(later);
	fixture_free(fixture);
}

static void many_references_among_orphans_do_not_hide_the_one_from_outside(void **state)
{
	(void)state;
	struct fixture *fixture = make(true);
	for (int i = 1; i < OBJECTS; i++)
		for (int word = 0; word < 8; word++)
			fixture_put(fixture, SMALL(i) + (uint64_t)word * 8, SMALL(0));
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = look(fixture);
	fixture_put(fixture, ROOT, SMALL(0));
	assert_int_equal(third(fixture, &orphans), 1);
	assert_false(has(&orphans, SMALL(0)));
	fixture_free(fixture);
}

static void a_mark_spreads_along_edges_and_not_against_them(void **state)
{
	(void)state;
	// 0 -> 1 -> 2 -> 1, and 3 -> 0; 4 alone.
	uint32_t first[] = {0, 1, 2, 3, 4, 4};
	const uint32_t to[] = {1, 2, 1, 0};
	struct ul_orphan_edges edges = {.first = first};
	bool marked[] = {false, true, false, false, false};
	for (size_t i = 0; i < 4; i++)
		assert_true(ul_vec_push(&edges.to, to[i]));
	assert_null(ul_orphan_edges_spread(&edges, 5, marked));
	assert_true(marked[1] && marked[2]);
	assert_false(marked[0] || marked[3] || marked[4]);
	marked[3] = true;
	assert_null(ul_orphan_edges_spread(&edges, 5, marked));
	assert_true(marked[0] && marked[1] && marked[2] && marked[3]);
	assert_false(marked[4]);
	ul_vec_deinit(&edges.to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stands_still_is_an_orphan),
		cmocka_unit_test(what_was_written_to_is_dropped),
		cmocka_unit_test(pointers_into_the_heap_may_change),
		cmocka_unit_test(what_was_reached_a_look_ago_is_dropped),
		cmocka_unit_test(another_object_at_the_same_place_is_another),
		cmocka_unit_test(a_cache_made_anew_at_another_place_is_another),
		cmocka_unit_test(
			what_is_referred_to_in_the_third_look_is_dropped_with_all_that_hangs_from_it),
		cmocka_unit_test(what_is_referred_to_by_an_object_that_is_no_orphan_is_dropped),
		cmocka_unit_test(a_reference_written_since_counts_even_in_free_memory),
		cmocka_unit_test(what_was_left_out_of_the_copy_is_not_taken_as_written_since),
		cmocka_unit_test(
			what_a_new_walk_does_not_find_is_dropped_and_the_rest_has_its_numbers),
		cmocka_unit_test(many_references_among_orphans_do_not_hide_the_one_from_outside),
		cmocka_unit_test(a_mark_spreads_along_edges_and_not_against_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
