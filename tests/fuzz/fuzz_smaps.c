// SPDX-License-Identifier: GPL-2.0-or-later
/* A process chooses names of its mappings; sums stay within the limit. */
#include "source/proc/smaps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ul_span text = {(const char *)data, size};
	struct ul_mappings mappings;
	struct ul_smaps_total total;
	ul_smaps_parse(text, &mappings);
	(void)ul_smaps_total(text, &total);
	for (int kind = 0; kind < UL_MAPPING_KINDS; kind++)
		if (mappings.classes[kind].largest_bytes > mappings.classes[kind].rss_bytes)
			__builtin_trap();
	return 0;
}
