// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who points there? One walk over all memory for any number of targets. A word counts when it is an
 * address within the target's slot, a struct page of a target that is a page block, or exactly the
 * address asked for where no object is.
 */
#include "analysis/reach_sources.h"

enum { KEPT_MAX = 1 << 20 }; /**< references of one thread before those beyond the limit go */

struct target {
	uint64_t start;
	uint64_t end;
	struct ul_range pages; /**< its own struct pages */
	uint64_t asked;
};

struct search {
	const struct ul_reach_scan *scan;
	struct target *targets; /**< by start, then asked */
	size_t targets_len;
	uint64_t *frames; /**< bit by pfn: a target is there */
	size_t limit;
	struct ul_references *references;
	const uint64_t *white;	  /**< bit an object: its words do not count; NULL: all do */
	unsigned int sources;	  /**< enum ul_reach_walk_flags */
	struct ul_memory *before; /**< what free memory held a moment ago; NULL: not asked */
};

struct searcher {
	struct ul_reach_visitor visitor;
	struct search *search;
	struct ul_references found;
};

void ul_references_deinit(struct ul_references *references)
{
	ul_vec_deinit(&references->items);
	ul_losses_deinit(&references->losses);
	*references = (struct ul_references){0};
}

static int compare_references(const void *a, const void *b)
{
	const struct ul_reference *left = a;
	const struct ul_reference *right = b;
	if (left->target != right->target)
		return left->target < right->target ? -1 : 1;
	const bool left_stale = left->where == UL_FROM_FREE;
	const bool right_stale = right->where == UL_FROM_FREE;
	if (left_stale != right_stale)
		return left_stale ? 1 : -1;
	if (left->from != right->from)
		return left->from < right->from ? -1 : 1;
	return (left->where > right->where) - (left->where < right->where);
}

static bool same_sort(const struct ul_reference *a, const struct ul_reference *b)
{
	return a->target == b->target && (a->where == UL_FROM_FREE) == (b->where == UL_FROM_FREE);
}

/** Sorts, drops what is there twice, and what is beyond the limit. */
static void trim(struct ul_references *references, size_t limit)
{
	const __auto_type items = &references->items;
	size_t kept = 0;
	size_t of_sort = 0;
	if (items->len)
		qsort(items->data, items->len, sizeof(*items->data), compare_references);
	for (size_t i = 0; i < items->len; i++) {
		const struct ul_reference *last = i ? &items->data[i - 1] : NULL;
		struct ul_reference item = items->data[i];
		if (!last || !same_sort(last, &item))
			of_sort = 0;
		else if (kept && items->data[kept - 1].from == item.from &&
			 items->data[kept - 1].target == item.target &&
			 item.where != UL_FROM_REGISTER)
			continue;
		if (of_sort++ < limit)
			items->data[kept++] = item;
		else
			references->left_out++;
	}
	items->len = kept;
}

static bool may_be_target(const struct search *search, uint64_t value)
{
	const struct ul_address_space *space = &search->scan->heap->space;
	const uint64_t pfn = (value - space->page_offset) >> search->scan->index->page_shift;
	if (space->page_offset && pfn < space->max_pfn)
		return search->frames[pfn / 64] >> pfn % 64 & 1;
	return true;
}

