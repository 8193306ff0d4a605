// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The result of a trace. Frames and stacks are stored once however many sites and traces share
 * them: a stack is the packed list of its frames' ids.
 */
#include "source/record/record.h"

#include <string.h>

#include "source/record/codec.h"
#include "source/record/store.h"

/** Id in the first column of the row that @p find gives for what is bound; 0: no row. */
static struct ul_error *found_id(struct ul_record *record, sqlite3_stmt *find, int64_t *ret)
{
	bool row = false;
	UL_TRY(ul_store_step(record, find, &row));
	*ret = row ? sqlite3_column_int64(find, 0) : 0;
	sqlite3_reset(find);
	return NULL;
}

static struct ul_error *put_frame(struct ul_record *record, const struct ul_frame *frame,
				  int64_t *ret)
{
	int64_t function;
	int64_t module;
	int64_t file;
	sqlite3_stmt *find;
	UL_TRY(ul_store_name_id(record, frame->function, &function));
	UL_TRY(ul_store_name_id(record, frame->module, &module));
	UL_TRY(ul_store_name_id(record, frame->file, &file));
	const int64_t values[] = {
		(int64_t)frame->kaddr, function,      (int64_t)frame->offset, module, file,
		frame->line,	       frame->inlined};
	UL_TRY(ul_store_get(record, UL_STORE_FRAME_ID, &find));
	UL_TRY(ul_store_bind(record, find, values, UL_ARRAY_LEN(values)));
	UL_TRY(found_id(record, find, ret));
	if (*ret)
		return NULL;
	UL_TRY(ul_store_put(record, UL_STORE_FRAME_ADD, values, UL_ARRAY_LEN(values)));
	*ret = sqlite3_last_insert_rowid(record->db);
	return NULL;
}

static struct ul_error *put_stack(struct ul_record *record, const struct ul_stack *stack,
				  int64_t *ret)
{
	UL_CLEANUP_BUF struct ul_buf frames = {0};
	sqlite3_stmt *statement;
	if (stack->frames.len > UL_RECORD_MAX_FRAMES)
		return ul_error_new(UL_ERR_LIMIT,
				    "writing recording %s: a stack of %zu frames, limit %d",
				    record->path, stack->frames.len, UL_RECORD_MAX_FRAMES);
	ul_vec_foreach (frame, &stack->frames) {
		int64_t id;
		UL_TRY(put_frame(record, frame, &id));
		ul_codec_put_varint(&frames, (uint64_t)id);
	}
	if (frames.failed)
		return &ul_enomem;
	UL_TRY(ul_store_get(record, UL_STORE_STACK_ID, &statement));
	UL_TRY(ul_store_bind_blob(record, statement, 1, &frames));
	UL_TRY(found_id(record, statement, ret));
	if (*ret)
		return NULL;
	UL_TRY(ul_store_get(record, UL_STORE_STACK_ADD, &statement));
	UL_TRY(ul_store_bind_blob(record, statement, 1, &frames));
	UL_TRY(ul_store_run(record, statement));
	*ret = sqlite3_last_insert_rowid(record->db);
	return NULL;
}

/** Index of the frame a site is named after; -1: none. */
static int64_t named_frame(const struct ul_site *site)
{
	for (size_t i = 0; site->function && i < site->stack.frames.len; i++) {
		const char *function = site->stack.frames.data[i].function;
		if (function && !strcmp(function, site->function))
			return (int64_t)i;
	}
	return -1;
}

/** A comm is 16 bytes and need not end in a NUL. */
static struct ul_error *comm_id(struct ul_record *record, const char comm[static 16], int64_t *ret)
{
	char text[17] = {0};
	memcpy(text, comm, 16);
	return ul_store_name_id(record, text, ret);
}

static struct ul_error *put_processes(struct ul_record *record, const struct ul_site *site,
				      int64_t trace, int64_t at)
{
	int64_t position = 0;
	ul_vec_foreach (process, &site->processes) {
		int64_t comm;
		UL_TRY(comm_id(record, process->comm, &comm));
		const int64_t values[] = {trace,	at,   position++,
					  process->pid, comm, (int64_t)process->objects};
		UL_TRY(ul_store_put(record, UL_STORE_SITE_PROCESS_ADD, values,
				    UL_ARRAY_LEN(values)));
	}
	position = 0;
	ul_vec_foreach (example, &site->examples) {
		int64_t comm;
		UL_TRY(comm_id(record, example->comm, &comm));
		const int64_t values[] = {trace,
					  at,
					  position++,
					  (int64_t)example->key,
					  (int64_t)example->bytes,
					  example->time_ns,
					  example->pid,
					  example->survivor,
					  comm};
		UL_TRY(ul_store_put(record, UL_STORE_SITE_EXAMPLE_ADD, values,
				    UL_ARRAY_LEN(values)));
	}
	return NULL;
}

