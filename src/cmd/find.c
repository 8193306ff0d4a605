// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The whole job, as a list of steps:
 *
 *   watch   sample the ledger; meanwhile count allocations per call site (no stacks: cheap)
 *   focus   trace what may be growing with stacks: those caches, pages, percpu or vmalloc areas
 *   drain   record no new allocations, go on seeing frees: what is left has outlived this
 *   judge   growth and survivors together (analysis/verdict)
 *   join    what is lost points to each other: one leak, under what nothing else of it points to
 *   look    read what the survivors hold, and compare with what was freed (analysis/freepath)
 *
 * The ledger is sampled from the first step to the last, so that every account's growth is known
 * over the whole window, and over just the time in which allocations were recorded.
 * Both steps are complete unless --budget says otherwise: to hold a budget the kernel must time its
 * BPF programs, which means to patch its code.
 *
 * Ctrl-C ends the step that runs and goes on to the judgement with what there is.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analysis/freepath.h"
#include "analysis/growth.h"
#include "analysis/loading.h"
#include "analysis/sites.h"
#include "analysis/verdict.h"
#include "analysis/verdict_files.h"
#include "analysis/verdict_join.h"
#include "base/text.h"
#include "base/units.h"
#include "cmd/exact.h"
#include "cmd/find_contents.h"
#include "cmd/find_known.h"
#include "cmd/find_memory.h"
#include "cmd/find_trigger.h"
#include "cmd/ftrace.h"
#include "cmd/machine.h"
#include "cmd/measure.h"
#include "cmd/pages.h"
#include "view/find.h"

enum {
	SAMPLES_WANTED = 120,
	MIN_SAMPLES = 20,
	MAX_FOCUS_CACHES = UL_TRACE_MAX_CACHES,
	MAX_PROCESSES = 8,
};

static const int64_t for_default_ns = 30 * UL_NS_PER_S;
static const int64_t for_min_ns = 3 * UL_NS_PER_S;
static const int64_t every_min_ns = UL_NS_PER_S / 10;
static const int64_t every_max_ns = 60 * UL_NS_PER_S;
/** For each of two counts of pages; a thirtieth of the window, within these. */
static const int64_t pages_min_ns = UL_NS_PER_S / 3;
static const int64_t pages_max_ns = UL_NS_PER_S;
/**
 * Read whole all the same (8 GiB, a quarter of a second): a leak in few places is found exactly.
 */
static const uint64_t pages_whole = 2 * 1024 * 1024;
/** What loading took is told from here on; it is left out always. */
static const uint64_t loading_large = 4 * UL_MIB;

/** How the window is shared out. */
struct plan {
	int64_t watch_ns, focus_ns, drain_ns, every_ns;
};

/** What is to be traced with stacks. */
struct focus {
	const char *caches[MAX_FOCUS_CACHES]; /**< borrowed from the series */
	size_t caches_len;
	uint64_t bytes_min, bytes_max;
	unsigned int allocators;
	uint64_t left_out; /**< leak-like caches that found no room */
};

/** Everything one run has opened and measured. */
struct search {
	const struct ul_cmd_context *context;
	struct plan plan;
	struct ul_proc *proc;
	struct ul_record *record; /**< NULL without -r */
	bool record_failed;
	struct ul_kernel kernel;
	struct ul_machine machine;
	struct ul_series_set *series;
	struct ul_growth_report growth;
	struct ul_ledger ledger;		  /**< the last sample */
	struct ul_ledger first_loaded;		  /**< with the first step's programs, at its end */
	struct ul_ledger before_load, after_load; /**< around loading the second step's programs */
	bool loaded;				  /**< ... which are then both known */
	struct ul_trace counted; /**< of the first step: call sites without stacks */
	struct ul_trace trace;	 /**< of the second: stacks */
	bool traced;
	struct ul_cmd_exact exact; /**< the kernel's own counts of what the second step traces */
	struct ul_cmd_pages pages; /**< by their flags, before the first step */
	struct ul_process_mappings mappings[MAX_PROCESSES];
	size_t mappings_len;
	struct ul_cmd_memory *memory; /**< of the running kernel; NULL: not asked for */
	struct ul_findings findings;
	struct ul_fixes fixes; /**< the index that findings borrow from */
	struct ul_losses losses;
	struct ul_progress progress;
	int64_t start_ns, end_ns;
};

