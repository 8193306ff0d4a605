// SPDX-License-Identifier: GPL-2.0-or-later
/* Allocations paired with frees, for a while or of a recording -> sites by what was not freed. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"
#include "base/units.h"
#include "cmd/exact.h"
#include "cmd/ftrace.h"
#include "cmd/machine.h"
#include "cmd/measure.h"
#include "source/proc/cgroup_id.h"
#include "view/trace.h"

enum { TOP_DEFAULT = 10 };

static const int64_t for_default_ns = 10 * UL_NS_PER_S;
static const int64_t drain_default_ns = 3 * UL_NS_PER_S;
/** What tracing without a filter may cost, as a share of all CPUs. */
static const double budget_of_all = 0.02;

/**
 * What a trace may cost, as a share of all CPUs; 0: whatever it costs. A filter makes the trace
 * complete, since it is cheap then and somebody wants to know exactly.
 */
static double cpu_budget(const struct ul_options *options)
{
	if (options->budget_cpu > 0)
		return options->budget_cpu;
	const bool filtered = options->caches.len || options->pid || options->comm ||
			      options->cgroup || options->module || options->stack ||
			      (options->given & (UL_OPTION_BIT(SIZE) | UL_OPTION_BIT(PAGES)));
	return filtered ? 0 : budget_of_all;
}

/** What the command line asks for; the same whichever engine traces. */
static struct ul_tracer_options tracing_of(const struct ul_options *options)
{
	struct ul_tracer_options tracing = {
		.stacks = true,
		.bytes_min = options->given & UL_OPTION_BIT(SIZE) ? options->size_min : 0,
		.bytes_max = options->given & UL_OPTION_BIT(SIZE) ? options->size_max : 0,
		.caches = options->caches.data,
		.caches_len = options->caches.len,
		.pid = options->pid,
		.comm = options->comm,
		.cpu_budget = cpu_budget(options),
		.memory_bytes = options->budget_bytes,
	};
	const bool slab_only = options->caches.len || (options->given & UL_OPTION_BIT(SIZE));
	if (options->slab || !options->pages)
		tracing.allocators |= UL_TRACE_SLAB;
	if (options->pages || (!options->slab && !slab_only))
		tracing.allocators |= UL_TRACE_PAGES;
	if (!options->slab && !options->pages && !slab_only)
		tracing.allocators |= UL_TRACE_PERCPU | UL_TRACE_VMALLOC;
	tracing.free_paths = cpu_budget(options) <= 0; // a share of the addresses has too few
	return tracing;
}

static struct ul_error *open_tracer(const struct ul_cmd_context *context,
				    struct ul_machine *machine, const struct ul_cgroup_id *cgroup,
				    struct ul_tracer **ret)
{
	struct ul_tracer_options tracing = tracing_of(&context->options);
	tracing.cgroup = cgroup->inode;
	tracing.cgroup_v1 = cgroup->v1;
	ul_machine_tracer_options(machine, &tracing);
	return ul_tracer_open(&tracing, ret);
}

/**
 * Record, drain, with one of both; Ctrl-C ends the recording, a second phase still waits a little
 * for late frees.
 */
static struct ul_error *run_tracer(const struct ul_cmd_context *context, struct ul_tracer *tracer,
				   struct ul_cmd_ftrace *ftrace)
{
	const struct ul_options *options = &context->options;
	const int64_t for_ns = options->for_ns ? options->for_ns : for_default_ns;
	const int64_t drain_ns = options->drain_ns ? options->drain_ns : drain_default_ns;
	const int64_t start_ns = ul_cmd_now_ns();
	const int64_t end_ns = start_ns + for_ns + drain_ns;
	struct ul_progress progress;
	ul_cmd_progress(context, &progress);
	if (tracer)
		UL_TRY(ul_tracer_record(tracer));
	else
		UL_TRY(ul_cmd_ftrace_record(ftrace));
	ul_cmd_wait(context, &progress, "recording allocations", start_ns, end_ns,
		    start_ns + for_ns);
	if (tracer)
		ul_tracer_drain(tracer);
	else
		ul_cmd_ftrace_drain(ftrace);
	if (ul_cmd_stopped(context))
		usleep(500 * 1000); // the grace period that RCU frees need
	else
		ul_cmd_wait(context, &progress, "waiting for late frees", start_ns, end_ns,
			    ul_cmd_now_ns() + drain_ns);
	ul_progress_end(&progress);
	return NULL;
}

