/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A still picture of parts of a live kernel's memory; see still.c. */
#ifndef UL_SOURCE_IMAGE_STILL_H
#define UL_SOURCE_IMAGE_STILL_H

#include "base/error.h"
#include "model/image.h"

struct ul_still_work {
	uint64_t bytes;	   /**< copied */
	uint64_t left_out; /**< bytes beyond the budget: read live, as before */
};

/** Memory that a picture may take when nobody says: a quarter of what is available. */
uint64_t ul_still_budget(void);
/**
 * Copy @p ranges (of the direct map, by address, not overlapping) of @p image and let its memory
 * answer from the copy; all else is read live. What cannot be read is not in it. Does nothing to an
 * image that can be mapped or has a picture.
 *
 * @param budget  Bytes that are copied at most; the ranges at the highest addresses stay out.
 */
UL_MUST_USE struct ul_error *ul_image_still_take(struct ul_image *image,
						 const struct ul_range *ranges, size_t len,
						 uint64_t budget, struct ul_still_work *ret);
/** All is read live again; the copy is gone, with every pointer into it. */
void ul_image_still_drop(struct ul_image *image);
/**
 * All is read live again; the copy goes on to answer for what was. @p ret: the caller destroys it,
 * before the image; NULL when there is none. What is not in it cannot be read there.
 */
void ul_image_still_part(struct ul_image *image, struct ul_memory **ret);

#endif
