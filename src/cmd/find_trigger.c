// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A search with a reproducer, as a list of steps:
 *
 *   warm up  the first runs: what is made once and what is cached is made then
 *   idle     nothing is run: what the machine loses by itself
 *   trigger  the runs, in batches; between two of them a pause longer than the kernel's tick, by
 *            which allocations are stamped, so that each allocation belongs to one batch
 *   control  the same with the command of --control, if there is one
 *   drain    no new allocations are recorded, frees are
 *   judge    what batches left behind (analysis/trigger)
 *   calls    the runs once more, to see which functions they call (cmd/find_calls), and once more
 *            for the references of what is lost (cmd/find_balance); then as every search
 *
 * All allocators are traced, complete and with stacks, all the time: a reproducer runs on a machine
 * that may be slow for a minute. Ctrl-C ends the step that runs and judges what there is.
 */
#include "cmd/find_trigger.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/freepath.h"
#include "analysis/trigger.h"
#include "base/units.h"
#include "cmd/find_balance.h"
#include "cmd/find_calls.h"
#include "cmd/find_contents.h"
#include "cmd/find_known.h"
#include "cmd/find_memory.h"
#include "cmd/ftrace.h"
#include "cmd/machine.h"
#include "cmd/measure.h"
#include "cmd/runner.h"
#include "view/find.h"

enum {
	TIMES_DEFAULT = 300,
	BATCHES = 20,
	WARM_UP_LEAST = 3,
	WARM_UP_MOST = 30,
	CONTROL_MOST = 100, /**< runs of the control: each leaves something, or none does */
	EXAMPLES = 1 << 20, /**< survivors of one site: all that a tracer has room for */
	EXIT_CANNOT_RUN = 126,
	EXIT_NOT_FOUND = 127,
};
/** Longest tick there is (HZ=100), twice and a bit. */
static const int64_t pause_ns = 25 * UL_NS_PER_S / 1000;
static const int64_t lag_ns = 11 * UL_NS_PER_S / 1000;
static const int64_t idle_ns = UL_NS_PER_S;
static const int64_t drain_default_ns = 3 * UL_NS_PER_S;

struct trigger {
	const struct ul_cmd_context *context;
	struct ul_runner *runner;
	struct ul_proc *proc;
	struct ul_kernel kernel;
	struct ul_machine machine;
	struct ul_tracer *tracer;     /**< one of these two while recording */
	struct ul_cmd_ftrace *ftrace; /**< borrows `tracing` */
	struct ul_tracer_options tracing;
	struct ul_ledger before, after;
	struct ul_batches batches;
	struct ul_trace trace;
	struct ul_findings findings;
	struct ul_fixes fixes; /**< the index that findings borrow from */
	struct ul_losses losses;
	bool cut; /**< the last run was killed by Ctrl-C */
	struct ul_progress progress;
	uint64_t done, in_all; /**< runs, for the bar */
	uint64_t failed;
	int failed_status;
};

static void trigger_deinit(struct trigger *trigger)
{
	ul_progress_end(&trigger->progress);
	ul_findings_deinit(&trigger->findings); // before the trace it borrows from
	ul_fixes_deinit(&trigger->fixes);
	ul_trace_deinit(&trigger->trace);
	ul_tracer_destroy(trigger->tracer);
	ul_cmd_ftrace_destroy(trigger->ftrace);
	ul_vec_deinit(&trigger->batches.items);
	ul_ledger_deinit(&trigger->before);
	ul_ledger_deinit(&trigger->after);
	ul_machine_deinit(&trigger->machine);
	ul_losses_deinit(&trigger->losses);
	ul_proc_destroy(trigger->proc);
	ul_runner_destroy(trigger->runner);
}

static struct ul_error *check_options(const struct ul_options *options)
{
	const uint64_t others = UL_OPTION_BIT(FOR) | UL_OPTION_BIT(EVERY) | UL_OPTION_BIT(RECORD);
	if (options->given & others)
		return ul_error_new(UL_ERR_USAGE,
				    "--for, --every and --record are for a search that watches; "
				    "with --trigger it takes as long as the runs do");
	if (options->budget_cpu > 0)
		return ul_error_new(UL_ERR_USAGE, "--budget: with --trigger everything is "
						  "traced, so there is no cpu= limit");
	if (options->engine != UL_ENGINE_AUTO && options->engine != UL_ENGINE_BPF &&
	    options->engine != UL_ENGINE_FTRACE)
		return ul_error_new(UL_ERR_USAGE, "--engine: with --trigger auto, bpf or ftrace");
	return NULL;
}

