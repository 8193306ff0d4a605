// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening and closing a recording.
 *
 * A writer keeps SQLite's write-ahead log (WAL) beside the file: readers then never wait for it nor
 * it for them, and a sample costs no fsync. What kill -9 or a power cut leaves is the file as of
 * some commit. A second writer is kept out by a lock file (flock): SQLite itself would let the two
 * take turns and mix their samples. The lock is not taken on the recording, because closing a
 * descriptor of it drops SQLite's own POSIX locks on it in the same process. On a clean close the
 * log is folded in and the file put back to a journal that needs nothing beside it, so that it can
 * be mailed, and read from a medium that cannot be written.
 *
 * A reader tries three ways: as any database; if the log cannot be set up (read-only directory or
 * medium) as an immutable file, where samples still in a log are missing; if the file is shorter
 * than its header says, immutable and without believing the header. Whatever is given up thereby is
 * a loss. A recording is hostile input: no views, triggers, extensions or functions of its schema
 * are run, values have a limit, and no file is mapped (a shrinking file must not be a SIGBUS).
 */
#include "source/record/record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/text.h"
#include "source/record/retention.h"
#include "source/record/store.h"

enum {
	BUSY_MS = 5000,
	WORK_UNIT = 1000000, /**< steps of SQLite's virtual machine */
	MAX_WORK = 4000,     /**< units in one call; a year at one sample a second takes 800 */
};

static struct ul_error *pragma(struct ul_record *record, const char *sql, int64_t *ret)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(record->db, sql, -1, &statement, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	struct ul_error *err = NULL;
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(statement, 0);
	else
		err = ul_store_error(record, rc, "opening");
	sqlite3_finalize(statement);
	return err;
}

/** An ullage recording of a schema this program knows. */
static struct ul_error *check_header(struct ul_record *record)
{
	int64_t application;
	int64_t version;
	UL_TRY(pragma(record, "PRAGMA application_id", &application));
	UL_TRY(pragma(record, "PRAGMA user_version", &version));
	if (application != UL_RECORD_APPLICATION_ID)
		return ul_error_new(UL_ERR_BAD_DATA,
				    "opening recording %s: not an ullage recording (application id "
				    "0x%llx)",
				    record->path, (unsigned long long)application);
	if (version > UL_RECORD_SCHEMA_VERSION)
		return ul_error_hint(
			ul_error_new(UL_ERR_UNSUPPORTED,
				     "opening recording %s: written by a newer ullage (schema "
				     "version %lld, this one knows %d)",
				     record->path, (long long)version, UL_RECORD_SCHEMA_VERSION),
			"read it with the ullage that wrote it, or a later one");
	if (version < 1)
		return ul_error_new(UL_ERR_BAD_DATA,
				    "opening recording %s: damaged: schema version %lld",
				    record->path, (long long)version);
	return NULL;
}

/** Nothing in the file may make SQLite run code, or hold more memory than the limits say. */
static void distrust(sqlite3 *db)
{
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, UL_RECORD_MAX_DOCUMENT);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
	sqlite3_busy_timeout(db, BUSY_MS);
}

/** Pages of a damaged file may lead in circles; nonzero ends the statement. */
static int count_work(void *context)
{
	struct ul_record *record = context;
	return ++record->work > MAX_WORK;
}

static void disconnect(struct ul_record *record)
{
	for (size_t i = 0; i < UL_STORE_STATEMENTS; i++) {
		sqlite3_finalize(record->statements[i]);
		record->statements[i] = NULL;
	}
	sqlite3_close(record->db);
	record->db = NULL;
}

/** @p salvage: do not believe the file's own idea of its length. */
static struct ul_error *connect(struct ul_record *record, const char *name, int flags, bool salvage)
{
	disconnect(record);
	const int rc = sqlite3_open_v2(name, &record->db, flags | SQLITE_OPEN_EXRESCODE, NULL);
	if (rc != SQLITE_OK)
		return ul_store_error(record, rc, "opening");
	distrust(record->db);
	sqlite3_progress_handler(record->db, WORK_UNIT, count_work, record);
	// Before anything that makes SQLite look at the file.
	if (salvage)
		UL_TRY(ul_store_exec(record, "PRAGMA writable_schema = ON"));
	return ul_store_exec(record, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"
				     "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -1024");
}

