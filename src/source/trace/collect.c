// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the kernel's tables to a struct ul_trace: what is live is read once, sorted by site, and
 * folded; the books of every site are made to balance, and what the programs could not record
 * becomes losses.
 *
 * Each site has raw counts of its records, and each record stands for as many objects as the share
 * of addresses at its time says (struct ult_live). The books of the records must balance: stored =
 * erased + missed + live + dropped, but for events in flight on another CPU while the mode changed;
 * those are counted as a loss, and what is gone without a trace is put under `missed`. Objects are
 * sums of weights: freed, live and missed are counted, allocated is their sum.
 */
#include "source/trace/control.h"
#include "source/trace/tracer.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "source/trace/freed.h"
#include "source/trace/hidden.h"
#include "source/trace/trace_skeleton.h"

/** 95 % of a normal distribution lie within so many deviations. */
static const double z95 = 1.96;

/** One live allocation with its key, as read from a table. */
struct entry {
	uint64_t key;
	struct ult_live live;
	enum ul_allocator allocator;
};

struct comm_entry {
	uint32_t id;
	char comm[ULT_COMM];
};

struct tables {
	UL_VEC(struct entry) live;
	UL_VEC(struct comm_entry) comms; /**< by id */
	uint64_t nameless;		 /**< live allocations whose comm had no room */
	struct ul_freed freed;
};

static void tables_deinit(struct tables *tables)
{
	ul_vec_deinit(&tables->live);
	ul_vec_deinit(&tables->comms);
	ul_freed_deinit(&tables->freed);
}

static int by_id(const void *left, const void *right)
{
	const struct comm_entry *a = left;
	const struct comm_entry *b = right;
	return a->id < b->id ? -1 : a->id > b->id;
}

static struct ul_error *read_comms(const struct trace_bpf *skeleton, struct tables *tables)
{
	const int fd = bpf_map__fd(skeleton->maps.comms);
	__u32 key = 0;
	__u32 next;
	for (bool first = true; !bpf_map_get_next_key(fd, first ? NULL : &key, &next);
	     first = false) {
		key = next;
		struct comm_entry *entry = ul_vec_add(&tables->comms);
		if (!entry)
			return &ul_enomem;
		entry->id = key;
		if (bpf_map_lookup_elem(fd, &key, entry->comm))
			entry->comm[0] = '\0';
	}
	if (tables->comms.len)
		qsort(tables->comms.data, tables->comms.len, sizeof(*tables->comms.data), by_id);
	return NULL;
}

static const char *comm_of(const void *context, uint32_t id)
{
	const struct tables *tables = context;
	const struct comm_entry wanted = {.id = id};
	const struct comm_entry *found = tables->comms.len
						 ? bsearch(&wanted, tables->comms.data,
							   tables->comms.len, sizeof(wanted), by_id)
						 : NULL;
	return found ? found->comm : "?";
}

static bool bucket_has(const struct ult_bucket *bucket, uint64_t key)
{
	for (int i = 0; i < ULT_BUCKET_SLOTS; i++)
		if (bucket->keys[i] == key)
			return true;
	return false;
}

/**
 * An address in its second bucket whose first bucket has it too was recorded twice: the older
 * record, in the second, is of an object whose free was not seen.
 */
static bool is_stale(const struct ul_mapped *mapped, size_t at, uint64_t key)
{
	const struct ult_bucket *buckets = mapped->data;
	const __u32 first = ult_first_bucket(ult_hash(key), (__u32)mapped->count);
	return at != first && bucket_has(&buckets[first], key);
}

/** Highest level since the record was made: it stands for two to the power of that. */
static unsigned int level_of(const struct ul_tracer *tracer, const struct ult_live *live)
{
	return tracer->skeleton->bss->level_since[live->epoch];
}

static uint64_t weight_of(const struct ul_tracer *tracer, const struct ult_live *live)
{
	return UINT64_C(1) << level_of(tracer, live);
}

