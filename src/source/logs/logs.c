// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A log is read line by line and never held whole: a slabinfo log of a day is a gigabyte. What it
 * is shows in its first line that is no date and no separator. sar prints one table after the
 * other, each over all of the day, so its rows are collected first (they are small) and sorted.
 */
#include "source/logs/logs.h"

#include <errno.h>
#include <string.h>

#include "base/units.h"
#include "source/logs/logs_internal.h"

static const char *const format_names[] = {
	[UL_LOG_AUTO] = "auto",	      [UL_LOG_SLABINFO] = "slabinfo",
	[UL_LOG_MEMINFO] = "meminfo", [UL_LOG_SLABTOP] = "slabtop",
	[UL_LOG_SAR] = "sar",	      [UL_LOG_DIRECTORY] = "directory",
	[UL_LOG_TRACE] = "trace",
};

const char *ul_log_format_name(enum ul_log_format format)
{
	return format_names[format];
}

bool ul_log_format_parse(const char *name, enum ul_log_format *ret)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(format_names); i++) {
		if (strcmp(name, format_names[i]) != 0)
			continue;
		*ret = (enum ul_log_format)i;
		return true;
	}
	return false;
}

void ul_log_snapshot_init(struct ul_log_snapshot *snapshot)
{
	*snapshot = (struct ul_log_snapshot){0};
	ul_ledger_init(&snapshot->ledger);
}

void ul_log_snapshot_deinit(struct ul_log_snapshot *snapshot)
{
	ul_ledger_deinit(&snapshot->ledger);
}

/* Lines. */

struct ul_error *ul_logs_line(struct ul_logs *logs, bool *ret)
{
	*ret = true;
	if (logs->pushed_back) {
		logs->pushed_back = false;
		return NULL;
	}
	ul_buf_clear(&logs->line);
	int c = EOF;
	while (logs->line.len <= UL_LOG_MAX_LINE && (c = getc_unlocked(logs->file)) != EOF &&
	       c != '\n')
		ul_buf_putc(&logs->line, (char)c);
	if (logs->line.failed)
		return &ul_enomem;
	if (logs->line.len > UL_LOG_MAX_LINE)
		return ul_error_new(UL_ERR_LIMIT, "%s: a line of more than %d bytes", logs->name,
				    UL_LOG_MAX_LINE);
	if (c == EOF && ferror(logs->file))
		return ul_error_os(errno ? errno : EIO, "reading %s", logs->name);
	if (c == EOF) {
		logs->at_end = true;
		logs->cut_line = logs->line.len > 0;
		*ret = logs->line.len > 0;
	}
	return NULL;
}

struct ul_span ul_logs_span(const struct ul_logs *logs)
{
	struct ul_span line = {ul_buf_str(&logs->line), logs->line.len};
	while (line.len && strchr(" \t\r", line.data[line.len - 1]) && line.data[line.len - 1])
		line.len--;
	return line;
}

/* What it is. */

static const struct {
	const char *magic;
	size_t len;
	const char *what;
	const char *hint;
} foreign[] = {
	{"\x1f\x8b", 2, "is packed by gzip",
	 "unpack it on the way: zcat %s | ullage import - -o FILE.ullage"},
	{"\x28\xb5\x2f\xfd", 4, "is packed by zstd",
	 "unpack it on the way: zstdcat %s | ullage import - -o FILE.ullage"},
	{"\xfd"
	 "7zXZ",
	 5, "is packed by xz", "unpack it on the way: xzcat %s | ullage import - -o FILE.ullage"},
	{"BZh", 3, "is packed by bzip2",
	 "unpack it on the way: bzcat %s | ullage import - -o FILE.ullage"},
	{"PK\x03\x04", 4, "is a zip archive", "unpack it: unzip %s"},
	{"\x96\xd5", 2, "is sar's own data file",
	 "make text of it: LC_ALL=C sar -r ALL -f %s > sar.txt"},
	{"SQLite format 3", 15, "is a recording or another SQLite file",
	 "a recording needs no import: ullage grow %s"},
};

/** Things that are no text, by their first bytes. Only to say so well. */
static struct ul_error *check_foreign(const struct ul_logs *logs)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(foreign); i++) {
		if (logs->line.len < foreign[i].len ||
		    memcmp(logs->line.data, foreign[i].magic, foreign[i].len) != 0)
			continue;
		struct ul_buf hint UL_CLEANUP_BUF = {0};
		const char *at = strstr(foreign[i].hint, "%s");
		ul_buf_add(&hint, foreign[i].hint, (size_t)(at - foreign[i].hint));
		ul_buf_puts(&hint, logs->name);
		ul_buf_puts(&hint, at + 2);
		return ul_error_hint(
			ul_error_new(UL_ERR_UNSUPPORTED, "%s %s", logs->name, foreign[i].what),
			"%s", ul_buf_str(&hint));
	}
	return NULL;
}

static struct ul_error *unknown(const struct ul_logs *logs)
{
	return ul_error_hint(ul_error_new(UL_ERR_BAD_DATA,
					  "%s: neither a recording nor a log that ullage knows",
					  logs->name),
			     "known: texts of /proc/slabinfo or /proc/meminfo, slabtop -o, sar -r "
			     "or -B, sadf -d, and directories of them; traces are read by "
			     "ullage import, in a pipe with --format trace");
}