/** Number of targets that start at or before @p value. */
static size_t targets_until(const struct search *search, uint64_t value)
{
	size_t low = 0;
	size_t high = search->targets_len;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (search->targets[middle].start <= value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/** Was the word at @p from the same a moment ago? What nobody remembers was something else. */
static bool was_there(const struct search *search, uint64_t from, uint64_t value)
{
	size_t run = 0;
	uint64_t pfn;
	const void *word = ul_memory_map(search->before, from, &run);
	if (word && run >= sizeof(value))
		return !memcmp(word, &value, sizeof(value));
	// What was not copied for want of memory held most likely what it holds: free memory is
	// full of addresses, and no orphan would be left.
	if (search->before->left_out_from && from >= search->before->left_out_from)
		return true;
	// Stacks and areas are not remembered; pages that were no objects then are.
	return !ul_space_direct_pfn(&search->scan->heap->space, from, &pfn);
}

static struct ul_error *note(struct searcher *searcher, uint64_t place, uint64_t value,
			     uint64_t from, enum ul_reference_from where)
{
	const struct search *search = searcher->search;
	for (size_t i = targets_until(search, place); i-- > 0;) {
		const struct target *target = &search->targets[i];
		if (place >= target->end)
			break; // others that start here end here, too: they are one object
		if (where != UL_FROM_REGISTER &&
		    (from - target->start < target->end - target->start ||
		     from - target->pages.start < target->pages.end - target->pages.start))
			continue; // its own
		if (search->before && where == UL_FROM_FREE && was_there(search, from, value))
			continue;
		const struct ul_reference reference = {target->asked, from, value, where};
		if (!ul_vec_push(&searcher->found.items, reference))
			return &ul_enomem;
	}
	if (searcher->found.items.len > KEPT_MAX)
		trim(&searcher->found, search->limit);
	return NULL;
}

/** The word itself, or for a struct page the page block it stands for. */
static struct ul_error *consider(struct searcher *searcher, uint64_t value, uint64_t from,
				 enum ul_reference_from where)
{
	const struct search *search = searcher->search;
	const struct ul_reach_scan *scan = search->scan;
	struct ul_reach_hit hit;
	if (value - scan->vmemmap.start < scan->vmemmap.end - scan->vmemmap.start &&
	    ul_reach_resolve(scan, value, &hit)) {
		const uint64_t kaddr = scan->heap->blocks.data[hit.block].kaddr;
		if (may_be_target(search, kaddr))
			UL_TRY(note(searcher, kaddr, value, from, where));
	}
	return may_be_target(search, value) ? note(searcher, value, value, from, where) : NULL;
}

static struct ul_error *scan_words(void *context, uint64_t kaddr, const uint8_t *bytes,
				   uint64_t len)
{
	struct searcher *searcher = context;
	const enum ul_reference_from where = searcher->visitor.source.where;
	for (uint64_t at = 0; at < len; at += 8) {
		const uint64_t value = ul_reach_load(bytes + at);
		if (value)
			UL_TRY(consider(searcher, value, kaddr + at, where));
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
	return &searcher->visitor;
}

static struct ul_error *finish(void *context, struct ul_reach_visitor *visitor)
{
	struct search *search = context;
	struct searcher *searcher = (struct searcher *)(void *)visitor;
	struct ul_error *error = NULL;
	trim(&searcher->found, search->limit);
	search->references->left_out += searcher->found.left_out;
	ul_vec_foreach (item, &searcher->found.items)
		if (!error && !ul_vec_push(&search->references->items, *item))
			error = &ul_enomem;
	ul_references_deinit(&searcher->found);
	free(searcher);
	return error;
}

/* ---- targets ---- */

static int compare_targets(const void *a, const void *b)
{
	const struct target *left = a;
	const struct target *right = b;
	if (left->start != right->start)
		return left->start < right->start ? -1 : 1;
	return (left->asked > right->asked) - (left->asked < right->asked);
}

static void set_target(struct search *search, uint64_t asked)
{
	const struct ul_heap *heap = search->scan->heap;
	struct target *target = &search->targets[search->targets_len++];
	struct ul_heap_hit hit;
	uint64_t pfn;
	uint64_t last;
	*target = (struct target){.start = asked, .end = asked + 1, .asked = asked};
	if (ul_heap_find(heap, asked, &hit)) {
		target->start = hit.kaddr;
		target->end = hit.block->kind == UL_BLOCK_PERCPU
				      ? hit.kaddr + 1
				      : hit.kaddr + (hit.block->slots > 1 ? hit.block->slot_bytes
									  : hit.block->bytes);
	}
	if (ul_heap_find(heap, asked, &hit) && ul_reach_owns_pages(hit.block))
		target->pages = ul_reach_struct_pages(search->scan, hit.block);
	if (!ul_space_direct_pfn(&heap->space, target->start, &pfn) ||
	    !ul_space_direct_pfn(&heap->space, target->end - 1, &last))
		return;
	for (; pfn <= last; pfn++)
		search->frames[pfn / 64] |= UINT64_C(1) << pfn % 64;
}

static struct ul_error *make_targets(struct search *search, const uint64_t *targets, size_t len)
{
	search->targets = calloc(len ? len : 1, sizeof(*search->targets));
	search->frames =
		calloc(search->scan->heap->space.max_pfn / 64 + 1, sizeof(*search->frames));
	if (!search->targets || !search->frames)
		return &ul_enomem;
	for (size_t i = 0; i < len; i++)
		set_target(search, targets[i]);
	qsort(search->targets, len, sizeof(*search->targets), compare_targets);
	size_t kept = 0; // asked for twice is told once
	for (size_t i = 0; i < len; i++)
		if (!kept || search->targets[i].asked != search->targets[kept - 1].asked)
			search->targets[kept++] = search->targets[i];
	search->targets_len = kept;
	return NULL;
}

/** What lies in no memory that is scanned: registers, and constants of instructions. */
static struct ul_error *search_values(struct search *search)
{
	struct searcher searcher = {.search = search};
	struct ul_error *error = NULL;
	ul_vec_foreach (root, &search->scan->heap->roots)
		if (!error && root->kind == UL_ROOT_CODE)
			error = consider(&searcher, root->owner, root->kaddr, UL_FROM_ROOT);
	ul_vec_foreach (cpu, &search->scan->image->cpus)
		for (uint32_t i = 0;
		     !error && i < cpu->registers_len && i < UL_ARRAY_LEN(cpu->registers); i++)
			if (cpu->registers[i])
				error = consider(&searcher, cpu->registers[i], cpu->cpu,
						 UL_FROM_REGISTER);
	ul_vec_foreach (item, &searcher.found.items)
		if (!error && !ul_vec_push(&search->references->items, *item))
			error = &ul_enomem;
	ul_references_deinit(&searcher.found);
	return error;
}

static struct ul_error *run(struct search *search, const uint64_t *targets, size_t len)
{
	struct ul_reach_walk walk = {
		.scan = search->scan,
		.white = search->white,
		.flags = search->sources,
		.start = start,
		.finish = finish,
		.context = search,
	};
	UL_TRY(make_targets(search, targets, len));
	if (!len)
		return NULL;
	UL_TRY(search_values(search));
	UL_TRY(ul_reach_walk(&walk));
	search->references->scan_bytes = walk.scanned;
	trim(search->references, search->limit);
	return NULL;
}

static struct ul_error *search_for(struct ul_image *image, const struct ul_heap *heap,
				   const uint64_t *targets, size_t targets_len,
				   unsigned int threads, struct search *search)
{
	struct ul_reach_scan scan;
	search->scan = &scan;
	struct ul_error *error = ul_reach_scan_init(&scan, image, heap, threads);
	if (!error)
		error = run(search, targets, targets_len);
	free(search->targets);
	free(search->frames);
	ul_reach_scan_deinit(&scan);
	return error;
}

struct ul_error *ul_reach_references(struct ul_image *image, const struct ul_heap *heap,
				     const uint64_t *targets, size_t targets_len, size_t limit,
				     unsigned int threads, struct ul_references *ret)
{
	struct ul_references references = {0};
	struct search search = {.limit = limit,
				.references = &references,
				.sources = UL_REACH_WALK_LIVE | UL_REACH_WALK_STALE};
	*ret = references;
	struct ul_error *error = search_for(image, heap, targets, targets_len, threads, &search);
	if (!error && image->live)
		error = ul_losses_add(&references.losses, UL_BIAS_UNDER, 0,
				      "free pages: of a running machine they are not searched");
	if (error) {
		ul_references_deinit(&references);
		return error;
	}
	*ret = references;
	return NULL;
}

/** Both are by address: items of @p orphans, and what was found for them. */
static void set_referred(const struct ul_references *references, const struct ul_orphans *orphans,
			 bool *referred)
{
	size_t at = 0;
	for (size_t i = 0; i < orphans->items.len; i++) {
		const uint64_t kaddr = orphans->items.data[i].kaddr;
		while (at < references->items.len && references->items.data[at].target < kaddr)
			at++;
		if (at < references->items.len && references->items.data[at].target == kaddr)
			referred[i] = true;
	}
}

struct ul_error *ul_reach_outside_references(struct ul_image *image, const struct ul_heap *heap,
					     const struct ul_orphans *orphans,
					     struct ul_memory *before, unsigned int threads,
					     bool *referred)
{
	const size_t len = orphans->items.len;
	struct ul_references references UL_CLEANUP(ul_references_deinit) = {0};
	UL_CLEANUP_FREE uint64_t *white = calloc(heap->objects / 64 + 1, sizeof(*white));
	UL_CLEANUP_FREE uint64_t *targets = calloc(len + 1, sizeof(*targets));
	struct search search = {.limit = 1, // one is enough
				.references = &references,
				.white = white,
				.before = before,
				.sources = UL_REACH_WALK_LIVE | (before ? UL_REACH_WALK_STALE : 0)};
	if (!white || !targets)
		return &ul_enomem;
	for (size_t i = 0; i < len; i++) {
		const uint64_t object = orphans->items.data[i].object;
		targets[i] = orphans->items.data[i].kaddr;
		white[object / 64] |= UINT64_C(1) << object % 64;
	}
	UL_TRY(search_for(image, heap, targets, len, threads, &search));
	set_referred(&references, orphans, referred);
	return NULL;
}
