/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Allocation sites of a trace, for people and for programs. */
#ifndef UL_VIEW_TRACE_H
#define UL_VIEW_TRACE_H

#include "model/kernel.h"
#include "model/site.h"
#include "view/term.h"

/** Document `trace`. @p top 0: every site. */
UL_MUST_USE struct ul_error *ul_json_trace(FILE *out, bool pretty, const struct ul_kernel *kernel,
					   const struct ul_trace *trace, size_t top);
UL_MUST_USE struct ul_error *ul_term_trace(const struct ul_term *term, const struct ul_trace *trace,
					   size_t top, bool verbose);

#endif
