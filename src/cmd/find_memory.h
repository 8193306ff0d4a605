/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps of `find`: what memory itself says of what was not freed. */
#ifndef UL_CMD_FIND_MEMORY_H
#define UL_CMD_FIND_MEMORY_H

#include "cmd/cmd.h"
#include "model/finding.h"
#include "model/link.h"

/** The running kernel's memory, walked once. */
struct ul_cmd_memory;

/**
 * Walk it, when there is a leak to ask for. *@p ret NULL: there is none, or it cannot be done,
 * which is a loss of @p findings then.
 */
UL_MUST_USE struct ul_error *ul_cmd_memory_open(const struct ul_cmd_context *context,
						struct ul_findings *findings,
						struct ul_cmd_memory **ret);
void ul_cmd_memory_destroy(struct ul_cmd_memory *memory);
UL_DEFINE_CLEANUP(ul_cleanup_cmd_memory, struct ul_cmd_memory, ul_cmd_memory_destroy);
#define UL_CLEANUP_CMD_MEMORY UL_CLEANUP(ul_cleanup_cmd_memory)

/** Which survivors point to which. Borrows sites from @p trace. @p ret: caller deinits. */
UL_MUST_USE struct ul_error *ul_cmd_memory_links(struct ul_cmd_memory *memory,
						 const struct ul_trace *trace,
						 const struct ul_findings *findings,
						 struct ul_links *ret);
/**
 * For the survivors of leaks: does anything still point to them (lost or held, and by whom), what
 * are they (the path of a file, the addresses of a socket), and which release forgets them?
 */
UL_MUST_USE struct ul_error *ul_cmd_memory_look(struct ul_cmd_memory *memory,
						struct ul_findings *findings);

/** Opens, looks and closes: for findings that need no joining. */
UL_MUST_USE struct ul_error *ul_cmd_find_memory(const struct ul_cmd_context *context,
						struct ul_findings *findings);

#endif
