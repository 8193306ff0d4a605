// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which of the kernel's own counts to take, and what to do with them.
 *
 *   slub_debug of a cache in question   the difference replaces the traced sites of that cache
 *   page_owner, block by block          the same for pages
 *   page_owner_stacks, allocinfo        know less than tracing: they say how far to believe it
 *   kmemleak                            evidence beside
 *
 * Where nothing can be traced, all of them stand in its place. Tracing goes on beside, as long as
 * it can: only it knows the addresses of the objects, which are needed to look into them.
 *
 * Taking a count is not free for the machine: SLUB walks all slabs of the cache with interrupts
 * off, and page_owner may drain the page lists of every CPU for each block it gives. So `find`
 * takes them of what is in question only, leaves out caches with too many objects, and gives
 * page_owner's blocks a time budget. `trace --engine` was asked for by name and has no such limits.
 */
#include "cmd/exact.h"

#include <math.h>
#include <string.h>

#include "analysis/difference.h"
#include "analysis/sites.h"
#include "base/units.h"
#include "cmd/measure.h"
#include "source/exact/exact.h"

/* Some 100 ns each with interrupts off: 0.1 s. */
enum { MAX_OBJECTS = 1000000 };
static const int64_t budget_ns = 5 * UL_NS_PER_S;

/* Counts by function only. */
static const unsigned int counting = UL_EXACT_ALLOCINFO | UL_EXACT_PAGE_STACKS;

void ul_cmd_exact_deinit(struct ul_cmd_exact *exact)
{
	ul_trace_deinit(&exact->begin);
	ul_trace_deinit(&exact->end);
	ul_trace_deinit(&exact->counted_begin);
	ul_trace_deinit(&exact->counted);
	ul_trace_deinit(&exact->orphans);
}

/** Sources that --engine allows. */
static unsigned int allowed(enum ul_engine engine)
{
	switch (engine) {
	case UL_ENGINE_BPF:
	case UL_ENGINE_FTRACE:
		return 0;
	case UL_ENGINE_ALLOCINFO:
		return UL_EXACT_ALLOCINFO;
	case UL_ENGINE_PAGE_OWNER:
		return UL_EXACT_PAGE_OWNER | UL_EXACT_PAGE_STACKS;
	case UL_ENGINE_SLUB_DEBUG:
		return UL_EXACT_SLUB;
	case UL_ENGINE_KMEMLEAK:
		return UL_EXACT_KMEMLEAK;
	case UL_ENGINE_AUTO:
	case UL_ENGINE_EXACT:
		break;
	}
	return UL_EXACT_ALLOCINFO | UL_EXACT_PAGE_OWNER | UL_EXACT_PAGE_STACKS | UL_EXACT_SLUB |
	       UL_EXACT_KMEMLEAK;
}

bool ul_cmd_exact_wants_bpf(const struct ul_cmd_context *context)
{
	return context->options.engine == UL_ENGINE_AUTO ||
	       context->options.engine == UL_ENGINE_BPF;
}

static struct ul_exact_options options_of(const struct ul_cmd_context *context)
{
	return (struct ul_exact_options){.proc_root = context->options.proc_root,
					 .sys_root = context->options.sys_root,
					 .page_bytes = (uint32_t)sysconf(_SC_PAGESIZE)};
}

static struct ul_exact_options find_options(const struct ul_cmd_context *context,
					    const struct ul_cmd_exact *exact)
{
	struct ul_exact_options options = options_of(context);
	options.caches = exact->caches;
	options.object_bytes = exact->object_bytes;
	options.caches_len = exact->caches_len;
	options.budget_ns = budget_ns;
	return options;
}

