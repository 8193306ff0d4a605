/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /sys/kernel/slab: names merged into one slab cache, and whether reclaim can shrink it. */
#ifndef UL_SOURCE_PROC_SLAB_ALIASES_H
#define UL_SOURCE_PROC_SLAB_ALIASES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/span.h"
#include "base/vec.h"

struct ul_slab_name {
	const char *name;   /**< in the arena */
	const char *target; /**< directory the name leads to; equal to name when it is one itself */
	bool reclaimable;   /**< SLAB_RECLAIM_ACCOUNT */
};

struct ul_slab_aliases {
	UL_VEC(struct ul_slab_name) names;   /**< by name */
	UL_VEC(struct ul_slab_name) targets; /**< the same by target, then name */
	struct ul_arena arena;
};

/**
 * Read kernel/slab below @p sys_fd into @p ret (zero or deinitialised). Absent (SLAB, SLUB without
 * sysfs): empty, no error.
 */
UL_MUST_USE struct ul_error *ul_slab_aliases_read(int sys_fd, struct ul_slab_aliases *ret);
void ul_slab_aliases_deinit(struct ul_slab_aliases *aliases);
#define UL_CLEANUP_SLAB_ALIASES UL_CLEANUP(ul_slab_aliases_deinit)

/** Entry of @p name, or NULL. Borrowed. */
const struct ul_slab_name *ul_slab_aliases_find(const struct ul_slab_aliases *aliases,
						struct ul_span name);
/**
 * First and number of the names that lead where @p name does, itself included, and the directory
 * itself; consecutive in `targets`.
 */
size_t ul_slab_aliases_group(const struct ul_slab_aliases *aliases, const struct ul_slab_name *name,
			     const struct ul_slab_name **ret_first);
/** Best guess from the name alone, for a machine without /sys/kernel/slab. */
bool ul_slab_name_reclaimable(struct ul_span name);

#endif
