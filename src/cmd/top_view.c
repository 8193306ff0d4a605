// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * When growth is judged, and of what. Live, the rows on the screen and AT_A_TIME others that move,
 * in turn, once a second: with a few hundred accounts of which a hundred move, each is judged every
 * few seconds. Looking at another time makes all verdicts stale: then all are judged at once.
 */
#include "cmd/top_view.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/history_growth.h"
#include "base/units.h"

enum {
	AT_A_TIME = 24,
	ALL_AT_ONCE = 1500, /**< tracks that may be judged in one go, off the newest point */
};

static const int64_t judge_every_ns = UL_NS_PER_S;

void ul_top_view_deinit(struct ul_top_view *view)
{
	ul_history_deinit(&view->accounts);
	ul_history_deinit(&view->processes);
	ul_ledger_deinit(&view->ledger);
	ul_losses_deinit(&view->losses);
	ul_trace_deinit(&view->trace);
	ul_top_deinit(&view->top);
	ul_canvas_deinit(&view->canvas);
}

const char *ul_top_view_file(const struct ul_top_view *view)
{
	return view->context->positionals_len ? view->context->positionals[0] : NULL;
}

struct ul_top_input ul_top_view_input(const struct ul_top_view *view)
{
	return (struct ul_top_input){
		.kernel = &view->kernel,
		.accounts = &view->accounts,
		.processes = &view->processes,
		.ledger = view->has_ledger ? &view->ledger : NULL,
		.trace = view->has_trace ? &view->trace : NULL,
		.losses = &view->losses,
		.outlook = view->outlook,
		.mappings = view->mappings_pid ? &view->mappings : NULL,
		.mappings_pid = view->mappings_pid,
		.events = view->events,
		.events_len = view->events_len,
		.file = ul_top_view_file(view),
		.clock_offset_ns = view->clock_offset_ns,
		.every_ns = view->every_ns,
		.processes_every_ns = view->processes_every_ns,
	};
}

static void add_event(struct ul_top_view *view, const struct ul_history_track *track,
		      enum ul_growth_verdict before)
{
	char rate[UL_UNITS_TEXT];
	if (view->events_len == UL_TOP_VIEW_EVENTS)
		memmove(view->events, view->events + 1, --view->events_len * sizeof(*view->events));
	struct ul_top_event *event = &view->events[view->events_len++];
	event->time_ns = view->judged_at_ns;
	if (track->growth.verdict == UL_GROWTH_LEAK_LIKE)
		snprintf(event->text, sizeof(event->text), "%.80s grows like a leak, %s",
			 track->label, ul_format_rate(rate, track->growth.bytes_per_s));
	else
		snprintf(event->text, sizeof(event->text), "%.80s no longer (%s now, was %s)",
			 track->label, ul_growth_verdict_name(track->growth.verdict),
			 ul_growth_verdict_name(before));
}

struct tracks {
	struct ul_history_track **data;
	size_t len;
	size_t cap;
};

static void tracks_deinit(struct tracks *tracks)
{
	ul_vec_deinit(tracks);
}

/** The rows on the screen, the page that is open. */
static struct ul_error *add_visible(struct ul_top_view *view, struct tracks *tracks)
{
	const struct ul_top *top = &view->top;
	const struct ul_top_input input = ul_top_view_input(view);
	struct ul_history_track *shown = ul_top_shown(top, &input);
	if (shown && !ul_vec_push(tracks, shown))
		return &ul_enomem;
	for (size_t i = top->offset; i < top->rows.len && i < top->offset + top->page; i++)
		if (top->rows.data[i].track && !ul_vec_push(tracks, top->rows.data[i].track))
			return &ul_enomem;
	return NULL;
}

/** Tracks of @p history in turn: up to @p most that move, and all that have come to a rest. */
static struct ul_error *add_in_turn(struct ul_top_view *view, const struct ul_history *history,
				    size_t most, struct tracks *tracks)
{
	const size_t len = history->tracks.len;
	size_t moving = 0;
	size_t seen = 0;
	for (; seen < len && moving < most; seen++) {
		struct ul_history_track *track = history->tracks.data[(view->turn + seen) % len];
		if (track->end < history->points.len)
			continue;
		const bool moves = track->values.len != 0;
		if (!moves && track->growth_at_ns && track->growth.verdict == UL_GROWTH_FLAT)
			continue;
		moving += moves;
		if (!ul_vec_push(tracks, track))
			return &ul_enomem;
	}
	view->turn = len ? (view->turn + seen) % len : 0;
	return NULL;
}