static void search_deinit(struct search *search)
{
	ul_progress_end(&search->progress);
	ul_findings_deinit(&search->findings); // before the trace it borrows from
	ul_fixes_deinit(&search->fixes);
	ul_trace_deinit(&search->trace);
	ul_trace_deinit(&search->counted);
	ul_cmd_exact_deinit(&search->exact);
	ul_cmd_pages_deinit(&search->pages);
	ul_growth_report_deinit(&search->growth);
	ul_series_set_destroy(search->series);
	ul_ledger_deinit(&search->ledger);
	ul_ledger_deinit(&search->first_loaded);
	ul_ledger_deinit(&search->before_load);
	ul_ledger_deinit(&search->after_load);
	ul_cmd_memory_destroy(search->memory);
	ul_machine_deinit(&search->machine);
	ul_losses_deinit(&search->losses);
	ul_record_destroy(search->record);
	ul_proc_destroy(search->proc);
}

static struct plan make_plan(const struct ul_options *options)
{
	const int64_t whole_ns = options->for_ns ? options->for_ns : for_default_ns;
	struct plan plan = {.every_ns = options->every_ns};
	if (!plan.every_ns) {
		plan.every_ns = whole_ns / SAMPLES_WANTED;
		if (plan.every_ns < every_min_ns)
			plan.every_ns = every_min_ns;
		if (plan.every_ns > every_max_ns)
			plan.every_ns = every_max_ns;
	}
	plan.drain_ns = options->drain_ns ? options->drain_ns : whole_ns / 5;
	if (plan.drain_ns > 60 * UL_NS_PER_S && !options->drain_ns)
		plan.drain_ns = 60 * UL_NS_PER_S; // later frees than that are no frees
	plan.watch_ns = whole_ns / 100 * 35;
	plan.focus_ns = whole_ns - plan.watch_ns - plan.drain_ns;
	return plan;
}

static struct ul_error *check_options(const struct ul_options *options)
{
	const int64_t whole_ns = options->for_ns ? options->for_ns : for_default_ns;
	if (options->every_ns > whole_ns / MIN_SAMPLES)
		return ul_error_new(UL_ERR_USAGE,
				    "--every: a search needs %d samples, so at most 1/%d of --for",
				    (int)MIN_SAMPLES, (int)MIN_SAMPLES);
	if (whole_ns < for_min_ns)
		return ul_error_new(UL_ERR_USAGE, "--for: a search takes at least 3 seconds");
	if (options->drain_ns > whole_ns / 2)
		return ul_error_new(UL_ERR_USAGE,
				    "--drain: waiting for late frees may take at most half of "
				    "--for");
	return NULL;
}

/** Sample for a while; all phases share one bar. */
static struct ul_error *sample(struct search *search, int64_t for_ns, const char *what)
{
	if (ul_cmd_stopped(search->context))
		return NULL;
	const struct ul_sampling sampling = {
		.proc = search->proc,
		.want = {.processes = true, .held = true},
		.for_ns = for_ns,
		.every_ns = search->plan.every_ns,
		.set = search->series,
		.record = search->record,
		.record_failed = &search->record_failed,
		.what = what,
		.losses = &search->losses,
		.progress = &search->progress,
		.bar_start_ns = search->start_ns,
		.bar_end_ns = search->end_ns,
	};
	size_t samples;
	const int64_t end_ns = ul_cmd_now_ns() + for_ns;
	UL_TRY(ul_cmd_sample(search->context, &sampling, &samples));
	// The grid ends before the phase does; frees must still be given all of theirs.
	ul_cmd_wait(search->context, &search->progress, what, search->start_ns, search->end_ns,
		    end_ns);
	return NULL;
}

