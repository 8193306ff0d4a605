// SPDX-License-Identifier: GPL-2.0-or-later
/* A vmlinux with DWARF: its types are read, finished and looked at. libdw is fuzzed with it. */
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "source/image/dwarf_types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct ul_types *types, ul_type_id id)
{
	struct ul_type type;
	struct ul_member member;
	struct ul_place place;
	char text[300];
	if (!ul_types_get(types, id, &type))
		return;
	ul_types_name(types, id, text, sizeof(text));
	(void)ul_types_find(types, type.kind, type.name);
	for (uint32_t i = 0; i < 8 && ul_types_member_at(types, id, i, &member); i++)
		(void)ul_types_place_in(types, id, member.name, &place);
}

static void load(Elf *elf)
{
	UL_CLEANUP_TYPES struct ul_types *types = ul_types_create();
	struct ul_losses losses = {0};
	if (!types)
		return;
	struct ul_error *error = ul_dwarf_load(types, elf, &losses);
	if (!error)
		error = ul_types_finish(types);
	for (ul_type_id id = 0; !error && id < ul_types_len(types) && id < 256; id++)
		look(types, id);
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
