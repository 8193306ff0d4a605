/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ullage knows of things that grow: data/knowledge.txt, and files of the same format. */
#ifndef UL_SOURCE_KNOWLEDGE_KNOWLEDGE_H
#define UL_SOURCE_KNOWLEDGE_KNOWLEDGE_H

#include "base/error.h"
#include "base/span.h"
#include "model/knowledge.h"

/** The knowledge that is part of the program. @p ret is initialised here; caller deinits it. */
UL_MUST_USE struct ul_error *ul_knowledge_shipped(struct ul_knowledge *ret);
/**
 * Parse the text of such a file (ullage-explain(8) describes the format). The first mistake is
 * UL_ERR_BAD_DATA with its line. @p ret as above.
 */
UL_MUST_USE struct ul_error *ul_knowledge_parse(struct ul_span text, struct ul_knowledge *ret);
/** The same from a file. */
UL_MUST_USE struct ul_error *ul_knowledge_read(const char *path, struct ul_knowledge *ret);

/**
 * The number that @p value names, out of the text of its file. False when it is not there, or is no
 * number.
 */
bool ul_setting_number(const struct ul_setting_value *value, struct ul_span text, double *ret);

#endif