/** A tracer within the budget, or NULL and a loss when this machine does not allow one. */
static struct ul_error *open_tracer(struct search *search, struct ul_tracer_options *options,
				    struct ul_tracer **ret)
{
	if (!ul_cmd_exact_wants_bpf(search->context))
		return NULL;
	options->cpu_budget = search->context->options.budget_cpu;
	options->memory_bytes = search->context->options.budget_bytes;
	ul_machine_tracer_options(&search->machine, options);
	return ul_losses_add_error(&search->losses, UL_BIAS_UNDER, ul_tracer_open(options, ret),
				   "allocations are not traced");
}

/** The second step without BPF; NULL and a loss when there is no ftrace either. */
static struct ul_error *open_ftrace(struct search *search, const struct ul_tracer_options *options,
				    struct ul_cmd_ftrace **ret)
{
	if (!ul_cmd_ftrace_wanted(search->context) &&
	    search->context->options.engine != UL_ENGINE_AUTO)
		return NULL;
	if (options->allocators == UL_TRACE_VMALLOC) // what BPF lacked, ftrace lacks too
		return ul_cmd_ftrace_wanted(search->context)
			       ? ul_losses_add(&search->losses, UL_BIAS_UNDER, 0,
					       "vmalloc areas are not traced: no kernel has an "
					       "event for them")
			       : NULL;
	struct ul_error *error = ul_cmd_ftrace_open(search->context, options, ret);
	if (!error)
		error = ul_cmd_ftrace_record(*ret);
	if (error)
		ul_cmd_ftrace_destroy(UL_TAKE(*ret));
	return ul_losses_add_error(&search->losses, UL_BIAS_UNDER, error, "nor by ftrace");
}

static struct ul_error *refresh_ledger(struct search *search, bool processes)
{
	ul_ledger_deinit(&search->ledger);
	ul_ledger_init(&search->ledger);
	return ul_proc_ledger(search->proc, &(struct ul_proc_want){.processes = processes},
			      &search->ledger);
}

static struct ul_error *refresh_growth(struct search *search)
{
	ul_growth_report_deinit(&search->growth);
	search->growth = (struct ul_growth_report){0};
	return ul_growth_report(search->series, &search->growth);
}

/** First step: the ledger, while a tracer without stacks counts what each call site leaves live. */
static struct ul_error *watch(struct search *search)
{
	struct ul_tracer *tracer UL_CLEANUP_TRACER = NULL;
	struct ul_tracer_options options = {.allocators = UL_TRACE_SLAB, .stacks = false};
	UL_TRY(open_tracer(search, &options, &tracer));
	if (tracer)
		UL_TRY(ul_tracer_record(tracer));
	UL_TRY(sample(search, search->plan.watch_ns, "watching every account"));
	UL_TRY(refresh_ledger(search, true));
	UL_TRY(refresh_growth(search));
	if (!tracer)
		return NULL;
	UL_TRY(ul_proc_ledger(search->proc, &(struct ul_proc_want){.processes = false},
			      &search->first_loaded));
	return ul_machine_take_trace(search->context, &search->machine, tracer, &search->ledger,
				     &search->counted);
}

static void widen(struct focus *focus, const struct ul_cache *cache)
{
	if (!cache)
		return;
	if (cache->object_size < focus->bytes_min)
		focus->bytes_min = cache->object_size;
	if (cache->object_size > focus->bytes_max)
		focus->bytes_max = cache->object_size;
}

