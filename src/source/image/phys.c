// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Physical memory that lies uncompressed in a file: ELF cores and raw memory. The file is mapped
 * whole; what is asked for is a pointer into the mapping, found by binary search among the pieces.
 *
 * Pieces of hostile files overlap, wrap around and reach beyond the file; the format's reader has
 * clipped them to the file, here overlaps are cut away so that the search has one answer.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/image/image_internal.h"

struct phys {
	struct ul_memory memory;
	struct ul_image_file file;
	struct ul_phys_pieces pieces; /**< by phys, not overlapping */
};

static const struct ul_phys_piece *find(const struct ul_phys_pieces *pieces, uint64_t phys)
{
	size_t low = 0;
	size_t high = pieces->items.len;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (pieces->items.data[middle].phys <= phys)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	const struct ul_phys_piece *piece = &pieces->items.data[low - 1];
	return phys - piece->phys < piece->bytes ? piece : NULL;
}

static const void *phys_map(struct ul_memory *memory, uint64_t address, size_t *ret_len)
{
	const struct phys *phys = (const struct phys *)memory;
	const struct ul_phys_piece *piece = find(&phys->pieces, address);
	if (!piece)
		return NULL;
	*ret_len = piece->bytes - (address - piece->phys);
	return piece->data + (address - piece->phys);
}

static struct ul_error *phys_read(struct ul_memory *memory, uint64_t address, void *buffer,
				  size_t len, size_t *ret_read)
{
	size_t total = 0;
	while (total < len && address + total >= address) {
		size_t run = 0;
		const void *bytes = phys_map(memory, address + total, &run);
		if (!bytes)
			break;
		const size_t piece = run < len - total ? run : len - total;
		memcpy((uint8_t *)buffer + total, bytes, piece);
		total += piece;
	}
	*ret_read = total;
	return NULL;
}

/*
 * Only whole pages can go, and only the file's copy of them: who reads them again finds them there.
 */
static void phys_forget(struct ul_memory *memory, uint64_t address, uint64_t len)
{
	const uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	uint64_t done = 0;
	while (done < len) {
		size_t run = 0;
		const void *bytes = phys_map(memory, address + done, &run);
		if (!bytes)
			return;
		const size_t piece = run < len - done ? run : (size_t)(len - done);
		const uintptr_t start = ((uintptr_t)bytes + page_bytes - 1) & ~(page_bytes - 1);
		const uintptr_t end = ((uintptr_t)bytes + piece) & ~(page_bytes - 1);
		if (start < end) // advice: if it is not taken, memory stays resident
			(void)madvise((void *)start, end - start, MADV_DONTNEED);
		done += piece;
	}
}

static void phys_destroy(struct ul_memory *memory)
{
	struct phys *phys = (struct phys *)memory;
	ul_vec_deinit(&phys->pieces.items);
	ul_image_file_close(&phys->file);
	free(phys);
}

static const struct ul_memory_ops phys_ops = {
	.read = phys_read, .destroy = phys_destroy, .map = phys_map, .forget = phys_forget};

static int compare_phys(const void *a, const void *b)
{
	const struct ul_phys_piece *left = a;
	const struct ul_phys_piece *right = b;
	if (left->phys != right->phys)
		return left->phys < right->phys ? -1 : 1;
	return (left->bytes < right->bytes) - (left->bytes > right->bytes);
}

/* Sort, and cut away what an earlier piece has already. */
static void untangle(struct ul_phys_pieces *pieces)
{
	size_t kept = 0;
	uint64_t end = 0; // last byte taken, plus one; the last byte of all is never taken
	if (pieces->items.len)
		qsort(pieces->items.data, pieces->items.len, sizeof(*pieces->items.data),
		      compare_phys);
	ul_vec_foreach (item, &pieces->items) {
		struct ul_phys_piece piece = *item;
		uint64_t piece_end;
		if (__builtin_add_overflow(piece.phys, piece.bytes, &piece_end))
			piece_end = UINT64_MAX;
		if (piece_end <= end || piece_end <= piece.phys)
			continue;
		if (piece.phys < end) {
			piece.data += end - piece.phys;
			piece.phys = end;
		}
		piece.bytes = piece_end - piece.phys;
		end = piece_end;
		pieces->items.data[kept++] = piece;
	}
	pieces->items.len = kept;
}

/* Pieces that touch are one range: where the file keeps them does not matter. */
static struct ul_error *ranges_of(const struct ul_phys_pieces *pieces, struct ul_image *image)
{
	image->bytes = 0;
	ul_vec_foreach (piece, &pieces->items) {
		struct ul_range *last =
			image->ram.len ? &image->ram.data[image->ram.len - 1] : NULL;
		const struct ul_range range = {piece->phys, piece->phys + piece->bytes};
		image->bytes += piece->bytes;
		if (last && last->end == range.start)
			last->end = range.end;
		else if (!ul_vec_push(&image->ram, range))
			return &ul_enomem;
	}
	return NULL;
}

struct ul_error *ul_phys_create(struct ul_image_file *file, struct ul_phys_pieces *pieces,
				struct ul_image *image)
{
	struct phys *phys = calloc(1, sizeof(*phys));
	if (!phys) {
		ul_vec_deinit(&pieces->items);
		return &ul_enomem;
	}
	untangle(pieces);
	phys->memory =
		(struct ul_memory){.ops = &phys_ops, .engine = image->kind, .concurrent = true};
	phys->file = *file;
	phys->pieces = *pieces;
	*file = (struct ul_image_file){0};
	*pieces = (struct ul_phys_pieces){0};
	image->physical = &phys->memory;
	return ranges_of(&phys->pieces, image);
}
