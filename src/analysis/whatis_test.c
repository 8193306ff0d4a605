// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/reach_fixture.h"

#include "analysis/whatis.h"

#define SMALL(n) (FIXTURE_DIRECT + 16 * 4096 + (uint64_t)(n)*64)
#define MOVING	 (FIXTURE_DIRECT + 17 * 4096)
#define BLOCK	 (FIXTURE_DIRECT + 32 * 4096)
#define PERCPU	 UINT64_C(0x1a040)
#define STACK	 FIXTURE_VMALLOC
#define TASK	 SMALL(3)

static struct fixture *make(void)
{
	struct fixture *fixture = fixture_create(true);
	fixture_block(fixture, SMALL(0), 4096, 64, 0, UL_BLOCK_SLAB, 0);
	fixture_block(fixture, MOVING, 4096, 64, 0, UL_BLOCK_SLAB, UL_BLOCK_UNKNOWN);
	fixture_block(fixture, BLOCK, 4 * 4096, 0, UINT32_MAX, UL_BLOCK_PAGES, 0);
	fixture_block(fixture, STACK, 4 * 4096, 0, UINT32_MAX, UL_BLOCK_VMALLOC,
		      UL_BLOCK_NO_SCAN | UL_BLOCK_NOT_LEAK);
	fixture_block(fixture, PERCPU, 64, 0, UINT32_MAX, UL_BLOCK_PERCPU, 0);
	fixture_root(fixture, FIXTURE_IMAGE, 4096, UL_ROOT_IMAGE);
	fixture_root(fixture, STACK + 3 * 4096, 4096, UL_ROOT_STACK);
	fixture->heap.roots.data[1].owner = TASK;
	fixture->heap.page_class[16] = fixture->heap.page_class[17] = UL_FRAME_SLAB;
	fixture->heap.page_class[33] = UL_FRAME_KERNEL;
	fixture->heap.page_class[40] = UL_FRAME_FREE;
	assert_null(ul_heap_finish(&fixture->heap));
	for (int i = 0; i < 4; i++)
		fixture_allocate(fixture, SMALL(i));
	fixture_allocate(fixture, BLOCK);
	fixture_allocate(fixture, STACK);
	fixture_allocate(fixture, PERCPU);
	return fixture;
}

static struct ul_whatis ask(struct fixture *fixture, uint64_t kaddr)
{
	struct ul_whatis whatis;
	assert_null(ul_whatis(&fixture->image, &fixture->heap, kaddr, &whatis));
	assert_true(whatis.kaddr == kaddr);
	return whatis;
}

static void an_address_in_an_object_is_that_object(void **state)
{
	(void)state;
	struct fixture *fixture = make();
	struct ul_whatis whatis = ask(fixture, SMALL(2) + 24);
	assert_int_equal(whatis.state, UL_OBJECT_ALLOCATED);
	assert_string_equal(whatis.cache, "small");
	assert_true(whatis.object == SMALL(2));
	assert_int_equal(whatis.offset, 24);
	assert_int_equal(whatis.bytes, 64);
	assert_true(whatis.has_frame);
	assert_false(whatis.is_struct_page);
	assert_int_equal(whatis.pfn, 16);
	assert_int_equal(whatis.frame, UL_FRAME_SLAB);
	assert_false(whatis.has_root);
	ul_whatis_deinit(&whatis);
	whatis = ask(fixture, SMALL(9));
	assert_int_equal(whatis.state, UL_OBJECT_FREE);
	ul_whatis_deinit(&whatis);
	whatis = ask(fixture, MOVING);
	assert_int_equal(whatis.state, UL_OBJECT_UNKNOWN);
	ul_whatis_deinit(&whatis);
	fixture_free(fixture);
}

static void a_struct_page_is_the_block_of_its_page_but_no_slab(void **state)
{
	(void)state;
	struct fixture *fixture = make();
	struct ul_whatis whatis = ask(fixture, FIXTURE_VMEMMAP + 33 * 64 + 8);
	assert_true(whatis.is_struct_page);
	assert_int_equal(whatis.pfn, 33);
	assert_int_equal(whatis.frame, UL_FRAME_KERNEL);
	assert_string_equal(whatis.cache, "pages");
	assert_true(whatis.object == BLOCK);
	ul_whatis_deinit(&whatis);
	whatis = ask(fixture, FIXTURE_VMEMMAP + 16 * 64);
	assert_true(whatis.is_struct_page);
	assert_int_equal(whatis.state, UL_OBJECT_NONE);
	ul_whatis_deinit(&whatis);
	fixture_free(fixture);
}

