// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A recorder merges the buffers of the processors by time, but not strictly: an event that was
 * being written when its neighbours were read comes late. A free before its allocation would make
 * a leak of it, so events wait in a window, sorted by insertion (from the newest end: nearly all
 * are in order already), and leave it oldest first.
 *
 * The stack of an event is an event of its own, which follows on the same processor and of the same
 * process; others may come between, of other processors, or of an interrupt that came in between
 * and left both its event and its stack:
 *
 *	alloc A, alloc B (interrupt), stack of B, stack of A
 *
 * So the last few events of each processor wait for a stack, and it goes to the newest of them.
 *
 * A ring that was full has lost its oldest events: the recorder says so in front of the first that
 * is left of a processor. Nothing that was seen to be allocated there can have been freed among
 * those, so they are told apart from events lost in the middle.
 *
 * What comes later than the window spans (files of single processors put one after the other, a log
 * that begins anew) is passed on as it comes and counted.
 */
#include "source/tracefile/order.h"

#include <string.h>

_Static_assert(UL_TRACEFILE_WINDOW <= UINT16_MAX + 1, "slots are 16-bit numbers");
_Static_assert((UL_TRACEFILE_WINDOW & (UL_TRACEFILE_WINDOW - 1)) == 0, "used as a mask");

enum { MASK = UL_TRACEFILE_WINDOW - 1 };

struct ul_error *ul_order_create(ul_event_fn *take, void *context, struct ul_order **ret)
{
	UL_CLEANUP_ORDER struct ul_order *order = calloc(1, sizeof(*order));
	if (!order)
		return &ul_enomem;
	order->cpus = calloc(UL_ORDER_CPUS, sizeof(*order->cpus));
	if (!order->cpus)
		return &ul_enomem;
	order->take = take;
	order->context = context;
	for (size_t i = 0; i < UL_TRACEFILE_WINDOW; i++)
		order->vacant[i] = (uint16_t)i;
	*ret = UL_TAKE(order);
	return NULL;
}

void ul_order_destroy(struct ul_order *order)
{
	if (!order)
		return;
	free(order->cpus);
	free(order);
}

static struct ul_error *hand_out(struct ul_order *order)
{
	const uint16_t slot = order->sorted[order->head];
	order->head = (order->head + 1) & MASK;
	order->count--;
	order->vacant[order->count] = slot; // vacant ones are behind the first `count`
	order->sequence[slot]++;
	order->last_out_ns = order->slots[slot].time_ns;
	order->any_out = true;
	return order->take(order->context, &order->slots[slot]);
}

struct ul_error *ul_order_flush(struct ul_order *order)
{
	while (order->count)
		UL_TRY(hand_out(order));
	return NULL;
}

static void wait_for_stack(struct ul_order *order, uint32_t cpu, struct ul_order_pending pending)
{
	struct ul_order_cpu *of = &order->cpus[cpu % UL_ORDER_CPUS];
	if (of->count == UL_ORDER_PENDING) {
		memmove(of->pending, of->pending + 1,
			(UL_ORDER_PENDING - 1) * sizeof(*of->pending));
		of->count--;
	}
	of->pending[of->count++] = pending;
	of->seen = true;
}

struct ul_error *ul_order_event(struct ul_order *order, const struct ul_event *event, pid_t tid,
				ul_order_handle *ret)
{
	if (order->any_out && event->time_ns < order->last_out_ns) {
		order->late++;
		UL_TRY(ul_order_flush(order));
	} else if (order->count == UL_TRACEFILE_WINDOW) {
		UL_TRY(hand_out(order));
	}
	const uint16_t slot = order->vacant[order->count];
	order->slots[slot] = *event;
	size_t at = order->count++;
	for (; at; at--) {
		const uint16_t before = order->sorted[(order->head + at - 1) & MASK];
		if (order->slots[before].time_ns <= event->time_ns)
			break;
		order->sorted[(order->head + at) & MASK] = before;
	}
	order->sorted[(order->head + at) & MASK] = slot;
	*ret = (uint64_t)order->sequence[slot] << 32 | (slot + 1u);
	if (event->kind != UL_EVENT_CPU_BEGINS)
		wait_for_stack(order, event->cpu, (struct ul_order_pending){*ret, tid});
	return NULL;
}

void ul_order_other(struct ul_order *order, uint32_t cpu, pid_t tid)
{
	wait_for_stack(order, cpu, (struct ul_order_pending){0, tid});
}

ul_order_handle ul_order_owner(struct ul_order *order, uint32_t cpu, pid_t tid)
{
	struct ul_order_cpu *of = &order->cpus[cpu % UL_ORDER_CPUS];
	if (!of->count || of->pending[of->count - 1].tid != tid) {
		order->unbound++;
		return 0;
	}
	return of->pending[--of->count].handle;
}

void ul_order_bind(struct ul_order *order, ul_order_handle handle, uint32_t stack)
{
	if (!handle || !stack)
		return;
	const size_t slot = (size_t)(handle & UINT32_MAX) - 1;
	if (order->sequence[slot] != handle >> 32) {
		order->unbound++;
		return;
	}
	order->slots[slot].stack = stack;
	order->bound++;
}

struct ul_error *ul_order_lost(struct ul_order *order, uint32_t cpu, uint64_t count,
			       int64_t time_ns)
{
	struct ul_order_cpu *of = &order->cpus[cpu % UL_ORDER_CPUS];
	of->count = 0;
	if (of->seen) {
		const struct ul_event lost = {.kind = UL_EVENT_LOST, .bytes = count};
		return order->take(order->context, &lost);
	}
	order->overwritten += count;
	order->overwritten_unknown += !count;
	const struct ul_event begins = {.kind = UL_EVENT_CPU_BEGINS, .time_ns = time_ns};
	ul_order_handle unused;
	return ul_order_event(order, &begins, 0, &unused);
}
