// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the kernel's tables to a struct ul_trace: what is live is read once, sorted by site, and
 * folded; the books of every site are made to balance, and what the programs could not record
 * becomes losses.
 *
 * A site's `allocated` counts what was recorded, so allocated = freed + live + missed holds but for
 * events in flight on another CPU while the mode changed; those few are put under `missed`, or
 * taken off it, and counted as a loss when they are more than the CPUs explain.
 */
#include "source/trace/tracer.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wnull-dereference"
#include "trace.skel.h"
#pragma GCC diagnostic pop

/** One live allocation with its key, as read from a table. */
struct entry {
	uint64_t key;
	struct ult_live live;
	enum ul_allocator allocator;
};

struct site_entry {
	uint64_t hash;
	struct ult_site site;
};

struct tables {
	UL_VEC(struct entry) live;
	UL_VEC(struct site_entry) sites;
};

static void tables_deinit(struct tables *tables)
{
	ul_vec_deinit(&tables->live);
	ul_vec_deinit(&tables->sites);
}

enum { BATCH = 4096 };

/** Called with each element of a map. */
typedef struct ul_error *element_fn(void *context, uint64_t key, const void *value);

static struct ul_error *each_by_one(int fd, const char *what, void *value, element_fn *call,
				    void *context)
{
	uint64_t key = 0;
	uint64_t next;
	for (bool first = true; !bpf_map_get_next_key(fd, first ? NULL : &key, &next);
	     first = false) {
		key = next;
		if (!bpf_map_lookup_elem(fd, &key, value))
			UL_TRY(call(context, key, value));
	}
	if (errno != ENOENT)
		return ul_error_os(errno, "reading the table of %s", what);
	return NULL;
}

/** Read a whole hash map with 64-bit keys, in batches (Linux v5.6) or one by one. */
static struct ul_error *each_element(const struct bpf_map *map, const char *what, element_fn *call,
				     void *context)
{
	const int fd = bpf_map__fd(map);
	const size_t value_bytes = bpf_map__value_size(map);
	UL_CLEANUP_FREE uint64_t *keys = calloc(BATCH, sizeof(*keys));
	UL_CLEANUP_FREE char *values = calloc(BATCH, value_bytes);
	if (!keys || !values)
		return &ul_enomem;
	__u64 position = 0;
	for (bool first = true;; first = false) {
		__u32 count = BATCH;
		const int failed = bpf_map_lookup_batch(fd, first ? NULL : &position, &position,
							keys, values, &count, NULL);
		if (failed && errno != ENOENT) {
			if (first)
				return each_by_one(fd, what, values, call, context);
			return ul_error_os(errno, "reading the table of %s", what);
		}
		for (__u32 i = 0; i < count; i++)
			UL_TRY(call(context, keys[i], values + (size_t)i * value_bytes));
		if (failed)
			return NULL; // ENOENT: that was the last batch
	}
}

struct live_context {
	struct tables *tables;
	enum ul_allocator allocator;
};

static struct ul_error *add_live(void *context, uint64_t key, const void *value)
{
	const struct live_context *to = context;
	struct entry *entry = ul_vec_add(&to->tables->live);
	if (!entry)
		return &ul_enomem;
	entry->key = key;
	entry->allocator = to->allocator;
	memcpy(&entry->live, value, sizeof(entry->live));
	return NULL;
}

static struct ul_error *add_site(void *context, uint64_t key, const void *value)
{
	struct tables *tables = context;
	struct site_entry *entry = ul_vec_add(&tables->sites);
	if (!entry)
		return &ul_enomem;
	entry->hash = key;
	memcpy(&entry->site, value, sizeof(entry->site));
	return NULL;
}

