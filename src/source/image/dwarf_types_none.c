// SPDX-License-Identifier: GPL-2.0-or-later
/* For builds without libdw. */
#include "source/image/dwarf_types.h"

bool ul_dwarf_built_in(void)
{
	return false;
}

struct ul_error *ul_dwarf_load(struct ul_types *types, struct Elf *elf, struct ul_losses *losses)
{
	return ul_error_new(UL_ERR_UNSUPPORTED, "built without libdw");
}