/** Names "exit status 2", "signal 11". */
static const char *format_status(int status, char text[static UL_UNITS_TEXT])
{
	if (WIFSIGNALED(status))
		snprintf(text, UL_UNITS_TEXT, "signal %d", WTERMSIG(status));
	else
		snprintf(text, UL_UNITS_TEXT, "exit status %d", WEXITSTATUS(status));
	return text;
}

/** One run of @p command. The first one shows its messages, and must be possible. */
static struct ul_error *run_once(struct trigger *trigger, const char *command, bool first)
{
	int status = 0;
	bool stopped;
	UL_TRY(ul_runner_run(trigger->runner, trigger->context, command, first, &status, &stopped));
	trigger->done++;
	trigger->cut = stopped;
	if (stopped || !status)
		return NULL;
	if (WIFEXITED(status) &&
	    (WEXITSTATUS(status) == EXIT_NOT_FOUND || WEXITSTATUS(status) == EXIT_CANNOT_RUN) &&
	    first)
		return ul_error_new(UL_ERR_USAGE, "the command '%s' cannot be run", command);
	trigger->failed++;
	trigger->failed_status = status;
	return NULL;
}

static void say_progress(struct trigger *trigger, const char *what)
{
	ul_progress_update(&trigger->progress, ul_cmd_now_ns(),
			   (double)trigger->done / (double)(trigger->in_all ? trigger->in_all : 1),
			   NAN, what);
}

/** A batch of runs, and the pause behind it. */
static struct ul_error *run_batch(struct trigger *trigger, enum ul_batch_kind kind,
				  const char *command, uint64_t runs, const char *what)
{
	if (ul_cmd_stopped(trigger->context))
		return NULL;
	struct ul_batch batch = {.kind = kind, .begin_ns = ul_cmd_monotonic_ns()};
	for (uint64_t i = 0; i < runs && !ul_cmd_stopped(trigger->context); i++) {
		UL_TRY(run_once(trigger, command, kind == UL_BATCH_WARM_UP && !i));
		batch.runs++;
		say_progress(trigger, what);
	}
	batch.end_ns = ul_cmd_monotonic_ns();
	ul_cmd_sleep_until(trigger->context, ul_cmd_now_ns() + pause_ns);
	if (trigger->cut && batch.runs)
		batch.runs--;
	return !batch.runs || ul_vec_push(&trigger->batches.items, batch) ? NULL : &ul_enomem;
}

static struct ul_error *run_batches(struct trigger *trigger, enum ul_batch_kind kind,
				    const char *command, uint64_t times, const char *what)
{
	for (uint64_t i = 0; i < BATCHES; i++) {
		const uint64_t runs = times * (i + 1) / BATCHES - times * i / BATCHES;
		if (runs)
			UL_TRY(run_batch(trigger, kind, command, runs, what));
	}
	return NULL;
}

/** What the machine loses while nothing is run. */
static struct ul_error *stay_idle(struct trigger *trigger)
{
	struct ul_batch batch = {.kind = UL_BATCH_IDLE, .begin_ns = ul_cmd_monotonic_ns()};
	if (!ul_cmd_sleep_until(trigger->context, ul_cmd_now_ns() + idle_ns))
		return NULL;
	batch.end_ns = ul_cmd_monotonic_ns();
	return ul_vec_push(&trigger->batches.items, batch) ? NULL : &ul_enomem;
}

/** Trace all allocators by BPF, else by ftrace. */
static struct ul_error *open_tracers(struct trigger *trigger)
{
	trigger->tracing = (struct ul_tracer_options){
		.allocators = UL_TRACE_SLAB | UL_TRACE_PAGES | UL_TRACE_PERCPU | UL_TRACE_VMALLOC,
		.stacks = true,
		.free_paths = true,
		.freed_contents = !trigger->context->options.no_contents,
		.memory_bytes = trigger->context->options.budget_bytes,
		.max_examples = EXAMPLES,
	};
	ul_machine_tracer_options(&trigger->machine, &trigger->tracing);
	if (!ul_cmd_ftrace_wanted(trigger->context)) {
		struct ul_error *error = ul_tracer_open(&trigger->tracing, &trigger->tracer);
		if (!error || !ul_cmd_ftrace_instead(trigger->context, error))
			return error;
		UL_TRY(ul_losses_add_error(&trigger->losses, UL_BIAS_NONE, error,
					   "traced by ftrace, which costs more"));
	}
	return ul_cmd_ftrace_open(trigger->context, &trigger->tracing, &trigger->ftrace);
}

static struct ul_error *record(struct trigger *trigger)
{
	return trigger->tracer ? ul_tracer_record(trigger->tracer)
			       : ul_cmd_ftrace_record(trigger->ftrace);
}

