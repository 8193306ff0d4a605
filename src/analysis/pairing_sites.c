// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The end of pairing: from the tables to a struct ul_trace, and what cannot be known of it.
 *
 * The trust of a site is the product of what each kind of unseen free leaves of it:
 *  - freed / (freed + missed): frees that re-use proved to have gone unseen;
 *  - 0 when the trace has no free event of this allocator at all: everything looks live then;
 *  - with L of N events lost, freed x L / N more frees are to be expected among the lost: they may
 * be that share of what looks live;
 *  - objects older than the first event of the last processor may have been freed in what is
 * missing.
 */
#include "analysis/pairing_internal.h"

#include <inttypes.h>
#include <math.h>

#include "base/text.h"
#include "base/units.h"

struct finish {
	struct ul_pairing *pairing;
	const struct ul_dictionary *dictionary;
	int64_t drain_from_ns; /**< older live objects are survivors */
};

static int compare_i64(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_site_and_time(const void *left, const void *right)
{
	const struct pairing_live *a = left;
	const struct pairing_live *b = right;
	const int order = compare_i64(a->site, b->site);
	return order ? order : compare_i64(a->time_ns, b->time_ns);
}

static int by_process(const void *left, const void *right)
{
	const struct pairing_live *a = left;
	const struct pairing_live *b = right;
	const int order = compare_i64(a->comm, b->comm);
	return order ? order : compare_i64(a->pid, b->pid);
}

static int most_objects(const void *left, const void *right)
{
	const struct ul_site_process *a = left;
	const struct ul_site_process *b = right;
	return a->objects < b->objects ? 1 : a->objects > b->objects ? -1 : 0;
}

/** Keep one piece of each object at the front of @p entries; returns how many objects. */
static size_t drop_other_pieces(struct ul_pairing *pairing, struct pairing_live *entries,
				size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (entries[i].group) {
			struct pairing_group *group = &pairing->groups.data[entries[i].group - 1];
			if (group->counted)
				continue;
			group->counted = true;
		}
		entries[kept++] = entries[i];
	}
	return kept;
}

static void copy_comm(const struct finish *finish, uint32_t id, char comm[static 16])
{
	const char *name = ul_dictionary_name_of(finish->dictionary, id);
	ul_text_copy(comm, 16, name ? name : "?");
}

/** Ages, survivors and examples; @p entries are in order of time. */
static struct ul_error *fill_ages(const struct finish *finish, struct ul_site *site,
				  const struct pairing_live *entries, size_t count)
{
	const struct ul_pairing *pairing = finish->pairing;
	if (!count)
		return NULL;
	site->age_p50_s =
		(double)(pairing->last_ns - entries[count / 2].time_ns) / (double)UL_NS_PER_S;
	for (size_t i = 0; i < count; i++)
		site->ages.live[ul_age_class(pairing->last_ns - entries[i].time_ns)]++;
	for (size_t i = 0; i < count && entries[i].time_ns < finish->drain_from_ns; i++) {
		site->survivors++;
		// A hash cannot be read back, and a frame is not the address of its struct page.
		if (entries[i].hashed || site->allocator == UL_ALLOCATOR_PAGES ||
		    site->examples.len >= pairing->options.max_examples)
			continue;
		struct ul_allocation *example = ul_vec_add(&site->examples);
		if (!example)
			return &ul_enomem;
		*example = (struct ul_allocation){
			.key = entries[i].key,
			.bytes = site->object_bytes,
			.time_ns = entries[i].time_ns,
			.pid = entries[i].pid,
			.survivor = true,
		};
		copy_comm(finish, entries[i].comm, example->comm);
	}
	return NULL;
}

/** Re-orders @p entries. */
static struct ul_error *fill_processes(const struct finish *finish, struct ul_site *site,
				       struct pairing_live *entries, size_t count)
{
	if (count)
		qsort(entries, count, sizeof(*entries), by_process);
	struct ul_site_process *last = NULL;
	for (size_t i = 0; i < count; i++) {
		if (last && entries[i].comm == entries[i - 1].comm) {
			last->objects++;
			if (last->pid != entries[i].pid)
				last->pid = 0;
			continue;
		}
		last = ul_vec_add(&site->processes);
		if (!last)
			return &ul_enomem;
		*last = (struct ul_site_process){.pid = entries[i].pid, .objects = 1};
		copy_comm(finish, entries[i].comm, last->comm);
	}
	if (site->processes.len)
		qsort(site->processes.data, site->processes.len, sizeof(*site->processes.data),
		      most_objects);
	return NULL;
}

