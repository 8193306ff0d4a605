/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the programs keep from being preempted: unpreempted.bpf.h. Private to source/trace. */
#ifndef UL_SOURCE_TRACE_UNPREEMPTED_H
#define UL_SOURCE_TRACE_UNPREEMPTED_H

#include <stdbool.h>

#include "source/trace/trace.h"

struct btf;

/** True when the programs are to call what @p btf, the kernel's, must have for it. */
bool ul_unpreempted_wanted(const struct btf *btf, enum ul_trace_preemption preemption);

#endif
