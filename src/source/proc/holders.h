/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who holds memory: one look at cgroups, open files, sockets and segments. */
#ifndef UL_SOURCE_PROC_HOLDERS_H
#define UL_SOURCE_PROC_HOLDERS_H

#include "base/error.h"
#include "model/holder.h"
#include "model/ledger.h"
#include "source/proc/proc.h"

/**
 * Look at every cgroup, every socket table and every open file of the processes of @p ledger, which
 * must be the newest one read from @p proc. Takes milliseconds for each thousand open files.
 *
 * @param top  Read PSS and USS of this many processes, and keep so many queues.
 * @param ret  Initialised here; caller deinitialises. What could not be seen is in its losses.
 */
UL_MUST_USE struct ul_error *ul_proc_holders(struct ul_proc *proc, const struct ul_ledger *ledger,
					     size_t top, struct ul_holders *ret);

#endif