static double trust_of(const struct ul_pairing *pairing, const struct ul_site *site,
		       const struct pairing_live *entries, size_t count)
{
	if (!pairing->frees[site->allocator])
		return 0;
	const uint64_t ends = site->freed + site->missed;
	double trust = ends ? (double)site->freed / (double)ends : 1;
	if (!count)
		return trust;
	const double lost_frees =
		(double)site->freed * (double)pairing->lost / (double)pairing->events;
	trust *= fmax(0, 1 - lost_frees / (double)count);
	size_t older = 0;
	while (pairing->any_begins && older < count && entries[older].time_ns < pairing->begins_ns)
		older++;
	return trust * (1 - (double)older / (double)count);
}

static struct ul_error *make_site(const struct finish *finish, const struct pairing_site *from,
				  struct pairing_live *entries, size_t pieces,
				  struct ul_trace *trace)
{
	const size_t count = drop_other_pieces(finish->pairing, entries, pieces);
	struct ul_site *site = ul_vec_add(&trace->sites);
	if (!site)
		return &ul_enomem;
	*site = (struct ul_site){
		.allocator = from->allocator,
		.cache_guessed = from->cache_guessed,
		.object_bytes = from->bytes,
		.allocated = from->allocated,
		.freed = from->freed,
		.missed = from->missed,
		.live = count,
		.allocated_bytes = from->allocated * from->bytes,
		.freed_bytes = from->freed_bytes,
		.age_p50_s = NAN,
	};
	for (size_t i = 0; i < UL_AGE_CLASSES; i++)
		site->ages.freed[i] = from->ages[i];
	site->live_bytes = site->allocated_bytes - from->freed_bytes - from->missed_bytes;
	const uint32_t cache = from->cache ? from->cache : from->freed_cache;
	if (!ul_text_set(&site->cache, ul_dictionary_name_of(finish->dictionary, cache)))
		return &ul_enomem;
	const struct ul_stack *stack = ul_dictionary_stack_of(finish->dictionary, from->stack);
	if (stack && !ul_stack_copy(&site->stack, stack))
		return &ul_enomem;
	site->call_site = site->stack.frames.len ? site->stack.frames.data[0].kaddr : 0;
	site->trust = trust_of(finish->pairing, site, entries, count);
	UL_TRY(fill_ages(finish, site, entries, count));
	// Of an object freed in part the rest is live: bytes follow the pieces, not the objects.
	site->survivor_bytes =
		site->survivors == count ? site->live_bytes : site->survivors * site->object_bytes;
	return fill_processes(finish, site, entries, count);
}

static int most_survivor_bytes(const void *left, const void *right)
{
	const struct ul_site *a = left;
	const struct ul_site *b = right;
	if (a->survivor_bytes != b->survivor_bytes)
		return a->survivor_bytes < b->survivor_bytes ? 1 : -1;
	return a->live_bytes < b->live_bytes ? 1 : a->live_bytes > b->live_bytes ? -1 : 0;
}

static struct ul_error *make_sites(const struct finish *finish, struct ul_trace *trace)
{
	struct ul_pairing *pairing = finish->pairing;
	size_t at[ALLOCATORS] = {0};
	for (size_t i = 0; i < ALLOCATORS; i++) {
		struct pairing_table *table = &pairing->live[i];
		ul_pairing_table_compact(table);
		if (table->len)
			qsort(table->slots, table->len, sizeof(*table->slots), by_site_and_time);
	}
	for (size_t i = 0; i < pairing->sites.len; i++) {
		const struct pairing_site *site = &pairing->sites.data[i];
		struct pairing_table *table = &pairing->live[site->allocator];
		const size_t begin = at[site->allocator];
		size_t end = begin;
		while (end < table->len && table->slots[end].site == i + 1)
			end++;
		at[site->allocator] = end;
		UL_TRY(make_site(finish, site, table->slots ? table->slots + begin : NULL,
				 end - begin, trace));
	}
	if (trace->sites.len)
		qsort(trace->sites.data, trace->sites.len, sizeof(*trace->sites.data),
		      most_survivor_bytes);
	return NULL;
}

static uint64_t live_at_begin(const struct ul_pairing *pairing)
{
	uint64_t count = 0;
	for (size_t i = 0; pairing->any_begins && i < ALLOCATORS; i++)
		for (size_t k = 0; k < pairing->live[i].len; k++)
			count += pairing->live[i].slots[k].time_ns < pairing->begins_ns;
	return count;
}

