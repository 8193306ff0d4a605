// SPDX-License-Identifier: GPL-2.0-or-later
/* Built without libkdumpfile. */
#include "source/image/image_internal.h"

struct ul_error *ul_kdumpfile_open(struct ul_image_file *files, size_t len, struct ul_image *image,
				   struct ul_dump *ret)
{
	return ul_error_new(UL_ERR_UNSUPPORTED, "built without libkdumpfile");
}

bool ul_kdumpfile_built_in(void)
{
	return false;
}
