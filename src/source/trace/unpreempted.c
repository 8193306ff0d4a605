// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whether the programs keep from being preempted. Where tracepoints are not preemptible it would
 * cost and change nothing. They are where they run under an SRCU of their own, which has a per-CPU
 * variable that BTF names. There was one of this name before (for tracepoints of idle tasks, until
 * v6.13, 48bcda684823), on kernels without bpf_local_irq_save() (since v6.14, c8e2ee1f3df0).
 */
#include "source/trace/unpreempted.h"

#include <bpf/btf.h>

#include "base/span.h"

bool ul_unpreempted_wanted(const struct btf *btf, enum ul_trace_preemption preemption)
{
	static const char *const functions[] = {"bpf_preempt_disable", "bpf_preempt_enable",
						"bpf_local_irq_save", "bpf_local_irq_restore"};
	if (preemption == UL_TRACE_PREEMPTED)
		return false;
	for (size_t i = 0; i < UL_ARRAY_LEN(functions); i++)
		if (btf__find_by_name_kind(btf, functions[i], BTF_KIND_FUNC) <= 0)
			return false;
	// Linux kernel/tracepoint.c tracepoint_srcu, include/linux/srcutree.h __DEFINE_SRCU().
	return preemption == UL_TRACE_UNPREEMPTED ||
	       btf__find_by_name_kind(btf, "tracepoint_srcu_srcu_data", BTF_KIND_VAR) > 0;
}
