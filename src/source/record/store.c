// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/record/store.h"

#include <errno.h>
#include <string.h>

static const char *const sql_texts[UL_STORE_STATEMENTS] = {
	[UL_STORE_TABLE_EXISTS] = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1",
	[UL_STORE_NAME_ID] = "SELECT id FROM name WHERE text = ?1",
	[UL_STORE_NAME_ADD] = "INSERT INTO name(text) VALUES (?1)",
	[UL_STORE_NAME_TEXT] = "SELECT text FROM name WHERE id = ?1",
	[UL_STORE_LOSS_NEXT_ID] = "SELECT coalesce(max(id), 0) + 1 FROM loss",
	[UL_STORE_LOSS_ADD] = "INSERT INTO loss(id, position, bias, count, what)"
			      " VALUES (?1, ?2, ?3, ?4, ?5)",
	[UL_STORE_LOSS_LIST] = "SELECT bias, count, text FROM loss JOIN name ON name.id = what"
			       " WHERE loss.id = ?1 ORDER BY position",
	[UL_STORE_SESSION_ADD] = "INSERT INTO session(first_sample, page_bytes, cpus, release,"
				 " version, arch, node, losses, processes_dropped, clean)"
				 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0, 0)",
	[UL_STORE_SESSION_LAST] = "SELECT page_bytes, cpus, clean, release, version, arch, node"
				  " FROM session ORDER BY id DESC LIMIT 1",
	[UL_STORE_SESSION_LIST] = "SELECT first_sample, losses, processes_dropped FROM session"
				  " ORDER BY id",
	[UL_STORE_SESSION_LOSSES] = "UPDATE session SET losses = ?2 WHERE id = ?1",
	[UL_STORE_SESSION_DROPPED] = "UPDATE session SET processes_dropped = ?2 WHERE id = ?1",
	[UL_STORE_SESSION_CLEAN] = "UPDATE session SET clean = 1 WHERE id = ?1",
	[UL_STORE_SERIES_PUT] = "INSERT OR REPLACE INTO series(id, kind, name, pid, start, flags,"
				" parent) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[UL_STORE_SERIES_LIST] = "SELECT series.id, kind, pid, start, flags, parent, text"
				 " FROM series LEFT JOIN name ON name.id = series.name"
				 " ORDER BY series.id",
	[UL_STORE_CACHE_PUT] = "INSERT OR REPLACE INTO cache(series, object_size,"
			       " objects_per_slab, pages_per_slab) VALUES (?1, ?2, ?3, ?4)",
	[UL_STORE_CACHE_LIST] = "SELECT object_size, objects_per_slab, pages_per_slab FROM cache"
				" WHERE series = ?1",
	[UL_STORE_ALIAS_CLEAR] = "DELETE FROM alias WHERE series = ?1",
	[UL_STORE_ALIAS_ADD] = "INSERT INTO alias(series, position, name) VALUES (?1, ?2, ?3)",
	[UL_STORE_ALIAS_LIST] = "SELECT text FROM alias JOIN name ON name.id = alias.name"
				" WHERE series = ?1 ORDER BY position",
	[UL_STORE_SAMPLE_ADD] = "INSERT INTO sample(id, time_ns, boottime_ns, flags, losses, data)"
				" VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[UL_STORE_SAMPLE_LIST] = "SELECT id, time_ns, boottime_ns, flags, losses, data FROM sample"
				 " WHERE id >= ?1 ORDER BY id",
	[UL_STORE_SAMPLE_FIRST] = "SELECT min(id) FROM sample",
	[UL_STORE_SAMPLE_LAST] = "SELECT max(id) FROM sample",
	[UL_STORE_SAMPLE_EDGE] = "SELECT time_ns FROM sample WHERE id >= ?1"
				 " ORDER BY id LIMIT 1",
	[UL_STORE_SAMPLE_LAST_FULL] = "SELECT id FROM sample WHERE flags & 1"
				      " AND id <= ?1 ORDER BY id DESC LIMIT 1",
	[UL_STORE_SAMPLE_UNTIL] = "SELECT max(id) FROM sample WHERE time_ns <= ?1",
	[UL_STORE_FRAME_ADD] = "INSERT INTO frame(kaddr, function, offset, module, file, line,"
			       " inlined) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[UL_STORE_FRAME_ID] = "SELECT id FROM frame WHERE kaddr = ?1 AND function = ?2"
			      " AND offset = ?3 AND module = ?4 AND file = ?5 AND line = ?6"
			      " AND inlined = ?7",
	[UL_STORE_FRAME_GET] = "SELECT kaddr, offset, line, inlined, function, module, file"
			       " FROM frame WHERE id = ?1",
	[UL_STORE_STACK_ADD] = "INSERT INTO stack(frames) VALUES (?1)",
	[UL_STORE_STACK_ID] = "SELECT id FROM stack WHERE frames = ?1",
	[UL_STORE_STACK_GET] = "SELECT frames FROM stack WHERE id = ?1",
	[UL_STORE_TRACE_ADD] = "INSERT INTO trace(events, losses, begin_ns, end_ns, engine,"
			       " window_s, drain_s) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[UL_STORE_TRACE_LAST] = "SELECT id, events, losses, engine, window_s, drain_s, begin_ns,"
				" end_ns FROM trace ORDER BY id DESC LIMIT 1",
	[UL_STORE_SITE_ADD] =
		"INSERT INTO site(trace, position, allocator, cache, account, flags,"
		" call_site, object_bytes, stack, allocated, freed, live, missed,"
		" allocated_bytes, freed_bytes, live_bytes, survivors,"
		" survivor_bytes, named_frame, age_p50_s, trust) VALUES (?1, ?2, ?3,"
		" ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,"
		" ?19, ?20, ?21)",
	[UL_STORE_SITE_LIST] = "SELECT position, allocator, cache, account, flags, call_site,"
			       " object_bytes, stack, allocated, freed, live, missed,"
			       " allocated_bytes, freed_bytes, live_bytes, survivors,"
			       " survivor_bytes, named_frame, age_p50_s, trust FROM site"
			       " WHERE trace = ?1 ORDER BY position",
	[UL_STORE_SITE_PROCESS_ADD] = "INSERT INTO site_process(trace, site, position, pid, comm,"
				      " objects) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[UL_STORE_SITE_PROCESS_LIST] = "SELECT pid, objects, text FROM site_process"
				       " JOIN name ON name.id = comm"
				       " WHERE trace = ?1 AND site = ?2 ORDER BY position",
	[UL_STORE_SITE_EXAMPLE_ADD] = "INSERT INTO site_example(trace, site, position, key, bytes,"
				      " time_ns, pid, survivor, comm)"
				      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[UL_STORE_SITE_EXAMPLE_LIST] = "SELECT key, bytes, time_ns, pid, survivor, text"
				       " FROM site_example JOIN name ON name.id = comm"
				       " WHERE trace = ?1 AND site = ?2 ORDER BY position",
	[UL_STORE_SITE_FREED_ADD] = "INSERT INTO site_freed(trace, site, position, stack, comm,"
				    " objects) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[UL_STORE_SITE_FREED_LIST] = "SELECT stack, objects, text FROM site_freed"
				     " LEFT JOIN name ON name.id = comm"
				     " WHERE trace = ?1 AND site = ?2 ORDER BY position",
	[UL_STORE_DOCUMENT_ADD] = "INSERT INTO document(command, json) VALUES (?1, ?2)",
	[UL_STORE_TRACE_SHARE_ADD] = "INSERT INTO trace_share(trace, memory_bytes, share, cost)"
				     " VALUES (?1, ?2, ?3, ?4)",
	[UL_STORE_TRACE_SHARE_GET] = "SELECT share, cost, memory_bytes FROM trace_share"
				     " WHERE trace = ?1",
	[UL_STORE_SITE_ERROR_ADD] = "INSERT INTO site_error(trace, site, survivors, freed,"
				    " allocated) VALUES (?1, ?2, ?3, ?4, ?5)",
	[UL_STORE_SITE_ERROR_GET] = "SELECT survivors, freed, allocated FROM site_error"
				    " WHERE trace = ?1 AND site = ?2",
	[UL_STORE_SITE_AGE_ADD] = "INSERT INTO site_age(trace, site, class, freed, live)"
				  " VALUES (?1, ?2, ?3, ?4, ?5)",
	[UL_STORE_SITE_AGE_LIST] = "SELECT class, freed, live FROM site_age"
				   " WHERE trace = ?1 AND site = ?2",
	[UL_STORE_RETENTION_GET] = "SELECT age_ns, every_ns, next_sample, left_out FROM retention"
				   " WHERE id = ?1",
	[UL_STORE_RETENTION_PUT] = "INSERT OR REPLACE INTO retention(id, age_ns, every_ns,"
				   " next_sample, left_out) VALUES (?1, ?2, ?3, ?4, ?5)",
	[UL_STORE_SAMPLE_NEXT_FULL] = "SELECT id, time_ns, boottime_ns FROM sample WHERE id > ?1"
				      " AND flags & 1 ORDER BY id LIMIT 1",
	[UL_STORE_SAMPLE_REMOVE] = "DELETE FROM sample WHERE id > ?1 AND id < ?2",
	[UL_STORE_SAMPLE_REWRITE] = "UPDATE sample SET flags = ?2, losses = ?3, data = ?4"
				    " WHERE id = ?1",
	[UL_STORE_SERIES_REMOVE] = "DELETE FROM series WHERE id = ?1 AND kind IN (13, 105, 106)",
	[UL_STORE_LOSS_REMOVE] = "DELETE FROM loss WHERE id = ?1",
	[UL_STORE_USED_BYTES] = "SELECT (page_count - freelist_count) * page_size FROM"
				" pragma_page_count, pragma_freelist_count, pragma_page_size",
	[UL_STORE_BOOT_ADD] = "INSERT INTO boot(session, boot_id) VALUES (?1, ?2)",
	[UL_STORE_BOOT_LAST] = "SELECT boot_id FROM boot"
			       " WHERE session = (SELECT max(id) FROM session)",
	[UL_STORE_DOCUMENT_LAST] = "SELECT json FROM document WHERE command = ?1"
				   " ORDER BY id DESC LIMIT 1",
};

