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
 * which is how two independent witnesses combine: their odds multiply. `late` is the share of old
 * objects that get older still (analysis/survival.c; 1 when not known): what goes on being freed is
 * a cache or a queue. A leak needs one half of
 * each: of the witness, so that strong growth alone cannot do, and of the two together. vmalloc
 * names its callers itself: there the number of areas and the bytes are the two witnesses. For a
 * process they are its resident size and one sort of mapping that grows with it; a process that has
 * only just started, or grew faster before, is warming up, never a leak. What the kernel or running
 * processes hold for good reasons is acquitted last (verdict_held.c).
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
#include "base/buf.h"
#include "base/text.h"
#include "base/units.h"

enum {
	MAX_SITES_PER_ACCOUNT = 4,
	MAX_FILLING = 3,
	MAX_COMPANIONS = 6,
	SMALL_COUNT = 8,
};
static const double leak_confidence = 0.5;
/* What was accused and may well be innocent stays below it. */
static const double unproven_confidence = 0.49;
/* A second site of an account is a finding of its own from this share of the account's growth. */
static const double second_site_share = 0.2;
/* Growth the kernel can take back is only worth a line from here on. */
static const double filling_bytes = 16.0 * UL_MIB;

static double clamp01(double value)
{
	return value < 0 || isnan(value) ? 0 : value > 1 ? 1 : value;
}

/** Two independent witnesses, each 0..1 with one half for "says nothing": their odds multiply. */
static double combine(double growth_score, double witness)
{
	// Never quite sure: nothing that was sampled for a while is.
	const double a = clamp01(growth_score) * 0.98 + 0.01;
	const double b = clamp01(witness) * 0.98 + 0.01;
	// A witness below one half contradicts: however strong the growth, it is not this site's.
	return a * b / (a * b + (1 - a) * (1 - b)) * fmin(1, 2 * clamp01(witness));
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
static double value_at(const struct ul_series *series, int64_t time_ns, bool objects)
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

/** How much the account grew while allocations were recorded. */
static void fill_grown(const struct ul_evidence *evidence, const struct ul_series *series,
		       struct ul_finding *finding)
{
	finding->grown_objects = -1;
	finding->grown_bytes = 0;
	if (!evidence->trace || !series->samples.len)
		return;
	const int64_t begin_ns = evidence->trace->begin_ns;
	const int64_t end_ns = evidence->trace->end_ns;
	finding->grown_bytes =
		llround(value_at(series, end_ns, false) - value_at(series, begin_ns, false));
	if (series->samples.data[0].objects < 0)
		return;
	const double grown = value_at(series, end_ns, true) - value_at(series, begin_ns, true);
	finding->grown_objects = grown > 0 ? llround(grown) : 0;
}

static struct ul_error *fill_aliases(const struct ul_ledger *ledger, struct ul_finding *finding)
{
	const struct ul_cache *cache = finding->kind == UL_KIND_SLAB && ledger
					       ? ul_ledger_cache(ledger, finding->account)
					       : NULL;
	if (!cache || !cache->aliases.len)
		return NULL;
	UL_CLEANUP_BUF struct ul_buf names = {0};
	ul_vec_foreach (alias, &cache->aliases)
		ul_buf_printf(&names, "%s%s", names.len ? ", " : "", *alias);
	if (names.failed || !ul_text_set(&finding->aliases, ul_buf_str(&names)))
		return &ul_enomem;
	return NULL;
}

/** New finding about the account of @p row, with everything but the verdict. */
static struct ul_error *begin_finding(const struct ul_evidence *evidence,
				      const struct ul_growth_row *row, struct ul_findings *findings,
				      struct ul_finding **ret)
{
	struct ul_finding *finding = ul_vec_add(&findings->items);
	if (!finding)
		return &ul_enomem;
	finding->kind = row->series->kind;
	finding->growth = row->growth;
	finding->verdict = UL_FINDING_INCONCLUSIVE;
	finding->grown_objects = -1;
	if (!ul_text_set(&finding->account, row->series->name))
		return &ul_enomem;
	UL_TRY(fill_aliases(evidence->ledger, finding));
	fill_grown(evidence, row->series, finding);
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
static uint64_t bytes_in_account(const struct ul_evidence *evidence, const struct ul_site *site)
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
		return clamp01((double)finding->grown_objects / (double)site->survivors);
	const double survived = (double)bytes_in_account(evidence, site);
	return survived > 0 ? clamp01((double)finding->grown_bytes / survived) : 0;
}

/** Share of the account's growth that the site's survivors explain. */
static double explained(const struct ul_evidence *evidence, const struct ul_finding *finding,
			const struct ul_site *site)
{
	if (finding->grown_objects > 0)
		return clamp01((double)site->survivors / (double)finding->grown_objects);
	const double survived = (double)bytes_in_account(evidence, site);
	return finding->grown_bytes > 0 ? clamp01(survived / (double)finding->grown_bytes) : 0;
}

static struct ul_error *add_next(struct ul_finding *finding)
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
			finding->confidence = fmin(finding->confidence, unproven_confidence);
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
	finding->confidence = fmin(finding->confidence, unproven_confidence);
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
	finding->survivor_bytes = bytes_in_account(evidence, site);
	if (!ul_text_set(&finding->function, site->function) ||
	    !ul_text_set(&finding->module, site->module))
		return &ul_enomem;
	const double agree = agreement(evidence, finding, site);
	const double n = (double)site->survivors;
	const double late = site->survival.len && !isnan(site->late_survival)
				    ? clamp01(site->late_survival)
				    : 1;
	const double witness = clamp01(site->trust) * agree * late * n / (n + SMALL_COUNT);
	finding->confidence = combine(finding->growth.score, witness);
	if (finding->growth.verdict == UL_GROWTH_LEAK_LIKE && witness >= leak_confidence &&
	    finding->confidence >= leak_confidence)
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
	return add_next(finding);
}

