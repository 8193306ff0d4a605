// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tables of trace.bpf.c: how many elements each has, and what that takes. Sites, stacks and
 * names have fixed numbers; live allocations get the rest of the budget. What the others take is
 * asked of their own definitions, so none is forgotten; per-CPU tables count once for each CPU.
 *
 * Sizes are those of the kernel's allocations but for small change (bitmaps of locks, rounding to
 * pages, an element in reserve for each CPU): the kernel's own sum was 0.2 % more on two CPUs.
 */
#include "source/trace/tables.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "source/trace/trace_skeleton.h"

enum {
	DEFAULT_LIVE = 524288,
	LEAST_LIVE = 4096,
	MAX_LIVE = 1 << 28,
	MAX_SITES = 12288,
	MAX_PARTS = 18432, /**< of stacks: sixteen frames each */
	MAX_COMMS = 8192,
};

/** Tables of live allocations. Beside 64 slab objects there is room for so many of each. */
static const struct {
	unsigned int allocator; /**< enum ul_trace_allocators */
	unsigned int share;
} live_tables[ULT_ALLOCATORS] = {
	[ULT_SLAB] = {UL_TRACE_SLAB, 64},
	[ULT_PAGES] = {UL_TRACE_PAGES, 8},
	[ULT_PERCPU] = {UL_TRACE_PERCPU, 1},
	[ULT_VMALLOC] = {UL_TRACE_VMALLOC, 1},
};

unsigned int ul_tables_cpus(void)
{
	const int cpus = libbpf_num_possible_cpus();
	return cpus > 0 ? (unsigned int)cpus : 1;
}

static uint64_t whole_words(uint64_t bytes)
{
	return (bytes + 7) / 8 * 8;
}

/** Bytes of a hash table: of each element its 48 bytes of links, key and value, and a bucket. */
static uint64_t hash_bytes(uint64_t elements, uint64_t key_bytes, uint64_t value_bytes)
{
	return elements * (48 + whole_words(key_bytes) + whole_words(value_bytes) + 16);
}

/**
 * What one table takes, by its type; mirrors Linux kernel/bpf/arraymap.c, hashtab.c, stackmap.c,
 * queue_stack_maps.c.
 */
static uint64_t map_bytes(const struct bpf_map *map, unsigned int cpus)
{
	const uint64_t elements = bpf_map__max_entries(map);
	const uint64_t value_bytes = whole_words(bpf_map__value_size(map));
	const int type = (int)bpf_map__type(map);
	if (type == BPF_MAP_TYPE_PERCPU_ARRAY)
		return elements * value_bytes * cpus;
	if (type == BPF_MAP_TYPE_HASH)
		return hash_bytes(elements, bpf_map__key_size(map), value_bytes);
	if (type == BPF_MAP_TYPE_STACK_TRACE)
		return hash_bytes(elements, 0, value_bytes);
	if (type == BPF_MAP_TYPE_QUEUE)
		return elements * bpf_map__value_size(map);
	return elements * value_bytes; // arrays, the programs' own data
}

uint64_t ul_tables_bytes(const struct bpf_object *object, unsigned int cpus)
{
	struct bpf_map *map = NULL;
	uint64_t bytes = 0;
	while ((map = bpf_object__next_map(object, map)))
		bytes += map_bytes(map, cpus);
	return bytes;
}

/** Buckets of one table where @p slab_objects have room at full load; at least one. */
static uint32_t bucket_count(const struct ul_tracer_options *options, enum ult_allocator allocator,
			     size_t slab_objects)
{
	const bool wanted = options->allocators & live_tables[allocator].allocator;
	const size_t live = slab_objects * live_tables[allocator].share / 64;
	return wanted && live ? (uint32_t)((live + ULT_BUCKET_SLOTS - 1) / ULT_BUCKET_SLOTS) : 1;
}

/** Slab objects there is room for in @p bytes, beside what goes with them; at most MAX_LIVE. */
static size_t room_in(const struct ul_tracer_options *options, uint64_t bytes)
{
	const size_t record_bytes = sizeof(struct ult_bucket) / ULT_BUCKET_SLOTS;
	unsigned int share = 0; // records beside 64 slab objects, these included if wanted
	for (int i = ULT_SLAB; i < ULT_ALLOCATORS; i++)
		if (options->allocators & live_tables[i].allocator)
			share += live_tables[i].share;
	const uint64_t room = share ? bytes / record_bytes * 64 / share : 0;
	if (room > MAX_LIVE)
		return MAX_LIVE;
	return room > LEAST_LIVE ? room : LEAST_LIVE;
}

/** @p taken: by all tables, those of live allocations with one bucket each. */
static size_t room_for(const struct ul_tracer_options *options, uint64_t taken)
{
	if (options->max_live || !options->memory_bytes)
		return options->max_live ? options->max_live : DEFAULT_LIVE;
	return room_in(options, options->memory_bytes > taken ? options->memory_bytes - taken : 0);
}

static void configure_fixed(struct trace_bpf *skeleton)
{
	bpf_map__set_max_entries(skeleton->maps.sites, MAX_SITES);
	bpf_map__set_max_entries(skeleton->maps.site_ids, MAX_SITES);
	bpf_map__set_max_entries(skeleton->maps.site_ages, MAX_SITES);
	bpf_map__set_max_entries(skeleton->maps.site_free, MAX_SITES);
	bpf_map__set_max_entries(skeleton->maps.comms, MAX_COMMS);
	bpf_map__set_max_entries(skeleton->maps.parts, MAX_PARTS);
	bpf_map__set_max_entries(skeleton->maps.part_free, MAX_PARTS);
}

struct ul_error *ul_tables_configure(struct trace_bpf *skeleton,
				     const struct ul_tracer_options *options, unsigned int cpus)
{
	configure_fixed(skeleton);
	const size_t live = room_for(options, ul_tables_bytes(skeleton->obj, cpus));
	if (live > MAX_LIVE)
		return ul_error_new(UL_ERR_LIMIT, "room for %zu live allocations: at most %d", live,
				    MAX_LIVE);
	skeleton->rodata->slab_buckets = bucket_count(options, ULT_SLAB, live);
	skeleton->rodata->page_buckets = bucket_count(options, ULT_PAGES, live);
	skeleton->rodata->percpu_buckets = bucket_count(options, ULT_PERCPU, live);
	skeleton->rodata->vmalloc_buckets = bucket_count(options, ULT_VMALLOC, live);
	bpf_map__set_max_entries(skeleton->maps.slab_live, skeleton->rodata->slab_buckets);
	bpf_map__set_max_entries(skeleton->maps.page_live, skeleton->rodata->page_buckets);
	bpf_map__set_max_entries(skeleton->maps.percpu_live, skeleton->rodata->percpu_buckets);
	bpf_map__set_max_entries(skeleton->maps.vmalloc_live, skeleton->rodata->vmalloc_buckets);
	return NULL;
}
