/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A step of `find --trigger`: who takes references to what is lost, and who gives them back. */
#ifndef UL_CMD_FIND_BALANCE_H
#define UL_CMD_FIND_BALANCE_H

#include "cmd/find_calls.h"

/**
 * Run the commands once more and follow the objects of the findings that leak and whose type counts
 * references; fill their imbalances. Nothing is run where there is none. What cannot be watched is
 * a loss of @p findings.
 */
UL_MUST_USE struct ul_error *ul_cmd_find_balance(const struct ul_find_calls *what,
						 struct ul_findings *findings);

#endif
