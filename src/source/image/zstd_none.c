// SPDX-License-Identifier: GPL-2.0-or-later
/* Built without libzstd. */
#include "source/image/decompress.h"

bool ul_zstd_built_in(void)
{
	return false;
}

struct ul_zstd_state *ul_zstd_create(void)
{
	return NULL;
}

void ul_zstd_destroy(struct ul_zstd_state *state)
{
}

bool ul_zstd_page(struct ul_zstd_state *state, const uint8_t *from, size_t from_bytes, uint8_t *to,
		  size_t to_bytes)
{
	return false;
}
