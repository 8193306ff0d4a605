// SPDX-License-Identifier: GPL-2.0-or-later
/* Which reader of live kernel memory works here: BPF first (no kcore needed), then /proc/kcore. */
#include "source/image/live.h"

struct ul_error *ul_live_open(struct ul_memory **ret)
{
	struct ul_error *by_bpf = ul_live_bpf_open(ret);
	if (!by_bpf)
		return NULL;
	UL_CLEANUP_ERROR struct ul_error *by_kcore = ul_live_kcore_open("/proc/kcore", ret);
	if (by_kcore)
		return ul_error_prepend(by_bpf, "reading live kernel memory: %s",
					by_kcore->message);
	ul_error_destroy(by_bpf);
	return NULL;
}
