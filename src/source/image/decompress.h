/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages of a compressed dump. Each outside library is in a file of its own, with a twin that says
 * what was not built in.
 */
#ifndef UL_SOURCE_IMAGE_DECOMPRESS_H
#define UL_SOURCE_IMAGE_DECOMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * page_desc.flags of a dump: crash diskdump.h, makedumpfile diskdump_mod.h DUMP_DH_COMPRESSED_*.
 */
enum ul_compression {
	UL_COMPRESSION_NONE = 0,
	UL_COMPRESSION_ZLIB = 0x1,
	UL_COMPRESSION_LZO = 0x2,
	UL_COMPRESSION_SNAPPY = 0x4,
	UL_COMPRESSION_ZSTD = 0x20,
};

/** What a decompressor keeps between pages; for one thread at a time. NULL: it keeps nothing. */
struct ul_zlib_state;
struct ul_zstd_state;

/*
 * Each: exactly @p to_bytes out of @p from, or false. _create returns NULL when memory is out.
 */
bool ul_zlib_built_in(void);
struct ul_zlib_state *ul_zlib_create(void);
void ul_zlib_destroy(struct ul_zlib_state *state);
bool ul_zlib_page(struct ul_zlib_state *state, const uint8_t *from, size_t from_bytes, uint8_t *to,
		  size_t to_bytes);

bool ul_zstd_built_in(void);
struct ul_zstd_state *ul_zstd_create(void);
void ul_zstd_destroy(struct ul_zstd_state *state);
bool ul_zstd_page(struct ul_zstd_state *state, const uint8_t *from, size_t from_bytes, uint8_t *to,
		  size_t to_bytes);

bool ul_lzo_built_in(void);
bool ul_lzo_page(const uint8_t *from, size_t from_bytes, uint8_t *to, size_t to_bytes);

bool ul_snappy_built_in(void);
bool ul_snappy_page(const uint8_t *from, size_t from_bytes, uint8_t *to, size_t to_bytes);

/** NULL when @p compression can be read here, else the name of what was not built in. */
const char *ul_compression_missing(unsigned int compression);

/** All of them, for one thread. */
struct ul_decompressor {
	struct ul_zlib_state *zlib; /**< made when first needed */
	struct ul_zstd_state *zstd;
};

void ul_decompressor_deinit(struct ul_decompressor *decompressor);
/** Exactly @p to_bytes; false when the page is damaged or its compression is not built in. */
bool ul_decompress(struct ul_decompressor *decompressor, unsigned int compression,
		   const uint8_t *from, size_t from_bytes, uint8_t *to, size_t to_bytes);

#endif
