// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The newest trace, site by site. A small file can name one stack from very many sites: what one
 * read brings in is limited by sites, by frames in all and by bytes of names in all.
 */
#include "source/record/record.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "source/record/codec.h"
#include "source/record/store.h"

enum {
	MAX_FRAMES_IN_ALL = 1 << 22,
	MAX_PARTS_IN_ALL = 1 << 22, /**< processes and examples of all sites */
};

/** What the running read has brought in. */
struct spent {
	bool ages; /**< the recording has them */
	size_t frames;
	size_t parts;
	bool has_freed; /**< the recording has the table site_freed */
	bool sampled;	/**< ... and site_error has rows of this trace */
};

/** ul_trace.engine is static: the engines there are. */
static const char *engine_name(const char *text)
{
	static const char *const known[] = {"bpf",	 "ftrace", "perf",    "trace.dat", "text",
					    "trace-cmd", "import", "tracefs", "test"};
	for (size_t i = 0; i < UL_ARRAY_LEN(known); i++)
		if (!strcmp(known[i], text))
			return known[i];
	return "recording";
}

static struct ul_error *damaged(const struct ul_record *record, const char *what)
{
	return ul_error_new(UL_ERR_BAD_DATA, "reading recording %s: damaged: %s", record->path,
			    what);
}

static struct ul_error *too_many(const struct ul_record *record, const char *what, int limit)
{
	return ul_error_new(UL_ERR_LIMIT, "reading recording %s: more than %d %s", record->path,
			    limit, what);
}

static struct ul_error *read_frame(struct ul_record *record, uint64_t id, struct ul_frame *frame)
{
	const int64_t key = (int64_t)id;
	sqlite3_stmt *statement;
	bool row = false;
	UL_TRY(ul_store_get(record, UL_STORE_FRAME_GET, &statement));
	UL_TRY(ul_store_bind(record, statement, &key, 1));
	UL_TRY(ul_store_step(record, statement, &row));
	if (!row)
		return damaged(record, "a stack without its frames");
	frame->kaddr = (uint64_t)sqlite3_column_int64(statement, 0);
	frame->offset = (uint64_t)sqlite3_column_int64(statement, 1);
	frame->line = (uint32_t)sqlite3_column_int64(statement, 2);
	frame->inlined = sqlite3_column_int64(statement, 3) != 0;
	const int64_t function = sqlite3_column_int64(statement, 4);
	const int64_t module = sqlite3_column_int64(statement, 5);
	const int64_t file = sqlite3_column_int64(statement, 6);
	sqlite3_reset(statement);
	UL_TRY(ul_store_name(record, function, &frame->function));
	UL_TRY(ul_store_name(record, module, &frame->module));
	return ul_store_name(record, file, &frame->file);
}

static struct ul_error *read_frames(struct ul_record *record, struct ul_span ids,
				    struct spent *spent, struct ul_stack *stack)
{
	while (ids.len) {
		uint64_t id;
		if (!ul_codec_get_varint(&ids, &id))
			return damaged(record, "a stack that makes no sense");
		if (stack->frames.len == UL_RECORD_MAX_FRAMES)
			return too_many(record, "frames of a stack", UL_RECORD_MAX_FRAMES);
		if (++spent->frames > MAX_FRAMES_IN_ALL)
			return too_many(record, "frames", MAX_FRAMES_IN_ALL);
		struct ul_frame *frame = ul_vec_add(&stack->frames);
		if (!frame)
			return &ul_enomem;
		UL_TRY(read_frame(record, id, frame));
	}
	return NULL;
}

static struct ul_error *read_stack(struct ul_record *record, int64_t id, struct spent *spent,
				   struct ul_stack *stack)
{
	sqlite3_stmt *statement;
	bool row = false;
	UL_TRY(ul_store_get(record, UL_STORE_STACK_GET, &statement));
	UL_TRY(ul_store_bind(record, statement, &id, 1));
	UL_TRY(ul_store_step(record, statement, &row));
	if (!row)
		return damaged(record, "a site without its stack");
	const void *ids = sqlite3_column_blob(statement, 0);
	const int len = sqlite3_column_bytes(statement, 0);
	const struct ul_span span = {ids ? ids : "", ids ? (size_t)len : 0};
	struct ul_error *err = read_frames(record, span, spent, stack);
	sqlite3_reset(statement);
	return err;
}

