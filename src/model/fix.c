// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/fix.h"

#include <stdlib.h>
#include <string.h>

void ul_fixes_deinit(struct ul_fixes *fixes)
{
	ul_vec_deinit(&fixes->items);
	ul_arena_deinit(&fixes->arena);
	ul_losses_deinit(&fixes->losses);
	memset(fixes, 0, sizeof(*fixes));
}

void ul_fix_matches_deinit(struct ul_fix_matches *matches)
{
	ul_vec_foreach (match, &matches->items)
		free(match->why);
	ul_vec_deinit(&matches->items);
}

const char *ul_in_kernel_name(enum ul_in_kernel in_kernel)
{
	static const char *const names[] = {
		[UL_IN_KERNEL_UNKNOWN] = "unknown",
		[UL_IN_KERNEL_YES] = "yes",
		[UL_IN_KERNEL_NO] = "no",
		[UL_IN_KERNEL_NOT_AFFECTED] = "not affected",
	};
	return names[in_kernel];
}