static struct ul_error *system_error(struct ul_record *record, int number, const char *doing)
{
	struct ul_error *err = ul_error_os(number, "%s recording %s", doing, record->path);
	if (number == ENOSPC || number == EDQUOT || number == EFBIG)
		return ul_error_hint(err,
				     "free space where %s is (or raise the quota or file size "
				     "limit); what is recorded so far stays, and later samples are "
				     "written as soon as there is space again",
				     record->path);
	return err;
}

/**
 * errno of the last failed read or write. sqlite3_system_errno() is what errno happens to be once
 * SQLite has cleaned up; the open files remember their own: first the log, then the recording.
 */
static int io_errno(struct ul_record *record)
{
	static const int pointers[] = {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER};
	for (size_t i = 0; record->db && i < UL_ARRAY_LEN(pointers); i++) {
		sqlite3_file *file = NULL;
		int number = 0;
		if (sqlite3_file_control(record->db, "main", pointers[i], &file) == SQLITE_OK &&
		    file && file->pMethods &&
		    file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &number) ==
			    SQLITE_OK &&
		    number > 0)
			return number;
	}
	const int number = record->db ? sqlite3_system_errno(record->db) : 0;
	return number ? number : EIO;
}

struct ul_error *ul_store_error(struct ul_record *record, int rc, const char *doing)
{
	const char *why = record->db ? sqlite3_errmsg(record->db) : sqlite3_errstr(rc);
	const int number = record->db ? sqlite3_system_errno(record->db) : 0;
	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return &ul_enomem;
	case SQLITE_FULL:
		return system_error(record, ENOSPC, doing);
	case SQLITE_IOERR:
		return system_error(record, io_errno(record), doing);
	case SQLITE_CANTOPEN:
		return system_error(record, number ? number : ENOENT, doing);
	case SQLITE_PERM:
	case SQLITE_READONLY:
		return system_error(record, EACCES, doing);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ul_error_hint(system_error(record, EBUSY, doing),
				     "another program holds the file; close it");
	case SQLITE_TOOBIG:
		return ul_error_new(UL_ERR_LIMIT, "%s recording %s: a value of more than %d bytes",
				    doing, record->path, UL_RECORD_MAX_DOCUMENT);
	case SQLITE_INTERRUPT:
		return ul_error_new(
			UL_ERR_LIMIT,
			"%s recording %s: more work than any recording takes: it is damaged", doing,
			record->path);
	case SQLITE_NOTADB:
		return ul_error_new(UL_ERR_BAD_DATA,
				    "%s recording %s: not an ullage recording (not an SQLite file)",
				    doing, record->path);
	default:
		return ul_error_new(UL_ERR_BAD_DATA, "%s recording %s: damaged: %s", doing,
				    record->path, why);
	}
}

