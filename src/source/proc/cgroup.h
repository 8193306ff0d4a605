/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory cgroups of both versions: what each holds, and how many are gone but not freed. */
#ifndef UL_SOURCE_PROC_CGROUP_H
#define UL_SOURCE_PROC_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/span.h"
#include "base/vec.h"
#include "model/holder.h"
#include "model/ledger.h"

/**
 * Parse memory.stat into @p ret (initialised here); what is not shown is -1. @p v1: names of
 * version 1, hierarchical sums ("total_") where they are. A damaged figure is as if not shown.
 */
void ul_cgroup_parse_stat(struct ul_span text, bool v1, int64_t ret[UL_CGROUP_FIGURES]);
/** nr_descendants and nr_dying_descendants of cgroup.stat; false when there are none. */
bool ul_cgroup_parse_counts(struct ul_span text, uint64_t *ret_alive, uint64_t *ret_dying);
/** num_cgroups of the memory controller in /proc/cgroups, the dying included. */
bool ul_cgroup_parse_controllers(struct ul_span text, uint64_t *ret);

struct ul_cgroup_entry {
	char *path;	      /**< below the base, "system.slice/a.service"; owned */
	uint64_t bytes;	      /**< as last read */
	uint64_t stat_at;     /**< bytes when memory.stat was last read; UINT64_MAX: never */
	uint64_t reclaimable; /**< as of then */
};

/** What is kept from sample to sample. */
struct ul_cgroups {
	int base_fd; /**< -1: there is no memory controller in sight */
	bool v1;
	bool whole; /**< the base is the root of the machine, not of a container */
	UL_VEC(struct ul_cgroup_entry) entries; /**< the largest when the tree was last walked */
	uint64_t visible;			/**< cgroups below the base then */
	uint64_t left_out;			/**< of those, not in entries */
	uint64_t count;				/**< what the kernel counted then */
	int64_t walked_ns;			/**< CLOCK_BOOTTIME; 0: never */
	struct ul_buf text;
};

void ul_cgroups_init(struct ul_cgroups *cgroups);
/** Look for the hierarchy below @p sys_fd: fs/cgroup/memory, else fs/cgroup. */
void ul_cgroups_open(struct ul_cgroups *cgroups, int sys_fd);
void ul_cgroups_deinit(struct ul_cgroups *cgroups);

/**
 * The largest cgroups into @p ledger.
 *
 * @param controllers  Text of /proc/cgroups; empty: not known.
 * @return &ul_enomem; a cgroup that went away is left out.
 */
UL_MUST_USE struct ul_error *ul_cgroups_sample(struct ul_cgroups *cgroups,
					       struct ul_span controllers, int64_t now_ns,
					       struct ul_ledger *ledger);
/** Every cgroup with every figure, and the count of the dying, into @p holders. */
UL_MUST_USE struct ul_error *ul_cgroups_read(struct ul_cgroups *cgroups, struct ul_span controllers,
					     struct ul_holders *holders);

#endif
