// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Who takes and gives back references to objects of a few types, from their allocation to their
 * free. What is allocated is known by the function that allocates; a call for an object that was
 * not seen to be allocated leaves no event. references.c says which function each slot watches.
 *
 * Every failed update and event ends in a counter. Loads on Linux 5.10 and later.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#include "references_shared.h"
#include "registers.bpf.h"

/* Set before load. */
const volatile struct ulr_range ranges[ULR_RANGES];
const volatile __u32 ranges_len = 0;
const volatile __u32 words[ULR_SLOTS];	/* of the context: that hold the object */
const volatile bool results[ULR_SLOTS]; /* it is what the function returns (kprobes) */

volatile bool recording = false; /* new objects; those known are followed anyway */
__u64 dropped = 0;		 /* events for which the ring had no room */
__u64 untold = 0;		 /* objects for which `lives` had none */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, ULR_RING_BYTES);
} events SEC(".maps");

/* Objects alive, and of which type. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ULR_LIVES);
	__type(key, __u64);
	__type(value, __u32);
} lives SEC(".maps");

static __always_inline struct ulr_event *begin_event(__u64 object, enum ulr_what what, __u32 number)
{
	struct ulr_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&dropped, 1);
		return 0;
	}
	event->time_ns = bpf_ktime_get_ns();
	event->object = object;
	event->what = what;
	event->number = number;
	__builtin_memset(event->frames, 0, sizeof(event->frames));
	return event;
}

static __always_inline void end_event(struct ulr_event *event)
{
	if (event)
		bpf_ringbuf_submit(event, 0);
}

/* kmem_cache_alloc(call_site, ptr, ...), whatever follows in each kernel */
static __always_inline int on_allocated(__u64 call_site, __u64 object)
{
	if (!recording || !object)
		return 0;
	for (__u32 i = 0; i < ULR_RANGES; i++) {
		if (i >= ranges_len)
			break;
		if (call_site < ranges[i].start || call_site >= ranges[i].end)
			continue;
		const __u32 type = ranges[i].type;
		if (bpf_map_update_elem(&lives, &object, &type, BPF_ANY)) {
			__sync_fetch_and_add(&untold, 1);
			return 0;
		}
		end_event(begin_event(object, ULR_ALLOCATED, type));
		return 0;
	}
	return 0;
}

SEC("raw_tp/kmem_cache_alloc")
int ul_allocated(struct bpf_raw_tracepoint_args *ctx)
{
	return on_allocated(ctx->args[0], ctx->args[1]);
}

SEC("raw_tp/kmem_cache_alloc_node") /* gone since v6.1 (11e9734bcb6a) */
int ul_allocated_node(struct bpf_raw_tracepoint_args *ctx)
{
	return on_allocated(ctx->args[0], ctx->args[1]);
}

/* kmem_cache_free(call_site, ptr, ...) */
SEC("raw_tp/kmem_cache_free")
int ul_freed(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 object = ctx->args[1];
	if (object && !bpf_map_delete_elem(&lives, &object))
		end_event(begin_event(object, ULR_FREED, 0));
	return 0;
}

static __noinline int on_call(void *ctx, __u64 object, __u32 slot)
{
	if (!object || !bpf_map_lookup_elem(&lives, &object))
		return 0;
	struct ulr_event *event = begin_event(object, ULR_CALLED, slot);
	if (!event)
		return 0;
	bpf_get_stack(ctx, event->frames, sizeof(event->frames), 0);
	end_event(event);
	return 0;
}

#if !defined(FIRST)
struct pt_regs;
#define FIRST(regs)  0
#define RESULT(regs) 0
#endif

/*
 * Of a kprobe, the first argument or the result. Each is loaded by itself: the compiler likes to
 * choose the address first, and the verifier wants constant offsets from the context.
 */
static __always_inline __u64 object_of(struct pt_regs *ctx, bool result)
{
	__u64 first = FIRST(ctx);
	asm volatile("" : "+r"(first));
	__u64 returned = RESULT(ctx);
	asm volatile("" : "+r"(returned));
	return result ? returned : first;
}

/* A slot is watched by a trampoline (made fexit before load where results are wanted) or by a
 * kprobe or kretprobe. A word of the context is read as memory: the verifier would give it a type.
 */
#define SLOT(slot)                                                                                 \
	SEC("?fentry/fput")                                                                        \
	int ul_call_##slot(void *ctx)                                                              \
	{                                                                                          \
		__u64 object = 0;                                                                  \
		bpf_probe_read_kernel(&object, sizeof(object), ctx + 8 * words[slot]);             \
		return on_call(ctx, object, slot);                                                 \
	}                                                                                          \
	SEC("?kprobe")                                                                             \
	int ulk_call_##slot(struct pt_regs *ctx)                                                   \
	{                                                                                          \
		return on_call(ctx, object_of(ctx, results[slot]), slot);                          \
	}

SLOT(0)
SLOT(1)
SLOT(2)
SLOT(3)
SLOT(4)
SLOT(5)
SLOT(6)
SLOT(7)
SLOT(8)
SLOT(9)
SLOT(10)
SLOT(11)
SLOT(12)
SLOT(13)
SLOT(14)
SLOT(15)
SLOT(16)
SLOT(17)
SLOT(18)
SLOT(19)
SLOT(20)
SLOT(21)
SLOT(22)
SLOT(23)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
