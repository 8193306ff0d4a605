// SPDX-License-Identifier: GPL-2.0-or-later
/* snappy pages. */
#include <snappy-c.h>

#include "source/image/decompress.h"

bool ul_snappy_built_in(void)
{
	return true;
}

bool ul_snappy_page(const uint8_t *from, size_t from_bytes, uint8_t *to, size_t to_bytes)
{
	// It refuses to write more than this, and says how much it wrote.
	size_t got = to_bytes;
	return snappy_uncompress((const char *)from, from_bytes, (char *)to, &got) == SNAPPY_OK &&
	       got == to_bytes;
}
