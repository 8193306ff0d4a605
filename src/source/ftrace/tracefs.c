// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An instance is a set of ring buffers with switches of its own (Linux kernel/trace/trace.c
 * instance_mkdir()): what others trace is not touched, and they do not see ours. It lives until it
 * is removed, so one that was left behind by a killed ullage must be found again: its name has the
 * process id and the start time of its maker, which together are never used twice.
 */
#include "source/ftrace/tracefs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/span.h"
#include "base/text.h"

static const char prefix[] = "ullage-";
static const char mount_hint[] = "mount -t tracefs nodev /sys/kernel/tracing";

/** Open @p path when tracefs is mounted there; -1. */
static int open_mounted(const char *sys_root, const char *path)
{
	char full[4096];
	struct statfs status;
	snprintf(full, sizeof(full), "%s/%s", sys_root ? sys_root : "/sys", path);
	const int fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (!fstatfs(fd, &status) && (uint32_t)status.f_type == TRACEFS_MAGIC)
		return fd;
	close(fd);
	return -1;
}

/** A mount that hangs nowhere: fsopen(2), fsmount(2). -1 with errno. */
static int mount_detached(void)
{
	UL_CLEANUP_CLOSE int context = (int)syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC);
	if (context < 0)
		return -1;
	if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -1;
	return (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
}

struct ul_error *ul_tracefs_open(const char *sys_root, int *ret_fd)
{
	static const char *const homes[] = {"kernel/tracing", "kernel/debug/tracing"};
	for (size_t i = 0; i < UL_ARRAY_LEN(homes); i++) {
		*ret_fd = open_mounted(sys_root, homes[i]);
		if (*ret_fd >= 0)
			return NULL;
	}
	*ret_fd = mount_detached();
	if (*ret_fd >= 0)
		return NULL;
	const int reason = errno;
	if (reason == ENODEV)
		return ul_error_new(UL_ERR_UNSUPPORTED,
				    "ftrace: this kernel has no tracefs (CONFIG_TRACING)");
	if (reason == EPERM || reason == EACCES)
		return ul_error_hint(ul_error_new(UL_ERR_PERMISSION,
						  "ftrace: tracefs is not mounted, and mounting it "
						  "for ullage alone is not permitted"),
				     "as root: %s", mount_hint);
	return ul_error_hint(ul_error_new(UL_ERR_UNSUPPORTED,
					  "ftrace: tracefs is not mounted, and this kernel cannot "
					  "mount it for one process alone: %s",
					  strerror(reason)),
			     "%s", mount_hint);
}

struct ul_error *ul_tracefs_read(int directory, const char *file, struct ul_buf *ret)
{
	ul_buf_clear(ret);
	struct ul_error *error = ul_file_read(directory, file, UL_TRACEFS_FILE_MAX, ret);
	return error ? ul_error_prepend(error, "tracefs") : NULL;
}

/** Field 22 of /proc/PID/stat, in clock ticks since boot; 0: there is no such process. */
static uint64_t start_ticks(pid_t pid)
{
	enum { FIELDS_BEHIND_COMM = 20 };
	char path[64];
	char text[2048];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	UL_CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (got <= 0)
		return 0;
	const char *paren = memrchr(text, ')', (size_t)got);
	if (!paren)
		return 0;
	struct ul_span rest = {paren + 1, (size_t)(text + got - paren - 1)};
	struct ul_span word;
	for (size_t i = 0; i < FIELDS_BEHIND_COMM; i++)
		if (!ul_span_word(&rest, &word))
			return 0;
	uint64_t ticks;
	return ul_span_u64(word, &ticks) ? ticks : 0;
}