static struct ul_error *read_comm(struct ul_record *record, sqlite3_stmt *statement, int column,
				  char comm[static 16])
{
	const char *text;
	UL_TRY(ul_store_text(record, statement, column, &text));
	ul_text_copy(comm, 16, text);
	return NULL;
}

static struct ul_error *open_parts(struct ul_record *record, enum ul_store_statement which,
				   int64_t trace, int64_t site, sqlite3_stmt **ret)
{
	const int64_t values[] = {trace, site};
	UL_TRY(ul_store_get(record, which, ret));
	return ul_store_bind(record, *ret, values, UL_ARRAY_LEN(values));
}

static struct ul_error *next_part(struct ul_record *record, sqlite3_stmt *statement, size_t have,
				  struct spent *spent, bool *ret_row)
{
	UL_TRY(ul_store_step(record, statement, ret_row));
	if (*ret_row && have >= UL_RECORD_MAX_PER_SITE)
		return too_many(record, "processes or examples of a site", UL_RECORD_MAX_PER_SITE);
	if (*ret_row && ++spent->parts > MAX_PARTS_IN_ALL)
		return too_many(record, "processes and examples", MAX_PARTS_IN_ALL);
	return NULL;
}

static struct ul_error *read_processes(struct ul_record *record, int64_t trace, int64_t at,
				       struct spent *spent, struct ul_site *site)
{
	sqlite3_stmt *statement;
	UL_TRY(open_parts(record, UL_STORE_SITE_PROCESS_LIST, trace, at, &statement));
	for (;;) {
		bool row = false;
		UL_TRY(next_part(record, statement, site->processes.len, spent, &row));
		if (!row)
			return NULL;
		struct ul_site_process *process = ul_vec_add(&site->processes);
		if (!process)
			return &ul_enomem;
		process->pid = (pid_t)sqlite3_column_int64(statement, 0);
		process->objects = (uint64_t)sqlite3_column_int64(statement, 1);
		UL_TRY(read_comm(record, statement, 2, process->comm));
	}
}

static struct ul_error *read_examples(struct ul_record *record, int64_t trace, int64_t at,
				      struct spent *spent, struct ul_site *site)
{
	sqlite3_stmt *statement;
	UL_TRY(open_parts(record, UL_STORE_SITE_EXAMPLE_LIST, trace, at, &statement));
	for (;;) {
		bool row = false;
		UL_TRY(next_part(record, statement, site->examples.len, spent, &row));
		if (!row)
			return NULL;
		struct ul_allocation *example = ul_vec_add(&site->examples);
		if (!example)
			return &ul_enomem;
		example->key = (uint64_t)sqlite3_column_int64(statement, 0);
		example->bytes = (uint64_t)sqlite3_column_int64(statement, 1);
		example->time_ns = sqlite3_column_int64(statement, 2);
		example->pid = (pid_t)sqlite3_column_int64(statement, 3);
		example->survivor = sqlite3_column_int64(statement, 4) != 0;
		UL_TRY(read_comm(record, statement, 5, example->comm));
	}
}

static struct ul_error *read_ages(struct ul_record *record, int64_t trace, int64_t at,
				  struct ul_site *site)
{
	sqlite3_stmt *statement;
	UL_TRY(open_parts(record, UL_STORE_SITE_AGE_LIST, trace, at, &statement));
	for (;;) {
		bool row = false;
		UL_TRY(ul_store_step(record, statement, &row));
		if (!row)
			return NULL;
		const int64_t class = sqlite3_column_int64(statement, 0);
		const int64_t freed = sqlite3_column_int64(statement, 1);
		const int64_t live = sqlite3_column_int64(statement, 2);
		if (class < 0 || class >= UL_AGE_CLASSES || freed < 0 || live < 0)
			return damaged(record, "ages that make no sense");
		site->ages.freed[class] = (uint64_t)freed;
		site->ages.live[class] = (uint64_t)live;
	}
}

/** +- that makes no sense is worse than none. */
static bool is_error(double value)
{
	return isfinite(value) && value >= 0;
}

