/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recorded traces that people have, as a stream of allocations and frees: the text of ftrace
 * (`trace`, `trace_pipe`), of `trace-cmd report`, of `perf script`, and trace.dat files.
 *
 *	open -> read (each event to a function) -> dictionary, info, losses -> destroy
 *
 * Events come in the order of time within a window of UL_TRACEFILE_WINDOW events; a stack is part
 * of its event.
 */
#ifndef UL_SOURCE_TRACEFILE_TRACEFILE_H
#define UL_SOURCE_TRACEFILE_TRACEFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"
#include "model/event.h"
#include "model/loss.h"

enum ul_tracefile_format {
	UL_TRACEFILE_UNKNOWN,
	UL_TRACEFILE_FTRACE, /**< trace, trace_pipe */
	UL_TRACEFILE_REPORT, /**< trace-cmd report */
	UL_TRACEFILE_PERF,   /**< perf script */
	UL_TRACEFILE_DAT,    /**< trace.dat of trace-cmd */
};

enum {
	UL_TRACEFILE_SNIFF = 64 << 10, /**< bytes from the start that detection wants to see */
	UL_TRACEFILE_WINDOW = 4096,    /**< events within which order is restored */
	UL_TRACEFILE_FRAMES = UL_STACK_MAX_FRAMES, /**< of a stack; outer ones beyond are dropped */
};

struct ul_tracefile_info {
	enum ul_tracefile_format format;
	char release[65]; /**< of the kernel; "" where the trace does not say */
	uint64_t bytes;	  /**< read */
	uint64_t lines;	  /**< of text, or records */
	uint64_t events;  /**< allocations and frees among them */
	uint64_t others;  /**< other events: skipped */
	uint64_t stacks;  /**< bound to an allocation or free */
};

/** "trace", "trace-cmd report", "perf script", "trace.dat"; "unknown". */
const char *ul_tracefile_format_name(enum ul_tracefile_format format);
/**
 * What a file is that begins with @p head. A text is a trace when a line of it is an event with
 * process, processor and time; what kind of events is not asked.
 */
enum ul_tracefile_format ul_tracefile_sniff(struct ul_span head);

/** True for what ul_tracefile_open() refuses with a way to make a trace of it: packed, perf.data */
bool ul_tracefile_refused(struct ul_span head);

struct ul_tracefile;

/**
 * Reader of @p fd (a file or a pipe; borrowed until destroyed), called @p name in messages.
 *
 * @return UL_ERR_BAD_DATA when it is no trace, UL_ERR_UNSUPPORTED with a hint for perf.data, packed
 *         files, and for trace.dat in a build without libtracecmd; UL_ERR_OS.
 */
UL_MUST_USE struct ul_error *ul_tracefile_open(int fd, const char *name, struct ul_tracefile **ret);
void ul_tracefile_destroy(struct ul_tracefile *file);
UL_DEFINE_CLEANUP(ul_cleanup_tracefile, struct ul_tracefile, ul_tracefile_destroy);
#define UL_CLEANUP_TRACEFILE UL_CLEANUP(ul_cleanup_tracefile)

/**
 * Read all of it, once, and give each event to @p take. A file without any allocation or free is
 * UL_ERR_BAD_DATA with a hint what to record; an error of @p take ends the reading and is returned.
 */
UL_MUST_USE struct ul_error *ul_tracefile_read(struct ul_tracefile *file, ul_event_fn *take,
					       void *context);
/** Names and stacks of the events. Lives as long as the reader. */
const struct ul_dictionary *ul_tracefile_dictionary(const struct ul_tracefile *file);
const struct ul_tracefile_info *ul_tracefile_info(const struct ul_tracefile *file);
/** Share of the file that was read, 0..1; 0 for a pipe. For a progress line. */
double ul_tracefile_progress(const struct ul_tracefile *file);
/** What the reader could not take from the trace; complete after ul_tracefile_read(). */
const struct ul_losses *ul_tracefile_losses(const struct ul_tracefile *file);
/** Version of libtracecmd, or NULL: this build reads no trace.dat. */
const char *ul_tracefile_library(void);

#endif
