/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The facts behind the screen of `top`, from sample to canvas. */
#ifndef UL_CMD_TOP_VIEW_H
#define UL_CMD_TOP_VIEW_H

#include "cmd/cmd.h"
#include "view/tui/top.h"

enum { UL_TOP_VIEW_EVENTS = 64 };

struct ul_top_view {
	struct ul_cmd_context *context;
	struct ul_kernel kernel;
	struct ul_history accounts;
	struct ul_history processes;
	struct ul_ledger ledger;
	bool has_ledger;
	struct ul_losses losses;
	struct ul_trace trace;
	bool has_trace;
	struct ul_mappings mappings;
	pid_t mappings_pid;
	struct ul_top_event events[UL_TOP_VIEW_EVENTS];
	size_t events_len;
	struct ul_outlook outlook;
	struct ul_top top;
	struct ul_canvas canvas;
	int64_t clock_offset_ns;
	int64_t every_ns;
	int64_t processes_every_ns;
	int64_t next_sample_ns;
	int64_t next_processes_ns;
	int64_t next_judge_ns;
	size_t turn; /**< track that is judged next, of those not on the screen */
	// What the verdicts are for; another of these makes them stale.
	int64_t judged_at_ns;
	int64_t judged_from_ns;
	const struct ul_history *judged_history;
	int64_t judged_newest_ns;
	int64_t rows_newest_ns; /**< newest point the rows were made from */
	unsigned int empty_reads;
};

void ul_top_view_deinit(struct ul_top_view *view);
#define UL_CLEANUP_TOP_VIEW UL_CLEANUP(ul_top_view_deinit)
/** The recording that is shown; NULL: live. */
const char *ul_top_view_file(const struct ul_top_view *view);
/** What the screen is drawn from; borrows @p view. */
struct ul_top_input ul_top_view_input(const struct ul_top_view *view);
/** Judge what is due (@p force: now), rebuild the rows if need be, draw. Needs a sample. */
UL_MUST_USE struct ul_error *ul_top_view_refresh(struct ul_top_view *view, bool force);

#endif
