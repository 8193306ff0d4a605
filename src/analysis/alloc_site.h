/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who asked for an object, where the kernel itself has kept that. */
#ifndef UL_ANALYSIS_ALLOC_SITE_H
#define UL_ANALYSIS_ALLOC_SITE_H

#include "model/heap.h"
#include "model/image.h"

/**
 * The code address that asked for the object @p hit: of a vmalloc area its caller, of a slab object
 * of a cache with SLAB_STORE_USER (slab_debug=U) what SLUB has written behind it. 0: not kept.
 */
uint64_t ul_alloc_site(const struct ul_image *image, const struct ul_heap *heap,
		       const struct ul_heap_hit *hit);

#endif
