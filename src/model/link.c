// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/link.h"

void ul_links_deinit(struct ul_links *links)
{
	ul_vec_foreach (linked, &links->sites)
		ul_vec_deinit(&linked->objects);
	ul_vec_deinit(&links->sites);
	ul_vec_deinit(&links->items);
}
