// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "source/kwalk/kwalk_fixture.h"

struct case_state {
	struct fake_kernel fake;
	struct ul_heap heap;
};

static void setup(struct case_state *state, bool modern)
{
	assert_true(fake_kernel_init(&state->fake, modern, fk_types(modern)));
	state->heap = (struct ul_heap){0};
}

static void walk(struct case_state *state)
{
	const struct ul_kwalk_options options = {.threads = 2};
	assert_null(ul_kwalk_heap(&state->fake.image, &options, &state->heap));
}

static void teardown(struct case_state *state)
{
	ul_heap_deinit(&state->heap);
	fake_kernel_deinit(&state->fake);
}

static bool allocated(const struct case_state *state, uint64_t kaddr)
{
	struct ul_heap_hit hit;
	assert_true(ul_heap_find(&state->heap, kaddr, &hit));
	return hit.allocated;
}

static const struct ul_block *block_at(const struct case_state *state, uint64_t kaddr)
{
	struct ul_heap_hit hit;
	return ul_heap_find(&state->heap, kaddr, &hit) ? hit.block : NULL;
}

static uint64_t loss(const struct case_state *state, const char *text)
{
	ul_vec_foreach (item, &state->heap.losses.items)
		if (strstr(item->what, text))
			return item->count ? item->count : 1;
	return 0;
}

static bool is_root(const struct case_state *state, enum ul_root_kind kind, uint64_t kaddr)
{
	ul_vec_foreach (root, &state->heap.roots)
		if (root->kind == kind && kaddr >= root->kaddr && kaddr < root->kaddr + root->bytes)
			return true;
	return false;
}

static bool is_hidden(const struct case_state *state, uint64_t kaddr)
{
	ul_vec_foreach (range, &state->heap.hidden)
		if (kaddr >= range->start && kaddr < range->end)
			return true;
	return false;
}

static void on_both(void (*check)(struct case_state *state))
{
	for (int modern = 0; modern < 2; modern++) {
		struct case_state state;
		setup(&state, modern);
		walk(&state);
		check(&state);
		teardown(&state);
	}
}

/* ---- pages ---- */

static void check_classes(struct case_state *state)
{
	const struct {
		uint64_t pfn, pages;
		enum ul_frame_class class;
	} frames[] = {
		{FK_PAGE_ARRAY, 4, UL_FRAME_VMEMMAP},
		{FK_IMAGE, FK_IMAGE_PAGES - 1, UL_FRAME_IMAGE},
		{FK_IMAGE + FK_IMAGE_PAGES - 1, 1, UL_FRAME_KERNEL},
		{FK_SLAB_A, 1, UL_FRAME_SLAB},
		{FK_SLAB_A2, 2, UL_FRAME_SLAB},
		{FK_LARGE, 2, state->fake.modern ? UL_FRAME_KMALLOC_LARGE : UL_FRAME_FREE},
		{FK_SINGLE, 1, UL_FRAME_KERNEL},
		{FK_COMPOUND, 4, UL_FRAME_KERNEL},
		{FK_UNCOUNTED, 2, UL_FRAME_KERNEL},
		{FK_ON_CPU_LIST, 1, UL_FRAME_FREE},
		{FK_ANON, 1, UL_FRAME_ANON},
		{FK_FILE, 1, UL_FRAME_FILE},
		{FK_TABLE, 1, UL_FRAME_TABLE},
		{FK_AREA, 2, UL_FRAME_VMALLOC},
		{FK_BUDDY, 8, UL_FRAME_FREE},
		{FK_STACK, 4, UL_FRAME_STACK},
		{FK_PERCPU, 1, UL_FRAME_PERCPU},
		{FK_ROOT_PAGE, 1, UL_FRAME_RESERVED},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(frames); i++)
		for (uint64_t k = 0; k < frames[i].pages; k++)
			if (state->heap.page_class[frames[i].pfn + k] != frames[i].class)
				fail_msg("page frame %llu is %s",
					 (unsigned long long)(frames[i].pfn + k),
					 ul_frame_class_name(
						 state->heap.page_class[frames[i].pfn + k]));
}

