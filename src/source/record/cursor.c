// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading samples. The state is one value per series; each sample's packed changes move it on, and
 * a full sample sets it anew.
 *
 * Times: within a session the boot-time clock counts. Where a recording was gone on with later, the
 * machine may have restarted and that clock with it; the step is then taken from the wall clock. If
 * neither clock moved forward, the step is one second: the order is known, the distance is not.
 *
 * Damage: a page SQLite cannot read ends the walk's statement; it is begun anew further on, at
 * doubling distance, because a whole page of samples is gone at least. What cannot be applied (bad
 * bytes, changes after a gap) is skipped until the next full sample. It errs on the side of missing
 * samples: no value is shown that was not recorded.
 */
#include "source/record/cursor.h"

#include "base/units.h"
#include "source/record/codec.h"

enum {
	MAX_SESSIONS = 1 << 16,
	SAME_BOOT_SLACK_S = 5, /**< the wall clock may have been stepped by as much */
};

bool ul_cursor_is_account(int kind)
{
	return (kind >= UL_KIND_FREE && kind <= UL_KIND_KERNEL_OTHER) || kind == UL_KIND_COMPRESSED;
}

static struct ul_error *damaged(const struct ul_cursor *cursor, const char *what, int64_t number)
{
	return ul_error_new(UL_ERR_BAD_DATA, "reading recording %s: damaged: %s %lld",
			    cursor->record->path, what, (long long)number);
}

static struct ul_error *load_one(struct ul_cursor *cursor, sqlite3_stmt *statement)
{
	struct ul_record *record = cursor->record;
	const int64_t id = sqlite3_column_int64(statement, 0);
	const size_t have = cursor->series.len;
	if (id < 1 || id >= UL_RECORD_MAX_SERIES ||
	    (have && id <= cursor->series.data[have - 1].id))
		return damaged(cursor, "series", id);
	const char *name = NULL;
	if (sqlite3_column_type(statement, 6) != SQLITE_NULL) {
		UL_TRY(ul_store_text(record, statement, 6, &name));
		name = ul_arena_strdup(&cursor->names, ul_span_of(name));
		if (!name)
			return &ul_enomem;
	}
	const struct ul_cursor_series series = {
		.id = (uint32_t)id,
		.kind = sqlite3_column_int(statement, 1),
		.name = name,
		.pid = sqlite3_column_int64(statement, 2),
		.start = (uint64_t)sqlite3_column_int64(statement, 3),
		.flags = (uint32_t)sqlite3_column_int64(statement, 4),
		.parent = (uint32_t)sqlite3_column_int64(statement, 5),
	};
	const bool needs_name = series.kind < UL_RECORD_MEM_TOTAL;
	if (needs_name && !name)
		return damaged(cursor, "no name of series", id);
	return ul_vec_push(&cursor->series, series) ? NULL : &ul_enomem;
}

static struct ul_error *load_series(struct ul_cursor *cursor)
{
	sqlite3_stmt *statement;
	UL_TRY(ul_store_get(cursor->record, UL_STORE_SERIES_LIST, &statement));
	for (;;) {
		bool row = false;
		UL_TRY(ul_store_step(cursor->record, statement, &row));
		if (!row)
			break;
		UL_TRY(load_one(cursor, statement));
	}
	if (!cursor->series.len)
		return NULL;
	// By id, from the statement; the ids are within their limit, and so is the index.
	const uint32_t len = cursor->series.data[cursor->series.len - 1].id + 1;
	cursor->index = calloc(len, sizeof(*cursor->index));
	if (!cursor->index)
		return &ul_enomem;
	cursor->index_len = len;
	for (size_t i = 0; i < cursor->series.len; i++)
		if (cursor->series.data[i].id < len)
			cursor->index[cursor->series.data[i].id] = (uint32_t)i + 1;
	return NULL;
}

static struct ul_error *load_sessions(struct ul_cursor *cursor)
{
	sqlite3_stmt *statement;
	UL_TRY(ul_store_get(cursor->record, UL_STORE_SESSION_LIST, &statement));
	for (;;) {
		bool row = false;
		UL_TRY(ul_store_step(cursor->record, statement, &row));
		if (!row)
			return NULL;
		if (cursor->sessions.len == MAX_SESSIONS)
			return ul_error_new(UL_ERR_LIMIT,
					    "reading recording %s: more than %d sessions",
					    cursor->record->path, MAX_SESSIONS);
		const int64_t first = sqlite3_column_int64(statement, 0);
		if (!ul_vec_push(&cursor->sessions, first))
			return &ul_enomem;
	}
}

struct ul_error *ul_cursor_init(struct ul_cursor *cursor, struct ul_record *record)
{
	*cursor = (struct ul_cursor){.record = record};
	int64_t first;
	UL_TRY(load_series(cursor));
	UL_TRY(load_sessions(cursor));
	return ul_store_sample_span(record, &first, &cursor->newest);
}

void ul_cursor_deinit(struct ul_cursor *cursor)
{
	sqlite3_reset(cursor->statement);
	ul_arena_deinit(&cursor->names);
	ul_vec_deinit(&cursor->series);
	ul_vec_deinit(&cursor->alive);
	ul_vec_deinit(&cursor->sessions);
	free(cursor->index);
	*cursor = (struct ul_cursor){0};
}

