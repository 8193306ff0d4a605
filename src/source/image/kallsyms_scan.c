// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where are the kallsyms tables of a kernel that does not tell (before v6.0)? The linker laid them
 * one behind the other (Linux scripts/kallsyms.c write_src(), v4.19 to v5.19):
 *
 *	addresses | offsets, relative_base      n x 8 | n x 4, 8
 *	num_syms                                4 (8 before v5.0)
 *	names                                   compressed
 *	markers                                 4 (8) each: where every 256th name begins
 *	token_table                             256 strings
 *	token_index                             256 x 2: where each string begins
 *
 * All digits occur in names and so stand for themselves: tokens 48 to 57 read "0", "1" ... "9", 20
 * bytes that occur hardly anywhere else. Whatever follows them must be 198 more strings and an
 * index that agrees with all 256; the index says where the table begins. From there the way goes
 * backwards, every step checked against the ones before: markers ascend from 0; names end where
 * markers begin, and every 256th lies where its marker says; their number stands before them.
 */
#include <string.h>

#include "source/image/kallsyms_image.h"

enum {
	WINDOW_BYTES = 4 << 20,
	BEFORE_BYTES = 64 << 10, /**< of a window, that the next one shows again */
	SCAN_BYTES_MAX = 512 << 20,
	HOLE_BYTES_MAX = 32 << 20, /**< without memory: the image has ended */
	SKIP_BYTES = 2 << 20,
	HOLE_STEP = 4096,
	TABLES_BYTES_MAX = 32 << 20, /**< from addresses to tokens, many times over */
	MARKER_STEP = 256,	     /**< names from one marker to the next */
	NAME_TOKENS_MAX = 256,
	ALIGNMENT = 8,
};

static const char digits[20] = {'0', 0, '1', 0, '2', 0, '3', 0, '4', 0,
				'5', 0, '6', 0, '7', 0, '8', 0, '9', 0};

/* Tables of tokens in a stretch of bytes. */
struct token_tables {
	size_t table;
	size_t index;
};

/* Does the index at @p at agree with the strings of the table at @p table? */
static bool index_agrees(const uint8_t *bytes, size_t len, size_t table, size_t at)
{
	size_t next = 0;
	if (at > len || len - at < UL_KALLSYMS_TOKENS * sizeof(uint16_t))
		return false;
	for (size_t i = 0; i < UL_KALLSYMS_TOKENS; i++) {
		uint16_t offset;
		memcpy(&offset, bytes + at + i * sizeof(offset), sizeof(offset));
		if (offset != next || next >= at - table)
			return false;
		next += strnlen((const char *)bytes + table + next, at - table - next) + 1;
	}
	return true;
}

/* The tables whose token "0" begins at @p zero. */
static bool tables_around(const uint8_t *bytes, size_t len, size_t zero, struct token_tables *ret)
{
	size_t end = zero;
	for (size_t i = '0'; i < UL_KALLSYMS_TOKENS && end < len; i++)
		end += strnlen((const char *)bytes + end, len - end) + 1;
	for (size_t index = end; index < end + ALIGNMENT; index++) {
		uint16_t offset;
		const size_t at = index + '0' * sizeof(offset);
		if (at > len || len - at < sizeof(offset))
			return false;
		memcpy(&offset, bytes + at, sizeof(offset));
		if (offset > zero || !index_agrees(bytes, len, zero - offset, index))
			continue;
		*ret = (struct token_tables){.table = zero - offset, .index = index};
		return true;
	}
	return false;
}

static bool find_tokens(const uint8_t *bytes, size_t len, struct token_tables *ret)
{
	size_t from = 0;
	while (from < len) {
		const uint8_t *hit = memmem(bytes + from, len - from, digits, sizeof(digits));
		if (!hit)
			return false;
		const size_t zero = (size_t)(hit - bytes);
		if (tables_around(bytes, len, zero, ret))
			return true;
		from = zero + 1;
	}
	return false;
}

/* Bytes before the token table, and where what lies in them was found. */
struct before {
	uint8_t *bytes;
	size_t len;	  /* they end where the token table begins */
	size_t markers;	  /* offset of the first marker */
	size_t markers_n; /* how many */
	size_t width;	  /* bytes of each */
	size_t names;	  /* offset of the names */
	uint32_t symbols;
};

static uint64_t number_at(const struct before *before, size_t at, size_t width)
{
	uint64_t value = 0;
	memcpy(&value, before->bytes + at, width);
	return value;
}

static uint64_t marker_at(const struct before *before, size_t i)
{
	return number_at(before, before->markers + i * before->width, before->width);
}

/* Markers, backwards from the token table: descending down to 0. */
static bool find_markers(struct before *before, size_t width)
{
	size_t at = before->len / width * width;
	uint64_t above = UINT64_MAX;
	before->width = width;
	before->markers_n = 0;
	// An odd number of markers is followed by padding.
	if (at >= 2 * width && !number_at(before, at - width, width))
		at -= width;
	while (at >= width) {
		at -= width;
		const uint64_t value = number_at(before, at, width);
		if (value >= above || value > before->len)
			return false;
		before->markers = at;
		before->markers_n++;
		if (!value)
			return before->markers_n > 1;
		above = value;
	}
	return false;
}

