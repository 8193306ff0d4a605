// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Orphans of a machine that runs.
 *
 * While its memory is read, a pointer may move from a place that is read later to one that was read
 * before: then it is seen nowhere, and what it keeps looks lost. There are thousands of those in
 * one look at a busy machine. None of them stays at rest: so only what is an orphan twice, a minute
 * apart, at the same place, in the same cache and with the same contents, is kept. Words that point
 * into the heap are left out of the contents: neighbours in a list change.
 *
 * Some do, though: what lives as long as the machine and is referred to by something that is made
 * anew all the time (the top node of a tree that grows and shrinks) is an orphan in every look at
 * which that something was not yet known as an object. So the third look walks the heap anew, asks
 * a third time whether the object is the same, and then searches memory for references to those
 * few alone, roots first and once more last. What is free counts there when it was written since
 * the second look: who writes an address knows it. Whoever is referred to by something that is no
 * orphan is dropped, and what hangs from it. The third look is repeated while it drops anything:
 * what is freed and made anew all the time at the same place, with the same contents and for the
 * same owner, has a chance each time to be allocated when the heap is walked and unknown to anyone
 * when memory is searched.
 *
 * Errs towards missing: a lost object that something writes to for ever (a timer that runs) is not
 * told on a live machine. In a dump it is.
 */
#include "analysis/orphan_recheck.h"

#include "analysis/reach_internal.h"
#include "base/hash.h"

enum {
	HASHED_BYTES = 65536, /**< of one object */
	PERCPU_BYTES = 1024,  /**< of each processor's copy of a per-CPU area ... */
	PERCPU_COPIES = 64,   /**< ... on so many processors */
};

struct hashing {
	const struct ul_reach_scan *scan;
	uint64_t hash;
};

static struct ul_error *hash_words(void *context, uint64_t kaddr, const uint8_t *bytes,
				   uint64_t len)
{
	struct hashing *hashing = context;
	struct ul_reach_hit hit;
	(void)kaddr;
	for (uint64_t at = 0; at < len; at += 8) {
		const uint64_t word = ul_reach_load(bytes + at);
		const bool pointer = word && ul_reach_resolve(hashing->scan, word, &hit);
		hashing->hash = ul_hash_u64(hashing->hash, pointer ? 0 : word);
	}
	return NULL;
}

/** Contents of a per-CPU area: counters of another owner hardly ever say the same. */
static struct ul_error *hash_copies(const struct ul_reach_scan *scan, const struct ul_heap_hit *hit,
				    uint64_t *hash)
{
	const __auto_type offsets = &scan->heap->cpu_offsets;
	const size_t len = hit->bytes < PERCPU_BYTES ? hit->bytes : PERCPU_BYTES;
	for (size_t cpu = 0; cpu < offsets->len && cpu < PERCPU_COPIES; cpu++) {
		uint8_t bytes[PERCPU_BYTES];
		size_t got = 0;
		UL_TRY(ul_memory_read(scan->image->memory, hit->kaddr + offsets->data[cpu], bytes,
				      len, &got));
		*hash = ul_hash_bytes(*hash, bytes, got);
	}
	return NULL;
}

static struct ul_error *make_witness(const struct ul_reach_scan *scan,
				     struct ul_reach_window *window, uint64_t object,
				     struct ul_witness *ret)
{
	const struct ul_heap *heap = scan->heap;
	struct hashing hashing = {.scan = scan};
	struct ul_heap_hit hit;
	*ret = (struct ul_witness){0};
	if (!ul_heap_object(heap, object, &hit))
		return NULL;
	const uint64_t payload = ul_heap_block_payload(heap, hit.block);
	ret->kaddr = hit.kaddr;
	ret->bytes = hit.block->slots > 1 ? hit.block->slot_bytes : hit.block->bytes;
	ret->cache = hit.block->kind == UL_BLOCK_SLAB && hit.block->cache < heap->caches.len
			     ? heap->caches.data[hit.block->cache].kaddr
			     : hit.block->kind;
	if (hit.block->kind == UL_BLOCK_PERCPU)
		return hash_copies(scan, &hit, &ret->hash);
	UL_TRY(ul_reach_scan_range(scan, window, hit.kaddr,
				   payload < HASHED_BYTES ? payload : HASHED_BYTES, hash_words,
				   &hashing));
	ret->hash = hashing.hash;
	return NULL;
}

/** A scan and a window, for the short. */
struct reader {
	struct ul_reach_scan scan;
	struct ul_reach_window window;
};

static struct ul_error *reader_init(struct reader *reader, struct ul_image *image,
				    const struct ul_heap *heap)
{
	*reader = (struct reader){0};
	UL_TRY(ul_reach_scan_init(&reader->scan, image, heap, 1));
	return ul_reach_window_init(&reader->window, image->memory);
}

static void reader_deinit(struct reader *reader)
{
	ul_reach_window_deinit(&reader->window);
	ul_reach_scan_deinit(&reader->scan);
}

void ul_witnesses_deinit(struct ul_witnesses *witnesses)
{
	ul_vec_deinit(&witnesses->items);
}

