// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "source/proc/ledger.h"
#include "source/proc/limits.h"

enum { KIB = 1024, PAGE = 4096 };

/** A machine whose numbers are easy to add up: 100 MiB, of which 60 MiB free and 30 MiB anon. */
static struct ul_meminfo small_machine(void)
{
	struct ul_meminfo meminfo = {0};
	meminfo.value[UL_MEMINFO_MEM_TOTAL] = 100 * KIB * KIB;
	meminfo.value[UL_MEMINFO_MEM_FREE] = 60 * KIB * KIB;
	meminfo.value[UL_MEMINFO_ANON_PAGES] = 30 * KIB * KIB;
	meminfo.has[UL_MEMINFO_SLAB] = true;
	return meminfo;
}

static int64_t account(const struct ul_ledger *ledger, enum ul_kind kind, const char *name)
{
	const struct ul_account *found = ul_ledger_find(ledger, kind, name);
	return found ? found->bytes : -1;
}

/** Build and check the invariants; the ledger is the caller's to release. */
static void build(const struct ul_proc_facts *facts, uint64_t *seen, struct ul_ledger *ret)
{
	uint64_t fresh = 0;
	ul_ledger_init(ret);
	assert_null(ul_proc_build(facts, seen ? seen : &fresh, ret));
	assert_true(ul_ledger_balanced(ret));
}

static void what_no_counter_explains_is_unaccounted(void **state)
{
	(void)state;
	const struct ul_meminfo meminfo = small_machine();
	const struct ul_proc_facts facts = {.meminfo = &meminfo, .page_bytes = PAGE, .cpus = 1};
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	build(&facts, NULL, &ledger);
	assert_int_equal(ledger.unaccounted.bytes, 10 * KIB * KIB);
}

static void page_cache_leaves_shmem_to_its_own_account(void **state)
{
	(void)state;
	struct ul_meminfo meminfo = small_machine();
	meminfo.value[UL_MEMINFO_CACHED] = 5 * KIB * KIB;
	meminfo.value[UL_MEMINFO_SHMEM] = 2 * KIB * KIB;
	const struct ul_proc_facts facts = {.meminfo = &meminfo, .page_bytes = PAGE, .cpus = 1};
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	build(&facts, NULL, &ledger);
	assert_int_equal(account(&ledger, UL_KIND_FILE, "page cache"), 3 * KIB * KIB);
	assert_int_equal(account(&ledger, UL_KIND_SHMEM, "shmem"), 2 * KIB * KIB);
	assert_int_equal(ledger.unaccounted.bytes, 5 * KIB * KIB);
}

static void stacks_that_are_vmalloc_areas_are_counted_once(void **state)
{
	(void)state;
	struct ul_meminfo meminfo = small_machine();
	meminfo.value[UL_MEMINFO_KERNEL_STACK] = 64 * KIB;
	meminfo.value[UL_MEMINFO_VMALLOC_USED] = 200 * KIB;
	struct ul_vmalloc_caller caller = {ul_span_of("htab_map_alloc"), {0}, 25, 2}; // 100 KiB
	const struct ul_vmallocinfo info = {
		.callers = {&caller, 1, 1}, .pages = 50, .stack_pages = 20, .stack_areas = 5};
	const struct ul_proc_facts facts = {
		.meminfo = &meminfo, .vmallocinfo = &info, .page_bytes = PAGE, .cpus = 1};
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	build(&facts, NULL, &ledger);
	assert_int_equal(account(&ledger, UL_KIND_KERNEL_STACK, "kernel stacks"), 64 * KIB);
	assert_int_equal(account(&ledger, UL_KIND_VMALLOC, "htab_map_alloc"), 100 * KIB);
	assert_int_equal(account(&ledger, UL_KIND_VMALLOC, "vmalloc (other)"), 36 * KIB);
	// The stacks are inside of the 200 KiB: nothing else is gone from the rest.
	assert_int_equal(ledger.unaccounted.bytes, 10 * KIB * KIB - 200 * KIB);
}

