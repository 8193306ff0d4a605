// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/reach_fixture.h"

#include "analysis/revisit.h"
#include "base/text.h"

#define SMALL(n)   (FIXTURE_DIRECT + 16 * 4096 + (uint64_t)(n)*64)
#define LARGE(n)   (FIXTURE_DIRECT + 17 * 4096 + (uint64_t)(n)*1024)
#define MOVING	   (FIXTURE_DIRECT + 18 * 4096)
#define BLOCK	   (FIXTURE_DIRECT + 32 * 4096)
#define AREA	   FIXTURE_VMALLOC
#define PERCPU	   UINT64_C(0x1a040)
#define PAGE_OF(n) (FIXTURE_VMEMMAP + (uint64_t)(n)*64)

/* Of each kind of block one; page 40 is free, 41 a process's, 42 a page table, 43 a lost slab. */
static struct fixture *make(void)
{
	struct fixture *fixture = fixture_create(true);
	fixture_block(fixture, SMALL(0), 4096, 64, 0, UL_BLOCK_SLAB, 0);
	fixture_block(fixture, LARGE(0), 4096, 1024, 1, UL_BLOCK_SLAB, 0);
	fixture_block(fixture, MOVING, 4096, 64, 0, UL_BLOCK_SLAB, UL_BLOCK_UNKNOWN);
	fixture_block(fixture, BLOCK, 4 * 4096, 0, UINT32_MAX, UL_BLOCK_PAGES, 0);
	fixture_block(fixture, AREA, 4 * 4096, 0, UINT32_MAX, UL_BLOCK_VMALLOC, 0);
	fixture_block(fixture, PERCPU, 64, 0, UINT32_MAX, UL_BLOCK_PERCPU, 0);
	fixture->heap.page_class[40] = UL_FRAME_FREE;
	fixture->heap.page_class[41] = UL_FRAME_ANON;
	fixture->heap.page_class[42] = UL_FRAME_TABLE;
	fixture->heap.page_class[43] = UL_FRAME_SLAB;
	fixture->heap.caches.data[0].aliases = strdup("eventpoll, tiny");
	assert_null(ul_heap_finish(&fixture->heap));
	fixture_allocate(fixture, SMALL(1));
	fixture_allocate(fixture, LARGE(2));
	fixture_allocate(fixture, BLOCK);
	fixture_allocate(fixture, AREA);
	fixture_allocate(fixture, PERCPU);
	return fixture;
}

/** What became of an allocation at @p key by a site of @p cache. */
static enum ul_revisited revisit(const struct fixture *fixture, enum ul_allocator allocator,
				 const char *cache, uint64_t key)
{
	char name[32];
	ul_text_copy(name, sizeof(name), cache ? cache : "");
	const struct ul_site site = {.allocator = allocator, .cache = cache ? name : NULL};
	const struct ul_allocation allocation = {.key = key, .bytes = 64};
	uint64_t object = UINT64_MAX;
	const enum ul_revisited now = ul_revisit(&fixture->heap, &site, &allocation, &object);
	struct ul_heap_hit hit;
	assert_true((now == UL_REVISITED_THERE) == (object != UINT64_MAX));
	if (now == UL_REVISITED_THERE)
		assert_true(ul_heap_object(&fixture->heap, object, &hit) && hit.allocated);
	return now;
}

static void a_slab_object_is_there_while_its_cache_has_it_allocated(void **state)
{
	(void)state;
	struct fixture *fixture = make();
	const enum ul_allocator slab = UL_ALLOCATOR_SLAB;
	assert_int_equal(revisit(fixture, slab, "small", SMALL(1)), UL_REVISITED_THERE);
	assert_int_equal(revisit(fixture, slab, "small", SMALL(2)), UL_REVISITED_FREED);
	// A merged cache is found by each of its names, and not by a part of one.
	assert_int_equal(revisit(fixture, slab, "eventpoll", SMALL(1)), UL_REVISITED_THERE);
	assert_int_equal(revisit(fixture, slab, "tiny", SMALL(1)), UL_REVISITED_THERE);
	assert_int_equal(revisit(fixture, slab, "event", SMALL(1)), UL_REVISITED_REUSED);
	// The slab is another cache's now, or its slots begin elsewhere.
	assert_int_equal(revisit(fixture, slab, "large", SMALL(1)), UL_REVISITED_REUSED);
	assert_int_equal(revisit(fixture, slab, "large", LARGE(2) + 64), UL_REVISITED_REUSED);
	assert_int_equal(revisit(fixture, slab, "small", MOVING), UL_REVISITED_UNKNOWN);
	// The slab is gone: free, a process's, a page table; lost to the walk; no address at all.
	assert_int_equal(revisit(fixture, slab, "small", fixture_page(40)), UL_REVISITED_FREED);
	assert_int_equal(revisit(fixture, slab, "small", fixture_page(41)), UL_REVISITED_REUSED);
	assert_int_equal(revisit(fixture, slab, "small", fixture_page(42)), UL_REVISITED_NO_OBJECT);
	assert_int_equal(revisit(fixture, slab, "small", fixture_page(43)), UL_REVISITED_UNKNOWN);
	assert_int_equal(revisit(fixture, slab, "small", 0x1234), UL_REVISITED_NO_OBJECT);
	fixture_free(fixture);
}

