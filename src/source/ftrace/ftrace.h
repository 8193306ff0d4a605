/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Allocations and frees of the running kernel as ftrace records them: for kernels without BPF or
 * BTF. A thread reads the rings and gives events in the order of time.
 *
 *	open (nothing is recorded) -> record -> drain -> stop -> dictionary, losses -> destroy
 */
#ifndef UL_SOURCE_FTRACE_FTRACE_H
#define UL_SOURCE_FTRACE_FTRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "model/event.h"
#include "model/loss.h"

enum ul_ftrace_allocators {
	UL_FTRACE_SLAB = 1 << 0,
	UL_FTRACE_PAGES = 1 << 1,
	UL_FTRACE_PERCPU = 1 << 2,
};

struct ul_ftrace_options {
	unsigned int allocators; /**< enum ul_ftrace_allocators */
	uint64_t bytes_min;	 /**< slab: only allocations of this many bytes (allocated) */
	uint64_t bytes_max;	 /**< 0: no limit */
	pid_t pid;		 /**< only allocations of this process; 0: all */
	const char *comm;	 /**< only of processes of this name; NULL: all. Borrowed */
	uint64_t buffer_bytes;	 /**< of all rings together; 0: UL_FTRACE_BUFFER_DEFAULT */
	const char *sys_root;	 /**< NULL: /sys */
};

enum { UL_FTRACE_BUFFER_DEFAULT = 32 << 20 };

struct ul_ftrace;

/**
 * Make instances with events and filters, everything off. Instances that killed ullages left are
 * removed. @p take is called from a thread of the reader's own, from ul_ftrace_record() until
 * ul_ftrace_stop() returns; its error ends the reading.
 *
 * @return UL_ERR_UNSUPPORTED (no tracefs, no such events), UL_ERR_PERMISSION, with hints.
 */
UL_MUST_USE struct ul_error *ul_ftrace_open(const struct ul_ftrace_options *options,
					    ul_event_fn *take, void *context,
					    struct ul_ftrace **ret);
/** Stop and remove the instances. */
void ul_ftrace_destroy(struct ul_ftrace *ftrace);
UL_DEFINE_CLEANUP(ul_cleanup_ftrace, struct ul_ftrace, ul_ftrace_destroy);
#define UL_CLEANUP_FTRACE UL_CLEANUP(ul_cleanup_ftrace)

UL_MUST_USE struct ul_error *ul_ftrace_record(struct ul_ftrace *ftrace);
/** From now on allocations are events of the kind UL_EVENT_REUSE. */
void ul_ftrace_drain(struct ul_ftrace *ftrace);
/** End it: what was recorded until now is read and given. */
UL_MUST_USE struct ul_error *ul_ftrace_stop(struct ul_ftrace *ftrace, struct ul_losses *losses);

/** When recording and draining began, and when it was stopped: the clock of the events. */
struct ul_ftrace_times {
	int64_t record_ns, drain_ns, stop_ns;
	int64_t begin_boottime_ns, end_boottime_ns; /**< of the recording, as struct ul_trace */
};

struct ul_ftrace_times ul_ftrace_times(const struct ul_ftrace *ftrace);
/** Names and stacks of the events; lives as long as the reader, to be read after the stop. */
const struct ul_dictionary *ul_ftrace_dictionary(const struct ul_ftrace *ftrace);
/**
 * Whether instances can be made, as an error when not; nothing is made or removed. @p ret_left: how
 * many a killed ullage has left behind.
 */
UL_MUST_USE struct ul_error *ul_ftrace_probe(const char *sys_root, size_t *ret_left);

#endif
