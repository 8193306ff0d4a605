/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which files of /proc and /sys can be read here, and what would enable those that cannot. */
#ifndef UL_SOURCE_PROC_PROBE_H
#define UL_SOURCE_PROC_PROBE_H

#include "base/error.h"
#include "model/check.h"
#include "source/proc/proc.h"

/**
 * Add one check for each source of facts below /proc and /sys. Only opens and reads; nothing is
 * mounted, loaded or switched on. &ul_enomem only: what cannot be probed is a missing check.
 */
UL_MUST_USE struct ul_error *ul_proc_probe(const struct ul_proc_options *options,
					   struct ul_checks *checks);

#endif
