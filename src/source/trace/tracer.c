// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loading, attaching and switching the programs of trace.bpf.c. An event that this kernel does not
 * have is left out (kmalloc_node is gone since v6.1); one of what is asked for must exist.
 */
#include "source/trace/tracer.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/span.h"
#include "base/text.h"
#include "source/trace/arguments.h"
#include "source/trace/control.h"
#include "source/trace/freed.h"
#include "source/trace/hidden.h"
#include "source/trace/tables.h"
#include "source/trace/trace_skeleton.h"
#include "source/trace/unpreempted.h"

enum {
	DEFAULT_EXAMPLES = 512,
	VERIFIER_LOG_BYTES = 1024 * 1024,
};

UL_DEFINE_CLEANUP(cleanup_btf, struct btf, btf__free);

int64_t ul_tracer_now_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct ul_error *cannot(int errno_value, const char *what)
{
	if (errno_value == EPERM || errno_value == EACCES)
		return ul_error_hint(
			ul_error_os(errno_value, "%s", what),
			"BPF tracing needs root, or CAP_BPF and CAP_PERFMON; kernel lockdown "
			"in confidentiality mode forbids it to everyone (see: ullage doctor)");
	return ul_error_hint(
		ul_error_new(UL_ERR_UNSUPPORTED, "%s: %s", what, strerror(errno_value)),
		"see: ullage doctor");
}

struct event {
	const char *name;
	unsigned int allocator; /**< enum ul_trace_allocators bit it belongs to */
	struct bpf_program *program;
};

/** Which programs serve which events; the one table of them. */
static size_t list_events(struct trace_bpf *skeleton, struct event events[static 10])
{
	const struct event all[] = {
		{"kmalloc", UL_TRACE_SLAB, skeleton->progs.ul_kmalloc},
		{"kmalloc_node", UL_TRACE_SLAB, skeleton->progs.ul_kmalloc_node},
		{"kmem_cache_alloc", UL_TRACE_SLAB, skeleton->progs.ul_kmem_cache_alloc},
		{"kmem_cache_alloc_node", UL_TRACE_SLAB, skeleton->progs.ul_kmem_cache_alloc_node},
		{"kfree", UL_TRACE_SLAB, skeleton->progs.ul_kfree},
		{"kmem_cache_free", UL_TRACE_SLAB, skeleton->progs.ul_kmem_cache_free},
		{"mm_page_alloc", UL_TRACE_PAGES, skeleton->progs.ul_mm_page_alloc},
		{"mm_page_free", UL_TRACE_PAGES, skeleton->progs.ul_mm_page_free},
		{"percpu_alloc_percpu", UL_TRACE_PERCPU, skeleton->progs.ul_percpu_alloc},
		{"percpu_free_percpu", UL_TRACE_PERCPU, skeleton->progs.ul_percpu_free},
	};
	memcpy(events, all, sizeof(all));
	return UL_ARRAY_LEN(all);
}

