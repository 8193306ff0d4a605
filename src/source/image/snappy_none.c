// SPDX-License-Identifier: GPL-2.0-or-later
/* Built without libsnappy. */
#include "source/image/decompress.h"

bool ul_snappy_built_in(void)
{
	return false;
}

bool ul_snappy_page(const uint8_t *from, size_t from_bytes, uint8_t *to, size_t to_bytes)
{
	return false;
}
