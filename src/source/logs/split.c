// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Texts of /proc and screens of slabtop, one after the other, with or without lines between.
 *
 *     while sleep 1; do date; cat /proc/meminfo /proc/slabinfo; echo ===; done >>log
 *
 * Every text is told by its first line, so a snapshot ends where a separator stands, where a date
 * stands that belongs to the next one, or where a text begins that this snapshot has already.
 * Whether dates stand before or behind what they date is learned from the first: a log that begins
 * with a date has them before. A grep that cut off slabinfo's first line leaves lines that are
 * still told by their " : slabdata "; there the first cache's coming back is what separates.
 *
 * Errs: what a log lost at its beginning (rotated by bytes) or end (the writer was killed) is left
 * out rather than read as caches that went away. A cut in the middle of a log is not seen, and
 * looks like caches that vanish for one sample.
 */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "source/logs/logs_internal.h"
#include "source/logs/when.h"

enum { RUN_MIN = 3 };

static bool is_run(char c)
{
	return c && strchr("=-*#_+~", c);
}

/** Cut decoration ("=== ... ===", "# ...") off both ends. */
static struct ul_span undecorated(struct ul_span line, size_t *ret_run)
{
	line = ul_span_trim(line);
	size_t run = 0;
	while (run < line.len && is_run(line.data[run]))
		run++;
	*ret_run = run;
	line.data += run;
	line.len -= run;
	while (line.len && is_run(line.data[line.len - 1]))
		line.len--;
	return ul_span_trim(line);
}

static bool is_date(struct ul_span line, struct ul_when *ret)
{
	size_t run;
	// Numbers stand alone in few texts, but a line of digits would be a moment soon.
	return ul_when_parse(undecorated(line, &run), ret) && ret->has_clock;
}

static bool is_separator(struct ul_span line)
{
	size_t run;
	const struct ul_span inside = undecorated(line, &run);
	return run >= RUN_MIN && !inside.len;
}

/** "=== sample 12 ===": some other text between runs. */
static bool is_titled_separator(struct ul_span line)
{
	size_t run;
	(void)undecorated(line, &run);
	return run >= RUN_MIN;
}

static bool is_area(struct ul_span line)
{
	struct ul_span word;
	struct ul_span low;
	uint64_t address;
	return ul_span_starts(line, "0x") && ul_span_word(&line, &word) &&
	       ul_span_cut(&word, '-', &low) && ul_span_hex(low, &address) &&
	       ul_span_hex(word, &address);
}

static bool is_cache_line(struct ul_span line)
{
	size_t at;
	return ul_span_find(line, ": slabdata ", &at) && at > 0;
}

/** The text that begins at @p line, or -1. */
static int part_of(struct ul_span line)
{
	size_t at;
	if (ul_span_starts(line, "slabinfo - version"))
		return UL_LOG_PART_SLABINFO;
	if (ul_span_starts(line, "MemTotal:"))
		return UL_LOG_PART_MEMINFO;
	if (ul_span_starts(line, "Node ") && ul_span_find(line, ", zone ", &at))
		return UL_LOG_PART_ZONEINFO;
	if (ul_span_starts(line, "nr_free_pages "))
		return UL_LOG_PART_VMSTAT;
	if (ul_span_find(line, "Active / Total Objects", &at))
		return UL_LOG_PART_SLABTOP;
	if (is_area(line))
		return UL_LOG_PART_VMALLOCINFO;
	return is_cache_line(line) ? UL_LOG_PART_SLABINFO : -1;
}

bool ul_logs_is_text(struct ul_span line)
{
	return part_of(line) >= 0;
}

/** A clock time gets the day after when it goes back by much; see ul_when. */
static void set_time(struct ul_logs *logs, const struct ul_when *when)
{
	const int64_t day_ns = 86400 * UL_NS_PER_S;
	logs->has_time = true;
	logs->zoned = when->has_zone;
	logs->time_ns = when->time_ns;
	if (when->has_date)
		return;
	if (logs->clock_ns >= 0 && when->time_ns < logs->clock_ns - day_ns / 8)
		logs->day_ns += day_ns;
	logs->clock_ns = when->time_ns;
	logs->time_ns += logs->day_ns;
}

