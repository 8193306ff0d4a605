/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walkers of kernel structures. They read only through model/image (memory and types), so they work
 * alike on a live kernel, on every dump and on an array in a test. Every layout comes from types.
 */
#ifndef UL_SOURCE_KWALK_KWALK_H
#define UL_SOURCE_KWALK_KWALK_H

#include "base/error.h"
#include "base/vec.h"
#include "model/heap.h"
#include "model/image.h"

/**
 * Constants of instructions (UL_ROOT_CODE), which do not change while a kernel runs: found by the
 * first walk that is given this, taken over by the later ones.
 */
struct ul_kwalk_code {
	UL_VEC(struct ul_root) roots;
	bool known;
};
void ul_kwalk_code_deinit(struct ul_kwalk_code *code);

struct ul_kwalk_options {
	bool pages_only;	    /**< classify pages, walk nothing else (account) */
	unsigned int threads;	    /**< 0: as many as processors */
	struct ul_kwalk_code *code; /**< of this kernel; NULL: its text is read */
};

/**
 * Everything allocated in @p image: classified pages, slab objects, large kmalloc, page blocks,
 * vmalloc and percpu areas, and the roots. @p ret is initialised here; caller deinits. What is
 * damaged is a loss and its objects are `unknown`; UL_ERR_UNSUPPORTED when the types needed are
 * missing (names which), UL_ERR_BAD_DATA when nothing makes sense.
 */
UL_MUST_USE struct ul_error *
ul_kwalk_heap(struct ul_image *image, const struct ul_kwalk_options *options, struct ul_heap *ret);

#endif
