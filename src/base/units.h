/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes and durations as people write and read them. */
#ifndef UL_BASE_UNITS_H
#define UL_BASE_UNITS_H

#include <stdint.h>

#include "base/error.h"

#define UL_NS_PER_S 1000000000LL
#define UL_KIB	    1024LL
#define UL_MIB	    (1024LL * UL_KIB)

/** Room for any formatted quantity, NUL included. */
enum { UL_UNITS_TEXT = 32 };

/** "30", "30s", "500ms", "5m", "2h", "1d" -> nanoseconds; UL_ERR_USAGE names the text. > 0. */
UL_MUST_USE struct ul_error *ul_parse_duration(const char *text, int64_t *ret_ns);

/** "4096", "64k", "64M", "2G", "1T" (powers of 1024, optional B or iB) -> bytes; UL_ERR_USAGE. */
UL_MUST_USE struct ul_error *ul_parse_size(const char *text, uint64_t *ret_bytes);

/** Plain unsigned decimal in [min, max]; UL_ERR_USAGE says the range. */
UL_MUST_USE struct ul_error *ul_parse_number(const char *text, uint64_t min, uint64_t max,
					     uint64_t *ret);

/** "1.5 GiB", "-12 KiB", "640 B": three significant digits. Returns @p buffer. */
const char *ul_format_bytes(char buffer[static UL_UNITS_TEXT], double bytes);

/** "+1.2 MiB/s": with a sign, per second, minute, hour or day so that the number reads well. */
const char *ul_format_rate(char buffer[static UL_UNITS_TEXT], double bytes_per_s);

/** "450 ms", "12 s", "3 min 20 s", "2 h 5 min", "4 d 3 h". */
const char *ul_format_duration(char buffer[static UL_UNITS_TEXT], double seconds);

/** "12,345,678". */
const char *ul_format_count(char buffer[static UL_UNITS_TEXT], uint64_t count);

#endif
