// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/tracefile/fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static enum ul_kmem_outcome fill(const char *name, const char *body, struct ul_event *event)
{
	struct ul_kmem_fields fields;
	const struct ul_kmem_event *what = ul_kmem_event_find(ul_span_of(name));
	assert_non_null(what);
	ul_kmem_fields_parse(ul_span_of(body), &fields);
	*event = (struct ul_event){0};
	return ul_kmem_event_fill(what, &fields, 4096, event);
}

static void expect_slab(const char *name, const char *body, enum ul_event_kind kind, uint64_t key,
			uint64_t bytes, bool hashed)
{
	struct ul_event event;
	if (fill(name, body, &event) != UL_KMEM_TAKEN)
		fail_msg("not taken: %s %s", name, body);
	assert_int_equal(event.kind, kind);
	assert_int_equal(event.allocator, UL_ALLOCATOR_SLAB);
	assert_int_equal(event.key, key);
	assert_int_equal(event.bytes, bytes);
	assert_int_equal(event.hashed, hashed);
}

static void slab_events_of_many_kernels(void **state)
{
	// 2.6.32: addresses as they are, call sites as numbers, flags without underscores.
	expect_slab("kmalloc",
		    " call_site=ffffffff81148e3a ptr=ffff88003d2c1000 bytes_req=4096 "
		    "bytes_alloc=4096 gfp_flags=GFP_KERNEL|GFP_ZERO",
		    UL_EVENT_ALLOC, 0xffff88003d2c1000, 4096, false);
	expect_slab(
		"kmalloc_node",
		" call_site=ffffffff81148e3a ptr=ffff88003d2c1000 bytes_req=100 bytes_alloc=128 "
		"gfp_flags=GFP_KERNEL node=0",
		UL_EVENT_ALLOC, 0xffff88003d2c1000, 128, false);
	// Since 4.15 hashes.
	expect_slab(
		"kmem_cache_alloc",
		" call_site=getname_flags.part.0+0x2b/0x1c0 ptr=00000000132a4ce0 bytes_req=4096 "
		"bytes_alloc=4096 gfp_flags=GFP_KERNEL node=-1 accounted=false",
		UL_EVENT_ALLOC, 0x132a4ce0, 4096, true);
	expect_slab("kfree", " call_site=x+0x1/0x2 [leakstat] ptr=00000000132a4ce0", UL_EVENT_FREE,
		    0x132a4ce0, 0, true);
	// trace-cmd and perf, from records.
	expect_slab("kmem:kmem_cache_free",
		    " call_site=path_openat+0x30a "
		    "ptr=0xffff888115cb33c0 name=filp",
		    UL_EVENT_FREE, 0xffff888115cb33c0, 0, false);
	// 32 bits.
	expect_slab("kfree", "call_site=c1148e3a ptr=f6a41000", UL_EVENT_FREE, 0xf6a41000, 0,
		    false);
}

static void no_object_is_no_event(void **state)
{
	struct ul_event event;
	assert_int_equal(fill("kfree", "call_site=x ptr=          (null)", &event), UL_KMEM_NULL);
	assert_int_equal(fill("kfree", "call_site=x ptr=(null)", &event), UL_KMEM_NULL);
	assert_int_equal(fill("kfree", "call_site=x ptr=(nil)", &event), UL_KMEM_NULL);
	assert_int_equal(fill("kfree", "call_site=x ptr=0000000000000000", &event), UL_KMEM_NULL);
	assert_int_equal(fill("kfree", "call_site=x ptr=0000000000000010", &event), UL_KMEM_NULL);
	assert_int_equal(fill("kfree", "call_site=x ptr=(____ptrval____)", &event),
			 UL_KMEM_UNREADABLE);
	assert_int_equal(fill("kfree", "call_site=x", &event), UL_KMEM_UNREADABLE);
	assert_int_equal(fill("mm_page_alloc", "page=(null) pfn=0x0 order=0 migratetype=0", &event),
			 UL_KMEM_NULL);
	assert_int_equal(fill("mm_page_alloc",
			      "page=(null) pfn=18446744073709551615 order=0 migratetype=0", &event),
			 UL_KMEM_NULL);
	assert_int_equal(fill("mm_page_alloc", "pfn=5 order=4000000000", &event),
			 UL_KMEM_UNREADABLE);
}

