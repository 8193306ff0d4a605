/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A cgroup by its path, as the kernel numbers it. */
#ifndef UL_SOURCE_PROC_CGROUP_ID_H
#define UL_SOURCE_PROC_CGROUP_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct ul_cgroup_id {
	uint64_t inode; /**< of its directory: its number, Linux fs/kernfs/ (v5.5) */
	bool v1;	/**< of the memory controller's own hierarchy, not of version 2 */
};

/**
 * The cgroup at @p path: its directory, or its path in its hierarchy as /proc/PID/cgroup has it,
 * which is looked for among those of the memory controller and of version 2 under @p sys_root
 * (NULL: "/sys"). UL_ERR_USAGE: there is none, or it is one of other controllers of version 1.
 */
UL_MUST_USE struct ul_error *ul_cgroup_id(const char *sys_root, const char *path,
					  struct ul_cgroup_id *ret);

#endif
