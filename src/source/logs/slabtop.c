// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One screen of slabtop -o (procps src/slabtop.c): totals, a line of titles, a line per cache.
 *
 *   OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME
 *  12345  12000  97%    0.19K    588       21      2352K dentry
 *
 * CACHE SIZE is slabs times pages times the page's size in KiB: exact. OBJ SIZE has two decimals of
 * a KiB, so object sizes are right to 5 bytes only. Older slabtops show as many caches as the
 * terminal had lines; the totals say how many there are, and the rest is a loss.
 */
#include <string.h>

#include "source/logs/logs_internal.h"

enum { PAGE_BYTES = 4096, MAX_CACHES = 8192, MAX_KIB = 1 << 30, NAME_BYTES = 256 };

/** "0.19K" or "2352K" as bytes; other units are not in use. */
static bool kib(struct ul_span word, uint64_t *ret)
{
	uint64_t whole = 0;
	uint64_t hundredths = 0;
	struct ul_span before;
	if (!word.len || word.data[word.len - 1] != 'K')
		return false;
	word.len--;
	if (ul_span_cut(&word, '.', &before) || ul_span_cut(&word, ',', &before)) {
		if (word.len != 2 || !ul_span_u64(word, &hundredths))
			return false;
		word = before;
	}
	if (!ul_span_u64(word, &whole) || whole > MAX_KIB)
		return false;
	*ret = whole * 1024 + (hundredths * 1024 + 50) / 100;
	return true;
}

struct row {
	uint64_t objects, active, object_bytes, slabs, per_slab, bytes;
	struct ul_span name;
};

static bool parse_row(struct ul_span line, struct row *ret)
{
	struct ul_span word;
	if (!ul_span_word_u64(&line, &ret->objects) || !ul_span_word_u64(&line, &ret->active) ||
	    !ul_span_word(&line, &word) || word.data[word.len - 1] != '%' ||
	    !ul_span_word(&line, &word) || !kib(word, &ret->object_bytes) ||
	    !ul_span_word_u64(&line, &ret->slabs) || !ul_span_word_u64(&line, &ret->per_slab) ||
	    !ul_span_word(&line, &word) || !kib(word, &ret->bytes))
		return false;
	ret->name = ul_span_trim(line);
	return ret->name.len && ret->name.len < NAME_BYTES && ret->object_bytes <= UINT32_MAX &&
	       ret->per_slab <= UINT32_MAX && ret->active <= INT64_MAX / 2 &&
	       ret->objects <= INT64_MAX / 2;
}

static struct ul_error *add_row(struct ul_ledger *ledger, const struct row *row)
{
	struct ul_cache *cache = ul_vec_add(&ledger->caches);
	if (!cache)
		return &ul_enomem;
	cache->name = ul_span_dup(row->name);
	if (!cache->name)
		return &ul_enomem;
	cache->bytes = row->bytes;
	cache->objects = row->active;
	cache->objects_total = row->objects;
	cache->object_size = (uint32_t)row->object_bytes;
	cache->objects_per_slab = (uint32_t)row->per_slab;
	const uint64_t pages = row->slabs ? row->bytes / PAGE_BYTES / row->slabs : 0;
	cache->pages_per_slab = pages <= UINT32_MAX ? (uint32_t)pages : 0;
	return ul_ledger_add(ledger, UL_KIND_SLAB, cache->name, (int64_t)row->bytes,
			     (int64_t)row->active, false);
}

/** "Active / Total Caches (% used)     : 122 / 235 (51.9%)": the second number. */
static void parse_total(struct ul_span line, uint64_t *ret)
{
	struct ul_span before;
	struct ul_span word;
	uint64_t active;
	if (ul_span_cut(&line, ':', &before) && ul_span_word_u64(&line, &active) &&
	    ul_span_word(&line, &word))
		(void)ul_span_word_u64(&line, ret);
}

struct ul_error *ul_slabtop_parse(struct ul_span text, struct ul_ledger *ledger)
{
	uint64_t total = 0;
	uint64_t bad = 0;
	bool titled = false;
	size_t at;
	ul_span_foreach_line (line, text) {
		struct row row;
		if (ul_span_find(line, "Total Caches", &at)) {
			parse_total(line, &total);
		} else if (ul_span_find(line, "OBJ/SLAB", &at)) {
			titled = true;
		} else if (titled && line.len) {
			if (ledger->caches.len >= MAX_CACHES)
				return ul_error_new(UL_ERR_LIMIT, "slabtop: more than %d caches",
						    MAX_CACHES);
			if (parse_row(line, &row))
				UL_TRY(add_row(ledger, &row));
			else
				bad++;
		}
	}
	if (!titled)
		return ul_error_new(UL_ERR_BAD_DATA, "slabtop: no line of titles");
	if (bad)
		UL_TRY(ul_losses_add(&ledger->losses, UL_BIAS_UNDER, bad,
				     "lines of slabtop not understood"));
	if (total > ledger->caches.len + bad)
		UL_TRY(ul_losses_add(
			&ledger->losses, UL_BIAS_UNDER, total - ledger->caches.len - bad,
			"slab caches that slabtop did not list (smaller, or further down)"));
	return NULL;
}
