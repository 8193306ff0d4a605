/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UL_BASE_PARALLEL_H
#define UL_BASE_PARALLEL_H

#include "base/error.h"

enum { UL_PARALLEL_MAX = 256 /**< threads */ };

/**
 * Call @p work with @p context on @p threads threads at once, this one among them, and wait for
 * all. What there is to do they share out among themselves by @p context. When no more threads can
 * be started, fewer do the same work.
 *
 * @return the error of one of them; the others' are destroyed.
 */
UL_MUST_USE struct ul_error *ul_parallel(unsigned int threads,
					 struct ul_error *(*work)(void *context), void *context);

#endif
