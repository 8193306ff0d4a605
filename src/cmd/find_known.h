/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Last step of `find`: who may have lost it, what is known of it, which upstream fix mends it. */
#ifndef UL_CMD_FIND_KNOWN_H
#define UL_CMD_FIND_KNOWN_H

#include "cmd/cmd.h"
#include "cmd/machine.h"
#include "model/finding.h"
#include "model/fix.h"
#include "model/kernel.h"

/**
 * Fill suspects, known and fixes of every finding. @p machine may have nothing open (a recording).
 * @p ret_fixes: the index the findings borrow from; caller deinits it after them. An index that
 * cannot be read is a loss.
 */
UL_MUST_USE struct ul_error *ul_cmd_find_known(const struct ul_cmd_context *context,
					       const struct ul_machine *machine,
					       const struct ul_kernel *kernel,
					       struct ul_findings *findings,
					       struct ul_fixes *ret_fixes);

#endif