static struct ul_error *read_live(const struct ul_tracer *tracer, enum ul_allocator allocator,
				  struct tables *tables)
{
	const struct ul_mapped *mapped = &tracer->live[allocator];
	const struct ult_bucket *buckets = mapped->data;
	struct ult_site *sites = tracer->sites.data;
	for (size_t at = 0; at < mapped->count; at++) {
		for (int i = 0; i < ULT_BUCKET_SLOTS; i++) {
			const uint64_t key = buckets[at].keys[i];
			const struct ult_live live = buckets[at].live[i];
			if (!key || live.site >= tracer->sites.count)
				continue;
			if (!ult_in_share(ult_hash(key), level_of(tracer, &live))) {
				tracer->dropped[live.site]++;
				continue;
			}
			if (is_stale(mapped, at, key)) {
				sites[live.site].missed++;
				sites[live.site].missed_extra += weight_of(tracer, &live) - 1;
				continue;
			}
			struct entry *entry = ul_vec_add(&tables->live);
			if (!entry)
				return &ul_enomem;
			*entry = (struct entry){key, live, allocator};
		}
	}
	return NULL;
}

static struct ul_error *read_tables(const struct ul_tracer *tracer, struct tables *tables)
{
	UL_TRY(read_live(tracer, UL_ALLOCATOR_SLAB, tables));
	UL_TRY(read_live(tracer, UL_ALLOCATOR_PAGES, tables));
	UL_TRY(read_live(tracer, UL_ALLOCATOR_PERCPU, tables));
	UL_TRY(read_live(tracer, UL_ALLOCATOR_VMALLOC, tables));
	UL_TRY(ul_freed_read(tracer, &tables->freed));
	return read_comms(tracer->skeleton, tables);
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/**
 * Order the entries by site: a counting sort, since a million of them is a usual number.
 * @p ret_ends [sites]: where each site's entries end.
 */
static struct ul_error *sort_by_site(struct tables *tables, size_t sites, size_t *ret_ends)
{
	const size_t count = tables->live.len;
	struct entry *sorted = reallocarray(NULL, count ? count : 1, sizeof(*sorted));
	if (!sorted)
		return &ul_enomem;
	memset(ret_ends, 0, sites * sizeof(*ret_ends));
	ul_vec_foreach (entry, &tables->live)
		ret_ends[entry->live.site]++;
	size_t begin = 0;
	for (size_t i = 0; i < sites; i++) {
		const size_t n = ret_ends[i];
		ret_ends[i] = begin;
		begin += n;
	}
	ul_vec_foreach (entry, &tables->live)
		sorted[ret_ends[entry->live.site]++] = *entry;
	free(tables->live.data);
	tables->live.data = sorted;
	tables->live.cap = count ? count : 1;
	return NULL;
}

/** Reorder so that entries[n] is what sorting by age would put there, older ones before it. */
static void select_by_age(struct entry *entries, size_t count, size_t n)
{
	size_t low = 0;
	size_t high = count;
	while (high - low > 1) {
		// The lower middle: with the upper one, two entries in order would never be split.
		const uint32_t pivot = entries[low + (high - low - 1) / 2].live.time;
		size_t i = low;
		size_t j = high - 1;
		for (;;) {
			while (entries[i].live.time < pivot)
				i++;
			while (entries[j].live.time > pivot)
				j--;
			if (i >= j)
				break;
			const struct entry other = entries[i];
			entries[i++] = entries[j];
			entries[j--] = other;
		}
		if (n <= j)
			high = j + 1;
		else
			low = j + 1;
	}
}

static int by_age(const void *left, const void *right)
{
	const struct entry *a = left;
	const struct entry *b = right;
	return compare_u64(a->live.time, b->live.time);
}

/** CLOCK_MONOTONIC of an allocation. */
static int64_t time_of(const struct ul_tracer *tracer, const struct entry *entry)
{
	return tracer->record_ns + (int64_t)entry->live.time * tracer->skeleton->rodata->tick_ns;
}

static int most_objects(const void *left, const void *right)
{
	const struct ul_site_process *a = left;
	const struct ul_site_process *b = right;
	return compare_u64(b->objects, a->objects);
}

/** The process of @p comm_id, made if new; sites have few of them, so a list will do. */
static struct ul_site_process *process_of(struct ul_site *site, struct tables *tables,
					  uint32_t comm_id, pid_t pid)
{
	const char *comm = comm_of(tables, comm_id);
	ul_vec_foreach (process, &site->processes)
		if (!strncmp(process->comm, comm, sizeof(process->comm)))
			return process;
	struct ul_site_process *process = ul_vec_add(&site->processes);
	if (process) {
		process->pid = pid;
		ul_text_copy(process->comm, sizeof(process->comm), comm);
	}
	return process;
}

/** The processes of one site; several pids of one comm are folded. */
static struct ul_error *fill_processes(const struct ul_tracer *tracer, struct ul_site *site,
				       struct tables *tables, const struct entry *entries,
				       size_t count)
{
	struct ul_site_process *last = NULL;
	if (!tracer->skeleton->rodata->with_processes)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const struct ult_live *live = &entries[i].live;
		if (!last || entries[i - 1].live.comm_id != live->comm_id)
			last = process_of(site, tables, live->comm_id, (pid_t)live->pid);
		if (!last)
			return &ul_enomem;
		last->objects += weight_of(tracer, live);
		if (last->pid != (pid_t)live->pid)
			last->pid = 0;
		tables->nameless += *last->comm == '?';
	}
	if (site->processes.len)
		qsort(site->processes.data, site->processes.len, sizeof(*site->processes.data),
		      most_objects);
	return NULL;
}

