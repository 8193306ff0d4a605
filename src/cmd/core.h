/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A dump as a ledger, for the commands that read ledgers. */
#ifndef UL_CMD_CORE_H
#define UL_CMD_CORE_H

#include "cmd/cmd.h"
#include "model/kernel.h"
#include "model/ledger.h"
#include "model/type_census.h"

/**
 * The books of the dump in the @p len files @p paths (several: a split one). @p ret is initialised
 * by the caller; losses of the image and of its heap are in it. @p ret_types: objects
 * by cache and type, caller deinits; may be NULL, and stays empty (a loss) where types cannot be
 * told.
 */
UL_MUST_USE struct ul_error *ul_cmd_core_ledger(const struct ul_cmd_context *context,
						const char *const *paths, size_t len,
						struct ul_kernel *ret_kernel, struct ul_ledger *ret,
						struct ul_type_census *ret_types);

#endif
