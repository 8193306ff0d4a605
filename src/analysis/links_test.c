// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/reach_fixture.h"

#include "analysis/links.h"

enum { SMALL = 64, LARGE = 1024 };

/** Objects of "small" in page 8, of "large" in page 9 on. */
static uint64_t small_at(size_t index)
{
	return fixture_page(8) + index * SMALL;
}

static uint64_t large_at(size_t index)
{
	return fixture_page(9) + index * LARGE;
}

static struct fixture *make(void)
{
	struct fixture *fixture = fixture_create(false);
	fixture_block(fixture, fixture_page(8), 4096, SMALL, 0, UL_BLOCK_SLAB, 0);
	fixture_block(fixture, fixture_page(9), 8 * 4096, LARGE, 1, UL_BLOCK_SLAB, 0);
	assert_null(ul_heap_finish(&fixture->heap));
	return fixture;
}

static void add_object(struct fixture *fixture, struct ul_links *links, size_t site, uint64_t kaddr)
{
	while (links->sites.len <= site)
		assert_non_null(ul_vec_add(&links->sites));
	fixture_allocate(fixture, kaddr);
	assert_true(ul_vec_push(&links->sites.data[site].objects, kaddr));
}

static void pointers_from_site_to_site_are_counted_once_an_object(void **state)
{
	UL_CLEANUP_LINKS struct ul_links links = {0};
	struct fixture *fixture = make();
	for (size_t i = 0; i < 8; i++) {
		add_object(fixture, &links, 0, small_at(i));
		add_object(fixture, &links, 1, large_at(i));
	}
	for (size_t i = 0; i < 5; i++) {
		fixture_put(fixture, small_at(i) + 8, large_at(i));
		fixture_put(fixture, small_at(i) + 24,
			    large_at(i) + 512); // its inside: the same one
	}
	fixture_put(fixture, small_at(5), large_at(0)); // known already
	fixture_put(fixture, small_at(6), small_at(7)); // of its own sort
	fixture_put(fixture, large_at(3), UINT64_C(0x1234));
	assert_null(ul_links_find(&fixture->image, &fixture->heap, &links));
	assert_int_equal(links.items.len, 1);
	assert_int_equal(links.items.data[0].from, 0);
	assert_int_equal(links.items.data[0].to, 1);
	assert_int_equal(links.items.data[0].pointing, 6);
	assert_int_equal(links.items.data[0].pointed, 5);
	fixture_free(fixture);
}

static void what_was_freed_meanwhile_does_not_count(void **state)
{
	UL_CLEANUP_LINKS struct ul_links links = {0};
	struct fixture *fixture = make();
	struct ul_heap_hit hit;
	add_object(fixture, &links, 0, small_at(0));
	add_object(fixture, &links, 0, small_at(1));
	add_object(fixture, &links, 1, large_at(0));
	add_object(fixture, &links, 1, large_at(1));
	fixture_put(fixture, small_at(0), large_at(0));
	fixture_put(fixture, small_at(1), large_at(1));
	fixture_put(fixture, large_at(0), small_at(0)); // and back
	assert_true(ul_heap_find(&fixture->heap, small_at(1), &hit));
	ul_heap_set_allocated(&fixture->heap, hit.object, false);
	assert_null(ul_links_find(&fixture->image, &fixture->heap, &links));
	assert_int_equal(links.items.len, 2);
	assert_int_equal(links.items.data[0].pointed, 1);
	assert_int_equal(links.items.data[1].from, 1);
	assert_int_equal(links.items.data[1].pointed, 1);
	fixture_free(fixture);
}

static void nothing_and_holes_are_no_trouble(void **state)
{
	UL_CLEANUP_LINKS struct ul_links links = {0};
	struct fixture *fixture = make();
	assert_null(ul_links_find(&fixture->image, &fixture->heap, &links));
	add_object(fixture, &links, 0, small_at(0));
	assert_true(ul_vec_push(&links.sites.data[0].objects, UINT64_C(16))); // no object
	fixture->memory.hole = fixture_page(8);
	assert_null(ul_links_find(&fixture->image, &fixture->heap, &links));
	assert_int_equal(links.items.len, 0);
	fixture_free(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pointers_from_site_to_site_are_counted_once_an_object),
		cmocka_unit_test(what_was_freed_meanwhile_does_not_count),
		cmocka_unit_test(nothing_and_holes_are_no_trouble),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