static const char *doing(const struct ul_record *record)
{
	return record->writer ? "writing" : "reading";
}

struct ul_error *ul_store_exec(struct ul_record *record, const char *sql)
{
	const int rc = sqlite3_exec(record->db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? NULL : ul_store_error(record, rc, doing(record));
}

struct ul_error *ul_store_get(struct ul_record *record, enum ul_store_statement which,
			      sqlite3_stmt **ret)
{
	sqlite3_stmt **slot = &record->statements[which];
	if (!*slot) {
		const int rc = sqlite3_prepare_v3(record->db, sql_texts[which], -1,
						  SQLITE_PREPARE_PERSISTENT, slot, NULL);
		if (rc != SQLITE_OK)
			return ul_store_error(record, rc, doing(record));
	}
	sqlite3_reset(*slot);
	sqlite3_clear_bindings(*slot);
	*ret = *slot;
	return NULL;
}

struct ul_error *ul_store_bind(struct ul_record *record, sqlite3_stmt *statement,
			       const int64_t *values, int count)
{
	for (int i = 0; i < count; i++) {
		const int rc = sqlite3_bind_int64(statement, i + 1, values[i]);
		if (rc != SQLITE_OK)
			return ul_store_error(record, rc, doing(record));
	}
	return NULL;
}

struct ul_error *ul_store_bind_text(struct ul_record *record, sqlite3_stmt *statement, int at,
				    const char *text)
{
	const int rc =
		sqlite3_bind_text64(statement, at, text, strlen(text), SQLITE_STATIC, SQLITE_UTF8);
	return rc == SQLITE_OK ? NULL : ul_store_error(record, rc, doing(record));
}

struct ul_error *ul_store_bind_blob(struct ul_record *record, sqlite3_stmt *statement, int at,
				    const struct ul_buf *blob)
{
	const int rc =
		sqlite3_bind_blob64(statement, at, ul_buf_str(blob), blob->len, SQLITE_STATIC);
	return rc == SQLITE_OK ? NULL : ul_store_error(record, rc, doing(record));
}

struct ul_error *ul_store_step(struct ul_record *record, sqlite3_stmt *statement, bool *ret_row)
{
	const int rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW) {
		*ret_row = true;
		return NULL;
	}
	struct ul_error *err = NULL;
	if (rc != SQLITE_DONE)
		err = ul_store_error(record, rc, doing(record));
	else
		*ret_row = false;
	sqlite3_reset(statement);
	return err;
}

