// SPDX-License-Identifier: GPL-2.0-or-later
/* lzo pages. The "safe" decompressor checks every byte it writes; it needs no lzo_init(). */
#include <lzo/lzo1x.h>

#include "source/image/decompress.h"

bool ul_lzo_built_in(void)
{
	return true;
}

bool ul_lzo_page(const uint8_t *from, size_t from_bytes, uint8_t *to, size_t to_bytes)
{
	lzo_uint got = to_bytes;
	return lzo1x_decompress_safe(from, from_bytes, to, &got, NULL) == LZO_E_OK &&
	       got == to_bytes;
}
