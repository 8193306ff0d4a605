// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The same options, times and result as of the BPF tracer. What differs: the cache of a kmalloc is
 * told by size and flags, or read where its survivors lie, so the caches that were asked for are
 * chosen among the sites afterwards (in the kernel their sizes are); everything is recorded, no
 * share of the addresses.
 */
#include "cmd/ftrace.h"

#include <string.h>

#include "analysis/pairing.h"
#include "analysis/sites.h"
#include "base/text.h"
#include "base/units.h"
#include "source/ftrace/ftrace.h"

struct ul_cmd_ftrace {
	const struct ul_tracer_options *tracing; /**< borrowed */
	struct ul_ftrace *ftrace;
	struct ul_pairing *pairing;
};

bool ul_cmd_ftrace_wanted(const struct ul_cmd_context *context)
{
	return context->options.engine == UL_ENGINE_FTRACE;
}

bool ul_cmd_ftrace_instead(const struct ul_cmd_context *context, const struct ul_error *error)
{
	return context->options.engine == UL_ENGINE_AUTO && !context->options.cgroup &&
	       (error->code == UL_ERR_UNSUPPORTED || error->code == UL_ERR_PERMISSION);
}

static unsigned int allocators_of(unsigned int tracing)
{
	return (tracing & UL_TRACE_SLAB ? UL_FTRACE_SLAB : 0u) |
	       (tracing & UL_TRACE_PAGES ? UL_FTRACE_PAGES : 0u) |
	       (tracing & UL_TRACE_PERCPU ? UL_FTRACE_PERCPU : 0u);
}

struct ul_error *ul_cmd_ftrace_open(const struct ul_cmd_context *context,
				    const struct ul_tracer_options *tracing,
				    struct ul_cmd_ftrace **ret)
{
	UL_CLEANUP_CMD_FTRACE struct ul_cmd_ftrace *ftrace = calloc(1, sizeof(*ftrace));
	if (!ftrace)
		return &ul_enomem;
	struct ul_ftrace_options options = {
		.allocators = allocators_of(tracing->allocators),
		.bytes_min = tracing->bytes_min,
		.bytes_max = tracing->bytes_max,
		.pid = tracing->pid,
		.comm = tracing->comm,
		.buffer_bytes = context->options.budget_bytes,
		.sys_root = context->options.sys_root,
	};
	ftrace->tracing = tracing;
	UL_TRY(ul_pairing_create(
		&(struct ul_pairing_options){
			.max_live = tracing->max_live,
			.max_examples = tracing->max_examples,
			.drain_ns = 0, // the recorder knows when draining began
			.live = true,
		},
		&ftrace->pairing));
	UL_TRY(ul_ftrace_open(&options, ul_pairing_take, ftrace->pairing, &ftrace->ftrace));
	*ret = UL_TAKE(ftrace);
	return NULL;
}

void ul_cmd_ftrace_destroy(struct ul_cmd_ftrace *ftrace)
{
	if (!ftrace)
		return;
	ul_ftrace_destroy(ftrace->ftrace); // before the pairing it gives events to
	ul_pairing_destroy(ftrace->pairing);
	free(ftrace);
}

struct ul_error *ul_cmd_ftrace_record(struct ul_cmd_ftrace *ftrace)
{
	return ul_ftrace_record(ftrace->ftrace);
}

void ul_cmd_ftrace_drain(struct ul_cmd_ftrace *ftrace)
{
	ul_ftrace_drain(ftrace->ftrace);
}

/**
 * The cache of a site, out of the pages that its survivors lie in, where kernel memory can be read:
 * records name only the caches of kmem_cache_alloc, and older ones not even these.
 */
static struct ul_error *read_cache(const struct ul_machine *machine, struct ul_site *site)
{
	enum { LOOK_AT = 8 };
	char agreed[128] = "";
	for (size_t i = 0; i < site->examples.len && i < LOOK_AT; i++) {
		char name[sizeof(agreed)];
		// One that is no slab object any more was freed unseen; it says nothing.
		if (!ul_layout_cache_name(machine->memory, &machine->layout,
					  site->examples.data[i].key, name, sizeof(name)))
			continue;
		if (agreed[0] && strcmp(agreed, name) != 0)
			return NULL;
		ul_text_copy(agreed, sizeof(agreed), name);
	}
	if (!agreed[0])
		return NULL;
	site->cache_guessed = false;
	return ul_text_set(&site->cache, agreed) ? NULL : &ul_enomem;
}

static struct ul_error *read_caches(const struct ul_machine *machine, struct ul_trace *trace)
{
	if (!machine->has_layout)
		return NULL;
	ul_vec_foreach (site, &trace->sites)
		if (site->allocator == UL_ALLOCATOR_SLAB && (!site->cache || site->cache_guessed))
			UL_TRY(read_cache(machine, site));
	return NULL;
}

/** A site whose cache is not known may be of any: it stays. */
static bool is_of_caches(const struct ul_site *site, const struct ul_tracer_options *tracing)
{
	if (!tracing->caches_len || site->allocator != UL_ALLOCATOR_SLAB || !site->cache)
		return true;
	for (size_t i = 0; i < tracing->caches_len; i++)
		if (!strcmp(site->cache, tracing->caches[i]))
			return true;
	return false;
}

static void drop_other_caches(const struct ul_tracer_options *tracing, struct ul_trace *trace)
{
	size_t kept = 0;
	for (size_t i = 0; i < trace->sites.len; i++) {
		struct ul_site *site = &trace->sites.data[i];
		if (!is_of_caches(site, tracing)) {
			ul_site_deinit(site);
			continue;
		}
		if (kept != i)
			trace->sites.data[kept] = *site;
		kept++;
	}
	trace->sites.len = kept;
}

struct ul_error *ul_cmd_ftrace_collect(struct ul_cmd_ftrace *ftrace,
				       const struct ul_machine *machine,
				       const struct ul_ledger *ledger, struct ul_trace *ret)
{
	struct ul_losses losses UL_CLEANUP(ul_losses_deinit) = {0};
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	UL_TRY(ul_ftrace_stop(ftrace->ftrace, &losses));
	const struct ul_ftrace_times times = ul_ftrace_times(ftrace->ftrace);
	ul_pairing_until(ftrace->pairing, times.stop_ns);
	UL_TRY(ul_pairing_finish(ftrace->pairing, ul_ftrace_dictionary(ftrace->ftrace), &trace));
	trace.engine = "ftrace";
	trace.window_s = (double)(times.drain_ns - times.record_ns) / UL_NS_PER_S;
	trace.drain_s = (double)(times.stop_ns - times.drain_ns) / UL_NS_PER_S;
	trace.begin_ns = times.begin_boottime_ns;
	trace.end_ns = times.end_boottime_ns;
	trace.share = 1;
	UL_TRY(ul_losses_merge(&trace.losses, &losses));
	UL_TRY(ul_machine_name_stacks(machine, &trace));
	UL_TRY(read_caches(machine, &trace));
	UL_TRY(ul_sites_digest(&trace, ledger));
	drop_other_caches(ftrace->tracing, &trace);
	*ret = trace;
	trace = (struct ul_trace){0};
	return NULL;
}
