/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Probes for what the kernel allocates and frees without an event. Private to source/trace. */
#ifndef UL_SOURCE_TRACE_HIDDEN_H
#define UL_SOURCE_TRACE_HIDDEN_H

#include "source/trace/tracer.h"

struct btf;
struct btf_type;

/** What can be hidden; each is a blind spot as long as its probes are not attached. */
enum ul_hidden {
	UL_HIDDEN_FREE_RCU = 1 << 0,
	UL_HIDDEN_FREE_BULK = 1 << 1,
	UL_HIDDEN_ALLOC_BULK = 1 << 2,
	UL_HIDDEN_PAGES_BULK = 1 << 3,
	UL_HIDDEN_MEMPOOL = 1 << 4,
	UL_HIDDEN_VMALLOC = 1 << 5,
	UL_HIDDEN_VFREE = 1 << 6,
};

/** How the functions are watched. */
enum ul_hidden_how {
	UL_HIDDEN_AUTO,	  /**< trampolines, else kprobes */
	UL_HIDDEN_KPROBE, /**< kprobes only */
	UL_HIDDEN_NOT,
};

/**
 * Choose the programs to load, for the functions that this kernel has. Between open and load of the
 * skeleton.
 */
void ul_hidden_configure(struct trace_bpf *skeleton, const struct ul_tracer *tracer,
			 const struct btf *btf, enum ul_hidden_how how);
/**
 * Attach what was loaded; what cannot be attached is left out. Fills tracer->hidden and
 * tracer->hidden_links. &ul_enomem only.
 */
UL_MUST_USE struct ul_error *ul_hidden_attach(struct ul_tracer *tracer);
void ul_hidden_detach(struct ul_hidden_links *links);
/** What stays hidden, as losses: of the allocators that are traced. */
UL_MUST_USE struct ul_error *ul_hidden_losses(const struct ul_tracer *tracer,
					      struct ul_losses *losses);

/** The prototype of a function of the kernel; NULL: BTF has no such function. */
const struct btf_type *ul_hidden_prototype_of(const struct btf *btf, const char *name);
/**
 * True when the verifier takes a trampoline program for @p name: shown by one that does nothing. It
 * refuses functions with arguments that trampolines cannot pass on, and all on a kernel without.
 */
bool ul_hidden_has_trampoline(const struct btf *btf, const char *name);
/**
 * False where kprobes are known not to exist: verifying their programs takes a second that would be
 * for nothing. Linux kernel/events/core.c perf_kprobe, kernel/trace/trace_kprobe.c.
 */
bool ul_hidden_has_kprobes(void);

#endif
