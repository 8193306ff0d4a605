// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two passes of the function tracer, both only of the command's processes and of the kernel threads
 * that work for others (kworker, ksoftirqd, rcu ...: a work item or an RCU callback loses as well
 * as a system call):
 *
 *  1. of all modules, for a few runs: which of them does the command enter?
 *  2. of the modules it enters, those on the stacks of what is lost and those it points to; of
 *     the frames of these stacks and what lies beside them in the kernel image, which is mostly the
 *     same source file; and of what frees and puts, to see who calls it. Never of the whole kernel.
 *
 * Errs: what interrupts the idle task is not seen. A module of more functions than there is room
 * for is left out, and so are modules beyond MODULES_MOST, and that is said.
 */
#include "cmd/find_calls.h"

#include <inttypes.h>
#include <string.h>

#include "analysis/entry_frames.h"
#include "analysis/sites.h"
#include "analysis/spectrum.h"
#include "base/text.h"
#include "base/units.h"
#include "model/calls.h"
#include "source/ftrace/calls.h"

enum {
	ENTERING_RUNS = 3,
	RUNS_MOST = 40,
	IDLE_TIMES = 5,
	MODULES_MOST = 64,
	FUNCTIONS_MOST = 4096,
	NEAR_MOST = 160,   /**< functions of the kernel image beside the stacks */
	NEAR_BYTES = 4096, /**< so far away is beside */
	NEAR_FRAMES = 4,   /**< of each stack */
	BUFFER_MIB = 32,
	NAME_BYTES = 128,
};
static const int64_t pause_ns = 10 * UL_NS_PER_S / 1000;
static const int64_t idle_ns = UL_NS_PER_S / 10;

/* Who frees or puts. Of some kernels each has another name; those that a kernel lacks do not
 * matter. */
static const char *const releases[] = {
	"kfree",
	"kvfree",
	"kfree_sensitive",
	"kfree_const",
	"kmem_cache_free",
	"kmem_cache_free_bulk",
	"kvfree_call_rcu",
	"kfree_call_rcu",
	"call_rcu",
	"vfree",
	"free_percpu",
	"__free_pages",
	"free_pages",
	"free_pages_exact",
	"page_frag_free",
	"__put_page",
	"__folio_put",
	"folio_put",
	"put_pages_list",
	"mempool_free",
	"fput",
	"__fput_sync",
	"filp_close",
	"dput",
	"iput",
	"mntput",
	"path_put",
	"put_pid",
	"free_pid",
	"__put_cred",
	"put_cred",
	"abort_creds",
	"__put_task_struct",
	"put_task_struct_rcu_user",
	"mmput",
	"mmput_async",
	"__mmdrop",
	"sock_release",
	"__sock_release",
	"sk_free",
	"sk_common_release",
	"kfree_skb",
	"kfree_skb_reason",
	"kfree_skb_list",
	"kfree_skb_list_reason",
	"sk_skb_reason_drop",
	"consume_skb",
	"__kfree_skb",
	"skb_free_datagram",
	"dst_release",
	"dst_release_immediate",
	"neigh_destroy",
	"put_net",
	"netdev_put",
	"free_netdev",
	"kobject_put",
	"put_device",
	"device_unregister",
	"module_put",
	"bio_put",
	"blk_put_queue",
	"put_page",
	"unpin_user_page",
	"release_pages",
	"kernfs_put",
	"seq_release",
	"single_release",
	"seq_release_private",
	"of_node_put",
	"fwnode_handle_put",
	"pci_dev_put",
	"usb_free_urb",
	"usb_put_dev",
	"crypto_destroy_tfm",
	"key_put",
	"bpf_map_put",
	"bpf_prog_put",
	"dma_free_attrs",
	"dma_pool_free",
	"destroy_workqueue",
	"put_unused_fd",
	"cdev_del",
	"kill_fasync",
	"release_firmware",
	"kthread_stop",
	"free_irq",
	"putname",
	"argv_free",
	"put_files_struct",
	"exit_creds",
	"css_put",
	"ida_free",
	"idr_remove",
};

