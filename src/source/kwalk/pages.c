// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What each page frame is used for, by its struct page: one pass over the page array, in sections
 * that threads take one by one.
 *
 * Order of questions, each one for a reason:
 *  - bit 0 of compound_head (compound_info): a tail belongs to its head; nothing else in it counts.
 *  - the type, before the count: slabs and large kmalloc of v6.14 and later are "frozen", their
 *    count is 0, and they are all but free.
 *  - reserved, then the count: 0 means free, or on a per-CPU list, or behind the first page of an
 *    allocation without __GFP_COMP. Which one is asked later (idle.c).
 *  - the list of reclaim and the mapping: memory of processes and files, which is never scanned.
 *  - what is left was given out by alloc_pages().
 *
 * The size of a compound page is the number of tails behind it that say so. The order is kept in
 * another place every few releases; tails are alike since v4.5.
 *
 * Errs: a driver that sets page->mapping of its own pages makes them look like files (they are not
 * scanned then); a page that was just taken off the free list counts as free.
 */
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "source/kwalk/kwalk_internal.h"

enum {
	SECTION = 32768,      /**< pages a thread takes at once; 128 MiB of memory on x86_64 */
	BUFFER_PAGES = 1024,  /**< struct pages read at once where they cannot be mapped */
	BUDDY_ORDER_MAX = 15, /**< so that a buddy block lies within a section */
	MAPPING_BITS = 3,     /**< Linux include/linux/page-flags.h PAGE_MAPPING_FLAGS */
	MAPPING_ANON = 1,
	MAPPING_MOVABLE = 2, /**< alone: balloon, zsmalloc (up to v6.16) */
	HOLE_PAGE = 4096     /**< the page array has holes of whole pages, whatever their size */
};

/** A look at the page array that moves along. */
struct window {
	const uint8_t *data;
	uint64_t first, end; /**< page frames */
	uint8_t *buffer;
};

struct section {
	uint64_t first, end;
	UL_VEC(struct ul_kwalk_slab) slabs;
	uint64_t orphan_tails; /**< whose head does not own up to them */
};

struct job {
	struct ul_kwalk *walk;
	UL_VEC(struct section) sections;
	size_t next;
};

static uint64_t word_at(const uint8_t *page, uint32_t offset)
{
	uint64_t word;
	memcpy(&word, page + offset, sizeof(word));
	return word;
}

static uint32_t u32_at(const uint8_t *page, uint32_t offset)
{
	uint32_t word;
	memcpy(&word, page + offset, sizeof(word));
	return word;
}

/** The struct page of @p pfn, good until the next call; NULL where there is none. */
static const uint8_t *look(const struct ul_kwalk *walk, struct window *window, uint64_t pfn)
{
	const uint32_t bytes = walk->layout.page_bytes;
	if (pfn >= window->first && pfn < window->end)
		return window->data + (pfn - window->first) * bytes;
	const uint64_t at = ul_space_pfn_page(&walk->heap->space, pfn);
	size_t run = 0;
	const uint8_t *data = ul_memory_map(walk->memory, at, &run);
	if (!data || run < bytes) {
		UL_CLEANUP_ERROR struct ul_error *error = ul_memory_read(
			walk->memory, at, window->buffer, (size_t)BUFFER_PAGES * bytes, &run);
		data = window->buffer;
		if (error || run < bytes)
			return NULL;
	}
	window->data = data;
	window->first = pfn;
	window->end = pfn + run / bytes;
	return data;
}

/** Page frame of the head that tail @p pfn names; false when that makes no sense. */
static bool head_of(const struct ul_kwalk *walk, uint64_t pfn, uint64_t info, uint64_t *ret)
{
	const struct ul_address_space *space = &walk->heap->space;
	const uint64_t page = ul_space_pfn_page(space, pfn);
	// An address, or a mask for the tail's own address (compound_info, v7.1).
	const uint64_t named = info & ~UINT64_C(1);
	const uint64_t head = named >= space->vmemmap && named < page ? named : page & named;
	return head < page && ul_space_page_pfn(space, head, ret);
}

