// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <string.h>

#include "analysis/heap_ledger.h"

enum { PAGE = 4096, FRAMES = 64 };

static const struct ul_address_space space = {
	.page_bytes = PAGE,
	.struct_page_bytes = 64,
	.page_offset = UINT64_C(0xffff888000000000),
	.vmemmap = UINT64_C(0xffffea0000000000),
	.max_pfn = FRAMES,
};

static void set(struct ul_heap *heap, size_t first, size_t frames, enum ul_frame_class class)
{
	memset(heap->page_class + first, class, frames);
}

/* 4 absent, 10 free, 6 slab, 5 vmalloc, 2 of the image, 1 unknown, 3 of alloc_pages(), 33 anon. */
static void make(struct ul_heap *heap)
{
	assert_null(ul_heap_init(heap, &space));
	set(heap, 4, 10, UL_FRAME_FREE);
	set(heap, 14, 6, UL_FRAME_SLAB);
	set(heap, 20, 5, UL_FRAME_VMALLOC);
	set(heap, 25, 2, UL_FRAME_IMAGE);
	set(heap, 27, 1, UL_FRAME_UNKNOWN);
	set(heap, 28, 3, UL_FRAME_KERNEL);
	set(heap, 31, 33, UL_FRAME_ANON);
	struct ul_heap_cache *cache = ul_vec_add(&heap->caches);
	assert_non_null(cache);
	cache->name = strdup("alpha");
	cache->aliases = strdup("beta, gamma");
	cache->slot_bytes = 64;
	cache->slabs = 4;
	cache->objects = 256;
	cache->allocated = 200;
	cache->bytes = 4 * PAGE;
	for (size_t i = 0; i < 2; i++) {
		struct ul_heap_area *area = ul_vec_add(&heap->areas);
		assert_non_null(area);
		area->caller = 0x1234;
		area->pages = 2;
		const struct ul_block block = {.kaddr = UINT64_C(0xffffc90000000000) + i * 65536,
					       .bytes = 2 * PAGE,
					       .slots = 1,
					       .cache = (uint32_t)i,
					       .kind = UL_BLOCK_VMALLOC};
		assert_null(ul_heap_add_block(heap, &block));
	}
	assert_null(ul_heap_finish(heap));
}

static void test_every_frame_is_in_one_account(void **state)
{
	UL_CLEANUP_HEAP struct ul_heap heap = {0};
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	ul_ledger_init(&ledger);
	make(&heap);
	assert_null(ul_heap_ledger(&heap, NULL, &ledger));
	assert_true(ul_ledger_balanced(&ledger));
	assert_int_equal(ledger.ram_bytes, 60 * PAGE);
	assert_int_equal(ledger.mem_total, 58 * PAGE); // without the image
	assert_int_equal(ledger.unaccounted.bytes, PAGE);
	assert_int_equal(ul_ledger_find(&ledger, UL_KIND_FREE, "free")->bytes, 10 * PAGE);
	assert_int_equal(ul_ledger_find(&ledger, UL_KIND_ANON, "anon")->bytes, 33 * PAGE);
	assert_int_equal(ul_ledger_find(&ledger, UL_KIND_KERNEL_OTHER, "alloc_pages")->bytes,
			 3 * PAGE);
}

static void test_what_parts_do_not_cover_is_a_part(void **state)
{
	UL_CLEANUP_HEAP struct ul_heap heap = {0};
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	ul_ledger_init(&ledger);
	make(&heap);
	assert_null(ul_heap_ledger(&heap, NULL, &ledger));
	const struct ul_account *alpha = ul_ledger_find(&ledger, UL_KIND_SLAB, "alpha");
	assert_int_equal(alpha->bytes, 4 * PAGE);
	assert_int_equal(alpha->objects, 200);
	assert_int_equal(ul_ledger_find(&ledger, UL_KIND_SLAB, "KFENCE pool")->bytes, 2 * PAGE);
	// Two areas of one caller are one account.
	const struct ul_account *caller = ul_ledger_find(&ledger, UL_KIND_VMALLOC, "0x1234");
	assert_int_equal(caller->bytes, 4 * PAGE);
	assert_int_equal(caller->objects, 2);
	assert_int_equal(ul_ledger_find(&ledger, UL_KIND_VMALLOC, "vmalloc (other)")->bytes, PAGE);
	assert_non_null(ul_ledger_cache(&ledger, "gamma"));
}

static void test_parts_that_claim_too_much_are_cut_off(void **state)
{
	UL_CLEANUP_HEAP struct ul_heap heap = {0};
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	ul_ledger_init(&ledger);
	make(&heap);
	heap.caches.data[0].bytes = 100 * PAGE;
	heap.areas.data[1].pages = UINT64_MAX;
	assert_null(ul_heap_ledger(&heap, NULL, &ledger));
	assert_true(ul_ledger_balanced(&ledger));
	assert_int_equal(ul_ledger_find(&ledger, UL_KIND_SLAB, "alpha")->bytes, 6 * PAGE);
	assert_int_equal(ul_ledger_kind_bytes(&ledger, UL_KIND_VMALLOC), 5 * PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_frame_is_in_one_account),
		cmocka_unit_test(test_what_parts_do_not_cover_is_a_part),
		cmocka_unit_test(test_parts_that_claim_too_much_are_cut_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
