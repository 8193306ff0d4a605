/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few things every part of the recording does with SQLite: statements kept prepared, names and
 * loss sets by id, transactions, and SQLite's result codes as errors that say what to do.
 */
#ifndef UL_SOURCE_RECORD_STORE_H
#define UL_SOURCE_RECORD_STORE_H

#include <sqlite3.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/span.h"
#include "model/kernel.h"
#include "model/loss.h"
#include "source/record/record.h"
#include "source/record/schema.h"
#include "source/record/track.h"

/** Index into the table of SQL texts in store.c. */
enum ul_store_statement {
	UL_STORE_TABLE_EXISTS,
	UL_STORE_NAME_ID,
	UL_STORE_NAME_ADD,
	UL_STORE_NAME_TEXT,
	UL_STORE_LOSS_NEXT_ID,
	UL_STORE_LOSS_ADD,
	UL_STORE_LOSS_LIST,
	UL_STORE_SESSION_ADD,
	UL_STORE_SESSION_LAST,
	UL_STORE_SESSION_LIST,
	UL_STORE_SESSION_LOSSES,
	UL_STORE_SESSION_DROPPED,
	UL_STORE_SESSION_CLEAN,
	UL_STORE_SERIES_PUT,
	UL_STORE_SERIES_LIST,
	UL_STORE_CACHE_PUT,
	UL_STORE_CACHE_LIST,
	UL_STORE_ALIAS_CLEAR,
	UL_STORE_ALIAS_ADD,
	UL_STORE_ALIAS_LIST,
	UL_STORE_SAMPLE_ADD,
	UL_STORE_SAMPLE_LIST,
	UL_STORE_SAMPLE_FIRST,
	UL_STORE_SAMPLE_LAST,
	UL_STORE_SAMPLE_EDGE,
	UL_STORE_SAMPLE_LAST_FULL,
	UL_STORE_SAMPLE_UNTIL,
	UL_STORE_FRAME_ADD,
	UL_STORE_FRAME_ID,
	UL_STORE_FRAME_GET,
	UL_STORE_STACK_ADD,
	UL_STORE_STACK_ID,
	UL_STORE_STACK_GET,
	UL_STORE_TRACE_ADD,
	UL_STORE_TRACE_LAST,
	UL_STORE_SITE_ADD,
	UL_STORE_SITE_LIST,
	UL_STORE_SITE_PROCESS_ADD,
	UL_STORE_SITE_PROCESS_LIST,
	UL_STORE_SITE_EXAMPLE_ADD,
	UL_STORE_SITE_EXAMPLE_LIST,
	UL_STORE_SITE_FREED_ADD,
	UL_STORE_SITE_FREED_LIST,
	UL_STORE_DOCUMENT_ADD,
	UL_STORE_DOCUMENT_LAST,
	UL_STORE_TRACE_SHARE_ADD,
	UL_STORE_TRACE_SHARE_GET,
	UL_STORE_SITE_ERROR_ADD,
	UL_STORE_SITE_ERROR_GET,
	UL_STORE_SITE_AGE_ADD,
	UL_STORE_SITE_AGE_LIST,
	UL_STORE_RETENTION_GET,
	UL_STORE_RETENTION_PUT,
	UL_STORE_SAMPLE_NEXT_FULL,
	UL_STORE_SAMPLE_REMOVE,
	UL_STORE_SAMPLE_REWRITE,
	UL_STORE_SERIES_REMOVE,
	UL_STORE_LOSS_REMOVE,
	UL_STORE_USED_BYTES,
	UL_STORE_BOOT_ADD,
	UL_STORE_BOOT_LAST,
	UL_STORE_STATEMENTS,
};

/** What the writer knows of thinning; see retention.c. */
struct ul_retention_state {
	bool on;
	bool pressed; /**< nearly as large as it may be */
	struct ul_retention want;
	int64_t next[UL_RETENTION_TIERS]; /**< blocks before this sample have been thinned */
	uint64_t left_out[UL_RETENTION_TIERS];
	int64_t first; /**< blocks before this sample have been removed */
	uint64_t removed;
	int64_t look_at_ns; /**< CLOCK_BOOTTIME before which no block comes of age */
	uint64_t samples;
	unsigned int wait; /**< samples to let pass before the next attempt */
};

struct ul_record {
	sqlite3 *db;
	char *path; /**< as the caller gave it, for messages */
	sqlite3_stmt *statements[UL_STORE_STATEMENTS];
	struct ul_losses losses; /**< what reading could not bring back */
	uint64_t text_bytes;	 /**< strings the running read has brought in */
	unsigned int work;	 /**< units of work of the running call; see record.c */

	bool writer;
	int lock_fd;
	char *lock_path;
	int64_t session;
	struct ul_kernel kernel;
	struct ul_track_table tracks;
	uint32_t next_series;
	int64_t next_sample;
	int64_t first_sample;	  /**< of this session */
	uint64_t generation;	  /**< attempts to write a sample */
	int64_t last_boottime_ns; /**< of this session; INT64_MIN before its first sample */
	unsigned int since_full;
	bool force_full;
	struct ul_losses last_losses; /**< those of the sample before */
	uint64_t dropped_most;
	struct ul_retention_state retention;
};