/* ---- one struct page ---- */

/** What the type says; UL_FRAME_ABSENT: nothing. */
static uint8_t class_of_type(const struct ul_kwalk_marks *marks, uint64_t flags, uint32_t type)
{
	if (marks->bytes)
		return marks->of_byte[type >> 24];
	if (flags & marks->slab)
		return UL_FRAME_SLAB;
	if ((type & marks->type_base) != marks->type_base || type == UINT32_MAX)
		return UL_FRAME_ABSENT;
	for (size_t i = 0; i < marks->of_bit_len; i++)
		if (!(type & marks->of_bit[i].bit))
			return marks->of_bit[i].class;
	return UL_FRAME_ABSENT;
}

static uint8_t class_of_mapping(const struct ul_kwalk_marks *marks, uint64_t flags,
				uint64_t mapping)
{
	const uint64_t bits = mapping & MAPPING_BITS;
	const bool mapped = (mapping & ~(uint64_t)MAPPING_BITS) >> 63;
	if (!(flags & (marks->lru | marks->swap_cache)) && mapped && bits == MAPPING_MOVABLE)
		return UL_FRAME_ZSMALLOC;
	if (!(flags & marks->lru) && !mapped)
		return UL_FRAME_KERNEL;
	if (mapped && bits & MAPPING_ANON)
		return UL_FRAME_ANON;
	return flags & marks->swap_backed ? UL_FRAME_SHMEM : UL_FRAME_FILE;
}

static bool in_image(const struct ul_address_space *space, uint64_t pfn)
{
	const uint64_t phys = pfn * space->page_bytes;
	return space->image_phys && phys >= space->image_phys &&
	       phys - space->image_phys < space->image.end - space->image.start;
}

static uint8_t classify(const struct ul_kwalk *walk, uint64_t pfn, const uint8_t *page)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	const struct ul_kwalk_marks *marks = &walk->marks;
	const uint64_t flags = word_at(page, layout->page_flags);
	const uint32_t type = u32_at(page, layout->page_type);
	const uint32_t count = u32_at(page, layout->page_refcount);
	// Never prepared: all ones (PAGE_POISON_PATTERN), or zeroes where a free one has -1 as
	// type.
	if (flags == UINT64_MAX || (!flags && !type && !count))
		return UL_FRAME_ABSENT;
	const uint8_t typed = class_of_type(marks, flags, type);
	if (typed != UL_FRAME_ABSENT)
		return typed;
	if (flags & marks->poisoned)
		return UL_FRAME_OFFLINE;
	if (flags & marks->reserved)
		return in_image(&walk->heap->space, pfn) ? UL_FRAME_IMAGE : UL_FRAME_RESERVED;
	if (!count)
		return UL_FRAME_IDLE;
	return class_of_mapping(marks, flags, word_at(page, layout->page_mapping));
}

/* ---- one section ---- */

/** How many tails behind @p pfn name it as their head. */
static uint64_t count_tails(const struct ul_kwalk *walk, struct window *window, uint64_t pfn)
{
	const uint64_t end = walk->heap->space.max_pfn;
	uint64_t at = pfn + 1;
	for (; at < end; at++) {
		const uint8_t *page = look(walk, window, at);
		const uint64_t info = page ? word_at(page, walk->layout.page_info) : 0;
		uint64_t head;
		if (!(info & 1) || !head_of(walk, at, info, &head) || head != pfn)
			break;
	}
	return at - pfn - 1;
}

/** Up to v6.11: a compound page may be hugetlb's, which its second struct page tells. */
static bool is_hugetlb(const struct ul_kwalk *walk, struct window *window, uint64_t pfn)
{
	const struct ul_kwalk_marks *marks = &walk->marks;
	const uint32_t bytes = walk->layout.page_bytes;
	if (marks->bytes || (!marks->hugetlb_second && marks->dtor == UL_KWALK_NONE))
		return false;
	const uint8_t *second = look(walk, window, pfn + 1);
	if (!second)
		return false;
	if (marks->hugetlb_second)
		return word_at(second, walk->layout.page_flags) & marks->hugetlb_second;
	return marks->dtor >= bytes && marks->dtor < 2 * bytes &&
	       second[marks->dtor - bytes] == marks->dtor_hugetlb;
}

