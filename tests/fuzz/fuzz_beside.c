// SPDX-License-Identifier: GPL-2.0-or-later
/* mm_stat, arcstats, bufinfo (names of buffers are free), iomem, /proc/PID/status. */
#include "source/proc/beside.h"
#include "source/proc/process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ul_span text = {(const char *)data, size};
	struct ul_zram zram;
	struct ul_process_status status;
	uint64_t a;
	uint64_t b;
	(void)ul_zram_parse(text, &zram);
	(void)ul_arcstats_parse(text, &a);
	(void)ul_bufinfo_parse(text, &a, &b);
	(void)ul_iomem_parse(text, &a);
	ul_process_parse_status(text, &status);
	return 0;
}