static void stacks_have_a_live_and_a_dead_part(void **state)
{
	(void)state;
	struct fixture *fixture = make();
	struct ul_whatis whatis = ask(fixture, STACK + 3 * 4096 + 8);
	assert_true(whatis.has_root);
	assert_false(whatis.dead);
	assert_int_equal(whatis.root, UL_ROOT_STACK);
	assert_true(whatis.owner == TASK);
	assert_string_equal(whatis.cache, "vmalloc");
	ul_whatis_deinit(&whatis);
	whatis = ask(fixture, STACK + 8);
	assert_true(whatis.has_root);
	assert_true(whatis.dead);
	assert_true(whatis.owner == TASK);
	ul_whatis_deinit(&whatis);
	fixture_free(fixture);
}

static void what_is_none_of_these_is_said_to_be_nothing(void **state)
{
	(void)state;
	struct fixture *fixture = make();
	struct ul_whatis whatis = ask(fixture, 0x1234);
	assert_int_equal(whatis.state, UL_OBJECT_NONE);
	assert_false(whatis.has_frame || whatis.has_root);
	assert_null(whatis.symbol.name);
	ul_whatis_deinit(&whatis);
	whatis = ask(fixture, FIXTURE_DIRECT + 40 * 4096);
	assert_true(whatis.has_frame);
	assert_int_equal(whatis.frame, UL_FRAME_FREE);
	assert_int_equal(whatis.state, UL_OBJECT_NONE);
	ul_whatis_deinit(&whatis);
	whatis = ask(fixture, PERCPU + 8);
	assert_string_equal(whatis.cache, "percpu");
	assert_int_equal(whatis.offset, 8);
	ul_whatis_deinit(&whatis);
	fixture_free(fixture);
}

static void who_refers_to_it_is_told_in_the_same_words(void **state)
{
	(void)state;
	struct fixture *fixture = make();
	struct ul_references references;
	struct ul_referred referred = {0};
	struct ul_path path;
	const uint64_t targets[] = {SMALL(0), SMALL(1)};
	fixture_put(fixture, FIXTURE_IMAGE + 16, SMALL(1));
	fixture_put(fixture, SMALL(1) + 8, SMALL(0) + 32);
	fixture_put(fixture, SMALL(9), SMALL(0)); // a free one
	assert_null(ul_reach_references(&fixture->image, &fixture->heap, targets, 2, 10, 1,
					&references));
	assert_null(ul_whatis(&fixture->image, &fixture->heap, SMALL(0), &referred.target));
	assert_null(ul_whatis_referrers(&fixture->image, &fixture->heap, &references, &referred));
	assert_int_equal(referred.referrers.len, 2); // those of the other target are left out
	assert_true(referred.referrers.data[0].from.object == SMALL(1));
	assert_int_equal(referred.referrers.data[0].from.offset, 8);
	assert_true(referred.referrers.data[0].value == SMALL(0) + 32);
	assert_false(referred.referrers.data[0].stale);
	assert_true(referred.referrers.data[1].stale);
	assert_int_equal(referred.referrers.data[1].from.state, UL_OBJECT_FREE);
	assert_null(ul_reach_path(&fixture->image, &fixture->heap, SMALL(0), 1, &path));
	assert_null(ul_whatis_path(&fixture->image, &fixture->heap, &path, &referred));
	assert_int_equal(referred.path.len, 3);
	assert_true(referred.path.data[0].from.has_root);
	assert_int_equal(referred.path.data[0].from.root, UL_ROOT_IMAGE);
	assert_true(referred.path.data[1].from.object == SMALL(1));
	assert_true(referred.path.data[2].from.object == SMALL(0));
	ul_path_deinit(&path);
	ul_references_deinit(&references);
	ul_referred_deinit(&referred);
	fixture_free(fixture);
}

static void without_types_nothing_has_one(void **state)
{
	(void)state;
	struct fixture *fixture = make();
	UL_CLEANUP_TYPEID struct ul_typeid *typeid = NULL;
	assert_null(ul_typeid_create(&fixture->image, &fixture->heap, NULL, &typeid));
	struct ul_whatis whatis = ask(fixture, SMALL(0));
	assert_null(ul_whatis_type(&fixture->image, &fixture->heap, typeid, &whatis));
	assert_null(whatis.type);
	assert_null(whatis.member);
	// Nor where they were too many to be told.
	assert_null(ul_whatis_type(&fixture->image, &fixture->heap, NULL, &whatis));
	assert_null(whatis.type);
	ul_whatis_deinit(&whatis);
	fixture_free(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_in_an_object_is_that_object),
		cmocka_unit_test(a_struct_page_is_the_block_of_its_page_but_no_slab),
		cmocka_unit_test(stacks_have_a_live_and_a_dead_part),
		cmocka_unit_test(what_is_none_of_these_is_said_to_be_nothing),
		cmocka_unit_test(who_refers_to_it_is_told_in_the_same_words),
		cmocka_unit_test(without_types_nothing_has_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