/** Classes that nothing is in have no row. */
static struct ul_error *put_ages(struct ul_record *record, const struct ul_site *site,
				 int64_t trace, int64_t at)
{
	for (int64_t i = 0; i < UL_AGE_CLASSES; i++) {
		const int64_t values[] = {trace, at, i, (int64_t)site->ages.freed[i],
					  (int64_t)site->ages.live[i]};
		if (site->ages.freed[i] || site->ages.live[i])
			UL_TRY(ul_store_put(record, UL_STORE_SITE_AGE_ADD, values,
					    UL_ARRAY_LEN(values)));
	}
	return NULL;
}

/** False: what was counted is exact. */
static bool has_errors(const struct ul_site *site)
{
	return site->allocated_error > 0 || site->survivors_error > 0;
}

/** A site whose counts are exact has no row. */
static struct ul_error *put_errors(struct ul_record *record, const struct ul_site *site,
				   int64_t trace, int64_t at)
{
	const int64_t values[] = {trace, at};
	sqlite3_stmt *statement;
	if (!has_errors(site))
		return NULL;
	UL_TRY(ul_store_get(record, UL_STORE_SITE_ERROR_ADD, &statement));
	UL_TRY(ul_store_bind(record, statement, values, UL_ARRAY_LEN(values)));
	sqlite3_bind_double(statement, 3, site->survivors_error);
	sqlite3_bind_double(statement, 4, site->freed_error);
	sqlite3_bind_double(statement, 5, site->allocated_error);
	return ul_store_run(record, statement);
}

/** Who freed objects of the site, and whose they were. */
static struct ul_error *put_freed(struct ul_record *record, const struct ul_site *site,
				  int64_t trace, int64_t at)
{
	int64_t position = 0;
	ul_vec_foreach (path, &site->free_paths) {
		int64_t stack;
		if (position == UL_RECORD_MAX_PER_SITE / 2)
			break; // the commonest come first
		UL_TRY(put_stack(record, &path->stack, &stack));
		const int64_t values[] = {trace, at, position++, stack, 0, (int64_t)path->objects};
		UL_TRY(ul_store_put(record, UL_STORE_SITE_FREED_ADD, values, UL_ARRAY_LEN(values)));
	}
	ul_vec_foreach (process, &site->freed_processes) {
		int64_t comm;
		if (position == UL_RECORD_MAX_PER_SITE)
			break;
		UL_TRY(comm_id(record, process->comm, &comm));
		const int64_t values[] = {trace, at,   position++,
					  0,	 comm, (int64_t)process->objects};
		UL_TRY(ul_store_put(record, UL_STORE_SITE_FREED_ADD, values, UL_ARRAY_LEN(values)));
	}
	return NULL;
}

static uint64_t site_flags(const struct ul_site *site)
{
	return (site->nested ? UL_RECORD_SITE_NESTED : 0) |
	       (site->cache_guessed ? UL_RECORD_SITE_CACHE_GUESSED : 0);
}

