/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory cgroups that objects are charged to, and the lines of code that asked for them. */
#ifndef UL_ANALYSIS_ORIGIN_H
#define UL_ANALYSIS_ORIGIN_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/heap.h"
#include "model/image.h"
#include "model/origin.h"

struct ul_origin_reader;

/**
 * A reader for many questions; it remembers the cgroups it has met. Borrows @p image and @p heap
 * until destroyed. NULL: no memory. A kernel that keeps none of it is no error: nothing is told.
 */
struct ul_origin_reader *ul_origin_reader_create(struct ul_image *image,
						 const struct ul_heap *heap);
void ul_origin_reader_destroy(struct ul_origin_reader *reader);
UL_DEFINE_CLEANUP(ul_cleanup_origin_reader, struct ul_origin_reader, ul_origin_reader_destroy);
#define UL_CLEANUP_ORIGIN_READER UL_CLEANUP(ul_cleanup_origin_reader)

/**
 * Where the allocated objects of the numbers @p objects are from. Objects that lie together are
 * read best in the order of their numbers.
 *
 * @param ret  Initialised here; caller deinits. What of an object is not kept, or makes no sense,
 *             is counted in none of its items.
 */
UL_MUST_USE struct ul_error *ul_origins_of(struct ul_origin_reader *reader, const uint64_t *objects,
					   size_t len, struct ul_origins *ret);

#endif