_Static_assert((int)UL_AGE_CLASSES == (int)ULT_AGE_CLASSES &&
		       (int)UL_AGE_SHIFT == (int)ULT_AGE_SHIFT,
	       "classes of age are those of the model");

/** Ages and examples of one site. Re-orders @p entries by age. */
static struct ul_error *fill_ages(struct ul_tracer *tracer, struct ul_site *site,
				  const struct tables *tables, struct entry *entries, size_t count,
				  int64_t now_ns)
{
	for (size_t i = 0; i < count; i++)
		site->ages.live[ul_age_class(now_ns - time_of(tracer, &entries[i]))]++;
	if (!count)
		return NULL;
	select_by_age(entries, count, count / 2);
	site->age_p50_s = (double)(now_ns - time_of(tracer, &entries[count / 2])) / UL_NS_PER_S;
	// While draining nothing is recorded: what is live then has survived.
	if (!tracer->drain_ns)
		return NULL;
	site->survivors = site->live;
	const size_t examples = count < tracer->max_examples ? count : tracer->max_examples;
	if (examples < count)
		select_by_age(entries, count, examples);
	qsort(entries, examples, sizeof(*entries), by_age);
	for (size_t i = 0; i < examples; i++) {
		struct ul_allocation *example = ul_vec_add(&site->examples);
		if (!example)
			return &ul_enomem;
		*example = (struct ul_allocation){
			.key = entries[i].key,
			.bytes = site->object_bytes,
			.time_ns = time_of(tracer, &entries[i]),
			.pid = (pid_t)entries[i].live.pid,
			.survivor = true,
		};
		ul_text_copy(example->comm, sizeof(example->comm),
			     comm_of(tables, entries[i].live.comm_id));
	}
	return NULL;
}

/**
 * Live objects and the +- of their number. Each was in the share of weight w with a chance of 1/w,
 * so the sum of weights is unbiased (Horvitz and Thompson) and its variance is the sum of w(w - 1).
 * Of few records a normal interval holds too little: this is the upper end of the score interval,
 * which solves |n - Np| = z sqrt(Np(1-p)) for N.
 */
static void weigh_live(const struct ul_tracer *tracer, struct ul_site *site,
		       const struct entry *entries, size_t count)
{
	double variance = 0;
	double largest = 0;
	site->live = 0;
	for (size_t i = 0; i < count; i++) {
		const uint64_t weight = weight_of(tracer, &entries[i].live);
		site->live += weight;
		variance += (double)weight * (double)(weight - 1);
		largest = fmax(largest, (double)(weight - 1));
	}
	const double half = z95 * z95 * largest / 2;
	site->survivors_error = half + sqrt(half * half + z95 * z95 * variance);
}

/**
 * The +- of what was freed. Not records were drawn but addresses, and one address is used again and
 * again, so records do not say how far their sum can be believed. Addresses fall into eight groups,
 * each a sample of its own: how far their sums lie apart says it (random groups, Student's t for
 * seven degrees of freedom). Records that stand for themselves alone are in no group and certain.
 */
static void weigh_freed(struct ul_site *site, const struct ult_ages *ages)
{
	static const double t95 = 2.365;
	double sum = 0;
	double squares = 0;
	for (size_t i = 0; i < ULT_GROUPS; i++)
		sum += (double)ages->groups[i];
	for (size_t i = 0; i < ULT_GROUPS; i++) {
		const double off = (double)ages->groups[i] - sum / ULT_GROUPS;
		squares += off * off;
	}
	site->freed_error = t95 * sqrt(squares * ULT_GROUPS / (ULT_GROUPS - 1));
	site->allocated_error = site->freed_error + site->survivors_error;
}