struct calls {
	const struct ul_find_calls *what;
	struct ul_findings *findings;
	struct ul_call_trace *trace;
	struct ul_traceables traceables;
	char modules[MODULES_MOST][NAME_BYTES]; /**< whose functions are traced */
	size_t modules_len;
	bool more_modules;	/**< than there is room for */
	UL_VEC(int64_t) begins; /**< CLOCK_MONOTONIC, of each run in `calls` */
	struct ul_calls calls;
	struct ul_call_events events;
};

static void calls_deinit(struct calls *calls)
{
	ul_call_trace_destroy(calls->trace);
	ul_traceables_deinit(&calls->traceables);
	ul_vec_deinit(&calls->begins);
	ul_calls_deinit(&calls->calls);
	ul_vec_deinit(&calls->events.items);
}

static bool is_asked_for(const struct ul_finding *finding)
{
	return finding->trigger.lost.shape == UL_PER_RUN_STEADY;
}

static bool has_module(const struct calls *calls, struct ul_span name)
{
	for (size_t i = 0; i < calls->modules_len; i++)
		if (ul_span_equal(name, calls->modules[i]))
			return true;
	return false;
}

static void add_module(struct calls *calls, const char *name)
{
	if (!name || has_module(calls, ul_span_of(name)))
		return;
	if (calls->modules_len == MODULES_MOST)
		calls->more_modules = true;
	else
		ul_text_copy(calls->modules[calls->modules_len++], NAME_BYTES, name);
}

static void add_modules_of(struct calls *calls, const struct ul_site *site,
			   const struct ul_patterns *patterns)
{
	if (site)
		ul_vec_foreach (frame, &site->stack.frames)
			add_module(calls, frame->module);
	ul_vec_foreach (pattern, &patterns->items) {
		ul_vec_foreach (word, &pattern->words) {
			char name[NAME_BYTES];
			const char *bracket = word->symbol ? strchr(word->symbol, '[') : NULL;
			if (!bracket)
				continue;
			ul_text_copy(name, sizeof(name), bracket + 1);
			name[strcspn(name, "]")] = 0;
			add_module(calls, name);
		}
	}
}

/** Kernel threads that work for others: those whose calls may belong to a run. */
static bool works_for_others(const struct ul_process *process)
{
	static const char *const names[] = {"kworker", "ksoftirqd", "rcu", "kthreadd", "irq/"};
	for (size_t i = 0; process->kernel_thread && i < UL_ARRAY_LEN(names); i++)
		if (!strncmp(process->comm, names[i], strlen(names[i])))
			return true;
	return false;
}

static struct ul_error *choose_threads(struct calls *calls)
{
	struct ul_ledger ledger UL_CLEANUP_LEDGER;
	UL_VEC(pid_t) tids = {0};
	ul_ledger_init(&ledger);
	struct ul_error *error = ul_proc_ledger(calls->what->proc,
						&(struct ul_proc_want){.processes = true}, &ledger);
	if (error)
		return error;
	bool full = !ul_vec_push(&tids, ul_runner_pid(calls->what->runner));
	ul_vec_foreach (process, &ledger.processes)
		if (works_for_others(process))
			full |= !ul_vec_push(&tids, process->pid);
	error = full ? &ul_enomem : ul_call_trace_threads(calls->trace, tids.data, tids.len);
	ul_vec_deinit(&tids);
	return error;
}

static struct ul_error *run(const struct calls *calls, const char *command, bool *ret_stopped)
{
	int status;
	return ul_runner_run(calls->what->runner, calls->what->context, command, false, &status,
			     ret_stopped);
}

