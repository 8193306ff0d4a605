/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Orphans that look alike, as one finding; and those that somebody knows about, left out. */
#ifndef UL_ANALYSIS_ORPHAN_GROUPS_H
#define UL_ANALYSIS_ORPHAN_GROUPS_H

#include "analysis/suppressions.h"
#include "base/error.h"
#include "model/heap.h"
#include "model/image.h"
#include "model/orphan.h"

/**
 * Fill orphans->groups: by cache (vmalloc: by caller, pages and large kmalloc: by size), then by
 * contents. Reads the contents of at most some 64 MiB of orphans of a cache. Groups have no type
 * yet, are in no order and not linked: who knows types sets them, then ul_orphan_groups_finish().
 */
UL_MUST_USE struct ul_error *ul_orphan_groups(struct ul_image *image, const struct ul_heap *heap,
					      struct ul_orphans *orphans);

/**
 * The rest: groups of one cache and one type become one, those that a rule of @p suppressions
 * (NULL: none) names leave and are counted in suppressed_by, the others are sorted by retained
 * bytes and linked by hangs_from.
 */
UL_MUST_USE struct ul_error *ul_orphan_groups_finish(struct ul_image *image,
						     const struct ul_heap *heap,
						     const struct ul_suppressions *suppressions,
						     struct ul_orphans *orphans);

#endif
