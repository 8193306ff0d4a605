// SPDX-License-Identifier: GPL-2.0-or-later
/* An index of fixes, and a search in what it gave. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "analysis/fixes.h"
#include "source/fixes/fixes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	UL_CLEANUP_FIXES struct ul_fixes fixes = {0};
	UL_CLEANUP_FIX_MATCHES struct ul_fix_matches matches = {0};
	const struct ul_fix_suspect suspects[] = {{.function = "foo_open",
						   .module = "foo",
						   .file = "a/drivers/foo/foo.c",
						   .weight = 1},
						  {.function = "bar", .weight = 0.5}};
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_fixes_parse((struct ul_span){.data = (const char *)data, .len = size}, &fixes);
	if (error)
		return 0;
	const struct ul_fix_query query = {
		.suspects = suspects,
		.suspects_len = 2,
		.kernel = ul_version_of("6.1.20", ""),
		.threshold = 0.1,
	};
	struct ul_error *failed = ul_fixes_rank(&fixes, &query, &matches);
	if (failed && failed->code != UL_ERR_NOMEM)
		abort(); // ranking knows no other error
	ul_error_destroy(failed);
	return 0;
}