/** First pass: which modules do the processes of the command enter? */
static struct ul_error *find_modules(struct calls *calls)
{
	const struct ul_symtab *symtab = calls->what->machine->symtab;
	struct ul_call_events events = {.lost = 0};
	bool stopped = false;
	struct ul_error *error = ul_call_trace_modules(calls->trace);
	if (!error)
		error = ul_call_trace_on(calls->trace);
	if (error && error->code != UL_ERR_UNSUPPORTED)
		return error;
	if (error) {
		ul_error_destroy(error); // there is no module
		return NULL;
	}
	for (int i = 0; !error && !stopped && i < ENTERING_RUNS; i++)
		error = run(calls, calls->what->trigger, &stopped);
	ul_cmd_sleep_until(calls->what->context, ul_cmd_now_ns() + pause_ns);
	if (!error)
		error = ul_call_trace_off(calls->trace);
	if (!error)
		error = ul_call_trace_take(calls->trace, &events);
	ul_vec_foreach (event, &events.items) {
		struct ul_symbol symbol;
		if (ul_symtab_lookup(symtab, event->kaddr, &symbol))
			add_module(calls, symbol.module);
	}
	ul_vec_deinit(&events.items);
	calls->events.lost += events.lost;
	return error;
}

/** Names of functions of the kernel image that are traced, beside whole modules. */
struct names {
	UL_VEC(const char *) items; /**< borrowed */
	size_t near;
};

static bool is_release(struct ul_span name)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(releases); i++)
		if (ul_span_equal(name, releases[i]))
			return true;
	return false;
}

/** Addresses of the first frames of the stacks of what is lost, without how they were entered. */
static size_t find_places(const struct calls *calls, uint64_t *places, size_t most)
{
	size_t len = 0;
	ul_vec_foreach (finding, &calls->findings->items) {
		size_t frames = 0;
		if (!finding->site || !is_asked_for(finding))
			continue;
		ul_vec_foreach (frame, &finding->site->stack.frames) {
			if (!frame->function || frame->module || !frame->kaddr ||
			    ul_sites_is_allocator(frame->function) ||
			    ul_entry_frame(frame->function))
				continue;
			if (frames++ == NEAR_FRAMES || len == most)
				break;
			places[len++] = frame->kaddr - frame->offset;
		}
	}
	return len;
}

static bool is_beside(uint64_t kaddr, const uint64_t *places, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (kaddr - places[i] < NEAR_BYTES || places[i] - kaddr < NEAR_BYTES)
			return true;
	return false;
}

/** What stands on the stacks, and beside it. */
static struct ul_error *choose_names(const struct calls *calls, struct names *names)
{
	enum { PLACES_MOST = 32 };
	const struct ul_symtab *symtab = calls->what->machine->symtab;
	uint64_t places[PLACES_MOST];
	const size_t len = find_places(calls, places, PLACES_MOST);
	struct ul_symbol symbol;
	uint64_t bytes;
	ul_vec_foreach (finding, &calls->findings->items) {
		if (!finding->site || !is_asked_for(finding))
			continue;
		ul_vec_foreach (frame, &finding->site->stack.frames)
			if (frame->function && !frame->module && !ul_entry_frame(frame->function) &&
			    !ul_vec_push(&names->items, frame->function))
				return &ul_enomem;
	}
	for (size_t i = 0; names->near < NEAR_MOST && ul_symtab_at(symtab, i, &symbol, &bytes);
	     i++) {
		if (!symbol.code || symbol.module || !is_beside(symbol.start, places, len) ||
		    ul_sites_is_allocator(symbol.name) || ul_entry_frame(symbol.name))
			continue;
		if (!ul_vec_push(&names->items, symbol.name))
			return &ul_enomem;
		names->near++;
	}
	return NULL;
}

static bool is_named(const struct names *names, struct ul_span name)
{
	ul_vec_foreach (item, &names->items)
		if (ul_span_equal(name, *item))
			return true;
	return false;
}