struct ul_error *ul_store_run(struct ul_record *record, sqlite3_stmt *statement)
{
	bool row = true;
	while (row)
		UL_TRY(ul_store_step(record, statement, &row));
	return NULL;
}

struct ul_error *ul_store_put(struct ul_record *record, enum ul_store_statement which,
			      const int64_t *values, int count)
{
	sqlite3_stmt *statement;
	UL_TRY(ul_store_get(record, which, &statement));
	UL_TRY(ul_store_bind(record, statement, values, count));
	return ul_store_run(record, statement);
}

struct ul_error *ul_store_writable(const struct ul_record *record)
{
	if (record->writer)
		return NULL;
	return ul_error_new(UL_ERR_USAGE, "writing recording %s: it was opened for reading only",
			    record->path);
}

struct ul_error *ul_store_begin(struct ul_record *record)
{
	record->work = 0;
	return ul_store_exec(record, "BEGIN IMMEDIATE");
}

/** A statement left in mid-run would make the rollback fail, or hold on to an old state. */
static void roll_back(struct ul_record *record)
{
	for (size_t i = 0; i < UL_STORE_STATEMENTS; i++)
		sqlite3_reset(record->statements[i]);
	if (!sqlite3_get_autocommit(record->db))
		sqlite3_exec(record->db, "ROLLBACK", NULL, NULL, NULL);
}

