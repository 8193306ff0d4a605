/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits on what a /proc text may claim. They are chosen so that no sum of accounts can overflow:
 * 52 bits is what page tables of today's machines can address, and 2^36 pages of 64 KiB are as
 * much.
 */
#ifndef UL_SOURCE_PROC_LIMITS_H
#define UL_SOURCE_PROC_LIMITS_H

#include <stdint.h>

#define UL_PROC_LIMIT_BYTES (UINT64_C(1) << 52) /**< any one figure, and MemTotal */
#define UL_PROC_LIMIT_PAGES (UINT64_C(1) << 36)

enum {
	UL_PROC_LIMIT_PAGE_BYTES = 65536, /**< largest page of a kernel that is supported */
	UL_PROC_LIMIT_CACHES = 8192,	  /**< lines of slabinfo */
	UL_PROC_LIMIT_CALLERS = 4096,	  /**< different callers in vmallocinfo */
	UL_PROC_LIMIT_CPUS = 65536,
	UL_PROC_LIMIT_SEGMENTS = 65536,	 /**< System V segments: twice Linux IPCMNI */
	UL_PROC_LIMIT_MOUNTS = 4096,	 /**< tmpfs mounts */
	UL_PROC_LIMIT_CGROUPS = 16384,	 /**< memory cgroups looked at */
	UL_PROC_LIMIT_SOCKETS = 1 << 20, /**< sockets with something in their queues */
	UL_PROC_LIMIT_HELD = 1 << 18,	 /**< open files that hold memory */
	UL_PROC_LIMIT_PROCESSES =
		4 * 1024 * 1024, /**< Linux include/linux/threads.h PID_MAX_LIMIT */
};

#endif