bool ul_logs_take_filler(struct ul_logs *logs, struct ul_span line)
{
	struct ul_when when;
	if (!line.len || is_separator(line))
		return true;
	if (!is_date(line, &when))
		return is_titled_separator(line);
	logs->dates = UL_LOG_DATES_LEAD;
	set_time(logs, &when);
	return true;
}

static bool any_part(const struct ul_logs *logs)
{
	for (size_t i = 0; i < UL_LOG_PARTS; i++)
		if (logs->parts[i].len)
			return true;
	return false;
}

static void forget_parts(struct ul_logs *logs)
{
	for (size_t i = 0; i < UL_LOG_PARTS; i++)
		ul_buf_clear(&logs->parts[i]);
	logs->part = -1;
	logs->headerless = false;
	logs->part_lines = 0;
}

static struct ul_error *append(struct ul_logs *logs, struct ul_span line)
{
	struct ul_buf *part = &logs->parts[logs->part];
	ul_buf_add(part, line.data, line.len);
	ul_buf_putc(part, '\n');
	if (part->failed)
		return &ul_enomem;
	if (part->len > UL_LOG_MAX_PART)
		return ul_error_new(UL_ERR_LIMIT, "%s: one text of more than %d bytes", logs->name,
				    UL_LOG_MAX_PART);
	logs->part_lines += logs->part == UL_LOG_PART_SLABINFO;
	return NULL;
}

/** What @p line means for the snapshot being read. */
enum meaning { GOES_ON, BEGINS_NEXT, CLOSES };

static struct ul_error *begin_part(struct ul_logs *logs, int part, struct ul_span line)
{
	struct ul_span rest = line;
	struct ul_span word = {0};
	logs->part = part;
	if (part == UL_LOG_PART_ZONEINFO)
		ul_span_copy(line, logs->first_zone, sizeof(logs->first_zone));
	if (part != UL_LOG_PART_SLABINFO || ul_span_starts(line, "slabinfo - version"))
		return append(logs, line);
	(void)ul_span_word(&rest, &word);
	ul_span_copy(word, logs->first_name, sizeof(logs->first_name));
	logs->headerless = true;
	UL_TRY(append(logs, ul_span_of("slabinfo - version: 2.1")));
	return append(logs, line);
}

static bool first_again(const struct ul_logs *logs, int part, struct ul_span line)
{
	char text[sizeof(logs->first_name)];
	struct ul_span word = {0};
	if (part == UL_LOG_PART_ZONEINFO) {
		ul_span_copy(line, text, sizeof(logs->first_zone));
		return !strcmp(text, logs->first_zone);
	}
	if (part == UL_LOG_PART_VMALLOCINFO)
		return false;
	if (part != UL_LOG_PART_SLABINFO || ul_span_starts(line, "slabinfo - version"))
		return true;
	(void)ul_span_word(&line, &word);
	ul_span_copy(word, text, sizeof(text));
	return logs->headerless && !strcmp(text, logs->first_name);
}

/** A text's line, or its first one. */
static struct ul_error *take_text(struct ul_logs *logs, struct ul_span line, enum meaning *ret)
{
	const int part = part_of(line);
	*ret = GOES_ON;
	if (part < 0) {
		if (logs->part >= 0)
			return append(logs, line);
		logs->junk++;
		return NULL;
	}
	const bool header = part == UL_LOG_PART_SLABINFO && !is_cache_line(line);
	if (header && logs->headerless && !logs->emitted) {
		// The log begins in the middle of a text.
		forget_parts(logs);
		UL_TRY(ul_losses_add(&logs->losses, UL_BIAS_NONE, 1,
				     "first snapshots that were cut off, left out"));
	}
	if (!logs->parts[part].len)
		return begin_part(logs, part, line);
	if (logs->part == part && !first_again(logs, part, line))
		return append(logs, line);
	*ret = BEGINS_NEXT;
	return NULL;
}

