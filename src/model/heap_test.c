// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "model/heap.h"
#include "model/heap_index.h"

#define DIRECT	UINT64_C(0xffff888000000000)
#define VMEMMAP UINT64_C(0xffffea0000000000)
#define VMALLOC UINT64_C(0xffffc90000000000)

static const struct ul_address_space space = {
	.page_bytes = 4096,
	.struct_page_bytes = 64,
	.page_offset = DIRECT,
	.vmemmap = VMEMMAP,
	.max_pfn = 100000,
};

static void make_heap(struct ul_heap *heap)
{
	assert_null(ul_heap_init(heap, &space));
	struct ul_heap_cache *cache = ul_vec_add(&heap->caches);
	assert_non_null(cache);
	cache->name = strdup("kmalloc-96");
	cache->object_bytes = 90;
	cache->slot_bytes = 96;
}

static void add(struct ul_heap *heap, uint64_t kaddr, uint64_t bytes, uint32_t slot_bytes,
		uint32_t slots, enum ul_block_kind kind)
{
	const struct ul_block block = {
		.kaddr = kaddr,
		.bytes = bytes,
		.slot_bytes = slot_bytes,
		.slots = slots,
		.cache = kind == UL_BLOCK_SLAB ? 0 : UINT32_MAX,
		.kind = (uint8_t)kind,
	};
	assert_null(ul_heap_add_block(heap, &block));
}

static void every_address_of_a_slab_finds_its_slot(void **state)
{
	(void)state;
	struct ul_heap heap UL_CLEANUP_HEAP = {0};
	make_heap(&heap);
	// 42 objects of 96 bytes behind a red zone of 8: the last 56 bytes belong to nobody.
	add(&heap, DIRECT + 5 * 4096 + 8, 42 * 96, 96, 42, UL_BLOCK_SLAB);
	assert_null(ul_heap_finish(&heap));
	for (uint64_t at = 0; at < 4096; at++) {
		struct ul_heap_hit hit;
		const bool found = ul_heap_find(&heap, DIRECT + 5 * 4096 + at, &hit);
		assert_int_equal(found, at >= 8 && at < 8 + 42 * 96);
		if (!found)
			continue;
		assert_int_equal(hit.slot, (at - 8) / 96);
		assert_int_equal(hit.offset, (at - 8) % 96);
		assert_int_equal(hit.object, hit.slot);
		assert_int_equal(hit.bytes, 90);
		assert_int_equal(hit.kaddr, DIRECT + 5 * 4096 + 8 + (at - 8) / 96 * 96);
		assert_false(hit.allocated);
	}
	struct ul_heap_hit hit;
	assert_false(ul_heap_find(&heap, DIRECT + 4 * 4096, &hit));
	assert_false(ul_heap_find(&heap, DIRECT + 6 * 4096, &hit));
	assert_false(ul_heap_find(&heap, 0, &hit));
	assert_false(ul_heap_find(&heap, UINT64_MAX, &hit));
}

/* As of kmalloc-8k with slab_debug: the distance of slots says nothing then. */
static void a_slab_of_one_object_has_all_of_it(void **state)
{
	(void)state;
	static const uint32_t distances[] = {0, 96, 4096};
	for (size_t i = 0; i < 3; i++) {
		struct ul_heap heap UL_CLEANUP_HEAP = {0};
		struct ul_heap_hit hit;
		make_heap(&heap);
		add(&heap, DIRECT + 4096, 4096, distances[i], 1, UL_BLOCK_SLAB);
		assert_null(ul_heap_finish(&heap));
		assert_true(ul_heap_find(&heap, DIRECT + 4096 + 50, &hit));
		assert_int_equal(hit.bytes, 90);
		assert_int_equal(hit.kaddr, DIRECT + 4096);
	}
}

static void slots_are_exact_for_every_size(void **state)
{
	(void)state;
	for (uint32_t slot_bytes = 2; slot_bytes <= 65536;
	     slot_bytes += slot_bytes < 600 ? 1 : 97) {
		const uint32_t block_bytes = 65536;
		const uint32_t slots = block_bytes / slot_bytes;
		struct ul_heap heap UL_CLEANUP_HEAP = {0};
		make_heap(&heap);
		add(&heap, DIRECT, block_bytes, slot_bytes, slots, UL_BLOCK_SLAB);
		assert_null(ul_heap_finish(&heap));
		for (uint32_t slot = 0; slot < slots; slot++) {
			const struct ul_block *block = &heap.blocks.data[0];
			const uint64_t start = (uint64_t)slot * slot_bytes;
			assert_int_equal(ul_heap_block_slot(block, start), slot);
			assert_int_equal(ul_heap_block_slot(block, start + slot_bytes - 1), slot);
		}
	}
}

