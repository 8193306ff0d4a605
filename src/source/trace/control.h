/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holds a tracer to its budget while it records. Private to source/trace; see control.c. */
#ifndef UL_SOURCE_TRACE_CONTROL_H
#define UL_SOURCE_TRACE_CONTROL_H

#include "base/error.h"

struct ul_tracer;

/** The programs hold themselves to the budget over windows of this length. */
enum { UL_CONTROL_WINDOW_MS = 64 };

/** Begin; the programs record already. UL_ERR_OS: there is no thread to be had. */
UL_MUST_USE struct ul_error *ul_control_start(struct ul_tracer *tracer);
/** End, and wait until it has; nothing if it has not begun. */
void ul_control_stop(struct ul_tracer *tracer);

#endif