static struct ul_error *read_errors(struct ul_record *record, int64_t trace, int64_t at,
				    struct ul_site *site)
{
	sqlite3_stmt *statement;
	bool row = false;
	UL_TRY(open_parts(record, UL_STORE_SITE_ERROR_GET, trace, at, &statement));
	UL_TRY(ul_store_step(record, statement, &row));
	if (!row)
		return NULL;
	site->survivors_error = sqlite3_column_double(statement, 0);
	site->freed_error = sqlite3_column_double(statement, 1);
	site->allocated_error = sqlite3_column_double(statement, 2);
	sqlite3_reset(statement);
	return is_error(site->survivors_error) && is_error(site->freed_error) &&
			       is_error(site->allocated_error)
		       ? NULL
		       : damaged(record, "errors of a site that make no sense");
}

/** The share of addresses of a trace that was not complete. */
static struct ul_error *read_share(struct ul_record *record, int64_t id, struct ul_trace *trace,
				   bool *ret_sampled)
{
	sqlite3_stmt *statement;
	bool exists;
	*ret_sampled = false;
	UL_TRY(ul_store_has_table(record, "trace_share", &exists));
	if (!exists)
		return NULL;
	UL_TRY(ul_store_get(record, UL_STORE_TRACE_SHARE_GET, &statement));
	UL_TRY(ul_store_bind(record, statement, &id, 1));
	UL_TRY(ul_store_step(record, statement, ret_sampled));
	if (!*ret_sampled)
		return NULL;
	trace->share = sqlite3_column_double(statement, 0);
	trace->cost = sqlite3_column_double(statement, 1);
	trace->memory_bytes = (uint64_t)sqlite3_column_int64(statement, 2);
	sqlite3_reset(statement);
	return trace->share > 0 && trace->share <= 1 && is_error(trace->cost)
		       ? NULL
		       : damaged(record, "a share of addresses that makes no sense");
}

/** Rows have a stack or a comm; a row with neither is a free path whose stack was lost. */
static struct ul_error *read_freed(struct ul_record *record, int64_t trace, int64_t at,
				   struct spent *spent, struct ul_site *site)
{
	sqlite3_stmt *statement;
	size_t rows = 0;
	UL_TRY(open_parts(record, UL_STORE_SITE_FREED_LIST, trace, at, &statement));
	for (;;) {
		bool row = false;
		UL_TRY(next_part(record, statement, rows++, spent, &row));
		if (!row)
			return NULL;
		const int64_t stack = sqlite3_column_int64(statement, 0);
		const uint64_t objects = (uint64_t)sqlite3_column_int64(statement, 1);
		if (sqlite3_column_type(statement, 2) != SQLITE_NULL) {
			struct ul_site_process *process = ul_vec_add(&site->freed_processes);
			if (!process)
				return &ul_enomem;
			process->objects = objects;
			UL_TRY(read_comm(record, statement, 2, process->comm));
			continue;
		}
		struct ul_free_path *path = ul_vec_add(&site->free_paths);
		if (!path)
			return &ul_enomem;
		path->objects = objects;
		UL_TRY(read_stack(record, stack, spent, &path->stack));
	}
}

/** Ids a site's row points to. */
struct site_links {
	int64_t position;
	int64_t cache;
	int64_t account;
	int64_t stack;
	int64_t named_frame; /**< -1: none */
};

static struct ul_error *read_row(struct ul_record *record, sqlite3_stmt *row, struct ul_site *site,
				 struct site_links *links)
{
	const int64_t allocator = sqlite3_column_int64(row, 1);
	if (allocator < UL_ALLOCATOR_SLAB || allocator > UL_ALLOCATOR_VMALLOC)
		return damaged(record, "an allocator that does not exist");
	site->allocator = (enum ul_allocator)allocator;
	links->position = sqlite3_column_int64(row, 0);
	links->cache = sqlite3_column_int64(row, 2);
	links->account = sqlite3_column_int64(row, 3);
	links->stack = sqlite3_column_int64(row, 7);
	const bool named = sqlite3_column_type(row, 17) != SQLITE_NULL;
	links->named_frame = named ? sqlite3_column_int64(row, 17) : -1;
	const int64_t flags = sqlite3_column_int64(row, 4);
	site->nested = flags & UL_RECORD_SITE_NESTED;
	site->cache_guessed = flags & UL_RECORD_SITE_CACHE_GUESSED;
	uint64_t *const fields[] = {
		&site->call_site,  &site->object_bytes,	   NULL,
		&site->allocated,  &site->freed,	   &site->live,
		&site->missed,	   &site->allocated_bytes, &site->freed_bytes,
		&site->live_bytes, &site->survivors,	   &site->survivor_bytes};
	for (int i = 0; i < (int)UL_ARRAY_LEN(fields); i++)
		if (fields[i])
			*fields[i] = (uint64_t)sqlite3_column_int64(row, 5 + i);
	const bool aged = sqlite3_column_type(row, 18) != SQLITE_NULL;
	site->age_p50_s = aged ? sqlite3_column_double(row, 18) : NAN;
	site->trust = sqlite3_column_double(row, 19);
	return ul_site_balanced(site) ? NULL : damaged(record, "a site whose books do not balance");
}