static void configure_filters(struct trace_bpf *skeleton, const struct ul_tracer_options *options)
{
	skeleton->rodata->with_stacks = options->stacks;
	skeleton->rodata->know_stacks = !options->walk_all;
	skeleton->rodata->paced = options->cpu_budget > 0;
	skeleton->rodata->with_processes =
		options->stacks || options->pid || options->comm || options->cgroup;
	skeleton->rodata->bytes_min = options->bytes_min;
	skeleton->rodata->bytes_max = options->bytes_max ? options->bytes_max : UINT64_MAX;
	skeleton->rodata->bytes_filtered =
		options->bytes_min > 0 || (options->bytes_max && options->bytes_max < UINT64_MAX);
	skeleton->rodata->focused = options->caches_len || skeleton->rodata->bytes_filtered;
	skeleton->rodata->only_pid = (__u32)options->pid;
	skeleton->rodata->own_pid = (__u32)getpid();
	skeleton->rodata->only_cgroup = options->cgroup;
	skeleton->rodata->cgroup_v1 = options->cgroup_v1;
	if (options->comm)
		ul_text_copy(skeleton->rodata->only_comm, ULT_COMM, options->comm);
	const size_t caches =
		options->caches_len < ULT_MAX_WANTED ? options->caches_len : ULT_MAX_WANTED;
	_Static_assert((int)UL_TRACE_MAX_CACHES == (int)ULT_MAX_WANTED, "what trace.h promises");
	skeleton->rodata->wanted_caches = (__u32)caches;
	for (size_t i = 0; i < caches; i++) {
		ul_text_copy(skeleton->rodata->wanted[i], ULT_CACHE_NAME, options->caches[i]);
		if (!strcmp(options->caches[i], UL_TRACE_KMALLOC_LARGE))
			skeleton->rodata->wanted_large = true;
	}
	if (options->page_offset && options->vmemmap && options->struct_page_bytes) {
		skeleton->rodata->page_offset = options->page_offset;
		skeleton->rodata->vmemmap = options->vmemmap;
		skeleton->rodata->struct_page_bytes = options->struct_page_bytes;
	}
	const __u32 page_bytes =
		options->page_bytes ? options->page_bytes : (__u32)sysconf(_SC_PAGESIZE);
	skeleton->rodata->page_bytes = page_bytes;
	// Linux include/linux/slab.h KMALLOC_MAX_CACHE_SIZE: two pages with SLUB.
	skeleton->rodata->kmalloc_cache_max = 2 * page_bytes;
}

/** One tick is what the coarse clocks advance by: Linux kernel/time/posix-timers.c. */
static void configure_time(struct trace_bpf *skeleton)
{
	enum { WINDOW_NS = UL_CONTROL_WINDOW_MS * 1000 * 1000 };
	struct timespec tick;
	if (!clock_getres(CLOCK_MONOTONIC_COARSE, &tick) && !tick.tv_sec && tick.tv_nsec > 0)
		skeleton->rodata->tick_ns = (__u32)tick.tv_nsec;
	skeleton->rodata->window_ticks = WINDOW_NS / skeleton->rodata->tick_ns;
	if (!skeleton->rodata->window_ticks)
		skeleton->rodata->window_ticks = 1;
}

/** Choose the programs, and tell them where this kernel keeps their arguments. */
static struct ul_error *configure_events(struct trace_bpf *skeleton, const struct ul_tracer *tracer,
					 const struct btf *btf)
{
	struct event events[10];
	const size_t count = list_events(skeleton, events);
	size_t chosen = 0;
	for (size_t i = 0; i < count; i++) {
		const bool wanted = (events[i].allocator & tracer->allocators) &&
				    ul_event_prototype(btf, events[i].name).exists;
		bpf_program__set_autoload(events[i].program, wanted);
		chosen += wanted;
	}
	// vmalloc has no event in any kernel: whether it can be probed is seen when attaching.
	if (!chosen && !(tracer->allocators & UL_TRACE_VMALLOC))
		return ul_error_new(UL_ERR_UNSUPPORTED,
				    "tracing allocations: this kernel has none of the events "
				    "kmalloc, mm_page_alloc, percpu_alloc_percpu");
	const struct ul_event_prototype kmalloc = ul_event_prototype(btf, "kmalloc");
	if (kmalloc.exists)
		skeleton->rodata->kmalloc_arguments = kmalloc.arguments;
	const struct ul_event_prototype cache_alloc = ul_event_prototype(btf, "kmem_cache_alloc");
	if (cache_alloc.exists)
		skeleton->rodata->cache_alloc_arguments = cache_alloc.arguments;
	const struct ul_event_prototype percpu = ul_event_prototype(btf, "percpu_alloc_percpu");
	if (percpu.exists) {
		skeleton->rodata->percpu_arguments = percpu.arguments;
		skeleton->rodata->percpu_has_call_site = percpu.has_call_site;
	}
	uint64_t account;
	uint64_t comp;
	ul_gfp_bits(btf, &account, &comp);
	skeleton->rodata->gfp_account = account;
	skeleton->rodata->gfp_comp = comp;
	return NULL;
}

