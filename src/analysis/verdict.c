// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A leak has two witnesses, or it is not called one:
 *
 *   growth     the account itself grows, to the end of the window, and is not reclaimable
 *              (analysis/growth: leak-like);
 *   survivors  allocations of that account, by one site, that were not freed while the tracer
 *              watched, nor in the drain window after it.
 *
 * Either alone is often wrong. Growth alone is a cache that warms up. Survivors alone are
 * kfree_rcu, bulk frees and sheaves, which emit no event: 20,000 epoll add and delete pairs leave
 * 18,555 "survivors" while the cache grows by 20 KB. So the two are compared over the same time:
 *
 *   A site cannot leak more than its account grew. With G the objects the account grew by while
 *   allocations were recorded and S the site's survivors, agreement = min(G, S) / max(G, S); for a
 *   site that explains only a part of the growth (S < G) the rest may be others' and does not count
 *   against it: agreement = min(1, G / S).
 *
 * and a site whose frees are proven unseen (its addresses are handed out again while recorded) is
 * believed only as far as its trust.
 *
 *   witness    = trust * agreement * late * n / (n + 8)               n: survivors
 *   confidence = both / (both + neither),  both = growth score * witness,
 *                                          neither = (1 - growth score) * (1 - witness)
 *                (times 2 * witness where that is below one half: then it contradicts)
 *
 * which is how two independent witnesses combine: their odds multiply. `late` is the
 * share of old objects that get older still (analysis/survival.c; 1 when not known): what goes on
 * being freed is a cache or a queue. A leak needs one half of each: of the witness, so that strong
 * growth alone cannot do, and of the two together. vmalloc names its callers itself: there the
 * number of areas and the bytes are the two witnesses. For a process they are its resident size and
 * one sort of mapping that grows with it; a process that has only just started, or grew faster
 * before, is warming up, never a leak. What the kernel or running processes hold for good reasons
 * is acquitted last (verdict_held.c).
 *
 * Errs: to the side of inconclusive. A leak in a cache whose objects are freed unseen most of the
 * time (trust near 0) is reported as inconclusive growth; a leak of fewer than a few slabs in the
 * window is not seen at all.
 */
#include "analysis/verdict.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "analysis/sites.h"
#include "analysis/verdict_held.h"
#include "analysis/verdict_internal.h"
#include "base/text.h"
#include "base/units.h"

enum {
	MAX_SITES_PER_ACCOUNT = 4,
	MAX_FILLING = 3,
};
/* A second site of an account is a finding of its own from this share of the account's growth. */
static const double second_site_share = 0.2;

double ul_verdict_clamp(double value)
{
	return value < 0 || isnan(value) ? 0 : value > 1 ? 1 : value;
}

/** Two independent witnesses, each 0..1 with one half for "says nothing": their odds multiply. */
double ul_verdict_combine(double growth_score, double witness)
{
	// Never quite sure: nothing that was sampled for a while is.
	const double a = ul_verdict_clamp(growth_score) * 0.98 + 0.01;
	const double b = ul_verdict_clamp(witness) * 0.98 + 0.01;
	// A witness below one half contradicts: however strong the growth, it is not this site's.
	return a * b / (a * b + (1 - a) * (1 - b)) * fmin(1, 2 * ul_verdict_clamp(witness));
}

bool ul_verdict_worth_tracing(const struct ul_growth_row *row)
{
	const struct ul_growth *growth = &row->growth;
	if (row->series->reclaimable)
		return false;
	switch (growth->verdict) {
	case UL_GROWTH_LEAK_LIKE:
		return true;
	case UL_GROWTH_STEP:
	case UL_GROWTH_TOO_SHORT:
	case UL_GROWTH_FLAT:
		// Half a window may be too short for a verdict; what rose at all is looked at.
		return growth->last > growth->first && growth->bytes_per_s > 0;
	case UL_GROWTH_FILLING:
		break;
	}
	return false;
}

/** One number of a series at @p time_ns, interpolated; beyond the ends, the end's. */
double ul_verdict_value_at(const struct ul_series *series, int64_t time_ns, bool objects)
{
	const struct ul_sample *before = NULL;
	const struct ul_sample *after = NULL;
	ul_vec_foreach (sample, &series->samples) {
		after = sample;
		if (sample->time_ns >= time_ns)
			break;
		before = sample;
	}
	if (!before)
		before = after;
	if (!before)
		return 0; // no samples
	const double from = (double)(objects ? before->objects : before->bytes);
	const double to = (double)(objects ? after->objects : after->bytes);
	if (after->time_ns <= before->time_ns || time_ns >= after->time_ns)
		return to;
	const double share =
		(double)(time_ns - before->time_ns) / (double)(after->time_ns - before->time_ns);
	return from + share * (to - from);
}