struct ul_error *ul_store_end(struct ul_record *record, struct ul_error *err)
{
	if (!err)
		err = ul_store_exec(record, "COMMIT");
	if (err)
		roll_back(record);
	return err;
}

struct ul_error *ul_store_read_begin(struct ul_record *record)
{
	record->text_bytes = 0;
	record->work = 0;
	return ul_store_exec(record, "BEGIN");
}

void ul_store_read_end(struct ul_record *record)
{
	roll_back(record);
}

struct ul_error *ul_store_name_id(struct ul_record *record, const char *text, int64_t *ret)
{
	if (!text) {
		*ret = 0;
		return NULL;
	}
	if (strlen(text) > UL_RECORD_MAX_NAME)
		return ul_error_new(UL_ERR_LIMIT,
				    "writing recording %s: a name of %zu bytes, limit %d",
				    record->path, strlen(text), UL_RECORD_MAX_NAME);
	sqlite3_stmt *statement;
	bool row = false;
	UL_TRY(ul_store_get(record, UL_STORE_NAME_ID, &statement));
	UL_TRY(ul_store_bind_text(record, statement, 1, text));
	UL_TRY(ul_store_step(record, statement, &row));
	if (row) {
		*ret = sqlite3_column_int64(statement, 0);
		sqlite3_reset(statement);
		return NULL;
	}
	UL_TRY(ul_store_get(record, UL_STORE_NAME_ADD, &statement));
	UL_TRY(ul_store_bind_text(record, statement, 1, text));
	UL_TRY(ul_store_run(record, statement));
	*ret = sqlite3_last_insert_rowid(record->db);
	return NULL;
}

struct ul_error *ul_store_has_table(struct ul_record *record, const char *name, bool *ret)
{
	sqlite3_stmt *statement;
	bool row = false;
	UL_TRY(ul_store_get(record, UL_STORE_TABLE_EXISTS, &statement));
	UL_TRY(ul_store_bind_text(record, statement, 1, name));
	UL_TRY(ul_store_step(record, statement, &row));
	sqlite3_reset(statement);
	*ret = row;
	return NULL;
}