static struct ul_error *read_tables(const struct trace_bpf *skeleton, struct tables *tables)
{
	const struct {
		const struct bpf_map *map;
		enum ul_allocator allocator;
		const char *what;
	} live[] = {
		{skeleton->maps.slab_live, UL_ALLOCATOR_SLAB, "live slab objects"},
		{skeleton->maps.page_live, UL_ALLOCATOR_PAGES, "live pages"},
		{skeleton->maps.percpu_live, UL_ALLOCATOR_PERCPU, "live percpu areas"},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(live); i++) {
		struct live_context context = {tables, live[i].allocator};
		UL_TRY(each_element(live[i].map, live[i].what, add_live, &context));
	}
	return each_element(skeleton->maps.sites, "sites", add_site, tables);
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_hash(const void *left, const void *right)
{
	const struct site_entry *a = left;
	const struct site_entry *b = right;
	return compare_u64(a->hash, b->hash);
}

/** By site, then by comm and pid, so that processes are runs. */
static int by_site_and_process(const void *left, const void *right)
{
	const struct entry *a = left;
	const struct entry *b = right;
	int order = compare_u64(a->live.site, b->live.site);
	if (!order)
		order = memcmp(a->live.comm, b->live.comm, sizeof(a->live.comm));
	if (!order)
		order = compare_u64(a->live.pid, b->live.pid);
	return order;
}

static int by_age(const void *left, const void *right)
{
	const struct entry *a = left;
	const struct entry *b = right;
	return compare_u64(a->live.time_ns, b->live.time_ns);
}

static int most_objects(const void *left, const void *right)
{
	const struct ul_site_process *a = left;
	const struct ul_site_process *b = right;
	return compare_u64(b->objects, a->objects);
}

/** The processes of one site out of its sorted entries; several pids of one comm are folded. */
static struct ul_error *fill_processes(struct ul_site *site, const struct entry *entries,
				       size_t count)
{
	struct ul_site_process *last = NULL;
	for (size_t i = 0; i < count; i++) {
		const struct ult_live *live = &entries[i].live;
		if (last && !memcmp(last->comm, live->comm, sizeof(last->comm))) {
			last->objects++;
			if (last->pid != (pid_t)live->pid)
				last->pid = 0;
			continue;
		}
		last = ul_vec_add(&site->processes);
		if (!last)
			return &ul_enomem;
		*last = (struct ul_site_process){.pid = (pid_t)live->pid, .objects = 1};
		memcpy(last->comm, live->comm, sizeof(last->comm));
		last->comm[sizeof(last->comm) - 1] = '\0';
	}
	if (site->processes.len)
		qsort(site->processes.data, site->processes.len, sizeof(*site->processes.data),
		      most_objects);
	return NULL;
}

/** Ages, survivors and examples of one site. Re-orders @p entries by age. */
static struct ul_error *fill_ages(struct ul_tracer *tracer, struct ul_site *site,
				  struct entry *entries, size_t count, int64_t now_ns)
{
	if (!count)
		return NULL;
	qsort(entries, count, sizeof(*entries), by_age);
	site->age_p50_s = (double)(now_ns - (int64_t)entries[count / 2].live.time_ns) / UL_NS_PER_S;
	for (size_t i = 0; i < count; i++) {
		const struct entry *entry = &entries[i];
		const bool survivor =
			tracer->drain_ns && (int64_t)entry->live.time_ns <= tracer->drain_ns;
		site->survivors += survivor;
		if (!survivor || site->examples.len >= tracer->max_examples)
			continue;
		struct ul_allocation *example = ul_vec_add(&site->examples);
		if (!example)
			return &ul_enomem;
		*example = (struct ul_allocation){
			.key = entry->key,
			.bytes = site->object_bytes,
			.time_ns = (int64_t)entry->live.time_ns,
			.pid = (pid_t)entry->live.pid,
			.survivor = true,
		};
		memcpy(example->comm, entry->live.comm, sizeof(example->comm));
		example->comm[sizeof(example->comm) - 1] = '\0';
	}
	site->survivor_bytes = site->survivors * site->object_bytes;
	return NULL;
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
	uint64_t addresses[ULT_STACK_FRAMES] = {0};
	if (raw->key.stack_id >= 0) {
		const __u32 id = (__u32)raw->key.stack_id;
		if (bpf_map_lookup_elem(bpf_map__fd(tracer->skeleton->maps.stacks), &id, addresses))
			addresses[0] = 0;
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

/** Make allocated = freed + live + missed; returns how many events were in flight. */
static uint64_t balance(struct ul_site *site)
{
	const uint64_t ended = site->freed + site->live;
	const uint64_t missed = site->allocated > ended ? site->allocated - ended : 0;
	const uint64_t before = site->missed;
	if (site->allocated < ended)
		site->allocated = ended;
	site->missed = missed;
	return missed > before ? missed - before : before - missed;
}

static struct ul_error *make_site(struct ul_tracer *tracer, const struct ult_site *raw,
				  struct entry *entries, size_t count, int64_t now_ns,
				  struct ul_trace *trace, uint64_t *in_flight)
{
	struct ul_site *site = ul_vec_add(&trace->sites);
	if (!site)
		return &ul_enomem;
	*site = (struct ul_site){
		.allocator = (enum ul_allocator)raw->key.allocator,
		.call_site = raw->key.call_site,
		.object_bytes = raw->object_bytes,
		.allocated = raw->allocated,
		.freed = raw->freed,
		.missed = raw->missed,
		.live = count,
		.age_p50_s = NAN,
	};
	*in_flight += balance(site);
	site->allocated_bytes = site->allocated * site->object_bytes;
	site->freed_bytes = site->freed * site->object_bytes;
	site->live_bytes = site->live * site->object_bytes;
	const uint64_t ends = site->freed + site->missed;
	site->trust = ends ? (double)site->freed / (double)ends : 1;
	UL_TRY(fill_processes(site, entries, count));
	UL_TRY(fill_ages(tracer, site, entries, count, now_ns));
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
	if (!tables->sites.len)
		return NULL;
	qsort(tables->sites.data, tables->sites.len, sizeof(*tables->sites.data), by_hash);
	if (tables->live.len)
		qsort(tables->live.data, tables->live.len, sizeof(*tables->live.data),
		      by_site_and_process);
	const int64_t now_ns = ul_tracer_now_ns(CLOCK_MONOTONIC);
	struct entry *entries = tables->live.data;
	size_t at = 0;
	uint64_t in_flight = 0;
	uint64_t orphans = 0;
	ul_vec_foreach (site, &tables->sites) {
		for (; at < tables->live.len && entries[at].live.site < site->hash; at++)
			orphans++;
		size_t end = at;
		while (end < tables->live.len && entries[end].live.site == site->hash)
			end++;
		UL_TRY(make_site(tracer, &site->site, entries + at, end - at, now_ns, trace,
				 &in_flight));
		at = end;
	}
	orphans += tables->live.len - at;
	if (orphans)
		UL_TRY(ul_losses_add(&trace->losses, UL_BIAS_UNDER, orphans,
				     "live allocations without a site"));
	if (in_flight)
		UL_TRY(ul_losses_add(&trace->losses, UL_BIAS_UNKNOWN, in_flight,
				     "events in flight when recording started or stopped"));
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
		 "allocations not recorded: the table of live allocations was full"},
		{ULT_LIVE_BUSY, UL_BIAS_UNDER, "allocations not recorded: their table was busy"},
		{ULT_SITE_FULL, UL_BIAS_UNDER,
		 "allocations not recorded: the table of sites was full"},
		{ULT_SITE_CLASH, UL_BIAS_UNDER, "allocations not recorded: two sites share a hash"},
		{ULT_STACK_COLLISION, UL_BIAS_NONE,
		 "stacks not stored (collision): those allocations have their call site only"},
		{ULT_STACK_FAILED, UL_BIAS_NONE,
		 "stacks not stored (not walkable, or table full): call site only"},
		{ULT_FREE_BUSY, UL_BIAS_OVER, "frees not recorded: their table was busy"},
		{ULT_PAGES_SPLIT, UL_BIAS_UNDER,
		 "page blocks freed in parts, counted as freed whole"},
		{ULT_CACHE_UNREAD, UL_BIAS_NONE,
		 "allocations whose slab cache was derived from size and flags, not read"},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(table); i++) {
		const uint64_t count = ul_tracer_counter(tracer, table[i].counter);
		if (count)
			UL_TRY(ul_losses_add(losses, table[i].bias, count, "%s", table[i].what));
	}
	return NULL;
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
				     name + strlen("ul_")));
	}
	return NULL;
}