/** Sites of one account, those that could be its leak first. */
struct candidates {
	const struct ul_site *sites[MAX_SITES_PER_ACCOUNT];
	size_t len;
};

/** What a site's survivors are worth as a suspect. */
static double weight(const struct ul_site *site)
{
	return (double)site->survivors * clamp01(site->trust);
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
	UL_TRY(begin_finding(evidence, row, findings, &finding));
	if (!candidates.len) {
		finding->confidence = clamp01(finding->growth.score) * 0.3;
		UL_TRY(ul_finding_why(
			finding, "%s",
			evidence->trace
				? "no allocation of it was seen to survive: it grew too late to be "
				  "chosen for tracing, or is allocated in bulk, which emits no "
				  "event"
				: "its allocations were not traced: it grew too late to be chosen, "
				  "or tracing is not possible here (then it is said below)"));
		return add_next(finding);
	}
	UL_TRY(judge_site(evidence, finding, candidates.sites[0]));
	for (size_t i = 1; i < candidates.len; i++) {
		const size_t first = (size_t)(finding - findings->items.data);
		if (explained(evidence, finding, candidates.sites[i]) < second_site_share)
			continue;
		struct ul_finding *second;
		UL_TRY(begin_finding(evidence, row, findings, &second));
		finding = &findings->items.data[first]; // the vector may have moved
		UL_TRY(judge_site(evidence, second, candidates.sites[i]));
	}
	return NULL;
}

/** "function [module]" of a vmalloc caller into its two parts. */
static struct ul_error *split_caller(struct ul_finding *finding)
{
	const char *bracket = strchr(finding->account, ' ');
	const size_t len =
		bracket ? (size_t)(bracket - finding->account) : strlen(finding->account);
	UL_CLEANUP_FREE char *function = strndup(finding->account, len);
	if (!function)
		return &ul_enomem;
	if (bracket && bracket[1] == '[' && strlen(bracket) > 3) {
		UL_CLEANUP_FREE char *module = strndup(bracket + 2, strlen(bracket) - 3);
		if (!module || !ul_text_set(&finding->module, module))
			return &ul_enomem;
	}
	return ul_text_set(&finding->function, function) ? NULL : &ul_enomem;
}

/** Where probes saw the areas given out (source/trace/hidden.c): their site, with stack and
 * processes. */
static const struct ul_site *vmalloc_site(const struct ul_evidence *evidence,
					  const struct ul_finding *finding)
{
	const struct ul_site *most = NULL;
	if (!evidence->trace)
		return NULL;
	ul_vec_foreach (site, &evidence->trace->sites)
		if (ul_sites_in_account(site, evidence->ledger, UL_KIND_VMALLOC,
					finding->account) &&
		    site->survivors && (!most || site->survivors > most->survivors))
			most = site;
	return most;
}

