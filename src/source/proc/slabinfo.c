// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parser of /proc/slabinfo, Linux mm/slab_common.c print_slabinfo_header() and cache_show().
 *
 *   2.x  name active objects objsize objs/slab pages/slab : tunables ... : slabdata act slabs ...
 *   1.1  name active objects objsize active_slabs slabs pages/slab : limit batch
 *
 * Version 2.0 swapped two of the tunables and debug builds append sections ("globalstat"), which is
 * why sections are found by their names. A name could hold blanks (the kernel refuses them today,
 * mm/slab_common.c kmem_cache_sanity_check()), so a name is what is left of the numbers, and the
 * numbers are taken from the end.
 *
 * Errs: pages/slab is what the cache asks for. SLUB falls back to smaller slabs when memory is
 * fragmented (mm/slub.c allocate_slab()) and then a cache owns less than computed here. Active
 * objects count everything on per-CPU slabs as active.
 */
#include "source/proc/slabinfo.h"

#include <string.h>

#include "source/proc/limits.h"

enum layout { LAYOUT_1, LAYOUT_2 };

/** Cut the last word off @p text as a number. */
static bool last_u64(struct ul_span *text, uint64_t *ret)
{
	const struct ul_span trimmed = ul_span_trim(*text);
	size_t start = trimmed.len;
	while (start && trimmed.data[start - 1] != ' ' && trimmed.data[start - 1] != '\t')
		start--;
	if (!ul_span_u64((struct ul_span){trimmed.data + start, trimmed.len - start}, ret))
		return false;
	*text = (struct ul_span){trimmed.data, start};
	return true;
}

/** The last @p count words of @p text as numbers, in order of the text. */
static bool last_numbers(struct ul_span *text, uint64_t *numbers, size_t count)
{
	for (size_t i = count; i-- > 0;)
		if (!last_u64(text, &numbers[i]))
			return false;
	return true;
}

static bool parse_slabdata(struct ul_span sections, uint64_t *ret_slabs)
{
	static const char marker[] = ": slabdata";
	size_t at;
	if (!ul_span_find(sections, marker, &at))
		return false;
	struct ul_span rest = {sections.data + at, sections.len - at};
	rest.data += sizeof(marker) - 1;
	rest.len -= sizeof(marker) - 1;
	uint64_t active;
	return ul_span_word_u64(&rest, &active) && ul_span_word_u64(&rest, ret_slabs);
}

static bool set_pages(struct ul_slabinfo_cache *cache, uint64_t pages_per_slab)
{
	if (pages_per_slab > UL_PROC_LIMIT_PAGES || cache->slabs > UL_PROC_LIMIT_PAGES ||
	    pages_per_slab > UINT32_MAX ||
	    __builtin_mul_overflow(cache->slabs, pages_per_slab, &cache->pages))
		return false;
	cache->pages_per_slab = (uint32_t)pages_per_slab;
	return cache->pages <= UL_PROC_LIMIT_PAGES && cache->objects <= INT64_MAX &&
	       cache->active_objects <= INT64_MAX;
}

static bool parse_2(struct ul_span line, struct ul_slabinfo_cache *ret)
{
	enum { ACTIVE, OBJECTS, SIZE, PER_SLAB, PAGES, NUMBERS };
	uint64_t numbers[NUMBERS];
	size_t at;
	if (!ul_span_find(line, " : tunables", &at) && !ul_span_find(line, " : slabdata", &at))
		return false;
	struct ul_span left = {line.data, at};
	const struct ul_span sections = {line.data + at, line.len - at};
	if (!last_numbers(&left, numbers, NUMBERS) || !parse_slabdata(sections, &ret->slabs))
		return false;
	if (numbers[SIZE] > UINT32_MAX || numbers[PER_SLAB] > UINT32_MAX)
		return false;
	ret->name = ul_span_trim(left);
	ret->active_objects = numbers[ACTIVE];
	ret->objects = numbers[OBJECTS];
	ret->object_size = (uint32_t)numbers[SIZE];
	ret->objects_per_slab = (uint32_t)numbers[PER_SLAB];
	return ret->name.len && set_pages(ret, numbers[PAGES]);
}

static bool parse_1(struct ul_span line, struct ul_slabinfo_cache *ret)
{
	enum { ACTIVE, OBJECTS, SIZE, ACTIVE_SLABS, SLABS, PAGES, NUMBERS };
	uint64_t numbers[NUMBERS];
	size_t at = line.len;
	(void)ul_span_find(line, " : ", &at);
	struct ul_span left = {line.data, at};
	if (!last_numbers(&left, numbers, NUMBERS) || numbers[SIZE] > UINT32_MAX)
		return false;
	ret->name = ul_span_trim(left);
	ret->active_objects = numbers[ACTIVE];
	ret->objects = numbers[OBJECTS];
	ret->object_size = (uint32_t)numbers[SIZE];
	ret->slabs = numbers[SLABS];
	return ret->name.len && set_pages(ret, numbers[PAGES]);
}

static struct ul_error *parse_line(struct ul_span line, enum layout layout,
				   struct ul_slabinfo *slabinfo)
{
	struct ul_slabinfo_cache cache = {0};
	if (!(layout == LAYOUT_1 ? parse_1(line, &cache) : parse_2(line, &cache))) {
		slabinfo->bad_lines++;
		return NULL;
	}
	slabinfo->pages += cache.pages;
	if (slabinfo->pages > UL_PROC_LIMIT_PAGES)
		return ul_error_new(UL_ERR_LIMIT, "slabinfo: more than %llu pages",
				    (unsigned long long)UL_PROC_LIMIT_PAGES);
	if (slabinfo->caches.len >= UL_PROC_LIMIT_CACHES)
		return ul_error_new(UL_ERR_LIMIT, "slabinfo: more than %d caches",
				    UL_PROC_LIMIT_CACHES);
	return ul_vec_push(&slabinfo->caches, cache) ? NULL : &ul_enomem;
}

struct ul_error *ul_slabinfo_parse(struct ul_span text, struct ul_slabinfo *ret)
{
	struct ul_span header;
	size_t at;
	ret->caches.len = 0;
	ret->pages = 0;
	ret->bad_lines = 0;
	if (!ul_span_line(&text, &header) || !ul_span_find(header, "version: ", &at))
		return ul_error_new(UL_ERR_BAD_DATA, "slabinfo: no version in the first line");
	const struct ul_span version = {header.data + at + strlen("version: "),
					header.len - at - strlen("version: ")};
	const enum layout layout = ul_span_starts(version, "1.") ? LAYOUT_1 : LAYOUT_2;
	ul_span_foreach_line (line, text) {
		if (!line.len || line.data[0] == '#')
			continue;
		UL_TRY(parse_line(line, layout, ret));
	}
	return NULL;
}

void ul_slabinfo_deinit(struct ul_slabinfo *slabinfo)
{
	ul_vec_deinit(&slabinfo->caches);
}
