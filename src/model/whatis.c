// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/whatis.h"

#include <stdlib.h>

const char *ul_object_state_name(enum ul_object_state state)
{
	static const char *const names[] = {
		[UL_OBJECT_NONE] = "none",
		[UL_OBJECT_FREE] = "free",
		[UL_OBJECT_ALLOCATED] = "allocated",
		[UL_OBJECT_UNKNOWN] = "unknown",
	};
	return (size_t)state < UL_ARRAY_LEN(names) ? names[state] : "unknown";
}

void ul_whatis_deinit(struct ul_whatis *whatis)
{
	free(whatis->caller);
	ul_origins_deinit(&whatis->origins);
	free(whatis->type);
	free(whatis->type_evidence);
	free(whatis->member);
	*whatis = (struct ul_whatis){0};
}

void ul_referred_deinit(struct ul_referred *referred)
{
	ul_whatis_deinit(&referred->target);
	ul_vec_foreach (referrer, &referred->referrers)
		ul_whatis_deinit(&referrer->from);
	ul_vec_foreach (step, &referred->path)
		ul_whatis_deinit(&step->from);
	ul_vec_deinit(&referred->referrers);
	ul_vec_deinit(&referred->path);
}
