/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who holds memory, seen from other sides than the ledger's: cgroups, open files nobody can find by
 * name, sockets, segments. Everything here overlaps the accounts and each other.
 */
#ifndef UL_MODEL_HOLDER_H
#define UL_MODEL_HOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/vec.h"
#include "model/loss.h"

/** Figures of a cgroup; names in ul_cgroup_figure_name(). */
enum ul_cgroup_figure {
	UL_CGROUP_ANON,
	UL_CGROUP_FILE, /**< page cache, shmem in it */
	UL_CGROUP_SHMEM,
	UL_CGROUP_KERNEL, /**< all below, and what has no figure of its own */
	UL_CGROUP_KERNEL_STACK,
	UL_CGROUP_PAGE_TABLES,
	UL_CGROUP_PERCPU,
	UL_CGROUP_SOCK,
	UL_CGROUP_VMALLOC,
	UL_CGROUP_SLAB_RECLAIMABLE,
	UL_CGROUP_SLAB_UNRECLAIMABLE,
	UL_CGROUP_ZSWAP,
	UL_CGROUP_SWAP,
	UL_CGROUP_FIGURES,
};

/** One slab cache of one cgroup: only version 1 with memory.kmem.slabinfo tells (until v5.9). */
struct ul_cgroup_cache {
	char name[64];
	uint64_t bytes;
	uint64_t objects;
};

struct ul_cgroup_holder {
	char *path;
	uint64_t bytes;			    /**< charged, with all below it */
	int64_t figures[UL_CGROUP_FIGURES]; /**< -1: not shown by this kernel */
	uint64_t dying;			    /**< removed below it and not freed */
	bool has_dying;
	UL_VEC(struct ul_cgroup_cache) caches;
};

/** What an open file is to the memory. */
enum ul_file_kind {
	UL_FILE_MEMFD,	       /**< memfd, shared anonymous: Shmem */
	UL_FILE_DELETED_TMPFS, /**< a deleted file of a tmpfs: Shmem until it is closed */
	UL_FILE_DELETED,       /**< a deleted file of a disk: its page cache, at most */
	UL_FILE_DMABUF,
	UL_FILE_DRM, /**< memory of a GPU client */
	UL_FILE_KINDS,
};

/** One file held open, counted once however many have it. */
struct ul_file_holder {
	enum ul_file_kind kind;
	char name[128];
	uint64_t device, inode;
	uint64_t bytes;	 /**< blocks it takes; of DELETED on disk, not in memory */
	uint64_t opened; /**< descriptors on it */
	pid_t pid;	 /**< the first that was seen with it */
	char comm[64];
};

struct ul_process_holder {
	pid_t pid;
	char comm[64];
	uint64_t fds;
	uint64_t bytes[UL_FILE_KINDS]; /**< of files it has open; a file counts for every holder */
	uint64_t rss_bytes, pss_bytes, uss_bytes, swap_bytes, table_bytes;
	bool has_pss, has_tables;
};

/** Sockets of one protocol. */
struct ul_socket_holder {
	char protocol[16];
	uint64_t sockets;
	uint64_t receive_bytes, send_bytes; /**< in their queues */
};

/** One socket with much in its queues. */
struct ul_socket_queue {
	char protocol[16];
	uint64_t inode; /**< 0: belongs to no open file any more */
	uint64_t receive_bytes, send_bytes;
	pid_t pid; /**< 0: nobody was found */
	char comm[64];
};

struct ul_segment_holder {
	int64_t id;
	uint64_t rss_bytes, swap_bytes, size_bytes, attached;
	pid_t creator;
	char comm[64]; /**< ""; the creator has exited */
};

struct ul_holders {
	bool cgroup_v1, has_cgroups, has_dying;
	uint64_t cgroups_seen;
	uint64_t dying;				    /**< cgroups removed and not freed */
	UL_VEC(struct ul_cgroup_holder) cgroups;    /**< largest first */
	UL_VEC(struct ul_process_holder) processes; /**< most descriptors first */
	UL_VEC(struct ul_file_holder) files;	    /**< largest first */
	UL_VEC(struct ul_socket_holder) protocols;
	UL_VEC(struct ul_socket_queue) queues;	   /**< largest first, only the largest */
	UL_VEC(struct ul_segment_holder) segments; /**< largest first */
	uint64_t fds_looked_at;
	double seconds; /**< what looking took */
	struct ul_losses losses;
};

void ul_holders_deinit(struct ul_holders *holders);
#define UL_CLEANUP_HOLDERS UL_CLEANUP(ul_holders_deinit)
/** "anon", "file", "kernel_stack", ...: the kernel's names of version 2. */
const char *ul_cgroup_figure_name(enum ul_cgroup_figure figure);
/** "memfd", "deleted tmpfs file", "deleted file", "dma-buf", "gpu". */
const char *ul_file_kind_name(enum ul_file_kind kind);

#endif
