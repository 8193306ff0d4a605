// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Objects that were lost together point to each other: a lost socket to its packets, a seq_file to
 * its buffer. The survivors that a trace kept of each site are a few hundred addresses; every
 * aligned word in them is looked up in the heap, and where it falls into another of them, counted.
 *
 * Errs: both sides are samples, the oldest survivors of each site; where one object has many of the
 * other sort, the samples meet in a part of one side only, so both shares are told. A stale pointer
 * to memory that was given away since counts like any other.
 */
#include "analysis/links.h"

#include <stdlib.h>

enum { READ_BYTES = 4096, WORD = 8 };

/** An object, by its number in the heap. */
struct known {
	uint64_t object;
	uint32_t site;
	bool pointed; /**< by the site at work */
};

struct work {
	const struct ul_image *image;
	const struct ul_heap *heap;
	struct ul_links *links;
	struct known *known; /**< by object */
	size_t known_len;
	bool *points;		      /**< by site: the object at work points there */
	uint64_t *pointing, *pointed; /**< by site, of the site at work */
};

static void work_deinit(struct work *work)
{
	free(work->known);
	free(work->points);
	free(work->pointing);
	free(work->pointed);
}

static int compare_known(const void *a, const void *b)
{
	const struct known *left = a;
	const struct known *right = b;
	return (left->object > right->object) - (left->object < right->object);
}

static struct ul_error *make_index(struct work *work)
{
	size_t len = 0;
	ul_vec_foreach (linked, &work->links->sites)
		len += linked->objects.len;
	const size_t sites = work->links->sites.len;
	work->known = calloc(len + 1, sizeof(*work->known));
	work->points = calloc(sites + 1, sizeof(*work->points));
	work->pointing = calloc(sites + 1, sizeof(*work->pointing));
	work->pointed = calloc(sites + 1, sizeof(*work->pointed));
	if (!work->known || !work->points || !work->pointing || !work->pointed)
		return &ul_enomem;
	for (size_t site = 0; site < sites; site++)
		ul_vec_foreach (kaddr, &work->links->sites.data[site].objects) {
			struct ul_heap_hit hit;
			if (ul_heap_find(work->heap, *kaddr, &hit) && hit.allocated)
				work->known[work->known_len++] = (struct known){
					.object = hit.object, .site = (uint32_t)site};
		}
	qsort(work->known, work->known_len, sizeof(*work->known), compare_known);
	return NULL;
}

/** A word of an object of @p site. */
static void see_word(struct work *work, size_t site, uint64_t value)
{
	struct ul_heap_hit hit;
	if (!ul_heap_find(work->heap, value, &hit))
		return;
	const struct known key = {.object = hit.object};
	struct known *known =
		bsearch(&key, work->known, work->known_len, sizeof(*work->known), compare_known);
	if (!known || known->site == site)
		return;
	work->points[known->site] = true;
	work->pointed[known->site] += !known->pointed;
	known->pointed = true;
}

static struct ul_error *read_object(struct work *work, size_t site, uint64_t kaddr)
{
	uint64_t words[READ_BYTES / WORD];
	struct ul_heap_hit hit;
	size_t got = 0;
	if (!ul_heap_find(work->heap, kaddr, &hit) || !hit.allocated ||
	    hit.block->kind == UL_BLOCK_PERCPU)
		return NULL;
	const size_t len = hit.bytes < sizeof(words) ? hit.bytes : sizeof(words);
	UL_TRY(ul_memory_read(work->image->memory, hit.kaddr, words, len, &got));
	for (size_t i = 0; i < got / WORD; i++)
		see_word(work, site, words[i]);
	for (size_t other = 0; other < work->links->sites.len; other++) {
		work->pointing[other] += work->points[other];
		work->points[other] = false;
	}
	return NULL;
}

static struct ul_error *read_site(struct work *work, size_t site)
{
	for (size_t i = 0; i < work->known_len; i++)
		work->known[i].pointed = false;
	ul_vec_foreach (kaddr, &work->links->sites.data[site].objects)
		UL_TRY(read_object(work, site, *kaddr));
	for (size_t to = 0; to < work->links->sites.len; to++) {
		const struct ul_link link = {.from = site,
					     .to = to,
					     .pointing = work->pointing[to],
					     .pointed = work->pointed[to]};
		work->pointing[to] = work->pointed[to] = 0;
		if (link.pointing && !ul_vec_push(&work->links->items, link))
			return &ul_enomem;
	}
	return NULL;
}

struct ul_error *ul_links_find(const struct ul_image *image, const struct ul_heap *heap,
			       struct ul_links *links)
{
	UL_CLEANUP(work_deinit)
	struct work work = {.image = image, .heap = heap, .links = links};
	UL_TRY(make_index(&work));
	for (size_t site = 0; site < links->sites.len; site++)
		UL_TRY(read_site(&work, site));
	return NULL;
}