struct ul_cursor_series *ul_cursor_find(const struct ul_cursor *cursor, uint32_t id)
{
	if (id >= cursor->index_len || !cursor->index[id])
		return NULL;
	return &cursor->series.data[cursor->index[id] - 1];
}

static struct ul_error *seek(struct ul_cursor *cursor, int64_t first)
{
	UL_TRY(ul_store_get(cursor->record, UL_STORE_SAMPLE_LIST, &cursor->statement));
	return ul_store_bind(cursor->record, cursor->statement, &first, 1);
}

static void end_all(struct ul_cursor *cursor)
{
	ul_vec_foreach (place, &cursor->alive)
		cursor->series.data[*place].alive = false;
	cursor->alive.len = 0;
	cursor->kernel_bytes = 0;
}

struct ul_error *ul_cursor_start(struct ul_cursor *cursor, int64_t first)
{
	end_all(cursor);
	cursor->id = cursor->losses = 0;
	cursor->skipped = 0;
	cursor->lost = true;
	return seek(cursor, first);
}

static void end_one(struct ul_cursor *cursor, struct ul_cursor_series *series)
{
	if (!series->alive)
		return;
	if (ul_cursor_is_account(series->kind))
		cursor->kernel_bytes -= (uint64_t)series->bytes;
	series->alive = false;
	const uint32_t last = cursor->alive.data[--cursor->alive.len];
	cursor->alive.data[series->alive_at] = last;
	cursor->series.data[last].alive_at = series->alive_at;
}

static bool in_range(int64_t value)
{
	return value >= -UL_RECORD_MAX_VALUE && value <= UL_RECORD_MAX_VALUE;
}

/** *@p ret_fits false: the change makes no sense. */
static struct ul_error *apply(struct ul_cursor *cursor, const struct ul_codec_change *change,
			      bool *ret_fits)
{
	struct ul_cursor_series *series = ul_cursor_find(cursor, change->id);
	*ret_fits = series && (series->alive || !change->ends);
	if (!*ret_fits)
		return NULL;
	if (change->ends) {
		end_one(cursor, series);
		return NULL;
	}
	if (!series->alive) {
		const uint32_t place = (uint32_t)(series - cursor->series.data);
		series->alive_at = (uint32_t)cursor->alive.len;
		if (!ul_vec_push(&cursor->alive, place))
			return &ul_enomem;
		series->alive = true;
		series->bytes = 0;
		series->objects = -1;
	}
	// Neither sum can overflow: values are within 2^60, deltas within 2^61.
	const int64_t bytes = series->bytes + change->bytes_delta;
	const int64_t objects = series->objects + change->objects_delta;
	*ret_fits = in_range(bytes) && in_range(objects);
	if (!*ret_fits)
		return NULL;
	if (ul_cursor_is_account(series->kind))
		cursor->kernel_bytes += (uint64_t)change->bytes_delta;
	series->bytes = bytes;
	series->objects = objects;
	return NULL;
}

static struct ul_error *apply_all(struct ul_cursor *cursor, struct ul_span data)
{
	const bool full = cursor->flags & UL_RECORD_FULL;
	if (full)
		end_all(cursor);
	struct ul_codec_reader reader = {.rest = data, .full = full};
	struct ul_codec_change change;
	bool fits = true;
	while (fits && ul_codec_next(&reader, &change))
		UL_TRY(apply(cursor, &change, &fits));
	cursor->lost = !fits || reader.bad;
	return NULL;
}

static bool session_between(const struct ul_cursor *cursor, int64_t after, int64_t upto)
{
	size_t low = 0;
	size_t high = cursor->sessions.len;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (cursor->sessions.data[middle] <= after)
			low = middle + 1;
		else
			high = middle;
	}
	return low < cursor->sessions.len && cursor->sessions.data[low] <= upto;
}

/** Where the sample lies in time after the one before; false when it is not later. */
static bool place_in_time(const struct ul_cursor *cursor, int64_t id, int64_t time_ns,
			  int64_t boottime_ns, int64_t *ret_when_ns)
{
	if (!cursor->id) {
		*ret_when_ns = boottime_ns;
		return true;
	}
	int64_t step;
	int64_t wall;
	if (__builtin_sub_overflow(boottime_ns, cursor->boottime_ns, &step) ||
	    __builtin_sub_overflow(time_ns, cursor->time_ns, &wall))
		return false;
	if (session_between(cursor, cursor->id, id)) {
		int64_t apart;
		const bool same_boot = step > 0 && !__builtin_sub_overflow(wall, step, &apart) &&
				       apart < SAME_BOOT_SLACK_S * UL_NS_PER_S &&
				       apart > -SAME_BOOT_SLACK_S * UL_NS_PER_S;
		if (!same_boot && wall > 0)
			step = wall;
		else if (!same_boot)
			step = step > 0 ? step : UL_NS_PER_S;
	}
	return step > 0 && !__builtin_add_overflow(cursor->when_ns, step, ret_when_ns);
}