static void record_free(struct ul_record *record)
{
	disconnect(record);
	if (record->lock_path)
		unlink(record->lock_path);
	if (record->lock_fd >= 0)
		close(record->lock_fd);
	ul_track_deinit(&record->tracks);
	ul_losses_deinit(&record->losses);
	ul_losses_deinit(&record->last_losses);
	free(record->lock_path);
	free(record->path);
	free(record);
}

static void cleanup_half_open(struct ul_record **record)
{
	if (*record)
		record_free(*record);
}

/** @p path as SQLite can take it: ":memory:" and the like are file names here. */
static struct ul_error *record_new(const char *path, struct ul_record **ret)
{
	UL_CLEANUP(cleanup_half_open) struct ul_record *record = calloc(1, sizeof(*record));
	if (!record)
		return &ul_enomem;
	record->lock_fd = -1;
	const char *prefix = path[0] == '/' || path[0] == '.' ? "" : "./";
	if (asprintf(&record->path, "%s%s", prefix, path) < 0) {
		record->path = NULL;
		return &ul_enomem;
	}
	*ret = UL_TAKE(record);
	return NULL;
}

/* Reading. */

/** By a "file:" URI, in which every byte that could mean something is escaped. */
static struct ul_error *connect_immutable(struct ul_record *record, bool salvage)
{
	UL_CLEANUP_BUF struct ul_buf uri = {0};
	ul_buf_puts(&uri, "file:");
	for (const char *at = record->path; *at; at++) {
		const bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
				   (*at >= '0' && *at <= '9') || strchr("/._-", *at);
		if (plain)
			ul_buf_putc(&uri, *at);
		else
			ul_buf_printf(&uri, "%%%02X", (unsigned int)(unsigned char)*at);
	}
	ul_buf_puts(&uri, "?immutable=1");
	if (uri.failed)
		return &ul_enomem;
	return connect(record, ul_buf_str(&uri), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, salvage);
}

static struct ul_error *note_log_not_read(struct ul_record *record)
{
	UL_CLEANUP_FREE char *log = NULL;
	if (asprintf(&log, "%s-wal", record->path) < 0) {
		log = NULL;
		return &ul_enomem;
	}
	struct stat status;
	if (stat(log, &status) || !status.st_size)
		return NULL;
	return ul_losses_add(&record->losses, UL_BIAS_UNKNOWN, 0,
			     "newest samples, still in %s, which cannot be read on a read-only "
			     "medium",
			     log);
}

static struct ul_error *open_immutable(struct ul_record *record)
{
	UL_TRY(connect_immutable(record, false));
	UL_TRY(check_header(record));
	return note_log_not_read(record);
}

/** The file is shorter than its header says: make SQLite read what there is. */
static struct ul_error *open_truncated(struct ul_record *record)
{
	UL_TRY(connect_immutable(record, true));
	UL_TRY(check_header(record));
	return ul_losses_add(&record->losses, UL_BIAS_UNKNOWN, 0,
			     "the recording is damaged (cut short): only what could be read of it "
			     "is shown");
}

static struct ul_error *open_existing(struct ul_record *record)
{
	struct ul_error *err = connect(record, record->path, SQLITE_OPEN_READONLY, false);
	if (!err)
		err = check_header(record);
	if (!err)
		return NULL;
	const int rc = record->db ? sqlite3_errcode(record->db) & 0xff : SQLITE_NOMEM;
	if (rc == SQLITE_CANTOPEN || rc == SQLITE_READONLY || rc == SQLITE_IOERR) {
		UL_CLEANUP_ERROR struct ul_error *second = open_immutable(record);
		if (!second) {
			ul_error_destroy(err);
			return NULL;
		}
	}
	if (rc == SQLITE_CORRUPT) {
		UL_CLEANUP_ERROR struct ul_error *second = open_truncated(record);
		if (!second) {
			ul_error_destroy(err);
			return NULL;
		}
	}
	return err;
}

struct ul_error *ul_record_open(const char *path, struct ul_record **ret)
{
	UL_CLEANUP(cleanup_half_open) struct ul_record *record = NULL;
	UL_TRY(record_new(path, &record));
	struct stat status;
	if (stat(record->path, &status) || access(record->path, R_OK))
		return ul_error_os(errno, "opening recording %s", path);
	if (!S_ISREG(status.st_mode))
		return ul_error_new(UL_ERR_BAD_DATA, "opening recording %s: not a regular file",
				    path);
	UL_TRY(open_existing(record));
	// Best effort: the file is open for reading only anyway.
	sqlite3_exec(record->db, "PRAGMA query_only = ON", NULL, NULL, NULL);
	*ret = UL_TAKE(record);
	return NULL;
}