/** Add a slab account to the focus. Large kmalloc is told from the rest by its size alone. */
static void add_cache(const struct search *search, struct focus *focus, const char *name)
{
	focus->allocators |= UL_TRACE_SLAB;
	focus->caches[focus->caches_len++] = name;
	if (!strcmp(name, UL_TRACE_KMALLOC_LARGE)) {
		const uint64_t beyond = 2 * (uint64_t)sysconf(_SC_PAGESIZE) + 1;
		focus->bytes_min = beyond < focus->bytes_min ? beyond : focus->bytes_min;
		focus->bytes_max = UINT64_MAX;
	}
	widen(focus, ul_ledger_cache(&search->ledger, name));
}

/** What may be growing, most suspicious first (the report's order). */
static struct focus choose_focus(const struct search *search)
{
	struct focus focus = {.bytes_min = UINT64_MAX};
	ul_vec_foreach (row, &search->growth.rows) {
		if (!ul_verdict_worth_tracing(row))
			continue;
		if (row->series->kind == UL_KIND_SLAB && focus.caches_len == MAX_FOCUS_CACHES)
			focus.left_out += row->growth.verdict == UL_GROWTH_LEAK_LIKE;
		else if (row->series->kind == UL_KIND_SLAB)
			add_cache(search, &focus, row->series->name);
		else if (row->series->kind == UL_KIND_UNACCOUNTED)
			focus.allocators |= UL_TRACE_PAGES;
		else if (row->series->kind == UL_KIND_PERCPU)
			focus.allocators |= UL_TRACE_PERCPU;
		else if (row->series->kind == UL_KIND_VMALLOC)
			focus.allocators |= UL_TRACE_VMALLOC;
	}
	return focus;
}

/** The first look at the mappings of the processes that grow. */
static struct ul_error *look_at_processes(struct search *search)
{
	ul_vec_foreach (row, &search->growth.rows) {
		if (row->series->kind != UL_KIND_PROCESS || !ul_verdict_worth_tracing(row) ||
		    row->series->pid == getpid() || search->mappings_len == MAX_PROCESSES)
			continue;
		struct ul_process_mappings *look = &search->mappings[search->mappings_len];
		struct ul_error *error =
			ul_proc_mappings(search->proc, row->series->pid, &look->before);
		if (error && error->code == UL_ERR_NOMEM)
			return error;
		if (!error) {
			look->pid = row->series->pid;
			ul_text_copy(look->comm, sizeof(look->comm), row->series->label);
			search->mappings_len++;
		}
		ul_error_destroy(error); // it has exited: no finding then
	}
	return NULL;
}

static double process_age_s(const struct ul_ledger *ledger, pid_t pid)
{
	const double ticks_per_s = (double)sysconf(_SC_CLK_TCK);
	ul_vec_foreach (process, &ledger->processes)
		if (process->pid == pid)
			return (double)ledger->monotonic_ns / UL_NS_PER_S -
			       (double)process->start_ticks / ticks_per_s;
	return 0;
}

/** The second look; a process that has exited meanwhile is forgotten. */
static struct ul_error *look_again(struct search *search)
{
	size_t kept = 0;
	for (size_t i = 0; i < search->mappings_len; i++) {
		struct ul_process_mappings look = search->mappings[i];
		struct ul_error *error = ul_proc_mappings(search->proc, look.pid, &look.after);
		if (error && error->code == UL_ERR_NOMEM)
			return error;
		look.process_age_s = process_age_s(&search->ledger, look.pid);
		if (!error)
			search->mappings[kept++] = look;
		ul_error_destroy(error);
	}
	search->mappings_len = kept;
	return NULL;
}

/** The kernel's own count of what is in question, where it keeps one (cmd/exact). */
static struct ul_error *begin_exact(struct search *search, const struct focus *focus)
{
	const struct ul_cmd_exact_focus what = {
		.caches = focus->caches,
		.caches_len = focus->caches_len,
		.pages = focus->allocators & UL_TRACE_PAGES,
	};
	return ul_cmd_exact_begin(search->context, &what, &search->ledger, &search->losses,
				  &search->exact);
}