static void test_every_page_frame_has_its_class(void **state)
{
	on_both(check_classes);
}

static void check_page_blocks(struct case_state *state)
{
	assert_int_equal(block_at(state, fk_direct(FK_SINGLE))->bytes, FK_PAGE);
	assert_int_equal(block_at(state, fk_direct(FK_COMPOUND) + 3 * FK_PAGE)->bytes, 4 * FK_PAGE);
	// Without __GFP_COMP only the first page is counted; the second still belongs to it.
	assert_int_equal(block_at(state, fk_direct(FK_UNCOUNTED) + FK_PAGE)->kaddr,
			 fk_direct(FK_UNCOUNTED));
	assert_null(block_at(state, fk_direct(FK_ON_CPU_LIST)));
	if (state->fake.modern) {
		assert_int_equal(block_at(state, fk_direct(FK_LARGE))->kind,
				 UL_BLOCK_KMALLOC_LARGE);
		assert_int_equal(block_at(state, fk_direct(FK_LARGE))->bytes, 2 * FK_PAGE);
	}
}

static void test_page_blocks_are_as_large_as_what_was_allocated(void **state)
{
	on_both(check_page_blocks);
}

/* ---- slabs ---- */

static void check_objects(struct case_state *state)
{
	const uint64_t a = fk_direct(FK_SLAB_A);
	const uint64_t b = fk_direct(FK_SLAB_B) + FK_RED_B;
	for (uint64_t i = 0; i < 64; i++) {
		// 3, 5 and 7 are on the slab's freelist, 10 and 11 wait on the CPU, 12 in a barn.
		const bool is_free = i == 3 || i == 5 || i == 7 || i == 10 || i == 11 ||
				     (i == 12 && state->fake.modern);
		assert_int_equal(allocated(state, a + i * FK_OBJECT_A), !is_free);
	}
	for (uint64_t i = 0; i < 31; i++)
		assert_int_equal(allocated(state, b + i * FK_SLOT_B), i != 30);
	for (uint64_t i = 0; i < 128; i++)
		assert_true(allocated(state, fk_direct(FK_SLAB_A2) + i * FK_OBJECT_A));
}

static void test_free_objects_are_found_wherever_they_wait(void **state)
{
	on_both(check_objects);
}

static void check_damaged(struct case_state *state)
{
	const struct ul_block *block = block_at(state, fk_direct(FK_SLAB_BAD));
	assert_true(block->flags & UL_BLOCK_UNKNOWN);
	for (uint64_t i = 0; i < 64; i++)
		assert_true(allocated(state, block->kaddr + i * FK_OBJECT_A));
	assert_int_equal(loss(state, "damaged freelist"), 1);
	assert_false(block_at(state, fk_direct(FK_SLAB_A))->flags & UL_BLOCK_UNKNOWN);
}

static void test_a_damaged_freelist_makes_its_slab_unknown(void **state)
{
	on_both(check_damaged);
}

static void check_totals(struct case_state *state)
{
	assert_int_equal(state->heap.caches.len, 2);
	const struct ul_heap_cache *alpha = &state->heap.caches.data[0];
	const struct ul_heap_cache *beta = &state->heap.caches.data[1];
	assert_string_equal(alpha->name, "alpha");
	assert_int_equal(alpha->slabs, 3);
	assert_int_equal(alpha->objects, 64 + 128 + 64);
	assert_int_equal(alpha->allocated, 256 - (state->fake.modern ? 6 : 5));
	assert_int_equal(alpha->unknown, 64);
	assert_int_equal(alpha->bytes, 4 * FK_PAGE);
	assert_string_equal(beta->name, "beta");
	assert_int_equal(beta->objects, 31);
	assert_int_equal(beta->allocated, 30);
}

static void test_caches_add_up_to_their_slabs(void **state)
{
	on_both(check_totals);
}