static struct ul_error *put_site(struct ul_record *record, const struct ul_site *site,
				 int64_t trace, int64_t at)
{
	int64_t cache = 0;
	int64_t account = 0;
	int64_t stack = 0;
	if (site->processes.len > UL_RECORD_MAX_PER_SITE ||
	    site->examples.len > UL_RECORD_MAX_PER_SITE)
		return ul_error_new(UL_ERR_LIMIT,
				    "writing recording %s: more than %d processes or examples of a "
				    "site",
				    record->path, UL_RECORD_MAX_PER_SITE);
	UL_TRY(ul_store_name_id(record, site->cache, &cache));
	UL_TRY(ul_store_name_id(record, site->account, &account));
	UL_TRY(put_stack(record, &site->stack, &stack));
	const uint64_t values[] = {(uint64_t)trace,  (uint64_t)at,	    site->allocator,
				   (uint64_t)cache,  (uint64_t)account,	    site_flags(site),
				   site->call_site,  site->object_bytes,    (uint64_t)stack,
				   site->allocated,  site->freed,	    site->live,
				   site->missed,     site->allocated_bytes, site->freed_bytes,
				   site->live_bytes, site->survivors,	    site->survivor_bytes};
	const int count = (int)UL_ARRAY_LEN(values);
	sqlite3_stmt *statement;
	UL_TRY(ul_store_get(record, UL_STORE_SITE_ADD, &statement));
	UL_TRY(ul_store_bind(record, statement, (const int64_t *)values, count));
	const int64_t frame = named_frame(site);
	if (frame >= 0)
		sqlite3_bind_int64(statement, count + 1, frame);
	// SQLite stores NAN as NULL, which is what it means.
	sqlite3_bind_double(statement, count + 2, site->age_p50_s);
	sqlite3_bind_double(statement, count + 3, site->trust);
	UL_TRY(ul_store_run(record, statement));
	UL_TRY(put_ages(record, site, trace, at));
	UL_TRY(put_errors(record, site, trace, at));
	UL_TRY(put_freed(record, site, trace, at));
	return put_processes(record, site, trace, at);
}

static bool has_free_paths(const struct ul_trace *trace)
{
	ul_vec_foreach (site, &trace->sites)
		if (site->free_paths.len || site->freed_processes.len)
			return true;
	return false;
}

static bool is_sampled(const struct ul_trace *trace)
{
	if (trace->share > 0 && trace->share < 1)
		return true;
	ul_vec_foreach (site, &trace->sites) // the share has been lower before
		if (has_errors(site))
			return true;
	return false;
}

static struct ul_error *put_share(struct ul_record *record, const struct ul_trace *trace,
				  int64_t id)
{
	const int64_t values[] = {id, (int64_t)trace->memory_bytes};
	sqlite3_stmt *statement;
	UL_TRY(ul_store_get(record, UL_STORE_TRACE_SHARE_ADD, &statement));
	UL_TRY(ul_store_bind(record, statement, values, UL_ARRAY_LEN(values)));
	sqlite3_bind_double(statement, 3, trace->share);
	sqlite3_bind_double(statement, 4, trace->cost);
	return ul_store_run(record, statement);
}

static struct ul_error *put_trace(struct ul_record *record, const struct ul_trace *trace)
{
	int64_t losses;
	sqlite3_stmt *statement;
	const bool sampled = is_sampled(trace);
	if (has_free_paths(trace))
		UL_TRY(ul_store_exec(record, ul_record_schema_freed));
	if (sampled)
		UL_TRY(ul_store_exec(record, ul_record_schema_share));
	UL_TRY(ul_store_put_losses(record, &trace->losses, &losses));
	const int64_t values[] = {(int64_t)trace->events, losses, trace->begin_ns, trace->end_ns};
	UL_TRY(ul_store_get(record, UL_STORE_TRACE_ADD, &statement));
	UL_TRY(ul_store_bind(record, statement, values, UL_ARRAY_LEN(values)));
	UL_TRY(ul_store_bind_text(record, statement, 5, trace->engine ? trace->engine : ""));
	sqlite3_bind_double(statement, 6, trace->window_s);
	sqlite3_bind_double(statement, 7, trace->drain_s);
	UL_TRY(ul_store_run(record, statement));
	const int64_t id = sqlite3_last_insert_rowid(record->db);
	int64_t position = 0;
	if (sampled)
		UL_TRY(put_share(record, trace, id));
	ul_vec_foreach (site, &trace->sites)
		UL_TRY(put_site(record, site, id, position++));
	return NULL;
}

struct ul_error *ul_record_write_trace(struct ul_record *record, const struct ul_trace *trace)
{
	UL_TRY(ul_store_writable(record));
	if (trace->sites.len > UL_RECORD_MAX_SITES)
		return ul_error_new(UL_ERR_LIMIT,
				    "writing recording %s: a trace of %zu sites, limit %d",
				    record->path, trace->sites.len, UL_RECORD_MAX_SITES);
	UL_TRY(ul_store_exec(record, "CREATE TABLE IF NOT EXISTS site_age(trace INTEGER NOT NULL,"
				     " site INTEGER NOT NULL, class INTEGER NOT NULL,"
				     " freed INTEGER NOT NULL, live INTEGER NOT NULL,"
				     " PRIMARY KEY(trace, site, class)) STRICT, WITHOUT ROWID"));
	UL_TRY(ul_store_begin(record));
	return ul_store_end(record, put_trace(record, trace));
}
