// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that opens files, sockets or pipes and does not close them makes their caches grow, and
 * none of it is freed: both witnesses of verdict.c accuse, and no kernel function has lost
 * anything. The number of its descriptors tells. Where those who took the files have as many
 * descriptors more at the end of recording as files of theirs survived, the files are theirs, and
 * what was taken with them, or is lost together with them, goes when they are closed.
 *
 * Files are a part of a finding by a stack through the function that takes a struct file, in the
 * finding's own site or in what is lost together with it. Where they are not (their cache had free
 * room enough not to grow) and just as many objects survived as one program has descriptors more,
 * they may hang from its files or not: inconclusive. Descriptors are sampled of processes with 64
 * or more (ul_process_fds_bytes()).
 *
 * Errs: to the side of leak where files are passed on to others, or as many that were open before
 * are closed meanwhile. To the side of held where a path loses something for each file of a program
 * that keeps them all: that shows when it closes them.
 */
#include "analysis/verdict_files.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/verdict_internal.h"
#include "base/text.h"

/** Descriptors there must be more, of the files that survived. */
static const double most = 0.9;

/** Takes a struct file, or what goes with each. Linux fs/file_table.c. */
static bool is_of_files(const struct ul_site *site)
{
	return site && site->processes.len &&
	       (ul_stack_has(&site->stack, "alloc_empty_file*") ||
		ul_stack_has(&site->stack, "get_empty_filp")); // before v4.19
}

/** The site of open files that @p finding, or something lost together with it, has. */
static const struct ul_site *files_of(const struct ul_finding *finding)
{
	if (is_of_files(finding->site))
		return finding->site;
	ul_vec_foreach (companion, &finding->companions)
		if (is_of_files(companion->site))
			return companion->site;
	return NULL;
}

/** A process of the site; several of one name are folded, and have no number. */
static bool is_of(const struct ul_series *series, const struct ul_site_process *process)
{
	if (process->pid)
		return series->pid == process->pid;
	return !strncmp(series->label, process->comm, sizeof(process->comm) - 1);
}

/** How many descriptors more @p process had when recording ended. */
static double opened(const struct ul_evidence *evidence, const struct ul_site_process *process)
{
	double sum = 0;
	ul_vec_foreach (row, &evidence->growth->rows) {
		const struct ul_series *series = row->series;
		if (series->kind != UL_KIND_PROCESS_FDS || !is_of(series, process))
			continue;
		sum += fmax(ul_verdict_grown_objects(series, evidence->trace), 0);
	}
	return sum;
}

/** Of the survivors of @p files, those that processes have as descriptors; who has most of them. */
static double held_of(const struct ul_evidence *evidence, const struct ul_site *files,
		      struct ul_site_process *ret_holder, double *ret_opened)
{
	double sum = 0;
	double largest = 0;
	ul_vec_foreach (process, &files->processes) {
		const double more = opened(evidence, process);
		const double held = fmin(more, (double)process->objects);
		sum += held;
		if (held <= largest)
			continue;
		largest = held;
		*ret_holder = *process;
		*ret_opened = more;
	}
	return sum;
}

static struct ul_error *name_holder(const struct ul_site_process *holder, double more,
				    struct ul_finding *finding)
{
	char pid[16] = "";
	if (holder->pid)
		snprintf(pid, sizeof(pid), "[%d]", (int)holder->pid);
	free(finding->holder);
	if (asprintf(&finding->holder, "%.*s%s by %.0f file descriptors more than before",
		     (int)sizeof(holder->comm), holder->comm, pid, more) >= 0)
		return NULL;
	finding->holder = NULL;
	return &ul_enomem;
}

static struct ul_error *say_next(const struct ul_site_process *holder, struct ul_finding *finding)
{
	ul_vec_foreach (next, &finding->next)
		free(*next);
	finding->next.len = 0;
	return holder->pid ? ul_finding_next(finding, "ls -l /proc/%d/fd", (int)holder->pid)
			   : ul_finding_next(finding, "ullage account --holders");
}

/** @p finding is of @p files, or these are a part of it. */
static struct ul_error *judge_files(const struct ul_evidence *evidence, const struct ul_site *files,
				    struct ul_finding *finding)
{
	struct ul_site_process holder = {0};
	double more = 0;
	if (held_of(evidence, files, &holder, &more) < most * (double)files->survivors)
		return NULL;
	finding->verdict = UL_FINDING_HELD;
	UL_TRY(name_holder(&holder, more, finding));
	UL_TRY(ul_finding_why(finding,
			      "%.0f descriptors were opened and not closed, and %" PRIu64
			      " open files survived: they are the program's, and what was taken "
			      "with them goes when it closes them",
			      more, files->survivors));
	return say_next(&holder, finding);
}

/** As many objects as one program has descriptors more: by chance, or they hang from its files. */
static struct ul_error *judge_others(const struct ul_evidence *evidence, struct ul_finding *finding)
{
	const struct ul_site *site = finding->site;
	const struct ul_site_process *process = site->processes.data;
	const double survivors = (double)site->survivors;
	if (!site->processes.len || (double)process->objects < most * survivors)
		return NULL;
	const double more = opened(evidence, process);
	if (more < most * survivors || survivors < most * more)
		return NULL;
	finding->verdict = UL_FINDING_INCONCLUSIVE;
	finding->confidence = fmin(finding->confidence, UL_VERDICT_UNPROVEN);
	UL_TRY(ul_finding_why(finding,
			      "%.*s has as many file descriptors more than before (%.0f): if these "
			      "hang from its open files, they go when it closes them",
			      (int)sizeof(process->comm), process->comm, more));
	return say_next(process, finding);
}

struct ul_error *ul_verdict_open_files(const struct ul_evidence *evidence,
				       struct ul_findings *findings)
{
	if (!evidence->trace)
		return NULL;
	ul_vec_foreach (finding, &findings->items) {
		if (finding->verdict != UL_FINDING_LEAK || !finding->site)
			continue;
		const struct ul_site *files = files_of(finding);
		UL_TRY(files ? judge_files(evidence, files, finding)
			     : judge_others(evidence, finding));
	}
	ul_verdict_rank(findings);
	return NULL;
}