/** SQLite result code @p rc of work on @p record, as an error: "@p doing PATH: why". */
UL_MUST_USE struct ul_error *ul_store_error(struct ul_record *record, int rc, const char *doing);
/** Run SQL that returns nothing. */
UL_MUST_USE struct ul_error *ul_store_exec(struct ul_record *record, const char *sql);
/** The statement, reset, its parameters cleared. Borrowed: valid until it is asked for again. */
UL_MUST_USE struct ul_error *ul_store_get(struct ul_record *record, enum ul_store_statement which,
					  sqlite3_stmt **ret);
/** Bind @p count integers to parameters 1 ... @p count. */
UL_MUST_USE struct ul_error *ul_store_bind(struct ul_record *record, sqlite3_stmt *statement,
					   const int64_t *values, int count);
UL_MUST_USE struct ul_error *ul_store_bind_text(struct ul_record *record, sqlite3_stmt *statement,
						int at, const char *text);
UL_MUST_USE struct ul_error *ul_store_bind_blob(struct ul_record *record, sqlite3_stmt *statement,
						int at, const struct ul_buf *blob);
/** Next row; *@p ret_row false at the end (the statement is reset then, and on error). */
UL_MUST_USE struct ul_error *ul_store_step(struct ul_record *record, sqlite3_stmt *statement,
					   bool *ret_row);
/** Run a bound statement to its end. */
UL_MUST_USE struct ul_error *ul_store_run(struct ul_record *record, sqlite3_stmt *statement);
/** Get, bind integers and run in one. */
UL_MUST_USE struct ul_error *ul_store_put(struct ul_record *record, enum ul_store_statement which,
					  const int64_t *values, int count);

/** Error unless the recording was opened for writing. */
UL_MUST_USE struct ul_error *ul_store_writable(const struct ul_record *record);
UL_MUST_USE struct ul_error *ul_store_begin(struct ul_record *record);
/** Commit if @p err is NULL, else roll back; returns @p err or why the commit failed. */
UL_MUST_USE struct ul_error *ul_store_end(struct ul_record *record, struct ul_error *err);

/**
 * Begin a read that sees one state of the file throughout, though another process writes it, and
 * that may bring in UL_RECORD_MAX_TEXT bytes of names. Ends in ul_store_read_end(), always.
 */
UL_MUST_USE struct ul_error *ul_store_read_begin(struct ul_record *record);
void ul_store_read_end(struct ul_record *record);

/** Whether the recording has this table: some come with the first that is put in. */
UL_MUST_USE struct ul_error *ul_store_has_table(struct ul_record *record, const char *name,
						bool *ret);
/** Id of @p text in the table of names, made if new. NULL has id 0. */
UL_MUST_USE struct ul_error *ul_store_name_id(struct ul_record *record, const char *text,
					      int64_t *ret);
/** The name; NULL for id 0. Counts against UL_RECORD_MAX_TEXT. Caller frees. */
UL_MUST_USE struct ul_error *ul_store_name(struct ul_record *record, int64_t id, char **ret);
/** Column as text; an error when absent, too long, or beyond UL_RECORD_MAX_TEXT. Borrowed. */
UL_MUST_USE struct ul_error *ul_store_text(struct ul_record *record, sqlite3_stmt *statement,
					   int column, const char **ret);
/** Store a set of losses; an empty one is set 0. */
UL_MUST_USE struct ul_error *ul_store_put_losses(struct ul_record *record,
						 const struct ul_losses *losses, int64_t *ret_set);
/** Add the losses of a set to @p losses. */
UL_MUST_USE struct ul_error *ul_store_get_losses(struct ul_record *record, int64_t set,
						 struct ul_losses *losses);

/**
 * Ids of the first and last sample, both 0 when there is none. Where the end of the table cannot be
 * read, the last is the last found that can.
 */
UL_MUST_USE struct ul_error *ul_store_sample_span(struct ul_record *record, int64_t *ret_first,
						  int64_t *ret_last);

/** What a sample's seal covers beside its changes. */
struct ul_store_stamp {
	int64_t id;
	int64_t time_ns;
	int64_t boottime_ns;
	int64_t flags;
};

/**
 * Append a checksum: SQLite has none, and zeros in a damaged page may look like a sample in which
 * nothing changed.
 */
void ul_store_seal(struct ul_buf *data, const struct ul_store_stamp *stamp);
/** Check the checksum and cut it off; false when it does not fit. */
bool ul_store_unseal(struct ul_span *data, const struct ul_store_stamp *stamp);

/** What the number of slots of a cache follows to from its bytes; 0 without a geometry. */
uint64_t ul_store_usual_slots(uint64_t bytes, uint32_t pages_per_slab, uint32_t page_bytes,
			      uint32_t objects_per_slab);

#endif
