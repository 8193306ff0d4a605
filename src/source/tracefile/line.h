/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line of a trace's text: which event, when, where, of whom. */
#ifndef UL_SOURCE_TRACEFILE_LINE_H
#define UL_SOURCE_TRACEFILE_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/span.h"

enum ul_line_clock {
	UL_LINE_CLOCK_S,       /**< seconds with a fraction */
	UL_LINE_CLOCK_US,      /**< microseconds since the trace began ("latency-format") */
	UL_LINE_CLOCK_COUNTER, /**< a plain number: cycles, a counter; taken as nanoseconds */
};

struct ul_event_line {
	struct ul_span comm;
	pid_t pid; /**< thread group where the line has it */
	pid_t tid;
	uint32_t cpu;
	enum ul_line_clock clock;
	int64_t time_ns;
	struct ul_span event; /**< "kmalloc", "kmem:kmalloc", "<stack trace>" */
	struct ul_span body;  /**< the rest */
	bool perf;	      /**< in the form of perf script */
};

/** True when @p line is an event. */
bool ul_event_line_parse(struct ul_span line, struct ul_event_line *ret);

#endif