/** Read one source; a failure is a loss and drops it from the sources. */
static struct ul_error *take(const struct ul_exact_options *options, enum ul_exact_source source,
			     struct ul_losses *losses, struct ul_cmd_exact *exact,
			     struct ul_trace *into)
{
	struct ul_error *error = ul_exact_read(options, source, into);
	if (error)
		exact->sources &= ~(unsigned int)source;
	return ul_losses_add_error(losses, UL_BIAS_NONE, error, "an exact count was not used");
}

/** Caches in question whose traces SLUB keeps. */
static struct ul_error *choose_caches(const struct ul_cmd_context *context,
				      const struct ul_cmd_exact_focus *focus,
				      const struct ul_ledger *ledger, struct ul_losses *losses,
				      struct ul_cmd_exact *exact)
{
	const struct ul_exact_options options = options_of(context);
	for (size_t i = 0; i < focus->caches_len; i++) {
		const struct ul_cache *cache = ul_ledger_cache(ledger, focus->caches[i]);
		if (!cache || exact->caches_len == UL_CMD_EXACT_CACHES ||
		    !ul_exact_slub_usable(&options, focus->caches[i]))
			continue;
		if (cache->objects > MAX_OBJECTS) {
			UL_TRY(ul_losses_add(losses, UL_BIAS_NONE, 0,
					     "slub_debug of %s was not used: it has more than %d "
					     "objects, and walking them would stall the machine",
					     cache->name, MAX_OBJECTS));
			continue;
		}
		exact->caches[exact->caches_len] = focus->caches[i];
		exact->object_bytes[exact->caches_len++] = cache->object_size;
	}
	return NULL;
}

static unsigned int choose_sources(unsigned int usable, const struct ul_cmd_exact_focus *focus,
				   const struct ul_cmd_exact *exact)
{
	if (!exact->caches_len)
		usable &= ~(unsigned int)UL_EXACT_SLUB;
	if (!focus->pages)
		usable &= ~(unsigned int)(UL_EXACT_PAGE_OWNER | UL_EXACT_PAGE_STACKS);
	// The sums cost nothing, where the kernel has them.
	if (usable & UL_EXACT_PAGE_STACKS)
		usable &= ~(unsigned int)UL_EXACT_PAGE_OWNER;
	return usable;
}

/** Every source but kmemleak, into one of two traces: by whole stack, and by function. */
static struct ul_error *take_all(const struct ul_cmd_context *context, struct ul_losses *losses,
				 struct ul_cmd_exact *exact, struct ul_trace *stacks,
				 struct ul_trace *counted)
{
	static const enum ul_exact_source order[] = {UL_EXACT_SLUB, UL_EXACT_PAGE_OWNER,
						     UL_EXACT_PAGE_STACKS, UL_EXACT_ALLOCINFO};
	const struct ul_exact_options options = find_options(context, exact);
	stacks->engine = counted->engine = "exact";
	for (size_t i = 0; i < UL_ARRAY_LEN(order); i++) {
		struct ul_trace *into = counting & order[i] ? counted : stacks;
		// Two counts of the same bytes are one too many: allocinfo counts pages, too.
		if (!(exact->sources & order[i]) || (into == counted && counted->sites.len))
			continue;
		UL_TRY(take(&options, order[i], losses, exact, into));
		if (into == counted && counted->sites.len)
			counted->engine = ul_exact_name(order[i]);
	}
	return NULL;
}

struct ul_error *ul_cmd_exact_begin(const struct ul_cmd_context *context,
				    const struct ul_cmd_exact_focus *focus,
				    const struct ul_ledger *ledger, struct ul_losses *losses,
				    struct ul_cmd_exact *exact)
{
	const unsigned int allow = allowed(context->options.engine);
	if (!allow)
		return NULL;
	const struct ul_exact_options options = options_of(context);
	if (allow & UL_EXACT_SLUB)
		UL_TRY(choose_caches(context, focus, ledger, losses, exact));
	exact->sources = choose_sources(ul_exact_usable(&options) & allow, focus, exact);
	exact->begin_ns = ul_cmd_now_ns();
	exact->since_ns = ul_cmd_monotonic_ns();
	return take_all(context, losses, exact, &exact->begin, &exact->counted_begin);
}