static void a_cache_that_was_guessed_is_any_that_holds_so_much(void **state)
{
	(void)state;
	struct fixture *fixture = make();
	char guess[] = "kmalloc-64";
	struct ul_site site = {
		.allocator = UL_ALLOCATOR_SLAB, .cache = guess, .cache_guessed = true};
	struct ul_allocation allocation = {.key = SMALL(1), .bytes = 64};
	uint64_t object;
	assert_int_equal(ul_revisit(&fixture->heap, &site, &allocation, &object),
			 UL_REVISITED_THERE);
	allocation.bytes = 65;
	assert_int_equal(ul_revisit(&fixture->heap, &site, &allocation, &object),
			 UL_REVISITED_REUSED);
	assert_int_equal(revisit(fixture, UL_ALLOCATOR_SLAB, NULL, SMALL(1)), UL_REVISITED_THERE);
	fixture_free(fixture);
}

static void pages_areas_and_percpu_are_objects_of_their_kind(void **state)
{
	(void)state;
	struct fixture *fixture = make();
	const enum ul_allocator pages = UL_ALLOCATOR_PAGES;
	assert_int_equal(revisit(fixture, pages, NULL, PAGE_OF(32)), UL_REVISITED_THERE);
	assert_int_equal(revisit(fixture, pages, NULL, PAGE_OF(33)), UL_REVISITED_REUSED);
	assert_int_equal(revisit(fixture, pages, NULL, PAGE_OF(16)), UL_REVISITED_FREED);
	assert_int_equal(revisit(fixture, pages, NULL, PAGE_OF(40)), UL_REVISITED_FREED);
	assert_int_equal(revisit(fixture, pages, NULL, PAGE_OF(42)), UL_REVISITED_NO_OBJECT);
	assert_int_equal(revisit(fixture, pages, NULL, BLOCK), UL_REVISITED_NO_OBJECT);
	assert_int_equal(revisit(fixture, UL_ALLOCATOR_VMALLOC, NULL, AREA), UL_REVISITED_THERE);
	assert_int_equal(revisit(fixture, UL_ALLOCATOR_VMALLOC, NULL, AREA + 4096 * 32),
			 UL_REVISITED_FREED);
	assert_int_equal(revisit(fixture, UL_ALLOCATOR_PERCPU, NULL, PERCPU), UL_REVISITED_THERE);
	assert_int_equal(revisit(fixture, UL_ALLOCATOR_PERCPU, NULL, PERCPU + 4096),
			 UL_REVISITED_FREED);
	// What kmalloc() gave as pages looks so on kernels that do not mark it.
	assert_int_equal(revisit(fixture, UL_ALLOCATOR_SLAB, "kmalloc-large", BLOCK),
			 UL_REVISITED_THERE);
	assert_int_equal(revisit(fixture, UL_ALLOCATOR_SLAB, "small", BLOCK), UL_REVISITED_REUSED);
	fixture_free(fixture);
}

/* ---- which sites ---- */

static void add_site(struct ul_trace *trace, const char *function, const char *caller,
		     uint64_t survivors, bool nested)
{
	struct ul_site *site = ul_vec_add(&trace->sites);
	assert_non_null(site);
	struct ul_frame *inner = ul_vec_add(&site->stack.frames);
	assert_non_null(inner);
	assert_true(ul_text_set(&inner->function, function));
	struct ul_frame *outer = ul_vec_add(&site->stack.frames);
	assert_non_null(outer);
	assert_true(ul_text_set(&outer->function, caller));
	site->function = function;
	site->live = site->allocated = site->survivors = survivors;
	site->nested = nested;
}

/** Wanted is found as the sites with the numbers of @p places in the trace ("024"). */
static void finds(const struct ul_trace *trace, const char *wanted, const char *places)
{
	const struct ul_site *sites[8];
	assert_int_equal(ul_revisit_sites(trace, wanted, sites), strlen(places));
	for (size_t i = 0; i < strlen(places); i++)
		assert_ptr_equal(sites[i], &trace->sites.data[places[i] - '0']);
}

static void sites_are_named_as_trace_lists_them(void **state)
{
	(void)state;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	add_site(&trace, "seq_open", "do_open", 5, false);
	add_site(&trace, "new_slab", "seq_open", 4, true);
	add_site(&trace, "gone", "do_open", 0, false);
	add_site(&trace, "seq_buf_alloc", "seq_read", 3, false);
	add_site(&trace, "seq_open", "proc_open", 2, false);
	finds(&trace, NULL, "034");
	finds(&trace, "1", "0");
	finds(&trace, "2", "3");
	finds(&trace, "3", "4");
	finds(&trace, "4", "");
	finds(&trace, "0", "");
	finds(&trace, "18446744073709551616", "");
	finds(&trace, "seq_open", "04");
	finds(&trace, "seq_*", "034");
	// A caller is found where no site is named after it; what is not listed, never.
	finds(&trace, "do_open", "0");
	finds(&trace, "seq_read", "3");
	finds(&trace, "gone", "");
	finds(&trace, "new_slab", "");
	finds(&trace, "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slab_object_is_there_while_its_cache_has_it_allocated),
		cmocka_unit_test(a_cache_that_was_guessed_is_any_that_holds_so_much),
		cmocka_unit_test(pages_areas_and_percpu_are_objects_of_their_kind),
		cmocka_unit_test(sites_are_named_as_trace_lists_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
