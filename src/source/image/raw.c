// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Raw memory: byte N of the file is physical address N (QEMU's pmemsave, a memory device, most
 * acquisition tools for machines below 4 GiB). There is no header to know it by: any file of whole
 * pages that is none of the other formats is taken for memory, and believed once VMCOREINFO is
 * found in it and its page tables close.
 *
 * What it cannot see: the holes. A file that leaves out the gap below 4 GiB (QEMU's
 * memory-backend-file of more than 3 GiB) has its upper part at other addresses than it says.
 */
#include "source/image/image_internal.h"

enum {
	PAGE_BYTES = 4096,
	MINIMUM_BYTES = 1 << 20, /**< no Linux kernel fits in less */
};

bool ul_raw_is(const struct ul_image_file *file)
{
	return !file->chunks.len && file->bytes >= MINIMUM_BYTES && !(file->bytes % PAGE_BYTES);
}

struct ul_error *ul_raw_open(struct ul_image_file *file, struct ul_image *image)
{
	struct ul_phys_pieces pieces = {0};
	image->kind = "raw";
	if (!ul_vec_push(&pieces.items, ((struct ul_phys_piece){0, file->bytes, file->data})))
		return &ul_enomem;
	return ul_phys_create(file, &pieces, image);
}
