// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Findings about accounts whose allocations are not traced: vmalloc names its callers itself,
 * processes are judged by their own memory, what reclaim can take back is filling, and the sums of
 * what processes do are only of interest where no process explains them. See verdict.c.
 */
#include "analysis/verdict_internal.h"

#include <inttypes.h>
#include <string.h>

#include "analysis/sites.h"
#include "base/text.h"
#include "base/units.h"

/* Growth the kernel can take back is only worth a line from here on. */
static const double filling_bytes = 16.0 * UL_MIB;

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

/**
 * Where probes saw the areas given out (source/trace/hidden.c): their site, with stack and
 * processes.
 */
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
struct ul_error *ul_verdict_vmalloc(const struct ul_evidence *evidence,
				    const struct ul_growth_row *row, struct ul_findings *findings)
{
	if (row->growth.verdict != UL_GROWTH_LEAK_LIKE)
		return NULL;
	struct ul_finding *finding;
	UL_TRY(ul_verdict_begin(evidence, row, findings, &finding));
	UL_TRY(split_caller(finding));
	const struct ul_sample first = row->series->samples.data[0];
	const struct ul_sample last = row->series->samples.data[row->series->samples.len - 1];
	const int64_t areas =
		first.objects >= 0 && last.objects >= 0 ? last.objects - first.objects : 0;
	const double n = areas > 0 ? (double)areas : 0;
	finding->survivors = (uint64_t)n;
	finding->survivor_bytes =
		(uint64_t)(last.bytes > first.bytes ? last.bytes - first.bytes : 0);
	const double witness = n / (n + UL_VERDICT_SMALL);
	finding->confidence = ul_verdict_combine(row->growth.score, witness);
	if (witness >= UL_VERDICT_LEAK_CONFIDENCE &&
	    finding->confidence >= UL_VERDICT_LEAK_CONFIDENCE)
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
	return ul_verdict_add_next(finding);
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

struct ul_error *ul_verdict_process(const struct ul_evidence *evidence,
				    const struct ul_growth_row *row, struct ul_findings *findings)
{
	// Seen for less than half of the window: it came late or has gone, there is no trend to
	// judge.
	if (row->growth.verdict != UL_GROWTH_LEAK_LIKE || row->series->pid == evidence->own_pid ||
	    row->growth.window_s < evidence->growth->window_s / 2)
		return NULL;
	struct ul_finding *finding;
	UL_TRY(ul_verdict_begin(evidence, row, findings, &finding));
	finding->process.pid = row->series->pid;
	ul_text_copy(finding->process.comm, sizeof(finding->process.comm), row->series->label);
	const struct ul_process_mappings *looks = mappings_of(evidence, row->series->pid);
	double second_witness = 0;
	if (looks) {
		fill_mapping(looks, &finding->process);
		if (finding->process.has_mapping && finding->process.mapping != UL_MAPPING_FILE)
			second_witness = is_warming_up(looks, row) ? 0.4 : 1;
	}
	finding->confidence = ul_verdict_clamp(row->growth.score) * (0.2 + 0.6 * second_witness);
	if (finding->confidence >= UL_VERDICT_LEAK_CONFIDENCE)
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

struct ul_error *ul_verdict_filling(const struct ul_evidence *evidence,
				    const struct ul_growth_row *row, struct ul_findings *findings)
{
	if ((double)(row->growth.last - row->growth.first) < filling_bytes)
		return NULL;
	struct ul_finding *finding;
	UL_TRY(ul_verdict_begin(evidence, row, findings, &finding));
	finding->verdict = UL_FINDING_FILLING;
	finding->confidence = ul_verdict_clamp(row->growth.score);
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
struct ul_error *ul_verdict_sum(const struct ul_evidence *evidence, const struct ul_growth_row *row,
				struct ul_findings *findings)
{
	if (row->growth.verdict != UL_GROWTH_LEAK_LIKE)
		return NULL;
	if ((row->series->kind == UL_KIND_ANON || row->series->kind == UL_KIND_SHMEM) &&
	    processes_explain(findings, row->growth.bytes_per_s))
		return NULL;
	struct ul_finding *finding;
	UL_TRY(ul_verdict_begin(evidence, row, findings, &finding));
	finding->confidence = ul_verdict_clamp(row->growth.score) * 0.4;
	UL_TRY(ul_finding_why(finding, "this account has no allocation sites: who holds it is seen "
				       "in `ullage account`"));
	return ul_finding_next(finding, "ullage grow --for 5m");
}