struct ul_error *ul_store_text(struct ul_record *record, sqlite3_stmt *statement, int column,
			       const char **ret)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);
	if (!text)
		return ul_error_new(UL_ERR_BAD_DATA,
				    "reading recording %s: damaged: a text is missing",
				    record->path);
	const int bytes = sqlite3_column_bytes(statement, column);
	if (bytes > UL_RECORD_MAX_NAME)
		return ul_error_new(UL_ERR_LIMIT,
				    "reading recording %s: a name of %d bytes, limit %d",
				    record->path, bytes, UL_RECORD_MAX_NAME);
	record->text_bytes += (uint64_t)bytes + 1;
	if (record->text_bytes > UL_RECORD_MAX_TEXT)
		return ul_error_new(UL_ERR_LIMIT,
				    "reading recording %s: more than %d bytes of names",
				    record->path, UL_RECORD_MAX_TEXT);
	*ret = text;
	return NULL;
}

struct ul_error *ul_store_name(struct ul_record *record, int64_t id, char **ret)
{
	if (!id) {
		*ret = NULL;
		return NULL;
	}
	sqlite3_stmt *statement;
	bool row = false;
	const char *text;
	UL_TRY(ul_store_get(record, UL_STORE_NAME_TEXT, &statement));
	UL_TRY(ul_store_bind(record, statement, &id, 1));
	UL_TRY(ul_store_step(record, statement, &row));
	if (!row)
		return ul_error_new(UL_ERR_BAD_DATA, "reading recording %s: damaged: no name %lld",
				    record->path, (long long)id);
	UL_TRY(ul_store_text(record, statement, 0, &text));
	char *copy = strdup(text);
	sqlite3_reset(statement);
	if (!copy)
		return &ul_enomem;
	*ret = copy;
	return NULL;
}

struct ul_error *ul_store_put_losses(struct ul_record *record, const struct ul_losses *losses,
				     int64_t *ret_set)
{
	if (!losses->items.len) {
		*ret_set = 0;
		return NULL;
	}
	sqlite3_stmt *statement;
	bool row = false;
	UL_TRY(ul_store_get(record, UL_STORE_LOSS_NEXT_ID, &statement));
	UL_TRY(ul_store_step(record, statement, &row));
	const int64_t set = sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	int64_t position = 0;
	ul_vec_foreach (loss, &losses->items) {
		int64_t what;
		UL_TRY(ul_store_name_id(record, loss->what, &what));
		const int64_t values[] = {set, position++, loss->bias, (int64_t)loss->count, what};
		UL_TRY(ul_store_put(record, UL_STORE_LOSS_ADD, values, UL_ARRAY_LEN(values)));
	}
	*ret_set = set;
	return NULL;
}

struct ul_error *ul_store_get_losses(struct ul_record *record, int64_t set,
				     struct ul_losses *losses)
{
	if (!set)
		return NULL;
	sqlite3_stmt *statement;
	UL_TRY(ul_store_get(record, UL_STORE_LOSS_LIST, &statement));
	UL_TRY(ul_store_bind(record, statement, &set, 1));
	for (size_t count = 0;; count++) {
		bool row = false;
		const char *what;
		UL_TRY(ul_store_step(record, statement, &row));
		if (!row)
			return NULL;
		if (count == UL_RECORD_MAX_LOSSES)
			return ul_error_new(UL_ERR_LIMIT,
					    "reading recording %s: a set of more than %d losses",
					    record->path, UL_RECORD_MAX_LOSSES);
		UL_TRY(ul_store_text(record, statement, 2, &what));
		const int64_t bias = sqlite3_column_int64(statement, 0);
		const bool known = bias >= UL_BIAS_NONE && bias <= UL_BIAS_UNKNOWN;
		UL_TRY(ul_losses_add(losses, known ? (enum ul_bias)bias : UL_BIAS_UNKNOWN,
				     (uint64_t)sqlite3_column_int64(statement, 1), "%s", what));
	}
}

/** First column of the one row of @p which; 0: NULL or no row. @p key 0: no parameter. */
static struct ul_error *one_number(struct ul_record *record, enum ul_store_statement which,
				   int64_t key, int64_t *ret)
{
	sqlite3_stmt *statement;
	bool row = false;
	UL_TRY(ul_store_get(record, which, &statement));
	if (key)
		UL_TRY(ul_store_bind(record, statement, &key, 1));
	UL_TRY(ul_store_step(record, statement, &row));
	*ret = row ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_reset(statement);
	return NULL;
}

