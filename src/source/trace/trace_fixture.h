/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the tracer share. */
#ifndef UL_SOURCE_TRACE_FIXTURE_H
#define UL_SOURCE_TRACE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above first. */
#include <cmocka.h>

#include "source/trace/trace.h"

/** A tracer; the test is skipped where BPF tracing is not allowed. */
static inline struct ul_tracer *open_or_skip(const struct ul_tracer_options *options)
{
	struct ul_tracer *tracer = NULL;
	UL_CLEANUP_ERROR struct ul_error *error = ul_tracer_open(options, &tracer);
	if (error && (error->code == UL_ERR_PERMISSION || error->code == UL_ERR_UNSUPPORTED)) {
		print_message("skipped: %s\n", error->message);
		skip();
	}
	assert_null(error);
	return tracer;
}

#endif
