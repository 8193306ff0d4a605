/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of struct ul_proc. */
#ifndef UL_SOURCE_PROC_STATE_H
#define UL_SOURCE_PROC_STATE_H

#include <dirent.h>

#include "base/buf.h"
#include "source/proc/cgroup.h"
#include "source/proc/fds.h"
#include "source/proc/ledger.h"
#include "source/proc/proc.h"

enum ul_proc_file {
	UL_PROC_MEMINFO,
	UL_PROC_SLABINFO,
	UL_PROC_VMALLOCINFO,
	UL_PROC_ZONEINFO,
	UL_PROC_VMSTAT,
	UL_PROC_SOCKSTAT,
	UL_PROC_SOCKSTAT6,
	UL_PROC_SYSVIPC,
	UL_PROC_MOUNTINFO,
	UL_PROC_CGROUPS,
	UL_PROC_FILES,
};

struct ul_proc {
	int proc_fd;
	int sys_fd; /**< -1: no /sys */
	DIR *pids;
	bool live; /**< the roots are this machine's, not a recorded tree */
	uint32_t page_bytes;
	uint32_t cpus;
	bool zswap_apart;
	/** Open files are kept and read from their start again; -1: not open (yet). */
	int fds[UL_PROC_FILES];
	struct ul_buf texts[UL_PROC_FILES];
	struct ul_buf scratch;
	// Reused from sample to sample for their memory; they borrow from `texts`.
	struct ul_slabinfo slabinfo;
	struct ul_vmallocinfo vmallocinfo;
	struct ul_slab_aliases aliases;
	struct ul_sysv sysv;
	struct ul_tmpfs_list tmpfs;
	struct ul_cgroups cgroups;
	struct ul_held_state held;
	int64_t aliases_ns;	/**< CLOCK_BOOTTIME when they were read; 0: never */
	size_t aliases_unknown; /**< names of slabinfo that were not there then */
	uint64_t seen;
};

/** The whole text of @p file, valid until the next read of it. */
UL_MUST_USE struct ul_error *ul_proc_read(struct ul_proc *proc, enum ul_proc_file file,
					  struct ul_span *ret);

#endif