struct ul_error *ul_orphans_witness(struct ul_image *image, const struct ul_heap *heap,
				    const struct ul_orphans *orphans, struct ul_witnesses *ret)
{
	struct reader reader;
	*ret = (struct ul_witnesses){0};
	struct ul_error *error = reader_init(&reader, image, heap);
	for (size_t i = 0; !error && i < orphans->items.len; i++) {
		struct ul_witness *witness = ul_vec_add(&ret->items);
		error = witness ? make_witness(&reader.scan, &reader.window,
					       orphans->items.data[i].object, witness)
				: &ul_enomem;
	}
	reader_deinit(&reader);
	return error;
}

static const struct ul_witness *find_witness(const struct ul_witnesses *witnesses, uint64_t kaddr)
{
	size_t low = 0;
	size_t high = witnesses->items.len;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (witnesses->items.data[middle].kaddr < kaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < witnesses->items.len && witnesses->items.data[low].kaddr == kaddr
		       ? &witnesses->items.data[low]
		       : NULL;
}

/** Leaves those with keep[i], and the counts right. */
static void keep_only(struct ul_orphans *orphans, const bool *keep, uint64_t *ret_dropped)
{
	size_t kept = 0;
	for (size_t i = 0; i < orphans->items.len; i++)
		if (keep[i])
			orphans->items.data[kept++] = orphans->items.data[i];
	const uint64_t dropped = orphans->items.len - kept;
	orphans->items.len = kept;
	orphans->objects_orphans -= dropped;
	orphans->objects_reachable += dropped;
	*ret_dropped = dropped;
}

struct ul_error *ul_orphans_keep_witnessed(struct ul_image *image, const struct ul_heap *heap,
					   const struct ul_witnesses *witnesses,
					   struct ul_orphans *orphans, uint64_t *ret_dropped)
{
	struct reader reader;
	UL_CLEANUP_FREE bool *keep = calloc(orphans->items.len + 1, sizeof(*keep));
	if (!keep)
		return &ul_enomem;
	struct ul_error *error = reader_init(&reader, image, heap);
	for (size_t i = 0; !error && i < orphans->items.len; i++) {
		const struct ul_orphan *orphan = &orphans->items.data[i];
		const struct ul_witness *before = find_witness(witnesses, orphan->kaddr);
		struct ul_witness now;
		if (!before)
			continue;
		error = make_witness(&reader.scan, &reader.window, orphan->object, &now);
		keep[i] = !error && now.bytes == before->bytes && now.cache == before->cache &&
			  now.hash == before->hash;
	}
	reader_deinit(&reader);
	if (!error)
		keep_only(orphans, keep, ret_dropped);
	return error;
}

/** Whatever hangs from an orphan that is @p referred to is so, too. */
static struct ul_error *spread_referred(struct ul_image *image, const struct ul_heap *heap,
					const struct ul_orphans *orphans, bool *referred)
{
	struct ul_orphan_edges edges;
	struct ul_error *error = ul_orphan_edges_find(image, heap, orphans, &edges);
	if (!error)
		error = ul_orphan_edges_spread(&edges, orphans->items.len, referred);
	ul_orphan_edges_deinit(&edges);
	return error;
}

struct ul_error *ul_orphans_renumber(const struct ul_heap *heap, struct ul_orphans *orphans,
				     uint64_t *ret_dropped)
{
	UL_CLEANUP_FREE bool *keep = calloc(orphans->items.len + 1, sizeof(*keep));
	if (!keep)
		return &ul_enomem;
	for (size_t i = 0; i < orphans->items.len; i++) {
		struct ul_orphan *orphan = &orphans->items.data[i];
		struct ul_heap_hit hit;
		keep[i] = ul_heap_find(heap, orphan->kaddr, &hit) && !hit.offset && hit.allocated &&
			  !(hit.block->flags & UL_BLOCK_UNKNOWN);
		if (keep[i])
			orphan->object = hit.object;
	}
	keep_only(orphans, keep, ret_dropped);
	return NULL;
}

struct ul_error *ul_orphans_drop_referred(struct ul_image *image, const struct ul_heap *heap,
					  struct ul_memory *before, struct ul_orphans *orphans,
					  uint64_t *ret_dropped)
{
	const size_t count = orphans->items.len;
	UL_CLEANUP_FREE bool *referred = calloc(count + 1, sizeof(*referred));
	UL_CLEANUP_FREE bool *keep = calloc(count + 1, sizeof(*keep));
	if (!referred || !keep)
		return &ul_enomem;
	UL_TRY(ul_reach_outside_references(image, heap, orphans, before, 0, referred));
	UL_TRY(spread_referred(image, heap, orphans, referred));
	for (size_t i = 0; i < count; i++)
		keep[i] = !referred[i];
	keep_only(orphans, keep, ret_dropped);
	return NULL;
}

struct ul_error *ul_orphans_restructure(struct ul_image *image, const struct ul_heap *heap,
					struct ul_orphans *orphans)
{
	struct ul_reach_scan scan;
	struct ul_error *error = ul_reach_scan_init(&scan, image, heap, 1);
	if (!error)
		error = ul_reach_structure(&scan, orphans);
	ul_reach_scan_deinit(&scan);
	return error;
}