static struct ul_error *apply_exact(struct search *search)
{
	return ul_cmd_exact_apply(&search->exact, &search->machine, &search->ledger,
				  (double)search->plan.drain_ns / UL_NS_PER_S, &search->trace,
				  &search->traced);
}

/** The tracer of the second step, and what the slab caches were before and after loading it. */
static struct ul_error *open_focused(struct search *search, struct ul_tracer_options *options,
				     struct ul_tracer **ret)
{
	const struct ul_proc_want want = {.processes = false};
	UL_TRY(ul_proc_ledger(search->proc, &want, &search->before_load));
	UL_TRY(open_tracer(search, options, ret));
	if (!*ret)
		return NULL;
	UL_TRY(ul_proc_ledger(search->proc, &want, &search->after_load));
	search->loaded = true;
	return NULL;
}

/** Our own step is not the machine's growth. Recordings and shown ledgers stay as they are. */
static struct ul_error *leave_out_loading(struct search *search)
{
	if (!search->loaded)
		return NULL;
	const uint64_t bytes =
		ul_loading_leave_out(search->series, &search->before_load, &search->after_load);
	ul_loading_leave_out_areas(search->series, &search->first_loaded, &search->after_load);
	char text[UL_UNITS_TEXT];
	if (bytes < loading_large)
		return NULL;
	return ul_losses_add(&search->losses, UL_BIAS_UNDER, 0,
			     "slab caches rose by %s while the trace was loaded: what is beyond "
			     "their pace before is left out of their growth",
			     ul_format_bytes(text, bytes));
}

/** Second and third step: trace what may be growing with stacks, then only see frees. */
static struct ul_error *focus_and_drain(struct search *search)
{
	struct ul_tracer *tracer UL_CLEANUP_TRACER = NULL;
	UL_CLEANUP_CMD_FTRACE struct ul_cmd_ftrace *ftrace = NULL;
	const struct focus focus = choose_focus(search);
	if (focus.left_out)
		UL_TRY(ul_losses_add(&search->losses, UL_BIAS_UNDER, focus.left_out,
				     "growing caches not traced: more than %d grow at once",
				     (int)MAX_FOCUS_CACHES));
	if (!focus.allocators) {
		UL_TRY(sample(search, search->plan.focus_ns + search->plan.drain_ns,
			      "nothing grows so far; watching on"));
		return refresh_ledger(search, true);
	}
	struct ul_tracer_options options = {
		.allocators = focus.allocators,
		.stacks = true,
		.free_paths = true,
		.freed_contents = !search->context->options.no_contents,
		.caches = focus.caches,
		.caches_len = focus.caches_len,
		.bytes_min = focus.bytes_max ? focus.bytes_min : 0,
		.bytes_max = focus.bytes_max,
	};
	UL_TRY(open_focused(search, &options, &tracer));
	if (tracer)
		UL_TRY(ul_tracer_record(tracer));
	else
		UL_TRY(open_ftrace(search, &options, &ftrace));
	UL_TRY(begin_exact(search, &focus));
	UL_TRY(sample(search, search->plan.focus_ns, "tracing what grows"));
	UL_TRY(ul_cmd_exact_end(search->context, &search->losses, &search->exact));
	if (!tracer && !ftrace) {
		UL_TRY(sample(search, search->plan.drain_ns, "watching on"));
		UL_TRY(refresh_ledger(search, true));
		return apply_exact(search);
	}
	if (tracer)
		ul_tracer_drain(tracer);
	else
		ul_cmd_ftrace_drain(ftrace);
	if (ul_cmd_stopped(search->context))
		usleep(500 * 1000); // the grace period that RCU frees need
	else
		UL_TRY(sample(search, search->plan.drain_ns, "waiting for late frees"));
	// The last ledger while the tracer still has its tables: given back, they pass through the
	// counters for a while (Linux mm/vmalloc.c frees the pages first, then corrects its count).
	UL_TRY(refresh_ledger(search, true));
	if (tracer)
		UL_TRY(ul_machine_take_trace(search->context, &search->machine, tracer,
					     &search->ledger, &search->trace));
	else
		UL_TRY(ul_cmd_ftrace_collect(ftrace, &search->machine, &search->ledger,
					     &search->trace));
	ul_sites_lower_trust(&search->trace, &search->counted);
	search->traced = true;
	return apply_exact(search);
}