static void fill_bytes(struct ul_site *site)
{
	site->allocated_bytes = site->allocated * site->object_bytes;
	site->freed_bytes = site->freed * site->object_bytes;
	site->live_bytes = site->live * site->object_bytes - site->hole_bytes;
	site->survivor_bytes = site->survivors == site->live ? site->live_bytes
							     : site->survivors * site->object_bytes;
}

/** Name of the kmalloc cache that serves this size and these flags; Linux mm/slab_common.c. */
static bool guess_kmalloc_cache(const struct ult_site *raw, char *name, size_t size)
{
	const __u32 bytes = raw->object_bytes;
	const __u16 class = raw->key.gfp_class;
	if (!bytes)
		return false;
	const char *family = class & ULT_GFP_DMA	   ? "dma-"
			     : class & ULT_GFP_RECLAIMABLE ? "rcl-"
			     : class & ULT_GFP_ACCOUNT	   ? "cg-"
							   : "";
	if (bytes >= 1024 && bytes % 1024 == 0)
		snprintf(name, size, "kmalloc-%s%" PRIu32 "k", family, bytes / 1024);
	else
		snprintf(name, size, "kmalloc-%s%" PRIu32, family, bytes);
	return true;
}

static struct ul_error *fill_cache(struct ul_site *site, const struct ult_site *raw,
				   __u32 kmalloc_cache_max)
{
	char name[ULT_CACHE_NAME] = "";
	if (site->allocator != UL_ALLOCATOR_SLAB)
		return NULL;
	if (raw->cache_name[0]) {
		ul_text_copy(name, sizeof(name), raw->cache_name);
	} else if (raw->object_bytes > kmalloc_cache_max) {
		ul_text_copy(name, sizeof(name), "kmalloc-large");
	} else if (guess_kmalloc_cache(raw, name, sizeof(name))) {
		site->cache_guessed = true;
	}
	return !name[0] || ul_text_set(&site->cache, name) ? NULL : &ul_enomem;
}

/** Return addresses of the stack; or the call site alone when there is no stack. */
static struct ul_error *fill_stack(const struct ul_tracer *tracer, struct ul_site *site,
				   const struct ult_site *raw)
{
	const struct ult_part *parts = tracer->parts.data;
	uint64_t addresses[ULT_STACK_FRAMES] = {0};
	for (size_t i = 0; i < ULT_STACK_PARTS; i++) {
		const __u32 part = raw->parts[i];
		if (!part || part > tracer->parts.count)
			break;
		memcpy(addresses + i * ULT_PART_FRAMES, parts[part - 1].frames, sizeof(*parts));
	}
	if (!addresses[0])
		addresses[0] = raw->key.call_site;
	for (size_t i = 0; i < ULT_STACK_FRAMES && addresses[i]; i++) {
		struct ul_frame *frame = ul_vec_add(&site->stack.frames);
		if (!frame)
			return &ul_enomem;
		frame->kaddr = addresses[i];
	}
	return NULL;
}

/** Balance the records, then the objects; returns how many events were in flight. */
static uint64_t balance(struct ul_site *site, const struct ult_site *raw, uint64_t live,
			uint64_t dropped)
{
	const uint64_t ended = raw->erased + raw->missed + live + dropped;
	const uint64_t gone = raw->stored > ended ? raw->stored - ended : 0;
	site->missed += gone;
	site->allocated = site->freed + site->live + site->missed;
	return gone ? gone : ended - raw->stored;
}

/** What is gone already of blocks of pages that are freed in parts. */
static void fill_holes(const struct ul_tracer *tracer, struct ul_site *site,
		       const struct entry *entries, size_t count)
{
	for (size_t i = 0; site->allocator == UL_ALLOCATOR_PAGES && i < count; i++) {
		const uint64_t gone = ul_freed_hole_bytes(tracer, entries[i].key);
		site->hole_bytes += (gone < site->object_bytes ? gone : site->object_bytes) *
				    weight_of(tracer, &entries[i].live);
	}
}

