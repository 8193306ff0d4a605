// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Second pass: how sure is it that nothing refers to what the first pass did not reach?
 *
 * The kernel keeps some references in forms that the first pass cannot take for addresses without
 * taking half of all numbers for one: at odd places of packed structures, one past the end of an
 * array, as physical addresses for a device, as page frame numbers. For the few objects that were
 * not reached they can be looked for: a number that happens to be one of a hundred addresses is
 * rare. What is found does not clear an object, it makes it weak.
 *
 *   misaligned   an address into it at a place that is no multiple of 8
 *   past end     the address just behind it, or up to 64 bytes before it, unless another allocated
 *                object lies there: then that is who is meant
 *   physical     its physical address; of objects of a page or more also any cache line within; of
 *                page blocks also with flags in the low bits, in page tables
 *   pfn          its page frame number, of page blocks only: small numbers are everywhere
 *   behind       it is one of many single pages behind one in use, where a block may begin
 *
 * Only memory that is live counts for these. Then memory that is not: free objects, dead stacks,
 * free pages. An address there clears nobody and weakens nobody, but says who had it last; of
 * several places the lowest is told.
 *
 * Errs: a number that only looks like a reference makes a leaked object weak (a chance of
 * numbers / 2^32 for each object); references the kernel encodes otherwise (xor, compressed to 32
 * bits) are not seen and leave a false orphan strong.
 */
#include <limits.h>

#include "analysis/reach_sources.h"

enum {
	BEFORE_BYTES = 64,     /**< so far before the start a pointer may lie */
	PHYSICAL_LINE = 64,    /**< DMA addresses within an object are aligned to this */
	PHYSICAL_LARGE = 2048, /**< objects of so many bytes are also known by those */
	PFN_MIN = 1 << 8,      /**< smaller numbers are no frame numbers */
	GAP_PAGES = 2,
	RUN_MIN = 7, /**< pages in a row that may be one allocation with the one before */
};

/** Bits of a page table entry that are the frame: Linux arch/x86 PTE_PFN_MASK, arm64 alike. */
#define TABLE_FRAME UINT64_C(0x000ffffffffff000)

/** An orphan as the search needs it. */
struct target {
	uint64_t start;
	uint64_t end; /**< of its slot */
	bool split;   /**< pages counted one by one */
	bool pages;   /**< its frame number and frames count, too */
};

struct search {
	const struct ul_reach_scan *scan;
	struct ul_orphans *orphans;
	struct target *targets; /**< by address, as orphans->items */
	uint64_t *frames;	/**< bit by pfn: a target, or the 64 bytes before one, is there */
	uint8_t *followed;	/**< by target: forms in which it was followed */
	struct ul_range hull;	/**< of all targets */
	struct ul_range beyond; /**< of those beyond the direct map */
	struct ul_range phys_hull, pfn_hull;
};

struct searcher {
	struct ul_reach_visitor visitor;
	struct search *search;
	unsigned int forms; /**< that count: enum ul_weak_reference */
	size_t self;	    /**< orphan that is being read; SIZE_MAX: none */
};

static bool in_range(const struct ul_range *range, uint64_t value)
{
	return value - range->start < range->end - range->start;
}