/* Writing. */

static struct ul_error *take_lock(struct ul_record *record)
{
	const char *full = sqlite3_db_filename(record->db, "main");
	UL_CLEANUP_FREE char *path = NULL;
	if (asprintf(&path, "%s-lock", full ? full : record->path) < 0) {
		path = NULL;
		return &ul_enomem;
	}
	for (;;) {
		UL_CLEANUP_CLOSE int fd =
			open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return ul_error_os(errno, "opening %s", path);
		if (flock(fd, LOCK_EX | LOCK_NB))
			return ul_error_hint(
				ul_error_new(UL_ERR_USAGE,
					     "opening recording %s: another ullage is writing it",
					     record->path),
				"stop that one, or record into another file");
		struct stat held;
		struct stat named;
		// The one before us may have removed the file between our open and our lock.
		if (fstat(fd, &held) || stat(path, &named) || held.st_ino != named.st_ino ||
		    held.st_dev != named.st_dev)
			continue;
		record->lock_fd = fd;
		fd = -1;
		record->lock_path = UL_TAKE(path);
		return NULL;
	}
}

static struct ul_error *make_tables(struct ul_record *record)
{
	char header[96];
	snprintf(header, sizeof(header), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 UL_RECORD_APPLICATION_ID, UL_RECORD_SCHEMA_VERSION);
	UL_TRY(ul_store_begin(record));
	struct ul_error *err = ul_store_exec(record, ul_record_schema);
	if (!err)
		err = ul_store_exec(record, header);
	return ul_store_end(record, err);
}

/** Ids of all series that may come back; those of processes do not. */
static struct ul_error *load_tracks(struct ul_record *record)
{
	sqlite3_stmt *statement;
	UL_TRY(ul_store_get(record, UL_STORE_SERIES_LIST, &statement));
	for (;;) {
		bool row = false;
		const char *name = NULL;
		struct ul_track *track;
		UL_TRY(ul_store_step(record, statement, &row));
		if (!row)
			return NULL;
		const int64_t id = sqlite3_column_int64(statement, 0);
		if (id < record->next_series || id >= UL_RECORD_MAX_SERIES)
			return ul_error_new(UL_ERR_BAD_DATA,
					    "opening recording %s: damaged: series %lld",
					    record->path, (long long)id);
		record->next_series = (uint32_t)id + 1;
		const int kind = sqlite3_column_int(statement, 1);
		if (ul_track_of_process(kind))
			continue;
		if (sqlite3_column_type(statement, 6) != SQLITE_NULL)
			UL_TRY(ul_store_text(record, statement, 6, &name));
		const struct ul_track_key key = {kind, name, sqlite3_column_int64(statement, 2), 0};
		UL_TRY(ul_track_get(&record->tracks, &key, &track));
		track->id = (uint32_t)id;
	}
}

static struct ul_error *load_state(struct ul_record *record)
{
	sqlite3_stmt *statement;
	bool row = false;
	record->next_series = 1;
	UL_TRY(load_tracks(record));
	record->text_bytes = 0;
	// Not ul_store_sample_span(): a file whose end cannot be read is not gone on with.
	UL_TRY(ul_store_get(record, UL_STORE_SAMPLE_LAST, &statement));
	UL_TRY(ul_store_step(record, statement, &row));
	const int64_t last = sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	if (last < 0 || last > INT64_MAX / 2)
		return ul_error_new(UL_ERR_BAD_DATA, "opening recording %s: damaged: sample %lld",
				    record->path, (long long)last);
	record->next_sample = record->first_sample = last + 1;
	return NULL;
}

static struct ul_error *put_boot(struct ul_record *record, const char *boot_id)
{
	sqlite3_stmt *statement;
	if (!*boot_id)
		return NULL;
	UL_TRY(ul_store_exec(record, ul_record_schema_boot));
	UL_TRY(ul_store_get(record, UL_STORE_BOOT_ADD, &statement));
	UL_TRY(ul_store_bind(record, statement, &record->session, 1));
	UL_TRY(ul_store_bind_text(record, statement, 2, boot_id));
	return ul_store_run(record, statement);
}

