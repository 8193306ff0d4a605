/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A step of `find`: what the objects behind the first findings hold, lost and freed. */
#ifndef UL_CMD_FIND_CONTENTS_H
#define UL_CMD_FIND_CONTENTS_H

#include "cmd/machine.h"
#include "model/finding.h"

UL_MUST_USE struct ul_error *ul_cmd_find_contents(const struct ul_machine *machine,
						  const struct ul_trace *trace,
						  struct ul_findings *findings);

#endif