struct ul_error *ul_cmd_exact_end(const struct ul_cmd_context *context, struct ul_losses *losses,
				  struct ul_cmd_exact *exact)
{
	if (!exact->sources)
		return NULL;
	const struct ul_exact_options options = find_options(context, exact);
	exact->end_ns = ul_cmd_now_ns();
	UL_TRY(take_all(context, losses, exact, &exact->end, &exact->counted));
	if (exact->sources & UL_EXACT_KMEMLEAK)
		return take(&options, UL_EXACT_KMEMLEAK, losses, exact, &exact->orphans);
	return NULL;
}

/** page_owner's examples are page frame numbers; the model's are addresses of struct page. */
static void locate_pages(const struct ul_machine *machine, struct ul_trace *trace)
{
	ul_vec_foreach (site, &trace->sites) {
		if (site->allocator != UL_ALLOCATOR_PAGES)
			continue;
		if (!machine->has_layout)
			site->examples.len = 0;
		ul_vec_foreach (example, &site->examples)
			example->key = machine->layout.vmemmap +
				       example->key * machine->layout.struct_page_bytes;
	}
}

/** allocinfo's sites are lines of code, which digesting would merge. */
static struct ul_error *digest(struct ul_trace *trace, const struct ul_ledger *ledger, bool lines)
{
	if (!lines)
		return ul_sites_digest(trace, ledger);
	ul_difference_name_lines(trace);
	return NULL;
}

static bool is_lines(const struct ul_trace *trace)
{
	return !strcmp(trace->engine, ul_exact_name(UL_EXACT_ALLOCINFO));
}

/** Difference of two counts, left in @p end. */
static struct ul_error *differ(struct ul_trace *begin, struct ul_trace *end,
			       const struct ul_ledger *ledger, int64_t since_ns)
{
	if (!end->engine || !begin->engine)
		return NULL;
	UL_TRY(digest(begin, ledger, is_lines(end)));
	UL_TRY(digest(end, ledger, is_lines(end)));
	return ul_difference_since(end, begin, since_ns);
}

/** Take the sites of @p from as the whole trace. */
static struct ul_error *stand_in(struct ul_trace *trace, struct ul_trace *from)
{
	ul_vec_foreach (site, &from->sites) {
		if (!site->live)
			continue;
		if (!ul_vec_push(&trace->sites, *site))
			return &ul_enomem;
		*site = (struct ul_site){0};
	}
	return ul_losses_merge(&trace->losses, &from->losses);
}

struct ul_error *ul_cmd_exact_apply(struct ul_cmd_exact *exact, const struct ul_machine *machine,
				    const struct ul_ledger *ledger, double drain_s,
				    struct ul_trace *trace, bool *traced)
{
	if (!exact->sources)
		return NULL;
	const struct ul_difference_cover cover = {
		.caches = exact->caches,
		.caches_len = exact->sources & UL_EXACT_SLUB ? exact->caches_len : 0,
		.pages = exact->sources & UL_EXACT_PAGE_OWNER,
	};
	UL_TRY(ul_sites_digest(&exact->orphans, ledger));
	UL_TRY(differ(&exact->begin, &exact->end, ledger, exact->since_ns));
	UL_TRY(differ(&exact->counted_begin, &exact->counted, ledger, exact->since_ns));
	locate_pages(machine, &exact->end);
	if (*traced) {
		ul_difference_confirm(trace, &exact->counted);
		return ul_difference_replace(trace, &exact->end, &cover);
	}
	trace->engine = "exact";
	trace->begin_ns = exact->begin_ns;
	trace->end_ns = exact->end_ns;
	trace->window_s = (double)(exact->end_ns - exact->begin_ns) / UL_NS_PER_S;
	trace->drain_s = drain_s;
	UL_TRY(stand_in(trace, &exact->end));
	if (!is_lines(&exact->counted)) // allocinfo knows no account to judge
		UL_TRY(stand_in(trace, &exact->counted));
	*traced = trace->sites.len > 0;
	return NULL;
}