double ul_verdict_grown_objects(const struct ul_series *series, const struct ul_trace *trace)
{
	return ul_verdict_value_at(series, trace->end_ns, true) -
	       ul_verdict_value_at(series, trace->begin_ns, true);
}

/** How much the account grew while allocations were recorded. */
static void fill_grown(const struct ul_evidence *evidence, const struct ul_series *series,
		       struct ul_finding *finding)
{
	finding->grown_objects = -1;
	finding->grown_bytes = 0;
	if (!evidence->trace || !series->samples.len)
		return;
	finding->grown_bytes =
		llround(ul_verdict_value_at(series, evidence->trace->end_ns, false) -
			ul_verdict_value_at(series, evidence->trace->begin_ns, false));
	if (series->samples.data[0].objects < 0)
		return;
	const double grown = ul_verdict_grown_objects(series, evidence->trace);
	finding->grown_objects = grown > 0 ? llround(grown) : 0;
}

struct ul_error *ul_verdict_fill_account(const struct ul_evidence *evidence,
					 const struct ul_series *series, struct ul_finding *finding)
{
	// It may have been about another account before.
	if (!ul_text_set(&finding->account, series->name))
		return &ul_enomem;
	finding->kind = series->kind;
	UL_TRY(ul_finding_set_aliases(finding, evidence->ledger));
	fill_grown(evidence, series, finding);
	return NULL;
}

/** New finding about the account of @p row, with everything but the verdict. */
struct ul_error *ul_verdict_begin(const struct ul_evidence *evidence,
				  const struct ul_growth_row *row, struct ul_findings *findings,
				  struct ul_finding **ret)
{
	struct ul_finding *finding = ul_vec_add(&findings->items);
	if (!finding)
		return &ul_enomem;
	finding->growth = row->growth;
	finding->verdict = UL_FINDING_INCONCLUSIVE;
	UL_TRY(ul_verdict_fill_account(evidence, row->series, finding));
	char rate[UL_UNITS_TEXT];
	char low[UL_UNITS_TEXT];
	char high[UL_UNITS_TEXT];
	char window[UL_UNITS_TEXT];
	UL_TRY(ul_finding_why(finding, "%s grows by %s (95 %% between %s and %s) over %s: %s",
			      row->series->label, ul_format_rate(rate, row->growth.bytes_per_s),
			      ul_format_rate(low, row->growth.low),
			      ul_format_rate(high, row->growth.high),
			      ul_format_duration(window, row->growth.window_s),
			      ul_growth_verdict_name(row->growth.verdict)));
	*ret = finding;
	return NULL;
}

/** Bytes the site's survivors add to its account: a percpu area is there once for each CPU. */
uint64_t ul_verdict_bytes_in_account(const struct ul_evidence *evidence, const struct ul_site *site)
{
	const uint64_t copies =
		site->allocator == UL_ALLOCATOR_PERCPU && evidence->cpus ? evidence->cpus : 1;
	return (site->hole_bytes ? site->survivor_bytes : site->survivors * site->object_bytes) *
	       copies;
}

/** min(1, G / S): 1 when the account grew at least by what survived. */
static double agreement(const struct ul_evidence *evidence, const struct ul_finding *finding,
			const struct ul_site *site)
{
	if (!site->survivors)
		return 0;
	if (finding->grown_objects >= 0)
		return ul_verdict_clamp((double)finding->grown_objects / (double)site->survivors);
	const double survived = (double)ul_verdict_bytes_in_account(evidence, site);
	return survived > 0 ? ul_verdict_clamp((double)finding->grown_bytes / survived) : 0;
}

/** Share of the account's growth that the site's survivors explain. */
static double explained(const struct ul_evidence *evidence, const struct ul_finding *finding,
			const struct ul_site *site)
{
	if (finding->grown_objects > 0)
		return ul_verdict_clamp((double)site->survivors / (double)finding->grown_objects);
	const double survived = (double)ul_verdict_bytes_in_account(evidence, site);
	return finding->grown_bytes > 0 ? ul_verdict_clamp(survived / (double)finding->grown_bytes)
					: 0;
}