static enum meaning take_date(struct ul_logs *logs, const struct ul_when *when)
{
	if (logs->dates == UL_LOG_DATES_UNKNOWN)
		logs->dates = any_part(logs) ? UL_LOG_DATES_TRAIL : UL_LOG_DATES_LEAD;
	if (logs->dates == UL_LOG_DATES_LEAD && any_part(logs))
		return BEGINS_NEXT;
	set_time(logs, when);
	return logs->dates == UL_LOG_DATES_TRAIL && any_part(logs) ? CLOSES : GOES_ON;
}

/** @p closing: a separator ended the snapshot, and only its date may still come. */
static struct ul_error *take_line(struct ul_logs *logs, bool *closing, enum meaning *ret)
{
	const struct ul_span line = ul_logs_span(logs);
	struct ul_when when;
	*ret = GOES_ON;
	if (!line.len)
		return NULL;
	if (is_date(line, &when)) {
		*ret = take_date(logs, &when);
		return NULL;
	}
	if (is_separator(line) || (is_titled_separator(line) && logs->part < 0)) {
		const bool may_be_dated = logs->dates != UL_LOG_DATES_LEAD && !logs->has_time;
		if (any_part(logs) && !may_be_dated)
			*ret = CLOSES;
		*closing = any_part(logs);
		return NULL;
	}
	if (*closing) {
		*ret = BEGINS_NEXT;
		return NULL;
	}
	return take_text(logs, line, ret);
}

/** The end of the log: is what was read last whole? */
static struct ul_error *check_end(struct ul_logs *logs, bool closed, bool *ret_more)
{
	const bool short_text = logs->part_lines + logs->part_lines / 20 < logs->last_part_lines;
	*ret_more = any_part(logs);
	if (closed || !*ret_more || (!logs->cut_line && !short_text))
		return NULL;
	// One that is all there is is better than nothing.
	*ret_more = !logs->emitted;
	return ul_losses_add(&logs->losses, UL_BIAS_NONE, 1,
			     *ret_more ? "snapshots that are cut off"
				       : "last snapshots that were cut off, left out");
}

static void hand_out(struct ul_logs *logs, struct ul_log_snapshot *snapshot)
{
	snapshot->has_time = logs->has_time;
	snapshot->zoned = logs->zoned;
	snapshot->time_ns = logs->time_ns;
	for (size_t i = 0; i < UL_LOG_PARTS; i++)
		snapshot->parts[i] =
			(struct ul_span){ul_buf_str(&logs->parts[i]), logs->parts[i].len};
	logs->last_part_lines = logs->part_lines;
	logs->has_time = false;
	logs->emitted++;
}

static struct ul_error *note_junk(struct ul_logs *logs)
{
	const uint64_t junk = logs->junk;
	logs->junk = 0;
	return junk ? ul_losses_add(&logs->losses, UL_BIAS_UNKNOWN, junk,
				    "lines of the log that belong to nothing known")
		    : NULL;
}

struct ul_error *ul_logs_next_texts(struct ul_logs *logs, struct ul_log_snapshot *snapshot,
				    bool *ret_more)
{
	enum meaning meaning = GOES_ON;
	bool closing = false;
	forget_parts(logs);
	*ret_more = false;
	while (meaning == GOES_ON) {
		bool more = false;
		UL_TRY(ul_logs_line(logs, &more));
		if (!more)
			break;
		UL_TRY(take_line(logs, &closing, &meaning));
	}
	logs->pushed_back = meaning == BEGINS_NEXT;
	if (meaning == GOES_ON)
		UL_TRY(check_end(logs, closing, ret_more));
	else
		*ret_more = true;
	if (!*ret_more)
		return note_junk(logs);
	hand_out(logs, snapshot);
	return NULL;
}
