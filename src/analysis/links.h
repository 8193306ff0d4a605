/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of some objects point to which others. Pure over an image and its heap. */
#ifndef UL_ANALYSIS_LINKS_H
#define UL_ANALYSIS_LINKS_H

#include "base/error.h"
#include "model/heap.h"
#include "model/image.h"
#include "model/link.h"

/**
 * Fill links->items for the objects in links->sites: reads up to 4 KiB of each. A pointer to the
 * inside of an object counts as one to it; pointers within one site do not count.
 */
UL_MUST_USE struct ul_error *ul_links_find(const struct ul_image *image, const struct ul_heap *heap,
					   struct ul_links *links);

#endif
