// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A kernel in miniature: a handful of words at true-to-life addresses, everything else a hole.
 * Layout of the structures: struct page of 64 bytes, compound_head at 8, cache at 8 (of the head),
 * page_type at 48 with 0xf5 in its top byte for slab pages, kmem_cache.name at 104.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <string.h>

#include "source/image/live_internal.h"

#define GIB	    (1ULL << 30)
#define PAGE_OFFSET (0xffff888000000000ULL + 37 * GIB)
#define VMEMMAP	    (0xffffea0000000000ULL + 5 * GIB)
#define TASK	    (PAGE_OFFSET + 3 * GIB + 0x123456000ULL % GIB + 0x6c0)
#define CACHE_C	    (PAGE_OFFSET + 0x4000200)
#define CACHE_K	    (PAGE_OFFSET + 0x4000400)
#define STACK_PAGE  (VMEMMAP + (9 * GIB / 4096) * 64 + 64 * 5)
#define COOKIE_PFN  0x54321ULL
#define SLAB_TYPE   0xf5000000ULL

struct word {
	uint64_t kaddr;
	uint64_t value;
};

struct world {
	struct ul_memory memory;
	struct word words[128];
	size_t len;
};

static uint64_t page_at(uint64_t kaddr)
{
	return VMEMMAP + (kaddr - PAGE_OFFSET) / 4096 * 64;
}

static const struct word *world_find(const struct world *world, uint64_t kaddr)
{
	for (size_t i = 0; i < world->len; i++)
		if (world->words[i].kaddr == kaddr)
			return &world->words[i];
	return NULL;
}

static struct ul_error *world_read(struct ul_memory *memory, uint64_t kaddr, void *buffer,
				   size_t len, size_t *ret_read)
{
	const struct world *world = (const struct world *)memory;
	size_t got = 0;
	for (; got < len; got++) {
		const struct word *word = world_find(world, (kaddr + got) & ~7ULL);
		if (!word)
			break;
		((uint8_t *)buffer)[got] = ((const uint8_t *)&word->value)[(kaddr + got) & 7];
	}
	*ret_read = got;
	return NULL;
}

static const struct ul_memory_ops world_ops = {.read = world_read};

static void put(struct world *world, uint64_t kaddr, uint64_t value)
{
	assert_true(world->len < 128);
	world->words[world->len++] = (struct word){kaddr, value};
}

static void change(struct world *world, uint64_t kaddr, uint64_t value)
{
	for (size_t i = 0; i < world->len; i++)
		if (world->words[i].kaddr == kaddr)
			world->words[i].value = value;
}

static void put_page(struct world *world, uint64_t page, uint64_t second, uint64_t type)
{
	for (uint32_t offset = 0; offset < 64; offset += 8)
		put(world, page + offset, offset == 8 ? second : offset == 48 ? type : 0);
}

static void put_text(struct world *world, uint64_t kaddr, const char *text)
{
	char bytes[64] = {0};
	memcpy(bytes, text, strlen(text));
	for (uint32_t offset = 0; offset < sizeof(bytes); offset += 8) {
		uint64_t word;
		memcpy(&word, bytes + offset, sizeof(word));
		put(world, kaddr + offset, word);
	}
}

/* The task lies in the third page of its slab: the chain goes over a tail page. */
static void build(struct world *world)
{
	*world = (struct world){.memory = {.ops = &world_ops, .engine = "test"}};
	put_page(world, page_at(TASK), page_at(TASK - 2 * 4096) | 1, 0);
	put_page(world, page_at(TASK - 2 * 4096), CACHE_C, SLAB_TYPE);
	put_page(world, page_at(CACHE_C), CACHE_K, SLAB_TYPE);
	put(world, CACHE_C + 104, 0xffffffff82000000ULL);
	put(world, CACHE_K + 104, 0xffffffff82000100ULL);
	put_text(world, 0xffffffff82000000ULL, "task_struct");
	put_text(world, 0xffffffff82000100ULL, "kmem_cache");
	for (uint32_t offset = 0; offset < 64; offset += 8)
		put(world, PAGE_OFFSET + COOKIE_PFN * 4096 + offset,
		    0x1111111111111111ULL + offset);
	put(world, PAGE_OFFSET + (1 << 20), 0);
}

static struct ul_layout_probe probe_of(bool cookie)
{
	struct ul_layout_probe probe = {
		.anchors = {.task = TASK, .stack_page = STACK_PAGE},
		.types = {.page_bytes = 4096,
			  .struct_page_bytes = 64,
			  .page_compound_head = 8,
			  .slab_slab_cache = 8,
			  .slab_type = 48,
			  .slab_type_mask = 0xff000000U,
			  .slab_type_value = 0xf5000000U,
			  .kmem_cache_name = 104},
		.cookie_pfn = cookie ? COOKIE_PFN : 0,
	};
	for (uint32_t offset = 0; offset < 64; offset += 8) {
		const uint64_t word = 0x1111111111111111ULL + offset;
		memcpy(probe.cookie + offset, &word, sizeof(word));
	}
	return probe;
}

