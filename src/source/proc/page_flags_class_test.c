// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "source/proc/page_flags.h"

#define HEAD UL_KPF(COMPOUND_HEAD)
#define TAIL UL_KPF(COMPOUND_TAIL)

static void flags_seen_on_real_kernels_are_understood(void **state)
{
	(void)state;
	static const struct {
		uint64_t flags;
		enum ul_page_class class;
	} seen[] = {
		{0, UL_PAGE_DRIVER},
		{UL_KPF(BUDDY), UL_PAGE_FREE},
		{UL_KPF(BUDDY) | UL_KPF(UPTODATE), UL_PAGE_FREE}, // reported free (PG_reported)
		{UL_KPF(SLAB), UL_PAGE_SLAB},
		// v6.18: what a slab keeps in place of `mapping` reads as ANON.
		{UL_KPF(SLAB) | UL_KPF(ANON) | TAIL, UL_PAGE_SLAB},
		{UL_KPF(PGTABLE), UL_PAGE_TABLES},
		{UL_KPF(LRU) | UL_KPF(UPTODATE), UL_PAGE_FILE},
		{UL_KPF(LRU) | UL_KPF(MMAP) | UL_KPF(ANON) | UL_KPF(SWAPBACKED), UL_PAGE_ANON},
		{UL_KPF(MMAP) | UL_KPF(ANON) | UL_KPF(SWAPBACKED), UL_PAGE_ANON}, // not listed yet
		{UL_KPF(LRU) | UL_KPF(DIRTY) | UL_KPF(SWAPBACKED), UL_PAGE_SHMEM},
		{UL_KPF(UPTODATE) | UL_KPF(LOCKED), UL_PAGE_FILE}, // off the lists for a moment
		{UL_KPF(RESERVED), UL_PAGE_RESERVED},
		{UL_KPF(RESERVED) | UL_KPF(ZERO_PAGE), UL_PAGE_RESERVED},
		{UL_KPF(ZERO_PAGE) | UL_KPF(THP), UL_PAGE_ZERO},
		{UL_KPF(OFFLINE), UL_PAGE_OFFLINE},
		{UL_KPF(NOPAGE), UL_PAGE_HOLE},
		{UL_KPF(HUGE) | HEAD, UL_PAGE_HUGETLB},
		{UL_KPF(HWPOISON), UL_PAGE_POISONED},
		{UL_KPF(MMAP), UL_PAGE_DRIVER},				// vm_insert_page()
		{UL_KPF(LOCKED) | (UINT64_C(1) << 35), UL_PAGE_DRIVER}, // PRIVATE
		{UL_KPF(ANON), UL_PAGE_UNKNOWN},
		{UINT64_C(1) << 29, UL_PAGE_UNKNOWN}, // a type newer than this program
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(seen); i++)
		assert_int_equal(ul_page_classify(seen[i].flags), seen[i].class);
}

static void tails_are_what_their_head_is(void **state)
{
	(void)state;
	// Before v6.10 the tails of a slab carry only TAIL, those of a huge page hardly more.
	static const uint64_t flags[] = {
		UL_KPF(SLAB) | HEAD, TAIL, TAIL, TAIL,		UL_KPF(LRU) | UL_KPF(ANON) | HEAD,
		TAIL | UL_KPF(ANON), HEAD, TAIL, UL_KPF(BUDDY), TAIL};
	uint8_t classes[UL_ARRAY_LEN(flags)];
	struct ul_page_scan scan = {0};
	struct ul_page_tally tally = {0};
	ul_page_scan(&scan, flags, UL_ARRAY_LEN(flags), classes, &tally);
	ul_page_scan_end_run(&scan, &tally);
	assert_int_equal(tally.values[UL_PAGE_SLAB], 4);
	assert_int_equal(tally.values[UL_PAGE_ANON], 2);
	assert_int_equal(tally.values[UL_PAGE_FREE], 1);
	// A driver's block of two, and a tail without a head: it changed hands while it was read.
	assert_int_equal(tally.values[UL_PAGE_DRIVER], 3);
	assert_int_equal(classes[9], UL_PAGE_DRIVER);
}

static void runs_are_sorted_by_powers_of_two(void **state)
{
	(void)state;
	static const size_t lengths[] = {1, 1, 2, 3, 4, 7, 8};
	uint64_t flags[64];
	uint8_t classes[64];
	size_t len = 0;
	for (size_t i = 0; i < UL_ARRAY_LEN(lengths); i++) {
		for (size_t k = 0; k < lengths[i]; k++)
			flags[len++] = 0;
		flags[len++] = UL_KPF(BUDDY);
	}
	struct ul_page_scan scan = {0};
	struct ul_page_tally tally = {0};
	// In two pieces, the border inside of the last run.
	ul_page_scan(&scan, flags, len - 5, classes, &tally);
	ul_page_scan(&scan, flags + len - 5, 5, classes, &tally);
	const uint64_t *pages = &tally.values[UL_PAGE_RUN_PAGES];
	const uint64_t *runs = &tally.values[UL_PAGE_RUN_COUNT];
	assert_int_equal(runs[0], 2);
	assert_int_equal(pages[0], 2);
	assert_int_equal(runs[1], 2);
	assert_int_equal(pages[1], 5);
	assert_int_equal(runs[2], 2);
	assert_int_equal(pages[2], 11);
	assert_int_equal(runs[3], 1);
	assert_int_equal(pages[3], 8);
}

static void the_longest_runs_share_the_last_place(void **state)
{
	(void)state;
	struct ul_page_tally tally = {0};
	struct ul_page_scan scan = {.run_pages = UINT64_C(1) << 40};
	ul_page_scan_end_run(&scan, &tally);
	assert_int_equal(tally.values[UL_PAGE_RUN_COUNT + UL_PAGE_RUNS - 1], 1);
	assert_int_equal(scan.run_pages, 0);
	ul_page_scan_end_run(&scan, &tally); // none: nothing to count
	assert_int_equal(tally.values[UL_PAGE_RUN_COUNT + UL_PAGE_RUNS - 1], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_seen_on_real_kernels_are_understood),
		cmocka_unit_test(tails_are_what_their_head_is),
		cmocka_unit_test(runs_are_sorted_by_powers_of_two),
		cmocka_unit_test(the_longest_runs_share_the_last_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