static bool module_matches(const struct ul_site *site, const char *module)
{
	ul_vec_foreach (frame, &site->stack.frames)
		if (ul_text_equal(frame->module, module))
			return true;
	return false;
}

/** Leave out the sites that --stack and --module do not want. */
static void filter_sites(const struct ul_options *options, struct ul_trace *trace)
{
	size_t kept = 0;
	for (size_t i = 0; i < trace->sites.len; i++) {
		struct ul_site *site = &trace->sites.data[i];
		const bool wanted =
			(!options->stack || ul_stack_has(&site->stack, options->stack)) &&
			(!options->module || module_matches(site, options->module));
		if (!wanted) {
			ul_site_deinit(site);
			continue;
		}
		if (kept != i)
			trace->sites.data[kept] = *site;
		kept++;
	}
	trace->sites.len = kept;
}

/**
 * The kernel knows a merged cache by one of its names: put that in place of the one given (borrowed
 * from @p ledger). A cache that does not exist would give an empty answer that looks whole.
 */
static struct ul_error *resolve_caches(struct ul_options *options, const struct ul_ledger *ledger)
{
	ul_vec_foreach (name, &options->caches) {
		if (!ledger->caches.len || !strcmp(*name, UL_TRACE_KMALLOC_LARGE))
			continue;
		const struct ul_cache *cache = ul_ledger_cache(ledger, *name);
		if (!cache)
			return ul_error_hint(ul_error_new(UL_ERR_USAGE,
							  "there is no slab cache called '%s'",
							  *name),
					     "ullage account lists them");
		*name = cache->name;
	}
	return NULL;
}

/** A process that is not there, or a thread, would do so, too. */
static struct ul_error *check_process(pid_t pid)
{
	if (!pid)
		return NULL;
	if (kill(pid, 0) && errno == ESRCH)
		return ul_error_new(UL_ERR_USAGE, "--pid: there is no process %d", (int)pid);
	// kill() takes any thread for its process, tgkill() does not.
	if (syscall(SYS_tgkill, pid, pid, 0) && errno == ESRCH)
		return ul_error_new(UL_ERR_USAGE, "--pid: %d is a thread, not a process", (int)pid);
	return NULL;
}

static struct ul_error *check_options(const struct ul_options *options)
{
	const bool size = options->given & UL_OPTION_BIT(SIZE);
	if (size && !options->size_max)
		return ul_error_new(UL_ERR_USAGE, "--size: nothing allocates 0 bytes");
	if (options->pages && !options->slab && (size || options->caches.len))
		return ul_error_new(UL_ERR_USAGE,
				    "--cache and --size choose among slab objects; --pages traces "
				    "none");
	return check_process(options->pid);
}

/** Only BPF programs see in which cgroup a task is. */
static struct ul_error *find_cgroup(const struct ul_options *options, struct ul_cgroup_id *ret)
{
	*ret = (struct ul_cgroup_id){0};
	if (!options->cgroup)
		return NULL;
	if (options->engine != UL_ENGINE_AUTO && options->engine != UL_ENGINE_BPF)
		return ul_error_new(UL_ERR_USAGE,
				    "--cgroup: only --engine bpf tells cgroups apart");
	return ul_cgroup_id(options->sys_root, options->cgroup, ret);
}

static bool wants_exact(const struct ul_options *options)
{
	return options->engine != UL_ENGINE_AUTO && options->engine != UL_ENGINE_BPF &&
	       options->engine != UL_ENGINE_FTRACE;
}

static struct ul_error *trace_bpf(const struct ul_cmd_context *context, struct ul_machine *machine,
				  const struct ul_cgroup_id *cgroup, const struct ul_ledger *ledger,
				  struct ul_trace *ret)
{
	struct ul_tracer *tracer UL_CLEANUP_TRACER = NULL;
	UL_TRY(open_tracer(context, machine, cgroup, &tracer));
	UL_TRY(run_tracer(context, tracer, NULL));
	return ul_machine_take_trace(context, machine, tracer, ledger, ret);
}