/** The verifier's reason is the last line of its log before its statistics. */
static struct ul_error *verifier_refused(const char *log)
{
	struct ul_span rest = ul_span_of(log);
	struct ul_span reason = {0};
	ul_span_foreach_line (line, rest) {
		if (line.len && !ul_span_starts(line, "processed "))
			reason = line;
	}
	return ul_error_hint(
		ul_error_new(UL_ERR_UNSUPPORTED,
			     "loading the BPF programs: this kernel's verifier refused "
			     "them: %.*s",
			     UL_SPAN_ARG(reason)),
		"please report this with the output of `uname -a`");
}

/** Up to the load: what fails here fails whatever way is taken. */
static struct ul_error *configure_skeleton(struct ul_tracer *tracer,
					   const struct ul_tracer_options *options,
					   const struct btf *btf, enum ul_hidden_how how, char *log)
{
	LIBBPF_OPTS(bpf_object_open_opts, open_options, .kernel_log_buf = log,
		    .kernel_log_size = VERIFIER_LOG_BYTES);
	trace_bpf__destroy(tracer->skeleton);
	tracer->skeleton = trace_bpf__open_opts(&open_options);
	if (!tracer->skeleton)
		return cannot(errno, "opening the BPF programs");
	configure_filters(tracer->skeleton, options);
	configure_time(tracer->skeleton);
	UL_TRY(configure_events(tracer->skeleton, tracer, btf));
	ul_hidden_configure(tracer->skeleton, tracer, btf, how);
	tracer->skeleton->rodata->unpreempted = tracer->unpreempted;
	ul_freed_configure(tracer->skeleton, options);
	return ul_tables_configure(tracer->skeleton, options, ul_tables_cpus());
}

static struct ul_error *load_skeleton(struct ul_tracer *tracer, const char *log)
{
	const int failed = trace_bpf__load(tracer->skeleton);
	if (failed && log[0])
		return verifier_refused(log);
	return failed ? cannot(-failed, "loading the BPF programs") : NULL;
}

/**
 * Load with what this kernel can do of the optional probes, and unpreempted if it takes that: all
 * programs load, or none.
 */
static struct ul_error *open_skeleton(struct ul_tracer *tracer,
				      const struct ul_tracer_options *options)
{
	static const enum ul_hidden_how ways[] = {UL_HIDDEN_AUTO, UL_HIDDEN_KPROBE, UL_HIDDEN_NOT};
	libbpf_set_print(NULL); // what it has to say comes back as errno
	UL_CLEANUP(cleanup_btf) struct btf *btf = btf__load_vmlinux_btf();
	if (!btf)
		return ul_error_hint(
			ul_error_new(UL_ERR_UNSUPPORTED,
				     "tracing allocations: this kernel carries no BTF type "
				     "information (/sys/kernel/btf/vmlinux): %s",
				     strerror(errno)),
			"needs a kernel built with CONFIG_DEBUG_INFO_BTF");
	UL_CLEANUP_FREE char *log = calloc(1, VERIFIER_LOG_BYTES);
	UL_CLEANUP_ERROR struct ul_error *error = NULL;
	if (!log)
		return &ul_enomem;
	tracer->unpreempted = ul_unpreempted_wanted(btf, options->preemption);
	for (size_t i = options->no_trampolines; i < UL_ARRAY_LEN(ways);) {
		ul_error_destroy(UL_TAKE(error));
		*log = '\0';
		UL_TRY(configure_skeleton(tracer, options, btf, ways[i], log));
		error = load_skeleton(tracer, log);
		// Who may not load may not in any way.
		if (!error || error->code != UL_ERR_UNSUPPORTED)
			break;
		i += !tracer->unpreempted;
		tracer->unpreempted = false;
	}
	return UL_TAKE(error);
}