static struct ul_error *make_site(struct ul_tracer *tracer, struct tables *tables,
				  const struct ult_site *raw, struct entry *entries, size_t count,
				  struct ul_trace *trace, uint64_t *in_flight)
{
	const struct ult_site *sites = tracer->sites.data;
	struct ul_site *site = ul_vec_add(&trace->sites);
	if (!site)
		return &ul_enomem;
	*site = (struct ul_site){
		.allocator = (enum ul_allocator)raw->key.allocator,
		.call_site = raw->key.call_site,
		.object_bytes = raw->object_bytes,
		.freed = raw->erased + raw->erased_extra,
		.missed = raw->missed + raw->missed_extra,
		.age_p50_s = NAN,
	};
	weigh_live(tracer, site, entries, count);
	*in_flight += balance(site, raw, count, tracer->dropped[raw - sites]);
	const uint64_t ends = site->freed + site->missed;
	site->trust = ends ? (double)site->freed / (double)ends : 1;
	const struct ult_ages *ages = tracer->ages.data;
	weigh_freed(site, &ages[raw - sites]);
	for (size_t i = 0; i < UL_AGE_CLASSES; i++)
		site->ages.freed[i] = ages[raw - sites].freed[i];
	UL_TRY(fill_processes(tracer, site, tables, entries, count));
	fill_holes(tracer, site, entries, count);
	UL_TRY(ul_freed_fill(tracer, &tables->freed, (uint32_t)(raw - sites), comm_of, tables,
			     site));
	UL_TRY(fill_ages(tracer, site, tables, entries, count, ul_tracer_now_ns(CLOCK_MONOTONIC)));
	fill_bytes(site);
	trace->events += site->allocated + site->freed;
	UL_TRY(fill_cache(site, raw, tracer->skeleton->rodata->kmalloc_cache_max));
	return fill_stack(tracer, site, raw);
}

static int most_survivor_bytes(const void *left, const void *right)
{
	const struct ul_site *a = left;
	const struct ul_site *b = right;
	if (a->survivor_bytes != b->survivor_bytes)
		return compare_u64(b->survivor_bytes, a->survivor_bytes);
	return compare_u64(b->live_bytes, a->live_bytes);
}

static struct ul_error *make_sites(struct ul_tracer *tracer, struct tables *tables,
				   struct ul_trace *trace)
{
	const struct ult_site *sites = tracer->sites.data;
	size_t *ends UL_CLEANUP_FREE = reallocarray(NULL, tracer->sites.count, sizeof(*ends));
	uint64_t in_flight = 0;
	size_t at = 0;
	if (!ends)
		return &ul_enomem;
	UL_TRY(sort_by_site(tables, tracer->sites.count, ends));
	for (size_t index = 0; index < tracer->sites.count; index++) {
		const struct ult_site *raw = &sites[index];
		const size_t end = ends[index];
		// A site that stands for its call site only (the filter's answer) has counted
		// nothing.
		if (raw->stored || raw->erased || raw->missed || end > at)
			UL_TRY(make_site(tracer, tables, raw, tables->live.data + at, end - at,
					 trace, &in_flight));
		at = end;
	}
	if (tracer->level_most > tracer->level_least)
		UL_TRY(ul_losses_add(&trace->losses, UL_BIAS_NONE, 0,
				     "the share of addresses that was recorded went from 1/%u to "
				     "1/%u%s: counts carry larger errors",
				     1U << tracer->level_least, 1U << tracer->level_most,
				     tracer->tightened_for_room ? " because a table was filling up"
								: " to keep the budget"));
	if (in_flight)
		UL_TRY(ul_losses_add(&trace->losses, UL_BIAS_UNKNOWN, in_flight,
				     "events in flight when recording started or stopped"));
	if (tables->nameless)
		UL_TRY(ul_losses_add(&trace->losses, UL_BIAS_NONE, tables->nameless,
				     "process names not stored: more than 8,192 of them"));
	if (trace->sites.len)
		qsort(trace->sites.data, trace->sites.len, sizeof(*trace->sites.data),
		      most_survivor_bytes);
	return NULL;
}

