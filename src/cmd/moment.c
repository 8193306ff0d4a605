// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/moment.h"

#include <string.h>
#include <time.h>

#include "base/units.h"
#include "source/logs/when.h"

int64_t ul_moment_as_local(int64_t utc_ns)
{
	const int64_t fraction_ns = ((utc_ns % UL_NS_PER_S) + UL_NS_PER_S) % UL_NS_PER_S;
	const time_t seconds = (utc_ns - fraction_ns) / UL_NS_PER_S;
	struct tm clock;
	if (!gmtime_r(&seconds, &clock))
		return utc_ns;
	clock.tm_isdst = -1;
	const time_t local = mktime(&clock);
	return local == -1 ? utc_ns : local * UL_NS_PER_S + fraction_ns;
}

/** Midnight of the day of @p ns, here, in the digits of UTC. */
static int64_t day_of(int64_t ns)
{
	const time_t seconds = ns / UL_NS_PER_S;
	struct tm clock;
	if (!localtime_r(&seconds, &clock))
		return 0;
	clock.tm_hour = clock.tm_min = clock.tm_sec = 0;
	return timegm(&clock) * UL_NS_PER_S;
}

static int64_t clock_in_recording(int64_t clock_ns, int64_t last_ns)
{
	const int64_t day_ns = 86400 * UL_NS_PER_S;
	const int64_t today = ul_moment_as_local(day_of(last_ns) + clock_ns);
	return today <= last_ns ? today : ul_moment_as_local(day_of(last_ns) - day_ns + clock_ns);
}

struct ul_error *ul_moment_parse(const char *option, const char *text, int64_t first_ns,
				 int64_t last_ns, int64_t *ret_ns)
{
	struct ul_when when;
	if (!strcmp(text, "start") || !strcmp(text, "end")) {
		*ret_ns = *text == 's' ? first_ns : last_ns;
		return NULL;
	}
	if (*text == '+' || *text == '-') {
		int64_t distance_ns;
		UL_TRY(ul_parse_duration(text + 1, &distance_ns));
		const int64_t from_ns = *text == '+' ? first_ns : last_ns;
		if (__builtin_add_overflow(from_ns, *text == '+' ? distance_ns : -distance_ns,
					   ret_ns))
			return ul_error_new(UL_ERR_USAGE, "%s: '%s' is too far", option, text);
		return NULL;
	}
	if (!ul_when_parse(ul_span_of(text), &when))
		return ul_error_hint(
			ul_error_new(UL_ERR_USAGE, "%s: '%s' is not a time", option, text),
			"such as 10:30, \"2024-05-01 10:30\", +5m (after the start), -1h "
			"(before the end), start, end");
	*ret_ns = !when.has_date  ? clock_in_recording(when.time_ns, last_ns)
		  : when.has_zone ? when.time_ns
				  : ul_moment_as_local(when.time_ns);
	return NULL;
}
