/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does a function call another? Read in its code. Pure over an image. */
#ifndef UL_ANALYSIS_CALLS_H
#define UL_ANALYSIS_CALLS_H

#include <stdint.h>

#include "model/image.h"

enum ul_calls_answer {
	UL_CALLS_YES,
	UL_CALLS_NO,	  /**< neither it nor what it calls does, as far as was followed */
	UL_CALLS_UNKNOWN, /**< its code could not be read or followed */
};

/**
 * Whether the function that begins at @p function is, or calls, one whose name begins with one of
 * @p names (NULL behind the last), itself or through functions it calls.
 */
enum ul_calls_answer ul_calls_any(const struct ul_image *image, uint64_t function,
				  const char *const *names);

#endif
