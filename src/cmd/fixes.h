/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Known fixes, as `fixes` and `find` both need them. */
#ifndef UL_CMD_FIXES_H
#define UL_CMD_FIXES_H

#include "cmd/cmd.h"
#include "model/fix.h"
#include "model/kernel.h"

/** The index at @p index; NULL: the one that ships, united with the user's own. */
UL_MUST_USE struct ul_error *ul_cmd_fixes_open(const char *index, struct ul_fixes *ret);
/** What the changelog of the running kernel's package adds to the answers in @p matches. */
UL_MUST_USE struct ul_error *ul_cmd_fixes_packages(const struct ul_kernel *kernel,
						   const struct ul_kernel_version *version,
						   struct ul_fix_matches *matches);

#endif
