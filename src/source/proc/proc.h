/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger from /proc and /sys: see ledger.c for what each account is made of. */
#ifndef UL_SOURCE_PROC_PROC_H
#define UL_SOURCE_PROC_PROC_H

#include "base/error.h"
#include "model/kernel.h"
#include "model/ledger.h"
#include "model/mapping.h"

struct ul_proc;

struct ul_proc_options {
	const char *proc_root; /**< NULL: "/proc" */
	const char *sys_root;  /**< NULL: "/sys" */
};

/** Which parts of a ledger to fill beside the accounts. */
struct ul_proc_want {
	bool processes;	       /**< RSS of every process */
	size_t pss_of_top;     /**< read PSS (smaps_rollup) of this many largest; 0: none */
	const pid_t *pss_pids; /**< and of these (the growing ones); may be NULL */
	size_t pss_pids_len;
	bool held;    /**< of every process open files and page tables, and what memfds hold */
	bool cgroups; /**< the largest memory cgroups */
	bool outside; /**< what is cheap and changes seldom: RAM outside MemTotal, dma-buf */
};

/** Open the roots; they stay open, so that one object serves many samples cheaply. */
UL_MUST_USE struct ul_error *ul_proc_open(const struct ul_proc_options *options,
					  struct ul_proc **ret);
void ul_proc_destroy(struct ul_proc *proc);
UL_DEFINE_CLEANUP(ul_cleanup_proc, struct ul_proc, ul_proc_destroy);
#define UL_CLEANUP_PROC UL_CLEANUP(ul_cleanup_proc)

/** Which kernel: uname (live), or sys/kernel/{osrelease,version} below a recorded proc_root. */
UL_MUST_USE struct ul_error *ul_proc_kernel(struct ul_proc *proc, struct ul_kernel *ret);

/**
 * One sample of the whole ledger, closed and balanced. A file that is missing or may not be read
 * (slabinfo, vmallocinfo) becomes a loss and coarser accounts; only a missing or damaged meminfo
 * is an error. @p ret is initialised here; caller deinitialises.
 */
UL_MUST_USE struct ul_error *ul_proc_ledger(struct ul_proc *proc, const struct ul_proc_want *want,
					    struct ul_ledger *ret);

/** Sum up /proc/PID/smaps by sort of mapping. UL_ERR_OS with ENOENT/ESRCH: it has exited. */
UL_MUST_USE struct ul_error *ul_proc_mappings(struct ul_proc *proc, pid_t pid,
					      struct ul_mappings *ret);

#endif
