/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the verdict share. Private to analysis/verdict*.c. */
#ifndef UL_ANALYSIS_VERDICT_INTERNAL_H
#define UL_ANALYSIS_VERDICT_INTERNAL_H

#include "analysis/verdict.h"

/** So many survivors weigh one half. */
enum { UL_VERDICT_SMALL = 8 };
/** A leak needs as much of the witness, and of the two together. */
#define UL_VERDICT_LEAK_CONFIDENCE 0.5

/** Into 0..1; NAN is 0. */
double ul_verdict_clamp(double value);
/** Two independent witnesses, each 0..1 with one half for "says nothing": their odds multiply. */
double ul_verdict_combine(double growth_score, double witness);
/** One number of a series at @p time_ns, interpolated; beyond the ends, the end's. */
double ul_verdict_value_at(const struct ul_series *series, int64_t time_ns, bool objects);

/** New finding about the account of @p row, with everything but the verdict. Owned by @p findings.
 */
UL_MUST_USE struct ul_error *ul_verdict_begin(const struct ul_evidence *evidence,
					      const struct ul_growth_row *row,
					      struct ul_findings *findings,
					      struct ul_finding **ret);
/** The command to type next. */
UL_MUST_USE struct ul_error *ul_verdict_add_next(struct ul_finding *finding);

/* verdict_accounts.c: findings about one growing account, or none. */
UL_MUST_USE struct ul_error *ul_verdict_vmalloc(const struct ul_evidence *evidence,
						const struct ul_growth_row *row,
						struct ul_findings *findings);
UL_MUST_USE struct ul_error *ul_verdict_process(const struct ul_evidence *evidence,
						const struct ul_growth_row *row,
						struct ul_findings *findings);
UL_MUST_USE struct ul_error *ul_verdict_filling(const struct ul_evidence *evidence,
						const struct ul_growth_row *row,
						struct ul_findings *findings);
/** Of the processes must have been judged before. */
UL_MUST_USE struct ul_error *ul_verdict_sum(const struct ul_evidence *evidence,
					    const struct ul_growth_row *row,
					    struct ul_findings *findings);

/* verdict_together.c */
/** What is lost together goes under the largest of it; @p findings are in order of rank. */
UL_MUST_USE struct ul_error *ul_verdict_join(struct ul_findings *findings);
/** And what is too small to be a finding of its own. */
UL_MUST_USE struct ul_error *ul_verdict_add_small(const struct ul_evidence *evidence,
						  struct ul_findings *findings,
						  struct ul_finding *finding);

#endif
