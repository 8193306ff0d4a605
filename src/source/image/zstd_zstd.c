// SPDX-License-Identifier: GPL-2.0-or-later
/* zstd pages. */
#include <stdlib.h>
#include <zstd.h>

#include "source/image/decompress.h"

bool ul_zstd_built_in(void)
{
	return true;
}

struct ul_zstd_state *ul_zstd_create(void)
{
	return (struct ul_zstd_state *)ZSTD_createDCtx();
}

void ul_zstd_destroy(struct ul_zstd_state *state)
{
	ZSTD_freeDCtx((ZSTD_DCtx *)state);
}

bool ul_zstd_page(struct ul_zstd_state *state, const uint8_t *from, size_t from_bytes, uint8_t *to,
		  size_t to_bytes)
{
	return ZSTD_decompressDCtx((ZSTD_DCtx *)state, to, to_bytes, from, from_bytes) == to_bytes;
}