static void stacks_from_the_page_allocator_are_beside_vmalloc(void **state)
{
	(void)state;
	struct ul_meminfo meminfo = small_machine();
	meminfo.value[UL_MEMINFO_KERNEL_STACK] = 64 * KIB;
	meminfo.value[UL_MEMINFO_VMALLOC_USED] = 200 * KIB;
	const struct ul_vmallocinfo info = {0};
	const struct ul_proc_facts facts = {
		.meminfo = &meminfo, .vmallocinfo = &info, .page_bytes = PAGE, .cpus = 1};
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	build(&facts, NULL, &ledger);
	assert_int_equal(account(&ledger, UL_KIND_VMALLOC, "vmalloc (other)"), 200 * KIB);
	assert_int_equal(ledger.unaccounted.bytes, 10 * KIB * KIB - 264 * KIB);
}

static void unknown_stacks_widen_the_lower_bound(void **state)
{
	(void)state;
	struct ul_meminfo meminfo = small_machine();
	meminfo.value[UL_MEMINFO_VMALLOC_USED] = 200 * KIB;
	const struct ul_proc_facts facts = {.meminfo = &meminfo, .page_bytes = PAGE, .cpus = 1};
	UL_CLEANUP_LEDGER struct ul_ledger without;
	build(&facts, NULL, &without);
	meminfo.value[UL_MEMINFO_KERNEL_STACK] = 64 * KIB;
	UL_CLEANUP_LEDGER struct ul_ledger with;
	build(&facts, NULL, &with);
	assert_int_equal(with.unaccounted.bytes, without.unaccounted.bytes);
	assert_int_equal(without.unaccounted.low - with.unaccounted.low, 64 * KIB);
	assert_int_equal(with.unaccounted.high, without.unaccounted.high);
}

static void large_kmalloc_is_what_the_caches_leave_of_slab(void **state)
{
	(void)state;
	struct ul_meminfo meminfo = small_machine();
	meminfo.value[UL_MEMINFO_SLAB] = 100 * KIB;
	struct ul_slabinfo_cache line = {.name = ul_span_of("dentry"),
					 .active_objects = 40,
					 .objects = 42,
					 .slabs = 2,
					 .pages = 20,
					 .object_size = 192,
					 .objects_per_slab = 21,
					 .pages_per_slab = 10};
	const struct ul_slabinfo slabinfo = {.caches = {&line, 1, 1}, .pages = 20};
	const struct ul_proc_facts facts = {
		.meminfo = &meminfo, .slabinfo = &slabinfo, .page_bytes = PAGE, .cpus = 1};
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	build(&facts, NULL, &ledger);
	assert_int_equal(account(&ledger, UL_KIND_SLAB, "dentry"), 80 * KIB);
	assert_int_equal(account(&ledger, UL_KIND_SLAB, "kmalloc-large"), 20 * KIB);
	const struct ul_cache *cache = ul_ledger_cache(&ledger, "dentry");
	assert_int_equal(cache->objects, 40);
	assert_int_equal(cache->objects_total, 42);
	assert_true(cache->reclaimable);
}

static void caches_larger_than_slab_widen_the_upper_bound(void **state)
{
	(void)state;
	struct ul_meminfo meminfo = small_machine();
	meminfo.value[UL_MEMINFO_SLAB] = 80 * KIB;
	struct ul_slabinfo_cache line = {.name = ul_span_of("x"), .pages = 20};
	const struct ul_slabinfo slabinfo = {.caches = {&line, 1, 1}, .pages = 20};
	const struct ul_proc_facts facts = {
		.meminfo = &meminfo, .slabinfo = &slabinfo, .page_bytes = PAGE, .cpus = 1};
	UL_CLEANUP_LEDGER struct ul_ledger exact;
	build(&facts, NULL, &exact);
	meminfo.value[UL_MEMINFO_SLAB] = 68 * KIB;
	UL_CLEANUP_LEDGER struct ul_ledger late;
	build(&facts, NULL, &late);
	assert_int_equal(account(&late, UL_KIND_SLAB, "kmalloc-large"), 0);
	assert_int_equal(late.unaccounted.high - exact.unaccounted.high, 12 * KIB);
}

