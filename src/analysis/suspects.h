/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who lost it: the evidence of a finding joined into a list of functions, each with its reason.
 * Pure.
 */
#ifndef UL_ANALYSIS_SUSPECTS_H
#define UL_ANALYSIS_SUSPECTS_H

#include "base/error.h"
#include "model/finding.h"

/** Functions that a table of operations in the kernel points to: seq_operations, proc_ops ... */
struct ul_ops_table {
	const char *symbol; /**< "leakstat_ops [leakstat]", as patterns name it */
	const char *const *functions;
	size_t functions_len;
};

/** Fill finding->suspects, most suspicious first. @p tables: of symbols in the finding's objects.
 */
UL_MUST_USE struct ul_error *ul_suspects(struct ul_finding *finding,
					 const struct ul_ops_table *tables, size_t tables_len);

#endif
