/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a free does: the record goes, its site counts it, and some of the frees are remembered with
 * their stack, who had allocated the object, and what it held (the free path). Pages may be freed
 * in parts. Included once, by trace.bpf.c.
 *
 * Free path. A stack walk for every free would double the price of a trace, so frees are looked at
 * by their number at the site: the first ULT_FREED_ALL, then every 16th, later every 256th, each
 * counting for as many. Only complete traces with stacks do it (`free_paths`).
 *
 * Pages. A block that is no compound page may be given back in parts: split_page(),
 * alloc_pages_exact(), __free_pages() of a block that somebody else still refers to. Its record
 * stays, and `page_holes` knows the pages of it that are gone, each once: they may be handed out
 * and freed again. With the last of them the record goes, too. A part that is not the block's head
 * finds it by alignment (buddy blocks lie at multiples of their size): one look-up for each order
 * in which such blocks were recorded at all, which on most machines is none.
 */
#ifndef UL_SOURCE_TRACE_FREED_BPF_H
#define UL_SOURCE_TRACE_FREED_BPF_H

#include "site.bpf.h"

const volatile bool free_paths = false;
const volatile bool freed_contents = false; /**< what is freed may be looked into */
const volatile __u64 gfp_comp = 0x40000;

/* Bit k: a block of order k that is no compound page was recorded. */
volatile __u32 loose_orders = 0;
volatile __u32 holes_used = 0; /* `page_holes` may have something */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ULT_HOLES);
	__type(key, __u64); /* struct page of the head */
	__type(value, struct ult_holes);
} page_holes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set before load: ULT_FREED_PATHS, where free paths are wanted */
	__type(key, struct ult_freed_key);
	__type(value, __u64); /* objects */
} freed_paths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct ult_freed_slot);
	__type(value, struct ult_freed_object);
} freed_objects SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, ULT_STACK_FRAMES * sizeof(__u64));
} free_stacks SEC(".maps");

/* Where an object that is on its way out is copied to: too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ult_freed_object);
} freed_scratch SEC(".maps");

/* How many frees the @freed-th of a site stands for; 0: it is not looked at. */
static __always_inline __u32 freed_weight(__u64 freed)
{
	if (freed <= ULT_FREED_ALL)
		return 1;
	if (freed <= ULT_FREED_MANY)
		return freed & 15 ? 0 : 16;
	return freed & 255 ? 0 : 256;
}

/* What the object holds, before its memory is used again; the newest replace the oldest. */
static __always_inline void keep_contents(__u64 pointer, __u32 site, __u64 freed, __u32 bytes)
{
	const __u32 zero = 0;
	if (!freed_contents)
		return;
	const __u64 number = freed <= ULT_FREED_ALL ? freed : freed >> 4;
	const struct ult_freed_slot slot = {.site = site, .slot = number % ULT_FREED_SAMPLES};
	struct ult_freed_object *object = bpf_map_lookup_elem(&freed_scratch, &zero);
	if (!object)
		return;
	object->bytes = bytes < ULT_FREED_BYTES ? bytes : ULT_FREED_BYTES;
	// Whole, whatever its size: what follows belongs to the same page or cannot be read.
	if (bpf_probe_read_kernel(object->data, ULT_FREED_BYTES, (void *)pointer))
		return;
	object->pointer = pointer;
	bpf_map_update_elem(&freed_objects, &slot, object, BPF_ANY); // full: fewer contents
}

/*
 * Two stacks can fall into one place. Leaving out the innermost frame, which is this program's own,
 * changes the hash: the second and third try find room for all but a few.
 */
static __always_inline __s32 free_stack(void *ctx)
{
	int id = (int)bpf_get_stackid(ctx, &free_stacks, 0);
	if (id == -17 /* EEXIST */)
		id = (int)bpf_get_stackid(ctx, &free_stacks, 1);
	if (id == -17)
		id = (int)bpf_get_stackid(ctx, &free_stacks, 2);
	return id < 0 ? -1 : id;
}

/* The @freed-th free of a site by this stack, of an object that @comm_id had allocated. */
static __always_inline void count_path(__u32 site, __s32 stack_id, __u32 comm, __u32 weight)
{
	const struct ult_freed_key key = {.site = site, .stack_id = stack_id, .comm_id = comm};
	__u64 *known = bpf_map_lookup_elem(&freed_paths, &key);
	if (known) {
		__sync_fetch_and_add(known, weight);
		return;
	}
	const __u64 first = weight;
	// Another CPU may have been faster: then this one is not counted. Full: it is a loss.
	if ((int)bpf_map_update_elem(&freed_paths, &key, &first, BPF_NOEXIST) == -7 /* E2BIG */)
		count(ULT_FREED_FULL);
}

/* What came of a free. */
struct freed {
	__u32 site;   /* index */
	__u32 comm;   /* who had allocated it */
	__u64 number; /* at its site */
	__u32 bytes;  /* of the object */
};

/* Cheap: most events end here. */
static __always_inline bool may_have_record(enum ult_allocator allocator, __u64 key)
{
	return sampled(ult_hash(key)) && may_be_recorded(allocator, key);
}

/* Take the record of @key out and count it; false when there was none. */
static __always_inline bool take_record(enum ult_allocator allocator, __u64 key, struct freed *ret)
{
	__u64 extra;
	struct ult_live live;
	const __u64 hash = ult_hash(key);
	if (!take_live(allocator, hash, key, &live))
		return false;
	struct ult_site *site = site_at(live.site);
	if (!site)
		return false;
	__sync_fetch_and_add(&site->erased, 1);
	if (!weight_of(&live, hash, &extra))
		extra = -1ULL;
	else if (extra)
		count_group(live.site, hash, extra + 1);
	if (extra)
		__sync_fetch_and_add(&site->erased_extra, extra);
	if (with_processes) { // without, only call sites are counted
		const __u32 now = time_now();
		count_age(live.site, now > live.time ? (__u64)(now - live.time) * tick_ns : 0);
	}
	ret->site = live.site;
	ret->comm = live.comm_id;
	ret->number = site->erased;
	ret->bytes = site->object_bytes;
	return true;
}

