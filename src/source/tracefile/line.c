// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The head of an event's line, as these print it: Linux kernel/trace/trace_output.c
 * trace_print_context() and trace_print_lat_context(), trace-cmd (libtraceevent)
 * tep_print_event(), perf script (tools/perf/builtin-script.c):
 *
 *	"%16s-%-7d (%7d) [%03d] FLAGS S.US: "
 *	"%8.8s-%-7d %3dFLAGS USus : "		(trace-cmd report -l: S.US)
 *	"%16s-%-5d [%03d] FLAGS S.US: "
 *	"%16s %7d/%-7d [%03d] S.US: "
 *
 * The thread group in parentheses and the flags are not always there, trace-cmd puts the name of a
 * buffer instance in front, and perf prints the comm unpadded when there are call chains. A comm
 * may hold anything: blanks, dashes, brackets ("my proc-123 [001]"). So where the text has its 16
 * columns they decide; else the first place is taken from which everything up to the event's name
 * fits.
 */
#include "source/tracefile/line.h"

#include <string.h>

enum {
	COMM_COLUMNS = 16,
	HEAD_MAX = 192, /**< bytes in which the head must lie: comm, instance name, numbers */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void skip(struct ul_span *rest, size_t count)
{
	rest->data += count;
	rest->len -= count;
}

static void skip_blanks(struct ul_span *rest)
{
	while (rest->len && (rest->data[0] == ' ' || rest->data[0] == '\t'))
		skip(rest, 1);
}

static bool skip_char(struct ul_span *rest, char c)
{
	if (!rest->len || rest->data[0] != c)
		return false;
	skip(rest, 1);
	return true;
}

/** Decimal digits at the start of @p rest; at most 18, so that nothing overflows. */
static bool take_number(struct ul_span *rest, uint64_t *ret)
{
	uint64_t value = 0;
	size_t len = 0;
	while (len < rest->len && is_digit(rest->data[len])) {
		if (len >= 18)
			return false;
		value = value * 10 + (uint64_t)(rest->data[len++] - '0');
	}
	skip(rest, len);
	*ret = value;
	return len > 0;
}

static bool take_pid(struct ul_span *rest, pid_t *ret)
{
	uint64_t value;
	if (!take_number(rest, &value) || value > INT32_MAX)
		return false;
	*ret = (pid_t)value;
	return true;
}

/** Digits after the point, as nanoseconds. */
static uint64_t take_fraction(struct ul_span *rest)
{
	uint64_t ns = 0;
	uint64_t unit = 100000000;
	while (rest->len && is_digit(rest->data[0])) {
		ns += unit * (uint64_t)(rest->data[0] - '0');
		unit /= 10;
		skip(rest, 1);
	}
	return ns;
}

/** "5324.411102:", "123456:", "89358us :", "89358us+: ". */
static bool take_time(struct ul_span *rest, struct ul_event_line *line)
{
	static const uint64_t seconds_max = INT64_MAX / 1000000000 - 1;
	uint64_t whole;
	if (!take_number(rest, &whole))
		return false;
	if (skip_char(rest, '.')) {
		line->clock = UL_LINE_CLOCK_S;
		if (whole > seconds_max)
			return false;
		line->time_ns = (int64_t)(whole * 1000000000 + take_fraction(rest));
		return skip_char(rest, ':');
	}
	if (skip_char(rest, ':')) {
		line->clock = UL_LINE_CLOCK_COUNTER;
		line->time_ns = (int64_t)whole;
		return true;
	}
	if (!ul_span_starts(*rest, "us") || whole > INT64_MAX / 1000)
		return false;
	skip(rest, 2);
	line->clock = UL_LINE_CLOCK_US;
	line->time_ns = (int64_t)whole * 1000;
	// One mark of how long it took: + ! # * @ $
	if (rest->len && rest->data[0] != ':')
		skip(rest, 1);
	return skip_char(rest, ':');
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
	       c == '-' || c == '.' || c == '/';
}

/** "(+28684) ", since the event before: trace-cmd report --ts-diff. */
static void skip_difference(struct ul_span *rest)
{
	uint64_t unused;
	struct ul_span after = *rest;
	if (!skip_char(&after, '(') || !skip_char(&after, '+') || !take_number(&after, &unused) ||
	    !skip_char(&after, ')'))
		return;
	skip_blanks(&after);
	*rest = after;
}

/** "1 kmem:kmalloc: ": for how many events a sample of perf stands. */
static void skip_period(struct ul_span *rest)
{
	uint64_t unused;
	struct ul_span after = *rest;
	if (!take_number(&after, &unused) || !after.len || after.data[0] != ' ')
		return;
	skip_blanks(&after);
	*rest = after;
}

/** "kmalloc: ", "kmem:kmalloc: ", "<stack trace>". */
static bool take_event(struct ul_span rest, struct ul_event_line *line)
{
	skip_blanks(&rest);
	skip_difference(&rest);
	skip_period(&rest);
	if (rest.len && rest.data[0] == '<') {
		const char *end = memchr(rest.data, '>', rest.len < 40 ? rest.len : 40);
		if (!end)
			return false;
		line->event = (struct ul_span){rest.data, (size_t)(end - rest.data) + 1};
		line->body = (struct ul_span){rest.data + line->event.len, 0};
		return true;
	}
	size_t len = 0;
	size_t colon = 0;
	for (; len < rest.len; len++) {
		if (rest.data[len] == ':' && len) {
			colon = len;
			// Of "kmem:kmalloc:" the last one ends the name.
			if (len + 1 == rest.len || !is_name(rest.data[len + 1]))
				break;
		} else if (!is_name(rest.data[len])) {
			break;
		}
	}
	if (!colon)
		return false;
	line->event = (struct ul_span){rest.data, colon};
	line->body = rest;
	skip(&line->body, colon + 1);
	return true;
}

/** From behind the bracket of the processor: flags, time, event. */
static bool take_tail(struct ul_span rest, struct ul_event_line *line)
{
	enum { FLAGS_MAX = 12 };
	skip_blanks(&rest);
	struct ul_span timed = rest;
	if (take_time(&timed, line) && take_event(timed, line))
		return true;
	struct ul_span flags;
	if (!ul_span_word(&rest, &flags) || flags.len > FLAGS_MAX)
		return false;
	skip_blanks(&rest);
	return take_time(&rest, line) && take_event(rest, line);
}

static bool take_cpu(struct ul_span *rest, struct ul_event_line *line)
{
	uint64_t cpu;
	if (!skip_char(rest, '['))
		return false;
	skip_blanks(rest);
	if (!take_number(rest, &cpu) || cpu > UINT16_MAX || !skip_char(rest, ']'))
		return false;
	line->cpu = (uint32_t)cpu;
	return true;
}

/** "1..... 89358us : ", "1..... 70165.939203: ": processor and flags in one word. */
static bool take_latency(struct ul_span rest, struct ul_event_line *line)
{
	uint64_t cpu;
	if (!take_number(&rest, &cpu) || cpu > UINT16_MAX)
		return false;
	struct ul_span flags;
	if (!rest.len || rest.data[0] == ' ' || !ul_span_word(&rest, &flags) || flags.len < 4)
		return false;
	skip_blanks(&rest);
	line->cpu = (uint32_t)cpu;
	// Of a plain number anything could be a time.
	return take_time(&rest, line) && line->clock != UL_LINE_CLOCK_COUNTER &&
	       take_event(rest, line);
}

/** From behind "comm-": a number, the thread group, then either form. */
static bool take_after_dash(struct ul_span rest, struct ul_event_line *line)
{
	if (!take_pid(&rest, &line->tid))
		return false;
	line->pid = line->tid;
	skip_blanks(&rest);
	if (skip_char(&rest, '(')) {
		skip_blanks(&rest);
		// "(-------)": not known.
		if (rest.len && rest.data[0] == '-') {
			while (skip_char(&rest, '-'))
				;
		} else if (!take_pid(&rest, &line->pid)) {
			return false;
		}
		if (!skip_char(&rest, ')'))
			return false;
		skip_blanks(&rest);
	}
	struct ul_span bracketed = rest;
	if (take_cpu(&bracketed, line))
		return take_tail(bracketed, line);
	return take_latency(rest, line);
}

static bool parse_dashed(struct ul_span line, struct ul_event_line *ret)
{
	if (line.len > COMM_COLUMNS + 1 && line.data[COMM_COLUMNS] == '-') {
		struct ul_span rest = line;
		skip(&rest, COMM_COLUMNS + 1);
		if (take_after_dash(rest, ret)) {
			ret->comm = ul_span_trim((struct ul_span){line.data, COMM_COLUMNS});
			return true;
		}
	}
	const size_t limit = line.len < HEAD_MAX ? line.len : HEAD_MAX;
	for (size_t at = 1; at + 1 < limit; at++) {
		const char *dash = memchr(line.data + at, '-', limit - at - 1);
		if (!dash)
			break;
		at = (size_t)(dash - line.data);
		if (!is_digit(line.data[at + 1]))
			continue;
		struct ul_span rest = line;
		skip(&rest, at + 1);
		if (!take_after_dash(rest, ret))
			continue;
		// What is longer than a comm begins with the name of a buffer instance.
		const size_t from = at > COMM_COLUMNS ? at - COMM_COLUMNS : 0;
		ret->comm = ul_span_trim((struct ul_span){line.data + from, at - from});
		return true;
	}
	return false;
}

/** "comm pid/tid [cpu] time: event: ...": look at what stands before each bracket. */
static bool parse_perf(struct ul_span line, struct ul_event_line *ret)
{
	const size_t limit = line.len < HEAD_MAX ? line.len : HEAD_MAX;
	for (size_t at = 2; at < limit; at++) {
		if (line.data[at] != '[' || line.data[at - 1] != ' ')
			continue;
		size_t end = at;
		while (end && line.data[end - 1] == ' ')
			end--;
		size_t begin = end;
		while (begin && (is_digit(line.data[begin - 1]) || line.data[begin - 1] == '/'))
			begin--;
		if (begin == end || !begin || line.data[begin - 1] != ' ')
			continue;
		struct ul_span numbers = {line.data + begin, end - begin};
		if (!take_pid(&numbers, &ret->pid))
			continue;
		ret->tid = ret->pid;
		if (numbers.len && (!skip_char(&numbers, '/') || !take_pid(&numbers, &ret->tid)))
			continue;
		struct ul_span rest = line;
		skip(&rest, at);
		if (numbers.len || !take_cpu(&rest, ret) || !take_tail(rest, ret))
			continue;
		ret->comm = ul_span_trim((struct ul_span){line.data, begin});
		return true;
	}
	return false;
}

bool ul_event_line_parse(struct ul_span line, struct ul_event_line *ret)
{
	ret->perf = false;
	if (parse_dashed(line, ret))
		return true;
	ret->perf = true;
	return parse_perf(line, ret);
}
