/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UL_VIEW_TUI_JSON_TOP_H
#define UL_VIEW_TUI_JSON_TOP_H

#include "view/tui/top.h"

/** Document `top`: every account and process at the point that is looked at. */
UL_MUST_USE struct ul_error *ul_json_top(FILE *out, bool pretty, const struct ul_top *top,
					 const struct ul_top_input *input);

#endif
