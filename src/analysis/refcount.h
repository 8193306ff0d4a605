/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reference counts in objects whose type is known. Pure over an image. */
#ifndef UL_ANALYSIS_REFCOUNT_H
#define UL_ANALYSIS_REFCOUNT_H

#include <stdbool.h>

#include "model/image.h"
#include "model/refcount.h"

/**
 * The count that most of the structs of type @p type at @p kaddrs have; structs that begin with a
 * counted one are counted by it. False: no count is known of such, or none could be read.
 */
bool ul_refcount_most(const struct ul_image *image, ul_type_id type, const uint64_t *kaddrs,
		      size_t len, struct ul_refcount *ret);

#endif
