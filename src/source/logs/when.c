// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A moment is taken apart into words, each of which may be only a few things; the whole is believed
 * when every word was used and nothing was said twice. That takes the outputs of date(1) in the
 * locales that write English names, ISO 8601, seconds since 1970 and the compact forms of file
 * names with one small table, and refuses lines of data that happen to begin with a number.
 *
 * Errs: CST and the other ambiguous names of zones are read as date(1) reads them (North America).
 * Names of months in other languages are not known, and such a line is no moment at all.
 */
#include "source/logs/when.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/units.h"

enum {
	MAX_WORDS = 10,
	YEAR_MIN = 1970,
	YEAR_MAX = 2261, /**< the last whole year that nanoseconds in 64 bits reach */
	NS_DIGITS = 9,
	EPOCH_DIGITS_MIN = 9,
	HOUR_S = 3600,
	DAY_S = 86400,
};

struct parts {
	int year, month, day; /**< -1: not said */
	int hour, minute, second;
	int64_t fraction_ns;
	int64_t epoch_s; /**< -1: not said */
	int zone_s;
	bool has_zone;
	int half; /**< 0 AM, 12 PM, -1 neither */
};

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
				     "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
static const char *const labels[] = {"date", "time", "timestamp", "sample", "at"};
static const struct {
	const char *name;
	int hours;
} zones[] = {
	{"Z", 0},    {"UTC", 0},  {"GMT", 0},  {"WET", 0},  {"WEST", 1}, {"BST", 1},  {"CET", 1},
	{"CEST", 2}, {"EET", 2},  {"EEST", 3}, {"MSK", 3},  {"JST", 9},	 {"EST", -5}, {"EDT", -4},
	{"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7},
};

static bool all_digits(struct ul_span word)
{
	for (size_t i = 0; i < word.len; i++)
		if (word.data[i] < '0' || word.data[i] > '9')
			return false;
	return word.len > 0;
}

/** Cut @p digits digits off @p rest; false when they are not there. */
static bool cut_digits(struct ul_span *rest, size_t digits, int *ret)
{
	if (rest->len < digits)
		return false;
	int value = 0;
	for (size_t i = 0; i < digits; i++) {
		const char c = rest->data[i];
		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (c - '0');
	}
	rest->data += digits;
	rest->len -= digits;
	*ret = value;
	return true;
}

/** As many digits as there are, one to four. */
static bool cut_number(struct ul_span *rest, int *ret)
{
	size_t digits = 0;
	while (digits < rest->len && digits < 5 && isdigit((unsigned char)rest->data[digits]))
		digits++;
	return digits && digits < 5 && cut_digits(rest, digits, ret);
}

static bool cut_char(struct ul_span *rest, const char *set, char *ret)
{
	if (!rest->len || !strchr(set, rest->data[0]) || !rest->data[0])
		return false;
	*ret = rest->data[0];
	rest->data++;
	rest->len--;
	return true;
}

/** "name" or its first three letters, whatever the case; a full stop or colon behind is fine. */
static int find_name(struct ul_span word, const char *const *names, size_t len)
{
	while (word.len && (word.data[word.len - 1] == '.' || word.data[word.len - 1] == ':'))
		word.len--;
	for (size_t i = 0; i < len; i++)
		if (word.len == strlen(names[i]) && !strncasecmp(word.data, names[i], word.len))
			return (int)i;
	return -1;
}

/** Names of months and days also in full: "October", "Thursday". */
static int find_long_name(struct ul_span word, const char *const *names, size_t len)
{
	for (size_t i = 0; i < word.len; i++)
		if (!isalpha((unsigned char)word.data[i]) && word.data[i] != '.')
			return -1;
	if (word.len < 3 || word.len > strlen("wednesday"))
		return -1;
	return find_name((struct ul_span){word.data, 3}, names, len);
}

static bool set_once(int *slot, int value)
{
	if (*slot >= 0)
		return false;
	*slot = value;
	return true;
}

static bool set_date(struct parts *parts, int year, int month, int day)
{
	return set_once(&parts->year, year) && set_once(&parts->month, month) &&
	       set_once(&parts->day, day);
}

/** ".25" or ",25" behind seconds. */
static bool cut_fraction(struct ul_span *rest, int64_t *ret_ns)
{
	char point;
	if (!cut_char(rest, ".,", &point))
		return true;
	int64_t ns = 0;
	size_t digits = 0;
	for (; digits < rest->len && isdigit((unsigned char)rest->data[digits]); digits++)
		if (digits < NS_DIGITS)
			ns = ns * 10 + (rest->data[digits] - '0');
	for (size_t i = digits; i < NS_DIGITS; i++)
		ns *= 10;
	rest->data += digits;
	rest->len -= digits;
	*ret_ns = ns;
	return digits > 0;
}

/** "+02", "+0200", "+02:00" or the name of a zone; the whole of @p word. */
static bool take_zone(struct ul_span word, struct parts *parts)
{
	char sign;
	int hours;
	int minutes = 0;
	if (parts->has_zone || !word.len)
		return false;
	for (size_t i = 0; i < UL_ARRAY_LEN(zones); i++) {
		if (!ul_span_equal(word, zones[i].name))
			continue;
		parts->zone_s = zones[i].hours * HOUR_S;
		parts->has_zone = true;
		return true;
	}
	if (!cut_char(&word, "+-", &sign) || !cut_digits(&word, 2, &hours))
		return false;
	char colon;
	(void)cut_char(&word, ":", &colon);
	if (word.len && !cut_digits(&word, 2, &minutes))
		return false;
	if (word.len || hours > 14 || minutes > 59)
		return false;
	parts->zone_s = (hours * HOUR_S + minutes * 60) * (sign == '-' ? -1 : 1);
	parts->has_zone = true;
	return true;
}

/** "10:11", "10:11:12.5", and what of a zone is stuck to it. */
static bool take_clock(struct ul_span word, struct parts *parts)
{
	char colon;
	int hour;
	int minute;
	int second = 0;
	if (!cut_number(&word, &hour) || !cut_char(&word, ":", &colon) ||
	    !cut_digits(&word, 2, &minute))
		return false;
	if (cut_char(&word, ":", &colon) &&
	    (!cut_digits(&word, 2, &second) || !cut_fraction(&word, &parts->fraction_ns)))
		return false;
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	if (!set_once(&parts->hour, hour))
		return false;
	parts->minute = minute;
	parts->second = second;
	return !word.len || take_zone(word, parts);
}

/** "2023-10-12", "2023/10/12", "12.10.2023", and "2023-10-12T10:11:12". */
static bool take_date(struct ul_span word, struct parts *parts)
{
	char first;
	char second;
	int a;
	int b;
	int c;
	if (!cut_number(&word, &a) || !cut_char(&word, "-/.", &first) || !cut_number(&word, &b) ||
	    !cut_char(&word, "-/.", &second) || first != second || !cut_number(&word, &c))
		return false;
	if (a >= YEAR_MIN && !set_date(parts, a, b, c))
		return false;
	// 12.10.2023 has one meaning; 10/12/2023 has two, and is left to who knows the country.
	if (a < YEAR_MIN && (first != '.' || c < YEAR_MIN || !set_date(parts, c, b, a)))
		return false;
	char separator;
	if (!word.len)
		return true;
	return cut_char(&word, "T_-", &separator) && take_clock(word, parts);
}

/** "20231012", "20231012-101112", "20231012T1011Z". */
static bool take_compact(struct ul_span word, struct parts *parts)
{
	int year;
	int month;
	int day;
	int hour;
	int minute;
	int second = 0;
	char separator;
	if (!cut_digits(&word, 4, &year) || !cut_digits(&word, 2, &month) ||
	    !cut_digits(&word, 2, &day) || year < YEAR_MIN || !set_date(parts, year, month, day))
		return false;
	if (!word.len)
		return true;
	if (!cut_char(&word, "T_-.", &separator) || !cut_digits(&word, 2, &hour) ||
	    !cut_digits(&word, 2, &minute))
		return false;
	if (word.len && word.data[0] != 'Z' && !cut_digits(&word, 2, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 60 || !set_once(&parts->hour, hour))
		return false;
	parts->minute = minute;
	parts->second = second;
	return !word.len || take_zone(word, parts);
}

/** "1697105472", "1697105472.5", "@1697105472". */
static bool take_epoch(struct ul_span word, struct parts *parts)
{
	char at;
	const bool marked = cut_char(&word, "@", &at);
	size_t digits = 0;
	int64_t seconds = 0;
	for (; digits < word.len && isdigit((unsigned char)word.data[digits]); digits++) {
		if (digits > 10)
			return false;
		seconds = seconds * 10 + (word.data[digits] - '0');
	}
	if (!digits || (!marked && digits < EPOCH_DIGITS_MIN) || parts->epoch_s >= 0 ||
	    seconds > INT64_MAX / UL_NS_PER_S - 1)
		return false;
	word.data += digits;
	word.len -= digits;
	if (!cut_fraction(&word, &parts->fraction_ns))
		return false;
	parts->epoch_s = seconds;
	return !word.len;
}

/** A day of the month or a year standing alone. */
static bool take_number(struct ul_span word, struct parts *parts)
{
	int value;
	while (word.len && word.data[word.len - 1] == '.')
		word.len--;
	if (!all_digits(word) || !cut_number(&word, &value))
		return false;
	return value >= YEAR_MIN ? set_once(&parts->year, value)
				 : value <= 31 && set_once(&parts->day, value);
}

/** Tries one reading of a word; what a failed one left behind is dropped. */
static bool attempt(bool (*take)(struct ul_span, struct parts *), struct ul_span word,
		    struct parts *parts)
{
	struct parts copy = *parts;
	if (!take(word, &copy))
		return false;
	*parts = copy;
	return true;
}

static bool take_word(struct ul_span word, struct parts *parts)
{
	static bool (*const readings[])(struct ul_span, struct parts *) = {
		take_clock, take_date, take_compact, take_epoch, take_number, take_zone};
	for (size_t i = 0; i < UL_ARRAY_LEN(readings); i++)
		if (attempt(readings[i], word, parts))
			return true;
	if (word.len == 2 && !strncasecmp(word.data, "AM", 2))
		return set_once(&parts->half, 0);
	if (word.len == 2 && !strncasecmp(word.data, "PM", 2))
		return set_once(&parts->half, 12);
	const int month = find_long_name(word, months, UL_ARRAY_LEN(months));
	if (month >= 0)
		return set_once(&parts->month, month + 1);
	return find_long_name(word, weekdays, UL_ARRAY_LEN(weekdays)) >= 0 ||
	       find_name(word, labels, UL_ARRAY_LEN(labels)) >= 0;
}

static bool valid_date(const struct parts *parts)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	if (parts->year < YEAR_MIN || parts->year > YEAR_MAX || parts->month < 1 ||
	    parts->month > 12 || parts->day < 1)
		return false;
	const bool leap =
		parts->year % 4 == 0 && (parts->year % 100 != 0 || parts->year % 400 == 0);
	return parts->day <= days[parts->month - 1] + (leap && parts->month == 2);
}

static bool put_together(struct parts *parts, struct ul_when *ret)
{
	const bool any_date = parts->year >= 0 || parts->month >= 0 || parts->day >= 0;
	if (parts->epoch_s >= 0) {
		if (any_date || parts->hour >= 0)
			return false;
		*ret = (struct ul_when){parts->epoch_s * UL_NS_PER_S + parts->fraction_ns, true,
					true, true};
		return true;
	}
	if ((any_date && !valid_date(parts)) || (!any_date && parts->hour < 0))
		return false;
	if (parts->half >= 0) {
		if (parts->hour < 1 || parts->hour > 12)
			return false;
		parts->hour = parts->hour % 12 + parts->half;
	}
	int64_t seconds = 0;
	if (any_date) {
		struct tm date = {.tm_year = parts->year - 1900,
				  .tm_mon = parts->month - 1,
				  .tm_mday = parts->day};
		seconds = timegm(&date);
	}
	if (parts->hour >= 0)
		seconds += parts->hour * HOUR_S + parts->minute * 60 + parts->second;
	if (any_date)
		seconds -= parts->zone_s;
	*ret = (struct ul_when){seconds * UL_NS_PER_S + parts->fraction_ns, any_date,
				parts->hour >= 0, parts->has_zone};
	return true;
}

bool ul_when_parse(struct ul_span text, struct ul_when *ret)
{
	struct parts parts = {
		.year = -1, .month = -1, .day = -1, .hour = -1, .epoch_s = -1, .half = -1};
	struct ul_span word;
	for (int words = 0; ul_span_word(&text, &word); words++) {
		while (word.len && word.data[word.len - 1] == ',')
			word.len--;
		if (words == MAX_WORDS || !take_word(word, &parts))
			return false;
	}
	return put_together(&parts, ret);
}
