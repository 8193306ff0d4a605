// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The live view: sampler -> histories -> growth -> rows -> canvas -> terminal, and keys back. The
 * screen itself is view/tui; here is what it may cost:
 *
 *  - accounts are sampled every second (--every), and so are processes, unless looking at them
 *    would take more than a fiftieth of a processor (a twentieth while they are on the screen):
 *    then they are looked at less often. A few hundred are looked at every second.
 *  - growth is judged once a second at most, and not of everything (top_view.c).
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

#include "base/text.h"
#include "base/units.h"
#include "cmd/measure.h"
#include "cmd/top_view.h"
#include "view/tui/json_top.h"
#include "view/tui/terminal.h"

enum {
	PSS_OF_TOP = 20,
	BATCH_ROWS = 40,
	JSON_SAMPLES = 2,
	EMPTY_READS = 3,      /**< readable, and no key, so often in a row: the terminal is gone */
	PROCESSES_AGAIN = 20, /**< times its cost: how soon processes are looked at again */
	PROCESSES_AGAIN_HIDDEN = 50,
};

/** The same loss in each sample is one loss. */
static struct ul_error *note_losses(struct ul_losses *losses, const struct ul_losses *sample)
{
	ul_vec_foreach (loss, &sample->items) {
		bool known = false;
		ul_vec_foreach (other, &losses->items)
			known |= other->bias == loss->bias && !strcmp(other->what, loss->what);
		if (!known && losses->items.len < UL_TOP_VIEW_EVENTS)
			UL_TRY(ul_losses_add(losses, loss->bias, loss->count, "%s", loss->what));
	}
	return NULL;
}

/** A sample without processes keeps those of the sample before, for the PSS of rows. */
static void keep_ledger(struct ul_top_view *view, struct ul_sampler_result *result)
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

static struct ul_error *accept_ledger(struct ul_top_view *view, struct ul_sampler_result *result)
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

static struct ul_error *accept_result(struct ul_top_view *view, struct ul_sampler *sampler,
				      bool *ret_any)
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
static void ask(struct ul_top_view *view, struct ul_sampler *sampler)
{
	const int64_t now_ns = ul_cmd_now_ns();
	const struct ul_top_input input = ul_top_view_input(view);
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

static struct ul_error *print_screen(struct ul_top_view *view, bool first)
{
	if (!first)
		fputc('\n', view->context->out);
	return ul_canvas_write(&view->canvas, view->context->out)
		       ? NULL
		       : ul_error_os(errno ? errno : EIO, "writing the screen");
}

static struct ul_error *prepare_batch(struct ul_top_view *view)
{
	struct ul_term term;
	ul_cmd_term(view->context, &term);
	return ul_canvas_resize(&view->canvas, rows_wanted(), term.width) ? NULL : &ul_enomem;
}

/** Wait until the sampler has something; false when asked to stop. */
static bool await(struct ul_top_view *view, struct ul_sampler *sampler)
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
static struct ul_error *run_batch(struct ul_top_view *view, struct ul_sampler *sampler,
				  uint64_t count)
{
	const struct ul_options *options = &view->context->options;
	bool any = false;
	UL_TRY(prepare_batch(view));
	for (uint64_t i = 0; i < count && await(view, sampler); i++) {
		UL_TRY(accept_result(view, sampler, &any));
		UL_TRY(ul_top_view_refresh(view, true));
		if (!options->json)
			UL_TRY(print_screen(view, i == 0));
		fflush(view->context->out);
	}
	if (!view->accounts.points.len)
		return ul_error_new(UL_ERR_INTERRUPTED, "stopped before the first sample");
	const struct ul_top_input input = ul_top_view_input(view);
	return options->json ? ul_json_top(view->context->out, options->pretty, &view->top, &input)
			     : NULL;
}

static struct ul_error *load_file(struct ul_top_view *view, const char *path)
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
static struct ul_error *show(struct ul_top_view *view, struct ul_terminal *terminal, bool force)
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
		UL_TRY(ul_top_view_refresh(view, force));
	}
	ul_terminal_show(terminal, &view->canvas, resized);
	return NULL;
}

/** Apply all keys that wait. */
static void take_keys(struct ul_top_view *view, struct ul_terminal *terminal, bool readable,
		      bool *ret_any)
{
	const struct ul_top_input input = ul_top_view_input(view);
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

static int wait_ms(const struct ul_top_view *view)
{
	if (ul_top_view_file(view))
		return -1;
	const int64_t left_ns = view->next_sample_ns - ul_cmd_now_ns();
	return left_ns <= 0 ? 20 : (int)(left_ns / 1000000) + 1;
}

/** One wait and what came of it. @p sampler NULL: a recording. */
static struct ul_error *turn(struct ul_top_view *view, struct ul_terminal *terminal,
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
	// Keys first: they are about the rows that are shown, which new samples make stale.
	take_keys(view, terminal, some && fds[0].revents & POLLIN, &keyed);
	if (some && sampler && fds[2].revents)
		UL_TRY(accept_result(view, sampler, &sampled));
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

static struct ul_error *run_screen(struct ul_top_view *view, struct ul_sampler *sampler)
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

static struct ul_error *run_file(struct ul_top_view *view)
{
	const struct ul_options *options = &view->context->options;
	UL_TRY(load_file(view, ul_top_view_file(view)));
	if (!options->batch && !options->json)
		return run_screen(view, NULL);
	UL_TRY(prepare_batch(view));
	UL_TRY(ul_top_view_refresh(view, true));
	const struct ul_top_input input = ul_top_view_input(view);
	return options->json ? ul_json_top(view->context->out, options->pretty, &view->top, &input)
			     : print_screen(view, true);
}

static struct ul_error *run_live(struct ul_top_view *view)
{
	const struct ul_options *options = &view->context->options;
	struct ul_proc *proc UL_CLEANUP_PROC = NULL;
	UL_TRY(ul_cmd_open_growing_proc(view->context, &proc));
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
	struct ul_top_view view UL_CLEANUP_TOP_VIEW = {
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
