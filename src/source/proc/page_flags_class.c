// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a page is, from its flags as Linux fs/proc/page.c stable_page_flags() shows them.
 *
 * The order of the questions matters, because not every flag means what its name says on every
 * page: struct page is a union, and what a slab keeps where others have `mapping` reads as ANON and
 * KSM on v6.18. So the types that are exclusive come first (free, slab, page table, ...), then what
 * is known by its mapping. Nobody's page is what is left over: no owner sets a flag for
 * alloc_pages(). Flags that say little are ignored there: a driver's page may be LOCKED, PRIVATE,
 * ARCH, REFERENCED or mapped (MMAP), and all of it happens.
 *
 * How kernels differ, found by looking and not by version:
 *  - Tails of compound pages repeat their head's flags since commit dee3d0bef2b0 ("proc: rewrite
 *    stable_page_flags()", v6.10) and carry hardly any before; so a tail is always what its head
 *    is.
 *  - Free pages behind the first of a block are told free since v4.x (is_free_buddy_page()).
 *  - A hole is NOPAGE up to v6.15 or so and then shows no flag at all, which is what a driver's
 *    page looks like; page_flags_zones.c keeps holes out beforehand.
 *  - KPF_PGTABLE came with v4.18 (1d40a5ea01d5 "mm: mark pages in use for page tables");
 *    KPF_OFFLINE with v5.1 (ca215086b14b) took the number of KPF_BALLOON.
 *
 * Cannot tell: pages on per-CPU free lists, of vmalloc, stacks, per-CPU areas, zsmalloc: they look
 * like driver pages (model/page_count.c takes their numbers from the ledger). A page of the page
 * cache that has left the LRU lists for a moment is told by UPTODATE and the like; a driver that
 * marks its own pages so is counted as page cache: errs to too few driver pages.
 */
#include "source/proc/page_flags.h"

static bool has(uint64_t flags, uint64_t any)
{
	return (flags & any) != 0;
}

/** Types that exclude each other; false: none of them. */
static bool classify_type(uint64_t flags, enum ul_page_class *ret)
{
	static const struct {
		uint64_t flag;
		enum ul_page_class class;
	} types[] = {
		{UL_KPF(NOPAGE), UL_PAGE_HOLE},	      {UL_KPF(BUDDY), UL_PAGE_FREE},
		{UL_KPF(HWPOISON), UL_PAGE_POISONED}, {UL_KPF(OFFLINE), UL_PAGE_OFFLINE},
		{UL_KPF(RESERVED), UL_PAGE_RESERVED}, {UL_KPF(SLAB), UL_PAGE_SLAB},
		{UL_KPF(PGTABLE), UL_PAGE_TABLES},    {UL_KPF(HUGE), UL_PAGE_HUGETLB},
		{UL_KPF(ZERO_PAGE), UL_PAGE_ZERO},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(types); i++)
		if (flags & types[i].flag) {
			*ret = types[i].class;
			return true;
		}
	return false;
}

enum ul_page_class ul_page_classify(uint64_t flags)
{
	static const uint64_t future = UL_KPF(RESERVED) - UL_KPF(FIRST_UNASSIGNED);
	enum ul_page_class class;
	if (classify_type(flags, &class))
		return class;
	if (has(flags, future))
		return UL_PAGE_UNKNOWN;
	if (has(flags, UL_KPF(ANON)))
		// `mapping` alone proves little; an anonymous page is mapped, listed or
		// swap-backed.
		return has(flags, UL_KPF(LRU) | UL_KPF(MMAP) | UL_KPF(SWAPBACKED) |
					  UL_KPF(SWAPCACHE) | UL_KPF(UNEVICTABLE))
			       ? UL_PAGE_ANON
			       : UL_PAGE_UNKNOWN;
	if (has(flags, UL_KPF(SWAPBACKED) | UL_KPF(SWAPCACHE)))
		return UL_PAGE_SHMEM;
	if (has(flags, UL_KPF(LRU) | UL_KPF(ACTIVE) | UL_KPF(UNEVICTABLE) | UL_KPF(MLOCKED) |
			       UL_KPF(WRITEBACK) | UL_KPF(DIRTY) | UL_KPF(UPTODATE)))
		return UL_PAGE_FILE;
	return UL_PAGE_DRIVER;
}

static enum ul_page_class class_of(struct ul_page_scan *scan, uint64_t flags)
{
	static const uint64_t own = UL_KPF(NOPAGE) | UL_KPF(BUDDY) | UL_KPF(HWPOISON);
	if (flags & UL_KPF(COMPOUND_TAIL) && scan->has_head && !(flags & own))
		return scan->head;
	const enum ul_page_class class = ul_page_classify(flags);
	if (!(flags & UL_KPF(COMPOUND_TAIL))) {
		scan->head = class;
		scan->has_head = flags & UL_KPF(COMPOUND_HEAD);
	}
	return class;
}

void ul_page_scan_end_run(struct ul_page_scan *scan, struct ul_page_tally *tally)
{
	unsigned int bucket = 0;
	if (!scan->run_pages)
		return;
	while (bucket + 1 < UL_PAGE_RUNS && scan->run_pages >> (bucket + 1))
		bucket++;
	tally->values[UL_PAGE_RUN_PAGES + bucket] += scan->run_pages;
	tally->values[UL_PAGE_RUN_COUNT + bucket]++;
	scan->run_pages = 0;
}

static void count_page(struct ul_page_scan *scan, enum ul_page_class class,
		       struct ul_page_tally *tally)
{
	tally->values[class]++;
	if (class == UL_PAGE_DRIVER)
		scan->run_pages++;
	else
		ul_page_scan_end_run(scan, tally);
}

void ul_page_scan_known(struct ul_page_scan *scan, const uint8_t *classes, size_t len,
			struct ul_page_tally *tally)
{
	for (size_t i = 0; i < len; i++)
		count_page(scan, (enum ul_page_class)classes[i], tally);
}

void ul_page_scan(struct ul_page_scan *scan, const uint64_t *flags, size_t len, uint8_t *classes,
		  struct ul_page_tally *tally)
{
	for (size_t i = 0; i < len; i++) {
		const enum ul_page_class class = class_of(scan, flags[i]);
		classes[i] = (uint8_t) class;
		count_page(scan, class, tally);
	}
}