static struct ul_error *add_counter_losses(const struct ul_tracer *tracer, struct ul_losses *losses)
{
	static const struct {
		enum ult_counter counter;
		enum ul_bias bias;
		const char *what;
	} table[] = {
		{ULT_LIVE_FULL, UL_BIAS_UNDER,
		 "allocations not recorded: the table of live allocations was full there"},
		{ULT_SITE_FULL, UL_BIAS_UNDER,
		 "allocations not recorded: the table of sites was full"},
		{ULT_SITE_CLASH, UL_BIAS_UNDER, "allocations not recorded: two sites share a hash"},
		{ULT_STACK_FAILED, UL_BIAS_NONE,
		 "stacks that could not be walked: those allocations have their call site only"},
		{ULT_STACK_FULL, UL_BIAS_NONE,
		 "stacks cut, or not stored: the table of their frames was full"},
		{ULT_PAGES_SPLIT, UL_BIAS_OVER,
		 "parts of page blocks freed, counted as live: too many blocks are freed in parts"},
		{ULT_FREED_FULL, UL_BIAS_NONE,
		 "frees whose path was not kept: the table of free paths was full"},
		{ULT_BULK_LONG, UL_BIAS_UNKNOWN,
		 "bulk calls with more than 1,024 objects: those beyond were not looked at"},
		{ULT_CALL_LOST, UL_BIAS_UNDER,
		 "calls that an interrupt called again before they ended: their result was not "
		 "seen"},
		{ULT_CACHE_UNREAD, UL_BIAS_NONE,
		 "call sites whose slab cache was derived from size and flags, not read"},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(table); i++) {
		const uint64_t count = ul_tracer_counter(tracer, table[i].counter);
		if (count)
			UL_TRY(ul_losses_add(losses, table[i].bias, count, "%s", table[i].what));
	}
	// One in so many was walked to compare.
	const uint64_t stale = ul_tracer_counter(tracer, ULT_STACK_STALE);
	return stale ? ul_losses_add(losses, UL_BIAS_UNKNOWN, stale * ULT_KNOWN_CHECK,
				     "stacks taken for others that were known (an estimate)")
		     : NULL;
}

/** recursion_misses: events that came while the same program ran on that CPU (Linux v5.12). */
static struct ul_error *add_missed_losses(const struct ul_tracer *tracer, struct ul_losses *losses)
{
	struct bpf_program *program = NULL;
	while ((program = bpf_object__next_program(tracer->skeleton->obj, program))) {
		const int fd = bpf_program__fd(program);
		struct bpf_prog_info info = {0};
		__u32 len = sizeof(info);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) || !info.recursion_misses)
			continue;
		const char *name = bpf_program__name(program);
		const bool frees = strstr(name, "free") != NULL;
		UL_TRY(ul_losses_add(losses, frees ? UL_BIAS_OVER : UL_BIAS_UNDER,
				     info.recursion_misses,
				     "%s events missed: they came while another was handled",
				     name + (name[2] == 'k' ? strlen("ulk_") : strlen("ul_"))));
	}
	return NULL;
}

struct ul_error *ul_tracer_collect(struct ul_tracer *tracer, struct ul_trace *ret)
{
	ul_control_stop(tracer);
	ul_tracer_off(tracer);
	const int64_t end_ns = ul_tracer_now_ns(CLOCK_MONOTONIC);
	const int64_t recorded_until = tracer->drain_ns ? tracer->drain_ns : end_ns;
	UL_CLEANUP_TRACE struct ul_trace trace = {
		.engine = "bpf",
		.window_s = (double)(recorded_until - tracer->record_ns) / UL_NS_PER_S,
		.drain_s = tracer->drain_ns ? (double)(end_ns - tracer->drain_ns) / UL_NS_PER_S : 0,
		.begin_ns = tracer->begin_boottime_ns,
		.end_ns = tracer->drain_ns ? tracer->end_boottime_ns
					   : ul_tracer_now_ns(CLOCK_BOOTTIME),
		.share = ul_tracer_share(tracer),
		.cost = tracer->cost,
		.memory_bytes = ul_tracer_memory_bytes(tracer),
	};
	UL_CLEANUP(tables_deinit) struct tables tables = {0};
	usleep(10 * 1000); // programs that were running when the mode changed
	UL_TRY(read_tables(tracer, &tables));
	UL_TRY(make_sites(tracer, &tables, &trace));
	UL_TRY(add_counter_losses(tracer, &trace.losses));
	UL_TRY(add_missed_losses(tracer, &trace.losses));
	UL_TRY(ul_hidden_losses(tracer, &trace.losses));
	*ret = trace;
	trace = (struct ul_trace){0};
	return NULL;
}