struct ul_error *ul_cmd_exact_explain(const struct ul_cmd_exact *exact,
				      struct ul_findings *findings)
{
	return ul_difference_explain(findings, exact->counted.sites.len ? &exact->counted : NULL,
				     exact->orphans.sites.len ? &exact->orphans : NULL);
}

/* --- trace --engine ------------------------------------------------------------------------- */

static struct ul_error *none_usable(const struct ul_cmd_context *context, unsigned int allow)
{
	// The reason of the one that was asked for is worth more than "none".
	struct ul_trace trace UL_CLEANUP_TRACE = {0};
	const struct ul_exact_options options = options_of(context);
	if (context->options.engine != UL_ENGINE_EXACT)
		for (unsigned int bit = 1; bit <= allow; bit <<= 1)
			if (allow & bit)
				UL_TRY(ul_exact_read(&options, (enum ul_exact_source)bit, &trace));
	if (context->options.engine == UL_ENGINE_ALLOCINFO)
		return ul_error_hint(
			ul_error_new(UL_ERR_UNSUPPORTED,
				     "allocinfo: allocation profiling is switched off"),
			"sysctl vm.mem_profiling=1");
	return ul_error_hint(
		ul_error_new(UL_ERR_UNSUPPORTED, "this kernel keeps none of the exact counts"),
		"ullage doctor says what would enable each");
}

/** What to read of several: stacks before lines, and pages once. */
static unsigned int trace_sources(const struct ul_cmd_context *context)
{
	const struct ul_options *options = &context->options;
	const struct ul_exact_options exact = options_of(context);
	unsigned int use = ul_exact_usable(&exact) & allowed(options->engine);
	if (use & UL_EXACT_PAGE_OWNER) // asked for by name: with orders and processes
		use &= ~(unsigned int)UL_EXACT_PAGE_STACKS;
	if (options->engine != UL_ENGINE_EXACT)
		return use;
	use &= ~(unsigned int)UL_EXACT_KMEMLEAK;
	if (options->caches.len || options->slab)
		use &= ~(unsigned int)(UL_EXACT_PAGE_OWNER | UL_EXACT_PAGE_STACKS);
	if (options->pages && !options->slab)
		use &= ~(unsigned int)UL_EXACT_SLUB;
	if (use & ~(unsigned int)UL_EXACT_ALLOCINFO)
		use &= ~(unsigned int)UL_EXACT_ALLOCINFO;
	return use;
}

/** Caches whose object size the ledger knows; all that keep traces unless --cache is given. */
struct cache_list {
	UL_VEC(const char *) names;
	UL_VEC(uint64_t) sizes;
};

static void cache_list_deinit(struct cache_list *list)
{
	ul_vec_deinit(&list->names);
	ul_vec_deinit(&list->sizes);
}

static struct ul_error *list_caches(const struct ul_cmd_context *context,
				    const struct ul_ledger *ledger, struct cache_list *list)
{
	const struct ul_exact_options options = options_of(context);
	ul_vec_foreach (cache, &ledger->caches) {
		bool wanted = !context->options.caches.len;
		ul_vec_foreach (name, &context->options.caches) {
			const struct ul_cache *named = ul_ledger_cache(ledger, *name);
			wanted |= named == cache;
		}
		if (!wanted || !ul_exact_slub_usable(&options, cache->name))
			continue;
		if (!ul_vec_push(&list->names, cache->name) ||
		    !ul_vec_push(&list->sizes, (uint64_t)cache->object_size))
			return &ul_enomem;
	}
	return NULL;
}

