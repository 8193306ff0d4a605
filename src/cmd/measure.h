/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps that several commands share: opening what the options name, sampling the ledger. */
#ifndef UL_CMD_MEASURE_H
#define UL_CMD_MEASURE_H

#include "cmd/cmd.h"
#include "model/series.h"
#include "source/proc/proc.h"
#include "source/record/record.h"
#include "view/progress.h"
#include "view/term.h"

/** /proc and /sys, or the recorded trees of --proc and --sys. */
UL_MUST_USE struct ul_error *ul_cmd_open_proc(const struct ul_cmd_context *context,
					      struct ul_proc **ret);
/**
 * The same, for a command that measures growth: this process has no huge pages from here on. A huge
 * page of which a part was given back (a heap that shrinks) stays allocated, and is in no counter,
 * until its last part goes: our own memory would show as steps of up to 2 MiB of unaccounted memory
 * (Linux mm/rmap.c page_remove_rmap(), mm/huge_memory.c deferred_split_huge_page()). Children
 * inherit it.
 */
UL_MUST_USE struct ul_error *ul_cmd_open_growing_proc(const struct ul_cmd_context *context,
						      struct ul_proc **ret);
/**
 * What a recording has no room for is still answered: an error of the system becomes a loss that
 * begins with @p what. Takes @p error, which may be NULL; others are returned.
 */
UL_MUST_USE struct ul_error *ul_cmd_not_recorded(struct ul_losses *losses, struct ul_error *error,
						 const char *what);
/** New recording at @p path for what @p proc shows; an existing file is an error with a hint. */
UL_MUST_USE struct ul_error *ul_cmd_create_record(struct ul_proc *proc, const char *path,
						  struct ul_record **ret);
/** The recording at @p path, and what kernel it is of. */
UL_MUST_USE struct ul_error *ul_cmd_open_record(const char *path, struct ul_record **ret,
						struct ul_record_info *ret_info);
/** Its trace with what is made of it: functions and curves are not kept, stacks and ages are. */
UL_MUST_USE struct ul_error *ul_cmd_read_trace(struct ul_record *record, bool *ret_found,
					       struct ul_trace *ret);
/** Width (COLUMNS, the terminal, 80) and colour (--color, NO_COLOR, TERM) for context->out. */
void ul_cmd_term(const struct ul_cmd_context *context, struct ul_term *ret);
/** Progress on context->err where that is a terminal and neither --quiet nor --json is given. */
void ul_cmd_progress(const struct ul_cmd_context *context, struct ul_progress *ret);
/** ul_cmd_sleep_until() with the bar of @p progress, which runs from @p start_ns to @p end_ns. */
bool ul_cmd_wait(const struct ul_cmd_context *context, struct ul_progress *progress,
		 const char *what, int64_t start_ns, int64_t end_ns, int64_t deadline_ns);

/** How to sample the ledger for a while. */
struct ul_sampling {
	struct ul_proc *proc;
	struct ul_proc_want want;
	int64_t for_ns;		   /**< 0: until stopped */
	int64_t every_ns;	   /**< > 0 */
	struct ul_series_set *set; /**< add every sample to it; may be NULL */
	struct ul_record *record;  /**< write every sample to it; may be NULL */
	const char *what;	   /**< for the progress line: "sampling" */
	/**
	 * A bar that spans several samplings: ours to update, the caller's to end. NULL: own bar.
	 */
	struct ul_progress *progress;
	int64_t bar_start_ns, bar_end_ns; /**< what that bar runs from and to */
	/**
	 * Set when the recording could not be written (a full disk): a loss then, and the sampling
	 * goes on. NULL: such an error ends the sampling.
	 */
	bool *record_failed;
	struct ul_losses *losses; /**< each loss of a sample, once; and samples that came late */
};

/**
 * Sample at once, then every every_ns until for_ns is over or the user stops.
 *
 * @param ret_samples  How many were taken. Being stopped is no error.
 */
UL_MUST_USE struct ul_error *ul_cmd_sample(const struct ul_cmd_context *context,
					   const struct ul_sampling *sampling, size_t *ret_samples);

#endif
