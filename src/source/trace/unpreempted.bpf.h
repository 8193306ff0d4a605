/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who is preempted inside a program leaves it marked as running there: until it goes on, the kernel
 * skips the program for every other task of the processor, and their events are missed (Linux
 * kernel/trace/bpf_trace.c __bpf_trace_run(), include/linux/bpf.h, prog->active).
 * That can be where tracepoints are preemptible: commit a46023d5616e ("tracing: Guard
 * __DECLARE_TRACE() use of __DO_TRACE_CALL() with SRCU-fast"). There what takes long, a record or
 * the free of one, is done unpreempted. The few instructions before are not: most events need no
 * more than these, and a pair of calls would double what they cost.
 *
 * bpf_preempt_enable() alone is no help. A reschedule that came due meanwhile would be done by it,
 * inside of the program still. With interrupts off it is not, and left to who enables preemption
 * next: the kernel, behind the program (migrate_enable()). Interrupts are only switched off when
 * something is due, since that costs more than all else here.
 *
 * What stays: who is preempted before the begin or behind the end.
 */
#ifndef UL_SOURCE_TRACE_UNPREEMPTED_BPF_H
#define UL_SOURCE_TRACE_UNPREEMPTED_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

/* Set before load, where it is of use and the functions exist; else their calls are dead code. */
const volatile bool unpreempted = false;

extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;
extern void bpf_local_irq_save(unsigned long *flags) __ksym __weak;
extern void bpf_local_irq_restore(unsigned long *flags) __ksym __weak;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct thread_info {
	unsigned long flags;
};
struct task_struct {
	struct thread_info thread_info;
};
#pragma clang attribute pop

/* TIF_NEED_RESCHED is one of these, whatever the architecture; a bit too many does no harm. */
enum { DUE_FLAGS = 0xff };

static __always_inline void begin_unpreempted(void)
{
	if (unpreempted)
		bpf_preempt_disable();
}

static __always_inline void end_unpreempted(void)
{
	unsigned long flags;
	if (!unpreempted)
		return;
	const struct task_struct *task = (void *)bpf_get_current_task_btf();
	if (!(task->thread_info.flags & DUE_FLAGS)) {
		bpf_preempt_enable();
		return;
	}
	bpf_local_irq_save(&flags);
	bpf_preempt_enable();
	bpf_local_irq_restore(&flags);
}

#endif