/* Do names from @p at agree with all markers and end where these begin? */
static bool names_agree(const struct before *before, size_t at, uint32_t symbols)
{
	size_t pos = at;
	for (size_t i = 0; i < symbols; i++) {
		if (i % MARKER_STEP == 0 && pos - at != marker_at(before, i / MARKER_STEP))
			return false;
		if (pos >= before->markers)
			return false;
		pos += 1 + (size_t)before->bytes[pos];
	}
	return pos <= before->markers && before->markers - pos < ALIGNMENT;
}

/* Names begin behind their number, one aligned place before the last marker's offset or another. */
static bool find_names(struct before *before)
{
	const uint64_t last = marker_at(before, before->markers_n - 1);
	const size_t most = before->markers_n * MARKER_STEP;
	if (last > before->markers)
		return false;
	size_t at = (before->markers - (size_t)last) / ALIGNMENT * ALIGNMENT;
	for (size_t step = 0; at >= ALIGNMENT && step < MARKER_STEP * NAME_TOKENS_MAX / ALIGNMENT;
	     step++, at -= ALIGNMENT) {
		const uint64_t symbols = number_at(before, at - ALIGNMENT, sizeof(symbols));
		if (symbols > most || symbols <= most - MARKER_STEP ||
		    !names_agree(before, at, (uint32_t)symbols))
			continue;
		before->names = at;
		before->symbols = (uint32_t)symbols;
		return true;
	}
	return false;
}

/* Offsets or addresses end where num_syms begins; what they are, _stext tells later. */
static bool find_addresses(const struct before *before, uint64_t start,
			   struct ul_kallsyms_tables *ret)
{
	const size_t number = before->names - ALIGNMENT;
	const size_t offsets =
		((size_t)before->symbols * 4 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	const size_t addresses = (size_t)before->symbols * 8;
	uint64_t base = 0;
	if (number < ALIGNMENT)
		return false;
	memcpy(&base, before->bytes + number - ALIGNMENT, sizeof(base));
	*ret = (struct ul_kallsyms_tables){
		.names = start + before->names,
		.symbols = before->symbols,
	};
	// relative_base is the lowest address of the image; the last address lies behind it, and
	// the table before last is in order of addresses, so a first one is lower than the last.
	if (number >= addresses) {
		uint64_t first;
		memcpy(&first, before->bytes + number - addresses + addresses / 2, sizeof(first));
		const bool absolute = first >> 47 == 0x1ffff && base >> 47 == 0x1ffff &&
				      first <= base && base - first < SCAN_BYTES_MAX;
		if (absolute) {
			ret->addresses = start + number - addresses;
			return true;
		}
	}
	if (number < ALIGNMENT + offsets)
		return false;
	ret->offsets = start + number - ALIGNMENT - offsets;
	ret->relative_base = base;
	return true;
}

/* As ul_image_read(), holes (the kernel gives gaps between its sections back) as zeros. */
static void read_sparse(struct ul_memory *memory, uint64_t kaddr, uint8_t *buffer, size_t len)
{
	size_t at = 0;
	memset(buffer, 0, len);
	while (at < len) {
		at += ul_image_read(memory, kaddr + at, buffer + at, len - at);
		at += HOLE_STEP - (kaddr + at) % HOLE_STEP;
	}
}

/* From the token table at @p table backwards to everything else. */
static struct ul_error *find_rest(struct ul_memory *memory, uint64_t start, uint64_t table,
				  struct ul_kallsyms_tables *ret, bool *ret_found)
{
	struct before before = {.len = (size_t)(table - start)};
	static const size_t widths[] = {4, 8};
	// The tables lie behind all code.
	if (before.len > TABLES_BYTES_MAX) {
		start += before.len - TABLES_BYTES_MAX;
		before.len = TABLES_BYTES_MAX;
	}
	UL_CLEANUP_FREE uint8_t *bytes = malloc(before.len ? before.len : 1);
	if (!bytes)
		return &ul_enomem;
	before.bytes = bytes;
	read_sparse(memory, start, bytes, before.len);
	for (size_t i = 0; i < UL_ARRAY_LEN(widths) && !*ret_found; i++)
		*ret_found = find_markers(&before, widths[i]) && find_names(&before) &&
			     find_addresses(&before, start, ret);
	return NULL;
}

struct ul_error *ul_kallsyms_scan(struct ul_memory *memory, uint64_t start,
				  struct ul_kallsyms_tables *ret, bool *ret_found)
{
	uint64_t hole = 0;
	uint64_t at = start;
	UL_CLEANUP_FREE uint8_t *window = malloc(WINDOW_BYTES);
	if (!window)
		return &ul_enomem;
	*ret_found = false;
	while (at - start < SCAN_BYTES_MAX && hole < HOLE_BYTES_MAX) {
		struct token_tables tokens;
		const size_t got = ul_image_read(memory, at, window, WINDOW_BYTES);
		if (find_tokens(window, got, &tokens)) {
			struct ul_kallsyms_tables tables = {0};
			UL_TRY(find_rest(memory, start, at + tokens.table, &tables, ret_found));
			if (*ret_found) {
				tables.token_table = at + tokens.table;
				tables.token_index = at + tokens.index;
				*ret = tables;
				return NULL;
			}
		}
		hole = got ? 0 : hole + SKIP_BYTES;
		if (got == WINDOW_BYTES)
			at += WINDOW_BYTES - BEFORE_BYTES;
		else
			at = (at + got + SKIP_BYTES) / SKIP_BYTES * SKIP_BYTES;
	}
	return NULL;
}
