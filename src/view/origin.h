/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where objects are from: parts that `orphans`, `inspect` and `whatis` share. */
#ifndef UL_VIEW_ORIGIN_H
#define UL_VIEW_ORIGIN_H

#include "base/buf.h"
#include "model/origin.h"
#include "view/json_writer.h"
#include "view/term.h"

/** `charged_to` and `allocated_at`: what most of the objects share; null where they do not. */
void ul_json_origins(struct ul_json *json, const struct ul_origins *origins);
/** The arrays `charges` and `code_tags`, of all that is known; the first few tens. */
void ul_json_all_origins(struct ul_json *json, const struct ul_origins *origins);

/**
 * "98 % charged to /a/b; allocated at fs/file.c:7 by f": what most of the objects share, without
 * a share where all do, behind @p before. False, and nothing is added, where they share nothing.
 */
bool ul_term_origins(struct ul_buf *buf, const char *before, const struct ul_origins *origins);
/** Lines with counts, most objects first, the first few of each. */
void ul_term_all_origins(const struct ul_term *term, const struct ul_origins *origins);

#endif