static void test_a_freelist_in_a_circle_ends_and_is_damaged(void **state)
{
	struct case_state test;
	const uint64_t a = fk_direct(FK_SLAB_A);
	setup(&test, false);
	fk_link(&test.fake, a + 5 * FK_OBJECT_A, 32, a + 3 * FK_OBJECT_A);
	walk(&test);
	assert_true(block_at(&test, a)->flags & UL_BLOCK_UNKNOWN);
	teardown(&test);
}

static void test_without_slab_caches_the_slabs_tell_their_caches(void **state)
{
	struct case_state test;
	setup(&test, true);
	ul_symtab_destroy(test.fake.image.symtab);
	test.fake.image.symtab = ul_symtab_create();
	ul_symtab_finish(test.fake.image.symtab);
	walk(&test);
	assert_int_equal(test.heap.caches.len, 2);
	assert_false(allocated(&test, fk_direct(FK_SLAB_A) + 3 * FK_OBJECT_A));
	assert_int_not_equal(loss(&test, "per-CPU memory"), 0);
	assert_int_not_equal(loss(&test, "vmalloc areas"), 0);
	teardown(&test);
}

/* ---- areas, stacks, roots ---- */

static void check_areas(struct case_state *state)
{
	const struct ul_block *area = block_at(state, FK_VMALLOC + FK_PAGE);
	const struct ul_block *stack = block_at(state, FK_VMALLOC + 8 * FK_PAGE);
	assert_int_equal(area->kind, UL_BLOCK_VMALLOC);
	assert_int_equal(area->bytes, 2 * FK_PAGE);
	assert_int_equal(state->heap.areas.data[area->cache].caller, FK_TEXT + 0x123);
	assert_int_equal(state->heap.areas.data[area->cache].pages, 2);
	assert_int_equal(stack->flags, UL_BLOCK_NO_SCAN | UL_BLOCK_NOT_LEAK);
	// The allocator's own words would point at every area.
	assert_true(is_hidden(state, FK_TEXT + FK_BUSY));
	assert_true(is_hidden(state, FK_TEXT + FK_BUSY + 8));
	assert_true(is_hidden(state, FK_TEXT + FK_VM + 8));
	assert_true(is_hidden(state, FK_TEXT + FK_FREE_AREA + 8));
	assert_false(is_hidden(state, FK_TEXT + FK_VM + 32));
}

static void test_vmalloc_areas_know_their_caller_and_hide_their_bounds(void **state)
{
	on_both(check_areas);
}

static void check_roots(struct case_state *state)
{
	const uint64_t stack = FK_VMALLOC + 8 * FK_PAGE;
	assert_true(is_root(state, UL_ROOT_STACK, stack + 4 * FK_PAGE - 256));
	assert_false(is_root(state, UL_ROOT_STACK, stack + 4 * FK_PAGE - 264));
	assert_true(is_root(state, UL_ROOT_IMAGE, FK_TEXT + FK_SLAB_CACHES));
	assert_false(is_root(state, UL_ROOT_IMAGE, FK_TEXT + 0x1000));
	// Within the image, but given to the page allocator after booting.
	assert_false(is_root(state, UL_ROOT_IMAGE, FK_TEXT + (FK_IMAGE_PAGES - 1) * FK_PAGE));
	assert_true(is_root(state, UL_ROOT_RESERVED, fk_direct(FK_ROOT_PAGE)));
	assert_false(is_root(state, UL_ROOT_RESERVED, fk_direct(FK_PAGE_ARRAY)));
	assert_true(is_root(state, UL_ROOT_PERCPU, fk_direct(FK_PERCPU) + FK_CPU_AREA));
	assert_true(is_root(state, UL_ROOT_PERCPU, fk_direct(FK_PERCPU) + 2080));
	assert_false(is_root(state, UL_ROOT_PERCPU, fk_direct(FK_PERCPU) + 2064));
	assert_true(is_root(state, UL_ROOT_PAGE, fk_struct_page(FK_SINGLE)));
	assert_false(is_root(state, UL_ROOT_PAGE, fk_struct_page(FK_BUDDY)));
	assert_true(is_root(state, UL_ROOT_MODULE, FK_MODULE + 0x2000));
	assert_false(is_root(state, UL_ROOT_MODULE, FK_MODULE + 0x1fff));
}