static struct ul_error *start_session(struct ul_record *record, const struct ul_kernel *kernel)
{
	const char *const texts[] = {kernel->release, kernel->version, kernel->arch, kernel->node};
	const int64_t values[] = {record->next_sample, kernel->page_bytes, kernel->cpus};
	sqlite3_stmt *statement;
	UL_TRY(ul_store_get(record, UL_STORE_SESSION_ADD, &statement));
	UL_TRY(ul_store_bind(record, statement, values, UL_ARRAY_LEN(values)));
	for (int i = 0; i < (int)UL_ARRAY_LEN(texts); i++)
		UL_TRY(ul_store_bind_text(record, statement, (int)UL_ARRAY_LEN(values) + 1 + i,
					  texts[i]));
	UL_TRY(ul_store_run(record, statement));
	record->session = sqlite3_last_insert_rowid(record->db);
	record->kernel = *kernel;
	record->force_full = true;
	record->last_boottime_ns = INT64_MIN;
	return put_boot(record, kernel->boot_id);
}

static struct ul_error *open_writer(struct ul_record *record, const struct ul_kernel *kernel,
				    bool fresh)
{
	UL_TRY(connect(record, record->path, SQLITE_OPEN_READWRITE, false));
	if (!fresh)
		UL_TRY(check_header(record));
	UL_TRY(take_lock(record));
	record->writer = true;
	// A commit then costs no fsync; the log is synced when it is folded in (at 1 MiB).
	UL_TRY(ul_store_exec(record, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
				     "PRAGMA wal_autocheckpoint = 256;"
				     "PRAGMA journal_size_limit = 1048576"));
	if (fresh)
		UL_TRY(make_tables(record));
	UL_TRY(load_state(record));
	return start_session(record, kernel);
}

