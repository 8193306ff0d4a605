/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Allocations of the running kernel, paired with their frees by BPF programs (trace.bpf.c).
 *
 *	open (load, attach: nothing is recorded) -> record -> drain -> collect -> destroy
 */
#ifndef UL_SOURCE_TRACE_TRACE_H
#define UL_SOURCE_TRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "model/site.h"

enum ul_trace_allocators {
	UL_TRACE_SLAB = 1 << 0,
	UL_TRACE_PAGES = 1 << 1,
	UL_TRACE_PERCPU = 1 << 2,
	UL_TRACE_VMALLOC = 1 << 3, /**< where its functions can be probed */
};

/** Account of kmalloc beyond the caches: its pages come straight from the page allocator. */
#define UL_TRACE_KMALLOC_LARGE "kmalloc-large"

enum { UL_TRACE_MAX_CACHES = 16 };

/** Whether a program may be preempted while it records: others' events are missed meanwhile. */
enum ul_trace_preemption {
	UL_TRACE_PREEMPTION_AUTO, /**< not where tracepoints are preemptible, if the kernel can */
	UL_TRACE_PREEMPTED,	  /**< where they are (for tests) */
	UL_TRACE_UNPREEMPTED,	  /**< not, wherever the kernel can (for tests) */
};

struct ul_tracer_options {
	unsigned int allocators; /**< enum ul_trace_allocators */
	bool stacks;		 /**< of slab allocations; pages and percpu always have theirs */
	uint64_t bytes_min;	 /**< slab: only allocations of this many bytes (allocated) */
	uint64_t bytes_max;
	const char *const *caches; /**< slab: only these, by the names slabinfo has; borrowed */
	size_t caches_len;	   /**< 0: all; at most UL_TRACE_MAX_CACHES */
	pid_t pid;		   /**< only this process; 0: all */
	const char *comm;	   /**< only processes of this name; NULL: all */
	uint64_t cgroup;	   /**< only processes in it or below; its inode; 0: all */
	bool cgroup_v1;		   /**< it is one of the memory controller of version 1 */
	size_t max_live;	   /**< room for live slab objects, 24 bytes each; 0: by memory */
	uint64_t memory_bytes;	   /**< of all tables; 0: room for 524,288 */
	bool free_paths;	   /**< who frees what is freed; for complete traces */
	bool freed_contents;	   /**< with free_paths: and what it held */
	bool no_trampolines;	   /**< probe what has no event by kprobes (for tests) */
	bool walk_all;		   /**< no stack is known again: each is walked (for tests) */
	enum ul_trace_preemption preemption;
	double share;	     /**< of addresses recorded at first, 0..1; 0: all. Rounded to a power
			      * of two. Counts are scaled up */
	double cpu_budget;   /**< what recording may cost, of all CPUs together, 0..1: the share is
			      * lowered and raised so. 0: whatever it costs */
	size_t max_examples; /**< survivors kept by address for each site; 0: 512 */
	/**
	 * From ul_layout_find(), to tell the cache of a kmalloc object; page_offset 0: not known.
	 */
	uint64_t page_offset;
	uint64_t vmemmap;
	uint32_t struct_page_bytes;
	uint32_t page_bytes;
};

struct ul_tracer;

/**
 * Load and attach. Nothing is recorded before ul_tracer_record().
 * UL_ERR_PERMISSION (no CAP_BPF/CAP_PERFMON, lockdown), UL_ERR_UNSUPPORTED (no BTF, no BPF, no such
 * tracepoint), each with a hint.
 */
UL_MUST_USE struct ul_error *ul_tracer_open(const struct ul_tracer_options *options,
					    struct ul_tracer **ret);
/** Detach and unload; everything in the kernel goes with the last file descriptor. */
void ul_tracer_destroy(struct ul_tracer *tracer);
UL_DEFINE_CLEANUP(ul_cleanup_tracer, struct ul_tracer, ul_tracer_destroy);
#define UL_CLEANUP_TRACER UL_CLEANUP(ul_cleanup_tracer)

/** Bytes of locked kernel memory the tables take. */
uint64_t ul_tracer_memory_bytes(const struct ul_tracer *tracer);

/**
 * Record allocations and frees from now on. A thread of the tracer holds it to its budget, and to
 * its tables, until ul_tracer_drain() (control.h). UL_ERR_OS when there is no thread to be had.
 */
UL_MUST_USE struct ul_error *ul_tracer_record(struct ul_tracer *tracer);
/** Record no new allocations, go on erasing what is freed (or proven gone by re-use). */
void ul_tracer_drain(struct ul_tracer *tracer);
/**
 * Stop, and give what is live by site. Stacks hold addresses only: the caller names them.
 * @p ret is initialised here; caller deinitialises.
 */
UL_MUST_USE struct ul_error *ul_tracer_collect(struct ul_tracer *tracer, struct ul_trace *ret);
/** Allocations and frees recorded so far, not scaled; cheap. */
uint64_t ul_tracer_events(const struct ul_tracer *tracer);

#endif