/** Contents of the survivors behind the first findings. */
static struct ul_error *look_inside(struct search *search)
{
	if (search->context->options.no_contents)
		return NULL;
	return ul_cmd_find_contents(&search->machine, &search->trace, &search->findings);
}

/** How such objects are freed, and what these have that the freed ones have not. */
static struct ul_error *explain_free_paths(struct search *search)
{
	if (!search->traced)
		return NULL;
	ul_vec_foreach (finding, &search->findings.items)
		UL_TRY(ul_freepath_explain(&search->trace, finding));
	return NULL;
}

/** Everything that was measured, as the judgement wants it. */
static struct ul_evidence evidence_of(const struct search *search)
{
	return (struct ul_evidence){
		.series = search->series,
		.growth = &search->growth,
		.ledger = &search->ledger,
		.trace = search->traced ? &search->trace : NULL,
		.mappings = search->mappings,
		.mappings_len = search->mappings_len,
		.own_pid = getpid(),
		.cpus = search->kernel.cpus,
	};
}

/** Growth is computed anew, over the whole window. */
static struct ul_error *judge(struct search *search)
{
	UL_TRY(refresh_growth(search));
	const struct ul_evidence evidence = evidence_of(search);
	UL_TRY(ul_verdict(&evidence, &search->findings));
	return ul_cmd_exact_explain(&search->exact, &search->findings);
}

/** What points to each other is one leak. */
static struct ul_error *join_linked(struct search *search)
{
	UL_CLEANUP_LINKS struct ul_links links = {0};
	const struct ul_evidence evidence = evidence_of(search);
	if (!search->memory || !search->traced)
		return NULL;
	UL_TRY(ul_cmd_memory_links(search->memory, &search->trace, &search->findings, &links));
	return ul_verdict_join_linked(&evidence, &links, &search->findings);
}

/** Last of the judgements: what is held brings nothing together. */
static struct ul_error *acquit_open_files(struct search *search)
{
	const struct ul_evidence evidence = evidence_of(search);
	return ul_verdict_open_files(&evidence, &search->findings);
}

/** Count pages by their flags, shortly: what unaccounted pages are to be confirmed with. */
static struct ul_error *count_pages(struct search *search)
{
	int64_t limit_ns = (search->end_ns - search->start_ns) / 30;
	if (limit_ns < pages_min_ns)
		limit_ns = pages_min_ns;
	if (limit_ns > pages_max_ns)
		limit_ns = pages_max_ns;
	if (ul_cmd_stopped(search->context))
		return NULL;
	return ul_cmd_count_pages(search->context, search->proc, limit_ns, pages_whole, NULL,
				  &search->losses, &search->pages);
}

/** The second count is taken only if there is something to confirm. */
static struct ul_error *confirm_pages(struct search *search)
{
	struct ul_cmd_pages after UL_CLEANUP_CMD_PAGES = {0};
	bool wanted = false;
	ul_vec_foreach (finding, &search->findings.items)
		wanted = wanted || finding->kind == UL_KIND_UNACCOUNTED;
	if (!wanted || !search->pages.counted || ul_cmd_stopped(search->context))
		return NULL;
	UL_TRY(ul_cmd_pages_settle(search->context, search->proc));
	UL_TRY(ul_cmd_count_pages(search->context, search->proc, 0, 0, &search->pages,
				  &search->losses, &after));
	return ul_cmd_pages_confirm(&search->pages, &after, &search->findings);
}

