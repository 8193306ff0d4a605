// SPDX-License-Identifier: GPL-2.0-or-later
/* A file of suppressions: every rule that is accepted asks for something. */
#include <stdint.h>
#include <stdlib.h>

#include "analysis/suppressions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	UL_CLEANUP_SUPPRESSIONS struct ul_suppressions rules = {0};
	struct ul_error *error =
		ul_suppressions_parse(&rules, "fuzz", (struct ul_span){(const char *)data, size});
	ul_error_destroy(error);
	ul_vec_foreach (rule, &rules.items)
		if (!rule->text || (!rule->cache && !rule->symbol && !rule->type && !rule->caller &&
				    !rule->contents))
			abort();
	return 0;
}
