/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moments of a recording, as --from and --to say them. */
#ifndef UL_CMD_MOMENT_H
#define UL_CMD_MOMENT_H

#include <stdint.h>

#include "base/error.h"

/**
 * "start", "end", "+5m" (after the start), "-1h" (before the end), "10:30" (the last one in the
 * recording), "2024-05-01 10:30", and all that ul_when_parse() takes; without a zone in local time.
 *
 * @param option  "--from": for the message.
 * @return UL_ERR_USAGE. The moment may lie outside of the recording.
 */
UL_MUST_USE struct ul_error *ul_moment_parse(const char *option, const char *text, int64_t first_ns,
					     int64_t last_ns, int64_t *ret_ns);
/** The same digits on a clock of this zone: @p utc_ns says 10:30 in UTC, the result 10:30 here. */
int64_t ul_moment_as_local(int64_t utc_ns);

#endif