static struct ul_error *drain(struct trigger *trigger)
{
	const int64_t drain_ns = trigger->context->options.drain_ns
					 ? trigger->context->options.drain_ns
					 : drain_default_ns;
	if (trigger->tracer)
		ul_tracer_drain(trigger->tracer);
	else
		ul_cmd_ftrace_drain(trigger->ftrace);
	if (!ul_cmd_sleep_until(trigger->context, ul_cmd_now_ns() + drain_ns))
		usleep(500 * 1000); // the grace period that RCU frees need
	return ul_proc_ledger(trigger->proc, &(struct ul_proc_want){.processes = true},
			      &trigger->after);
}

static struct ul_error *collect(struct trigger *trigger)
{
	if (trigger->ftrace)
		return ul_cmd_ftrace_collect(trigger->ftrace, &trigger->machine, &trigger->after,
					     &trigger->trace);
	UL_TRY(ul_machine_take_trace(trigger->context, &trigger->machine, trigger->tracer,
				     &trigger->after, &trigger->trace));
	ul_tracer_destroy(UL_TAKE(trigger->tracer));
	return NULL;
}

static uint64_t warm_up_runs(uint64_t times)
{
	const uint64_t runs = times / 10;
	return runs < WARM_UP_LEAST ? WARM_UP_LEAST : runs > WARM_UP_MOST ? WARM_UP_MOST : runs;
}

/** Run everything while it is recorded. */
static struct ul_error *run_all(struct trigger *trigger)
{
	const struct ul_options *options = &trigger->context->options;
	const uint64_t times = options->times ? options->times : TIMES_DEFAULT;
	const uint64_t control = !options->control	? 0
				 : times < CONTROL_MOST ? times
							: CONTROL_MOST;
	trigger->in_all = warm_up_runs(times) + times + control;
	UL_TRY(run_batch(trigger, UL_BATCH_WARM_UP, options->trigger, warm_up_runs(times),
			 "warming up"));
	UL_TRY(stay_idle(trigger));
	UL_TRY(run_batches(trigger, UL_BATCH_TRIGGER, options->trigger, times,
			   "running the command"));
	if (!control)
		return NULL;
	UL_TRY(run_batch(trigger, UL_BATCH_WARM_UP, options->control, WARM_UP_LEAST,
			 "warming up the control"));
	return run_batches(trigger, UL_BATCH_CONTROL, options->control, control,
			   "running the control");
}

static struct ul_error *measure(struct trigger *trigger)
{
	UL_TRY(open_tracers(trigger));
	UL_TRY(ul_proc_ledger(trigger->proc, &(struct ul_proc_want){.processes = false},
			      &trigger->before));
	UL_TRY(record(trigger));
	UL_TRY(run_all(trigger));
	UL_TRY(drain(trigger));
	return collect(trigger);
}

static uint64_t runs_of(const struct trigger *trigger, enum ul_batch_kind kind)
{
	uint64_t runs = 0;
	ul_vec_foreach (batch, &trigger->batches.items)
		runs += batch->kind == kind ? batch->runs : 0;
	return runs;
}

/** Which functions the runs call, and what becomes of references: once more each, with nothing else
 * traced. */
static struct ul_error *trace_calls(struct trigger *trigger)
{
	const struct ul_options *options = &trigger->context->options;
	const struct ul_find_calls what = {
		.context = trigger->context,
		.machine = &trigger->machine,
		.runner = trigger->runner,
		.proc = trigger->proc,
		.trigger = options->trigger,
		.control = options->control,
		.times = options->times ? options->times : TIMES_DEFAULT,
	};
	UL_TRY(ul_cmd_find_calls(&what, &trigger->findings));
	return ul_cmd_find_balance(&what, &trigger->findings);
}

/**
 * Contents and memory are looked at of the first survivors of a site, the oldest: those are of the
 * warm-up, and what it leaves may be a cache that the runs do not lose to. So they go last.
 */
static struct ul_error *put_warm_up_last(struct trigger *trigger)
{
	int64_t begin_ns = INT64_MIN;
	ul_vec_foreach (batch, &trigger->batches.items)
		if (batch->kind == UL_BATCH_TRIGGER && begin_ns == INT64_MIN)
			begin_ns = batch->begin_ns - trigger->batches.lag_ns;
	ul_vec_foreach (site, &trigger->trace.sites) {
		struct ul_allocation *all = site->examples.data;
		size_t early = 0;
		while (early < site->examples.len && all[early].time_ns < begin_ns)
			early++;
		if (!early || early == site->examples.len)
			continue;
		UL_CLEANUP_FREE struct ul_allocation *aside = malloc(early * sizeof(*aside));
		if (!aside)
			return &ul_enomem;
		memcpy(aside, all, early * sizeof(*aside));
		memmove(all, all + early, (site->examples.len - early) * sizeof(*all));
		memcpy(all + site->examples.len - early, aside, early * sizeof(*aside));
	}
	return NULL;
}