/** As in 7.3 the futex hash, whose variable is gone after booting; before v6.11 there are none. */
static void test_constants_of_instructions_are_roots(void **state)
{
	// movabs $constant, %rcx; the same of an address that is no memory; and no movabs.
	static const uint64_t places[] = {FK_TEXT + 0x1003, FK_TEXT + 0x1103, FK_TEXT + 0x1203};
	for (int modern = 0; modern < 2; modern++) {
		struct case_state test;
		setup(&test, modern);
		const uint64_t object = fk_direct(FK_SLAB_A) + 20 * FK_OBJECT_A;
		strcpy(test.fake.image.kernel.arch, "x86_64");
		for (size_t i = 0; i < UL_ARRAY_LEN(places); i++) {
			fk_put(&test.fake, places[i], i == 2 ? 0xc748 : 0xb948, 2);
			fk_word(&test.fake, places[i] + 2, i == 1 ? 0x1234 : object);
		}
		walk(&test);
		size_t constants = 0;
		ul_vec_foreach (root, &test.heap.roots) {
			if (root->kind != UL_ROOT_CODE)
				continue;
			constants++;
			assert_int_equal(root->kaddr, places[0]);
			assert_int_equal(root->bytes, 0);
			assert_int_equal(root->owner, object);
		}
		assert_int_equal(constants, modern);
		teardown(&test);
	}
}

static void test_roots_are_what_is_alive(void **state)
{
	on_both(check_roots);
}

static size_t constants_of(const struct ul_heap *heap, uint64_t *ret_owner)
{
	size_t constants = 0;
	ul_vec_foreach (root, &heap->roots) {
		if (root->kind != UL_ROOT_CODE)
			continue;
		constants++;
		*ret_owner = root->owner;
	}
	return constants;
}

/** The text is changed, which it never is: so it is seen whether it was read. */
static void test_constants_are_taken_over_from_an_earlier_walk(void **state)
{
	struct case_state test;
	struct ul_kwalk_code code UL_CLEANUP(ul_kwalk_code_deinit) = {.known = false};
	const uint64_t place = FK_TEXT + 0x1003;
	setup(&test, true);
	strcpy(test.fake.image.kernel.arch, "x86_64");
	fk_put(&test.fake, place, 0xb948, 2);
	for (uint64_t walks = 0; walks < 3; walks++) {
		const bool keep = walks < 2;
		const struct ul_kwalk_options options = {.threads = 1, .code = keep ? &code : NULL};
		const uint64_t object = fk_direct(FK_SLAB_A) + (20 + walks) * FK_OBJECT_A;
		uint64_t owner = 0;
		fk_word(&test.fake, place + 2, object);
		ul_heap_deinit(&test.heap);
		assert_null(ul_kwalk_heap(&test.fake.image, &options, &test.heap));
		assert_int_equal(constants_of(&test.heap, &owner), 1);
		assert_int_equal(owner, walks == 1 ? object - FK_OBJECT_A : object);
		assert_int_equal(code.roots.len, 1);
	}
	teardown(&test);
}

/** A dump whose text is full of them must not fill our memory with roots. */
static void test_more_constants_than_can_be_are_left_out(void **state)
{
	struct case_state test;
	uint64_t owner;
	setup(&test, true);
	strcpy(test.fake.image.kernel.arch, "x86_64");
	for (uint64_t at = FK_TEXT + 0x1000; at + 10 <= FK_TEXT + 0x4000; at += 10) {
		fk_put(&test.fake, at, 0xb948, 2);
		fk_word(&test.fake, at + 2, fk_direct(FK_SLAB_A));
	}
	walk(&test);
	assert_int_equal(constants_of(&test.heap, &owner), 512);
	assert_int_equal(loss(&test, "more than can be"), 1);
	teardown(&test);
}