static void unreadable_caches_leave_what_reclaim_can_take_apart(void **state)
{
	(void)state;
	struct ul_meminfo meminfo = small_machine();
	meminfo.value[UL_MEMINFO_SLAB] = 100 * KIB;
	meminfo.value[UL_MEMINFO_S_RECLAIMABLE] = 30 * KIB;
	const struct ul_proc_facts facts = {.meminfo = &meminfo, .page_bytes = PAGE, .cpus = 1};
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	build(&facts, NULL, &ledger);
	assert_int_equal(account(&ledger, UL_KIND_SLAB, "slab (caches not readable)"), 70 * KIB);
	assert_int_equal(ul_ledger_kind_bytes(&ledger, UL_KIND_SLAB), 100 * KIB);
}

static void pages_on_per_cpu_lists_are_free(void **state)
{
	(void)state;
	const struct ul_meminfo meminfo = small_machine();
	const struct ul_zoneinfo zoneinfo = {.listed_pages = 256, .threshold = 36, .lists = 2};
	const struct ul_proc_facts facts = {
		.meminfo = &meminfo, .zoneinfo = &zoneinfo, .page_bytes = PAGE, .cpus = 1};
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	build(&facts, NULL, &ledger);
	assert_int_equal(ul_ledger_kind_bytes(&ledger, UL_KIND_FREE), 61 * KIB * KIB);
	assert_int_equal(ledger.unaccounted.bytes, 9 * KIB * KIB);
}

static void zswap_is_inside_of_zsmalloc_unless_it_is_apart(void **state)
{
	(void)state;
	struct ul_meminfo meminfo = small_machine();
	meminfo.value[UL_MEMINFO_ZSWAP] = 40 * KIB;
	const struct ul_vmstat vmstat = {.zspages = 25, .has_zspages = true};
	struct ul_proc_facts facts = {
		.meminfo = &meminfo, .vmstat = &vmstat, .page_bytes = PAGE, .cpus = 1};
	UL_CLEANUP_LEDGER struct ul_ledger inside;
	build(&facts, NULL, &inside);
	assert_int_equal(ul_ledger_kind_bytes(&inside, UL_KIND_COMPRESSED), 100 * KIB);
	facts.zswap_apart = true;
	UL_CLEANUP_LEDGER struct ul_ledger apart;
	build(&facts, NULL, &apart);
	assert_int_equal(ul_ledger_kind_bytes(&apart, UL_KIND_COMPRESSED), 140 * KIB);
}

static void huge_pages_are_counted_where_hugetlb_is_not_shown(void **state)
{
	(void)state;
	struct ul_meminfo meminfo = small_machine();
	meminfo.value[UL_MEMINFO_HUGE_PAGES_TOTAL] = 3;
	meminfo.value[UL_MEMINFO_HUGE_PAGE_SIZE] = 2048 * KIB;
	const struct ul_proc_facts facts = {.meminfo = &meminfo, .page_bytes = PAGE, .cpus = 1};
	UL_CLEANUP_LEDGER struct ul_ledger old;
	build(&facts, NULL, &old);
	assert_int_equal(account(&old, UL_KIND_HUGETLB, "hugetlb"), 6 * KIB * KIB);
	meminfo.has[UL_MEMINFO_HUGETLB] = true;
	meminfo.value[UL_MEMINFO_HUGETLB] = 7 * KIB * KIB;
	UL_CLEANUP_LEDGER struct ul_ledger new;
	build(&facts, NULL, &new);
	assert_int_equal(account(&new, UL_KIND_HUGETLB, "hugetlb"), 7 * KIB * KIB);
}

