// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copy kernel memory for a reader in user space, and name two addresses to begin with.
 *
 * Programs of type `syscall` (Linux v5.14 79a7f8bdb159 "bpf: Introduce bpf_sys_bpf() helper and
 * program type") run when user space asks, once per request, attach to nothing and cost nothing
 * otherwise. The copy is bpf_probe_read_kernel(): it never faults the kernel, a page that is not
 * mapped fails the whole request, and a kernel locked down for confidentiality refuses the load.
 *
 * The structures below hold only the members used; CO-RE finds their place in the running kernel.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "live_shared.h"

/* Linux include/linux/mm_types.h struct page: only its address is of interest here. */
struct page;

/* Linux include/linux/vmalloc.h struct vm_struct */
struct vm_struct {
	struct page **pages;
} __attribute__((preserve_access_index));

/* Linux include/linux/sched.h struct task_struct; stack_vm_area only with CONFIG_VMAP_STACK */
struct task_struct {
	struct vm_struct *stack_vm_area;
} __attribute__((preserve_access_index));

struct window {
	__u8 bytes[UL_LIVE_WINDOW_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UL_LIVE_WINDOWS); /* fewer on small machines */
	__type(key, __u32);
	__type(value, struct window);
} window SEC(".maps");

SEC("syscall")
int read_memory(struct ul_live_request *request)
{
	const __u32 key = request->window;
	struct window *to = bpf_map_lookup_elem(&window, &key);
	__u32 len = request->len;

	request->done = 0;
	if (!to || len > sizeof(to->bytes))
		return 0;
	if (!bpf_probe_read_kernel(to->bytes, len, (const void *)request->kaddr))
		request->done = 1;
	return 0;
}

SEC("syscall")
int find_anchors(struct ul_live_anchors *anchors)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct page **pages = 0;
	struct page *first = 0;
	const __u32 key = 0;

	anchors->windows = (__u64)bpf_map_lookup_elem(&window, &key);
	anchors->task = (__u64)task;
	if (bpf_core_field_exists(task->stack_vm_area))
		pages = BPF_CORE_READ(task, stack_vm_area, pages);
	if (pages)
		bpf_probe_read_kernel(&first, sizeof(first), pages);
	anchors->stack_page = (__u64)first;
	return 0;
}

char license_name[] SEC("license") = "GPL";
