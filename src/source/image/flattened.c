// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Flattened files: a dump as a stream, written by what cannot seek (makedumpfile -F through ssh,
 * QEMU's kdump formats). After a header of 4096 bytes come pieces "offset, size, bytes" (big
 * endian) in the order of writing, up to a piece at offset -1. Normally the file must be put back
 * in order first (makedumpfile -R); here an index of the pieces serves instead: 24 bytes each,
 * nothing is copied.
 *
 * A later piece overwrites what an earlier one wrote at the same place (a header is written again
 * when all is known). The pieces are sorted by offset and swept; where several cover the same bytes
 * the latest wins, found by a heap over those open at that place.
 */
#include <endian.h>
#include <string.h>

#include "source/image/image_internal.h"

/**
 * makedumpfile.h struct makedumpfile_header: signature[16], be64 type, be64 version; 4096 bytes.
 */
enum {
	HEADER_BYTES = 4096,
	TYPE_AT = 16,
	PIECE_HEADER_BYTES = 16,
	PIECES_LIMIT = 1 << 26, /**< 1.6 GB of index */
};

static const char signature[16] = "makedumpfile";

struct piece {
	uint64_t offset;
	uint64_t end;
	const uint8_t *data;
	uint32_t sequence; /**< of writing */
};

struct pieces {
	UL_VEC(struct piece) items;
};

bool ul_flattened_is(struct ul_span start)
{
	return start.len >= sizeof(signature) && !memcmp(start.data, signature, sizeof(signature));
}

static uint64_t big_endian(const uint8_t *bytes)
{
	uint64_t word;
	memcpy(&word, bytes, sizeof(word));
	return be64toh(word);
}

static struct ul_error *read_pieces(const struct ul_image_file *file, struct pieces *pieces)
{
	uint64_t at = HEADER_BYTES;
	while (at + PIECE_HEADER_BYTES <= file->mapped_bytes) {
		const uint64_t offset = big_endian(file->data + at);
		const uint64_t bytes = big_endian(file->data + at + 8);
		at += PIECE_HEADER_BYTES;
		if (offset == UINT64_MAX)
			return NULL;
		if (offset > INT64_MAX || bytes > INT64_MAX)
			return ul_error_new(UL_ERR_BAD_DATA,
					    "flattened piece at %#llx: %#llx bytes for %#llx",
					    (unsigned long long)(at - PIECE_HEADER_BYTES),
					    (unsigned long long)bytes, (unsigned long long)offset);
		if (pieces->items.len >= PIECES_LIMIT)
			return ul_error_new(UL_ERR_LIMIT, "more than %d flattened pieces",
					    PIECES_LIMIT);
		// Cut off at the end of the file: what is there is used.
		const uint64_t left = file->mapped_bytes - at;
		const uint64_t there = bytes < left ? bytes : left;
		const struct piece piece = {offset, offset + there, file->data + at,
					    (uint32_t)pieces->items.len};
		if (there && !ul_vec_push(&pieces->items, piece))
			return &ul_enomem;
		at += there;
	}
	return NULL;
}

static int compare_offset(const void *a, const void *b)
{
	const struct piece *left = a;
	const struct piece *right = b;
	if (left->offset != right->offset)
		return left->offset < right->offset ? -1 : 1;
	return left->sequence < right->sequence ? -1 : left->sequence > right->sequence;
}

/* A heap of pieces, the latest written on top. */
struct heap {
	UL_VEC(const struct piece *) items;
};

static bool heap_push(struct heap *heap, const struct piece *piece)
{
	if (!ul_vec_push(&heap->items, piece))
		return false;
	size_t at = heap->items.len - 1;
	const struct piece **items = heap->items.data;
	while (at && items[(at - 1) / 2]->sequence < items[at]->sequence) {
		const struct piece *up = items[(at - 1) / 2];
		items[(at - 1) / 2] = items[at];
		items[at] = up;
		at = (at - 1) / 2;
	}
	return true;
}

static void heap_pop(struct heap *heap)
{
	const struct piece **items = heap->items.data;
	items[0] = items[--heap->items.len];
	size_t at = 0;
	for (;;) {
		size_t best = at;
		for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++)
			if (child < heap->items.len &&
			    items[child]->sequence > items[best]->sequence)
				best = child;
		if (best == at)
			return;
		const struct piece *down = items[at];
		items[at] = items[best];
		items[best] = down;
		at = best;
	}
}

static bool add_chunk(struct ul_image_file *file, const struct piece *piece, uint64_t from,
		      uint64_t to)
{
	const uint8_t *data = piece->data + (from - piece->offset);
	struct ul_image_chunk *last =
		file->chunks.len ? &file->chunks.data[file->chunks.len - 1] : NULL;
	if (last && last->offset + last->bytes == from && last->data + last->bytes == data) {
		last->bytes += to - from;
		return true;
	}
	return ul_vec_push(&file->chunks, ((struct ul_image_chunk){from, to - from, data}));
}

/* Everything from @p at to @p to out of the pieces open there, the latest on top. */
static bool sweep_to(struct ul_image_file *file, struct heap *heap, uint64_t at, uint64_t to)
{
	while (heap->items.len && at < to) {
		const struct piece *top = heap->items.data[0];
		if (top->end <= at) {
			heap_pop(heap);
			continue;
		}
		const uint64_t end = top->end < to ? top->end : to;
		if (!add_chunk(file, top, at, end))
			return false;
		at = end;
	}
	return true;
}

static bool sweep(struct ul_image_file *file, const struct pieces *pieces)
{
	struct heap heap = {0};
	bool good = true;
	for (size_t i = 0; good && i < pieces->items.len; i++) {
		const struct piece *piece = &pieces->items.data[i];
		const uint64_t next =
			i + 1 < pieces->items.len ? piece[1].offset : (uint64_t)INT64_MAX;
		good = heap_push(&heap, piece) && sweep_to(file, &heap, piece->offset, next);
	}
	ul_vec_deinit(&heap.items);
	return good;
}

struct ul_error *ul_flattened_index(struct ul_image_file *file)
{
	struct pieces pieces = {0};
	if (file->mapped_bytes < HEADER_BYTES || big_endian(file->data + TYPE_AT) != 1)
		return ul_error_new(UL_ERR_BAD_DATA, "flattened file: header of another type");
	struct ul_error *error = read_pieces(file, &pieces);
	if (!error && !pieces.items.len)
		error = ul_error_new(UL_ERR_BAD_DATA, "flattened file: holds nothing");
	if (!error) {
		qsort(pieces.items.data, pieces.items.len, sizeof(*pieces.items.data),
		      compare_offset);
		if (!sweep(file, &pieces))
			error = &ul_enomem;
	}
	ul_vec_deinit(&pieces.items);
	if (error)
		return error;
	const struct ul_image_chunk *last = &file->chunks.data[file->chunks.len - 1];
	file->bytes = last->offset + last->bytes;
	return NULL;
}
