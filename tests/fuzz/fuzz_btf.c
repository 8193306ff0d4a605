// SPDX-License-Identifier: GPL-2.0-or-later
/* BTF of a kernel, then the same bytes as that of a module; everything is looked at. */
#include "fuzz_types.h"
#include "source/image/btf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ul_span bytes = {(const char *)data, size};
	UL_CLEANUP_TYPES struct ul_types *types = ul_types_create();
	struct ul_btf_base base;
	if (!types || size > 1 << 16)
		return 0;
	(void)ul_btf_bytes(bytes);
	struct ul_error *error = ul_btf_load(types, bytes, &base);
	if (!error)
		error = ul_btf_load_module(types, bytes, "module", &base);
	if (!error)
		error = ul_types_finish(types);
	if (!error)
		look_at_all(types);
	ul_error_destroy(error);
	return 0;
}
