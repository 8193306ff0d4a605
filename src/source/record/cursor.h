/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks the samples of a recording in order and keeps, at each, the value of every series that
 * exists there. What is damaged is skipped and counted; the walk goes on at the next full sample.
 */
#ifndef UL_SOURCE_RECORD_CURSOR_H
#define UL_SOURCE_RECORD_CURSOR_H

#include "base/arena.h"
#include "base/vec.h"
#include "model/series.h"
#include "source/record/store.h"

struct ul_cursor_series {
	uint32_t id;
	int kind;	  /**< enum ul_kind or enum ul_record_kind */
	const char *name; /**< NULL: a figure without one. In the cursor's arena */
	int64_t pid;
	uint64_t start;
	uint32_t flags;
	uint32_t parent;
	bool alive;	   /**< has a value at this sample */
	uint32_t alive_at; /**< its place in ul_cursor.alive */
	int64_t bytes;
	int64_t objects;
	struct ul_series *series; /**< for the caller; borrowed */
};

struct ul_cursor {
	struct ul_record *record; /**< borrowed */
	struct ul_arena names;
	UL_VEC(struct ul_cursor_series) series; /**< by id */
	uint32_t *index;			/**< by series id: place in series + 1; 0: none */
	uint32_t index_len;
	UL_VEC(uint32_t) alive;	  /**< places of those alive, in no order */
	UL_VEC(int64_t) sessions; /**< ids of their first samples, ascending */
	sqlite3_stmt *statement;
	int64_t newest; /**< id of the last sample in the file */

	int64_t id; /**< of the sample the cursor stands at; 0: none yet */
	int64_t time_ns;
	int64_t boottime_ns;
	int64_t when_ns; /**< boottime_ns, made to go on over restarts of the machine */
	int64_t flags;
	int64_t losses;	       /**< id of the set in force */
	uint64_t kernel_bytes; /**< sum of the accounts, modulo 2^64 */
	uint64_t skipped;      /**< samples that were damaged or out of order */
	bool lost;	       /**< changes are missing: wait for a full sample */
};

/** Load the series. Borrows @p record; only one cursor of a record at a time. */
UL_MUST_USE struct ul_error *ul_cursor_init(struct ul_cursor *cursor, struct ul_record *record);
/** Begin before sample @p first, from nothing. */
UL_MUST_USE struct ul_error *ul_cursor_start(struct ul_cursor *cursor, int64_t first);
/** To the next sample; *@p ret_more false at the end. */
UL_MUST_USE struct ul_error *ul_cursor_next(struct ul_cursor *cursor, bool *ret_more);
/** The series of that id, or NULL. */
struct ul_cursor_series *ul_cursor_find(const struct ul_cursor *cursor, uint32_t id);
/** True for a kind that counts towards MemTotal. */
bool ul_cursor_is_account(int kind);
void ul_cursor_deinit(struct ul_cursor *cursor);
#define UL_CLEANUP_CURSOR UL_CLEANUP(ul_cursor_deinit)

#endif
