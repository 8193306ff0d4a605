// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The text of sar -r, sar -r ALL and sar -B, and of sadf -d (sysstat pr_stats.c, rndr_stats.c).
 *
 *   Linux 6.1.0-18-amd64 (host)  11/23/26  _x86_64_  (2 CPU)
 *
 *   16:44:40    kbmemfree   kbavail kbmemused  %memused kbbuffers  kbcached ...
 *   16:44:41     21716216  23871892    453776      1.84     47532   1814096 ...
 *   Average: ...
 *
 * Columns are told by their titles, as they changed over the years. A row is one line whose first
 * word is a clock time, in 12 or 24 hours; "Average:" is no clock time in any language. The date
 * stands in the header and a clock that goes back by hours begins the next day. Numbers may have a
 * decimal comma.
 *
 * What kbmemused means changed: it was MemTotal - MemFree, and since sysstat 11.7.1 buffers, page
 * cache and slab are taken off as well. Which of both it is, is told by %memused, which always is
 * kbmemused of MemTotal. In the later meaning MemTotal follows only where kbslab is shown (-r ALL),
 * and otherwise stays unknown.
 *
 * Errs: kbcached holds tmpfs, so a file left in /tmp looks like page cache. Without ALL, anonymous
 * and slab memory are not told from what no counter covers. The rates of -B are notes, in bytes a
 * second. Clock times have no zone: an hour is missing or twice where summer time begins or ends.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "source/logs/logs_internal.h"
#include "source/logs/when.h"

enum column {
	FREE,
	USED,
	PERCENT_USED,
	BUFFERS,
	CACHED,
	COMMIT,
	ANON,
	SLAB,
	STACK,
	PAGE_TABLES,
	VMALLOC,
	PAGED_IN,
	PAGED_OUT,
	SCANNED_K,
	SCANNED_D,
	STOLEN,
	COLUMNS,
};

static const char *const titles[COLUMNS] = {
	[FREE] = "kbmemfree",	   [USED] = "kbmemused",      [PERCENT_USED] = "%memused",
	[BUFFERS] = "kbbuffers",   [CACHED] = "kbcached",     [COMMIT] = "kbcommit",
	[ANON] = "kbanonpg",	   [SLAB] = "kbslab",	      [STACK] = "kbkstack",
	[PAGE_TABLES] = "kbpgtbl", [VMALLOC] = "kbvmused",    [PAGED_IN] = "pgpgin/s",
	[PAGED_OUT] = "pgpgout/s", [SCANNED_K] = "pgscank/s", [SCANNED_D] = "pgscand/s",
	[STOLEN] = "pgsteal/s",
};

enum {
	MAX_FIELDS = 64,
	MAX_NUMBER = 64,
	TABLES = 2,	   /**< of memory, of paging */
	BACK_S = 3 * 3600, /**< a clock that goes back by more than this: the next day */
	DAY_S = 86400,
	PAGE_BYTES = 4096,
};

struct row {
	int64_t time_ns;
	uint32_t order; /**< as in the text */
	uint32_t has;	/**< 1 << enum column */
	bool restarted;
	bool zoned;
	double value[COLUMNS];
};

struct ul_sar {
	UL_VEC(struct row) rows;
	int fields[MAX_FIELDS]; /**< column of each field behind the time; -1: not used */
	size_t fields_len;	/**< 0: no table of ours */
	size_t table;
	bool has_date;
	int64_t day_s; /**< of the header */
	int64_t days_on[TABLES];
	int64_t clock_s[TABLES]; /**< -1: no row yet */
	uint64_t headers, ambiguous, restarts, bad;
	bool restart_pending;
	size_t next;
};

struct ul_error *ul_sar_create(struct ul_sar **ret)
{
	struct ul_sar *sar = calloc(1, sizeof(*sar));
	if (!sar)
		return &ul_enomem;
	sar->clock_s[0] = sar->clock_s[1] = -1;
	*ret = sar;
	return NULL;
}

void ul_sar_destroy(struct ul_sar *sar)
{
	if (!sar)
		return;
	ul_vec_deinit(&sar->rows);
	free(sar);
}

static bool is_sadf(struct ul_span line)
{
	return ul_span_starts(line, "# hostname;interval;timestamp;");
}

bool ul_sar_is_header(struct ul_span line)
{
	size_t at;
	return is_sadf(line) ||
	       (ul_span_starts(line, "Linux ") && ul_span_find(line, "(", &at) &&
		(ul_span_find(line, " CPU)", &at) || ul_span_find(line, "_\t", &at) ||
		 (line.len && line.data[line.len - 1] == '_')));
}

