/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counting pages by their flags, for `account --pages` and `find`. */
#ifndef UL_CMD_PAGES_H
#define UL_CMD_PAGES_H

#include "cmd/cmd.h"
#include "model/finding.h"
#include "model/page_count.h"
#include "source/proc/proc.h"

/** One count between two ledgers. */
struct ul_cmd_pages {
	bool counted; /**< false: it could not be; `losses` of the caller say why */
	struct ul_page_count count;
	struct ul_ledger before, after; /**< without processes */
};

void ul_cmd_pages_deinit(struct ul_cmd_pages *pages);
#define UL_CLEANUP_CMD_PAGES UL_CLEANUP(ul_cmd_pages_deinit)

/**
 * Count, for at most @p limit_ns (0: as long as it takes), with a bar.
 *
 * @param whole_pages  A machine of up to this many pages is read whole all the same.
 * @param like    Read the same pages as this one did, for ul_cmd_pages_confirm(); may be NULL.
 * @param losses  Gets the reason when pages cannot be counted: that is no error.
 */
UL_MUST_USE struct ul_error *ul_cmd_count_pages(const struct ul_cmd_context *context,
						struct ul_proc *proc, int64_t limit_ns,
						uint64_t whole_pages,
						const struct ul_cmd_pages *like,
						struct ul_losses *losses, struct ul_cmd_pages *ret);

/**
 * Count by the page array itself, read as kernel memory: all pages, in a fraction of the time.
 * Where that cannot be (no BPF, no /proc/kcore, a layout that is not understood), by their flags.
 */
UL_MUST_USE struct ul_error *ul_cmd_walk_pages(const struct ul_cmd_context *context,
					       struct ul_proc *proc, int64_t limit_ns,
					       struct ul_losses *losses, struct ul_cmd_pages *ret);

/** Wait until memory that was just given back has left the counters, some seconds at most. */
UL_MUST_USE struct ul_error *ul_cmd_pages_settle(const struct ul_cmd_context *context,
						 struct ul_proc *proc);

/** Say in each finding about unaccounted pages what two counts have to say about it. */
UL_MUST_USE struct ul_error *ul_cmd_pages_confirm(const struct ul_cmd_pages *before,
						  const struct ul_cmd_pages *after,
						  struct ul_findings *findings);

#endif