struct ul_error *ul_tracer_collect(struct ul_tracer *tracer, struct ul_trace *ret)
{
	tracer->skeleton->bss->mode = ULT_MODE_OFF;
	const int64_t end_ns = ul_tracer_now_ns(CLOCK_MONOTONIC);
	const int64_t recorded_until = tracer->drain_ns ? tracer->drain_ns : end_ns;
	UL_CLEANUP_TRACE struct ul_trace trace = {
		.engine = "bpf",
		.window_s = (double)(recorded_until - tracer->record_ns) / UL_NS_PER_S,
		.drain_s = tracer->drain_ns ? (double)(end_ns - tracer->drain_ns) / UL_NS_PER_S : 0,
		.begin_ns = tracer->begin_boottime_ns,
		.end_ns = tracer->drain_ns ? tracer->end_boottime_ns
					   : ul_tracer_now_ns(CLOCK_BOOTTIME),
		.events = ul_tracer_events(tracer),
	};
	UL_CLEANUP(tables_deinit) struct tables tables = {0};
	UL_TRY(read_tables(tracer->skeleton, &tables));
	UL_TRY(make_sites(tracer, &tables, &trace));
	UL_TRY(add_counter_losses(tracer, &trace.losses));
	UL_TRY(add_missed_losses(tracer, &trace.losses));
	*ret = trace;
	trace = (struct ul_trace){0};
	return NULL;
}