/** "1234.5" or "1234,5"; not negative. */
static bool number(struct ul_span word, double *ret)
{
	char text[MAX_NUMBER];
	char *end;
	if (!word.len || word.len >= sizeof(text) || word.data[0] < '0' || word.data[0] > '9')
		return false;
	ul_span_copy(word, text, sizeof(text));
	double value = 0;
	double unit = 0;
	// strtod() knows the decimal point of this machine's locale only.
	for (end = text; *end; end++) {
		if ((*end == '.' || *end == ',') && unit == 0) {
			unit = 1;
		} else if (*end < '0' || *end > '9') {
			return false;
		} else if (unit == 0) {
			value = value * 10 + (*end - '0');
		} else {
			unit /= 10;
			value += unit * (*end - '0');
		}
	}
	if (value > (double)(UINT64_C(1) << 50))
		return false;
	*ret = value;
	return true;
}

/* Headers. */

/** "11/23/26", "23/11/2026", "2026-11-23", "23.11.2026"; false: not a date. */
static bool header_date(struct ul_sar *sar, struct ul_span word, int64_t *ret_s)
{
	uint64_t parts[3];
	char iso[MAX_NUMBER];
	struct ul_when when;
	struct ul_span rest = word;
	if (ul_when_parse(word, &when) && when.has_date && !when.has_clock) {
		*ret_s = when.time_ns / UL_NS_PER_S;
		return true;
	}
	for (size_t i = 0; i < UL_ARRAY_LEN(parts); i++) {
		struct ul_span before = rest;
		const bool cut = i < 2 && (ul_span_cut(&rest, '/', &before) ||
					   ul_span_cut(&rest, '.', &before) ||
					   ul_span_cut(&rest, '-', &before));
		if ((i < 2 && !cut) || !ul_span_u64(before, &parts[i]) || parts[i] > 9999)
			return false;
	}
	const bool dotted = memchr(word.data, '/', word.len) == NULL;
	const bool day_first = dotted || parts[0] > 12;
	if (!day_first && parts[1] <= 12 && parts[0] != parts[1])
		sar->ambiguous++;
	snprintf(iso, sizeof(iso), "%04llu-%02llu-%02llu",
		 (unsigned long long)(parts[2] < 100 ? 2000 + parts[2] : parts[2]),
		 (unsigned long long)parts[day_first ? 1 : 0],
		 (unsigned long long)parts[day_first ? 0 : 1]);
	if (!ul_when_parse(ul_span_of(iso), &when))
		return false;
	*ret_s = when.time_ns / UL_NS_PER_S;
	return true;
}

/** Text between the first @p open and @p close of @p word. */
static bool between(struct ul_span line, const char *open, char close, struct ul_span *ret)
{
	size_t at;
	if (!ul_span_find(line, open, &at))
		return false;
	line.data += at + strlen(open);
	line.len -= at + strlen(open);
	return ul_span_cut(&line, close, ret) && ret->len > 0;
}

static void take_header(struct ul_sar *sar, struct ul_span line, struct ul_kernel *kernel)
{
	struct ul_span rest = line;
	struct ul_span word;
	(void)ul_span_word(&rest, &word);
	if (ul_span_word(&rest, &word))
		ul_span_copy(word, kernel->release, sizeof(kernel->release));
	if (between(line, " (", ')', &word))
		ul_span_copy(word, kernel->node, sizeof(kernel->node));
	while (ul_span_word(&rest, &word)) {
		uint64_t cpus;
		int64_t day_s;
		if (word.len > 2 && word.data[0] == '_' && word.data[word.len - 1] == '_')
			ul_span_copy((struct ul_span){word.data + 1, word.len - 2}, kernel->arch,
				     sizeof(kernel->arch));
		else if (word.data[0] == '(' && word.len > 1 &&
			 ul_span_u64((struct ul_span){word.data + 1, word.len - 1}, &cpus) &&
			 cpus <= 65536)
			kernel->cpus = (uint32_t)cpus;
		else if (header_date(sar, word, &day_s)) {
			sar->day_s = day_s;
			sar->has_date = true;
		}
	}
	sar->headers++;
	sar->fields_len = 0;
	for (size_t i = 0; i < TABLES; i++) {
		sar->days_on[i] = 0;
		sar->clock_s[i] = -1;
	}
}

/* Tables. */

static int column_of(struct ul_span title)
{
	for (int i = 0; i < COLUMNS; i++)
		if (ul_span_equal(title, titles[i]))
			return i;
	return -1;
}

