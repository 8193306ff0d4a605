/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings owned by data: replace one, drop one, compare with NULL allowed. */
#ifndef UL_BASE_TEXT_H
#define UL_BASE_TEXT_H

#include <stdbool.h>

#include "base/cleanup.h"

/** Replace *@p slot by a copy of @p text (NULL clears it); false when memory is out. */
UL_MUST_USE bool ul_text_set(char **slot, const char *text);
/** Equal, both NULL included. */
bool ul_text_equal(const char *a, const char *b);
/** Copy into a fixed buffer, cut to fit, always NUL-terminated. */
void ul_text_copy(char *buffer, size_t size, const char *text);

#endif
