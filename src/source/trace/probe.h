/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether BPF works here. */
#ifndef UL_SOURCE_TRACE_PROBE_H
#define UL_SOURCE_TRACE_PROBE_H

#include "base/error.h"
#include "model/check.h"

/** Add a check "BPF tracing": loads (and drops) smallest programs and maps. &ul_enomem only. */
UL_MUST_USE struct ul_error *ul_trace_probe(struct ul_checks *checks);

#endif