/** vmalloc names its callers: bytes and number of areas are the witnesses. */
static struct ul_error *judge_vmalloc(const struct ul_evidence *evidence,
				      const struct ul_growth_row *row, struct ul_findings *findings)
{
	if (row->growth.verdict != UL_GROWTH_LEAK_LIKE)
		return NULL;
	struct ul_finding *finding;
	UL_TRY(begin_finding(evidence, row, findings, &finding));
	UL_TRY(split_caller(finding));
	const struct ul_sample first = row->series->samples.data[0];
	const struct ul_sample last = row->series->samples.data[row->series->samples.len - 1];
	const int64_t areas =
		first.objects >= 0 && last.objects >= 0 ? last.objects - first.objects : 0;
	const double n = areas > 0 ? (double)areas : 0;
	finding->survivors = (uint64_t)n;
	finding->survivor_bytes =
		(uint64_t)(last.bytes > first.bytes ? last.bytes - first.bytes : 0);
	const double witness = n / (n + SMALL_COUNT);
	finding->confidence = combine(row->growth.score, witness);
	if (witness >= leak_confidence && finding->confidence >= leak_confidence)
		finding->verdict = UL_FINDING_LEAK;
	UL_TRY(ul_finding_why(finding,
			      "/proc/vmallocinfo shows %" PRId64
			      " more areas of this caller (%" PRId64 " now)",
			      areas, last.objects));
	finding->site = vmalloc_site(evidence, finding);
	if (finding->site)
		UL_TRY(ul_finding_why(finding,
				      "%" PRIu64 " of %" PRIu64
				      " areas given out while tracing were not freed",
				      finding->site->survivors, finding->site->allocated));
	return add_next(finding);
}

static const struct ul_process_mappings *mappings_of(const struct ul_evidence *evidence, pid_t pid)
{
	for (size_t i = 0; i < evidence->mappings_len; i++)
		if (evidence->mappings[i].pid == pid)
			return &evidence->mappings[i];
	return NULL;
}

/** The sort of mapping that grew most between two looks. */
static void fill_mapping(const struct ul_process_mappings *looks,
			 struct ul_finding_process *process)
{
	for (int kind = 0; kind < UL_MAPPING_KINDS; kind++) {
		const struct ul_mapping_class *before = &looks->before.classes[kind];
		const struct ul_mapping_class *after = &looks->after.classes[kind];
		const int64_t grown = (int64_t)(after->rss_bytes + after->swap_bytes) -
				      (int64_t)(before->rss_bytes + before->swap_bytes);
		if (grown <= process->mapping_bytes)
			continue;
		process->has_mapping = true;
		process->mapping = (enum ul_mapping_kind)kind;
		process->mapping_bytes = grown;
		ul_text_copy(process->mapping_name, sizeof(process->mapping_name),
			     after->largest_name);
	}
}

/**
 * A process that leaks at this pace since it started has got at least half of its memory that way;
 * what grows more slowly than that grew faster before, and may be coming to an end.
 */
static bool is_warming_up(const struct ul_process_mappings *looks, const struct ul_growth_row *row)
{
	return looks->process_age_s < 2 * row->growth.window_s ||
	       row->growth.bytes_per_s * looks->process_age_s < (double)row->growth.last / 2;
}

