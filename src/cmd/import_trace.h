/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ullage import` of a recorded trace: from events to sites. */
#ifndef UL_CMD_IMPORT_TRACE_H
#define UL_CMD_IMPORT_TRACE_H

#include "cmd/cmd.h"

/** True when the first file given is a trace, told by its contents or by --format trace. */
bool ul_import_is_trace(const struct ul_cmd_context *context);
/** Pair it, show the sites, and write them to the recording of -o, if that is given. */
UL_MUST_USE struct ul_error *ul_import_trace(const struct ul_cmd_context *context);

#endif
