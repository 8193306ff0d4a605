// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where memory is: zones from /proc/zoneinfo, cut down to what /proc/iomem calls System RAM.
 *
 * A zone spans holes (on a PC, the gigabyte below 4 GiB), and since v6.16 kpageflags shows no flag
 * for a page that does not exist, just as for a page that a driver took. Only the resource tree
 * tells them apart: Linux kernel/resource.c; "System RAM" may stand below another resource and with
 * a suffix ("System RAM (kmem)", "System RAM (virtio_mem)"). It shows zeros to readers without
 * CAP_SYS_ADMIN; kpageflags is closed to them as well.
 *
 * Zones of different nodes may interleave, and spans then overlap (Linux mm/mm_init.c); each page
 * is given to one of them, the one that starts later, and the caller says how many pages that was
 * about: sums over all zones stay right, those of the zones concerned do not.
 */
#include <stdlib.h>

#include "source/proc/limits.h"
#include "source/proc/page_flags.h"

static struct ul_error *bad_line(const char *file, struct ul_span line)
{
	return ul_error_new(UL_ERR_BAD_DATA, "%s: no usable number in \"%.*s\"", file,
			    UL_SPAN_ARG(ul_span_trim(line)));
}

/** "Node 0, zone      DMA": begins a zone. */
static struct ul_error *zone_head(struct ul_span line, struct ul_page_zones *zones)
{
	struct ul_span rest = line;
	struct ul_span word;
	struct ul_span node;
	uint64_t number;
	if (zones->items.len >= UL_PAGE_LIMIT_ZONES)
		return ul_error_new(UL_ERR_LIMIT, "zoneinfo: more than %d zones",
				    UL_PAGE_LIMIT_ZONES);
	if (!ul_span_word(&rest, &word) || !ul_span_cut(&rest, ',', &node) ||
	    !ul_span_u64(ul_span_trim(node), &number) || number > INT32_MAX ||
	    !ul_span_word(&rest, &word) || !ul_span_word(&rest, &word))
		return bad_line("zoneinfo", line);
	struct ul_page_zone *zone = ul_vec_add(&zones->items);
	if (!zone)
		return &ul_enomem;
	zone->node = (int)number;
	ul_span_copy(word, zone->name, sizeof(zone->name));
	return NULL;
}

static struct ul_error *zone_line(struct ul_span line, struct ul_page_zones *zones)
{
	struct ul_span rest = line;
	struct ul_span word;
	if (!ul_span_word(&rest, &word))
		return NULL;
	if (ul_span_equal(word, "Node"))
		return zone_head(line, zones);
	if (!zones->items.len)
		return NULL;
	struct ul_page_zone *zone = &zones->items.data[zones->items.len - 1];
	uint64_t *to = ul_span_equal(word, "spanned")	   ? &zone->spanned
		       : ul_span_equal(word, "present")	   ? &zone->present
		       : ul_span_equal(word, "managed")	   ? &zone->managed
		       : ul_span_equal(word, "start_pfn:") ? &zone->start_pfn
							   : NULL;
	if (to && (!ul_span_word_u64(&rest, to) || *to > UL_PROC_LIMIT_PAGES))
		return bad_line("zoneinfo", line);
	return NULL;
}

static int by_start(const void *a, const void *b)
{
	const struct ul_page_zone *za = a;
	const struct ul_page_zone *zb = b;
	if (za->start_pfn != zb->start_pfn)
		return za->start_pfn < zb->start_pfn ? -1 : 1;
	return za->node - zb->node;
}

struct ul_error *ul_page_zones_parse(struct ul_span text, struct ul_page_zones *ret)
{
	struct ul_page_zones zones = {0};
	struct ul_error *err = NULL;
	size_t kept = 0;
	for (struct ul_span line; !err && ul_span_line(&text, &line);)
		err = zone_line(line, &zones);
	if (err) {
		ul_vec_deinit(&zones.items);
		return err;
	}
	ul_vec_foreach (zone, &zones.items)
		if (zone->spanned)
			zones.items.data[kept++] = *zone;
	zones.items.len = kept;
	if (kept)
		qsort(zones.items.data, kept, sizeof(*zones.items.data), by_start);
	*ret = zones;
	return NULL;
}

static int by_first(const void *a, const void *b)
{
	const struct ul_page_range *ra = a;
	const struct ul_page_range *rb = b;
	return ra->first < rb->first ? -1 : ra->first > rb->first;
}

static void merge_ranges(struct ul_page_ranges *ranges)
{
	size_t kept = 0;
	if (!ranges->items.len)
		return;
	qsort(ranges->items.data, ranges->items.len, sizeof(*ranges->items.data), by_first);
	ul_vec_foreach (range, &ranges->items) {
		struct ul_page_range *last = kept ? &ranges->items.data[kept - 1] : NULL;
		if (!last || range->first > last->end)
			ranges->items.data[kept++] = *range;
		else if (range->end > last->end)
			last->end = range->end;
	}
	ranges->items.len = kept;
}

