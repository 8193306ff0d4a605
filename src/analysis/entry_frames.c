// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/entry_frames.h"

#include <string.h>

#include "base/cleanup.h"

bool ul_entry_frame(const char *function)
{
	// Prefixes: names of one layer begin alike.
	static const char *const prefixes[] = {"__x64_sys_",
					       "__ia32_sys_",
					       "__arm64_sys_",
					       "__se_sys_",
					       "__do_sys_",
					       "do_syscall_",
					       "entry_",
					       "ret_from_",
					       "kthread",
					       "worker_",
					       "process_one_work",
					       "vfs_",
					       "ksys_",
					       "x64_sys_",
					       "el0",
					       "invoke_syscall",
					       "do_el0_svc",
					       "proc_reg_",
					       "new_sync_",
					       "do_sys_",
					       "path_openat",
					       "do_filp_open",
					       "do_dentry_open",
					       "rcu_core",
					       "__do_softirq",
					       "handle_softirqs",
					       "asm_",
					       "sysvec_",
					       "irq_exit",
					       "full_proxy_",
					       "process_scheduled_works",
					       "do_one_initcall",
					       "kernel_init",
					       "do_init_module",
					       "load_module",
					       "really_probe",
					       "__driver_attach",
					       "driver_probe_device",
					       "__driver_probe_device",
					       "__device_attach",
					       "device_attach",
					       "bus_for_each_",
					       "bus_probe_device",
					       "device_initial_probe",
					       "bus_add_driver",
					       "driver_register",
					       "driver_attach",
					       "device_add",
					       "platform_probe",
					       "local_pci_probe",
					       "work_for_cpu_fn",
					       "sock_sendmsg",
					       "__sock_sendmsg",
					       "____sys_sendmsg",
					       "___sys_sendmsg",
					       "__sys_sendmsg",
					       "__netif_receive_skb",
					       "ip_rcv",
					       "ip_local_",
					       "ip_protocol_deliver_rcu",
					       "__run_exit_handlers",
					       "do_exit",
					       "__fput",
					       "task_work_run",
					       "kmemleak_",
					       "dump_stack"};
	for (size_t i = 0; i < UL_ARRAY_LEN(prefixes); i++)
		if (!strncmp(function, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}
