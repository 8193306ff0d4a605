/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What shared memory consists of: System V segments, tmpfs mounts. */
#ifndef UL_SOURCE_PROC_SHMEM_H
#define UL_SOURCE_PROC_SHMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/span.h"
#include "base/vec.h"

/** One line of /proc/sysvipc/shm. */
struct ul_sysv_segment {
	int64_t id;
	uint64_t size_bytes; /**< asked for */
	uint64_t rss_bytes;
	uint64_t swap_bytes;
	uint64_t attached;
	pid_t creator; /**< may have exited */
};

struct ul_sysv {
	UL_VEC(struct ul_sysv_segment) segments;
	uint64_t rss_bytes;
	uint64_t bad_lines;
	bool has_rss; /**< the kernel shows what is resident */
};

/**
 * Parse the text of /proc/sysvipc/shm. @p ret must be zero or an earlier result, whose memory it
 * reuses. Damaged lines are counted. @return &ul_enomem or UL_ERR_LIMIT.
 */
UL_MUST_USE struct ul_error *ul_sysv_parse(struct ul_span text, struct ul_sysv *ret);
void ul_sysv_deinit(struct ul_sysv *sysv);
#define UL_CLEANUP_SYSV UL_CLEANUP(ul_sysv_deinit)

enum { UL_TMPFS_PATH = 256 };

/** A mount that may be of tmpfs; which is only known once it was asked. */
struct ul_tmpfs {
	char path[UL_TMPFS_PATH]; /**< unescaped */
	char type[16];		  /**< "tmpfs", "devtmpfs", "rootfs" */
	uint64_t device;	  /**< as makedev(): one file system may be mounted often */
	uint64_t bytes;		  /**< valid if known */
	bool known;
};

struct ul_tmpfs_list {
	UL_VEC(struct ul_tmpfs) mounts; /**< one for each device */
	uint64_t unknown;		/**< hidden by other mounts, or without a limit of size */
};

/** Find the tmpfs mounts in the text of /proc/PID/mountinfo; as ul_sysv_parse() in the rest. */
UL_MUST_USE struct ul_error *ul_tmpfs_parse(struct ul_span text, struct ul_tmpfs_list *ret);
/** Ask every mount of @p list for its size: `bytes`, `known`; and count the others. */
void ul_tmpfs_measure(struct ul_tmpfs_list *list);
void ul_tmpfs_deinit(struct ul_tmpfs_list *list);
#define UL_CLEANUP_TMPFS UL_CLEANUP(ul_tmpfs_deinit)

#endif