static void both_bases_are_found_from_a_locked_page(void **state)
{
	struct world world;
	build(&world);
	const struct ul_layout_probe probe = probe_of(true);
	UL_CLEANUP_LAYOUT struct ul_layout layout = {0};
	assert_null(ul_layout_probe(&world.memory, &probe, &layout));
	assert_int_equal(layout.page_offset, PAGE_OFFSET);
	assert_int_equal(layout.vmemmap, VMEMMAP);
	assert_int_equal(layout.page_bytes, 4096);
	assert_string_equal(layout.how, "probed");
	char name[64];
	assert_true(ul_layout_cache_name(&world.memory, &layout, TASK, name, sizeof(name)));
	assert_string_equal(name, "task_struct");
	char tiny[5];
	assert_true(ul_layout_cache_name(&world.memory, &layout, TASK, tiny, sizeof(tiny)));
	assert_string_equal(tiny, "task");
	assert_false(ul_layout_cache_name(&world.memory, &layout, TASK + 8 * GIB, name, 64));
	assert_false(ul_layout_cache_name(&world.memory, &layout, PAGE_OFFSET - 8, name, 64));
	assert_false(ul_layout_cache_name(&world.memory, &layout, UINT64_MAX, name, 64));
}

static void without_pagemap_the_chain_alone_finds_them(void **state)
{
	struct world world;
	build(&world);
	const struct ul_layout_probe probe = probe_of(false);
	UL_CLEANUP_LAYOUT struct ul_layout layout = {0};
	assert_null(ul_layout_probe(&world.memory, &probe, &layout));
	assert_int_equal(layout.page_offset, PAGE_OFFSET);
	assert_int_equal(layout.vmemmap, VMEMMAP);
}

static void a_chain_that_does_not_close_is_not_believed(void **state)
{
	struct world world;
	const struct ul_layout_probe probe = probe_of(true);
	struct ul_layout layout = {0};
	build(&world);
	// The cache of caches belongs to another cache: no root.
	change(&world, page_at(CACHE_C) + 8, CACHE_C);
	struct ul_error *error = ul_layout_probe(&world.memory, &probe, &layout);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_UNSUPPORTED);
	ul_error_destroy(error);
	// The task's page is no slab page.
	build(&world);
	change(&world, page_at(TASK - 2 * 4096) + 48, 0);
	error = ul_layout_probe(&world.memory, &probe, &layout);
	assert_non_null(error);
	ul_error_destroy(error);
	assert_null(layout.slabs);
}

static void without_an_address_to_begin_from_it_says_so(void **state)
{
	struct world world;
	build(&world);
	struct ul_layout_probe probe = probe_of(true);
	probe.anchors.task = 0;
	struct ul_layout layout = {0};
	struct ul_error *error = ul_layout_probe(&world.memory, &probe, &layout);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_UNSUPPORTED);
	assert_non_null(error->hint);
	ul_error_destroy(error);
}

static void a_cache_that_is_no_object_of_the_cache_of_caches_has_no_name(void **state)
{
	struct world world;
	build(&world);
	const struct ul_layout_probe probe = probe_of(true);
	UL_CLEANUP_LAYOUT struct ul_layout layout = {0};
	assert_null(ul_layout_probe(&world.memory, &probe, &layout));
	// A page that looks like a slab page but points to something that only looks like a cache.
	const uint64_t kaddr = PAGE_OFFSET + 0x7000000;
	const uint64_t fake = PAGE_OFFSET + 0x7008000;
	put_page(&world, page_at(kaddr), fake, SLAB_TYPE);
	put(&world, fake + 104, 0xffffffff82000000ULL);
	char name[64];
	assert_false(ul_layout_cache_name(&world.memory, &layout, kaddr, name, sizeof(name)));
	assert_false(ul_layout_cache_name(&world.memory, &layout, kaddr, name, sizeof(name)));
}

static void a_tail_page_may_hold_a_mask_instead_of_an_address(void **state)
{
	struct world world;
	build(&world);
	const struct ul_layout_probe probe = probe_of(true);
	UL_CLEANUP_LAYOUT struct ul_layout layout = {0};
	assert_null(ul_layout_probe(&world.memory, &probe, &layout));
	// Four pages from a multiple of four: the head is the tail's address with its low bits off.
	const uint64_t head = VMEMMAP + 64 * 0x8000;
	put_page(&world, head, CACHE_C, SLAB_TYPE);
	put_page(&world, head + 3 * 64, ~(4ULL * 64 - 1) | 1, 0);
	char name[64];
	assert_true(ul_layout_cache_name(&world.memory, &layout, PAGE_OFFSET + 0x8003 * 4096ULL + 8,
					 name, 64));
	assert_string_equal(name, "task_struct");
}

static void pages_become_addresses_only_inside_the_array(void **state)
{
	const struct ul_layout layout = {.page_offset = PAGE_OFFSET,
					 .vmemmap = VMEMMAP,
					 .page_bytes = 4096,
					 .struct_page_bytes = 64};
	assert_int_equal(ul_layout_page_to_virt(&layout, VMEMMAP), PAGE_OFFSET);
	assert_int_equal(ul_layout_page_to_virt(&layout, VMEMMAP + 3 * 64), PAGE_OFFSET + 3 * 4096);
	assert_int_equal(ul_layout_page_to_virt(&layout, VMEMMAP + 1), 0);
	assert_int_equal(ul_layout_page_to_virt(&layout, VMEMMAP - 64), 0);
	assert_int_equal(ul_layout_page_to_virt(&layout, UINT64_MAX & ~63ULL), 0);
	const struct ul_layout none = {0};
	assert_int_equal(ul_layout_page_to_virt(&none, VMEMMAP), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_bases_are_found_from_a_locked_page),
		cmocka_unit_test(without_pagemap_the_chain_alone_finds_them),
		cmocka_unit_test(a_chain_that_does_not_close_is_not_believed),
		cmocka_unit_test(without_an_address_to_begin_from_it_says_so),
		cmocka_unit_test(a_cache_that_is_no_object_of_the_cache_of_caches_has_no_name),
		cmocka_unit_test(a_tail_page_may_hold_a_mask_instead_of_an_address),
		cmocka_unit_test(pages_become_addresses_only_inside_the_array),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