static struct ul_error *map_array(const struct bpf_map *map, struct ul_mapped *ret)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t count = bpf_map__max_entries(map);
	const size_t bytes = (count * bpf_map__value_size(map) + page - 1) / page * page;
	void *data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (data == MAP_FAILED)
		return cannot(errno, "mapping the tables of the BPF programs");
	*ret = (struct ul_mapped){data, bytes, count};
	return NULL;
}

static struct ul_error *map_tables(struct ul_tracer *tracer)
{
	const struct trace_bpf *skeleton = tracer->skeleton;
	UL_TRY(map_array(skeleton->maps.sites, &tracer->sites));
	UL_TRY(map_array(skeleton->maps.parts, &tracer->parts));
	UL_TRY(map_array(skeleton->maps.site_ages, &tracer->ages));
	UL_TRY(map_array(skeleton->maps.slab_live, &tracer->live[ULT_SLAB]));
	UL_TRY(map_array(skeleton->maps.page_live, &tracer->live[ULT_PAGES]));
	UL_TRY(map_array(skeleton->maps.percpu_live, &tracer->live[ULT_PERCPU]));
	return map_array(skeleton->maps.vmalloc_live, &tracer->live[ULT_VMALLOC]);
}

/** Hand indices of sites and parts to the programs. Site 0 stays empty: a hint of 0 is none. */
static struct ul_error *fill_queue(const struct bpf_map *queue, __u32 first)
{
	const __u32 end = bpf_map__max_entries(queue);
	for (__u32 i = first; i < end; i++)
		if (bpf_map_update_elem(bpf_map__fd(queue), NULL, &i, BPF_ANY))
			return cannot(errno, "filling the queues of free sites");
	return NULL;
}

static struct ul_error *fill_queues(const struct ul_tracer *tracer)
{
	UL_TRY(fill_queue(tracer->skeleton->maps.site_free, 1));
	return fill_queue(tracer->skeleton->maps.part_free, 0);
}

static void set_share(struct ul_tracer *tracer, double share)
{
	__u32 level = 0;
	while (level < ULT_MAX_LEVEL && share > 0 && share < 0.75 / (double)(1U << level))
		level++;
	tracer->skeleton->bss->level = level;
	memset((void *)(uintptr_t)tracer->skeleton->bss->level_since, (int)level, ULT_EPOCHS);
}

double ul_tracer_share(const struct ul_tracer *tracer)
{
	return 1.0 / (double)(1U << tracer->skeleton->bss->level);
}

static struct ul_error *attach(struct ul_tracer *tracer)
{
	const int failed = trace_bpf__attach(tracer->skeleton);
	if (failed)
		return cannot(-failed, "attaching to the allocation events");
	UL_TRY(ul_hidden_attach(tracer));
	if (tracer->allocators == UL_TRACE_VMALLOC && !(tracer->hidden & UL_HIDDEN_VMALLOC))
		return ul_error_hint(ul_error_new(UL_ERR_UNSUPPORTED,
						  "tracing vmalloc areas: no kernel has an event "
						  "for them, and no probe can be set on this one"),
				     "/proc/vmallocinfo has their callers: ullage account");
	return NULL;
}