/** The sizes of the caches that were asked for: filtered in the kernel, the names afterwards. */
static void choose_sizes(const struct ul_ledger *ledger, struct ul_tracer_options *tracing)
{
	uint64_t least = UINT64_MAX;
	uint64_t most = 0;
	for (size_t i = 0; i < tracing->caches_len; i++) {
		const struct ul_cache *cache = ul_ledger_cache(ledger, tracing->caches[i]);
		if (!cache || !cache->object_size)
			return; // large kmalloc, or no slabinfo: any size
		least = cache->object_size < least ? cache->object_size : least;
		most = cache->object_size > most ? cache->object_size : most;
	}
	if (most && !tracing->bytes_max) {
		tracing->bytes_min = least;
		tracing->bytes_max = most;
	}
}

static struct ul_error *trace_ftrace(const struct ul_cmd_context *context,
				     struct ul_machine *machine, const struct ul_ledger *ledger,
				     struct ul_trace *ret)
{
	UL_CLEANUP_CMD_FTRACE struct ul_cmd_ftrace *ftrace = NULL;
	struct ul_tracer_options tracing = tracing_of(&context->options);
	choose_sizes(ledger, &tracing);
	UL_TRY(ul_cmd_ftrace_open(context, &tracing, &ftrace));
	UL_TRY(run_tracer(context, NULL, ftrace));
	return ul_cmd_ftrace_collect(ftrace, machine, ledger, ret);
}

/** BPF, or ftrace where it was asked for or BPF is refused; then the refusal is a loss. */
static struct ul_error *trace_events(const struct ul_cmd_context *context,
				     struct ul_machine *machine, const struct ul_cgroup_id *cgroup,
				     const struct ul_ledger *ledger, struct ul_losses *losses,
				     struct ul_trace *ret)
{
	if (ul_cmd_ftrace_wanted(context))
		return trace_ftrace(context, machine, ledger, ret);
	UL_CLEANUP_ERROR struct ul_error *refused =
		trace_bpf(context, machine, cgroup, ledger, ret);
	if (!refused)
		return NULL;
	struct ul_error *error = NULL;
	if (ul_cmd_ftrace_instead(context, refused))
		error = trace_ftrace(context, machine, ledger, ret);
	if (error || !ul_cmd_ftrace_instead(context, refused)) {
		ul_error_destroy(error);
		return UL_TAKE(refused);
	}
	return ul_losses_add(losses, UL_BIAS_NONE, 0, "traced by ftrace, which costs more: %s",
			     refused->message);
}

static struct ul_error *trace_of_machine(struct ul_cmd_context *context, struct ul_kernel *kernel,
					 struct ul_trace *ret)
{
	struct ul_options *options = &context->options;
	struct ul_record *record UL_CLEANUP_RECORD = NULL;
	struct ul_proc *proc UL_CLEANUP_PROC = NULL;
	struct ul_machine machine UL_CLEANUP_MACHINE = {0};
	struct ul_ledger ledger UL_CLEANUP_LEDGER;
	struct ul_losses losses UL_CLEANUP(ul_losses_deinit) = {0};
	ul_ledger_init(&ledger);
	UL_TRY(ul_cmd_require_root(context));
	struct ul_cgroup_id cgroup;
	UL_TRY(check_options(options));
	UL_TRY(find_cgroup(options, &cgroup)); // before anything is begun
	UL_TRY(ul_cmd_open_proc(context, &proc));
	UL_TRY(ul_proc_kernel(proc, kernel));
	UL_TRY(ul_proc_ledger(proc, &(struct ul_proc_want){0}, &ledger));
	UL_TRY(resolve_caches(options, &ledger));
	if (options->record) // now: what cannot be kept need not be measured
		UL_TRY(ul_cmd_create_record(proc, options->record, &record));
	UL_TRY(ul_machine_open(context, &losses, &machine));
	if (wants_exact(options))
		UL_TRY(ul_cmd_exact_trace(context, &machine, &ledger, ret));
	else
		UL_TRY(trace_events(context, &machine, &cgroup, &ledger, &losses, ret));
	UL_TRY(ul_losses_merge(&ret->losses, &losses));
	filter_sites(options, ret);
	return record ? ul_cmd_not_recorded(&ret->losses, ul_record_write_trace(record, ret),
					    "the trace is not kept")
		      : NULL;
}