/** How many samples were left out just before this one, see retention.c. */
static uint64_t gap_before(sqlite3_stmt *row)
{
	const int64_t flags = sqlite3_column_int64(row, 3);
	return flags > 0 ? (uint64_t)flags >> UL_RECORD_GAP_SHIFT : 0;
}

/** How many samples are missing between @p at and the row behind it that nobody left out. */
static uint64_t missing_after(int64_t at, sqlite3_stmt *row)
{
	const uint64_t between = (uint64_t)sqlite3_column_int64(row, 0) - (uint64_t)at - 1;
	const uint64_t gap = gap_before(row);
	return between > gap ? between - gap : 0;
}

/** Take the row the statement stands at; *@p ret_taken false when it had to be skipped. */
static struct ul_error *take_row(struct ul_cursor *cursor, bool *ret_taken)
{
	sqlite3_stmt *row = cursor->statement;
	const int64_t id = sqlite3_column_int64(row, 0);
	const int64_t time_ns = sqlite3_column_int64(row, 1);
	const int64_t boottime_ns = sqlite3_column_int64(row, 2);
	int64_t when_ns;
	cursor->flags = sqlite3_column_int64(row, 3);
	*ret_taken = false;
	// Changes follow from the sample before; after a gap that nobody made they follow from
	// nothing.
	if (cursor->id && (uint64_t)id != (uint64_t)cursor->id + 1 + gap_before(row))
		cursor->lost = true;
	if (cursor->lost && !(cursor->flags & UL_RECORD_FULL))
		return NULL;
	if (!place_in_time(cursor, id, time_ns, boottime_ns, &when_ns)) {
		cursor->lost = true;
		return NULL;
	}
	const void *data = sqlite3_column_blob(row, 5);
	const int len = sqlite3_column_bytes(row, 5);
	struct ul_span packed = {data ? data : "", data ? (size_t)len : 0};
	const struct ul_store_stamp stamp = {id, time_ns, boottime_ns, cursor->flags};
	if (!ul_store_unseal(&packed, &stamp)) {
		cursor->lost = true;
		return NULL;
	}
	UL_TRY(apply_all(cursor, packed));
	if (cursor->lost)
		return NULL;
	if (sqlite3_column_type(row, 4) != SQLITE_NULL)
		cursor->losses = sqlite3_column_int64(row, 4);
	cursor->id = id;
	cursor->time_ns = time_ns;
	cursor->boottime_ns = boottime_ns;
	cursor->when_ns = when_ns;
	*ret_taken = true;
	return NULL;
}

/** Seek to a row after @p at; *@p ret_row false when there is none to be had at @p first. */
static struct ul_error *try_from(struct ul_cursor *cursor, int64_t first, int64_t at, bool *ret_row)
{
	UL_TRY(seek(cursor, first));
	*ret_row = false;
	UL_CLEANUP_ERROR struct ul_error *err =
		ul_store_step(cursor->record, cursor->statement, ret_row);
	if (err && err->code != UL_ERR_BAD_DATA)
		return UL_TAKE(err);
	if (err || (*ret_row && sqlite3_column_int64(cursor->statement, 0) <= at))
		*ret_row = false;
	return NULL;
}

/** Step over a part of the file that cannot be read, to some row after @p at. */
static struct ul_error *step_over(struct ul_cursor *cursor, int64_t at, bool *ret_row)
{
	*ret_row = false;
	for (int64_t distance = 1; !*ret_row && distance <= cursor->newest - at; distance *= 2)
		UL_TRY(try_from(cursor, at + distance, at, ret_row));
	if (!*ret_row && cursor->newest > at)
		cursor->skipped += (uint64_t)(cursor->newest - at);
	return NULL;
}

/** The next row after @p at, over what is damaged; *@p ret_row false at the end. */
static struct ul_error *next_row(struct ul_cursor *cursor, int64_t at, bool *ret_row)
{
	UL_CLEANUP_ERROR struct ul_error *err =
		ul_store_step(cursor->record, cursor->statement, ret_row);
	if (err && err->code != UL_ERR_BAD_DATA)
		return UL_TAKE(err);
	if (!err && (!*ret_row || sqlite3_column_int64(cursor->statement, 0) > at))
		return NULL;
	UL_TRY(step_over(cursor, at, ret_row));
	// Nothing at all could be read: then say why.
	return err && !*ret_row && !cursor->id ? UL_TAKE(err) : NULL;
}

struct ul_error *ul_cursor_next(struct ul_cursor *cursor, bool *ret_more)
{
	int64_t at = cursor->id;
	for (;;) {
		bool row = false;
		bool taken = false;
		UL_TRY(next_row(cursor, at, &row));
		if (!row) {
			*ret_more = false;
			return NULL;
		}
		const int64_t id = sqlite3_column_int64(cursor->statement, 0);
		if (at)
			cursor->skipped += missing_after(at, cursor->statement);
		at = id;
		UL_TRY(take_row(cursor, &taken));
		if (taken) {
			*ret_more = true;
			return NULL;
		}
		cursor->skipped++;
	}
}