static void areas_and_percpu_pointers_are_found_too(void **state)
{
	(void)state;
	struct ul_heap heap UL_CLEANUP_HEAP = {0};
	struct ul_heap_hit hit;
	make_heap(&heap);
	add(&heap, VMALLOC + 0x5000, 0x3000, 0, 1, UL_BLOCK_VMALLOC);
	add(&heap, VMALLOC + (UINT64_C(3) << 40), 0x1000, 0, 1, UL_BLOCK_VMALLOC);
	add(&heap, VMALLOC + (UINT64_C(1) << 41), UINT64_C(1) << 40, 0, 1, UL_BLOCK_VMALLOC);
	add(&heap, 0x1a040, 64, 0, 1, UL_BLOCK_PERCPU);
	add(&heap, DIRECT + 64 * 4096, 4 * 4096, 0, 1, UL_BLOCK_PAGES);
	assert_null(ul_heap_finish(&heap));
	assert_int_equal(heap.objects, 5);
	assert_true(ul_heap_find(&heap, VMALLOC + 0x7fff, &hit));
	assert_int_equal(hit.kaddr, VMALLOC + 0x5000);
	assert_int_equal(hit.bytes, 0x3000);
	assert_false(ul_heap_find(&heap, VMALLOC + 0x8000, &hit));
	assert_false(ul_heap_find(&heap, VMALLOC + 0x4fff, &hit));
	assert_true(ul_heap_find(&heap, VMALLOC + (UINT64_C(3) << 40), &hit));
	// An area of a terabyte is looked up without a table of its pages.
	assert_true(ul_heap_find(&heap, VMALLOC + (UINT64_C(1) << 41) + 12345678, &hit));
	assert_int_equal(hit.offset, 12345678);
	assert_int_equal(hit.bytes, UINT32_MAX);
	assert_true(ul_heap_find(&heap, 0x1a07f, &hit));
	assert_int_equal(hit.block->kind, UL_BLOCK_PERCPU);
	assert_true(ul_heap_find(&heap, DIRECT + 66 * 4096, &hit));
	assert_int_equal(hit.offset, 2 * 4096);
	assert_string_equal(ul_heap_block_name(&heap, hit.block), "pages");
}

static void a_struct_page_finds_the_block_of_its_page(void **state)
{
	(void)state;
	struct ul_heap heap UL_CLEANUP_HEAP = {0};
	struct ul_heap_hit hit;
	make_heap(&heap);
	add(&heap, DIRECT + 7 * 4096, 42 * 96, 96, 42, UL_BLOCK_SLAB);
	add(&heap, DIRECT + 64 * 4096, 4 * 4096, 0, 1, UL_BLOCK_PAGES);
	assert_null(ul_heap_finish(&heap));
	assert_true(ul_heap_find_page(&heap, VMEMMAP + 7 * 64 + 8, &hit));
	assert_int_equal(hit.slot, 0);
	assert_string_equal(ul_heap_block_name(&heap, hit.block), "kmalloc-96");
	assert_true(ul_heap_find_page(&heap, VMEMMAP + 66 * 64, &hit));
	assert_int_equal(hit.kaddr, DIRECT + 64 * 4096);
	assert_int_equal(hit.offset, 2 * 4096);
	assert_false(ul_heap_find_page(&heap, VMEMMAP + 8 * 64, &hit));
	assert_false(ul_heap_find_page(&heap, VMEMMAP + 100000 * 64, &hit));
}

static void objects_are_numbered_by_address_and_have_a_bit(void **state)
{
	(void)state;
	struct ul_heap heap UL_CLEANUP_HEAP = {0};
	struct ul_heap_hit hit;
	make_heap(&heap);
	add(&heap, DIRECT + 9 * 4096, 4096, 0, 1, UL_BLOCK_PAGES);
	add(&heap, DIRECT + 7 * 4096, 42 * 96, 96, 42, UL_BLOCK_SLAB);
	add(&heap, DIRECT + 8 * 4096, 42 * 96, 96, 42, UL_BLOCK_SLAB);
	assert_null(ul_heap_finish(&heap));
	assert_int_equal(heap.objects, 85);
	assert_true(ul_heap_object(&heap, 84, &hit));
	assert_int_equal(hit.kaddr, DIRECT + 9 * 4096);
	assert_true(ul_heap_object(&heap, 43, &hit));
	assert_int_equal(hit.kaddr, DIRECT + 8 * 4096 + 96);
	assert_false(ul_heap_object(&heap, 85, &hit));
	ul_heap_set_allocated(&heap, 43, true);
	ul_heap_set_allocated(&heap, 1000000, true);
	assert_true(ul_heap_is_allocated(&heap, 43));
	assert_false(ul_heap_is_allocated(&heap, 42));
	assert_false(ul_heap_is_allocated(&heap, 1000000));
	ul_heap_set_allocated(&heap, 43, false);
	assert_false(ul_heap_is_allocated(&heap, 43));
}

