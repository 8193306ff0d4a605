// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes behind the signature of an ELF core: header, segments, notes. */
#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_image(data, size, "\177ELF", 4);
}
