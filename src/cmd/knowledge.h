/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings of the machine, as recognising needs them. */
#ifndef UL_CMD_KNOWLEDGE_H
#define UL_CMD_KNOWLEDGE_H

#include <stdbool.h>

#include "model/knowledge.h"

/**
 * Read the number of a setting; struct ul_recognise_facts.setting. @p data: struct ul_options *.
 */
bool ul_cmd_setting(const struct ul_setting_value *value, double *ret, void *data);

#endif
