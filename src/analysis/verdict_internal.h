/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the verdict share. Private to analysis/verdict*.c. */
#ifndef UL_ANALYSIS_VERDICT_INTERNAL_H
#define UL_ANALYSIS_VERDICT_INTERNAL_H

#include "analysis/verdict.h"

/** So many survivors weigh one half. */
enum { UL_VERDICT_SMALL = 8 };
/** A leak needs as much of the witness, and of the two together. */
#define UL_VERDICT_LEAK_CONFIDENCE 0.5
/** What was accused and may well be innocent stays below it. */
#define UL_VERDICT_UNPROVEN 0.49

/** Into 0..1; NAN is 0. */
double ul_verdict_clamp(double value);
/** Two independent witnesses, each 0..1 with one half for "says nothing": their odds multiply. */
double ul_verdict_combine(double growth_score, double witness);
/** One number of a series at @p time_ns, interpolated; beyond the ends, the end's. */
double ul_verdict_value_at(const struct ul_series *series, int64_t time_ns, bool objects);
/** By how many objects a series rose, or fell, while allocations were recorded. */
double ul_verdict_grown_objects(const struct ul_series *series, const struct ul_trace *trace);

/** New finding on the account of @p row, with all but the verdict. @p findings owns it. */
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
/** An account that is the sum of what processes do: those are to be judged before. */
UL_MUST_USE struct ul_error *ul_verdict_sum(const struct ul_evidence *evidence,
					    const struct ul_growth_row *row,
					    struct ul_findings *findings);

/** Bytes the site's survivors add to its account: a percpu area is there once for each CPU. */
uint64_t ul_verdict_bytes_in_account(const struct ul_evidence *evidence,
				     const struct ul_site *site);
/** Name, kind, aliases and growth while tracing of the account that @p finding is about. */
UL_MUST_USE struct ul_error *ul_verdict_fill_account(const struct ul_evidence *evidence,
						     const struct ul_series *series,
						     struct ul_finding *finding);
/** Order by rank and number: leaks first, by confidence times all that is lost together. */
void ul_verdict_rank(struct ul_findings *findings);

/* verdict_together.c */
enum { UL_VERDICT_MAX_COMPANIONS = 6 };
/** @p from as a companion of @p to (which may be the same). */
UL_MUST_USE struct ul_error *ul_verdict_add_companion(struct ul_finding *to,
						      const struct ul_finding *from);
/** A site that no finding has. */
UL_MUST_USE struct ul_error *ul_verdict_add_site(struct ul_finding *to, const struct ul_site *site);
bool ul_verdict_is_shown(const struct ul_findings *findings, const struct ul_site *site);
/** True when the account of @p site has grown by (most of) what the site's survivors are. */
bool ul_verdict_account_agrees(const struct ul_evidence *evidence, const struct ul_site *site);
/** What is lost together goes under the largest of it; @p findings are in order of rank. */
UL_MUST_USE struct ul_error *ul_verdict_join(struct ul_findings *findings);
/** And what is too small to be a finding of its own. */
UL_MUST_USE struct ul_error *ul_verdict_add_small(const struct ul_evidence *evidence,
						  struct ul_findings *findings,
						  struct ul_finding *finding);

#endif