struct ul_error *ul_verdict_add_next(struct ul_finding *finding)
{
	if (finding->kind == UL_KIND_SLAB)
		return ul_finding_next(finding, "ullage trace --cache %s --for 1m",
				       finding->account);
	if (finding->kind == UL_KIND_UNACCOUNTED)
		return ul_finding_next(finding, "ullage trace --pages --for 1m");
	if (finding->kind == UL_KIND_VMALLOC)
		return ul_finding_next(finding, "grep '%s' /proc/vmallocinfo",
				       finding->function ? finding->function : finding->account);
	return ul_finding_next(finding, "ullage grow --for 5m");
}

/** Take the accusation back where the survivors are meant to be there, or may well be. */
static struct ul_error *acquit(const struct ul_evidence *evidence, struct ul_finding *finding,
			       const struct ul_site *site)
{
	const struct ul_by_design *known = ul_verdict_by_design(site);
	if (known) {
		finding->verdict = known->verdict;
		if (known->verdict == UL_FINDING_INCONCLUSIVE)
			finding->confidence = fmin(finding->confidence, UL_VERDICT_UNPROVEN);
		return ul_finding_why(finding, "%s", known->why);
	}
	if (finding->verdict != UL_FINDING_LEAK)
		return NULL;
	uint64_t processes;
	const enum ul_started started =
		ul_verdict_started(site, evidence->ledger, evidence->trace->begin_ns, &processes);
	if (started == UL_STARTED_ONE_EACH) {
		finding->verdict = UL_FINDING_HELD;
		return ul_finding_why(finding,
				      "%" PRIu64 " processes have started meanwhile and still run: "
				      "this is what they are made of",
				      processes);
	}
	if (started == UL_STARTED_NOT && !ul_verdict_held_by_running(site, evidence->ledger))
		return NULL;
	finding->verdict = UL_FINDING_INCONCLUSIVE;
	finding->confidence = fmin(finding->confidence, UL_VERDICT_UNPROVEN);
	if (started == UL_STARTED_PERHAPS)
		return ul_finding_why(finding,
				      "%" PRIu64 " processes have started meanwhile and still run: "
				      "they may hold it",
				      processes);
	return ul_finding_why(finding, "such allocations are freed as a rule, and most of what is "
				       "left belongs to different processes that still run: what "
				       "they hold looks the same as a leak");
}

/** What the curve of its ages says, where some were freed: without, it is flat of itself. */
static struct ul_error *say_survival(struct ul_finding *finding, const struct ul_site *site)
{
	char age[UL_UNITS_TEXT];
	const size_t len = site->survival.len;
	if (len < 3 || !site->freed)
		return NULL;
	ul_format_duration(age, site->survival.data[len - 3].age_s);
	if (site->survival_shape == UL_SURVIVAL_FLAT)
		return ul_finding_why(finding,
				      "what is not freed young stays: of those that reached %s, "
				      "%.0f %% were not freed later",
				      age, 100 * site->late_survival);
	if (site->survival_shape == UL_SURVIVAL_FALLING)
		return ul_finding_why(finding,
				      "what gets old is still being freed, as from a cache or a "
				      "queue: of those that reached %s, %.0f %% were freed later",
				      age, 100 * (1 - site->late_survival));
	return NULL;
}

