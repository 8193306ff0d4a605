/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who holds memory, for people and for programs. */
#ifndef UL_VIEW_HOLDERS_H
#define UL_VIEW_HOLDERS_H

#include "model/holder.h"
#include "view/json_writer.h"
#include "view/term.h"

/** Member `holders` of an open object. @p top 0: every row. */
void ul_json_holders(struct ul_json *json, const struct ul_holders *holders, size_t top);
/** @p top: rows of each list. */
UL_MUST_USE struct ul_error *ul_term_holders(const struct ul_term *term,
					     const struct ul_holders *holders, size_t top);

#endif