static void check_percpu(struct case_state *state)
{
	const uint64_t start = state->fake.modern ? FK_TEXT + 0xc000 : 0;
	const struct ul_block *first = block_at(state, start + 2048);
	const struct ul_block *second = block_at(state, start + 2080);
	assert_int_equal(first->kind, UL_BLOCK_PERCPU);
	assert_int_equal(first->bytes, 16);
	assert_int_equal(second->bytes, 32);
	assert_int_equal(second->flags, UL_BLOCK_NO_SCAN);
	assert_null(block_at(state, start + 2064));
}

static void test_percpu_areas_have_the_address_that_the_kernel_hands_out(void **state)
{
	on_both(check_percpu);
}

static void test_stale_words_of_sheaves_are_hidden(void **state)
{
	struct case_state test;
	setup(&test, true);
	walk(&test);
	for (uint64_t i = 0; i < 4; i++)
		assert_true(is_hidden(&test, FK_TEXT + FK_SHEAF + 32 + i * 8));
	assert_true(allocated(&test, fk_direct(FK_SLAB_A) + 13 * FK_OBJECT_A));
	teardown(&test);
}

/* ---- other sources, other outcomes ---- */

static void test_a_source_that_cannot_map_gives_the_same(void **state)
{
	for (int modern = 0; modern < 2; modern++) {
		struct case_state test;
		setup(&test, modern);
		test.fake.no_map = true;
		test.fake.memory.concurrent = false;
		walk(&test);
		check_classes(&test);
		check_objects(&test);
		check_roots(&test);
		teardown(&test);
	}
}

static void make_live(struct case_state *test)
{
	test->fake.no_map = true;
	test->fake.image.live = true;
}

static void test_a_live_kernel_is_read_in_runs_and_gives_the_same(void **state)
{
	for (int modern = 0; modern < 2; modern++) {
		struct case_state test;
		setup(&test, modern);
		make_live(&test);
		walk(&test);
		check_classes(&test);
		check_objects(&test);
		check_totals(&test);
		check_roots(&test);
		teardown(&test);
	}
}

static void test_a_slab_that_moves_is_read_again_until_it_stands_still(void **state)
{
	// Pages are read once, the run twice, the slab by itself twice each time: it stands still
	// within the tries, or never.
	static const unsigned int moves[] = {4, 1000};
	for (size_t i = 0; i < UL_ARRAY_LEN(moves); i++) {
		struct case_state test;
		setup(&test, false);
		make_live(&test);
		test.fake.memory.concurrent = false;
		test.fake.moving = fk_struct_page(FK_SLAB_A) + 32; // freelist
		test.fake.moves = moves[i];
		walk(&test);
		const bool unknown =
			block_at(&test, fk_direct(FK_SLAB_A))->flags & UL_BLOCK_UNKNOWN;
		assert_int_equal(unknown, i == 1);
		assert_int_equal(allocated(&test, fk_direct(FK_SLAB_A) + 3 * FK_OBJECT_A), unknown);
		assert_false(block_at(&test, fk_direct(FK_SLAB_A2))->flags & UL_BLOCK_UNKNOWN);
		teardown(&test);
	}
}

static void test_a_slab_its_cpu_has_done_with_meanwhile_is_read_anew(void **state)
{
	// The CPU's list was in slab A when it was noted down; then it had given out 10 and 11 and
	// went on with nothing, with another slab, or works on A still.
	const uint64_t a = fk_direct(FK_SLAB_A);
	const uint64_t other = fk_direct(FK_SLAB_A2) + 9 * FK_OBJECT_A;
	const uint64_t cpu = fk_direct(FK_PERCPU) + FK_CPU_AREA;
	const uint64_t later[] = {0, other, a + 11 * FK_OBJECT_A};
	for (size_t i = 0; i < UL_ARRAY_LEN(later); i++) {
		struct case_state test;
		setup(&test, false);
		make_live(&test);
		test.fake.memory.concurrent = false;
		fk_link(&test.fake, other, 32, 0);
		test.fake.moved = fk_get(&test.fake, cpu);
		fk_word(&test.fake, cpu, later[i]);
		test.fake.moving = cpu;
		test.fake.moves = 2;
		walk(&test);
		assert_false(block_at(&test, a)->flags & UL_BLOCK_UNKNOWN);
		assert_false(block_at(&test, other)->flags & UL_BLOCK_UNKNOWN);
		for (uint64_t slot = 0; slot < 64; slot++) {
			const bool is_free =
				slot == 3 || slot == 5 || slot == 7 || (slot == 11 && i == 2);
			assert_int_equal(allocated(&test, a + slot * FK_OBJECT_A), !is_free);
		}
		assert_int_equal(allocated(&test, other), i != 1);
		teardown(&test);
	}
}

