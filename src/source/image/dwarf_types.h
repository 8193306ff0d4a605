/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DWARF, the compiler's description of a program, as the types of a kernel: for a vmlinux without
 * BTF. Needs libdw; dwarf_types_none.c stands in where it is not built in.
 */
#ifndef UL_SOURCE_IMAGE_DWARF_TYPES_H
#define UL_SOURCE_IMAGE_DWARF_TYPES_H

#include <stdbool.h>

#include "model/loss.h"
#include "model/type.h"

struct Elf; /* of libelf */

/** Whether this build can read DWARF. */
bool ul_dwarf_built_in(void);
/**
 * Append the types, functions and variables that the DWARF of @p elf describes to the empty table
 * @p types; ul_types_finish() is the caller's. What leads nowhere is added to @p losses.
 * UL_ERR_UNSUPPORTED: there is none, or it cannot be read here; UL_ERR_LIMIT: it goes beyond what a
 * kernel's does. After an error the table is only good for ul_types_destroy().
 */
UL_MUST_USE struct ul_error *ul_dwarf_load(struct ul_types *types, struct Elf *elf,
					   struct ul_losses *losses);

#endif
