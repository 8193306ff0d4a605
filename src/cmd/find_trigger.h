/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `find --trigger COMMAND`: run it again and again, and tie what grows to what it runs. */
#ifndef UL_CMD_FIND_TRIGGER_H
#define UL_CMD_FIND_TRIGGER_H

#include "cmd/cmd.h"

UL_MUST_USE struct ul_error *ul_cmd_find_trigger(struct ul_cmd_context *context);

#endif