static struct ul_error *measure(struct search *search)
{
	UL_TRY(count_pages(search)); // while we hold no pages of our own in the kernel
	UL_TRY(watch(search));
	UL_TRY(look_at_processes(search));
	UL_TRY(focus_and_drain(search));
	UL_TRY(look_again(search));
	UL_TRY(leave_out_loading(search));
	UL_TRY(judge(search));
	UL_TRY(confirm_pages(search));
	if (!search->context->options.no_contents) {
		UL_TRY(ul_cmd_memory_open(search->context, &search->findings, &search->memory));
		UL_TRY(join_linked(search));
	}
	UL_TRY(acquit_open_files(search));
	UL_TRY(look_inside(search));
	if (search->memory)
		UL_TRY(ul_cmd_memory_look(search->memory, &search->findings));
	UL_TRY(explain_free_paths(search));
	return ul_cmd_find_known(search->context, &search->machine, &search->kernel,
				 &search->findings, &search->fixes);
}

static struct ul_error *open_search(struct search *search)
{
	const struct ul_options *options = &search->context->options;
	search->series = ul_series_set_create();
	if (!search->series)
		return &ul_enomem;
	UL_TRY(ul_cmd_open_growing_proc(search->context, &search->proc));
	UL_TRY(ul_proc_kernel(search->proc, &search->kernel));
	if (options->record)
		UL_TRY(ul_cmd_create_record(search->proc, options->record, &search->record));
	UL_TRY(ul_machine_open(search->context, &search->losses, &search->machine));
	search->start_ns = ul_cmd_now_ns();
	search->end_ns = search->start_ns + search->plan.watch_ns + search->plan.focus_ns +
			 search->plan.drain_ns;
	return NULL;
}

/** The evidence out of a recording: judged again, without the contents. */
static struct ul_error *read_search(struct search *search, const char *path)
{
	struct ul_record_info info;
	UL_TRY(ul_cmd_open_record(path, &search->record, &info));
	search->kernel = info.kernel;
	search->series = ul_series_set_create();
	if (!search->series)
		return &ul_enomem;
	UL_TRY(ul_record_read_series(search->record, search->series));
	UL_TRY(ul_record_read_ledger(search->record, &search->ledger));
	UL_TRY(ul_cmd_read_trace(search->record, &search->traced, &search->trace));
	UL_TRY(ul_record_read_losses(search->record, &search->losses));
	UL_TRY(judge(search));
	UL_TRY(acquit_open_files(search));
	UL_TRY(explain_free_paths(search));
	UL_TRY(ul_cmd_find_known(search->context, &search->machine, &search->kernel,
				 &search->findings, &search->fixes));
	return ul_losses_add(&search->losses, UL_BIAS_NONE, 0,
			     "judged again from a recording: contents of objects, what points to "
			     "them and mappings of processes are not in it");
}

static struct ul_error *save(struct search *search)
{
	if (!search->record || search->record_failed)
		return NULL;
	struct ul_error *error =
		search->traced ? ul_record_write_trace(search->record, &search->trace) : NULL;
	if (!error)
		error = ul_record_write_losses(search->record, &search->losses);
	return ul_cmd_not_recorded(&search->losses, error,
				   "the recording ends early, the answer does not");
}

static struct ul_error *show(const struct ul_cmd_context *context, struct search *search)
{
	const struct ul_options *options = &context->options;
	// The counting of the first step only lowers trust: what it missed raises no claim.
	UL_TRY(ul_losses_merge(&search->findings.losses, &search->losses));
	UL_TRY(ul_losses_merge(&search->findings.losses, &search->trace.losses));
	const struct ul_find_result result = {
		.kernel = &search->kernel,
		.ledger = &search->ledger,
		.growth = &search->growth,
		.findings = &search->findings,
		.interrupted = ul_cmd_stopped(context),
		.traced = search->traced,
	};
	if (options->json)
		return ul_json_find(context->out, options->pretty, &result);
	struct ul_term term;
	ul_cmd_term(context, &term);
	return ul_term_find(&term, &result, options->verbose > 0);
}