static __always_inline void remember(void *ctx, enum ult_allocator allocator, __u64 key,
				     const struct freed *freed)
{
	const __u32 weight = freed_weight(freed->number);
	if (!weight)
		return;
	count_path(freed->site, free_stack(ctx), freed->comm, weight);
	if (allocator == ULT_SLAB)
		keep_contents(key, freed->site, freed->number, freed->bytes);
}

/* @key was freed; true when it had been recorded. */
static __always_inline bool erase(void *ctx, enum ult_allocator allocator, __u64 key)
{
	struct freed freed;
	if (!may_have_record(allocator, key))
		return false;
	begin_unpreempted();
	const bool taken = take_record(allocator, key, &freed);
	if (taken && free_paths)
		remember(ctx, allocator, key, &freed);
	end_unpreempted();
	return taken;
}

/*
 * Order of the block recorded at @head, or -1. Global, so that it is verified once: see
 * hidden.bpf.h.
 */
__noinline int recorded_order(__u64 head)
{
	const __u64 hash = ult_hash(head);
	const struct ult_live *live = sampled(hash) ? find_live(ULT_PAGES, hash, head) : 0;
	struct ult_site *site = live ? site_at(live->site) : 0;
	if (!site)
		return -1;
#pragma unroll
	for (int order = 0; order <= ULT_MAX_ORDER; order++)
		if (site->object_bytes == page_bytes << order)
			return order;
	return -1;
}

/* struct page of the block of @order that @page lies in. Bases of page arrays are aligned to it. */
static __always_inline __u64 head_of(__u64 page, __u32 order)
{
	const __u64 frame = (page - vmemmap) / struct_page_bytes;
	return vmemmap + (frame >> order << order) * struct_page_bytes;
}

static __always_inline __u32 count_bits(__u64 word)
{
	word -= word >> 1 & 0x5555555555555555ULL;
	word = (word & 0x3333333333333333ULL) + (word >> 2 & 0x3333333333333333ULL);
	return ((word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fULL) * 0x0101010101010101ULL >> 56;
}

/* Adding a bit that is not there is setting it, and needs no more than Linux 5.10 has. */
static __always_inline void add_holes(struct ult_holes *holes, __u32 word, __u64 bits)
{
	// Masked, not tested: of a test the verifier of 6.1 does not see that it bounds the index.
	__u64 *at = &holes->words[word & (sizeof(holes->words) / sizeof(holes->words[0]) - 1)];
	const __u64 fresh = bits & ~*at;
	__sync_fetch_and_add(at, fresh);
	__sync_fetch_and_add(&holes->pages, count_bits(fresh));
}

/* 1 << @order pages from @page on, of the block at @head; with its last page its record goes. */
static __noinline void punch(void *ctx, __u64 head, __u32 block_order, __u64 page, __u32 order)
{
	struct ult_holes *holes = bpf_map_lookup_elem(&page_holes, &head);
	if (!holes) {
		const struct ult_holes none = {};
		bpf_map_update_elem(&page_holes, &head, &none, BPF_NOEXIST);
		holes = bpf_map_lookup_elem(&page_holes, &head);
	}
	if (!holes) {
		count(ULT_PAGES_SPLIT);
		return;
	}
	holes_used = 1;
	const __u32 first = (page - head) / struct_page_bytes;
	if (order < 6) {
		add_holes(holes, first / 64, ((1ULL << (1U << order)) - 1) << (first & 63));
	} else {
		for (__u32 i = 0; i < sizeof(holes->words) / sizeof(holes->words[0]); i++)
			if (i < 1U << (order - 6 & 31))
				add_holes(holes, first / 64 + i, ~0ULL);
	}
	if (holes->pages >= 1U << block_order && erase(ctx, ULT_PAGES, head))
		bpf_map_delete_elem(&page_holes, &head);
}

/* A block recorded at this address before is gone, wherever its parts went. */
static __always_inline void forget_holes(__u64 page)
{
	if (holes_used)
		bpf_map_delete_elem(&page_holes, &page);
}

static __always_inline void note_loose(__u32 order, __u64 gfp)
{
	if (order && order <= ULT_MAX_ORDER && !(gfp & gfp_comp) && !(loose_orders & 1U << order))
		loose_orders |= 1U << order; // a lost race is made good by the next such block
}

/* 1 << @order pages from @page on were freed. */
static __always_inline void erase_pages(void *ctx, __u64 page, __u32 order)
{
	if (!loose_orders) {
		erase(ctx, ULT_PAGES, page);
		return;
	}
	__u64 head = page;
	int block = recorded_order(page);
	for (__u32 larger = 1; larger <= ULT_MAX_ORDER; larger++) {
		if (block >= 0 || larger <= order || !(loose_orders & 1U << larger))
			continue;
		const __u64 at = head_of(page, larger);
		if (at == page || recorded_order(at) != (int)larger)
			continue;
		head = at;
		block = larger;
	}
	// Each once: what they do is verified again for every place that calls them.
	if (block > (int)order) {
		punch(ctx, head, block, page, order);
	} else if (block >= 0) {
		erase(ctx, ULT_PAGES, page);
		forget_holes(page);
	}
}

#endif
