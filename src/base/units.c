// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/span.h"

struct unit {
	const char *name;
	double factor;
};

/** Leading decimal number (digits and at most one point) and the rest of the text. */
static bool split_number(const char *text, double *ret_number, const char **ret_rest)
{
	size_t len = strspn(text, "0123456789.");
	if (!len || len > 20 || text[0] == '.')
		return false;
	char digits[24];
	ul_span_copy((struct ul_span){text, len}, digits, sizeof(digits));
	char *end = NULL;
	*ret_number = strtod(digits, &end);
	*ret_rest = text + len;
	return *end == '\0';
}

static const struct unit *find_unit(const struct unit *units, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(units[i].name, name))
			return &units[i];
	return NULL;
}

struct ul_error *ul_parse_duration(const char *text, int64_t *ret_ns)
{
	static const struct unit units[] = {{"", 1},	  {"s", 1},	{"sec", 1},
					    {"ms", 1e-3}, {"us", 1e-6}, {"m", 60},
					    {"min", 60},  {"h", 3600},	{"d", 86400}};
	double number;
	const char *rest;
	const struct unit *unit = NULL;
	if (split_number(text, &number, &rest))
		unit = find_unit(units, UL_ARRAY_LEN(units), rest);
	const double seconds = unit ? number * unit->factor : 0;
	if (!unit || seconds <= 0 || seconds > 1e9)
		return ul_error_new(UL_ERR_USAGE,
				    "'%s' is not a duration (examples: 30s, 5m, 2h, 500ms)", text);
	*ret_ns = (int64_t)llround(seconds * (double)UL_NS_PER_S);
	return NULL;
}

struct ul_error *ul_parse_size(const char *text, uint64_t *ret_bytes)
{
	static const char letters[] = "kmgt";
	double number;
	const char *rest;
	if (!split_number(text, &number, &rest))
		goto bad;
	double factor = 1;
	if (*rest) {
		const char lower = (char)(*rest >= 'A' && *rest <= 'Z' ? *rest - 'A' + 'a' : *rest);
		const char *letter = strchr(letters, lower);
		if (letter) {
			factor = ldexp(1, 10 * (int)(letter - letters + 1));
			rest++;
		}
	}
	if (*rest && strcmp(rest, "B") != 0 && strcmp(rest, "iB") != 0)
		goto bad;
	const double bytes = number * factor;
	if (bytes > 9e18)
		goto bad;
	*ret_bytes = (uint64_t)llround(bytes);
	return NULL;
bad:
	return ul_error_new(UL_ERR_USAGE, "'%s' is not a size (examples: 4096, 64k, 64M, 2G)",
			    text);
}

struct ul_error *ul_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value;
	if (!ul_span_u64(ul_span_of(text), &value) || value < min || value > max)
		return ul_error_new(UL_ERR_USAGE,
				    "'%s' is not a whole number from %" PRIu64 " to %" PRIu64, text,
				    min, max);
	*ret = value;
	return NULL;
}

/** Three significant digits without an exponent. */
static void format_scaled(char *buffer, const char *sign, double value, const char *unit)
{
	const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
	snprintf(buffer, UL_UNITS_TEXT, "%s%.*f %s", sign, decimals, value, unit);
}

/** Scale |bytes| down by 1024 until it is below 1000; returns the unit's index. */
static size_t scale_bytes(double *value)
{
	size_t unit = 0;
	while (*value >= 999.5 && unit < 5) {
		*value /= 1024;
		unit++;
	}
	return unit;
}

static const char *const byte_units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};

const char *ul_format_bytes(char buffer[static UL_UNITS_TEXT], double bytes)
{
	double value = fabs(bytes);
	const size_t unit = scale_bytes(&value);
	const char *sign = bytes < 0 && value > 0 ? "-" : "";
	if (unit == 0)
		snprintf(buffer, UL_UNITS_TEXT, "%s%.0f B", sign, value);
	else
		format_scaled(buffer, sign, value, byte_units[unit]);
	return buffer;
}

const char *ul_format_rate(char buffer[static UL_UNITS_TEXT], double bytes_per_s)
{
	static const struct unit periods[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
	const double per_s = fabs(bytes_per_s);
	size_t period = 0;
	// Below 100 bytes a longer period reads better than a small number.
	while (period + 1 < UL_ARRAY_LEN(periods) && per_s * periods[period].factor < 1024)
		period++;
	double value = per_s * periods[period].factor;
	const size_t unit = scale_bytes(&value);
	char text[12];
	snprintf(text, sizeof(text), "%s/%s", byte_units[unit], periods[period].name);
	if (value < 0.5 && unit == 0)
		snprintf(buffer, UL_UNITS_TEXT, "0 B/s");
	else
		format_scaled(buffer, bytes_per_s < 0 ? "-" : "+", value, text);
	return buffer;
}

const char *ul_format_duration(char buffer[static UL_UNITS_TEXT], double seconds)
{
	if (!(seconds >= 0) || seconds > 1e12) {
		snprintf(buffer, UL_UNITS_TEXT, "unknown");
	} else if (seconds < 1) {
		snprintf(buffer, UL_UNITS_TEXT, "%.0f ms", seconds * 1e3);
	} else if (seconds < 9.95) {
		snprintf(buffer, UL_UNITS_TEXT, "%.1f s", seconds);
	} else {
		static const struct unit units[] = {
			{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
		size_t unit = UL_ARRAY_LEN(units) - 1;
		while (unit > 0 && seconds < units[unit].factor)
			unit--;
		const uint64_t whole = (uint64_t)(seconds / units[unit].factor);
		const double left = seconds - (double)whole * units[unit].factor;
		const uint64_t part = unit ? (uint64_t)(left / units[unit - 1].factor) : 0;
		if (part)
			snprintf(buffer, UL_UNITS_TEXT, "%" PRIu64 " %s %" PRIu64 " %s", whole,
				 units[unit].name, part, units[unit - 1].name);
		else
			snprintf(buffer, UL_UNITS_TEXT, "%" PRIu64 " %s", whole, units[unit].name);
	}
	return buffer;
}

const char *ul_format_count(char buffer[static UL_UNITS_TEXT], uint64_t count)
{
	char digits[UL_UNITS_TEXT];
	const int len = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	char *out = buffer;
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
	return buffer;
}