/** @p ret_fresh: the file is new (made here) or empty. */
static struct ul_error *claim(const struct ul_record *record, bool *ret_fresh, bool *ret_made)
{
	UL_CLEANUP_CLOSE const int fd =
		open(record->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	*ret_made = *ret_fresh = fd >= 0;
	if (fd >= 0)
		return NULL;
	struct stat status;
	if (errno != EEXIST || stat(record->path, &status))
		return ul_error_os(errno, "creating recording %s", record->path);
	if (!S_ISREG(status.st_mode))
		return ul_error_new(UL_ERR_USAGE, "creating recording %s: not a regular file",
				    record->path);
	*ret_fresh = status.st_size == 0;
	return NULL;
}

/** Why an existing file is not taken: not ours, or ours and not to be appended to. */
static struct ul_error *refuse_existing(struct ul_record *record, bool append)
{
	struct ul_error *err = connect(record, record->path, SQLITE_OPEN_READONLY, false);
	if (!err)
		err = check_header(record);
	disconnect(record);
	if (err && err->code == UL_ERR_BAD_DATA)
		err->code = UL_ERR_USAGE;
	if (err)
		return ul_error_hint(err, "the file is left as it is; name another one");
	if (append)
		return NULL;
	return ul_error_hint(ul_error_new(UL_ERR_USAGE, "creating recording %s: it exists already",
					  record->path),
			     "name another file, or append to this one");
}

struct ul_error *ul_record_create(const char *path, const struct ul_kernel *kernel, bool append,
				  struct ul_record **ret)
{
	UL_CLEANUP(cleanup_half_open) struct ul_record *record = NULL;
	bool fresh = false;
	bool made = false;
	UL_TRY(record_new(path, &record));
	UL_TRY(claim(record, &fresh, &made));
	if (!fresh)
		UL_TRY(refuse_existing(record, append));
	struct ul_error *err = open_writer(record, kernel, fresh);
	// Without the lock it may be somebody else's by now.
	if (err && made && record->lock_fd >= 0)
		unlink(record->path);
	if (err)
		return err;
	*ret = UL_TAKE(record);
	return NULL;
}

struct ul_error *ul_record_create_in_memory(const char *name, const struct ul_kernel *kernel,
					    struct ul_record **ret)
{
	UL_CLEANUP(cleanup_half_open) struct ul_record *record = NULL;
	UL_TRY(record_new(name, &record));
	UL_TRY(connect(record, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, false));
	record->writer = true;
	UL_TRY(make_tables(record));
	UL_TRY(load_state(record));
	UL_TRY(start_session(record, kernel));
	*ret = UL_TAKE(record);
	return NULL;
}

static void close_writer(struct ul_record *record)
{
	// Nobody is left to tell; the recording then stays marked as not closed.
	ul_error_destroy(ul_store_put(record, UL_STORE_SESSION_CLEAN, &record->session, 1));
	for (size_t i = 0; i < UL_STORE_STATEMENTS; i++)
		sqlite3_reset(record->statements[i]);
	// Fails while a reader has the file open: then the last one to close folds the log in.
	sqlite3_busy_timeout(record->db, 0);
	sqlite3_exec(record->db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
}

void ul_record_destroy(struct ul_record *record)
{
	if (!record)
		return;
	if (record->writer && record->db)
		close_writer(record);
	record_free(record);
}

/* What it is. */

static struct ul_error *read_boot(struct ul_record *record, struct ul_kernel *kernel)
{
	sqlite3_stmt *statement;
	bool exists;
	bool row = false;
	const char *text;
	UL_TRY(ul_store_has_table(record, "boot", &exists));
	if (!exists)
		return NULL;
	UL_TRY(ul_store_get(record, UL_STORE_BOOT_LAST, &statement));
	UL_TRY(ul_store_step(record, statement, &row));
	if (!row)
		return NULL;
	UL_TRY(ul_store_text(record, statement, 0, &text));
	ul_text_copy(kernel->boot_id, sizeof(kernel->boot_id), text);
	sqlite3_reset(statement);
	return NULL;
}

static struct ul_error *read_kernel(struct ul_record *record, struct ul_record_info *info)
{
	sqlite3_stmt *statement;
	bool row = false;
	UL_TRY(ul_store_get(record, UL_STORE_SESSION_LAST, &statement));
	UL_TRY(ul_store_step(record, statement, &row));
	if (!row)
		return NULL;
	struct ul_kernel *kernel = &info->kernel;
	const struct {
		char *text;
		size_t size;
	} texts[] = {
		{kernel->release, sizeof(kernel->release)},
		{kernel->version, sizeof(kernel->version)},
		{kernel->arch, sizeof(kernel->arch)},
		{kernel->node, sizeof(kernel->node)},
	};
	kernel->page_bytes = (uint32_t)sqlite3_column_int64(statement, 0);
	kernel->cpus = (uint32_t)sqlite3_column_int64(statement, 1);
	info->clean = sqlite3_column_int64(statement, 2) != 0;
	for (int i = 0; i < (int)UL_ARRAY_LEN(texts); i++) {
		const char *text;
		UL_TRY(ul_store_text(record, statement, 3 + i, &text));
		ul_text_copy(texts[i].text, texts[i].size, text);
	}
	sqlite3_reset(statement);
	return read_boot(record, kernel);
}

static struct ul_error *sample_time(struct ul_record *record, int64_t id, int64_t *ret)
{
	sqlite3_stmt *statement;
	bool row = false;
	UL_TRY(ul_store_get(record, UL_STORE_SAMPLE_EDGE, &statement));
	UL_TRY(ul_store_bind(record, statement, &id, 1));
	UL_TRY(ul_store_step(record, statement, &row));
	if (row)
		*ret = sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	return NULL;
}

static struct ul_error *read_info(struct ul_record *record, struct ul_record_info *ret)
{
	struct ul_record_info info = {.schema_version = UL_RECORD_SCHEMA_VERSION};
	int64_t first;
	int64_t last;
	UL_TRY(read_kernel(record, &info));
	UL_TRY(ul_store_sample_span(record, &first, &last));
	if (last >= first && last > 0) {
		// Every sample is given the next id, and what was left out later is counted.
		uint64_t left_out = 0;
		uint64_t removed = 0;
		UL_TRY(ul_retention_counts(record, &left_out, &removed));
		info.samples = (uint64_t)last - (uint64_t)first + 1;
		info.samples -= left_out < info.samples ? left_out : 0;
		UL_TRY(sample_time(record, first, &info.first_time_ns));
		UL_TRY(sample_time(record, last, &info.last_time_ns));
	}
	*ret = info;
	return NULL;
}

struct ul_error *ul_record_info(struct ul_record *record, struct ul_record_info *ret)
{
	UL_TRY(ul_store_read_begin(record));
	struct ul_error *err = read_info(record, ret);
	ul_store_read_end(record);
	return err;
}
