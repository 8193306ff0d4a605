// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Version 1 has a hierarchy for each controller, so one path may stand for several cgroups: of
 * these only that of the memory controller is meant, which is told by its files.
 */
#include "source/proc/cgroup_id.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"

enum outcome { ABSENT, NO_CGROUP, NO_MEMORY, FOUND };

static enum outcome look_at(const char *directory, struct ul_cgroup_id *ret)
{
	struct statfs filesystem;
	struct stat status;
	UL_CLEANUP_CLOSE const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ABSENT;
	if (fstatfs(fd, &filesystem) || fstat(fd, &status))
		return NO_CGROUP;
	const bool v1 = filesystem.f_type == CGROUP_SUPER_MAGIC;
	if (!v1 && filesystem.f_type != CGROUP2_SUPER_MAGIC)
		return NO_CGROUP;
	if (v1 && faccessat(fd, "memory.stat", F_OK, 0))
		return NO_MEMORY;
	*ret = (struct ul_cgroup_id){.inode = status.st_ino, .v1 = v1};
	return FOUND;
}

struct ul_error *ul_cgroup_id(const char *sys_root, const char *path, struct ul_cgroup_id *ret)
{
	static const char *const hierarchies[] = {"memory", ".", "unified"};
	enum outcome best = look_at(path, ret);
	for (size_t i = 0; i < UL_ARRAY_LEN(hierarchies) && best != FOUND; i++) {
		UL_CLEANUP_FREE char *directory = NULL;
		if (asprintf(&directory, "%s/fs/cgroup/%s/%s", sys_root ? sys_root : "/sys",
			     hierarchies[i], path) < 0) {
			directory = NULL;
			return &ul_enomem;
		}
		const enum outcome outcome = look_at(directory, ret);
		best = outcome > best ? outcome : best;
	}
	switch (best) {
	case FOUND:
		return NULL;
	case NO_MEMORY:
		return ul_error_new(UL_ERR_USAGE, "%s is a cgroup of other controllers than memory",
				    path);
	case NO_CGROUP:
		return ul_error_new(UL_ERR_USAGE, "%s is no cgroup", path);
	case ABSENT:
		break;
	}
	return ul_error_hint(
		ul_error_new(UL_ERR_USAGE, "there is no cgroup %s", path),
		"ullage account --holders lists them; cat /proc/PID/cgroup has that of "
		"a process");
}