static struct ul_error *choose_tracks(struct ul_top_view *view, const struct ul_history *history,
				      bool stale, struct tracks *tracks)
{
	const bool newest = !view->top.paused;
	if (stale && history->tracks.len <= ALL_AT_ONCE) {
		ul_vec_foreach (track, &history->tracks)
			if (!ul_vec_push(tracks, *track))
				return &ul_enomem;
		return NULL;
	}
	UL_TRY(add_visible(view, tracks));
	if (!newest && !stale)
		return NULL;
	return add_in_turn(view, history, AT_A_TIME, tracks);
}

/** Judge what is due of one history, and note what has changed. */
static struct ul_error *judge_history(struct ul_top_view *view, const struct ul_history *history,
				      bool stale)
{
	struct tracks tracks UL_CLEANUP(tracks_deinit) = {0};
	if (!history->points.len)
		return NULL;
	const size_t at = ul_top_point(&view->top, history);
	const int64_t from_ns = ul_top_window_from(&view->top, history, at);
	UL_TRY(choose_tracks(view, history, stale, &tracks));
	enum ul_growth_verdict *before UL_CLEANUP_FREE =
		calloc(tracks.len ? tracks.len : 1, sizeof(*before));
	if (!before)
		return &ul_enomem;
	for (size_t i = 0; i < tracks.len; i++)
		before[i] = tracks.data[i]->growth.verdict;
	const int64_t stamp_ns = history->points.data[at].time_ns;
	UL_TRY(ul_history_growth(history, at, from_ns, stamp_ns ? stamp_ns : 1, tracks.data,
				 tracks.len));
	for (size_t i = 0; i < tracks.len; i++) {
		const bool leaked = before[i] == UL_GROWTH_LEAK_LIKE;
		const bool leaks = tracks.data[i]->growth.verdict == UL_GROWTH_LEAK_LIKE;
		if (leaked != leaks && !view->top.paused && !stale)
			add_event(view, tracks.data[i], before[i]);
	}
	return NULL;
}

/** The newest point of @p history; 0: it has none. */
static int64_t newest_ns(const struct ul_history *history)
{
	return history->points.len ? history->points.data[history->points.len - 1].time_ns : 0;
}

static struct ul_error *judge(struct ul_top_view *view)
{
	const struct ul_top_input input = ul_top_view_input(view);
	const struct ul_history *shown = ul_top_history(&view->top, &input);
	const size_t at = ul_top_point(&view->top, &view->accounts);
	const int64_t at_ns = view->accounts.points.data[at].time_ns;
	const int64_t from_ns = ul_top_window_from(&view->top, &view->accounts, at);
	// Live, time passes and the verdicts follow in turn; else they are of another time.
	const bool stale = view->top.paused &&
			   (at_ns != view->judged_at_ns || from_ns != view->judged_from_ns ||
			    shown != view->judged_history);
	const bool news = newest_ns(shown) != view->judged_newest_ns ||
			  shown != view->judged_history || stale;
	view->judged_at_ns = at_ns;
	view->judged_from_ns = from_ns;
	view->judged_history = shown;
	view->judged_newest_ns = newest_ns(shown);
	UL_TRY(judge_history(view, &view->accounts, stale));
	// Processes may be looked at much less often than accounts.
	if (shown != &view->accounts && news)
		UL_TRY(judge_history(view, shown, stale));
	view->top.stale |= news;
	view->outlook = ul_history_outlook(&view->accounts, at);
	return NULL;
}

static struct ul_error *rebuild(struct ul_top_view *view)
{
	const struct ul_top_input input = ul_top_view_input(view);
	const int64_t newest = newest_ns(ul_top_history(&view->top, &input));
	if (!view->top.stale && newest == view->rows_newest_ns)
		return NULL;
	view->rows_newest_ns = newest;
	return ul_top_rows(&view->top, &input);
}

struct ul_error *ul_top_view_refresh(struct ul_top_view *view, bool force)
{
	const int64_t now_ns = ul_cmd_now_ns();
	UL_TRY(rebuild(view));
	if (force || now_ns >= view->next_judge_ns || view->top.paused) {
		view->next_judge_ns = now_ns + judge_every_ns - judge_every_ns / 10;
		UL_TRY(judge(view));
		UL_TRY(rebuild(view));
	}
	const struct ul_top_input input = ul_top_view_input(view);
	ul_top_draw(&view->top, &input, &view->canvas);
	return NULL;
}