/** Index of the last target that starts at or before @p kaddr; SIZE_MAX: none. */
static size_t target_before(const struct search *search, uint64_t kaddr)
{
	size_t low = 0;
	size_t high = search->orphans->items.len;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (search->targets[middle].start <= kaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

/** Index of the target that holds @p kaddr; SIZE_MAX: none. */
static size_t target_at(const struct search *search, uint64_t kaddr)
{
	const size_t index = target_before(search, kaddr);
	return index != SIZE_MAX && kaddr < search->targets[index].end ? index : SIZE_MAX;
}

/** Quick, and right when it says no: is a target, or the bytes before one, at @p kaddr? */
static bool may_be_near(const struct search *search, uint64_t kaddr)
{
	const struct ul_address_space *space = &search->scan->heap->space;
	const uint64_t pfn = (kaddr - space->page_offset) >> search->scan->index->page_shift;
	if (pfn < space->max_pfn && space->page_offset)
		return search->frames[pfn / 64] >> pfn % 64 & 1;
	return in_range(&search->beyond, kaddr);
}

static void weaken(const struct searcher *searcher, size_t index, enum ul_weak_reference weak)
{
	if (index == searcher->self || !(searcher->forms & (unsigned int)weak))
		return;
	__atomic_fetch_or(&searcher->search->orphans->items.data[index].weak, (unsigned int)weak,
			  __ATOMIC_RELAXED);
}

static void note_stale(const struct search *search, size_t index, uint64_t kaddr)
{
	uint64_t *stale = &search->orphans->items.data[index].stale_kaddr;
	uint64_t seen = __atomic_load_n(stale, __ATOMIC_RELAXED);
	while ((!seen || kaddr < seen) &&
	       !__atomic_compare_exchange_n(stale, &seen, kaddr, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
}

/** Is it the address of another allocated object? Then that is who is meant. */
static bool is_explained(const struct search *search, uint64_t value)
{
	struct ul_reach_hit hit;
	return ul_reach_resolve(search->scan, value, &hit) &&
	       ul_heap_is_allocated(search->scan->heap, hit.object);
}

static void check_near(const struct searcher *searcher, uint64_t value)
{
	const struct search *search = searcher->search;
	const size_t behind = target_at(search, value - 1);
	const size_t before = target_at(search, value + BEFORE_BYTES);
	const bool past_end = behind != SIZE_MAX && search->targets[behind].end == value;
	const bool ahead = before != SIZE_MAX && search->targets[before].start > value;
	if ((!past_end && !ahead) || is_explained(search, value))
		return;
	if (past_end)
		weaken(searcher, behind, UL_WEAK_PAST_END);
	if (ahead)
		weaken(searcher, before, UL_WEAK_PAST_END);
}

static void check_physical(const struct searcher *searcher, uint64_t value, bool page_table)
{
	const struct search *search = searcher->search;
	const uint64_t phys = page_table ? value & TABLE_FRAME : value;
	const uint64_t kaddr = phys + search->scan->heap->space.page_offset;
	const size_t index = may_be_near(search, kaddr) ? target_at(search, kaddr) : SIZE_MAX;
	if (index == SIZE_MAX)
		return;
	const struct target *target = &search->targets[index];
	const uint64_t offset = kaddr - target->start;
	const bool within = page_table ? target->pages
				       : target->end - target->start >= PHYSICAL_LARGE &&
						 offset % PHYSICAL_LINE == 0;
	if (within || (!offset && !page_table))
		weaken(searcher, index, UL_WEAK_PHYSICAL);
}

static void check_pfn(const struct searcher *searcher, uint64_t value)
{
	const struct search *search = searcher->search;
	const uint64_t kaddr = ul_space_pfn_kaddr(&search->scan->heap->space, value);
	const size_t index = target_at(search, kaddr);
	if (index != SIZE_MAX && search->targets[index].pages &&
	    search->targets[index].start == kaddr)
		weaken(searcher, index, UL_WEAK_PFN);
}

static void check_misaligned(const struct searcher *searcher, uint64_t word, uint64_t next)
{
	const struct search *search = searcher->search;
	for (unsigned int shift = 8; shift < 64; shift += 8) {
		const uint64_t value = word >> shift | next << (64 - shift);
		const size_t index =
			may_be_near(search, value) ? target_at(search, value) : SIZE_MAX;
		if (index != SIZE_MAX)
			weaken(searcher, index, UL_WEAK_MISALIGNED);
	}
}

/** Might a value at any of the seven odd places between the words lie in the hull? */
static inline bool any_misaligned(uint64_t start, uint64_t bytes, uint64_t word, uint64_t next)
{
	bool any = false;
	for (unsigned int shift = 8; shift < 64; shift += 8)
		any |= (word >> shift | next << (64 - shift)) - start < bytes;
	return any;
}

static void scan_live(const struct searcher *searcher, const uint8_t *bytes, uint64_t len)
{
	const struct search *search = searcher->search;
	const struct ul_range near = {search->hull.start - BEFORE_BYTES, search->hull.end + 1};
	const uint64_t hull_bytes = search->hull.end - search->hull.start;
	uint64_t word = ul_reach_load(bytes);
	for (uint64_t at = 0; at < len; at += 8) {
		const uint64_t next = at + 8 < len ? ul_reach_load(bytes + at + 8) : 0;
		if (word | next) {
			if (in_range(&near, word) && may_be_near(search, word))
				check_near(searcher, word);
			if (in_range(&search->phys_hull, word))
				check_physical(searcher, word, false);
			if (in_range(&search->pfn_hull, word))
				check_pfn(searcher, word);
			if (any_misaligned(search->hull.start, hull_bytes, word, next))
				check_misaligned(searcher, word, next);
		}
		word = next;
	}
}

static void scan_stale(const struct search *search, uint64_t kaddr, const uint8_t *bytes,
		       uint64_t len)
{
	for (uint64_t at = 0; at < len; at += 8) {
		const uint64_t word = ul_reach_load(bytes + at);
		if (!in_range(&search->hull, word) || !may_be_near(search, word))
			continue;
		const size_t index = target_at(search, word);
		if (index != SIZE_MAX)
			note_stale(search, index, kaddr + at);
	}
}

static struct ul_error *scan_words(void *context, uint64_t kaddr, const uint8_t *bytes,
				   uint64_t len)
{
	const struct searcher *searcher = context;
	const struct search *search = searcher->search;
	if (searcher->visitor.source.page_table) {
		for (uint64_t at = 0; at < len; at += 8) {
			const uint64_t word = ul_reach_load(bytes + at);
			if (in_range(&search->phys_hull, word & TABLE_FRAME))
				check_physical(searcher, word, true);
		}
	} else if (searcher->visitor.source.where == UL_FROM_FREE) {
		scan_stale(search, kaddr, bytes, len);
	} else {
		scan_live(searcher, bytes, len);
	}
	return NULL;
}

static struct ul_reach_visitor *start(void *context)
{
	struct searcher *searcher = calloc(1, sizeof(*searcher));
	if (!searcher)
		return NULL;
	searcher->visitor.words = scan_words;
	searcher->search = context;
	searcher->forms = UINT_MAX;
	searcher->self = SIZE_MAX;
	return &searcher->visitor;
}

static struct ul_error *finish(void *context, struct ul_reach_visitor *visitor)
{
	(void)context;
	free(visitor);
	return NULL;
}

/* ---- chains ---- */

/** Reads orphan number @p index for references in the forms of @p forms. */
static struct ul_error *follow(struct searcher *searcher, size_t index, unsigned int forms)
{
	const struct ul_reach_scan *scan = searcher->search->scan;
	struct ul_heap_hit hit;
	if (!ul_heap_object(scan->heap, searcher->search->orphans->items.data[index].object,
			    &hit) ||
	    !ul_reach_is_scanned(hit.block))
		return NULL;
	searcher->forms = forms;
	searcher->self = index;
	searcher->visitor.source.where = UL_FROM_OBJECT;
	return ul_reach_scan_range(scan, &searcher->visitor.window, hit.kaddr,
				   ul_heap_block_payload(scan->heap, hit.block), scan_words,
				   searcher);
}

/**
 * What a weak orphan refers to in the same form is weak as well: a kernel that keeps one object by
 * its physical address keeps lists of them so.
 */
static struct ul_error *follow_chains(struct search *search)
{
	struct searcher searcher = {.visitor = {.words = scan_words}, .search = search};
	struct ul_error *error =
		ul_reach_window_init(&searcher.visitor.window, search->scan->image->memory);
	for (bool changed = true; changed && !error;) {
		changed = false;
		for (size_t i = 0; i < search->orphans->items.len && !error; i++) {
			const unsigned int fresh =
				search->orphans->items.data[i].weak & ~search->followed[i];
			if (!fresh)
				continue;
			changed = true;
			search->followed[i] |= (uint8_t)fresh;
			error = follow(&searcher, i, fresh);
		}
	}
	ul_reach_window_deinit(&searcher.visitor.window);
	return error;
}

/* ---- runs of pages ---- */

/** Is orphan @p index a single page, or several that are counted one by one? */
static bool is_single_page(const struct search *search, size_t index)
{
	const struct target *target = &search->targets[index];
	return target->pages && (target->split || target->end - target->start ==
							  search->scan->heap->space.page_bytes);
}

/** The page at @p kaddr is in use, and the first of a block of at least @p pages by alignment. */
static bool may_begin(const struct search *search, uint64_t kaddr, uint64_t pages)
{
	const struct ul_heap *heap = search->scan->heap;
	struct ul_heap_hit hit;
	uint64_t pfn;
	uint64_t block = 1;
	while (block < pages)
		block *= 2;
	return ul_space_direct_pfn(&heap->space, kaddr, &pfn) && pfn % block == 0 &&
	       ul_heap_find(heap, kaddr, &hit) && hit.allocated && !hit.offset &&
	       hit.block->kind == UL_BLOCK_PAGES && hit.block->bytes == heap->space.page_bytes &&
	       target_at(search, kaddr) == SIZE_MAX;
}

/**
 * alloc_pages_exact() and others take a block of pages and split it: each page is counted, only the
 * first is known to anyone. Nothing in the image tells such pages from others that were given out
 * one by one, so a long run of unreached pages behind one in use, where a block may begin, is weak.
 */
static void weaken_runs(const struct search *search)
{
	const uint64_t page_bytes = search->scan->heap->space.page_bytes;
	const size_t count = search->orphans->items.len;
	size_t end;
	for (size_t first = 0; first < count; first = end) {
		end = first + 1;
		if (!is_single_page(search, first))
			continue;
		while (end < count && is_single_page(search, end) &&
		       search->targets[end].start - search->targets[end - 1].end <=
			       GAP_PAGES * page_bytes)
			end++;
		// Some of them are reached, by a number with the value of an address.
		const uint64_t run =
			(search->targets[end - 1].end - search->targets[first].start) / page_bytes;
		if (run < RUN_MIN ||
		    !may_begin(search, search->targets[first].start - page_bytes, run + 1))
			continue;
		for (size_t i = first; i < end; i++)
			search->orphans->items.data[i].weak |= UL_WEAK_BEHIND;
	}
}

/* ---- targets ---- */

static void stretch(struct ul_range *hull, uint64_t start, uint64_t end)
{
	hull->start = !hull->end || start < hull->start ? start : hull->start;
	hull->end = end > hull->end ? end : hull->end;
}

/** Remember the frames of the target, of the bytes before and of the byte behind it. */
static void set_frames(struct search *search, const struct target *target)
{
	const struct ul_address_space *space = &search->scan->heap->space;
	const unsigned int shift = search->scan->index->page_shift;
	const uint64_t base = space->page_offset;
	const uint64_t from =
		target->start - base > BEFORE_BYTES ? target->start - base - BEFORE_BYTES : 0;
	const uint64_t last = (target->end - base) >> shift;
	for (uint64_t pfn = from >> shift; pfn <= last && pfn < space->max_pfn; pfn++)
		search->frames[pfn / 64] |= UINT64_C(1) << pfn % 64;
}

static void set_target(struct search *search, size_t index, const struct ul_heap_hit *hit)
{
	const struct ul_address_space *space = &search->scan->heap->space;
	struct target *target = &search->targets[index];
	uint64_t pfn;
	target->start = hit->kaddr;
	target->end =
		hit->kaddr + (hit->block->slots > 1 ? hit->block->slot_bytes : hit->block->bytes);
	target->pages = ul_reach_owns_pages(hit->block);
	target->split = hit->block->flags & UL_BLOCK_SPLIT;
	if (hit->block->kind == UL_BLOCK_PERCPU)
		return; // a number like any other: never looked for
	stretch(&search->hull, target->start, target->end);
	if (!ul_space_direct_pfn(space, target->start, &pfn)) {
		stretch(&search->beyond, target->start - BEFORE_BYTES, target->end + 1);
		return;
	}
	set_frames(search, target);
	stretch(&search->phys_hull, target->start - space->page_offset,
		target->end - space->page_offset);
	if (target->pages && pfn >= PFN_MIN)
		stretch(&search->pfn_hull, pfn, pfn + 1);
}

static struct ul_error *make_targets(struct search *search)
{
	const __auto_type items = &search->orphans->items;
	search->targets = calloc(items->len, sizeof(*search->targets));
	search->frames =
		calloc(search->scan->heap->space.max_pfn / 64 + 1, sizeof(*search->frames));
	search->followed = calloc(items->len, sizeof(*search->followed));
	if (!search->targets || !search->frames || !search->followed)
		return &ul_enomem;
	for (size_t i = 0; i < items->len; i++) {
		struct ul_heap_hit hit;
		if (ul_heap_object(search->scan->heap, items->data[i].object, &hit))
			set_target(search, i, &hit);
	}
	return NULL;
}

struct ul_error *ul_reach_weigh(const struct ul_reach_scan *scan,
				const struct ul_reach_marks *marks, struct ul_orphans *orphans)
{
	struct search search = {.scan = scan, .orphans = orphans};
	struct ul_reach_walk walk = {
		.scan = scan,
		.white = marks->white,
		.flags = UL_REACH_WALK_LIVE | UL_REACH_WALK_STALE | UL_REACH_WALK_TABLES,
		.start = start,
		.finish = finish,
		.context = &search,
	};
	if (!orphans->items.len)
		return NULL;
	struct ul_error *error = make_targets(&search);
	if (!error)
		error = ul_reach_walk(&walk);
	if (!error)
		error = follow_chains(&search);
	if (!error)
		weaken_runs(&search);
	free(search.followed);
	free(search.targets);
	free(search.frames);
	return error;
}
