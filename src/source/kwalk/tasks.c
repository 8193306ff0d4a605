// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stacks. Only the part from the stack pointer up is alive; below it lie the pointers of calls that
 * have returned, and with them most leaked objects would be found again. So a stack as a block is
 * never scanned, and [sp, top) is a root of its own. A task that is on a processor has its stack
 * pointer in that processor's registers; where these are not known, all of its stack counts.
 *
 * Interrupts have stacks of their own, in each CPU's static area: they hold something only while in
 * use, and are left out of that root otherwise.
 */
#include <stdlib.h>

#include "source/kwalk/kwalk_internal.h"

enum {
	STACK_BYTES = 16384, /**< of x86_64 and arm64 without KASAN, where types do not say */
	STACK_BYTES_MAX = 1 << 20
};

struct ul_error *ul_kwalk_cpus(struct ul_kwalk *walk)
{
	uint64_t at;
	uint32_t cpus = walk->image->kernel.cpus;
	ul_kwalk_variable32(walk, "nr_cpu_ids", &cpus);
	if (!ul_kwalk_symbol(walk, "__per_cpu_start", &walk->percpu_start))
		walk->percpu_start = 0;
	if (!ul_kwalk_variable(walk, "pcpu_base_addr", &walk->percpu_base))
		walk->percpu_base = 0;
	if (!ul_kwalk_symbol(walk, "__per_cpu_offset", &at) || !cpus || cpus > UL_KWALK_CPUS)
		return ul_kwalk_loss(walk, UL_BIAS_OVER, 0,
				     "per-CPU memory: its offsets are not known; what waits on a "
				     "CPU's lists counts as allocated");
	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		uint64_t offset;
		if (!ul_kwalk_word(walk, at + cpu * 8, 0, &offset))
			break;
		if (!ul_vec_push(&walk->heap->cpu_offsets, offset))
			return &ul_enomem;
	}
	return NULL;
}

/** The processor whose stack pointer lies in [start, end); NULL: none. */
static const struct ul_cpu_state *cpu_within(const struct ul_kwalk *walk, uint64_t start,
					     uint64_t end)
{
	ul_vec_foreach (cpu, &walk->image->cpus)
		if (cpu->sp && cpu->sp >= start && cpu->sp < end)
			return cpu;
	return NULL;
}

/** An int before v6.19, then a byte. */
static bool is_on_cpu(const struct ul_kwalk *walk, uint64_t task)
{
	uint32_t on_cpu = 0;
	ul_kwalk_u32(walk, task, walk->layout.task_on_cpu, &on_cpu);
	return walk->layout.task_on_cpu_bytes == 1 ? on_cpu & 0xff : on_cpu;
}

/** KASAN makes stacks larger; the area that they are in knows. */
static uint64_t stack_bytes(const struct ul_kwalk *walk, uint64_t task)
{
	const uint64_t page_bytes = walk->heap->space.page_bytes;
	const uint64_t known = walk->layout.stack_bytes ? walk->layout.stack_bytes : STACK_BYTES;
	uint64_t vm;
	uint64_t bytes;
	if (!ul_kwalk_word(walk, task, walk->layout.task_stack_vm, &vm) ||
	    !ul_kwalk_is_pointer(vm) || !ul_kwalk_word(walk, vm, walk->layout.vm_size, &bytes))
		return known;
	bytes -= page_bytes; // the guard page
	return bytes >= page_bytes && bytes <= STACK_BYTES_MAX && !(bytes & (bytes - 1)) ? bytes
											 : known;
}

static struct ul_error *add_task(struct ul_kwalk *walk, uint64_t task)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	struct ul_kwalk_stack stack = {.task = task};
	uint64_t sp;
	if (!ul_kwalk_word(walk, task, layout->task_stack, &stack.start))
		return ul_kwalk_loss(walk, UL_BIAS_OVER, 1, "tasks that cannot be read");
	if (!stack.start) // it has exited
		return NULL;
	stack.bytes = stack_bytes(walk, task);
	if (!ul_kwalk_is_pointer(stack.start) || stack.start & 0xfff)
		return ul_kwalk_loss(walk, UL_BIAS_OVER, 1, "tasks whose stack makes no sense");
	const struct ul_cpu_state *cpu = cpu_within(walk, stack.start, stack.start + stack.bytes);
	if (cpu)
		stack.sp = cpu->sp;
	else if (!is_on_cpu(walk, task) && ul_kwalk_word(walk, task, layout->task_sp, &sp) &&
		 sp > stack.start && sp < stack.start + stack.bytes)
		stack.sp = sp;
	return ul_vec_push(&walk->stacks, stack) ? NULL : &ul_enomem;
}

/** All threads of the process that @p leader leads. */
static struct ul_error *add_threads(struct ul_kwalk *walk, uint64_t leader, size_t *left,
				    bool *whole)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	uint64_t signal;
	uint64_t node;
	if (!ul_kwalk_word(walk, leader, layout->task_signal, &signal) ||
	    !ul_kwalk_is_pointer(signal) || layout->signal_thread_head == UL_KWALK_NONE ||
	    layout->task_thread_node == UL_KWALK_NONE) {
		*whole = false;
		return add_task(walk, leader);
	}
	struct ul_kwalk_list list =
		ul_kwalk_list_begin(walk, signal + layout->signal_thread_head, *left);
	while (ul_kwalk_list_next(&list, &node))
		UL_TRY(add_task(walk, node - layout->task_thread_node));
	*left = list.left;
	*whole = *whole && !list.broken;
	return NULL;
}

