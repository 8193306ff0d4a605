/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of tracefs: found or mounted for this process alone, and instances of our own in it. */
#ifndef UL_SOURCE_FTRACE_TRACEFS_H
#define UL_SOURCE_FTRACE_TRACEFS_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/vec.h"

enum { UL_TRACEFS_NAME = 64, UL_TRACEFS_FILE_MAX = 1 << 20 };

/**
 * Directory of tracefs: where it is mounted under @p sys_root (NULL: /sys), else a mount that no
 * namespace sees and that goes with the descriptor (Linux 5.2). UL_ERR_UNSUPPORTED,
 * UL_ERR_PERMISSION, each with a hint.
 */
UL_MUST_USE struct ul_error *ul_tracefs_open(const char *sys_root, int *ret_fd);

/** A directory of its own in instances/: buffers and switches that nobody else uses. */
struct ul_instance {
	int tracefs; /**< borrowed */
	int fd;	     /**< of its directory; -1: none */
	char name[UL_TRACEFS_NAME];
};

/** Make one called ullage-PID-START-@p role. */
UL_MUST_USE struct ul_error *ul_instance_create(int tracefs, const char *role,
						struct ul_instance *ret);
/** Remove it; every file of it must be closed. */
void ul_instance_remove(struct ul_instance *instance);
/** Write @p text to a file of the instance. */
UL_MUST_USE struct ul_error *ul_instance_write(const struct ul_instance *instance, const char *file,
					       const char *text);
/** Opens trace_pipe_raw of processor @p cpu, not blocking; the caller closes *@p ret_fd. */
UL_MUST_USE struct ul_error *ul_instance_open_ring(const struct ul_instance *instance, uint32_t cpu,
						   int *ret_fd);
/** All of a file below @p directory, at most UL_TRACEFS_FILE_MAX bytes. */
UL_MUST_USE struct ul_error *ul_tracefs_read(int directory, const char *file, struct ul_buf *ret);

/** Numbers of processors; ul_vec_deinit() it. */
struct ul_tracefs_cpus {
	UL_VEC(uint32_t) numbers;
};

/**
 * Processors that have a ring, in order: all that are possible. Numbers may be left out between
 * them. None where there is no directory per_cpu.
 */
UL_MUST_USE struct ul_error *ul_tracefs_cpus(int tracefs, struct ul_tracefs_cpus *ret);
/** Directory @p name of tracefs (or of an instance), to be read; NULL when there is none. */
DIR *ul_tracefs_open_directory(int tracefs, const char *name);
/**
 * How many instances there are of ullages that are gone (killed: nothing else leaves one). With
 * @p remove they are removed and counted.
 */
size_t ul_tracefs_stale(int tracefs, bool remove);
/**
 * Remove the instances of process @p pid, which is ending: for who outlives it. They go once its
 * files are closed, so this is to be tried again while *@p ret_left is not 0.
 */
void ul_tracefs_forget(int tracefs, pid_t pid, size_t *ret_left);
/** True when @p name is an instance of an ullage that does not run any more. */
bool ul_tracefs_is_stale(const char *name);

#endif
