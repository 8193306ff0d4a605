/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Growth of every account, for people and for programs. */
#ifndef UL_VIEW_GROW_H
#define UL_VIEW_GROW_H

#include "model/growth_report.h"
#include "model/kernel.h"
#include "model/loss.h"
#include "view/term.h"

/** Document `grow`. @p top 0: every row. */
UL_MUST_USE struct ul_error *ul_json_grow(FILE *out, bool pretty, const struct ul_kernel *kernel,
					  const struct ul_growth_report *report,
					  const struct ul_losses *losses, size_t top);
/** @p all: also what is flat. */
UL_MUST_USE struct ul_error *ul_term_grow(const struct ul_term *term,
					  const struct ul_growth_report *report,
					  const struct ul_losses *losses, size_t top, bool all);

#endif
