/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A dump of any bytes: opened as far as its address space, then read here and there. */
#ifndef UL_FUZZ_IMAGE_H
#define UL_FUZZ_IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/image/image.h"
#include "source/image/image_internal.h"

static inline void fuzz_read_at(struct ul_memory *memory, uint64_t address)
{
	uint8_t bytes[5000];
	size_t got = 0;
	uint64_t phys;
	uint64_t run;
	struct ul_error *error = ul_memory_read(memory, address, bytes, sizeof(bytes), &got);
	if (!error && got > sizeof(bytes))
		abort();
	ul_error_destroy(error);
	const uint8_t *mapped = ul_memory_map(memory, address, &got);
	// Every byte of the run must be there; the ends are enough for the sanitizer.
	if (mapped && got && mapped[0] + mapped[got - 1] == 511)
		abort();
	ul_memory_phys(memory, address, &phys, &run);
}

static inline void fuzz_look_around(struct ul_image *image)
{
	static const uint64_t addresses[] = {
		0xffff888000000000, 0xffffc90000000000, 0xffffc90000000ff8, 0xffffea0000000000,
		0xffffffff81000000, 0xffffffff81002ff8, 0xfffffffffffffff8, 0x1000,
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(addresses); i++) {
		if (image->memory)
			fuzz_read_at(image->memory, addresses[i]);
		if (image->physical)
			fuzz_read_at(image->physical, addresses[i] & 0x3fffff);
	}
	for (size_t i = 0; image->physical && i < image->ram.len && i < 8; i++) {
		if (image->ram.data[i].end <= image->ram.data[i].start)
			abort();
		fuzz_read_at(image->physical, image->ram.data[i].start);
		fuzz_read_at(image->physical, image->ram.data[i].end - 4096);
	}
}

/* Open @p data, whose first bytes are replaced by @p magic. */
static inline int fuzz_image(const uint8_t *data, size_t size, const char *magic, size_t magic_len)
{
	char path[32];
	if (size < magic_len || size > 1 << 20)
		return 0;
	UL_CLEANUP_CLOSE const int fd = memfd_create("image", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size ||
	    pwrite(fd, magic, magic_len, 0) != (ssize_t)magic_len)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	const char *const paths = path;
	const struct ul_image_options options = {.paths = &paths, .paths_len = 1};
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	struct ul_error *error = ul_image_open_memory(&options, &image);
	fuzz_look_around(&image);
	ul_error_destroy(error);
	return 0;
}

#endif
