// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/type_census.h"

#include <stdlib.h>
#include <string.h>

struct ul_error *ul_type_census_add(struct ul_type_census *census, const char *cache,
				    const char *type, bool reclaimable, uint64_t objects,
				    uint64_t bytes)
{
	struct ul_type_count *count = ul_vec_add(&census->items);
	if (!count)
		return &ul_enomem;
	*count = (struct ul_type_count){.cache = strdup(cache),
					.type = type ? strdup(type) : NULL,
					.reclaimable = reclaimable,
					.objects = objects,
					.bytes = bytes};
	return count->cache && (count->type || !type) ? NULL : &ul_enomem;
}

void ul_type_census_deinit(struct ul_type_census *census)
{
	ul_vec_foreach (count, &census->items) {
		free(count->cache);
		free(count->type);
	}
	ul_vec_deinit(&census->items);
}
