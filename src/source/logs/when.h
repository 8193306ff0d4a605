/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moments as people and programs write them: `date`, `date -Is`, seconds since 1970, file names. */
#ifndef UL_SOURCE_LOGS_WHEN_H
#define UL_SOURCE_LOGS_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct ul_when {
	int64_t time_ns; /**< since 1970-01-01; without a zone as if in UTC; without a date: of day
			    0 */
	bool has_date;
	bool has_clock; /**< a time of day, not only a date */
	bool has_zone;	/**< or seconds since 1970 */
};

/**
 * The whole of @p text is one moment: "Thu Oct 12 10:11:12 UTC 2023", "2023-10-12T10:11:12+02:00",
 * "12 Oct 2023 10:11:12 AM", "1697105472.5", "20231012-101112", "10:11:12". False for anything
 * else: a line that only begins like one is data.
 */
bool ul_when_parse(struct ul_span text, struct ul_when *ret);

#endif