/** Add [first, end) if it holds anything. */
static struct ul_error *add_range(struct ul_page_ranges *ranges, uint64_t first, uint64_t end,
				  size_t zone)
{
	if (first >= end)
		return NULL;
	if (ranges->items.len >= UL_PAGE_LIMIT_RANGES)
		return ul_error_new(UL_ERR_LIMIT, "more than %d ranges of memory",
				    UL_PAGE_LIMIT_RANGES);
	return ul_vec_push(&ranges->items, ((struct ul_page_range){first, end, zone})) ? NULL
										       : &ul_enomem;
}

/** "  00100000-bfffffff : System RAM". A line that cannot be read is of something else. */
static struct ul_error *ram_line(struct ul_span line, uint32_t page_bytes,
				 struct ul_page_ranges *ranges)
{
	struct ul_span rest = ul_span_trim(line);
	struct ul_span low;
	struct ul_span high;
	uint64_t first;
	uint64_t last;
	if (!ul_span_cut(&rest, '-', &low) || !ul_span_cut(&rest, ':', &high) ||
	    !ul_span_starts(ul_span_trim(rest), "System RAM") ||
	    !ul_span_hex(ul_span_trim(low), &first) || !ul_span_hex(ul_span_trim(high), &last) ||
	    last <= first)
		return NULL;
	// A page that is half something else is no page of memory.
	const uint64_t end = last == UINT64_MAX ? last / page_bytes : (last + 1) / page_bytes;
	return add_range(ranges, first / page_bytes + (first % page_bytes != 0), end, 0);
}

struct ul_error *ul_page_ram_parse(struct ul_span text, uint32_t page_bytes,
				   struct ul_page_ranges *ret)
{
	struct ul_page_ranges ranges = {0};
	struct ul_error *err = NULL;
	for (struct ul_span line; !err && ul_span_line(&text, &line);)
		err = ram_line(line, page_bytes, &ranges);
	if (err) {
		ul_vec_deinit(&ranges.items);
		return err;
	}
	merge_ranges(&ranges);
	*ret = ranges;
	return NULL;
}

static uint64_t zone_end(const struct ul_page_zone *zone)
{
	return zone->start_pfn + zone->spanned;
}

/** Where the next zone begins or ends after @p pfn; UINT64_MAX: nowhere. */
static uint64_t next_border(const struct ul_page_zones *zones, uint64_t pfn)
{
	uint64_t next = UINT64_MAX;
	ul_vec_foreach (zone, &zones->items) {
		if (zone->start_pfn > pfn && zone->start_pfn < next)
			next = zone->start_pfn;
		if (zone_end(zone) > pfn && zone_end(zone) < next)
			next = zone_end(zone);
	}
	return next;
}

/** The part of [first, end) that is memory goes to @p pieces. */
static struct ul_error *add_pieces(const struct ul_page_ranges *ram, uint64_t first, uint64_t end,
				   size_t zone, struct ul_page_ranges *pieces)
{
	if (!ram)
		return add_range(pieces, first, end, zone);
	ul_vec_foreach (range, &ram->items)
		UL_TRY(add_range(pieces, range->first > first ? range->first : first,
				 range->end < end ? range->end : end, zone));
	return NULL;
}

struct ul_error *ul_page_pieces(const struct ul_page_zones *zones, const struct ul_page_ranges *ram,
				struct ul_page_ranges *ret, uint64_t *ret_overlap)
{
	struct ul_page_ranges pieces = {0};
	struct ul_error *err = NULL;
	uint64_t overlap = 0;
	uint64_t at = zones->items.len ? zones->items.data[0].start_pfn : UINT64_MAX;
	for (uint64_t next; !err && (next = next_border(zones, at)) != UINT64_MAX; at = next) {
		size_t covering = 0;
		size_t last = 0;
		for (size_t i = 0; i < zones->items.len; i++)
			if (zones->items.data[i].start_pfn <= at &&
			    zone_end(&zones->items.data[i]) > at) {
				covering++;
				last = i;
			}
		if (covering > 1)
			overlap += next - at;
		if (covering)
			err = add_pieces(ram, at, next, last, &pieces);
	}
	if (err) {
		ul_vec_deinit(&pieces.items);
		return err;
	}
	*ret = pieces;
	*ret_overlap = overlap;
	return NULL;
}

struct ul_error *ul_page_ranges_cut(struct ul_page_ranges *ranges, uint64_t first, uint64_t end)
{
	size_t at = 0;
	while (at < ranges->items.len) {
		struct ul_page_range *range = &ranges->items.data[at];
		const struct ul_page_range was = *range;
		if (was.end <= first || was.first >= end) {
			at++;
			continue;
		}
		range->end = was.first < first ? first : was.first;
		if (was.end > end) {
			// The part behind goes to the end of the list for now.
			UL_TRY(add_range(ranges, end, was.end, was.zone));
			range = &ranges->items.data[at];
		}
		if (range->end > range->first)
			at++;
		else
			*range = ranges->items.data[--ranges->items.len];
	}
	if (ranges->items.len)
		qsort(ranges->items.data, ranges->items.len, sizeof(*ranges->items.data), by_first);
	return NULL;
}
