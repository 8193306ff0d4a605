// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One leak is one finding: what the same process loses, as many of one as of the other, is shown
 * together, under the first of it. See verdict.c.
 */
#include "analysis/verdict_internal.h"

#include <string.h>

#include "analysis/sites.h"
#include "analysis/verdict_held.h"

static bool same_process(const struct ul_site *a, const struct ul_site *b)
{
	return a && b && a->processes.len && b->processes.len &&
	       !memcmp(a->processes.data[0].comm, b->processes.data[0].comm,
		       sizeof(a->processes.data[0].comm));
}

/** Lost together: by the same process, as many of one as of the other; what is held is not lost. */
static bool lost_together(const struct ul_finding *a, const struct ul_finding *b)
{
	if (a->verdict != UL_FINDING_LEAK || b->verdict == UL_FINDING_FILLING ||
	    b->verdict == UL_FINDING_HELD || (b->site && ul_verdict_by_design(b->site)) ||
	    a->survivors < UL_VERDICT_SMALL || !same_process(a->site, b->site))
		return false;
	const double ratio = (double)b->survivors / (double)a->survivors;
	return ratio > 0.9 && ratio < 1.1;
}

struct ul_error *ul_verdict_add_companion(struct ul_finding *to, const struct ul_finding *from)
{
	struct ul_companion *companion;
	UL_TRY(ul_finding_add_companion(to, from->account, from->function, &companion));
	companion->survivors = from->survivors;
	companion->site = from->site;
	companion->bytes_per_s = from->growth.bytes_per_s;
	return NULL;
}

struct ul_error *ul_verdict_add_site(struct ul_finding *to, const struct ul_site *site)
{
	struct ul_companion *companion;
	UL_TRY(ul_finding_add_companion(to, site->account, site->function, &companion));
	companion->survivors = site->survivors;
	companion->site = site;
	return NULL;
}

/** One leak is one finding: what is lost together goes under the largest of it. */
struct ul_error *ul_verdict_join(struct ul_findings *findings)
{
	size_t kept = 0;
	for (size_t i = 0; i < findings->items.len; i++) {
		struct ul_finding *finding = &findings->items.data[i];
		struct ul_finding *under = NULL;
		for (size_t j = 0; j < kept && !under; j++)
			if (lost_together(&findings->items.data[j], finding))
				under = &findings->items.data[j];
		if (under) {
			UL_TRY(ul_verdict_add_companion(under, finding));
			ul_finding_deinit(finding);
			*finding = (struct ul_finding){0};
			continue;
		}
		if (kept != i) {
			findings->items.data[kept] = *finding;
			*finding = (struct ul_finding){0};
		}
		kept++;
	}
	findings->items.len = kept;
	return NULL;
}

bool ul_verdict_is_shown(const struct ul_findings *findings, const struct ul_site *site)
{
	ul_vec_foreach (finding, &findings->items) {
		if (finding->site == site)
			return true;
		ul_vec_foreach (companion, &finding->companions)
			if (companion->site == site)
				return true;
	}
	return false;
}

bool ul_verdict_account_agrees(const struct ul_evidence *evidence, const struct ul_site *site)
{
	static const double most = 0.7;
	ul_vec_foreach (row, &evidence->growth->rows) {
		const struct ul_series *series = row->series;
		if (!series->samples.len || series->samples.data[0].objects < 0 ||
		    !ul_sites_in_account(site, evidence->ledger, series->kind, series->name))
			continue;
		return ul_verdict_grown_objects(series, evidence->trace) >=
		       most * (double)site->survivors;
	}
	return false;
}

/**
 * Small things that are lost with a leak do not fill slabs enough for their cache to be called
 * growing; their number tells: as many survivors by the same process, and so many objects more.
 */
struct ul_error *ul_verdict_add_small(const struct ul_evidence *evidence,
				      struct ul_findings *findings, struct ul_finding *finding)
{
	if (finding->verdict != UL_FINDING_LEAK || !finding->site ||
	    finding->survivors < UL_VERDICT_SMALL)
		return NULL;
	ul_vec_foreach (site, &evidence->trace->sites) {
		if (finding->companions.len >= UL_VERDICT_MAX_COMPANIONS)
			return NULL;
		const double ratio = (double)site->survivors / (double)finding->survivors;
		if (site->allocator != UL_ALLOCATOR_SLAB || ratio <= 0.9 || ratio >= 1.1 ||
		    !same_process(finding->site, site) || ul_verdict_is_shown(findings, site) ||
		    ul_verdict_by_design(site) || !ul_verdict_account_agrees(evidence, site))
			continue;
		UL_TRY(ul_verdict_add_site(finding, site));
	}
	return NULL;
}
