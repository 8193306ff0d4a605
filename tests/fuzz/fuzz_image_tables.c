// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as the memory of a kernel, its page tables among them, under a VMCOREINFO that is
 * right. The first bytes choose the kind of tables; the memory is the rest, with the pages of the
 * fixture's tables at their place so that a few changed bytes go deep.
 */
#include <elf.h>

#include "fuzz_image.h"
#include "source/image/image_fixture.h"

enum { MEMORY_BYTES = 3 << 20, CHOICES = 4 };

/* Bytes 4.. are triples: page (2 bytes), offset in it (2 bytes), word (8 bytes). */
static void change(uint8_t *ram, const uint8_t *data, size_t size)
{
	for (size_t at = CHOICES; at + 12 <= size; at += 12) {
		uint16_t place[2];
		memcpy(place, data + at, sizeof(place));
		memcpy(ram + (place[0] * 4096ULL + (place[1] & 0xff8)) % MEMORY_BYTES,
		       data + at + 4, 8);
	}
}

static void walk(struct ul_image *image, const uint8_t *data)
{
	const struct ul_page_tables tables = {
		.arch = data[0] & 1 ? UL_ARCH_ARM64 : UL_ARCH_X86_64,
		.root = data[1] % 16 * 4096ULL,
		.levels = data[2] % 6,
		.va_bits = 39 + data[3] % 19,
		.page_shift = data[0] & 1 ? 12 + data[0] / 2 % 3 * 2 : 12,
		.pa_bits = data[0] & 128 ? 52 : 48,
	};
	uint64_t kaddr = 0xffff800000000000;
	for (int i = 0; i < 64; i++) {
		struct ul_mapping_run run;
		if (!ul_page_tables_walk(&tables, image->physical, kaddr, &run))
			break;
		if (!run.bytes || run.bytes > run.page_bytes)
			abort();
		kaddr += run.bytes;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ul_image image UL_CLEANUP_IMAGE = {.kind = "test"};
	struct ul_image_file file UL_CLEANUP_IMAGE_FILE = {0};
	struct ul_phys_pieces pieces = {0};
	struct ul_dump dump = {.machine = EM_X86_64};
	if (size < CHOICES)
		return 0;
	uint8_t *ram = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	if (ram == MAP_FAILED)
		return 0;
	fixture_tables(ram);
	change(ram, data, size);
	file.data = ram;
	file.bytes = file.mapped_bytes = MEMORY_BYTES;
	if (!ul_vec_push(&pieces.items, ((struct ul_phys_piece){0, MEMORY_BYTES, ram})))
		return 0;
	struct ul_error *error = ul_phys_create(&file, &pieces, &image);
	if (error) {
		ul_error_destroy(error);
		return 0;
	}
	walk(&image, data);
	image.vmcoreinfo = strdup(fixture_vmcoreinfo);
	ul_error_destroy(ul_image_bootstrap(&image, &dump));
	fuzz_look_around(&image);
	return 0;
}