static void mark(const struct ul_kwalk *walk, uint64_t pfn, uint64_t pages, uint8_t class)
{
	walk->heap->page_class[pfn] = class;
	memset(walk->heap->page_class + pfn + 1, class | UL_FRAME_TAIL, pages - 1);
}

static bool add_slab(const struct ul_kwalk *walk, struct section *section, uint64_t pfn,
		     const uint8_t *page, uint64_t pages)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	uint64_t objects = 0;
	const uint32_t bits = layout->slab_objects_bits;
	memcpy(&objects, page + layout->slab_objects, bits > 32 ? 8 : 4);
	const struct ul_kwalk_slab slab = {
		.pfn = pfn,
		.cache = word_at(page, layout->slab_cache),
		.pages = (uint32_t)pages,
		.objects = (uint32_t)(objects >> layout->slab_objects_shift &
				      ((UINT64_C(1) << bits) - 1)),
	};
	return ul_vec_push(&section->slabs, slab);
}

/** Pages of the buddy block at @p pfn. */
static uint64_t buddy_pages(const struct ul_kwalk *walk, uint64_t pfn, const uint8_t *page)
{
	const uint64_t order = word_at(page, walk->layout.page_private);
	const uint64_t pages = order <= BUDDY_ORDER_MAX ? UINT64_C(1) << order : 1;
	return pfn & (pages - 1) || pfn + pages > walk->heap->space.max_pfn ? 1 : pages;
}

/** Mark what begins at @p pfn; returns its pages, 0 when memory is out. */
static uint64_t one(const struct ul_kwalk *walk, struct window *window, struct section *section,
		    uint64_t pfn, const uint8_t *page)
{
	uint8_t bytes[UL_KWALK_STRUCT_PAGE];
	uint8_t class = classify(walk, pfn, page);
	uint64_t pages = 1;
	memcpy(bytes, page, walk->layout.page_bytes); // the window moves on
	if (class == UL_FRAME_ABSENT)
		return 1;
	if (class == UL_FRAME_FREE) {
		pages = buddy_pages(walk, pfn, bytes);
		memset(walk->heap->page_class + pfn, class, pages);
		return pages;
	}
	if (word_at(bytes, walk->layout.page_flags) & walk->marks.head) {
		pages += count_tails(walk, window, pfn);
		if (pages > 1 && class != UL_FRAME_SLAB && is_hugetlb(walk, window, pfn))
			class = UL_FRAME_HUGETLB;
	}
	mark(walk, pfn, pages, class);
	if (class == UL_FRAME_SLAB && !add_slab(walk, section, pfn, bytes, pages))
		return 0;
	return pages;
}

static bool scan_section(const struct ul_kwalk *walk, struct window *window,
			 struct section *section)
{
	const uint32_t bytes = walk->layout.page_bytes;
	uint64_t pfn = section->first;
	while (pfn < section->end) {
		const uint8_t *page = look(walk, window, pfn);
		if (!page) {
			const uint64_t at = ul_space_pfn_page(&walk->heap->space, pfn);
			const uint64_t next = (at / HOLE_PAGE + 1) * HOLE_PAGE;
			pfn += (next - at + bytes - 1) / bytes;
			continue;
		}
		const uint64_t info = word_at(page, walk->layout.page_info);
		uint64_t head;
		if (info & 1 && word_at(page, walk->layout.page_flags) != UINT64_MAX) {
			// Heads before this section claim their tails in it themselves.
			if (!head_of(walk, pfn, info, &head) || head >= section->first) {
				walk->heap->page_class[pfn] = UL_FRAME_UNKNOWN;
				section->orphan_tails++;
			}
			pfn++;
			continue;
		}
		const uint64_t pages = one(walk, window, section, pfn, page);
		if (!pages)
			return false;
		pfn += pages;
	}
	return true;
}

/* ---- all of them ---- */