static void a_rare_account_stays_once_it_was_seen(void **state)
{
	(void)state;
	struct ul_meminfo meminfo = small_machine();
	const struct ul_proc_facts facts = {.meminfo = &meminfo, .page_bytes = PAGE, .cpus = 1};
	static const int64_t expected[] = {-1, 4096, 0};
	uint64_t seen = 0;
	for (size_t i = 0; i < UL_ARRAY_LEN(expected); i++) {
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		meminfo.value[UL_MEMINFO_BOUNCE] = i == 1 ? 4096 : 0;
		build(&facts, &seen, &ledger);
		assert_int_equal(account(&ledger, UL_KIND_KERNEL_OTHER, "bounce buffers"),
				 expected[i]);
	}
}

static void overlaps_widen_the_bounds_and_move_nothing(void **state)
{
	(void)state;
	struct ul_meminfo meminfo = small_machine();
	const struct ul_proc_facts facts = {.meminfo = &meminfo, .page_bytes = PAGE, .cpus = 2};
	UL_CLEANUP_LEDGER struct ul_ledger before;
	build(&facts, NULL, &before);
	meminfo.value[UL_MEMINFO_BALLOON] = 3 * KIB * KIB;
	UL_CLEANUP_LEDGER struct ul_ledger balloon;
	build(&facts, NULL, &balloon);
	assert_int_equal(balloon.unaccounted.bytes, before.unaccounted.bytes);
	assert_int_equal(before.unaccounted.low - balloon.unaccounted.low, 3 * KIB * KIB);
	meminfo.value[UL_MEMINFO_PERCPU] = 400 * KIB;
	UL_CLEANUP_LEDGER struct ul_ledger percpu;
	build(&facts, NULL, &percpu);
	assert_int_equal(percpu.unaccounted.high, balloon.unaccounted.high);
	assert_int_equal(balloon.unaccounted.bytes - percpu.unaccounted.bytes, 400 * KIB);
}

static void drift_grows_with_the_root_of_the_cpus(void **state)
{
	(void)state;
	const struct ul_meminfo meminfo = small_machine();
	const struct ul_zoneinfo zoneinfo = {.listed_pages = 0, .threshold = 36, .lists = 2};
	struct ul_proc_facts facts = {
		.meminfo = &meminfo, .zoneinfo = &zoneinfo, .page_bytes = PAGE, .cpus = 1};
	UL_CLEANUP_LEDGER struct ul_ledger one;
	build(&facts, NULL, &one);
	facts.cpus = 4;
	UL_CLEANUP_LEDGER struct ul_ledger four;
	build(&facts, NULL, &four);
	// 3 * sqrt((10 * 36^2 + 63^2) / 3) = 225.4 pages for one CPU, twice that for four.
	assert_int_equal(one.unaccounted.high - one.unaccounted.bytes, 225 * PAGE);
	assert_int_equal(four.unaccounted.high - four.unaccounted.bytes, 450 * PAGE);
}

static uint64_t next_random(uint64_t *random)
{
	*random = *random * 6364136223846793005u + 1442695040888963407u;
	return *random >> 11;
}

static void whatever_the_counters_say_the_books_balance(void **state)
{
	(void)state;
	uint64_t random = 7;
	for (int round = 0; round < 2000; round++) {
		struct ul_meminfo meminfo;
		for (int field = 0; field < UL_MEMINFO_FIELDS; field++) {
			meminfo.has[field] = next_random(&random) & 1;
			meminfo.value[field] = next_random(&random) % (UL_PROC_LIMIT_BYTES + 1) >>
					       next_random(&random) % 52;
		}
		meminfo.value[UL_MEMINFO_HUGE_PAGES_TOTAL] %= 16;
		meminfo.value[UL_MEMINFO_HUGE_PAGE_SIZE] %= UL_PROC_LIMIT_BYTES / 16;
		struct ul_vmalloc_caller caller = {
			ul_span_of("f"), {0}, next_random(&random) % UL_PROC_LIMIT_PAGES, 1};
		const struct ul_vmallocinfo info = {.callers = {&caller, 1, 1},
						    .pages = caller.pages,
						    .stack_areas = next_random(&random) & 1};
		struct ul_slabinfo_cache line = {.name = ul_span_of("c"),
						 .pages = next_random(&random) %
							  UL_PROC_LIMIT_PAGES};
		const struct ul_slabinfo slabinfo = {.caches = {&line, 1, 1}, .pages = line.pages};
		const struct ul_proc_facts facts = {
			.meminfo = &meminfo,
			.vmallocinfo = round & 1 ? &info : NULL,
			.slabinfo = round & 2 ? &slabinfo : NULL,
			.page_bytes = UL_PROC_LIMIT_PAGE_BYTES,
			.cpus = UL_PROC_LIMIT_CPUS,
		};
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		build(&facts, NULL, &ledger);
	}
}