/** True when @p rest is the titles of a table, ours or not; then its columns are set. */
static bool take_titles(struct ul_sar *sar, struct ul_span rest, char separator)
{
	struct ul_span word;
	bool any = false;
	bool ours = false;
	size_t len = 0;
	int fields[MAX_FIELDS];
	size_t table = 0;
	while (separator == ' ' ? ul_span_word(&rest, &word) : rest.len > 0) {
		if (separator != ' ' && !ul_span_cut(&rest, separator, &word)) {
			word = rest;
			rest.len = 0;
		}
		if (!word.len || (word.data[0] >= '0' && word.data[0] <= '9'))
			return false;
		any = true;
		if (len == MAX_FIELDS)
			continue;
		fields[len] = column_of(word);
		ours |= fields[len] >= 0;
		if (fields[len] >= PAGED_IN)
			table = 1;
		len++;
	}
	if (!any)
		return false;
	sar->fields_len = ours ? len : 0;
	sar->table = table;
	memcpy(sar->fields, fields, len * sizeof(fields[0]));
	return true;
}

static struct ul_error *add_row(struct ul_sar *sar, int64_t time_ns, bool zoned,
				struct ul_span rest, char separator)
{
	struct row row = {.time_ns = time_ns, .zoned = zoned, .order = (uint32_t)sar->rows.len};
	for (size_t i = 0; i < sar->fields_len; i++) {
		struct ul_span word;
		bool found;
		if (separator == ' ') {
			found = ul_span_word(&rest, &word);
		} else {
			found = rest.len > 0;
			if (found && !ul_span_cut(&rest, separator, &word)) {
				word = rest;
				rest.len = 0;
			}
		}
		double value;
		if (!found || !number(word, &value)) {
			sar->bad++;
			return NULL;
		}
		if (sar->fields[i] < 0)
			continue;
		row.value[sar->fields[i]] = value;
		row.has |= 1U << sar->fields[i];
	}
	if (sar->rows.len >= UL_LOG_MAX_ROWS)
		return ul_error_new(UL_ERR_LIMIT, "sar: more than %d rows", UL_LOG_MAX_ROWS);
	row.restarted = sar->restart_pending;
	sar->restart_pending = false;
	return ul_vec_push(&sar->rows, row) ? NULL : &ul_enomem;
}

static int64_t place_in_day(struct ul_sar *sar, int64_t clock_s)
{
	int64_t *last = &sar->clock_s[sar->table];
	if (*last >= 0 && clock_s < *last - BACK_S)
		sar->days_on[sar->table]++;
	*last = clock_s;
	return sar->day_s + sar->days_on[sar->table] * DAY_S + clock_s;
}

/** Cut "16:44:41" or "04:44:41 PM" off @p rest, in seconds of the day. */
static bool cut_clock(struct ul_span *rest, int64_t *ret_s)
{
	struct ul_span word;
	struct ul_span half;
	struct ul_when when;
	char text[MAX_NUMBER];
	if (!ul_span_word(rest, &word))
		return false;
	struct ul_span after = *rest;
	int len =
		snprintf(text, sizeof(text), "%.*s", word.len < 16 ? (int)word.len : 16, word.data);
	if (ul_span_word(&after, &half) &&
	    (ul_span_equal(half, "AM") || ul_span_equal(half, "PM"))) {
		snprintf(text + len, sizeof(text) - (size_t)len, " %.2s", half.data);
		*rest = after;
	}
	if (!ul_when_parse(ul_span_of(text), &when) || when.has_date)
		return false;
	*ret_s = when.time_ns / UL_NS_PER_S;
	return true;
}

static struct ul_error *take_restart(struct ul_sar *sar)
{
	// Told once in each of the tables, and more than once when several were printed.
	sar->restarts++;
	sar->restart_pending = true;
	return NULL;
}

static struct ul_error *sar_row(struct ul_sar *sar, struct ul_span line)
{
	struct ul_span rest = line;
	int64_t clock_s;
	size_t at;
	if (!cut_clock(&rest, &clock_s))
		return NULL; // "Average:" in some language
	if (ul_span_find(rest, "RESTART", &at))
		return take_restart(sar);
	if (take_titles(sar, rest, ' ') || !sar->fields_len)
		return NULL;
	return add_row(sar, place_in_day(sar, clock_s) * UL_NS_PER_S, false, rest, ' ');
}

