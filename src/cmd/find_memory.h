/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A step of `find`: what memory itself says of what was not freed. */
#ifndef UL_CMD_FIND_MEMORY_H
#define UL_CMD_FIND_MEMORY_H

#include "cmd/cmd.h"
#include "model/finding.h"

/**
 * For the survivors of leaks: does anything still point to them (lost or held, and by whom), and
 * what are they (the path of a file, the addresses of a socket)? Walks the running kernel's memory
 * once, and only when there is a leak to ask for. What cannot be done is a loss.
 */
UL_MUST_USE struct ul_error *ul_cmd_find_memory(const struct ul_cmd_context *context,
						struct ul_findings *findings);

#endif
