// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text may be called slabinfo; the sum of the caches is the sum that is kept. */
#include "source/proc/slabinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ul_span text = {(const char *)data, size};
	UL_CLEANUP_SLABINFO struct ul_slabinfo slabinfo = {0};
	UL_CLEANUP_ERROR struct ul_error *err = ul_slabinfo_parse(text, &slabinfo);
	uint64_t pages = 0;
	ul_vec_foreach (cache, &slabinfo.caches)
		pages += cache->pages;
	if (!err && pages != slabinfo.pages)
		__builtin_trap();
	return 0;
}