static struct ul_error *read_sources(const struct ul_cmd_context *context,
				     const struct ul_ledger *ledger, unsigned int sources,
				     struct ul_trace *ret)
{
	struct cache_list caches UL_CLEANUP(cache_list_deinit) = {0};
	struct ul_exact_options options = options_of(context);
	UL_TRY(list_caches(context, ledger, &caches));
	options.caches = caches.names.data;
	options.object_bytes = caches.sizes.data;
	options.caches_len = caches.names.len;
	if (context->options.caches.len && !caches.names.len && sources == UL_EXACT_SLUB)
		return ul_error_hint(
			ul_error_new(UL_ERR_UNSUPPORTED, "slub_debug: no traces are kept of %s",
				     context->options.caches.data[0]),
			"boot with slab_debug=U,%s (older kernels: slub_debug=U,%s)",
			context->options.caches.data[0], context->options.caches.data[0]);
	for (unsigned int bit = 1; bit <= sources; bit <<= 1) {
		if (!(sources & bit))
			continue;
		UL_TRY(ul_exact_read(&options, (enum ul_exact_source)bit, ret));
		ret->engine = sources == bit ? ul_exact_name((enum ul_exact_source)bit) : "exact";
	}
	return digest(ret, ledger, sources == UL_EXACT_ALLOCINFO);
}

static struct ul_error *check_filters(const struct ul_options *options)
{
	if (options->pid || options->comm)
		return ul_error_hint(ul_error_new(UL_ERR_USAGE,
						  "--pid and --comm filter what is traced; exact "
						  "counts are of all processes"),
				     "leave them out, or use --engine bpf");
	return NULL;
}

static void filter_sizes(const struct ul_options *options, struct ul_trace *trace)
{
	if (!(options->given & UL_OPTION_BIT(SIZE)))
		return;
	ul_vec_foreach (site, &trace->sites)
		if (site->object_bytes < options->size_min ||
		    site->object_bytes > options->size_max)
			site->live = 0; // pruned
	ul_difference_prune(trace);
}

/** The difference over --for; Ctrl-C ends the wait. */
static struct ul_error *read_twice(const struct ul_cmd_context *context,
				   const struct ul_ledger *ledger, unsigned int sources,
				   struct ul_trace *ret)
{
	struct ul_trace begin UL_CLEANUP_TRACE = {0};
	struct ul_progress progress;
	const int64_t since_ns = ul_cmd_monotonic_ns();
	const int64_t start_ns = ul_cmd_now_ns();
	const int64_t end_ns = start_ns + context->options.for_ns;
	UL_TRY(read_sources(context, ledger, sources, &begin));
	ul_cmd_progress(context, &progress);
	ul_cmd_wait(context, &progress, "waiting between two counts", start_ns, end_ns, end_ns);
	ul_progress_end(&progress);
	ret->begin_ns = start_ns;
	ret->end_ns = ul_cmd_now_ns();
	ret->window_s = (double)(ret->end_ns - start_ns) / UL_NS_PER_S;
	UL_TRY(read_sources(context, ledger, sources, ret));
	return ul_difference_since(ret, &begin, since_ns);
}

struct ul_error *ul_cmd_exact_trace(const struct ul_cmd_context *context,
				    const struct ul_machine *machine,
				    const struct ul_ledger *ledger, struct ul_trace *ret)
{
	const unsigned int sources = trace_sources(context);
	UL_TRY(check_filters(&context->options));
	if (!sources)
		return none_usable(context, allowed(context->options.engine));
	if (context->options.for_ns)
		UL_TRY(read_twice(context, ledger, sources, ret));
	else
		UL_TRY(read_sources(context, ledger, sources, ret));
	ul_difference_prune(ret);
	filter_sizes(&context->options, ret);
	locate_pages(machine, ret);
	if (!ret->begin_ns)
		ret->begin_ns = ret->end_ns = ul_cmd_now_ns();
	return NULL;
}
