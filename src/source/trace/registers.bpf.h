/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Arguments and result of a function that a kprobe is set on. Defined for the architectures that
 * are known here: `#if defined(FIRST)`.
 */
#ifndef UL_SOURCE_TRACE_REGISTERS_BPF_H
#define UL_SOURCE_TRACE_REGISTERS_BPF_H

#include <linux/types.h>

/* Linux arch/ARCH/include/asm/ptrace.h; arguments of functions lie in registers. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs,
		flags, sp, ss;
};
#define FIRST(regs)  ((regs)->di)
#define SECOND(regs) ((regs)->si)
#define THIRD(regs)  ((regs)->dx)
#define FOURTH(regs) ((regs)->cx)
#define FIFTH(regs)  ((regs)->r8)
#define SIXTH(regs)  ((regs)->r9)
#define RESULT(regs) ((regs)->ax)
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31], sp, pc, pstate;
};
#define FIRST(r)  ((r)->regs[0])
#define SECOND(r) ((r)->regs[1])
#define THIRD(r)  ((r)->regs[2])
#define FOURTH(r) ((r)->regs[3])
#define FIFTH(r)  ((r)->regs[4])
#define SIXTH(r)  ((r)->regs[5])
#define RESULT(r) ((r)->regs[0])
#endif

#endif