static void of_two_blocks_that_overlap_the_first_added_stays(void **state)
{
	(void)state;
	struct ul_heap heap UL_CLEANUP_HEAP = {0};
	struct ul_heap_hit hit;
	make_heap(&heap);
	add(&heap, DIRECT + 2 * 4096, 4 * 4096, 0, 1, UL_BLOCK_PAGES);
	add(&heap, DIRECT + 1 * 4096, 2 * 4096, 0, 1, UL_BLOCK_PAGES); // later, begins earlier
	add(&heap, DIRECT + 5 * 4096, 42 * 96, 96, 42, UL_BLOCK_SLAB); // later, begins within
	add(&heap, DIRECT + 8 * 4096, 100, 0, 1, UL_BLOCK_PAGES);
	add(&heap, DIRECT + 8 * 4096 + 200, 100, 0, 1, UL_BLOCK_PAGES); // another block's page
	add(&heap, VMALLOC, 4096, 0, 1, UL_BLOCK_VMALLOC);
	add(&heap, VMALLOC, 8192, 0, 1, UL_BLOCK_VMALLOC);
	add(&heap, UINT64_MAX - 10, 100, 0, 1, UL_BLOCK_VMALLOC);     // wraps
	add(&heap, DIRECT + 9 * 4096, 4096, 96, 1000, UL_BLOCK_SLAB); // more slots than bytes
	add(&heap, DIRECT + 9 * 4096, 4096, 0, 2, UL_BLOCK_SLAB);
	assert_null(ul_heap_finish(&heap));
	assert_int_equal(heap.blocks.len, 3);
	assert_true(ul_heap_find(&heap, DIRECT + 5 * 4096, &hit));
	assert_int_equal(hit.kaddr, DIRECT + 2 * 4096);
	assert_false(ul_heap_find(&heap, DIRECT + 1 * 4096, &hit));
	assert_true(ul_heap_find(&heap, VMALLOC, &hit));
	assert_int_equal(hit.bytes, 4096);
	assert_int_equal(heap.losses.items.len, 2);
	assert_int_equal(heap.losses.items.data[0].count, 3);
	assert_int_equal(heap.losses.items.data[1].count, 4);
}

static void hidden_ranges_are_sorted_and_joined(void **state)
{
	(void)state;
	struct ul_heap heap UL_CLEANUP_HEAP = {0};
	make_heap(&heap);
	const struct ul_range ranges[] = {{100, 108}, {50, 60}, {108, 116}, {7, 7}, {55, 58}};
	for (size_t i = 0; i < UL_ARRAY_LEN(ranges); i++)
		assert_true(ul_vec_push(&heap.hidden, ranges[i]));
	assert_null(ul_heap_finish(&heap));
	assert_int_equal(heap.hidden.len, 2);
	assert_int_equal(heap.hidden.data[0].start, 50);
	assert_int_equal(heap.hidden.data[0].end, 60);
	assert_int_equal(heap.hidden.data[1].start, 100);
	assert_int_equal(heap.hidden.data[1].end, 116);
}

static void an_absurd_address_space_is_refused(void **state)
{
	(void)state;
	struct ul_heap heap UL_CLEANUP_HEAP = {0};
	struct ul_address_space absurd = space;
	absurd.max_pfn = UINT64_MAX / 2;
	struct ul_error *error UL_CLEANUP_ERROR = ul_heap_init(&heap, &absurd);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_LIMIT);
	absurd = (struct ul_address_space){.page_bytes = 5000};
	ul_heap_deinit(&heap);
	struct ul_error *odd UL_CLEANUP_ERROR = ul_heap_init(&heap, &absurd);
	assert_non_null(odd);
	assert_int_equal(odd->code, UL_ERR_BAD_DATA);
}

static void an_empty_heap_finds_nothing(void **state)
{
	(void)state;
	struct ul_heap heap UL_CLEANUP_HEAP = {0};
	struct ul_heap_hit hit;
	assert_false(ul_heap_find(&heap, DIRECT, &hit));
	assert_false(ul_heap_find_page(&heap, VMEMMAP, &hit));
	assert_false(ul_heap_object(&heap, 0, &hit));
	make_heap(&heap);
	assert_null(ul_heap_finish(&heap));
	assert_false(ul_heap_find(&heap, DIRECT, &hit));
	assert_false(ul_heap_object(&heap, 0, &hit));
}

static void every_class_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < UL_FRAME_CLASSES; i++)
		assert_non_null(ul_frame_class_name((enum ul_frame_class)i));
	for (int i = 0; i <= UL_ROOT_PAGE; i++)
		assert_string_not_equal(ul_root_kind_name((enum ul_root_kind)i), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_address_of_a_slab_finds_its_slot),
		cmocka_unit_test(a_slab_of_one_object_has_all_of_it),
		cmocka_unit_test(slots_are_exact_for_every_size),
		cmocka_unit_test(areas_and_percpu_pointers_are_found_too),
		cmocka_unit_test(a_struct_page_finds_the_block_of_its_page),
		cmocka_unit_test(objects_are_numbered_by_address_and_have_a_bit),
		cmocka_unit_test(of_two_blocks_that_overlap_the_first_added_stays),
		cmocka_unit_test(hidden_ranges_are_sorted_and_joined),
		cmocka_unit_test(an_absurd_address_space_is_refused),
		cmocka_unit_test(an_empty_heap_finds_nothing),
		cmocka_unit_test(every_class_has_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
