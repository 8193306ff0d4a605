// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The live view: sampler -> histories -> growth -> rows -> canvas -> terminal, and keys back. The
 * screen itself is view/tui; here is what time and money it may take:
 *
 *  - accounts are sampled every second (--every); processes as well, unless that would take more
 *    than PROCESS_SHARE of a processor, then less often. With 200 processes that is every second.
 *  - growth is judged once a second at most, of the rows on the screen and of AT_A_TIME others that
 *    move, in turn; moving through a recording judges all at once.
 *  - a key is answered at once; no key waits for a sample, which a thread takes (top_sampler.c).
 *
 * Signals are taken from a file descriptor, so that the terminal is restored on each way out.
 */
#include "cmd/top_sampler.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "analysis/history_growth.h"
#include "base/text.h"
#include "base/units.h"
#include "cmd/measure.h"
#include "view/tui/json_top.h"
#include "view/tui/terminal.h"

enum {
	AT_A_TIME = 24,
	ALL_AT_ONCE = 1500, /**< tracks that may be judged in one go, off the newest point */
	PSS_OF_TOP = 20,
	EVENTS = 64,
	BATCH_ROWS = 40,
	JSON_SAMPLES = 2,
	EMPTY_READS = 3,      /**< readable, and no key, so often in a row: the terminal is gone */
	PROCESSES_AGAIN = 20, /**< times its cost: how soon processes are looked at again */
	PROCESSES_AGAIN_HIDDEN = 50,
};

static const int64_t judge_every_ns = UL_NS_PER_S;

struct view {
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
	struct ul_top_event events[EVENTS];
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
	unsigned int empty_reads;
};

static void view_deinit(struct view *view)
{
	ul_history_deinit(&view->accounts);
	ul_history_deinit(&view->processes);
	ul_ledger_deinit(&view->ledger);
	ul_losses_deinit(&view->losses);
	ul_trace_deinit(&view->trace);
	ul_top_deinit(&view->top);
	ul_canvas_deinit(&view->canvas);
}

#define CLEANUP_VIEW UL_CLEANUP(view_deinit)

static const char *file_of(const struct view *view)
{
	return view->context->positionals_len ? view->context->positionals[0] : NULL;
}

static struct ul_top_input input_of(const struct view *view)
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
		.file = file_of(view),
		.clock_offset_ns = view->clock_offset_ns,
		.every_ns = view->every_ns,
		.processes_every_ns = view->processes_every_ns,
	};
}

