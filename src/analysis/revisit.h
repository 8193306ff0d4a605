/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The survivors of a recorded trace, found again in the memory of the same boot.
 *
 * An address alone proves little later: its slot may have been freed, or given to somebody else.
 * What the heap knows decides: an object counts as the one traced while its slot is allocated, it
 * begins at that address, and its cache (or kind of block) is still the one that was traced. So it
 * errs to one side: a slot that the same cache has freed and given out again passes for the old
 * object.
 */
#ifndef UL_ANALYSIS_REVISIT_H
#define UL_ANALYSIS_REVISIT_H

#include "model/heap.h"
#include "model/revisit.h"
#include "model/site.h"

/**
 * Choose among the sites that `trace` lists (ul_site_is_listed()): by their number there, from 1,
 * or by the name of a function, which may be a glob. A name means the sites that are named after
 * it; where there are none, those with it anywhere in their stack. NULL: all of them.
 *
 * @param ret  Room for trace->sites.len; filled with borrowed sites in their order.
 * @return How many there are.
 */
size_t ul_revisit_sites(const struct ul_trace *trace, const char *wanted,
			const struct ul_site **ret);

/** What became of @p allocation of @p site; *@p ret_object is its number if it is there. */
enum ul_revisited ul_revisit(const struct ul_heap *heap, const struct ul_site *site,
			     const struct ul_allocation *allocation, uint64_t *ret_object);

#endif
