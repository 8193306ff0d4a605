// SPDX-License-Identifier: GPL-2.0-or-later
/* A vmlinux with DWARF: its types are read, finished and looked at. libdw is fuzzed with it. */
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_types.h"
#include "source/image/dwarf_types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void load(Elf *elf)
{
	UL_CLEANUP_TYPES struct ul_types *types = ul_types_create();
	struct ul_losses losses = {0};
	if (!types)
		return;
	struct ul_error *error = ul_dwarf_load(types, elf, &losses);
	if (!error)
		error = ul_types_finish(types);
	if (!error)
		look_at_all(types);
	ul_error_destroy(error);
	ul_losses_deinit(&losses);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	// libelf writes into what it is given.
	char *copy = size && size <= 1 << 16 ? malloc(size) : NULL;
	if (!copy || elf_version(EV_CURRENT) == EV_NONE) {
		free(copy);
		return 0;
	}
	memcpy(copy, data, size);
	Elf *elf = elf_memory(copy, size);
	if (elf)
		load(elf);
	(void)elf_end(elf);
	free(copy);
	return 0;
}