static void add_event(struct view *view, const struct ul_history_track *track,
		      enum ul_growth_verdict before)
{
	char rate[UL_UNITS_TEXT];
	if (view->events_len == EVENTS)
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
static struct ul_error *add_visible(struct view *view, struct tracks *tracks)
{
	const struct ul_top *top = &view->top;
	const struct ul_top_input input = input_of(view);
	struct ul_history_track *shown = ul_top_shown(top, &input);
	if (shown && !ul_vec_push(tracks, shown))
		return &ul_enomem;
	for (size_t i = top->offset; i < top->rows.len && i < top->offset + top->page; i++)
		if (top->rows.data[i].track && !ul_vec_push(tracks, top->rows.data[i].track))
			return &ul_enomem;
	return NULL;
}

/** Tracks of @p history in turn: up to @p most that move, and all that have come to a rest. */
static struct ul_error *add_in_turn(struct view *view, const struct ul_history *history,
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

static struct ul_error *choose_tracks(struct view *view, const struct ul_history *history,
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
static struct ul_error *judge_history(struct view *view, const struct ul_history *history,
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

static struct ul_error *judge(struct view *view)
{
	const struct ul_top_input input = input_of(view);
	const struct ul_history *shown = ul_top_history(&view->top, &input);
	const size_t at = ul_top_point(&view->top, &view->accounts);
	const int64_t at_ns = view->accounts.points.data[at].time_ns;
	const int64_t from_ns = ul_top_window_from(&view->top, &view->accounts, at);
	// Live, time passes and the verdicts follow in turn; else they are of another time.
	const bool stale = view->top.paused &&
			   (at_ns != view->judged_at_ns || from_ns != view->judged_from_ns ||
			    shown != view->judged_history);
	view->judged_at_ns = at_ns;
	view->judged_from_ns = from_ns;
	view->judged_history = shown;
	UL_TRY(judge_history(view, &view->accounts, stale));
	if (shown != &view->accounts)
		UL_TRY(judge_history(view, shown, stale));
	view->outlook = ul_history_outlook(&view->accounts, at);
	return NULL;
}

static struct ul_error *refresh(struct view *view, bool force)
{
	const int64_t now_ns = ul_cmd_now_ns();
	struct ul_top_input input = input_of(view);
	UL_TRY(ul_top_rows(&view->top, &input));
	if (force || now_ns >= view->next_judge_ns || view->top.paused) {
		view->next_judge_ns = now_ns + judge_every_ns - judge_every_ns / 10;
		UL_TRY(judge(view));
		input = input_of(view);
		UL_TRY(ul_top_rows(&view->top, &input));
	}
	ul_top_draw(&view->top, &input, &view->canvas);
	return NULL;
}

/** The same loss in each sample is one loss. */
static struct ul_error *note_losses(struct ul_losses *losses, const struct ul_losses *sample)
{
	ul_vec_foreach (loss, &sample->items) {
		bool known = false;
		ul_vec_foreach (other, &losses->items)
			known |= other->bias == loss->bias && !strcmp(other->what, loss->what);
		if (!known && losses->items.len < EVENTS)
			UL_TRY(ul_losses_add(losses, loss->bias, loss->count, "%s", loss->what));
	}
	return NULL;
}

/** A sample without processes keeps those of the sample before, for the PSS of rows. */
static void keep_ledger(struct view *view, struct ul_sampler_result *result)
{
	struct ul_ledger *old = &view->ledger;
	if (!result->request.processes && view->has_ledger) {
		const __auto_type processes = old->processes;
		old->processes = result->ledger.processes;
		result->ledger.processes = processes;
	}
	ul_ledger_deinit(old);
	*old = result->ledger;
	ul_ledger_init(&result->ledger);
	view->has_ledger = true;
}

static struct ul_error *accept_ledger(struct view *view, struct ul_sampler_result *result)
{
	const struct ul_ledger *ledger = &result->ledger;
	const bool open = view->top.tab == UL_TAB_PROCESSES;
	UL_TRY(ul_history_add_ledger(&view->accounts, ledger, false));
	UL_TRY(note_losses(&view->losses, &ledger->losses));
	view->clock_offset_ns = ledger->time_ns - ledger->monotonic_ns;
	if (result->request.processes) {
		UL_TRY(ul_history_add_ledger(&view->processes, ledger, true));
		const int again = open ? PROCESSES_AGAIN : PROCESSES_AGAIN_HIDDEN;
		const int64_t cost_ns = (int64_t)(result->cpu_s * UL_NS_PER_S) * again;
		view->processes_every_ns = cost_ns > view->every_ns ? cost_ns : view->every_ns;
		// A little early: at the same rate as the samples, each of them has processes.
		view->next_processes_ns = ul_cmd_now_ns() + view->processes_every_ns -
					  cost_ns / again - view->every_ns / 4;
	}
	if (!view->top.paused)
		keep_ledger(view, result);
	return NULL;
}

static struct ul_error *accept_result(struct view *view, struct ul_sampler *sampler, bool *ret_any)
{
	struct ul_sampler_result result;
	struct ul_error *error = ul_sampler_take(sampler, ret_any, &result);
	if (!error && *ret_any && result.request.ledger)
		error = accept_ledger(view, &result);
	if (!error && *ret_any && result.request.mappings) {
		view->mappings = result.mappings;
		view->mappings_pid = result.has_mappings ? result.request.mappings : 0;
	}
	ul_ledger_deinit(&result.ledger);
	return error;
}

/** Ask for what is due. */
static void ask(struct view *view, struct ul_sampler *sampler)
{
	const int64_t now_ns = ul_cmd_now_ns();
	const struct ul_top_input input = input_of(view);
	if (ul_sampler_busy(sampler))
		return;
	const bool due = now_ns >= view->next_sample_ns;
	const pid_t pid = view->accounts.points.len ? ul_top_wants_mappings(&view->top, &input) : 0;
	struct ul_sampler_request request = {
		.ledger = due,
		.processes = due && now_ns >= view->next_processes_ns,
		.pss = view->top.tab == UL_TAB_PROCESSES ? PSS_OF_TOP : 0,
		.mappings = due || pid != view->mappings_pid ? pid : 0,
	};
	if (!request.ledger && !request.mappings)
		return;
	if (due) { // on a grid; places missed by a suspended machine are left out
		view->next_sample_ns += view->every_ns;
		if (view->next_sample_ns < now_ns)
			view->next_sample_ns = now_ns + view->every_ns;
	}
	ul_sampler_request(sampler, &request);
}

static bool wants_utf8(void)
{
	// Serial lines and the Linux console: fonts and lines that cannot be relied upon.
	static const char *const plain[] = {"linux", "vt100", "vt102", "vt220", "ansi", "dumb"};
	const char *type = getenv("TERM");
	for (size_t i = 0; type && i < UL_ARRAY_LEN(plain); i++)
		if (!strcmp(type, plain[i]))
			return false;
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

static unsigned int rows_wanted(void)
{
	uint64_t rows = BATCH_ROWS;
	const char *lines = getenv("LINES");
	ul_error_destroy(lines ? ul_parse_number(lines, 1, UL_CANVAS_ROWS_MAX, &rows) : NULL);
	return (unsigned int)rows;
}

static struct ul_error *print_screen(struct view *view, bool first)
{
	if (!first)
		fputc('\n', view->context->out);
	return ul_canvas_write(&view->canvas, view->context->out)
		       ? NULL
		       : ul_error_os(errno ? errno : EIO, "writing the screen");
}

static struct ul_error *prepare_batch(struct view *view)
{
	struct ul_term term;
	ul_cmd_term(view->context, &term);
	return ul_canvas_resize(&view->canvas, rows_wanted(), term.width) ? NULL : &ul_enomem;
}

/** Wait until the sampler has something; false when asked to stop. */
static bool await(struct view *view, struct ul_sampler *sampler)
{
	struct pollfd fd = {.fd = ul_sampler_fd(sampler), .events = POLLIN};
	while (!ul_cmd_stopped(view->context)) {
		ask(view, sampler);
		if (poll(&fd, 1, 100) > 0)
			return true;
	}
	return false;
}

/** @p count samples, each with its screen, or one document at the end. */
static struct ul_error *run_batch(struct view *view, struct ul_sampler *sampler, uint64_t count)
{
	const struct ul_options *options = &view->context->options;
	bool any = false;
	UL_TRY(prepare_batch(view));
	for (uint64_t i = 0; i < count && await(view, sampler); i++) {
		UL_TRY(accept_result(view, sampler, &any));
		UL_TRY(refresh(view, true));
		if (!options->json)
			UL_TRY(print_screen(view, i == 0));
		fflush(view->context->out);
	}
	if (!view->accounts.points.len)
		return ul_error_new(UL_ERR_INTERRUPTED, "stopped before the first sample");
	const struct ul_top_input input = input_of(view);
	return options->json ? ul_json_top(view->context->out, options->pretty, &view->top, &input)
			     : NULL;
}

static struct ul_error *load_file(struct view *view, const char *path)
{
	struct ul_record *record UL_CLEANUP_RECORD = NULL;
	struct ul_series_set *set UL_CLEANUP_SERIES_SET = ul_series_set_create();
	struct ul_record_info info;
	if (!set)
		return &ul_enomem;
	UL_TRY(ul_cmd_open_record(path, &record, &info));
	UL_TRY(ul_record_read_series(record, set));
	UL_TRY(ul_history_load(&view->accounts, set, false));
	UL_TRY(ul_history_load(&view->processes, set, true));
	if (!view->accounts.points.len)
		return ul_error_new(UL_ERR_BAD_DATA, "%s has no samples", path);
	UL_TRY(ul_record_read_losses(record, &view->losses));
	UL_TRY(ul_record_read_ledger(record, &view->ledger));
	view->has_ledger = true;
	UL_TRY(ul_record_read_trace(record, &view->has_trace, &view->trace));
	const size_t last = view->accounts.points.len - 1;
	view->kernel = info.kernel;
	view->clock_offset_ns = info.last_time_ns - view->accounts.points.data[last].time_ns;
	view->top.paused = true;
	view->top.position_ns = view->accounts.points.data[last].time_ns;
	return NULL;
}

/** Show what there is, in the size the terminal has now. */
static struct ul_error *show(struct view *view, struct ul_terminal *terminal, bool force)
{
	unsigned int rows;
	unsigned int columns;
	ul_terminal_size(terminal, &rows, &columns);
	const bool resized = rows != view->canvas.rows || columns != view->canvas.columns;
	if (!ul_canvas_resize(&view->canvas, rows, columns))
		return &ul_enomem;
	if (!view->accounts.points.len) {
		ul_canvas_put(&view->canvas, 0, 0, columns, UL_INK_PLAIN, "reading ...");
	} else {
		UL_TRY(refresh(view, force));
	}
	ul_terminal_show(terminal, &view->canvas, resized);
	return NULL;
}

/** Apply all keys that wait. */
static void take_keys(struct view *view, struct ul_terminal *terminal, bool readable, bool *ret_any)
{
	const struct ul_top_input input = input_of(view);
	for (int key; (key = ul_terminal_key(terminal)) != UL_KEY_NONE;) {
		*ret_any = true;
		view->empty_reads = 0;
		if (!view->accounts.points.len)
			view->top.quit |= key == 'q';
		else
			ul_top_key(&view->top, &input, key);
	}
	// End of file reads as "no key" for ever; a resize does so once.
	if (readable && !*ret_any && ++view->empty_reads >= EMPTY_READS)
		view->top.quit = true;
}

static int wait_ms(const struct view *view)
{
	if (file_of(view))
		return -1;
	const int64_t left_ns = view->next_sample_ns - ul_cmd_now_ns();
	return left_ns <= 0 ? 20 : (int)(left_ns / 1000000) + 1;
}

/** One wait and what came of it. @p sampler NULL: a recording. */
static struct ul_error *turn(struct view *view, struct ul_terminal *terminal,
			     struct ul_sampler *sampler, int signals)
{
	struct pollfd fds[] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = signals, .events = POLLIN},
		{.fd = sampler ? ul_sampler_fd(sampler) : -1, .events = POLLIN},
	};
	bool sampled = false;
	bool keyed = false;
	if (sampler)
		ask(view, sampler);
	const int ready = poll(fds, UL_ARRAY_LEN(fds), wait_ms(view));
	if (ready < 0 && errno != EINTR)
		return ul_error_os(errno, "waiting for keys");
	const bool some = ready > 0;
	if (some && (fds[1].revents || fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))) {
		view->top.quit = true;
		return NULL;
	}
	if (some && sampler && fds[2].revents)
		UL_TRY(accept_result(view, sampler, &sampled));
	take_keys(view, terminal, some && fds[0].revents & POLLIN, &keyed);
	// ready < 0: a signal of ncurses, so most likely the size has changed.
	if (!view->top.quit && (sampled || keyed || ready < 0))
		UL_TRY(show(view, terminal, false));
	return NULL;
}

static struct ul_error *open_signals(int *ret)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	*ret = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *ret < 0 ? ul_error_os(errno, "making a signalfd") : NULL;
}

static struct ul_error *run_screen(struct view *view, struct ul_sampler *sampler)
{
	struct ul_term term;
	ul_cmd_term(view->context, &term);
	int signals UL_CLEANUP_CLOSE = -1;
	UL_TRY(open_signals(&signals));
	struct ul_terminal *terminal UL_CLEANUP_TERMINAL = NULL;
	UL_TRY(ul_terminal_open(term.color, &terminal));
	UL_TRY(show(view, terminal, true));
	while (!view->top.quit && !ul_cmd_stopped(view->context))
		UL_TRY(turn(view, terminal, sampler, signals));
	return NULL;
}

static struct ul_error *run_file(struct view *view)
{
	const struct ul_options *options = &view->context->options;
	UL_TRY(load_file(view, file_of(view)));
	if (!options->batch && !options->json)
		return run_screen(view, NULL);
	UL_TRY(prepare_batch(view));
	UL_TRY(refresh(view, true));
	const struct ul_top_input input = input_of(view);
	return options->json ? ul_json_top(view->context->out, options->pretty, &view->top, &input)
			     : print_screen(view, true);
}

static struct ul_error *run_live(struct view *view)
{
	const struct ul_options *options = &view->context->options;
	struct ul_proc *proc UL_CLEANUP_PROC = NULL;
	UL_TRY(ul_cmd_open_proc(view->context, &proc));
	UL_TRY(ul_proc_kernel(proc, &view->kernel));
	struct ul_sampler *sampler UL_CLEANUP_SAMPLER = NULL;
	UL_TRY(ul_sampler_create(proc, &sampler));
	view->next_sample_ns = ul_cmd_now_ns();
	if (options->json || options->batch)
		return run_batch(view, sampler,
				 options->batch ? options->batch : (uint64_t)JSON_SAMPLES);
	return run_screen(view, sampler);
}

static struct ul_error *check(const struct ul_cmd_context *context)
{
	const struct ul_options *options = &context->options;
	const uint64_t live_only = UL_OPTION_BIT(EVERY) | UL_OPTION_BIT(PROC) | UL_OPTION_BIT(SYS);
	if (context->positionals_len && (options->given & live_only))
		return ul_error_new(UL_ERR_USAGE,
				    "--every, --proc and --sys are for looking at now, not for the "
				    "recording %s",
				    context->positionals[0]);
	if (options->batch || options->json || (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
		return NULL;
	return ul_error_hint(ul_error_new(UL_ERR_USAGE, "ullage top needs a terminal for its "
							"keys and its screen"),
			     "as text: ullage top --batch 1; for programs: ullage top --json");
}

static struct ul_error *run(struct ul_cmd_context *context, int *ret_exit_code)
{
	struct view view CLEANUP_VIEW = {
		.context = context,
		.every_ns = context->options.every_ns ? context->options.every_ns : UL_NS_PER_S,
	};
	UL_TRY(check(context));
	setlocale(LC_CTYPE, ""); // and no other category: numbers keep their point
	ul_history_init(&view.accounts, !context->positionals_len);
	ul_history_init(&view.processes, !context->positionals_len);
	ul_ledger_init(&view.ledger);
	ul_top_init(&view.top);
	view.canvas.utf8 = wants_utf8();
	return context->positionals_len ? run_file(&view) : run_live(&view);
}

const struct ul_cmd ul_cmd_top = {
	.name = "top",
	.summary = "live view of all accounts: size, growth, verdict, curve",
	.positionals = "[FILE]",
	.positionals_max = 1,
	.details =
		"All accounts by suspicion, with the change since the baseline, the growth and\n"
		"its 95 % interval. F1 shows the keys; q quits. Enter opens a class, a cache, a\n"
		"process. With FILE, the recording: [ and ] move through time.\n",
	.examples = "  sudo ullage top                    once a second\n"
		    "  sudo ullage top -d 10s             every ten seconds, for a slow leak\n"
		    "  ullage top night.ullage            what happened in the night\n"
		    "  ullage top --batch 1               one screen as text\n",
	.options = UL_OPTION_BIT(PROC) | UL_OPTION_BIT(SYS) | UL_OPTION_BIT(EVERY) |
		   UL_OPTION_BIT(BATCH) | UL_OPTION_BIT(OUTPUT),
	.run = run,
};
