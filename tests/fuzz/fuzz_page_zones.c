// SPDX-License-Identifier: GPL-2.0-or-later
/* Zones and RAM out of any text, and the pieces of memory they make together. */
#include "source/proc/page_flags.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ul_span text = {(const char *)data, size};
	struct ul_page_zones zones = {0};
	struct ul_page_ranges ram = {0};
	struct ul_page_ranges pieces = {0};
	uint64_t overlap;
	ul_error_destroy(ul_page_zones_parse(text, &zones));
	ul_error_destroy(ul_page_ram_parse(text, 4096, &ram));
	ul_error_destroy(ul_page_pieces(&zones, &ram, &pieces, &overlap));
	ul_vec_foreach (piece, &pieces.items)
		if (piece->first >= piece->end || piece->zone >= zones.items.len)
			__builtin_trap();
	if (pieces.items.len)
		ul_error_destroy(ul_page_ranges_cut(&pieces, pieces.items.data[0].first + 1,
						    pieces.items.data[0].first + 2));
	ul_vec_deinit(&zones.items);
	ul_vec_deinit(&ram.items);
	ul_vec_deinit(&pieces.items);
	return 0;
}
