// SPDX-License-Identifier: GPL-2.0-or-later
/* Until the readers of kallsyms and BTF are in: an image without names and types, and it says so.
 */
#include "source/image/image_internal.h"

struct ul_error *ul_image_load_symbols(struct ul_image *image)
{
	return ul_losses_add(&image->losses, UL_BIAS_UNKNOWN, 1, "kallsyms of the image not read");
}

struct ul_error *ul_image_load_types(struct ul_image *image, const char *vmlinux)
{
	return ul_losses_add(&image->losses, UL_BIAS_UNKNOWN, 1, "BTF of the image not read");
}

struct ul_error *ul_image_load_modules(struct ul_image *image)
{
	return ul_losses_add(&image->losses, UL_BIAS_UNKNOWN, 1, "modules of the image not read");
}
