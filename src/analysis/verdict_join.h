/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings that are one leak, joined by who points to whom in memory. Pure. */
#ifndef UL_ANALYSIS_VERDICT_JOIN_H
#define UL_ANALYSIS_VERDICT_JOIN_H

#include "analysis/verdict.h"
#include "model/link.h"

/**
 * Join @p findings of ul_verdict() under what nothing else of a group points to, which may be a
 * companion, or a site that had no finding, till now. Ranks them anew.
 *
 * @param evidence  As it was given to ul_verdict(), with its trace.
 * @param links     Of sites of that trace; those of findings in their order first.
 */
UL_MUST_USE struct ul_error *ul_verdict_join_linked(const struct ul_evidence *evidence,
						    const struct ul_links *links,
						    struct ul_findings *findings);

#endif
