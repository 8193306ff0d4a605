/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One screen: where memory is, what changes, what to type next. */
#ifndef UL_VIEW_OVERVIEW_H
#define UL_VIEW_OVERVIEW_H

#include "model/kernel.h"
#include "model/ledger.h"
#include "view/term.h"

/** @p before, @p now: two ledgers, @p seconds apart. */
UL_MUST_USE struct ul_error *ul_json_overview(FILE *out, bool pretty,
					      const struct ul_kernel *kernel,
					      const struct ul_ledger *before,
					      const struct ul_ledger *now, double seconds);
/** @p root: the user is root, for the commands to propose. */
UL_MUST_USE struct ul_error *ul_term_overview(const struct ul_term *term,
					      const struct ul_kernel *kernel,
					      const struct ul_ledger *before,
					      const struct ul_ledger *now, double seconds,
					      bool root);

#endif
