/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Open files of processes, as far as they hold memory. */
#ifndef UL_SOURCE_PROC_FDS_H
#define UL_SOURCE_PROC_FDS_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"
#include "model/holder.h"
#include "model/ledger.h"
#include "source/proc/shmem.h"

enum ul_fd_sort {
	UL_FD_OTHER,
	UL_FD_SOCKET, /**< inode is known */
	UL_FD_MEMFD,
	UL_FD_DELETED, /**< of which file system is not known yet */
	UL_FD_DMABUF,
	UL_FD_DRM,
};

struct ul_fd_link {
	enum ul_fd_sort sort;
	uint64_t inode;	     /**< of a socket */
	struct ul_span name; /**< without the decoration; borrowed from the text */
};

/** What the text of a link /proc/PID/fd/N says. */
void ul_fd_parse_link(struct ul_span link, struct ul_fd_link *ret);

/** What /proc/PID/fdinfo/N says of a GPU client. */
struct ul_fd_drm {
	uint64_t client;
	uint64_t bytes; /**< drm-total- of all regions; drm-memory- where there is no total */
	bool has_client;
};
void ul_fd_parse_drm(struct ul_span text, struct ul_fd_drm *ret);

/** One open file that matters. */
struct ul_fd {
	enum ul_fd_sort sort; /**< never OTHER */
	enum ul_file_kind kind;
	char name[128];
	uint64_t device, inode;
	uint64_t bytes;
};

struct ul_fds {
	DIR *dir;	 /**< /proc/PID/fd; NULL: may not be read, or gone */
	int fdinfo_base; /**< the /proc root; borrowed */
	char pid[16];
	const struct ul_tmpfs_list *tmpfs; /**< to tell its deleted files; may be NULL. Borrowed */
	bool sockets;			   /**< give sockets, too */
	uint64_t seen;			   /**< descriptors looked at */
	char link[4200];
};

/** Begin with the files of @p pid; false when they cannot be listed. */
bool ul_fds_begin(struct ul_fds *fds, int proc_fd, pid_t pid, const struct ul_tmpfs_list *tmpfs,
		  bool sockets);
/** The next open file that matters; false at the end. */
bool ul_fds_next(struct ul_fds *fds, struct ul_fd *ret);
void ul_fds_end(struct ul_fds *fds);
#define UL_CLEANUP_FDS UL_CLEANUP(ul_fds_end)

struct ul_held_by {
	pid_t pid;
	uint64_t start_ticks;
};

/** When to look for holders of shared memory during a measurement, and what that costs. */
struct ul_held_state {
	int64_t shmem_bytes;   /**< Shmem when it was last found grown; -1: before the first */
	int64_t grown_ns;      /**< when that was */
	int64_t next_all_ns;   /**< not all processes again before */
	int64_t next_known_ns; /**< nor the known holders */
	UL_VEC(struct ul_held_by) known; /**< who held something when all were looked at */
};

void ul_held_deinit(struct ul_held_state *state);
/**
 * Fill held_bytes of the processes of @p ledger, while shared memory grows and when it is time
 * again; else leave it unset. Times are CLOCK_BOOTTIME.
 */
UL_MUST_USE struct ul_error *ul_held_sample(struct ul_held_state *state, int proc_fd,
					    const struct ul_tmpfs_list *tmpfs,
					    struct ul_ledger *ledger);

#endif
