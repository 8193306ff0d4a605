// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Pairs allocations with frees in the kernel, so that only what is live leaves it.
 *
 * Raw tracepoints: their programs get plain numbers, refuse only their own recursion (a classic
 * tracepoint program is skipped while any BPF program runs on the CPU), and cost least. Allocation
 * and free are separate programs for the same reason. One table serves kmalloc/kfree and
 * kmem_cache_alloc/kmem_cache_free: kfree() frees objects of either. Pages and percpu areas have
 * key spaces of their own.
 *
 * What the events hide (kfree_rcu, bulk frees) is partly seen by re-use: an allocation at an
 * address that is still recorded proves a free that was not seen; it closes the old record as
 * `missed`. That goes on while draining.
 *
 * Every failed update ends in a counter. Loads on Linux 5.10 and later: no atomic fetches, no
 * loops the verifier of 5.10 cannot follow, kernel structures only through CO-RE.
 */
#include "freed.bpf.h"
#include "hidden.bpf.h"
#include "site.bpf.h"
#include "tables.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Where this kernel keeps the arguments of the events; set before load. */
const volatile struct ult_arguments kmalloc_arguments = {2, ULT_ARG_NONE, 4, 5};
const volatile struct ult_arguments cache_alloc_arguments = {2, 3, ULT_ARG_NONE, 4};
const volatile struct ult_arguments percpu_arguments = {8, ULT_ARG_NONE, 9, ULT_ARG_NONE};
const volatile bool percpu_has_call_site = true;

/*
 * The verifier wants constant offsets from the context itself, and the compiler likes to compute
 * the address first ("dereference of modified ctx ptr"). So the load is spelt out for every index,
 * and of the chain the verifier keeps the one branch user space chose.
 */
#define LOAD_ARGUMENT(number, offset)                                                              \
	case number:                                                                               \
		asm volatile("%0 = *(u64 *)(%1 + " #offset ")" : "=r"(value) : "r"(ctx));          \
		break

static __always_inline __u64 argument(const struct bpf_raw_tracepoint_args *ctx, int index)
{
	__u64 value = 0;
	switch (index) {
		LOAD_ARGUMENT(0, 0);
		LOAD_ARGUMENT(1, 8);
		LOAD_ARGUMENT(2, 16);
		LOAD_ARGUMENT(3, 24);
		LOAD_ARGUMENT(4, 32);
		LOAD_ARGUMENT(5, 40);
		LOAD_ARGUMENT(6, 48);
		LOAD_ARGUMENT(7, 56);
		LOAD_ARGUMENT(8, 64);
		LOAD_ARGUMENT(9, 72);
	}
	return value;
}

static __always_inline int slab_allocated(struct bpf_raw_tracepoint_args *ctx,
					  enum ult_walker walker,
					  const volatile struct ult_arguments *where)
{
	// The event's own first argument is args[0]: BTF counts __data before it.
	const __u64 pointer = argument(ctx, where->pointer - 1);
	if (pointer <= 16 || is_outside(pointer)) // ZERO_SIZE_PTR, or the allocation failed
		return 0;
	struct ult_site_key key = {.call_site = ctx->args[0]};
	if (where->bytes != ULT_ARG_NONE)
		key.bytes = argument(ctx, where->bytes - 1);
	if (where->gfp != ULT_ARG_NONE)
		key.gfp_class = gfp_class(argument(ctx, where->gfp - 1));
	if (where->cache != ULT_ARG_NONE)
		key.cache = argument(ctx, where->cache - 1);
	record_object(ctx, walker, pointer, &key);
	return 0;
}

SEC("?raw_tp/kmalloc")
int ul_kmalloc(struct bpf_raw_tracepoint_args *ctx)
{
	return slab_allocated(ctx, ULT_WALKER_KMALLOC, &kmalloc_arguments);
}

SEC("?raw_tp/kmalloc_node") /* gone since v6.1 (11e9734bcb6a) */
int ul_kmalloc_node(struct bpf_raw_tracepoint_args *ctx)
{
	return slab_allocated(ctx, ULT_WALKER_KMALLOC_NODE, &kmalloc_arguments);
}

SEC("?raw_tp/kmem_cache_alloc")
int ul_kmem_cache_alloc(struct bpf_raw_tracepoint_args *ctx)
{
	return slab_allocated(ctx, ULT_WALKER_CACHE_ALLOC, &cache_alloc_arguments);
}

SEC("?raw_tp/kmem_cache_alloc_node") /* gone since v6.1 */
int ul_kmem_cache_alloc_node(struct bpf_raw_tracepoint_args *ctx)
{
	return slab_allocated(ctx, ULT_WALKER_CACHE_ALLOC_NODE, &cache_alloc_arguments);
}

/* kfree(call_site, ptr) and kmem_cache_free(call_site, ptr, ...): alike where it matters. */
SEC("?raw_tp/kfree")
int ul_kfree(struct bpf_raw_tracepoint_args *ctx)
{
	if (ctx->args[1] > 16)
		erase(ctx, ULT_SLAB, ctx->args[1]);
	return 0;
}

SEC("?raw_tp/kmem_cache_free")
int ul_kmem_cache_free(struct bpf_raw_tracepoint_args *ctx)
{
	if (ctx->args[1])
		erase(ctx, ULT_SLAB, ctx->args[1]);
	return 0;
}

/* mm_page_alloc(page, order, gfp, migratetype) */
SEC("?raw_tp/mm_page_alloc")
int ul_mm_page_alloc(struct bpf_raw_tracepoint_args *ctx)
{
	const __u64 page = ctx->args[0];
	const __u32 order = ctx->args[1];
	if (!page || is_outside(page))
		return 0;
	// MIGRATE_UNMOVABLE only: what is movable or reclaimable belongs to users or shrinkers.
	if ((ctx->args[3] & 0xffffffff) || order > ULT_MAX_ORDER) {
		close_reused(ULT_PAGES, page);
		return 0;
	}
	note_loose(order, ctx->args[2]);
	forget_holes(page);
	struct ult_site_key key = {
		.bytes = page_bytes << order,
		.gfp_class = gfp_class(ctx->args[2]),
	};
	record_area(ctx, ULT_WALKER_PAGES, ULT_PAGES, page, &key);
	return 0;
}

/* mm_page_free(page, order): also those freed in batches, free_pages_prepare() emits it for all. */
SEC("?raw_tp/mm_page_free")
int ul_mm_page_free(struct bpf_raw_tracepoint_args *ctx)
{
	const __u32 order = ctx->args[1];
	if (order <= ULT_MAX_ORDER)
		erase_pages(ctx, ctx->args[0], order);
	return 0;
}

SEC("?raw_tp/percpu_alloc_percpu")
int ul_percpu_alloc(struct bpf_raw_tracepoint_args *ctx)
{
	const __u64 pointer = argument(ctx, percpu_arguments.pointer - 1);
	if (!pointer)
		return 0;
	struct ult_site_key key = {
		.bytes = argument(ctx, percpu_arguments.bytes - 1),
		.call_site = percpu_has_call_site ? ctx->args[0] : 0,
	};
	record_area(ctx, ULT_WALKER_PERCPU, ULT_PERCPU, pointer, &key);
	return 0;
}

/* percpu_free_percpu(base_addr, off, ptr) */
SEC("?raw_tp/percpu_free_percpu")
int ul_percpu_free(struct bpf_raw_tracepoint_args *ctx)
{
	erase(ctx, ULT_PERCPU, ctx->args[2]);
	return 0;
}