struct ul_error *ul_instance_write(const struct ul_instance *instance, const char *file,
				   const char *text)
{
	UL_CLEANUP_CLOSE int fd = openat(instance->fd, file, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return ul_error_os(errno, "ftrace: opening %s of our instance", file);
	const ssize_t written = write(fd, text, strlen(text));
	if (written < 0)
		return ul_error_os(errno, "ftrace: writing '%s' to %s of our instance", text, file);
	return NULL;
}

struct ul_error *ul_instance_create(int tracefs, const char *role, struct ul_instance *ret)
{
	struct ul_instance instance = {.tracefs = tracefs, .fd = -1};
	char path[UL_TRACEFS_NAME + 16];
	snprintf(instance.name, sizeof(instance.name), "%s%d-%" PRIu64 "-%s", prefix, (int)getpid(),
		 start_ticks(getpid()), role);
	snprintf(path, sizeof(path), "instances/%s", instance.name);
	if (mkdirat(tracefs, path, 0700)) {
		const int reason = errno;
		if (reason == ENOENT || reason == EPERM || reason == EACCES)
			return ul_error_hint(ul_error_new(reason == ENOENT ? UL_ERR_UNSUPPORTED
									   : UL_ERR_PERMISSION,
							  "ftrace: no instance can be made: %s",
							  strerror(reason)),
					     "see: ullage doctor");
		return ul_error_os(reason, "ftrace: making instance %s", instance.name);
	}
	instance.fd = openat(tracefs, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (instance.fd < 0) {
		const int reason = errno;
		unlinkat(tracefs, path, AT_REMOVEDIR);
		return ul_error_os(reason, "ftrace: opening instance %s", instance.name);
	}
	*ret = instance;
	return NULL;
}

void ul_instance_remove(struct ul_instance *instance)
{
	char path[UL_TRACEFS_NAME + 16];
	if (!instance->name[0])
		return;
	if (instance->fd >= 0)
		close(instance->fd);
	snprintf(path, sizeof(path), "instances/%s", instance->name);
	unlinkat(instance->tracefs, path, AT_REMOVEDIR);
	*instance = (struct ul_instance){.fd = -1};
}

bool ul_tracefs_is_stale(const char *name)
{
	struct ul_span rest = ul_span_of(name);
	struct ul_span word;
	uint64_t pid;
	uint64_t ticks;
	if (!ul_span_starts(rest, prefix))
		return false;
	rest.data += sizeof(prefix) - 1;
	rest.len -= sizeof(prefix) - 1;
	if (!ul_span_cut(&rest, '-', &word) || !ul_span_u64(word, &pid) || pid > INT32_MAX ||
	    !ul_span_cut(&rest, '-', &word) || !ul_span_u64(word, &ticks))
		return false;
	return start_ticks((pid_t)pid) != ticks;
}

DIR *ul_tracefs_open_directory(int tracefs, const char *name)
{
	const int fd = openat(tracefs, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory && fd >= 0)
		close(fd);
	return directory;
}

static int by_number(const void *left, const void *right)
{
	const uint32_t a = *(const uint32_t *)left;
	const uint32_t b = *(const uint32_t *)right;
	return a < b ? -1 : a > b;
}

struct ul_error *ul_tracefs_cpus(int tracefs, struct ul_tracefs_cpus *ret)
{
	*ret = (struct ul_tracefs_cpus){0};
	DIR *directory UL_CLEANUP_CLOSEDIR = ul_tracefs_open_directory(tracefs, "per_cpu");
	const struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		uint64_t number;
		const struct ul_span name = ul_span_of(entry->d_name);
		if (!ul_span_starts(name, "cpu") ||
		    !ul_span_u64((struct ul_span){name.data + 3, name.len - 3}, &number) ||
		    number > UINT32_MAX)
			continue;
		if (!ul_vec_push(&ret->numbers, (uint32_t)number)) {
			ul_vec_deinit(&ret->numbers);
			return &ul_enomem;
		}
	}
	if (ret->numbers.len)
		qsort(ret->numbers.data, ret->numbers.len, sizeof(*ret->numbers.data), by_number);
	return NULL;
}

struct ul_error *ul_instance_open_ring(const struct ul_instance *instance, uint32_t cpu,
				       int *ret_fd)
{
	char path[64];
	snprintf(path, sizeof(path), "per_cpu/cpu%" PRIu32 "/trace_pipe_raw", cpu);
	*ret_fd = openat(instance->fd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return *ret_fd < 0 ? ul_error_os(errno, "ftrace: opening %s", path) : NULL;
}

size_t ul_tracefs_stale(int tracefs, bool remove)
{
	size_t count = 0;
	DIR *directory UL_CLEANUP_CLOSEDIR = ul_tracefs_open_directory(tracefs, "instances");
	if (!directory)
		return 0;
	const struct dirent *entry;
	while ((entry = readdir(directory))) {
		if (!ul_tracefs_is_stale(entry->d_name))
			continue;
		// One that is used (by an ullage of another pid namespace) refuses to go: EBUSY.
		count += !remove || !unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
	}
	return count;
}

void ul_tracefs_forget(int tracefs, pid_t pid, size_t *ret_left)
{
	char own[UL_TRACEFS_NAME];
	DIR *directory UL_CLEANUP_CLOSEDIR = ul_tracefs_open_directory(tracefs, "instances");
	snprintf(own, sizeof(own), "%s%d-", prefix, (int)pid);
	*ret_left = 0;
	if (!directory)
		return;
	const struct dirent *entry;
	while ((entry = readdir(directory)))
		if (!strncmp(entry->d_name, own, strlen(own)) &&
		    unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR))
			++*ret_left;
}
