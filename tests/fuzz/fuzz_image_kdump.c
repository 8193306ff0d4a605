// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes behind the signature of a kdump-compressed dump: headers, bitmaps, descriptors,
 * compressed pages.
 */
#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_image(data, size, "KDUMP   ", 8);
}