static struct ul_error *add_all_tasks(struct ul_kwalk *walk)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	size_t left = UL_KWALK_TASKS;
	bool whole = true;
	uint64_t init;
	uint64_t node;
	if (!ul_kwalk_symbol(walk, "init_task", &init) || layout->task_tasks == UL_KWALK_NONE)
		return ul_kwalk_loss(walk, UL_BIAS_OVER, 0, "tasks: no init_task");
	struct ul_kwalk_list list = ul_kwalk_list_begin(walk, init + layout->task_tasks, left);
	UL_TRY(add_threads(walk, init, &left, &whole));
	while (left && ul_kwalk_list_next(&list, &node))
		UL_TRY(add_threads(walk, node - layout->task_tasks, &left, &whole));
	return whole && !list.broken && left
		       ? NULL
		       : ul_kwalk_loss(walk, UL_BIAS_OVER, 0, "tasks: a list of them is damaged");
}

/** Each processor's idle task is on no list. */
static struct ul_error *add_idle_tasks(struct ul_kwalk *walk)
{
	uint64_t pointers;
	uint64_t queues;
	const bool has_pointers = ul_kwalk_symbol(walk, "idle_threads", &pointers);
	const bool has_queues = ul_kwalk_symbol(walk, "runqueues", &queues);
	for (size_t cpu = 0; cpu < walk->heap->cpu_offsets.len; cpu++) {
		uint64_t task = 0;
		const bool found =
			(has_pointers &&
			 ul_kwalk_word(walk, ul_kwalk_percpu(walk, pointers, cpu), 0, &task)) ||
			(has_queues && ul_kwalk_word(walk, ul_kwalk_percpu(walk, queues, cpu),
						     walk->layout.rq_idle, &task));
		if (found && ul_kwalk_is_pointer(task))
			UL_TRY(add_task(walk, task));
	}
	return NULL;
}

static int compare_stacks(const void *a, const void *b)
{
	const struct ul_kwalk_stack *left = a;
	const struct ul_kwalk_stack *right = b;
	return (left->start > right->start) - (left->start < right->start);
}

static int compare_ranges(const void *a, const void *b)
{
	const struct ul_range *left = a;
	const struct ul_range *right = b;
	return (left->start > right->start) - (left->start < right->start);
}

/** Stacks sorted, each once (init_task is met twice). */
static void sort_stacks(struct ul_kwalk *walk)
{
	size_t kept = 0;
	if (walk->stacks.len)
		qsort(walk->stacks.data, walk->stacks.len, sizeof(*walk->stacks.data),
		      compare_stacks);
	ul_vec_foreach (stack, &walk->stacks)
		if (!kept || walk->stacks.data[kept - 1].start != stack->start)
			walk->stacks.data[kept++] = *stack;
	walk->stacks.len = kept;
}

static struct ul_error *leave_out(struct ul_kwalk *walk, uint64_t start, uint64_t bytes)
{
	return ul_vec_push(&walk->not_root, ((struct ul_range){start, start + bytes})) ? NULL
										       : &ul_enomem;
}

static struct ul_error *root_stacks(struct ul_kwalk *walk)
{
	ul_vec_foreach (stack, &walk->stacks) {
		uint64_t pfn;
		const uint64_t start = stack->sp ? stack->sp & ~UINT64_C(7) : stack->start;
		UL_TRY(ul_kwalk_root(walk, UL_ROOT_STACK, start,
				     stack->start + stack->bytes - start, stack->task));
		UL_TRY(leave_out(walk, stack->start, stack->bytes));
		// Of an area, the area is the block; of pages, these are.
		const bool pages = ul_space_direct_pfn(&walk->heap->space, stack->start, &pfn);
		ul_kwalk_claim(walk, stack->start, stack->bytes,
			       pages ? UL_FRAME_OLD_STACK : UL_FRAME_STACK);
	}
	return NULL;
}

/** A stack in each CPU's static area: a root where a stack pointer lies in it. */
static struct ul_error *static_stack(struct ul_kwalk *walk, const char *symbol, uint64_t bytes)
{
	uint64_t at;
	if (!bytes || !ul_kwalk_symbol(walk, symbol, &at))
		return NULL;
	for (size_t cpu = 0; cpu < walk->heap->cpu_offsets.len; cpu++) {
		const uint64_t start = ul_kwalk_percpu(walk, at, cpu);
		UL_TRY(leave_out(walk, start, bytes));
		// It is mapped at another address, too: that is what the stack pointer has.
		uint64_t phys;
		uint64_t phys_sp;
		uint64_t run;
		bool used = walk->image->live;
		ul_vec_foreach (state, &walk->image->cpus)
			if (state->sp && ul_memory_phys(walk->memory, state->sp, &phys_sp, &run) &&
			    ul_memory_phys(walk->memory, start, &phys, &run))
				used = used || (phys_sp >= phys && phys_sp - phys < bytes);
		if (used)
			UL_TRY(ul_kwalk_root(walk, UL_ROOT_STACK, start, bytes, 0));
	}
	return NULL;
}

struct ul_error *ul_kwalk_tasks(struct ul_kwalk *walk)
{
	const struct ul_types *types = walk->image->types;
	const uint64_t irq_bytes = ul_types_sizeof(types, "irq_stack");
	UL_TRY(add_all_tasks(walk));
	UL_TRY(add_idle_tasks(walk));
	sort_stacks(walk);
	UL_TRY(root_stacks(walk));
	// Linux arch/x86/kernel/irq_64.c, arch/x86/include/asm/cpu_entry_area.h
	UL_TRY(static_stack(walk, "irq_stack_backing_store", irq_bytes ? irq_bytes : STACK_BYTES));
	UL_TRY(static_stack(walk, "exception_stacks", ul_types_sizeof(types, "exception_stacks")));
	if (walk->not_root.len)
		qsort(walk->not_root.data, walk->not_root.len, sizeof(*walk->not_root.data),
		      compare_ranges);
	return NULL;
}