/** Second filter. A module that does not fit is left out whole. */
static struct ul_error *choose_functions(struct calls *calls)
{
	struct names names = {.near = 0};
	UL_VEC(uint32_t) places = {0};
	size_t counts[MODULES_MOST] = {0};
	bool left_out[MODULES_MOST] = {0};
	size_t in_all = 0;
	struct ul_error *error = choose_names(calls, &names);
	if (!error)
		error = ul_call_trace_list(calls->trace, &calls->traceables);
	ul_vec_foreach (item, &calls->traceables.items)
		for (size_t m = 0; item->module.len && m < calls->modules_len; m++)
			counts[m] += ul_span_equal(item->module, calls->modules[m]);
	for (size_t m = 0; m < calls->modules_len && !error; m++) {
		left_out[m] = in_all + counts[m] > FUNCTIONS_MOST;
		in_all += left_out[m] ? 0 : counts[m];
		if (left_out[m])
			error = ul_losses_add(&calls->findings->losses, UL_BIAS_UNDER, counts[m],
					      "functions of module %s not traced: too many",
					      calls->modules[m]);
	}
	for (size_t i = 0; !error && i < calls->traceables.items.len; i++) {
		const struct ul_traceable *item = &calls->traceables.items.data[i];
		bool wanted = !item->module.len &&
			      (is_release(item->name) || is_named(&names, item->name));
		for (size_t m = 0; item->module.len && m < calls->modules_len; m++)
			wanted |= !left_out[m] && ul_span_equal(item->module, calls->modules[m]);
		if (wanted && !ul_vec_push(&places, (uint32_t)i))
			error = &ul_enomem;
	}
	if (!error)
		error = ul_call_trace_functions(calls->trace, places.data, places.len);
	ul_vec_deinit(&places);
	ul_vec_deinit(&names.items);
	return error;
}

static struct ul_error *begin_run(struct calls *calls, enum ul_batch_kind kind, int64_t begin_ns)
{
	const struct ul_call_run one = {kind};
	return ul_vec_push(&calls->begins, begin_ns) && ul_vec_push(&calls->calls.runs, one)
		       ? NULL
		       : &ul_enomem;
}

static struct ul_error *run_all(struct calls *calls, enum ul_batch_kind kind, const char *command)
{
	const uint64_t times = calls->what->times < RUNS_MOST ? calls->what->times : RUNS_MOST;
	for (uint64_t i = 0; i < times; i++) {
		bool stopped;
		UL_TRY(begin_run(calls, kind, ul_cmd_monotonic_ns()));
		UL_TRY(run(calls, command, &stopped));
		if (stopped)
			return NULL;
		ul_cmd_sleep_until(calls->what->context, ul_cmd_now_ns() + pause_ns);
		UL_TRY(ul_call_trace_take(calls->trace, &calls->events));
	}
	return NULL;
}

/** Second pass. Between the sorts of runs nothing is run: calls then belong to no run. */
static struct ul_error *record(struct calls *calls)
{
	UL_TRY(ul_call_trace_on(calls->trace));
	for (int i = 0; i < IDLE_TIMES; i++) {
		UL_TRY(begin_run(calls, UL_BATCH_IDLE, ul_cmd_monotonic_ns()));
		ul_cmd_sleep_until(calls->what->context, ul_cmd_now_ns() + idle_ns);
	}
	UL_TRY(run_all(calls, UL_BATCH_TRIGGER, calls->what->trigger));
	if (calls->what->control) {
		UL_TRY(begin_run(calls, UL_BATCH_WARM_UP, ul_cmd_monotonic_ns()));
		ul_cmd_sleep_until(calls->what->context, ul_cmd_now_ns() + idle_ns);
		UL_TRY(run_all(calls, UL_BATCH_CONTROL, calls->what->control));
	}
	UL_TRY(ul_call_trace_off(calls->trace));
	UL_TRY(ul_call_trace_take(calls->trace, &calls->events));
	if (calls->events.lost)
		UL_TRY(ul_losses_add(&calls->findings->losses, UL_BIAS_UNDER, calls->events.lost,
				     "calls lost by the function tracer: who lost memory is told "
				     "from what is left"));
	return NULL;
}

/** Functions by where they begin, to give each a number. */
struct numbers {
	UL_VEC(struct {
		uint64_t start;
		int32_t number;
	})
	items; /**< by start */
};