/** Kernels of v6.18 and v6.19 have both; the object in the sheaf stays free all the same. */
static void test_a_slab_read_anew_keeps_what_of_it_is_in_sheaves(void **state)
{
	static const char sheaves[] =
		"struct slub_percpu_sheaves 32\nmain 8 8\nspare 16 8\nrcu_free 24 8\n"
		"struct slab_sheaf 32\ncapacity 0 4\nsize 24 4\nobjects 32 8[0]\n";
	enum { STRIDE = 0x200, SHEAVES = 0x40 }; // between two CPUs; in an area
	const uint64_t a = fk_direct(FK_SLAB_A);
	const uint64_t cpu = fk_direct(FK_PERCPU) + FK_CPU_AREA;
	const uint64_t sheaf = FK_TEXT + FK_SHEAF;
	struct case_state test = {0};
	assert_true(fake_kernel_init(&test.fake, false, fk_types_and(false, sheaves)));
	make_live(&test);
	test.fake.memory.concurrent = false;
	fk_put(&test.fake, FK_TEXT + FK_CPU_IDS, 2, 4);
	fk_word(&test.fake, FK_TEXT + FK_OFFSETS + 8,
		fk_get(&test.fake, FK_TEXT + FK_OFFSETS) + STRIDE);
	// The first CPU has object 20 in a sheaf; the second is done with its list, of 10 and 11.
	test.fake.moved = fk_get(&test.fake, cpu);
	test.fake.moving = cpu + STRIDE;
	test.fake.moves = 2;
	fk_word(&test.fake, cpu, 0);
	fk_word(&test.fake, FK_TEXT + FK_CACHE_A + 192, FK_CPU_AREA + SHEAVES);
	fk_word(&test.fake, cpu + SHEAVES + 8, sheaf);
	fk_put(&test.fake, sheaf + 24, 1, 4);
	fk_word(&test.fake, sheaf + 32, a + 20 * FK_OBJECT_A);
	walk(&test);
	assert_false(block_at(&test, a)->flags & UL_BLOCK_UNKNOWN);
	for (uint64_t slot = 0; slot < 64; slot++) {
		const bool is_free = slot == 3 || slot == 5 || slot == 7 || slot == 20;
		assert_int_equal(allocated(&test, a + slot * FK_OBJECT_A), !is_free);
	}
	teardown(&test);
}

static void test_a_slab_too_large_for_a_run_must_stand_still_too(void **state)
{
	// 512 KiB at page 128: twice what is read at once.
	static const unsigned int moves[] = {0, 1000};
	enum { LARGE = 128, LARGE_PAGES = 128 };
	const uint64_t object = fk_direct(LARGE) + 3 * FK_OBJECT_A;
	for (size_t i = 0; i < UL_ARRAY_LEN(moves); i++) {
		struct case_state test;
		setup(&test, false);
		make_live(&test);
		test.fake.memory.concurrent = false;
		fk_slab(&test.fake, LARGE, LARGE_PAGES, FK_CACHE_A,
			LARGE_PAGES * FK_PAGE / FK_OBJECT_A);
		fk_word(&test.fake, fk_struct_page(LARGE) + 32, object);
		fk_link(&test.fake, object, 32, 0);
		test.fake.moving = fk_struct_page(LARGE) + 32; // freelist: it or none
		test.fake.moves = moves[i];
		walk(&test);
		const bool unknown = block_at(&test, fk_direct(LARGE))->flags & UL_BLOCK_UNKNOWN;
		assert_int_equal(unknown, i == 1);
		assert_int_equal(allocated(&test, object), unknown);
		teardown(&test);
	}
}