static struct ul_error *read_site(struct ul_record *record, sqlite3_stmt *row, int64_t trace,
				  struct spent *spent, struct ul_site *site)
{
	struct site_links links = {0};
	UL_TRY(read_row(record, row, site, &links));
	UL_TRY(ul_store_name(record, links.cache, &site->cache));
	UL_TRY(ul_store_name(record, links.account, &site->account));
	UL_TRY(read_stack(record, links.stack, spent, &site->stack));
	if (links.named_frame >= 0 && (uint64_t)links.named_frame < site->stack.frames.len) {
		site->function = site->stack.frames.data[links.named_frame].function;
		site->module = site->stack.frames.data[links.named_frame].module;
	}
	if (spent->ages)
		UL_TRY(read_ages(record, trace, links.position, site));
	UL_TRY(read_processes(record, trace, links.position, spent, site));
	if (spent->sampled)
		UL_TRY(read_errors(record, trace, links.position, site));
	if (spent->has_freed)
		UL_TRY(read_freed(record, trace, links.position, spent, site));
	return read_examples(record, trace, links.position, spent, site);
}

static struct ul_error *read_sites(struct ul_record *record, int64_t id, struct ul_trace *trace)
{
	struct spent spent = {0};
	sqlite3_stmt *statement;
	UL_TRY(ul_store_has_table(record, "site_age", &spent.ages));
	UL_TRY(read_share(record, id, trace, &spent.sampled));
	UL_TRY(ul_store_has_table(record, "site_freed", &spent.has_freed));
	UL_TRY(ul_store_get(record, UL_STORE_SITE_LIST, &statement));
	UL_TRY(ul_store_bind(record, statement, &id, 1));
	for (;;) {
		bool row = false;
		UL_TRY(ul_store_step(record, statement, &row));
		if (!row)
			return NULL;
		if (trace->sites.len == UL_RECORD_MAX_SITES)
			return too_many(record, "sites", UL_RECORD_MAX_SITES);
		struct ul_site *site = ul_vec_add(&trace->sites);
		if (!site)
			return &ul_enomem;
		UL_TRY(read_site(record, statement, id, &spent, site));
	}
}

static struct ul_error *read_newest(struct ul_record *record, bool *ret_found, struct ul_trace *ret)
{
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	sqlite3_stmt *statement;
	bool row = false;
	const char *engine;
	UL_TRY(ul_store_get(record, UL_STORE_TRACE_LAST, &statement));
	UL_TRY(ul_store_step(record, statement, &row));
	if (!row) {
		*ret_found = false;
		return NULL;
	}
	const int64_t id = sqlite3_column_int64(statement, 0);
	const int64_t losses = sqlite3_column_int64(statement, 2);
	UL_TRY(ul_store_text(record, statement, 3, &engine));
	trace.events = (uint64_t)sqlite3_column_int64(statement, 1);
	trace.engine = engine_name(engine);
	trace.window_s = sqlite3_column_double(statement, 4);
	trace.drain_s = sqlite3_column_double(statement, 5);
	trace.begin_ns = sqlite3_column_int64(statement, 6);
	trace.end_ns = sqlite3_column_int64(statement, 7);
	sqlite3_reset(statement);
	UL_TRY(ul_store_get_losses(record, losses, &trace.losses));
	UL_TRY(read_sites(record, id, &trace));
	*ret = trace;
	trace = (struct ul_trace){0};
	*ret_found = true;
	return NULL;
}

struct ul_error *ul_record_read_trace(struct ul_record *record, bool *ret_found,
				      struct ul_trace *ret)
{
	UL_TRY(ul_store_read_begin(record));
	struct ul_error *err = read_newest(record, ret_found, ret);
	ul_store_read_end(record);
	return err;
}