/** Say of @p finding what its site tells, and judge it. */
static struct ul_error *judge_site(const struct ul_evidence *evidence, struct ul_finding *finding,
				   const struct ul_site *site)
{
	finding->site = site;
	finding->survivors = site->survivors;
	finding->survivor_bytes = ul_verdict_bytes_in_account(evidence, site);
	if (!ul_text_set(&finding->function, site->function) ||
	    !ul_text_set(&finding->module, site->module))
		return &ul_enomem;
	const double agree = agreement(evidence, finding, site);
	const double n = (double)site->survivors;
	const double late = site->survival.len && !isnan(site->late_survival)
				    ? ul_verdict_clamp(site->late_survival)
				    : 1;
	const double witness =
		ul_verdict_clamp(site->trust) * agree * late * n / (n + UL_VERDICT_SMALL);
	finding->confidence = ul_verdict_combine(finding->growth.score, witness);
	if (finding->growth.verdict == UL_GROWTH_LEAK_LIKE &&
	    witness >= UL_VERDICT_LEAK_CONFIDENCE &&
	    finding->confidence >= UL_VERDICT_LEAK_CONFIDENCE)
		finding->verdict = UL_FINDING_LEAK;
	UL_TRY(acquit(evidence, finding, site));

	char survivors[UL_UNITS_TEXT];
	char allocated[UL_UNITS_TEXT];
	UL_TRY(ul_finding_why(finding,
			      "%s of %s allocations by %s%s%s%s were not freed, nor in the %.0f s "
			      "after recording",
			      ul_format_count(survivors, site->survivors),
			      ul_format_count(allocated, site->allocated),
			      site->function ? site->function : "an unknown function",
			      site->module ? " [" : "", site->module ? site->module : "",
			      site->module ? "]" : "", evidence->trace->drain_s));
	UL_TRY(say_survival(finding, site));
	if (finding->grown_objects >= 0)
		UL_TRY(ul_finding_why(finding,
				      "in the same time the account grew by %" PRId64
				      " objects: %.0f %% of what survived",
				      finding->grown_objects,
				      100.0 * (double)finding->grown_objects / (n > 0 ? n : 1)));
	if (site->missed)
		UL_TRY(ul_finding_why(finding,
				      "%" PRIu64
				      " frees went unseen (proven by re-use of the address): "
				      "survivors of this site are believed to %.0f %%",
				      site->missed, 100 * site->trust));
	return ul_verdict_add_next(finding);
}

/** Sites of one account, those that could be its leak first. */
struct candidates {
	const struct ul_site *sites[MAX_SITES_PER_ACCOUNT];
	size_t len;
};

/** What a site's survivors are worth as a suspect. */
static double weight(const struct ul_site *site)
{
	return (double)site->survivors * ul_verdict_clamp(site->trust);
}

static struct candidates find_candidates(const struct ul_evidence *evidence,
					 const struct ul_growth_row *row)
{
	struct candidates best = {0};
	if (!evidence->trace)
		return best;
	ul_vec_foreach (site, &evidence->trace->sites) {
		if (!site->survivors || !ul_sites_in_account(site, evidence->ledger,
							     row->series->kind, row->series->name))
			continue;
		size_t at = best.len;
		while (at > 0 && weight(best.sites[at - 1]) < weight(site))
			at--;
		if (at >= MAX_SITES_PER_ACCOUNT)
			continue;
		if (best.len < MAX_SITES_PER_ACCOUNT)
			best.len++;
		for (size_t i = best.len - 1; i > at; i--)
			best.sites[i] = best.sites[i - 1];
		best.sites[at] = site;
	}
	return best;
}

/** Findings about an account whose allocations are traced: slab, pages, percpu. */
static struct ul_error *judge_traced(const struct ul_evidence *evidence,
				     const struct ul_growth_row *row, struct ul_findings *findings)
{
	const struct candidates candidates = find_candidates(evidence, row);
	if (row->growth.verdict != UL_GROWTH_LEAK_LIKE)
		return NULL;
	struct ul_finding *finding;
	UL_TRY(ul_verdict_begin(evidence, row, findings, &finding));
	if (!candidates.len) {
		finding->confidence = ul_verdict_clamp(finding->growth.score) * 0.3;
		UL_TRY(ul_finding_why(
			finding, "%s",
			evidence->trace
				? "no allocation of it was seen to survive: it grew too late to be "
				  "chosen for tracing, or is allocated in bulk, which emits no "
				  "event"
				: "its allocations were not traced: it grew too late to be chosen, "
				  "or tracing is not possible here (then it is said below)"));
		return ul_verdict_add_next(finding);
	}
	UL_TRY(judge_site(evidence, finding, candidates.sites[0]));
	for (size_t i = 1; i < candidates.len; i++) {
		const size_t first = (size_t)(finding - findings->items.data);
		if (explained(evidence, finding, candidates.sites[i]) < second_site_share)
			continue;
		struct ul_finding *second;
		UL_TRY(ul_verdict_begin(evidence, row, findings, &second));
		finding = &findings->items.data[first]; // the vector may have moved
		UL_TRY(judge_site(evidence, second, candidates.sites[i]));
	}
	return NULL;
}

