// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/image/decompress.h"

#include <string.h>

const char *ul_compression_missing(unsigned int compression)
{
	if (compression & UL_COMPRESSION_ZLIB && !ul_zlib_built_in())
		return "zlib";
	if (compression & UL_COMPRESSION_LZO && !ul_lzo_built_in())
		return "lzo";
	if (compression & UL_COMPRESSION_SNAPPY && !ul_snappy_built_in())
		return "snappy";
	if (compression & UL_COMPRESSION_ZSTD && !ul_zstd_built_in())
		return "zstd";
	return NULL;
}

void ul_decompressor_deinit(struct ul_decompressor *decompressor)
{
	ul_zlib_destroy(decompressor->zlib);
	ul_zstd_destroy(decompressor->zstd);
	*decompressor = (struct ul_decompressor){0};
}

bool ul_decompress(struct ul_decompressor *decompressor, unsigned int compression,
		   const uint8_t *from, size_t from_bytes, uint8_t *to, size_t to_bytes)
{
	if (compression & UL_COMPRESSION_ZLIB) {
		if (!decompressor->zlib)
			decompressor->zlib = ul_zlib_create();
		return decompressor->zlib &&
		       ul_zlib_page(decompressor->zlib, from, from_bytes, to, to_bytes);
	}
	if (compression & UL_COMPRESSION_ZSTD) {
		if (!decompressor->zstd)
			decompressor->zstd = ul_zstd_create();
		return decompressor->zstd &&
		       ul_zstd_page(decompressor->zstd, from, from_bytes, to, to_bytes);
	}
	if (compression & UL_COMPRESSION_LZO)
		return ul_lzo_page(from, from_bytes, to, to_bytes);
	if (compression & UL_COMPRESSION_SNAPPY)
		return ul_snappy_page(from, from_bytes, to, to_bytes);
	if (from_bytes != to_bytes)
		return false;
	memcpy(to, from, to_bytes);
	return true;
}
