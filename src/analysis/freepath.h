/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How objects of one sort are freed, and what those that are not freed have in common that the
 * freed ones have not. Pure.
 */
#ifndef UL_ANALYSIS_FREEPATH_H
#define UL_ANALYSIS_FREEPATH_H

#include "base/error.h"
#include "model/finding.h"
#include "model/site.h"

/** True when @p function only hands memory back: its caller is the one who frees. */
bool ul_freepath_is_free(const char *function);
/** Fold the named free paths of a site: equal stacks merged, the function chosen, most first. */
UL_MUST_USE struct ul_error *ul_freepath_digest(struct ul_site *site);
/** Move what is known of frees from one site to another that it is merged into. */
UL_MUST_USE struct ul_error *ul_freepath_move(struct ul_site *into, struct ul_site *from);
/** Of one sort: allocated by the same function from the same cache, whoever called that. */
bool ul_freepath_same_sort(const struct ul_site *a, const struct ul_site *b);
/**
 * Fill finding->free_path from its site, the others of its sort in @p trace, and the contents that
 * were read of lost and freed objects, its own and its companions'. &ul_enomem only.
 */
UL_MUST_USE struct ul_error *ul_freepath_explain(const struct ul_trace *trace,
						 struct ul_finding *finding);

#endif