/** Options that only measuring knows, given with a recording, would be ignored. */
static struct ul_error *check_recorded(const struct ul_cmd_context *context)
{
	const uint64_t live_only = UL_OPTION_BIT(FOR) | UL_OPTION_BIT(EVERY) |
				   UL_OPTION_BIT(DRAIN) | UL_OPTION_BIT(RECORD) |
				   UL_OPTION_BIT(VMLINUX) | UL_OPTION_BIT(NO_CONTENTS);
	if (context->options.given & live_only)
		return ul_error_new(UL_ERR_USAGE,
				    "--for, --every, --drain, --record, --vmlinux and "
				    "--no-contents are for measuring now, not for the recording %s",
				    context->positionals[0]);
	return NULL;
}

static struct ul_error *run(struct ul_cmd_context *context, int *ret_exit_code)
{
	if (context->options.trigger)
		return ul_cmd_find_trigger(context);
	if (context->options.given & (UL_OPTION_BIT(TIMES) | UL_OPTION_BIT(CONTROL)))
		return ul_error_new(UL_ERR_USAGE, "--times and --control are for --trigger");
	struct search search UL_CLEANUP(search_deinit) = {
		.context = context,
		.plan = make_plan(&context->options),
	};
	ul_ledger_init(&search.ledger);
	ul_ledger_init(&search.first_loaded);
	ul_ledger_init(&search.before_load);
	ul_ledger_init(&search.after_load);
	ul_cmd_progress(context, &search.progress);
	if (context->positionals_len) {
		UL_TRY(check_recorded(context));
		UL_TRY(read_search(&search, context->positionals[0]));
		return show(context, &search);
	}
	UL_TRY(ul_cmd_require_root(context));
	UL_TRY(check_options(&context->options));
	UL_TRY(open_search(&search));
	UL_TRY(measure(&search));
	ul_progress_end(&search.progress);
	UL_TRY(save(&search));
	return show(context, &search);
}

const struct ul_cmd ul_cmd_find = {
	.name = "find",
	.summary = "the whole job: what leaks, who allocates it, what it holds",
	.positionals = "[FILE]",
	.positionals_max = 1,
	.details =
		"Watches every account for 30 seconds (--for), traces the allocations of those\n"
		"that grow, waits for late frees, reads what was not freed, and judges both\n"
		"together:\n"
		"  leak          grows, and what is allocated there is not freed\n"
		"  held          grows, and is in use: by a program that is named, or by design\n"
		"  filling       grows, and the kernel can take it back\n"
		"  inconclusive  grows; a second kind of evidence is missing or disagrees\n"
		"With --trigger COMMAND, runs it again and again and says what each run loses,\n"
		"and by which function. Ctrl-C reports early. With FILE (from -r), judges a\n"
		"recorded search again.\n",
	.examples = "  sudo ullage find                    half a minute\n"
		    "  sudo ullage find --for 10m -r case.ullage\n"
		    "  sudo ullage find --trigger './reproducer' --times 300\n"
		    "  sudo ullage find --json | jq '.findings[0]'\n",
	.options = UL_OPTION_BIT(OUTPUT) | UL_OPTION_BIT(FOR) | UL_OPTION_BIT(EVERY) |
		   UL_OPTION_BIT(DRAIN) | UL_OPTION_BIT(RECORD) | UL_OPTION_BIT(VMLINUX) |
		   UL_OPTION_BIT(NO_CONTENTS) | UL_OPTION_BIT(ENGINE) | UL_OPTION_BIT(BUDGET) |
		   UL_OPTION_BIT(TRIGGER) | UL_OPTION_BIT(TIMES) | UL_OPTION_BIT(CONTROL),
	.run = run,
};