static struct ul_error *work(void *context)
{
	struct job *job = context;
	struct window window = {
		.buffer = malloc((size_t)BUFFER_PAGES * job->walk->layout.page_bytes)};
	bool good = window.buffer;
	while (good) {
		const size_t i = __atomic_fetch_add(&job->next, 1, __ATOMIC_RELAXED);
		if (i >= job->sections.len)
			break;
		good = scan_section(job->walk, &window, &job->sections.data[i]);
	}
	free(window.buffer);
	return good ? NULL : &ul_enomem;
}

static struct ul_error *add_sections(struct job *job, uint64_t first, uint64_t end)
{
	const uint64_t max = job->walk->heap->space.max_pfn;
	end = end < max ? end : max;
	for (first -= first % SECTION; first < end; first += SECTION) {
		const struct section *last =
			job->sections.len ? &job->sections.data[job->sections.len - 1] : NULL;
		if (last && first <= last->first)
			continue;
		struct section *section = ul_vec_add(&job->sections);
		if (!section)
			return &ul_enomem;
		section->first = first;
		section->end = first + SECTION < max ? first + SECTION : max;
	}
	return NULL;
}

static struct ul_error *find_sections(struct job *job)
{
	const struct ul_image *image = job->walk->image;
	const uint64_t page_bytes = job->walk->heap->space.page_bytes;
	if (!image->ram.len)
		return add_sections(job, 0, job->walk->heap->space.max_pfn);
	ul_vec_foreach (range, &image->ram)
		UL_TRY(add_sections(job, range->start / page_bytes,
				    (range->end + page_bytes - 1) / page_bytes));
	return NULL;
}

static struct ul_error *run(struct job *job)
{
	const size_t most = job->sections.len;
	return ul_parallel(most < job->walk->threads ? (unsigned int)most : job->walk->threads,
			   work, job);
}

static struct ul_error *gather(struct job *job)
{
	struct ul_kwalk *walk = job->walk;
	uint64_t orphan_tails = 0;
	size_t slabs = 0;
	ul_vec_foreach (section, &job->sections)
		slabs += section->slabs.len;
	if (!ul_vec_reserve(&walk->slabs, slabs))
		return &ul_enomem;
	ul_vec_foreach (section, &job->sections) {
		if (section->slabs.len)
			memcpy(walk->slabs.data + walk->slabs.len, section->slabs.data,
			       section->slabs.len * sizeof(*walk->slabs.data));
		walk->slabs.len += section->slabs.len;
		orphan_tails += section->orphan_tails;
	}
	return orphan_tails
		       ? ul_kwalk_loss(walk, UL_BIAS_UNKNOWN, orphan_tails,
				       "pages that name a head page which does not reach to them")
		       : NULL;
}

struct ul_error *ul_kwalk_pages(struct ul_kwalk *walk)
{
	struct job job = {.walk = walk};
	struct ul_error *error = find_sections(&job);
	if (!error)
		error = run(&job);
	if (!error)
		error = gather(&job);
	ul_vec_foreach (section, &job.sections)
		ul_vec_deinit(&section->slabs);
	ul_vec_deinit(&job.sections);
	return error;
}

struct ul_error *ul_kwalk_page_array(struct ul_kwalk *walk)
{
	const struct ul_address_space *space = &walk->heap->space;
	uint64_t claimed = 0;
	for (uint64_t first = 0; first < space->max_pfn; first += SECTION) {
		const uint64_t end =
			first + SECTION < space->max_pfn ? first + SECTION : space->max_pfn;
		const uint8_t *class = walk->heap->page_class;
		uint64_t present = first;
		while (present < end && class[present] == UL_FRAME_ABSENT)
			present++;
		if (present == end)
			continue;
		const uint64_t start = ul_space_pfn_page(space, first);
		claimed += ul_kwalk_claim(walk, start, ul_space_pfn_page(space, end) - start,
					  UL_FRAME_VMEMMAP);
	}
	return claimed ? NULL
		       : ul_kwalk_loss(walk, UL_BIAS_UNDER, 0,
				       "which pages hold the page array: old pointers in it count "
				       "as references");
}
