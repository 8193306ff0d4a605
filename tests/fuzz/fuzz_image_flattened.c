// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes behind the signature of a flattened file, whatever is in it. */
#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_image(data, size, "makedumpfile\0\0\0", 16);
}
