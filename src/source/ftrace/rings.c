// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ftrace/rings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/span.h"

/* Events, in which instance, and for whom. Of those a kernel does not have nothing is expected. */
static const struct {
	const char *system, *name;
	enum ul_ftrace_role role;
	unsigned int allocator; /**< 0: always */
	bool sized;		/**< can be chosen by bytes_alloc */
} events[] = {
	{"kmem", "kmalloc", UL_FTRACE_ALLOCS, UL_FTRACE_SLAB, true},
	{"kmem", "kmalloc_node", UL_FTRACE_ALLOCS, UL_FTRACE_SLAB, true},
	{"kmem", "kmem_cache_alloc", UL_FTRACE_ALLOCS, UL_FTRACE_SLAB, true},
	{"kmem", "kmem_cache_alloc_node", UL_FTRACE_ALLOCS, UL_FTRACE_SLAB, true},
	{"kmem", "mm_page_alloc", UL_FTRACE_ALLOCS, UL_FTRACE_PAGES, false},
	{"percpu", "percpu_alloc_percpu", UL_FTRACE_ALLOCS, UL_FTRACE_PERCPU, false},
	{"kmem", "kfree", UL_FTRACE_FREES, UL_FTRACE_SLAB, false},
	{"kmem", "kmem_cache_free", UL_FTRACE_FREES, UL_FTRACE_SLAB, false},
	{"kmem", "mm_page_free", UL_FTRACE_FREES, UL_FTRACE_PAGES, false},
	{"percpu", "percpu_free_percpu", UL_FTRACE_FREES, UL_FTRACE_PERCPU, false},
	{"task", "task_newtask", UL_FTRACE_FREES, 0, false},
	{"task", "task_rename", UL_FTRACE_FREES, 0, false},
};

static const char *const roles[UL_FTRACE_ROLES] = {
	[UL_FTRACE_ALLOCS] = "allocs",
	[UL_FTRACE_FREES] = "frees",
};

/** Let go of an error that only means "not on this kernel"; out of memory stays one. */
static struct ul_error *unless_memory(struct ul_error *error)
{
	if (error == &ul_enomem)
		return error;
	ul_error_destroy(error);
	return NULL;
}

static struct ul_error *learn(struct ul_ftrace_rings *rings, struct ul_ftrace_decoder *decoder,
			      const char *system, const char *name, bool *ret)
{
	char path[128];
	struct ul_buf text UL_CLEANUP_BUF = {0};
	snprintf(path, sizeof(path), "events/%s/%s/format", system, name);
	struct ul_error *error = ul_tracefs_read(rings->tracefs, path, &text);
	*ret = !error &&
	       ul_ftrace_decoder_learn(decoder, name, (struct ul_span){text.data, text.len});
	return unless_memory(error);
}

static struct ul_error *set_filter(const struct ul_instance *instance, const char *directory,
				   const char *filter)
{
	char path[160];
	snprintf(path, sizeof(path), "%s/filter", directory);
	return ul_instance_write(instance, path, filter);
}

static struct ul_error *set_size_filter(const struct ul_ftrace_options *options,
					const struct ul_instance *instance, const char *directory)
{
	char filter[128];
	const bool above = options->bytes_min > 0;
	const bool below = options->bytes_max && options->bytes_max < UINT64_MAX;
	if (above && options->bytes_min == options->bytes_max)
		snprintf(filter, sizeof(filter), "bytes_alloc==%" PRIu64, options->bytes_min);
	else if (above && below)
		snprintf(filter, sizeof(filter),
			 "bytes_alloc>=%" PRIu64 " && bytes_alloc<=%" PRIu64, options->bytes_min,
			 options->bytes_max);
	else if (above)
		snprintf(filter, sizeof(filter), "bytes_alloc>=%" PRIu64, options->bytes_min);
	else if (below)
		snprintf(filter, sizeof(filter), "bytes_alloc<=%" PRIu64, options->bytes_max);
	else
		return NULL;
	return set_filter(instance, directory, filter);
}

/** Filter and enable the events that are wanted and exist. */
static struct ul_error *choose_events(const struct ul_ftrace_options *options,
				      struct ul_ftrace_decoder *decoder,
				      struct ul_ftrace_rings *rings)
{
	unsigned int found[UL_FTRACE_ROLES] = {0}; // allocators
	for (size_t i = 0; i < UL_ARRAY_LEN(events); i++) {
		const struct ul_instance *instance = &rings->instances[events[i].role];
		char directory[128];
		char enable[160];
		bool known;
		if (events[i].allocator && !(events[i].allocator & options->allocators))
			continue;
		UL_TRY(learn(rings, decoder, events[i].system, events[i].name, &known));
		if (!known)
			continue;
		snprintf(directory, sizeof(directory), "events/%s/%s", events[i].system,
			 events[i].name);
		snprintf(enable, sizeof(enable), "%s/enable", directory);
		if (events[i].sized)
			UL_TRY(set_size_filter(options, instance, directory));
		// Movable and reclaimable pages belong to users and shrinkers.
		if (events[i].role == UL_FTRACE_ALLOCS && events[i].allocator == UL_FTRACE_PAGES)
			UL_TRY(set_filter(instance, directory, "migratetype==0"));
		UL_TRY(ul_instance_write(instance, enable, "1"));
		found[events[i].role] |= events[i].allocator;
	}
	if (!(found[UL_FTRACE_ALLOCS] & found[UL_FTRACE_FREES]))
		return ul_error_hint(ul_error_new(UL_ERR_UNSUPPORTED,
						  "ftrace: this kernel has none of the events "
						  "kmalloc, mm_page_alloc, percpu_alloc_percpu"),
				     "see: ullage doctor");
	bool known;
	UL_TRY(learn(rings, decoder, "ftrace", "kernel_stack", &known));
	rings->stacks = known;
	return NULL;
}

