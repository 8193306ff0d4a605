// SPDX-License-Identifier: GPL-2.0-or-later
/* A changelog of kernel packages. What it gives must be an index that can be read again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "source/fixes/fixes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	UL_CLEANUP_FIXES struct ul_fixes fixes = {0};
	struct ul_fix_merger *merger UL_CLEANUP_FIX_MERGER = NULL;
	struct ul_fix_counts counts;
	UL_CLEANUP_ERROR struct ul_error *error = ul_fix_merger_create(&fixes, &merger);
	if (!error)
		error = ul_fixes_add_changelog(
			merger, (struct ul_span){.data = (const char *)data, .len = size}, &counts);
	if (error)
		return 0;
	if (counts.leaks > counts.titles || fixes.items.len > counts.leaks)
		abort();
	ul_vec_foreach (fix, &fixes.items)
		if (!fix->title[0] || !fix->fixed_len)
			abort(); // every title comes with the version that brought it
	return 0;
}