/** "host;interval;2026-11-23 16:44:51 UTC;21751908;..." */
static struct ul_error *sadf_row(struct ul_sar *sar, struct ul_span line, struct ul_kernel *kernel)
{
	struct ul_span node;
	struct ul_span word;
	struct ul_when when;
	size_t at;
	if (!ul_span_cut(&line, ';', &node) || !ul_span_cut(&line, ';', &word) ||
	    !ul_span_cut(&line, ';', &word) || !ul_when_parse(word, &when)) {
		sar->bad++;
		return NULL;
	}
	if (!*kernel->node)
		ul_span_copy(node, kernel->node, sizeof(kernel->node));
	if (ul_span_find(line, "RESTART", &at))
		return take_restart(sar);
	return sar->fields_len ? add_row(sar, when.time_ns, when.has_zone, line, ';') : NULL;
}

static bool looks_like_sadf(struct ul_span line)
{
	const char *space = line.len ? memchr(line.data, ' ', line.len) : NULL;
	const char *mark = line.len ? memchr(line.data, ';', line.len) : NULL;
	return mark && (!space || mark < space);
}

struct ul_error *ul_sar_line(struct ul_sar *sar, struct ul_span line, struct ul_kernel *kernel)
{
	struct ul_span rest = line;
	struct ul_span word;
	if (!line.len)
		return NULL;
	if (is_sadf(line)) {
		sar->headers++;
		for (int i = 0; i < 3; i++)
			(void)ul_span_cut(&rest, ';', &word);
		sar->fields_len = 0;
		(void)take_titles(sar, rest, ';');
		return NULL;
	}
	if (ul_sar_is_header(line)) {
		take_header(sar, line, kernel);
		return NULL;
	}
	return looks_like_sadf(line) ? sadf_row(sar, line, kernel) : sar_row(sar, line);
}

