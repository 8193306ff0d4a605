/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Open a dump, or the running kernel, as a struct ul_image. */
#ifndef UL_SOURCE_IMAGE_IMAGE_H
#define UL_SOURCE_IMAGE_IMAGE_H

#include "base/error.h"
#include "model/image.h"

struct ul_image_options {
	const char *const *paths; /**< of one dump; several when it is split. Borrowed */
	size_t paths_len;	  /**< 0: the running kernel */
	const char *vmlinux;	  /**< BTF or DWARF where the image has none; NULL: none given */
	unsigned int threads;	  /**< for reading; 0: as many as processors */
};

/**
 * Open and understand: format, VMCOREINFO, page tables, kallsyms, BTF, modules. Checks itself
 * (see image->trust) and refuses with the reason when the checks fail: UL_ERR_BAD_DATA (damaged),
 * UL_ERR_UNSUPPORTED (a kernel or an architecture that is not understood), UL_ERR_OS,
 * UL_ERR_PERMISSION (live). @p ret is initialised here; caller deinits it.
 */
UL_MUST_USE struct ul_error *ul_image_open(const struct ul_image_options *options,
					   struct ul_image *ret);

#endif