static struct ul_error *set_up(struct ul_ftrace_rings *rings, enum ul_ftrace_role role, size_t cpus,
			       uint64_t buffer_bytes)
{
	enum { LEAST_KIB = 64 };
	struct ul_instance *instance = &rings->instances[role];
	char text[32];
	UL_TRY(ul_instance_create(rings->tracefs, roles[role], instance));
	UL_TRY(ul_instance_write(instance, "tracing_on", "0"));
	UL_TRY(ul_instance_write(instance, "trace_clock", "mono"));
	// An allocation has a stack of some 20 frames behind it: three quarters are theirs.
	uint64_t kib = buffer_bytes / 1024 / (cpus ? cpus : 1) / 4;
	if (role == UL_FTRACE_ALLOCS)
		kib *= 3;
	if (kib < LEAST_KIB)
		kib = LEAST_KIB;
	snprintf(text, sizeof(text), "%" PRIu64, kib);
	UL_TRY(ul_instance_write(instance, "buffer_size_kb", text));
	if (!rings->ring_bytes || kib * 1024 < rings->ring_bytes)
		rings->ring_bytes = kib * 1024;
	return NULL;
}

static struct ul_error *open_rings(struct ul_ftrace_rings *rings,
				   const struct ul_tracefs_cpus *cpus)
{
	for (size_t i = 0; i < UL_FTRACE_ROLES; i++) {
		ul_vec_foreach (cpu, &cpus->numbers) {
			int fd;
			UL_TRY(ul_instance_open_ring(&rings->instances[i], *cpu, &fd));
			struct ul_ftrace_ring *ring = ul_vec_add(&rings->rings);
			if (!ring) {
				close(fd);
				return &ul_enomem;
			}
			ring->role = (enum ul_ftrace_role)i;
			ring->cpu = *cpu;
			ring->fd = fd;
		}
	}
	if (!rings->rings.len)
		return ul_error_new(UL_ERR_UNSUPPORTED, "ftrace: no ring of any processor");
	return NULL;
}

static void cpus_deinit(struct ul_tracefs_cpus *cpus)
{
	ul_vec_deinit(&cpus->numbers);
}

struct ul_error *ul_ftrace_rings_open(const struct ul_ftrace_options *options,
				      struct ul_ftrace_decoder *decoder,
				      struct ul_ftrace_rings *ret)
{
	*ret = (struct ul_ftrace_rings){
		.tracefs = -1,
		.page_bytes = (size_t)sysconf(_SC_PAGESIZE),
	};
	for (size_t i = 0; i < UL_FTRACE_ROLES; i++)
		ret->instances[i].fd = -1;
	UL_TRY(ul_tracefs_open(options->sys_root, &ret->tracefs));
	ul_tracefs_stale(ret->tracefs, true);
	UL_TRY(ul_ftrace_page_learn(ret->tracefs, &ret->page));
	struct ul_tracefs_cpus cpus UL_CLEANUP(cpus_deinit) = {0};
	UL_TRY(ul_tracefs_cpus(ret->tracefs, &cpus));
	const uint64_t bytes =
		options->buffer_bytes ? options->buffer_bytes : UL_FTRACE_BUFFER_DEFAULT;
	for (size_t i = 0; i < UL_FTRACE_ROLES; i++)
		UL_TRY(set_up(ret, (enum ul_ftrace_role)i, cpus.numbers.len, bytes));
	UL_TRY(choose_events(options, decoder, ret));
	if (ret->stacks) {
		struct ul_error *error = ul_instance_write(&ret->instances[UL_FTRACE_ALLOCS],
							   "options/stacktrace", "1");
		ret->stacks = !error;
		UL_TRY(unless_memory(error));
	}
	return open_rings(ret, &cpus);
}

void ul_ftrace_rings_close(struct ul_ftrace_rings *rings)
{
	ul_vec_foreach (ring, &rings->rings)
		close(ring->fd);
	ul_vec_deinit(&rings->rings);
	for (size_t i = 0; i < UL_FTRACE_ROLES; i++)
		ul_instance_remove(&rings->instances[i]);
	if (rings->tracefs >= 0)
		close(rings->tracefs);
	rings->tracefs = -1;
}

struct ul_error *ul_ftrace_rings_switch(const struct ul_ftrace_rings *rings,
					enum ul_ftrace_role role, bool on)
{
	return ul_instance_write(&rings->instances[role], "tracing_on", on ? "1" : "0");
}

uint64_t ul_ftrace_rings_lost(const struct ul_ftrace_rings *rings, enum ul_ftrace_role role)
{
	// Linux kernel/trace/trace.c tracing_stats_read()
	static const char *const keys[] = {"overrun: ", "commit overrun: ", "dropped events: "};
	uint64_t sum = 0;
	struct ul_buf text UL_CLEANUP_BUF = {0};
	ul_vec_foreach (ring, &rings->rings) {
		char path[64];
		if (ring->role != role)
			continue;
		snprintf(path, sizeof(path), "per_cpu/cpu%" PRIu32 "/stats", ring->cpu);
		struct ul_error *error = ul_tracefs_read(rings->instances[role].fd, path, &text);
		struct ul_span rest = {text.data, error ? 0 : text.len};
		ul_error_destroy(error); // not known then
		ul_span_foreach_line (line, rest) {
			for (size_t i = 0; i < UL_ARRAY_LEN(keys); i++) {
				const size_t len = strlen(keys[i]);
				uint64_t value;
				if (ul_span_starts(line, keys[i]) &&
				    ul_span_u64((struct ul_span){line.data + len, line.len - len},
						&value))
					sum += value;
			}
		}
	}
	return sum;
}
