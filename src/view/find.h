/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings, for people and for programs. */
#ifndef UL_VIEW_FIND_H
#define UL_VIEW_FIND_H

#include "model/finding.h"
#include "model/growth_report.h"
#include "model/kernel.h"
#include "model/ledger.h"
#include "view/term.h"

/** All that the views of `find` show. Borrowed. */
struct ul_find_result {
	const struct ul_kernel *kernel;
	const struct ul_ledger *ledger;
	const struct ul_growth_report *growth;
	const struct ul_findings *findings; /**< with all losses */
	bool interrupted;		    /**< Ctrl-C: the window is shorter than asked */
	bool traced;
	const char *trigger; /**< the command that was run; NULL: none, all below is 0 */
	const char *control; /**< NULL: none */
	uint64_t runs;	     /**< behind the warm-up */
	uint64_t warm_up_runs;
	uint64_t control_runs;
	uint64_t failed_runs;
};

UL_MUST_USE struct ul_error *ul_json_find(FILE *out, bool pretty,
					  const struct ul_find_result *result);
UL_MUST_USE struct ul_error *ul_term_find(const struct ul_term *term,
					  const struct ul_find_result *result, bool verbose);

#endif
