/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel itself keeps of where objects came from: the memory cgroup they are charged to,
 * and the line of code that asked for them. Read by analysis/origin.
 */
#ifndef UL_MODEL_ORIGIN_H
#define UL_MODEL_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

/** A memory cgroup, and how many objects are charged to it. */
struct ul_charge {
	char *cgroup;	  /**< its path in its hierarchy, as in /proc/PID/cgroup; printable; "/" */
	bool removed;	  /**< it is gone, and its charges have not gone to its parent yet */
	bool inherited;	  /**< charged by one below it that is gone */
	uint64_t objects; /**< that are charged so */
};

/** A line of code that allocates, and how many objects it has. */
struct ul_code_tag {
	char *file; /**< "fs/seq_file.c" */
	uint32_t line;
	char *function;
	char *module; /**< NULL: the kernel */
	uint64_t objects;
};

/** Of one object or of several. */
struct ul_origins {
	uint64_t objects; /**< that were looked at */
	UL_VEC(struct ul_charge)
	charges;			 /**< most objects first; those charged to none are in none
					  */
	UL_VEC(struct ul_code_tag) tags; /**< most objects first */
};

void ul_origins_deinit(struct ul_origins *origins);
#define UL_CLEANUP_ORIGINS UL_CLEANUP(ul_origins_deinit)

/** The charge that most of the objects share; NULL: no such. */
const struct ul_charge *ul_origins_charge(const struct ul_origins *origins);
/** The line of code that most of the objects share; NULL: no such. */
const struct ul_code_tag *ul_origins_tag(const struct ul_origins *origins);

#endif
