// SPDX-License-Identifier: GPL-2.0-or-later
/* zoneinfo, vmstat, sockstat and CPU lists: any text. */
#include "source/proc/counters.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ul_span text = {(const char *)data, size};
	struct ul_zoneinfo zoneinfo;
	struct ul_vmstat vmstat;
	struct ul_sockstat sockstat = {0};
	uint32_t cpus;
	ul_error_destroy(ul_zoneinfo_parse(text, &zoneinfo));
	ul_error_destroy(ul_vmstat_parse(text, &vmstat));
	ul_sockstat_parse(text, &sockstat);
	ul_sockstat_parse(text, &sockstat);
	(void)ul_cpu_list_count(text, &cpus);
	return 0;
}