static int earlier_first(const void *left, const void *right)
{
	const struct row *a = left;
	const struct row *b = right;
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

struct ul_error *ul_sar_end(struct ul_sar *sar, struct ul_losses *losses)
{
	if (!sar->rows.len)
		return ul_error_hint(ul_error_new(UL_ERR_BAD_DATA, "sar: no table of memory in it"),
				     "print one: LC_ALL=C sar -r ALL -f FILE");
	qsort(sar->rows.data, sar->rows.len, sizeof(*sar->rows.data), earlier_first);
	bool paging = false;
	bool coarse = false;
	ul_vec_foreach (row, &sar->rows) {
		paging |= row->has >> PAGED_IN & 1;
		coarse |= (row->has >> FREE & 1) && !(row->has >> SLAB & 1);
	}
	if (sar->bad)
		UL_TRY(ul_losses_add(losses, UL_BIAS_UNKNOWN, sar->bad,
				     "rows of sar not understood"));
	if (sar->restarts)
		UL_TRY(ul_losses_add(
			losses, UL_BIAS_UNKNOWN, sar->restarts,
			"marks of restarts of the machine: growth across one is none"));
	if (sar->ambiguous && sar->headers > 1)
		UL_TRY(ul_losses_add(losses, UL_BIAS_UNKNOWN, sar->ambiguous,
				     "dates like 03/04/26, read as month/day"));
	if (coarse)
		UL_TRY(ul_losses_add(
			losses, UL_BIAS_UNKNOWN, 0,
			"anonymous, slab and kernel memory: sar -r without ALL does not "
			"tell them from each other"));
	if (paging)
		UL_TRY(ul_losses_add(losses, UL_BIAS_NONE, 0,
				     "amounts: sar -B has rates only, shown as notes in bytes a "
				     "second"));
	return NULL;
}

/* Ledgers. */

static uint64_t kib(const struct row *row, enum column column)
{
	return (uint64_t)(row->value[column] + 0.5) * 1024;
}

static bool has(const struct row *row, enum column column)
{
	return row->has >> column & 1;
}

/** True when kbmemused and %memused fit a MemTotal of @p total bytes, to the digits printed. */
static bool fits_percent(const struct row *row, uint64_t total)
{
	if (!total || !has(row, PERCENT_USED))
		return false;
	const double percent = 100 * (double)kib(row, USED) / (double)total;
	return fabs(percent - row->value[PERCENT_USED]) <= 0.0051;
}

/** MemTotal, 0 where it does not follow. */
static uint64_t total_of(const struct row *row)
{
	const uint64_t plain = kib(row, FREE) + kib(row, USED);
	if (!has(row, FREE) || !has(row, USED))
		return 0;
	if (fits_percent(row, plain))
		return plain;
	const uint64_t whole = plain + kib(row, BUFFERS) + kib(row, CACHED) + kib(row, SLAB);
	return has(row, SLAB) && fits_percent(row, whole) ? whole : 0;
}

static struct ul_error *add_account(struct ul_ledger *ledger, const struct row *row,
				    enum column column, enum ul_kind kind, const char *name,
				    bool reclaimable)
{
	return has(row, column) ? ul_ledger_add(ledger, kind, name, (int64_t)kib(row, column), -1,
						reclaimable)
				: NULL;
}

static struct ul_error *add_accounts(struct ul_ledger *ledger, const struct row *row)
{
	UL_TRY(add_account(ledger, row, FREE, UL_KIND_FREE, "free", false));
	UL_TRY(add_account(ledger, row, BUFFERS, UL_KIND_FILE, "buffers", true));
	UL_TRY(add_account(ledger, row, CACHED, UL_KIND_FILE, "page cache and tmpfs", true));
	UL_TRY(add_account(ledger, row, ANON, UL_KIND_ANON, "anon", false));
	UL_TRY(add_account(ledger, row, SLAB, UL_KIND_SLAB, "slab (all caches)", false));
	UL_TRY(add_account(ledger, row, STACK, UL_KIND_KERNEL_STACK, "kernel stacks", false));
	UL_TRY(add_account(ledger, row, PAGE_TABLES, UL_KIND_PAGE_TABLES, "page tables", false));
	if (!has(row, VMALLOC))
		return NULL;
	// Stacks are vmalloc areas nearly everywhere: CONFIG_VMAP_STACK.
	const uint64_t used = kib(row, VMALLOC);
	const uint64_t stacks = kib(row, STACK);
	return ul_ledger_add(ledger, UL_KIND_VMALLOC, "vmalloc",
			     (int64_t)(used > stacks ? used - stacks : used), -1, false);
}

static struct ul_error *add_notes(struct ul_ledger *ledger, const struct row *row)
{
	if (has(row, COMMIT))
		UL_TRY(ul_ledger_note(ledger, "committed", kib(row, COMMIT)));
	if (has(row, USED) && !ledger->mem_total)
		UL_TRY(ul_ledger_note(ledger, "kbmemused of sar", kib(row, USED)));
	if (has(row, PAGED_IN))
		UL_TRY(ul_ledger_note(ledger, "paged in per second", kib(row, PAGED_IN)));
	if (has(row, PAGED_OUT))
		UL_TRY(ul_ledger_note(ledger, "paged out per second", kib(row, PAGED_OUT)));
	if (has(row, SCANNED_K))
		UL_TRY(ul_ledger_note(
			ledger, "scanned by reclaim per second",
			(uint64_t)((row->value[SCANNED_K] + row->value[SCANNED_D]) * PAGE_BYTES)));
	if (has(row, STOLEN))
		UL_TRY(ul_ledger_note(ledger, "reclaimed per second",
				      (uint64_t)(row->value[STOLEN] * PAGE_BYTES)));
	return NULL;
}

/** Rows of other tables at the same time become one. */
static void merge(struct row *row, const struct row *other)
{
	for (int i = 0; i < COLUMNS; i++)
		if (has(other, (enum column)i))
			row->value[i] = other->value[i];
	row->has |= other->has;
	row->restarted |= other->restarted;
}

struct ul_error *ul_sar_next(struct ul_sar *sar, struct ul_log_snapshot *snapshot, bool *ret_more)
{
	*ret_more = sar->next < sar->rows.len;
	if (!*ret_more)
		return NULL;
	struct row row = sar->rows.data[sar->next++];
	while (sar->next < sar->rows.len && sar->rows.data[sar->next].time_ns == row.time_ns &&
	       !(sar->rows.data[sar->next].has & row.has))
		merge(&row, &sar->rows.data[sar->next++]);
	struct ul_ledger *ledger = &snapshot->ledger;
	snapshot->has_ledger = true;
	snapshot->has_time = true;
	snapshot->time_ns = row.time_ns;
	snapshot->zoned = row.zoned;
	snapshot->restarted = row.restarted;
	ledger->mem_total = total_of(&row);
	UL_TRY(add_accounts(ledger, &row));
	UL_TRY(add_notes(ledger, &row));
	// Without ALL what is left holds everything between nothing and all of it.
	uint64_t rest = ledger->mem_total;
	if (ledger->mem_total && !has(&row, SLAB)) {
		ul_vec_foreach (account, &ledger->accounts)
			rest -= (uint64_t)account->bytes < rest ? (uint64_t)account->bytes : rest;
		snapshot->under = rest;
	}
	return NULL;
}