static void test_pages_kept_for_kfree_rcu_are_hidden_even_in_a_ring(void **state)
{
	enum { KRC = 0x600, FIRST = 16, PAGE_A = FK_BUDDY, PAGE_B, PAGE_C };
	struct case_state test;
	struct ul_types *types =
		fk_types_and(false, "struct llist_head 8\nfirst 0 8\n"
				    "struct kfree_rcu_cpu 64\nbkvcache 16 llist_head\n");
	assert_true(fake_kernel_init(&test.fake, false, types));
	test.heap = (struct ul_heap){0};
	test.fake.no_map = true; // so that all reads are counted
	// A per-CPU variable; the area begins at 0.
	assert_null(ul_symtab_add(test.fake.image.symtab, KRC, 'D', "krc", NULL));
	ul_symtab_finish(test.fake.image.symtab);
	fk_word(&test.fake, fk_direct(FK_PERCPU) + KRC + FIRST, fk_direct(PAGE_A));
	fk_word(&test.fake, fk_direct(PAGE_A), fk_direct(PAGE_B));
	fk_word(&test.fake, fk_direct(PAGE_B), fk_direct(PAGE_C));
	fk_word(&test.fake, fk_direct(PAGE_C), fk_direct(PAGE_B)); // damaged
	walk(&test);
	for (uint64_t pfn = PAGE_A; pfn <= PAGE_C; pfn++)
		assert_true(is_hidden(&test, fk_direct(pfn) + 8));
	// A ring followed to the limit would be 2^20 words.
	assert_true(test.fake.memory.bytes_read < 4 << 20);
	teardown(&test);
}

static void test_a_slab_of_no_known_cache_is_a_loss(void **state)
{
	struct case_state test;
	setup(&test, true);
	fk_word(&test.fake, fk_struct_page(FK_SLAB_A2) + 8, FK_TEXT + 0x7000);
	walk(&test);
	assert_null(block_at(&test, fk_direct(FK_SLAB_A2)));
	assert_int_equal(test.heap.page_class[FK_SLAB_A2 + 1], UL_FRAME_UNKNOWN);
	assert_int_equal(loss(&test, "slabs whose cache"), 1);
	teardown(&test);
}

static void test_lists_that_break_off_are_a_loss(void **state)
{
	struct case_state test;
	setup(&test, false);
	fk_word(&test.fake, FK_TEXT + FK_VARIABLES + 0x60, 0x1234);    // modules
	fk_word(&test.fake, FK_TEXT + FK_INIT_TASK + 16, FK_TEXT + 8); // tasks: into text
	fk_word(&test.fake, FK_TEXT + FK_STACK_BUSY + 40, FK_TEXT + FK_BUSY + 40); // a circle
	walk(&test);
	assert_int_not_equal(loss(&test, "modules: their list"), 0);
	assert_int_not_equal(loss(&test, "tasks"), 0);
	assert_int_not_equal(loss(&test, "vmalloc areas and lists"), 0);
	teardown(&test);
}

static void test_a_word_that_leads_along_another_list_is_no_list(void **state)
{
	struct case_state test;
	setup(&test, true);
	walk(&test);
	const size_t hidden = test.heap.hidden.len;
	ul_heap_deinit(&test.heap);
	// The head of a pool of free areas leads to the list of all free ones, which leads
	// elsewhere.
	fk_word(&test.fake, FK_TEXT + FK_VMAP_NODE + 24, FK_TEXT + FK_FREE_AREA + 40);
	walk(&test);
	assert_int_equal(test.heap.hidden.len, hidden);
	assert_int_equal(loss(&test, "vmalloc areas and lists"), 1);
	teardown(&test);
}

