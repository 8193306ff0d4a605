// SPDX-License-Identifier: GPL-2.0-or-later
/* A process chooses its name, and the name is not escaped in stat. */
#include "source/proc/process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ul_span text = {(const char *)data, size};
	struct ul_process process;
	uint64_t pages;
	(void)ul_process_parse_stat(text, &process);
	(void)ul_process_parse_statm(text, &pages);
	return 0;
}