/** The last sample that can be read, where the table's end cannot: found by halving. */
static struct ul_error *find_last(struct ul_record *record, int64_t first, int64_t *ret)
{
	int64_t low = first;
	int64_t high = 1LL << 40;
	while (high - low > 1) {
		const int64_t middle = low + (high - low) / 2;
		int64_t time_ns = 0;
		UL_CLEANUP_ERROR struct ul_error *err =
			one_number(record, UL_STORE_SAMPLE_EDGE, middle, &time_ns);
		if (err && err->code != UL_ERR_BAD_DATA)
			return UL_TAKE(err);
		if (!err && time_ns)
			low = middle;
		else
			high = middle;
	}
	*ret = low;
	return NULL;
}

struct ul_error *ul_store_sample_span(struct ul_record *record, int64_t *ret_first,
				      int64_t *ret_last)
{
	int64_t first = 1;
	int64_t last = 0;
	UL_CLEANUP_ERROR struct ul_error *first_err =
		one_number(record, UL_STORE_SAMPLE_FIRST, 0, &first);
	if (first_err && first_err->code != UL_ERR_BAD_DATA)
		return UL_TAKE(first_err);
	UL_CLEANUP_ERROR struct ul_error *last_err =
		one_number(record, UL_STORE_SAMPLE_LAST, 0, &last);
	if (last_err && (last_err->code != UL_ERR_BAD_DATA || first_err))
		return UL_TAKE(last_err);
	if (last_err)
		UL_TRY(find_last(record, first, &last));
	*ret_first = first;
	*ret_last = last;
	return NULL;
}

static uint32_t checksum(const void *data, size_t len, const struct ul_store_stamp *stamp)
{
	uint64_t hash = ul_track_hash(UL_TRACK_HASH, data, len);
	const uint64_t numbers[] = {(uint64_t)stamp->id, (uint64_t)stamp->time_ns,
				    (uint64_t)stamp->boottime_ns, (uint64_t)stamp->flags};
	// Byte by byte: the file is read on machines of either byte order.
	for (size_t i = 0; i < UL_ARRAY_LEN(numbers); i++) {
		for (unsigned int shift = 0; shift < 64; shift += 8) {
			const unsigned char byte = (unsigned char)(numbers[i] >> shift);
			hash = ul_track_hash(hash, &byte, 1);
		}
	}
	return (uint32_t)(hash ^ hash >> 32);
}

enum { SEAL_BYTES = 4 };

void ul_store_seal(struct ul_buf *data, const struct ul_store_stamp *stamp)
{
	const uint32_t sum = checksum(ul_buf_str(data), data->len, stamp);
	for (unsigned int shift = 0; shift < 8 * SEAL_BYTES; shift += 8)
		ul_buf_putc(data, (char)(unsigned char)(sum >> shift));
}

bool ul_store_unseal(struct ul_span *data, const struct ul_store_stamp *stamp)
{
	if (data->len < SEAL_BYTES)
		return false;
	const size_t len = data->len - SEAL_BYTES;
	uint32_t sum = 0;
	for (unsigned int i = 0; i < SEAL_BYTES; i++)
		sum |= (uint32_t)(unsigned char)data->data[len + i] << 8 * i;
	data->len = len;
	return sum == checksum(data->data, len, stamp);
}

uint64_t ul_store_usual_slots(uint64_t bytes, uint32_t pages_per_slab, uint32_t page_bytes,
			      uint32_t objects_per_slab)
{
	const uint64_t slab_bytes = (uint64_t)pages_per_slab * page_bytes;
	uint64_t slots;
	if (!slab_bytes || __builtin_mul_overflow(bytes / slab_bytes, objects_per_slab, &slots))
		return 0;
	return slots;
}