static struct ul_error *trace_of_file(const struct ul_cmd_context *context,
				      struct ul_kernel *kernel, struct ul_trace *ret)
{
	const struct ul_options *options = &context->options;
	const uint64_t also = UL_OPTION_BIT(OUTPUT) | UL_OPTION_BIT(TOP) | UL_OPTION_BIT(MODULE) |
			      UL_OPTION_BIT(STACK);
	const char *path = context->positionals[0];
	struct ul_record *record UL_CLEANUP_RECORD = NULL;
	struct ul_record_info info;
	bool found;
	if (options->given & ul_cmd_trace.options & ~also)
		return ul_error_new(UL_ERR_USAGE,
				    "of the recording %s only --module, --stack and --top choose "
				    "what is shown; the other options are for tracing now",
				    path);
	UL_TRY(ul_cmd_open_record(path, &record, &info));
	UL_TRY(ul_cmd_read_trace(record, &found, ret));
	if (!found)
		return ul_error_hint(
			ul_error_new(UL_ERR_BAD_DATA, "%s holds no trace of allocations", path),
			"ullage grow FILE shows what grew in it; sudo ullage trace -r FILE and "
			"ullage find -r FILE record a trace");
	*kernel = info.kernel;
	filter_sites(options, ret);
	return NULL;
}

static struct ul_error *run(struct ul_cmd_context *context, int *ret_exit_code)
{
	const struct ul_options *options = &context->options;
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	struct ul_kernel kernel;
	if (context->positionals_len)
		UL_TRY(trace_of_file(context, &kernel, &trace));
	else
		UL_TRY(trace_of_machine(context, &kernel, &trace));
	if (options->json)
		return ul_json_trace(context->out, options->pretty, &kernel, &trace, options->top);
	struct ul_term term;
	ul_cmd_term(context, &term);
	return ul_term_trace(&term, &trace, options->top ? (size_t)options->top : TOP_DEFAULT,
			     options->verbose > 0);
}

const struct ul_cmd ul_cmd_trace = {
	.name = "trace",
	.summary = "pairs allocations with frees; what was not freed, by site",
	.positionals = "[FILE]",
	.positionals_max = 1,
	.details =
		"Records slab objects, unmovable pages and percpu areas for 10 seconds (--for),\n"
		"waits for late frees for 3 (--drain), and shows what is left by allocation site.\n"
		"--cache, --size, --pid, --comm and --cgroup filter in the kernel: a focused\n"
		"trace costs less and is complete. --module and --stack choose among the sites\n"
		"afterwards: complete, too, but everything is traced for it. Without a filter\n"
		"only a share of all addresses is recorded, as large as costs at most 2 % of the\n"
		"CPUs (--budget); counts are estimates then.\n"
		"FILE, a recording of this or of find, is shown instead.\n",
	.examples = "  sudo ullage trace --cache kmalloc-4k --for 1m\n"
		    "  sudo ullage trace --size 4096 --comm cat\n"
		    "  sudo ullage trace --cgroup /system.slice/cron.service\n"
		    "  sudo ullage trace --pages --for 30s\n"
		    "  sudo ullage trace --budget cpu=1% --for 10m\n"
		    "  sudo ullage trace --engine slub_debug --cache kmalloc-64   what is live\n"
		    "  ullage trace FILE                                          once more\n",
	.options = UL_OPTION_BIT(OUTPUT) | UL_OPTION_BIT(FOR) | UL_OPTION_BIT(DRAIN) |
		   UL_OPTION_BIT(RECORD) | UL_OPTION_BIT(TOP) | UL_OPTION_BIT(CACHE) |
		   UL_OPTION_BIT(SIZE) | UL_OPTION_BIT(PID) | UL_OPTION_BIT(COMM) |
		   UL_OPTION_BIT(CGROUP) | UL_OPTION_BIT(MODULE) | UL_OPTION_BIT(STACK) |
		   UL_OPTION_BIT(VMLINUX) | UL_OPTION_BIT(SLAB) | UL_OPTION_BIT(PAGES) |
		   UL_OPTION_BIT(ENGINE) | UL_OPTION_BIT(BUDGET),
	.run = run,
};
