/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The compressions a dump may have, as far as this build can make them. UL_HAS_*: by meson. */
#ifndef UL_SOURCE_IMAGE_IMAGE_PACK_FIXTURE_H
#define UL_SOURCE_IMAGE_IMAGE_PACK_FIXTURE_H

#include "source/image/decompress.h"
#include "source/image/image_fixture.h"

#if UL_HAS_LZO
#include <lzo/lzo1x.h>

static inline size_t image_pack_lzo(const uint8_t *page, uint8_t *to, size_t size)
{
	static uint64_t work[LZO1X_1_MEM_COMPRESS / sizeof(uint64_t) + 1];
	lzo_uint got = size;
	return lzo1x_1_compress(page, FIXTURE_PAGE, to, &got, work) == LZO_E_OK ? got : 0;
}
#endif

#if UL_HAS_SNAPPY
#include <snappy-c.h>

static inline size_t image_pack_snappy(const uint8_t *page, uint8_t *to, size_t size)
{
	size_t got = size;
	return snappy_compress((const char *)page, FIXTURE_PAGE, (char *)to, &got) == SNAPPY_OK
		       ? got
		       : 0;
}
#endif

#if UL_HAS_ZSTD
#include <zstd.h>

static inline size_t image_pack_zstd(const uint8_t *page, uint8_t *to, size_t size)
{
	const size_t got = ZSTD_compress(to, size, page, FIXTURE_PAGE, 1);
	return ZSTD_isError(got) ? 0 : got;
}
#endif

struct image_packer {
	const char *name;
	uint32_t flag;
	fixture_compress *pack;
};

static const struct image_packer image_packers[] = {
	{"none", 0, NULL},
	{"zlib", UL_COMPRESSION_ZLIB, fixture_zlib},
#if UL_HAS_LZO
	{"lzo", UL_COMPRESSION_LZO, image_pack_lzo},
#endif
#if UL_HAS_SNAPPY
	{"snappy", UL_COMPRESSION_SNAPPY, image_pack_snappy},
#endif
#if UL_HAS_ZSTD
	{"zstd", UL_COMPRESSION_ZSTD, image_pack_zstd},
#endif
};

#endif
