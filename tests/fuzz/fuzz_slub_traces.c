// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any text may be called SLUB's traces; in pieces it gives what it gives whole, and the books of
 * every site balance.
 */
#include "fuzz_exact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	parse_whole_and_in_pieces(UL_EXACT_SLUB, data, size);
	return 0;
}
