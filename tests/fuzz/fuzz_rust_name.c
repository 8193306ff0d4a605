// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes may be called a symbol: no crash, no endless work, and a result that ends. */
#include <string.h>

#include "base/rust_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[UL_RUST_NAME_MAX];
	const struct ul_span mangled = {(const char *)data, size};
	if (ul_rust_name(mangled, name, sizeof(name)) && !strnlen(name, sizeof(name)))
		__builtin_trap();
	return 0;
}