static void test_missing_types_are_named(void **state)
{
	struct case_state test;
	const struct ul_kwalk_options options = {0};
	setup(&test, true);
	ul_types_destroy(test.fake.image.types);
	test.fake.image.types = ul_types_create();
	assert_null(ul_types_finish(test.fake.image.types));
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_kwalk_heap(&test.fake.image, &options, &test.heap);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_UNSUPPORTED);
	assert_non_null(strstr(error->message, "struct page"));
	teardown(&test);
}

/*
 * Behind the object, or behind the free pointer where that lies behind it; never outside the slot.
 */
static void test_who_asked_for_an_object_stands_behind_it(void **state)
{
	static const struct {
		uint32_t flags, inuse, free_pointer, track;
	} cases[] = {
		{0, 48, 32, 0},	       {1 << 16, 48, 32, 48},
		{1 << 16, 40, 40, 48}, {1 << 16, 48, 48, 56},
		{1 << 16, 56, 56, 0},  {1 << 16, 52, 32, 0},
		{1 << 16, 64, 32, 0},  {1 << 16, UINT32_MAX - 3, 32, 0},
	};
	(void)state;
	for (size_t i = 0; i < UL_ARRAY_LEN(cases); i++) {
		struct case_state test;
		setup(&test, false);
		fk_put(&test.fake, FK_TEXT + FK_CACHE_A + 8, cases[i].flags, 4);
		fk_put(&test.fake, FK_TEXT + FK_CACHE_A + 76, cases[i].inuse, 4);
		fk_put(&test.fake, FK_TEXT + FK_CACHE_A + 40, cases[i].free_pointer, 4);
		walk(&test);
		ul_vec_foreach (cache, &test.heap.caches)
			assert_int_equal(cache->track,
					 strcmp(cache->name, "alpha") ? 0 : cases[i].track);
		teardown(&test);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_page_frame_has_its_class),
		cmocka_unit_test(test_page_blocks_are_as_large_as_what_was_allocated),
		cmocka_unit_test(test_free_objects_are_found_wherever_they_wait),
		cmocka_unit_test(test_a_damaged_freelist_makes_its_slab_unknown),
		cmocka_unit_test(test_caches_add_up_to_their_slabs),
		cmocka_unit_test(test_a_freelist_in_a_circle_ends_and_is_damaged),
		cmocka_unit_test(test_without_slab_caches_the_slabs_tell_their_caches),
		cmocka_unit_test(test_vmalloc_areas_know_their_caller_and_hide_their_bounds),
		cmocka_unit_test(test_roots_are_what_is_alive),
		cmocka_unit_test(test_constants_of_instructions_are_roots),
		cmocka_unit_test(test_constants_are_taken_over_from_an_earlier_walk),
		cmocka_unit_test(test_more_constants_than_can_be_are_left_out),
		cmocka_unit_test(test_percpu_areas_have_the_address_that_the_kernel_hands_out),
		cmocka_unit_test(test_stale_words_of_sheaves_are_hidden),
		cmocka_unit_test(test_a_source_that_cannot_map_gives_the_same),
		cmocka_unit_test(test_a_live_kernel_is_read_in_runs_and_gives_the_same),
		cmocka_unit_test(test_a_slab_its_cpu_has_done_with_meanwhile_is_read_anew),
		cmocka_unit_test(test_a_slab_read_anew_keeps_what_of_it_is_in_sheaves),
		cmocka_unit_test(test_a_slab_too_large_for_a_run_must_stand_still_too),
		cmocka_unit_test(test_pages_kept_for_kfree_rcu_are_hidden_even_in_a_ring),
		cmocka_unit_test(test_a_slab_that_moves_is_read_again_until_it_stands_still),
		cmocka_unit_test(test_a_slab_of_no_known_cache_is_a_loss),
		cmocka_unit_test(test_lists_that_break_off_are_a_loss),
		cmocka_unit_test(test_a_word_that_leads_along_another_list_is_no_list),
		cmocka_unit_test(test_missing_types_are_named),
		cmocka_unit_test(test_who_asked_for_an_object_stands_behind_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