static struct ul_error *judge_process(const struct ul_evidence *evidence,
				      const struct ul_growth_row *row, struct ul_findings *findings)
{
	// Seen for less than half of the window: it came late or has gone, there is no trend to
	// judge.
	if (row->growth.verdict != UL_GROWTH_LEAK_LIKE || row->series->pid == evidence->own_pid ||
	    row->growth.window_s < evidence->growth->window_s / 2)
		return NULL;
	struct ul_finding *finding;
	UL_TRY(begin_finding(evidence, row, findings, &finding));
	finding->process.pid = row->series->pid;
	ul_text_copy(finding->process.comm, sizeof(finding->process.comm), row->series->label);
	const struct ul_process_mappings *looks = mappings_of(evidence, row->series->pid);
	double second_witness = 0;
	if (looks) {
		fill_mapping(looks, &finding->process);
		if (finding->process.has_mapping && finding->process.mapping != UL_MAPPING_FILE)
			second_witness = is_warming_up(looks, row) ? 0.4 : 1;
	}
	finding->confidence = clamp01(row->growth.score) * (0.2 + 0.6 * second_witness);
	if (finding->confidence >= leak_confidence)
		finding->verdict = UL_FINDING_LEAK;
	char bytes[UL_UNITS_TEXT];
	if (finding->process.has_mapping)
		UL_TRY(ul_finding_why(
			finding, "its %s memory grew by %s between two looks%s%s",
			ul_mapping_kind_name(finding->process.mapping),
			ul_format_bytes(bytes, (double)finding->process.mapping_bytes),
			finding->process.mapping_name[0] ? ", largest mapping " : "",
			finding->process.mapping_name));
	if (looks && is_warming_up(looks, row))
		UL_TRY(ul_finding_why(finding,
				      "it started only %.0f s ago, or grew faster before, and may "
				      "be warming up",
				      looks->process_age_s));
	return ul_finding_next(finding, "cat /proc/%d/smaps_rollup", (int)row->series->pid);
}

static struct ul_error *judge_filling(const struct ul_evidence *evidence,
				      const struct ul_growth_row *row, struct ul_findings *findings)
{
	if ((double)(row->growth.last - row->growth.first) < filling_bytes)
		return NULL;
	struct ul_finding *finding;
	UL_TRY(begin_finding(evidence, row, findings, &finding));
	finding->verdict = UL_FINDING_FILLING;
	finding->confidence = clamp01(row->growth.score);
	UL_TRY(ul_finding_why(finding, "the kernel can take this back when memory is needed"));
	return NULL;
}

/** True when the processes that are findings themselves explain half of this growth. */
static bool processes_explain(const struct ul_findings *findings, double bytes_per_s)
{
	double sum = 0;
	ul_vec_foreach (finding, &findings->items)
		if (finding->kind == UL_KIND_PROCESS)
			sum += finding->growth.bytes_per_s;
	return sum >= bytes_per_s / 2;
}

/** Accounts that are the sum of what processes do: the process is the finding, if there is one. */
static struct ul_error *judge_sum(const struct ul_evidence *evidence,
				  const struct ul_growth_row *row, struct ul_findings *findings)
{
	if (row->growth.verdict != UL_GROWTH_LEAK_LIKE)
		return NULL;
	if ((row->series->kind == UL_KIND_ANON || row->series->kind == UL_KIND_SHMEM) &&
	    processes_explain(findings, row->growth.bytes_per_s))
		return NULL;
	struct ul_finding *finding;
	UL_TRY(begin_finding(evidence, row, findings, &finding));
	finding->confidence = clamp01(row->growth.score) * 0.4;
	UL_TRY(ul_finding_why(finding, "this account has no allocation sites: who holds it is seen "
				       "in `ullage account`"));
	return ul_finding_next(finding, "ullage grow --for 5m");
}