/** Read on to the first line that tells, and leave it to be read again. */
static struct ul_error *sniff(struct ul_logs *logs)
{
	enum { MAX_JUNK = 1000 };
	bool first = true;
	for (unsigned int lines = 0; lines < MAX_JUNK; lines++) {
		bool more = false;
		UL_CLEANUP_ERROR struct ul_error *err = ul_logs_line(logs, &more);
		if (first && (!err || err->code == UL_ERR_LIMIT))
			UL_TRY(check_foreign(logs));
		if (err && err->code == UL_ERR_LIMIT) // no text has such lines
			break;
		if (err)
			return UL_TAKE(err);
		if (!more)
			break;
		first = false;
		const struct ul_span line = ul_logs_span(logs);
		if (memchr(line.data, '\0', line.len))
			break;
		const bool sar = ul_sar_is_header(line);
		if (sar || ul_logs_is_text(line)) {
			logs->format = sar ? UL_LOG_SAR : UL_LOG_SLABINFO;
			logs->pushed_back = true;
			return NULL;
		}
		if (!ul_logs_take_filler(logs, line))
			logs->junk++;
	}
	return unknown(logs);
}

static struct ul_error *read_sar(struct ul_logs *logs)
{
	UL_TRY(ul_sar_create(&logs->sar));
	for (;;) {
		bool more = false;
		UL_TRY(ul_logs_line(logs, &more));
		if (!more)
			break;
		UL_TRY(ul_sar_line(logs->sar, ul_logs_span(logs), &logs->kernel));
	}
	return ul_sar_end(logs->sar, &logs->losses);
}

struct ul_error *ul_logs_open(FILE *file, const char *name, enum ul_log_format format,
			      struct ul_logs **ret)
{
	UL_CLEANUP_LOGS struct ul_logs *logs = calloc(1, sizeof(*logs));
	if (!logs)
		return &ul_enomem;
	logs->file = file;
	logs->wanted = format;
	logs->part = -1;
	logs->clock_ns = -1;
	logs->day_ns =
		86400 * UL_NS_PER_S; // 1970-01-01 itself begins before 0 in half of the world
	logs->name = strdup(name);
	if (!logs->name)
		return &ul_enomem;
	UL_TRY(sniff(logs));
	if (format != UL_LOG_AUTO && (format == UL_LOG_SAR) != (logs->format == UL_LOG_SAR))
		return ul_error_new(UL_ERR_BAD_DATA, "%s: this does not look like %s", name,
				    ul_log_format_name(format));
	if (logs->format == UL_LOG_SAR)
		UL_TRY(read_sar(logs));
	*ret = UL_TAKE(logs);
	return NULL;
}

void ul_logs_destroy(struct ul_logs *logs)
{
	if (!logs)
		return;
	for (size_t i = 0; i < UL_LOG_PARTS; i++)
		ul_buf_deinit(&logs->parts[i]);
	ul_buf_deinit(&logs->line);
	ul_losses_deinit(&logs->losses);
	ul_sar_destroy(logs->sar);
	free(logs->name);
	free(logs);
}

/** The reader tells the texts apart itself; --format says which one somebody expects. */
static struct ul_error *check_wanted(struct ul_logs *logs, const struct ul_log_snapshot *snapshot)
{
	static const enum ul_log_part of_format[] = {[UL_LOG_SLABINFO] = UL_LOG_PART_SLABINFO,
						     [UL_LOG_MEMINFO] = UL_LOG_PART_MEMINFO,
						     [UL_LOG_SLABTOP] = UL_LOG_PART_SLABTOP};
	if (snapshot->parts[UL_LOG_PART_SLABTOP].len)
		logs->format = UL_LOG_SLABTOP;
	else if (!snapshot->parts[UL_LOG_PART_SLABINFO].len)
		logs->format = UL_LOG_MEMINFO;
	if (logs->wanted == UL_LOG_AUTO || logs->wanted >= UL_LOG_SAR ||
	    snapshot->parts[of_format[logs->wanted]].len)
		return NULL;
	return ul_error_new(UL_ERR_BAD_DATA, "%s: this does not look like %s", logs->name,
			    ul_log_format_name(logs->wanted));
}

struct ul_error *ul_logs_next(struct ul_logs *logs, struct ul_log_snapshot *snapshot,
			      bool *ret_more)
{
	ul_log_snapshot_deinit(snapshot);
	ul_log_snapshot_init(snapshot);
	if (logs->sar)
		return ul_sar_next(logs->sar, snapshot, ret_more);
	UL_TRY(ul_logs_next_texts(logs, snapshot, ret_more));
	if (!*ret_more)
		return NULL;
	UL_TRY(check_wanted(logs, snapshot));
	const struct ul_span slabtop = snapshot->parts[UL_LOG_PART_SLABTOP];
	if (!slabtop.len)
		return NULL;
	snapshot->has_ledger = true;
	struct ul_error *err = ul_slabtop_parse(slabtop, &snapshot->ledger);
	return err ? ul_error_prepend(err, "%s", logs->name) : NULL;
}

enum ul_log_format ul_logs_format(const struct ul_logs *logs)
{
	return logs->format;
}

const struct ul_kernel *ul_logs_kernel(const struct ul_logs *logs)
{
	return &logs->kernel;
}

const struct ul_losses *ul_logs_losses(const struct ul_logs *logs)
{
	return &logs->losses;
}
