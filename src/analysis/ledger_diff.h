/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What changed between two ledgers. Pure. */
#ifndef UL_ANALYSIS_LEDGER_DIFF_H
#define UL_ANALYSIS_LEDGER_DIFF_H

#include "model/ledger_diff.h"

/** @p ret borrows names from both ledgers; deinitialise it before them. */
UL_MUST_USE struct ul_error *ul_ledger_diff(const struct ul_ledger *before,
					    const struct ul_ledger *after,
					    struct ul_ledger_diff *ret);
void ul_ledger_diff_deinit(struct ul_ledger_diff *diff);
#define UL_CLEANUP_LEDGER_DIFF UL_CLEANUP(ul_ledger_diff_deinit)

#endif