static void pages_by_frame(void **state)
{
	struct ul_event event;
	assert_int_equal(fill("mm_page_alloc",
			      "page=0000000035e177cd pfn=0x11f44b order=2 migratetype=0 "
			      "gfp_flags=GFP_KERNEL",
			      &event),
			 UL_KMEM_TAKEN);
	assert_int_equal(event.kind, UL_EVENT_ALLOC);
	assert_int_equal(event.key, 0x11f44b);
	assert_int_equal(event.bytes, 4 * 4096);
	assert_false(event.hashed);
	// Until 5.x the frame was decimal.
	assert_int_equal(
		fill("mm_page_free_direct", "page=ffffea0001234540 pfn=298321 order=1", &event),
		UL_KMEM_TAKEN);
	assert_int_equal(event.key, 298321);
	assert_int_equal(event.order, 1);
	assert_int_equal(
		fill("mm_pagevec_free", "page=ffffea0001234540 pfn=298321 order=0 cold=1", &event),
		UL_KMEM_TAKEN);
	assert_true(event.repeats);
	// Movable memory is the users'.
	assert_int_equal(fill("mm_page_alloc", "page=x pfn=0x1407a3 order=0 migratetype=1", &event),
			 UL_KMEM_TAKEN);
	assert_int_equal(event.kind, UL_EVENT_REUSE);
	// In raw texts (trace-cmd report -R) it stands behind the flags.
	assert_int_equal(fill("mm_page_alloc",
			      "pfn=0x4102de order=0 gfp_flags=0x140dca migratetype=1", &event),
			 UL_KMEM_TAKEN);
	assert_int_equal(event.kind, UL_EVENT_REUSE);
	// Neighbours of 64 bytes are neighbouring frames.
	assert_int_equal(fill("mm_page_free", "page=0xffffea0001234540 order=0", &event),
			 UL_KMEM_TAKEN);
	const uint64_t first = event.key;
	assert_int_equal(fill("mm_page_free", "page=0xffffea0001234580 order=0", &event),
			 UL_KMEM_TAKEN);
	assert_int_equal(event.key, first + 1);
}

static void percpu_areas(void **state)
{
	struct ul_event event;
	assert_int_equal(fill("percpu:percpu_alloc_percpu",
			      "call_site=x reserved=0 is_atomic=0 size=100 align=8 base_addr=y "
			      "off=3 ptr=00000000deadbeef bytes_alloc=208 gfp_flags=GFP_KERNEL",
			      &event),
			 UL_KMEM_TAKEN);
	assert_int_equal(event.allocator, UL_ALLOCATOR_PERCPU);
	assert_int_equal(event.bytes, 208);
	assert_int_equal(
		fill("percpu_free_percpu", "base_addr=y off=3 ptr=00000000deadbeef", &event),
		UL_KMEM_TAKEN);
	assert_int_equal(event.kind, UL_EVENT_FREE);
}

static void other_events_are_left_alone(void **state)
{
	assert_null(ul_kmem_event_find(ul_span_of("mm_page_alloc_zone_locked")));
	assert_null(ul_kmem_event_find(ul_span_of("sched_switch")));
	assert_null(ul_kmem_event_find(ul_span_of("sched:kfree")));
	assert_null(ul_kmem_event_find(ul_span_of("")));
}

static void the_call_site_keeps_its_module(void **state)
{
	struct ul_kmem_fields fields;
	ul_kmem_fields_parse(ul_span_of(" (x+0x1) call_site=leak+0x1a/0x30 [leakstat] ptr=0x1000 "
					"name=my_cache gfp_flags=GFP_KERNEL"),
			     &fields);
	assert_true(ul_span_equal(fields.call_site, "leak+0x1a/0x30 [leakstat]"));
	assert_true(ul_span_equal(fields.name, "my_cache"));
	assert_true(ul_span_equal(fields.gfp_flags, "GFP_KERNEL"));
}

static void kmalloc_caches_by_size_and_flags(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *flags;
		const char *cache;
	} table[] = {
		{4096, "GFP_KERNEL", "kmalloc-4k"},
		{4096, "GFP_KERNEL_ACCOUNT|__GFP_ZERO", "kmalloc-cg-4k"},
		{192, "GFP_KERNEL|__GFP_ACCOUNT", "kmalloc-cg-192"},
		{96, "GFP_NOFS|__GFP_RECLAIMABLE", "kmalloc-rcl-96"},
		{64, "GFP_ATOMIC|GFP_DMA", "kmalloc-dma-64"},
		{64, "GFP_DMA32|__GFP_ZERO", "kmalloc-64"},
		{8192, "GFP_KERNEL", "kmalloc-8k"},
		{16384, "GFP_KERNEL", "kmalloc-large"},
		{64, "3264", "kmalloc-64"},
	};
	struct ul_dictionary dictionary UL_CLEANUP_DICTIONARY = {0};
	struct ul_kmalloc_names *names = calloc(1, sizeof(*names));
	assert_non_null(names);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < UL_ARRAY_LEN(table); i++) {
			uint32_t id;
			assert_null(ul_kmalloc_cache(names, &dictionary, table[i].bytes,
						     ul_kmalloc_family(ul_span_of(table[i].flags)),
						     &id));
			assert_string_equal(ul_dictionary_name_of(&dictionary, id), table[i].cache);
		}
	}
	free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slab_events_of_many_kernels),
		cmocka_unit_test(no_object_is_no_event),
		cmocka_unit_test(pages_by_frame),
		cmocka_unit_test(percpu_areas),
		cmocka_unit_test(other_events_are_left_alone),
		cmocka_unit_test(the_call_site_keeps_its_module),
		cmocka_unit_test(kmalloc_caches_by_size_and_flags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