static struct ul_error *number_of(struct calls *calls, struct numbers *numbers, uint64_t kaddr,
				  int32_t *ret)
{
	struct ul_symbol symbol;
	*ret = UL_CALL_NOBODY;
	if (!ul_symtab_lookup(calls->what->machine->symtab, kaddr, &symbol) || !symbol.name)
		return NULL;
	size_t low = 0;
	size_t high = numbers->items.len;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (numbers->items.data[middle].start < symbol.start)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < numbers->items.len && numbers->items.data[low].start == symbol.start) {
		*ret = numbers->items.data[low].number;
		return NULL;
	}
	struct ul_call_function *function = ul_vec_add(&calls->calls.functions);
	if (!function || !ul_vec_add(&numbers->items) ||
	    !ul_text_set(&function->name, symbol.name) ||
	    !ul_text_set(&function->module, symbol.module))
		return &ul_enomem;
	function->releases = is_release(ul_span_of(symbol.name));
	memmove(numbers->items.data + low + 1, numbers->items.data + low,
		(numbers->items.len - 1 - low) * sizeof(*numbers->items.data));
	numbers->items.data[low].start = symbol.start;
	numbers->items.data[low].number = *ret = (int32_t)calls->calls.functions.len - 1;
	return NULL;
}

/** Events with names, each in its run. */
static struct ul_error *name_calls(struct calls *calls)
{
	struct numbers numbers = {.items = {0}};
	struct ul_error *error = NULL;
	size_t run = 0;
	ul_vec_foreach (event, &calls->events.items) {
		struct ul_call call = {.run = 0};
		while (run + 1 < calls->begins.len && calls->begins.data[run + 1] <= event->time_ns)
			run++;
		if (!calls->begins.len || event->time_ns < calls->begins.data[0])
			continue;
		call.run = (uint32_t)run;
		error = number_of(calls, &numbers, event->kaddr, &call.function);
		if (!error) // a return address may lie just behind its function
			error = number_of(calls, &numbers, event->caller - 1, &call.caller);
		if (!error && call.function >= 0 && !ul_vec_push(&calls->calls.items, call))
			error = &ul_enomem;
		if (error)
			break;
	}
	ul_vec_deinit(&numbers.items);
	return error;
}

static struct ul_error *trace_calls(struct calls *calls)
{
	if (!calls->what->machine->symtab)
		return ul_error_new(UL_ERR_UNSUPPORTED, "kallsyms cannot be read");
	UL_TRY(ul_call_trace_open(calls->what->context->options.sys_root,
				  (uint64_t)BUFFER_MIB << 20, &calls->trace));
	UL_TRY(choose_threads(calls));
	UL_TRY(find_modules(calls));
	ul_vec_foreach (finding, &calls->findings->items) {
		if (!is_asked_for(finding))
			continue;
		add_modules_of(calls, finding->site, &finding->patterns);
		ul_vec_foreach (companion, &finding->companions)
			add_modules_of(calls, companion->site, &companion->patterns);
	}
	if (calls->more_modules)
		UL_TRY(ul_losses_add(&calls->findings->losses, UL_BIAS_UNDER, 0,
				     "functions of modules beyond the first %d not traced",
				     MODULES_MOST));
	UL_TRY(choose_functions(calls));
	UL_TRY(record(calls));
	UL_TRY(name_calls(calls));
	ul_vec_foreach (finding, &calls->findings->items)
		if (is_asked_for(finding))
			UL_TRY(ul_spectrum(&calls->calls, finding));
	return NULL;
}

struct ul_error *ul_cmd_find_calls(const struct ul_find_calls *what, struct ul_findings *findings)
{
	bool wanted = false;
	ul_vec_foreach (finding, &findings->items)
		wanted |= is_asked_for(finding);
	if (!wanted || ul_cmd_stopped(what->context))
		return NULL;
	struct calls *calls = calloc(1, sizeof(*calls));
	if (!calls)
		return &ul_enomem;
	calls->what = what;
	calls->findings = findings;
	struct ul_error *error = trace_calls(calls);
	calls_deinit(calls);
	free(calls);
	return ul_losses_add_error(&findings->losses, UL_BIAS_UNDER, error,
				   "which functions the command calls was not traced");
}