static void shared_memory_is_divided_and_never_more_than_there_is(void **state)
{
	(void)state;
	struct ul_meminfo meminfo = small_machine();
	struct ul_tmpfs mounts[] = {
		{.path = "/run", .type = "tmpfs", .bytes = 3 * KIB, .known = true},
		{.path = "/x", .type = "tmpfs"}};
	const struct ul_sysv sysv = {.rss_bytes = 2 * KIB, .has_rss = true};
	const struct ul_tmpfs_list tmpfs = {.mounts = {mounts, 2, 2}};
	const struct ul_proc_facts facts = {
		.meminfo = &meminfo, .sysv = &sysv, .tmpfs = &tmpfs, .page_bytes = PAGE, .cpus = 1};
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	UL_CLEANUP_LEDGER struct ul_ledger swapped;
	meminfo.value[UL_MEMINFO_SHMEM] = 10 * KIB;
	meminfo.value[UL_MEMINFO_CACHED] = 10 * KIB;
	build(&facts, NULL, &ledger);
	assert_int_equal(account(&ledger, UL_KIND_SHMEM, "System V shared memory"), 2 * KIB);
	assert_int_equal(account(&ledger, UL_KIND_SHMEM, "tmpfs /run"), 3 * KIB);
	assert_int_equal(account(&ledger, UL_KIND_SHMEM, "tmpfs /x"), -1);
	assert_int_equal(account(&ledger, UL_KIND_SHMEM, "memfd, shared anonymous"), 5 * KIB);
	// Most of the tmpfs is swapped out: of 10 KiB the segments leave 8, and that is all of it.
	mounts[0].bytes = 4 * KIB * KIB;
	build(&facts, NULL, &swapped);
	assert_int_equal(account(&swapped, UL_KIND_SHMEM, "tmpfs /run"), 8 * KIB);
	assert_int_equal(ul_ledger_kind_bytes(&swapped, UL_KIND_SHMEM), 10 * KIB);
	assert_int_equal(swapped.losses.items.len, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shared_memory_is_divided_and_never_more_than_there_is),
		cmocka_unit_test(what_no_counter_explains_is_unaccounted),
		cmocka_unit_test(page_cache_leaves_shmem_to_its_own_account),
		cmocka_unit_test(stacks_that_are_vmalloc_areas_are_counted_once),
		cmocka_unit_test(stacks_from_the_page_allocator_are_beside_vmalloc),
		cmocka_unit_test(unknown_stacks_widen_the_lower_bound),
		cmocka_unit_test(large_kmalloc_is_what_the_caches_leave_of_slab),
		cmocka_unit_test(caches_larger_than_slab_widen_the_upper_bound),
		cmocka_unit_test(unreadable_caches_leave_what_reclaim_can_take_apart),
		cmocka_unit_test(pages_on_per_cpu_lists_are_free),
		cmocka_unit_test(zswap_is_inside_of_zsmalloc_unless_it_is_apart),
		cmocka_unit_test(huge_pages_are_counted_where_hugetlb_is_not_shown),
		cmocka_unit_test(a_rare_account_stays_once_it_was_seen),
		cmocka_unit_test(overlaps_widen_the_bounds_and_move_nothing),
		cmocka_unit_test(drift_grows_with_the_root_of_the_cpus),
		cmocka_unit_test(whatever_the_counters_say_the_books_balance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