static struct ul_error *judge_row(const struct ul_evidence *evidence,
				  const struct ul_growth_row *row, struct ul_findings *findings)
{
	if (row->growth.verdict == UL_GROWTH_FILLING)
		return judge_filling(evidence, row, findings);
	switch (row->series->kind) {
	case UL_KIND_SLAB:
	case UL_KIND_UNACCOUNTED:
	case UL_KIND_PERCPU:
		return judge_traced(evidence, row, findings);
	case UL_KIND_VMALLOC:
		return judge_vmalloc(evidence, row, findings);
	case UL_KIND_PROCESS:
		return judge_process(evidence, row, findings);
	case UL_KIND_ANON:
	case UL_KIND_SHMEM:
	case UL_KIND_KERNEL_STACK:
	case UL_KIND_PAGE_TABLES:
	case UL_KIND_HUGETLB:
	case UL_KIND_KERNEL_OTHER:
	case UL_KIND_COMPRESSED:
		return judge_sum(evidence, row, findings);
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

static int by_rank(const void *left, const void *right)
{
	const struct ul_finding *a = left;
	const struct ul_finding *b = right;
	const int order = verdict_order(a->verdict) - verdict_order(b->verdict);
	if (order)
		return order;
	const double wa = a->confidence * a->growth.bytes_per_s;
	const double wb = b->confidence * b->growth.bytes_per_s;
	return wa < wb ? 1 : wa > wb ? -1 : 0;
}

static bool same_process(const struct ul_site *a, const struct ul_site *b)
{
	return a && b && a->processes.len && b->processes.len &&
	       !memcmp(a->processes.data[0].comm, b->processes.data[0].comm,
		       sizeof(a->processes.data[0].comm));
}

/** Lost together: by the same process, as many of one as of the other. */
static bool lost_together(const struct ul_finding *a, const struct ul_finding *b)
{
	if (a->verdict != UL_FINDING_LEAK || b->verdict == UL_FINDING_FILLING ||
	    a->survivors < SMALL_COUNT || !same_process(a->site, b->site))
		return false;
	const double ratio = (double)b->survivors / (double)a->survivors;
	return ratio > 0.9 && ratio < 1.1;
}

static struct ul_error *add_companion(struct ul_finding *to, const struct ul_finding *from)
{
	struct ul_companion *companion = ul_vec_add(&to->companions);
	if (!companion || !ul_text_set(&companion->account, from->account) ||
	    !ul_text_set(&companion->function, from->function))
		return &ul_enomem;
	companion->survivors = from->survivors;
	companion->site = from->site;
	companion->bytes_per_s = from->growth.bytes_per_s;
	return NULL;
}

/** One leak is one finding: what is lost together goes under the largest of it. */
static struct ul_error *join_companions(struct ul_findings *findings)
{
	size_t kept = 0;
	for (size_t i = 0; i < findings->items.len; i++) {
		struct ul_finding *finding = &findings->items.data[i];
		struct ul_finding *under = NULL;
		for (size_t j = 0; j < kept && !under; j++)
			if (lost_together(&findings->items.data[j], finding))
				under = &findings->items.data[j];
		if (under) {
			UL_TRY(add_companion(under, finding));
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

static bool is_shown(const struct ul_findings *findings, const struct ul_site *site)
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

/** True when the account of @p site has grown by (most of) what the site's survivors are. */
static bool account_agrees(const struct ul_evidence *evidence, const struct ul_site *site)
{
	static const double most = 0.7;
	ul_vec_foreach (row, &evidence->growth->rows) {
		const struct ul_series *series = row->series;
		if (!series->samples.len || series->samples.data[0].objects < 0 ||
		    !ul_sites_in_account(site, evidence->ledger, series->kind, series->name))
			continue;
		const double grown = value_at(series, evidence->trace->end_ns, true) -
				     value_at(series, evidence->trace->begin_ns, true);
		return grown >= most * (double)site->survivors;
	}
	return false;
}

/**
 * Small things that are lost with a leak do not fill slabs enough for their cache to be called
 * growing; their number tells: as many survivors by the same process, and so many objects more.
 */
static struct ul_error *add_small_companions(const struct ul_evidence *evidence,
					     struct ul_findings *findings,
					     struct ul_finding *finding)
{
	if (finding->verdict != UL_FINDING_LEAK || !finding->site ||
	    finding->survivors < SMALL_COUNT)
		return NULL;
	ul_vec_foreach (site, &evidence->trace->sites) {
		if (finding->companions.len >= MAX_COMPANIONS)
			return NULL;
		const double ratio = (double)site->survivors / (double)finding->survivors;
		if (site->allocator != UL_ALLOCATOR_SLAB || ratio <= 0.9 || ratio >= 1.1 ||
		    !same_process(finding->site, site) || is_shown(findings, site) ||
		    ul_verdict_by_design(site) || !account_agrees(evidence, site))
			continue;
		struct ul_companion *companion = ul_vec_add(&finding->companions);
		if (!companion || !ul_text_set(&companion->account, site->account) ||
		    !ul_text_set(&companion->function, site->function))
			return &ul_enomem;
		companion->survivors = site->survivors;
		companion->site = site;
	}
	return NULL;
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
	if (findings.items.len)
		qsort(findings.items.data, findings.items.len, sizeof(*findings.items.data),
		      by_rank);
	UL_TRY(join_companions(&findings));
	ul_vec_foreach (finding, &findings.items)
		UL_TRY(add_small_companions(evidence, &findings, finding));
	drop_surplus_filling(&findings);
	for (size_t i = 0; i < findings.items.len; i++)
		findings.items.data[i].rank = (unsigned int)i + 1;
	*ret = findings;
	findings = (struct ul_findings){0};
	return NULL;
}