static struct ul_error *judge(struct trigger *trigger)
{
	const struct ul_trigger_evidence evidence = {
		.trace = &trigger->trace,
		.batches = &trigger->batches,
		.before = &trigger->before,
		.after = &trigger->after,
	};
	if (!runs_of(trigger, UL_BATCH_TRIGGER))
		return ul_error_new(UL_ERR_INTERRUPTED, "stopped before the command had run behind "
							"its warm-up");
	UL_TRY(ul_trigger_findings(&evidence, &trigger->findings));
	UL_TRY(put_warm_up_last(trigger));
	if (!trigger->context->options.no_contents)
		UL_TRY(ul_cmd_find_contents(&trigger->machine, &trigger->trace,
					    &trigger->findings));
	UL_TRY(trace_calls(trigger));
	if (!trigger->context->options.no_contents)
		UL_TRY(ul_cmd_find_memory(trigger->context, &trigger->findings));
	// Last: memory tells which release forgets.
	ul_vec_foreach (finding, &trigger->findings.items)
		UL_TRY(ul_freepath_explain(&trigger->trace, finding));
	return ul_cmd_find_known(trigger->context, &trigger->machine, &trigger->kernel,
				 &trigger->findings, &trigger->fixes);
}

/** What the runs themselves say of how far this can be believed. */
static struct ul_error *add_losses(struct trigger *trigger)
{
	char status[UL_UNITS_TEXT];
	if (trigger->failed)
		UL_TRY(ul_losses_add(&trigger->losses, UL_BIAS_UNKNOWN, trigger->failed,
				     "runs of the command failed, the last with %s: they count as "
				     "runs",
				     format_status(trigger->failed_status, status)));
	if (trigger->trace.share > 0 && trigger->trace.share < 1)
		UL_TRY(ul_losses_add(&trigger->losses, UL_BIAS_UNDER, 0,
				     "only a share of the allocations was recorded: what a run "
				     "loses is more than is said"));
	return NULL;
}

static struct ul_error *show(struct trigger *trigger)
{
	const struct ul_options *options = &trigger->context->options;
	const struct ul_growth_report none = {0};
	UL_TRY(add_losses(trigger));
	UL_TRY(ul_losses_merge(&trigger->findings.losses, &trigger->losses));
	UL_TRY(ul_losses_merge(&trigger->findings.losses, &trigger->trace.losses));
	const struct ul_find_result result = {
		.kernel = &trigger->kernel,
		.ledger = &trigger->after,
		.growth = &none,
		.findings = &trigger->findings,
		.interrupted = ul_cmd_stopped(trigger->context),
		.traced = true,
		.trigger = options->trigger,
		.control = options->control,
		.runs = runs_of(trigger, UL_BATCH_TRIGGER),
		.warm_up_runs = warm_up_runs(options->times ? options->times : TIMES_DEFAULT),
		.control_runs = runs_of(trigger, UL_BATCH_CONTROL),
		.failed_runs = trigger->failed,
	};
	if (options->json)
		return ul_json_find(trigger->context->out, options->pretty, &result);
	struct ul_term term;
	ul_cmd_term(trigger->context, &term);
	return ul_term_find(&term, &result, options->verbose > 0);
}

struct ul_error *ul_cmd_find_trigger(struct ul_cmd_context *context)
{
	struct trigger trigger UL_CLEANUP(trigger_deinit) = {
		.context = context,
		.batches.lag_ns = lag_ns,
	};
	ul_ledger_init(&trigger.before);
	ul_ledger_init(&trigger.after);
	ul_cmd_progress(context, &trigger.progress);
	if (context->positionals_len)
		return ul_error_new(UL_ERR_USAGE,
				    "--trigger is for measuring now, not for the "
				    "recording %s",
				    context->positionals[0]);
	UL_TRY(check_options(&context->options));
	UL_TRY(ul_cmd_require_root(context));
	UL_TRY(ul_runner_start(&trigger.runner));
	UL_TRY(ul_cmd_open_growing_proc(context, &trigger.proc));
	UL_TRY(ul_proc_kernel(trigger.proc, &trigger.kernel));
	UL_TRY(ul_machine_open(context, &trigger.losses, &trigger.machine));
	UL_TRY(measure(&trigger));
	UL_TRY(judge(&trigger));
	ul_progress_end(&trigger.progress);
	return show(&trigger);
}
