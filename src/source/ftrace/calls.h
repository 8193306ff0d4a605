/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls of chosen functions by chosen processes, by the kernel's function tracer in an instance of
 * our own.
 *
 *	open -> choose functions and processes -> on -> take ... -> off -> destroy
 *
 * Without functions chosen it is never switched on: to the kernel no filter means all functions.
 */
#ifndef UL_SOURCE_FTRACE_CALLS_H
#define UL_SOURCE_FTRACE_CALLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/span.h"
#include "base/vec.h"

struct ul_call_trace;

/** A function that can be traced: an element of the list is told by its place in it. */
struct ul_traceable {
	struct ul_span name;   /**< borrowed from the text */
	struct ul_span module; /**< empty: the kernel itself */
};

struct ul_traceables {
	UL_VEC(struct ul_traceable) items;
	char *text;
};

/** One call. */
struct ul_call_event {
	int64_t time_ns; /**< CLOCK_MONOTONIC */
	uint64_t kaddr;	 /**< within the function called */
	uint64_t caller; /**< where it returns to */
	pid_t tid;
};

struct ul_call_events {
	UL_VEC(struct ul_call_event) items; /**< what is taken at once is by time */
	uint64_t lost;			    /**< in rings that were full, or beyond the limit */
};

enum {
	UL_CALL_EVENTS_MAX = 2 << 20,
	UL_TRACEABLES_MAX_BYTES = 32 << 20,
	UL_TRACEABLES_MAX = 1 << 20,
};

void ul_traceables_deinit(struct ul_traceables *traceables);
#define UL_CLEANUP_TRACEABLES UL_CLEANUP(ul_traceables_deinit)
/** Split @p text (malloc()ed, NUL at its end; taken) of available_filter_functions. */
UL_MUST_USE struct ul_error *ul_traceables_parse(char *text, size_t len, struct ul_traceables *ret);

/**
 * Make the instance; everything stays off. UL_ERR_UNSUPPORTED where there is no tracefs or no
 * function tracer, UL_ERR_PERMISSION, each with a hint. What killed ullages left is removed.
 */
UL_MUST_USE struct ul_error *ul_call_trace_open(const char *sys_root, uint64_t buffer_bytes,
						struct ul_call_trace **ret);
/** Switch off and remove the instance. */
void ul_call_trace_destroy(struct ul_call_trace *trace);
UL_DEFINE_CLEANUP(ul_cleanup_call_trace, struct ul_call_trace, ul_call_trace_destroy);
#define UL_CLEANUP_CALL_TRACE UL_CLEANUP(ul_cleanup_call_trace)

/** All functions that can be traced. */
UL_MUST_USE struct ul_error *ul_call_trace_list(const struct ul_call_trace *trace,
						struct ul_traceables *ret);
/** Choose every function of every module. */
UL_MUST_USE struct ul_error *ul_call_trace_modules(struct ul_call_trace *trace);
/** Choose these, by their places in the list. */
UL_MUST_USE struct ul_error *ul_call_trace_functions(struct ul_call_trace *trace,
						     const uint32_t *places, size_t len);
/** Only calls by these threads, and by those they start from now on. */
UL_MUST_USE struct ul_error *ul_call_trace_threads(struct ul_call_trace *trace, const pid_t *tids,
						   size_t len);
UL_MUST_USE struct ul_error *ul_call_trace_on(struct ul_call_trace *trace);
UL_MUST_USE struct ul_error *ul_call_trace_off(struct ul_call_trace *trace);
/** Add what was recorded since the last time, in order of time. */
UL_MUST_USE struct ul_error *ul_call_trace_take(struct ul_call_trace *trace,
						struct ul_call_events *events);

#endif
