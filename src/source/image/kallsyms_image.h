/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files that read kallsyms out of an image. */
#ifndef UL_SOURCE_IMAGE_KALLSYMS_IMAGE_H
#define UL_SOURCE_IMAGE_KALLSYMS_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"
#include "model/image.h"

enum {
	UL_KALLSYMS_TOKENS = 256,
	UL_KALLSYMS_SYMBOLS_MAX = 1 << 22,
	UL_KALLSYMS_TOKEN_BYTES_MAX = 1 << 16,
};

/** Where the tables of Linux kernel/kallsyms_internal.h lie; 0: there is none. */
struct ul_kallsyms_tables {
	uint64_t names;
	uint64_t token_table;
	uint64_t token_index;
	uint64_t offsets;	/**< one int for each symbol */
	uint64_t addresses;	/**< or one unsigned long */
	uint64_t relative_base; /**< the value, not its address; 0: not known */
	uint32_t symbols;
};

/**
 * Search the image for the tables of kernels before v6.0, whose VMCOREINFO does not tell. @p start:
 * of the image. False: not found. Only memory can run out.
 */
UL_MUST_USE struct ul_error *ul_kallsyms_scan(struct ul_memory *memory, uint64_t start,
					      struct ul_kallsyms_tables *ret, bool *ret_found);

/** Read up to @p len bytes, however the memory is cut; how many could be read. */
size_t ul_image_read(struct ul_memory *memory, uint64_t kaddr, void *buffer, size_t len);

#endif
