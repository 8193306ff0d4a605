// SPDX-License-Identifier: GPL-2.0-or-later
/* memory.stat, cgroup.stat, /proc/cgroups: written by the kernel, of any version. */
#include "source/proc/cgroup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ul_span text = {(const char *)data, size};
	int64_t figures[UL_CGROUP_FIGURES];
	uint64_t a;
	uint64_t b;
	ul_cgroup_parse_stat(text, false, figures);
	ul_cgroup_parse_stat(text, true, figures);
	(void)ul_cgroup_parse_counts(text, &a, &b);
	(void)ul_cgroup_parse_controllers(text, &a);
	return 0;
}
