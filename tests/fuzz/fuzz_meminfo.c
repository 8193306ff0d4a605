// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text may be called meminfo: it is parsed or refused. */
#include "source/proc/meminfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ul_span text = {(const char *)data, size};
	struct ul_meminfo meminfo;
	ul_error_destroy(ul_meminfo_parse(text, &meminfo));
	return 0;
}
