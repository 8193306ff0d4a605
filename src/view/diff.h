/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What changed between two moments, for people and for programs. */
#ifndef UL_VIEW_DIFF_H
#define UL_VIEW_DIFF_H

#include "model/kernel.h"
#include "model/ledger_diff.h"
#include "view/term.h"

/** Document `diff`. @p top 0: every row. */
UL_MUST_USE struct ul_error *ul_json_diff(FILE *out, bool pretty, const struct ul_kernel *kernel,
					  const struct ul_ledger_diff *diff, size_t top);
/** @p from, @p to: the moments in words; @p all: also what did not change. */
UL_MUST_USE struct ul_error *ul_term_diff(const struct ul_term *term,
					  const struct ul_ledger_diff *diff, const char *from,
					  const char *to, size_t top, bool all);

#endif