static struct ul_error *add_free_losses(const struct ul_pairing *pairing, struct ul_losses *losses)
{
	static const struct {
		enum ul_allocator allocator;
		const char *what;
		const char *none;
	} table[] = {
		{UL_ALLOCATOR_SLAB, "frees of slab objects whose allocation is not in the trace",
		 "slab objects that look live: no kfree or kmem_cache_free event was recorded"},
		{UL_ALLOCATOR_PAGES, "frees of pages whose allocation is not in the trace",
		 "page blocks that look live: no mm_page_free event was recorded"},
		{UL_ALLOCATOR_PERCPU, "frees of percpu areas whose allocation is not in the trace",
		 "percpu areas that look live: no percpu_free_percpu event was recorded"},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(table); i++) {
		const enum ul_allocator allocator = table[i].allocator;
		if (pairing->unmatched[allocator] && !pairing->options.live)
			UL_TRY(ul_losses_add(losses, UL_BIAS_NONE, pairing->unmatched[allocator],
					     "%s", table[i].what));
		if (pairing->live[allocator].len && !pairing->frees[allocator])
			UL_TRY(ul_losses_add(losses, UL_BIAS_OVER, pairing->live[allocator].len,
					     "%s", table[i].none));
	}
	return NULL;
}

static struct ul_error *add_losses(const struct ul_pairing *pairing, struct ul_losses *losses)
{
	const struct {
		uint64_t count;
		enum ul_bias bias;
		const char *what;
	} table[] = {
		{pairing->lost, UL_BIAS_OVER,
		 "events lost by the recorder; a lost free looks like a leak"},
		{pairing->refused_live, UL_BIAS_UNDER,
		 "allocations not followed: too many were live"},
		{pairing->refused_sites, UL_BIAS_UNDER,
		 "allocations not followed: too many different call sites"},
		{pairing->unsplit, UL_BIAS_UNDER,
		 "page blocks freed in part, taken as freed whole for want of room"},
		{live_at_begin(pairing), UL_BIAS_OVER,
		 "objects that look live and are older than the oldest event of some processor: "
		 "its earlier events were overwritten, frees among them"},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(table); i++)
		if (table[i].count)
			UL_TRY(ul_losses_add(losses, table[i].bias, table[i].count, "%s",
					     table[i].what));
	if (pairing->lost_unknown)
		UL_TRY(ul_losses_add(losses, UL_BIAS_OVER, 0,
				     "events lost by the recorder, it does not say how many, at "
				     "%" PRIu64 " places; a lost free looks like a leak",
				     pairing->lost_unknown));
	if (pairing->any_hashed)
		UL_TRY(ul_losses_add(losses, UL_BIAS_NONE, 0,
				     "addresses: the trace has hashes of them, which pair but "
				     "cannot be looked into"));
	return add_free_losses(pairing, losses);
}

/** A tenth, 3 s at most; nothing of a trace so short that a tenth proves nothing. */
static int64_t default_drain_ns(int64_t window_ns)
{
	enum { DRAIN_MAX_S = 3, DRAIN_SHARE = 10 };
	const int64_t share_ns = window_ns / DRAIN_SHARE;
	if (window_ns < UL_NS_PER_S)
		return 0;
	return share_ns < DRAIN_MAX_S * UL_NS_PER_S ? share_ns : DRAIN_MAX_S * UL_NS_PER_S;
}

struct ul_error *ul_pairing_finish(struct ul_pairing *pairing,
				   const struct ul_dictionary *dictionary, struct ul_trace *ret)
{
	struct ul_trace trace UL_CLEANUP_TRACE = {.engine = "trace"};
	const int64_t window_ns = pairing->last_ns - pairing->first_ns;
	int64_t drain_ns = pairing->options.drain_ns;
	if (drain_ns < 0)
		drain_ns = default_drain_ns(window_ns);
	if (drain_ns > window_ns)
		drain_ns = window_ns;
	const struct finish finish = {
		.pairing = pairing,
		.dictionary = dictionary,
		// Without a drain window the very last event counts, too.
		.drain_from_ns = pairing->last_ns - drain_ns + !drain_ns,
	};
	trace.window_s = (double)(window_ns - drain_ns) / (double)UL_NS_PER_S;
	trace.drain_s = (double)drain_ns / (double)UL_NS_PER_S;
	trace.begin_ns = pairing->first_ns;
	trace.end_ns = pairing->last_ns - drain_ns;
	trace.events = pairing->events;
	UL_TRY(make_sites(&finish, &trace));
	UL_TRY(add_losses(pairing, &trace.losses));
	*ret = trace;
	trace = (struct ul_trace){0};
	return NULL;
}