static struct ul_error *judge_row(const struct ul_evidence *evidence,
				  const struct ul_growth_row *row, struct ul_findings *findings)
{
	if (row->growth.verdict == UL_GROWTH_FILLING)
		return ul_verdict_filling(evidence, row, findings);
	switch (row->series->kind) {
	case UL_KIND_SLAB:
	case UL_KIND_UNACCOUNTED:
	case UL_KIND_PERCPU:
		return judge_traced(evidence, row, findings);
	case UL_KIND_VMALLOC:
		return ul_verdict_vmalloc(evidence, row, findings);
	case UL_KIND_PROCESS:
		return ul_verdict_process(evidence, row, findings);
	case UL_KIND_ANON:
	case UL_KIND_SHMEM:
	case UL_KIND_KERNEL_STACK:
	case UL_KIND_PAGE_TABLES:
	case UL_KIND_HUGETLB:
	case UL_KIND_KERNEL_OTHER:
	case UL_KIND_COMPRESSED:
		return ul_verdict_sum(evidence, row, findings);
	case UL_KIND_FREE:
	case UL_KIND_FILE:
	case UL_KIND_NOTE:
	case UL_KIND_CGROUP:
	case UL_KIND_PROCESS_FDS:
	case UL_KIND_PROCESS_TABLES:
	case UL_KIND_PROCESS_FILES:
		break;
	}
	return NULL;
}

static int verdict_order(enum ul_finding_verdict verdict)
{
	switch (verdict) {
	case UL_FINDING_LEAK:
		return 0;
	case UL_FINDING_HELD:
		return 1;
	case UL_FINDING_INCONCLUSIVE:
		return 2;
	case UL_FINDING_FILLING:
		break;
	}
	return 3;
}

/** Of all that is lost together. */
static double group_rate(const struct ul_finding *finding)
{
	double sum = finding->growth.bytes_per_s;
	ul_vec_foreach (companion, &finding->companions)
		sum += companion->bytes_per_s > 0 ? companion->bytes_per_s : 0;
	return sum;
}

static int by_rank(const void *left, const void *right)
{
	const struct ul_finding *a = left;
	const struct ul_finding *b = right;
	const int order = verdict_order(a->verdict) - verdict_order(b->verdict);
	if (order)
		return order;
	const double wa = a->confidence * group_rate(a);
	const double wb = b->confidence * group_rate(b);
	return wa < wb ? 1 : wa > wb ? -1 : 0;
}

void ul_verdict_rank(struct ul_findings *findings)
{
	if (findings->items.len)
		qsort(findings->items.data, findings->items.len, sizeof(*findings->items.data),
		      by_rank);
	for (size_t i = 0; i < findings->items.len; i++) {
		struct ul_finding *finding = &findings->items.data[i];
		finding->rank = (unsigned int)i + 1;
		finding->group_bytes_per_s = group_rate(finding);
	}
}

/** Keep the list short: beyond a few, growth that reclaim takes back is no news. */
static void drop_surplus_filling(struct ul_findings *findings)
{
	size_t filling = 0;
	for (size_t i = 0; i < findings->items.len; i++) {
		if (findings->items.data[i].verdict != UL_FINDING_FILLING)
			continue;
		if (++filling <= MAX_FILLING)
			continue;
		// They are last in rank, so everything from here on is surplus.
		for (size_t j = i; j < findings->items.len; j++)
			ul_finding_deinit(&findings->items.data[j]);
		findings->items.len = i;
	}
}

struct ul_error *ul_verdict(const struct ul_evidence *evidence, struct ul_findings *ret)
{
	UL_CLEANUP_FINDINGS struct ul_findings findings = {
		.window_s = evidence->growth->window_s,
	};
	// Processes first: the sums of what they do are only of interest where no process explains
	// them.
	ul_vec_foreach (row, &evidence->growth->rows)
		if (row->series->kind == UL_KIND_PROCESS)
			UL_TRY(judge_row(evidence, row, &findings));
	ul_vec_foreach (row, &evidence->growth->rows)
		if (row->series->kind != UL_KIND_PROCESS)
			UL_TRY(judge_row(evidence, row, &findings));
	ul_verdict_rank(&findings);
	UL_TRY(ul_verdict_join(&findings));
	ul_vec_foreach (finding, &findings.items)
		UL_TRY(ul_verdict_add_small(evidence, &findings, finding));
	drop_surplus_filling(&findings);
	ul_verdict_rank(&findings);
	*ret = findings;
	findings = (struct ul_findings){0};
	return NULL;
}
