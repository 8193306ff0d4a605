/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What changed between two ledgers. Pure. */
#ifndef UL_ANALYSIS_LEDGER_DIFF_H
#define UL_ANALYSIS_LEDGER_DIFF_H

#include "model/ledger_diff.h"
#include "model/type_census.h"

/** @p ret borrows names from both ledgers; deinitialise it before them. */
UL_MUST_USE struct ul_error *ul_ledger_diff(const struct ul_ledger *before,
					    const struct ul_ledger *after,
					    struct ul_ledger_diff *ret);
/** Fills `types`; @p diff borrows names from both. */
UL_MUST_USE struct ul_error *ul_ledger_diff_types(const struct ul_type_census *before,
						  const struct ul_type_census *after,
						  struct ul_ledger_diff *diff);
void ul_ledger_diff_deinit(struct ul_ledger_diff *diff);
#define UL_CLEANUP_LEDGER_DIFF UL_CLEANUP(ul_ledger_diff_deinit)

#endif
