/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UL_VIEW_UTF8_H
#define UL_VIEW_UTF8_H

#include <stddef.h>

/**
 * Bytes of the well-formed UTF-8 sequence that starts at @p bytes (@p len >= 1 of them are there);
 * 0 when there is none. RFC 3629: no surrogates, no overlong forms, nothing over U+10FFFF.
 */
size_t ul_utf8_len(const unsigned char *bytes, size_t len);

#endif
