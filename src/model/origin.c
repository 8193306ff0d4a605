// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/origin.h"

#include <stddef.h>
#include <stdlib.h>

void ul_origins_deinit(struct ul_origins *origins)
{
	ul_vec_foreach (charge, &origins->charges)
		free(charge->cgroup);
	ul_vec_deinit(&origins->charges);
	ul_vec_foreach (tag, &origins->tags) {
		free(tag->file);
		free(tag->function);
		free(tag->module);
	}
	ul_vec_deinit(&origins->tags);
	*origins = (struct ul_origins){0};
}

const struct ul_charge *ul_origins_charge(const struct ul_origins *origins)
{
	const struct ul_charge *first = origins->charges.data;
	return origins->charges.len && first->objects > origins->objects / 2 ? first : NULL;
}

const struct ul_code_tag *ul_origins_tag(const struct ul_origins *origins)
{
	const struct ul_code_tag *first = origins->tags.data;
	return origins->tags.len && first->objects > origins->objects / 2 ? first : NULL;
}
