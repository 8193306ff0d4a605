// SPDX-License-Identifier: GPL-2.0-or-later
/* What is kept as it is: losses of the whole measurement, and finished documents. */
#include "source/record/record.h"

#include <string.h>

#include "source/record/retention.h"
#include "source/record/store.h"

static struct ul_error *put_session_losses(struct ul_record *record, const struct ul_losses *losses)
{
	int64_t set;
	UL_TRY(ul_store_put_losses(record, losses, &set));
	const int64_t values[] = {record->session, set};
	return ul_store_put(record, UL_STORE_SESSION_LOSSES, values, UL_ARRAY_LEN(values));
}

struct ul_error *ul_record_write_losses(struct ul_record *record, const struct ul_losses *losses)
{
	UL_TRY(ul_store_writable(record));
	UL_TRY(ul_store_begin(record));
	return ul_store_end(record, put_session_losses(record, losses));
}

static void raise_to(int64_t *most, int64_t value)
{
	if (value > *most)
		*most = value;
}

static struct ul_error *read_all_losses(struct ul_record *record, struct ul_losses *losses)
{
	sqlite3_stmt *statement;
	int64_t dropped = 0;
	UL_TRY(ul_store_get(record, UL_STORE_SESSION_LIST, &statement));
	for (size_t count = 0;; count++) {
		bool row = false;
		UL_TRY(ul_store_step(record, statement, &row));
		if (!row)
			break;
		raise_to(&dropped, sqlite3_column_int64(statement, 2));
		UL_TRY(ul_store_get_losses(record, sqlite3_column_int64(statement, 1), losses));
		if (losses->items.len > UL_RECORD_MAX_LOSSES)
			return ul_error_new(UL_ERR_LIMIT,
					    "reading recording %s: more than %d losses",
					    record->path, UL_RECORD_MAX_LOSSES);
	}
	UL_TRY(ul_retention_losses(record, losses));
	if (dropped > 0)
		UL_TRY(ul_losses_add(losses, UL_BIAS_UNDER, (uint64_t)dropped,
				     UL_RECORD_DROPPED_TEXT, UL_RECORD_NEWCOMER_S,
				     UL_RECORD_TOP_PROCESSES));
	return ul_losses_merge(losses, &record->losses);
}

static struct ul_error *put_document(struct ul_record *record, const char *command,
				     const char *json)
{
	sqlite3_stmt *statement;
	UL_TRY(ul_store_get(record, UL_STORE_DOCUMENT_ADD, &statement));
	UL_TRY(ul_store_bind_text(record, statement, 1, command));
	UL_TRY(ul_store_bind_text(record, statement, 2, json));
	return ul_store_run(record, statement);
}

struct ul_error *ul_record_write_document(struct ul_record *record, const char *command,
					  const char *json)
{
	UL_TRY(ul_store_writable(record));
	UL_TRY(ul_store_begin(record));
	return ul_store_end(record, put_document(record, command, json));
}

static struct ul_error *read_newest_document(struct ul_record *record, const char *command,
					     char **ret)
{
	sqlite3_stmt *statement;
	bool row = false;
	UL_TRY(ul_store_get(record, UL_STORE_DOCUMENT_LAST, &statement));
	UL_TRY(ul_store_bind_text(record, statement, 1, command));
	UL_TRY(ul_store_step(record, statement, &row));
	if (!row) {
		*ret = NULL;
		return NULL;
	}
	const char *json = (const char *)sqlite3_column_text(statement, 0);
	char *copy = json ? strdup(json) : NULL;
	sqlite3_reset(statement);
	if (!copy)
		return &ul_enomem;
	*ret = copy;
	return NULL;
}

struct ul_error *ul_record_read_losses(struct ul_record *record, struct ul_losses *losses)
{
	UL_TRY(ul_store_read_begin(record));
	struct ul_error *err = read_all_losses(record, losses);
	ul_store_read_end(record);
	return err;
}

struct ul_error *ul_record_read_document(struct ul_record *record, const char *command, char **ret)
{
	UL_TRY(ul_store_read_begin(record));
	struct ul_error *err = read_newest_document(record, command, ret);
	ul_store_read_end(record);
	return err;
}