struct ul_error *ul_tracer_open(const struct ul_tracer_options *options, struct ul_tracer **ret)
{
	UL_CLEANUP_TRACER struct ul_tracer *tracer = calloc(1, sizeof(*tracer));
	if (!tracer)
		return &ul_enomem;
	if (options->caches_len > UL_TRACE_MAX_CACHES)
		return ul_error_new(UL_ERR_USAGE, "tracing %zu caches at once: at most %d",
				    options->caches_len, (int)UL_TRACE_MAX_CACHES);
	tracer->allocators = options->allocators;
	tracer->cpu_budget = options->cpu_budget;
	tracer->max_examples = options->max_examples ? options->max_examples : DEFAULT_EXAMPLES;
	UL_TRY(open_skeleton(tracer, options));
	UL_TRY(map_tables(tracer));
	UL_TRY(fill_queues(tracer));
	tracer->dropped = calloc(tracer->sites.count, sizeof(*tracer->dropped));
	if (!tracer->dropped)
		return &ul_enomem;
	set_share(tracer, options->share);
	UL_TRY(attach(tracer));
	*ret = UL_TAKE(tracer);
	return NULL;
}

void ul_tracer_destroy(struct ul_tracer *tracer)
{
	if (!tracer)
		return;
	ul_control_stop(tracer);
	if (tracer->sites.data)
		munmap(tracer->sites.data, tracer->sites.bytes);
	if (tracer->ages.data)
		munmap(tracer->ages.data, tracer->ages.bytes);
	if (tracer->parts.data)
		munmap(tracer->parts.data, tracer->parts.bytes);
	for (int i = ULT_SLAB; i < ULT_ALLOCATORS; i++)
		if (tracer->live[i].data)
			munmap(tracer->live[i].data, tracer->live[i].bytes);
	ul_hidden_detach(tracer->hidden_links);
	trace_bpf__destroy(tracer->skeleton);
	free(tracer->dropped);
	free(tracer);
}

void ul_tracer_off(struct ul_tracer *tracer)
{
	tracer->skeleton->bss->sample_below = 0;
	tracer->skeleton->bss->mode = ULT_MODE_OFF;
}

struct ul_error *ul_tracer_record(struct ul_tracer *tracer)
{
	struct trace_bpf *skeleton = tracer->skeleton;
	tracer->record_ns = ul_tracer_now_ns(CLOCK_MONOTONIC);
	tracer->begin_boottime_ns = ul_tracer_now_ns(CLOCK_BOOTTIME);
	skeleton->bss->start_ns = (__u64)tracer->record_ns;
	skeleton->bss->start_ticks = 0;
	UL_TRY(ul_control_start(tracer));
	skeleton->bss->mode = ULT_MODE_RECORD;
	skeleton->bss->sample_below = 1ULL << (32 - skeleton->bss->level);
	return NULL;
}

void ul_tracer_drain(struct ul_tracer *tracer)
{
	ul_control_stop(tracer);
	tracer->skeleton->bss->mode = ULT_MODE_DRAIN;
	tracer->drain_ns = ul_tracer_now_ns(CLOCK_MONOTONIC);
	tracer->end_boottime_ns = ul_tracer_now_ns(CLOCK_BOOTTIME);
}

uint64_t ul_tracer_counter(const struct ul_tracer *tracer, enum ult_counter counter)
{
	const int cpus = libbpf_num_possible_cpus();
	if (cpus <= 0)
		return 0;
	UL_CLEANUP_FREE uint64_t *values = calloc((size_t)cpus, sizeof(*values));
	const __u32 key = counter;
	if (!values ||
	    bpf_map_lookup_elem(bpf_map__fd(tracer->skeleton->maps.counters), &key, values))
		return 0;
	uint64_t sum = 0;
	for (int cpu = 0; cpu < cpus; cpu++)
		sum += values[cpu];
	return sum;
}

uint64_t ul_tracer_memory_bytes(const struct ul_tracer *tracer)
{
	return ul_tables_bytes(tracer->skeleton->obj, ul_tables_cpus());
}

uint64_t ul_tracer_events(const struct ul_tracer *tracer)
{
	const struct ult_site *sites = tracer->sites.data;
	uint64_t sum = 0;
	for (size_t i = 0; i < tracer->sites.count; i++)
		sum += sites[i].stored + sites[i].erased;
	return sum;
}
