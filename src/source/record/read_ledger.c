// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A sample as a ledger: from the last full sample before it on, then the figures put back together
 * (see schema.h for what is stored relative to what).
 */
#include "source/record/record.h"

#include "base/text.h"
#include "source/record/cursor.h"

static int64_t figure(const struct ul_cursor *cursor, int kind)
{
	ul_vec_foreach (place, &cursor->alive)
		if (cursor->series.data[*place].kind == kind)
			return cursor->series.data[*place].bytes;
	return 0;
}

static struct ul_error *add_account(struct ul_ledger *ledger, const struct ul_cursor_series *from)
{
	// Not ul_ledger_add(): it looks for the name among all, and a hostile file has many.
	struct ul_account *account = ul_vec_add(&ledger->accounts);
	if (!account || !ul_text_set(&account->name, from->name))
		return &ul_enomem;
	account->kind = (enum ul_kind)from->kind;
	account->bytes = from->bytes;
	account->objects = from->objects;
	account->reclaimable = from->flags & UL_RECORD_RECLAIMABLE;
	return NULL;
}

static struct ul_error *read_geometry(struct ul_record *record, uint32_t id, struct ul_cache *cache)
{
	const int64_t key = id;
	sqlite3_stmt *statement;
	bool row = false;
	UL_TRY(ul_store_get(record, UL_STORE_CACHE_LIST, &statement));
	UL_TRY(ul_store_bind(record, statement, &key, 1));
	UL_TRY(ul_store_step(record, statement, &row));
	if (!row)
		return NULL;
	cache->object_size = (uint32_t)sqlite3_column_int64(statement, 0);
	cache->objects_per_slab = (uint32_t)sqlite3_column_int64(statement, 1);
	cache->pages_per_slab = (uint32_t)sqlite3_column_int64(statement, 2);
	sqlite3_reset(statement);
	return NULL;
}

static struct ul_error *read_aliases(struct ul_record *record, uint32_t id, struct ul_cache *cache,
				     size_t *aliases)
{
	const int64_t key = id;
	sqlite3_stmt *statement;
	UL_TRY(ul_store_get(record, UL_STORE_ALIAS_LIST, &statement));
	UL_TRY(ul_store_bind(record, statement, &key, 1));
	for (;;) {
		bool row = false;
		const char *alias;
		UL_TRY(ul_store_step(record, statement, &row));
		if (!row)
			return NULL;
		if (++*aliases > UL_RECORD_MAX_ALIASES)
			return ul_error_new(UL_ERR_LIMIT,
					    "reading recording %s: more than %d aliases of caches",
					    record->path, UL_RECORD_MAX_ALIASES);
		UL_TRY(ul_store_text(record, statement, 0, &alias));
		if (!ul_cache_add_alias(cache, alias))
			return &ul_enomem;
	}
}

static struct ul_error *add_cache(struct ul_cursor *cursor, struct ul_ledger *ledger,
				  const struct ul_cursor_series *from, size_t *aliases)
{
	struct ul_cache *cache = ul_vec_add(&ledger->caches);
	if (!cache || !from->name || !ul_text_set(&cache->name, from->name))
		return &ul_enomem;
	UL_TRY(read_geometry(cursor->record, from->id, cache));
	UL_TRY(read_aliases(cursor->record, from->id, cache, aliases));
	const struct ul_cursor_series *account = ul_cursor_find(cursor, from->parent);
	const bool based = account && account->alive;
	cache->bytes = (uint64_t)from->bytes + (based ? (uint64_t)account->bytes : 0);
	cache->objects = (uint64_t)from->objects + (based ? (uint64_t)account->objects : 0);
	cache->reclaimable = from->flags & UL_RECORD_RECLAIMABLE;
	return NULL;
}

/** Where among its likes the thing made from a series came to lie, by series id. */
struct places {
	uint32_t *of_id;
	uint32_t len;
};

static void places_deinit(struct places *places)
{
	free(places->of_id);
}

/** Place + 1 of what was made of series @p id; 0: nothing was. */
static uint32_t place_of(const struct places *places, uint32_t id)
{
	return id < places->len ? places->of_id[id] : 0;
}

static void set_slots(struct ul_ledger *ledger, const struct ul_cursor_series *from,
		      uint32_t page_bytes, uint32_t place)
{
	if (!place || place > ledger->caches.len)
		return;
	struct ul_cache *cache = &ledger->caches.data[place - 1];
	cache->objects_total =
		(uint64_t)from->bytes + ul_store_usual_slots(cache->bytes, cache->pages_per_slab,
							     page_bytes, cache->objects_per_slab);
}

static struct ul_error *add_process(struct ul_ledger *ledger, const struct ul_cursor_series *from)
{
	struct ul_process *process = ul_vec_add(&ledger->processes);
	if (!process)
		return &ul_enomem;
	process->pid = (pid_t)from->pid;
	process->start_ticks = from->start;
	process->rss_bytes = (uint64_t)from->bytes;
	process->kernel_thread = from->flags & UL_RECORD_KERNEL_THREAD;
	ul_text_copy(process->comm, sizeof(process->comm), from->name);
	return NULL;
}

static void set_process_figure(struct ul_ledger *ledger, const struct ul_cursor_series *from,
			       uint32_t place)
{
	if (!place || place > ledger->processes.len)
		return;
	struct ul_process *process = &ledger->processes.data[place - 1];
	if (from->kind == UL_RECORD_PROCESS_SWAP) {
		process->swap_bytes = (uint64_t)from->bytes;
		return;
	}
	process->pss_bytes = (uint64_t)from->bytes;
	process->has_pss = true;
}

/** What stands for itself; remembers the places of what others hang from. */
static struct ul_error *add_things(struct ul_cursor *cursor, struct ul_ledger *ledger,
				   struct places *places)
{
	const bool looked = !(cursor->flags & UL_RECORD_NO_PROCESSES);
	size_t aliases = 0;
	ul_vec_foreach (from, &cursor->series) {
		if (!from->alive)
			continue;
		if (ul_cursor_is_account(from->kind)) {
			UL_TRY(add_account(ledger, from));
		} else if (from->kind == UL_KIND_NOTE) {
			UL_TRY(ul_ledger_note(ledger, from->name, (uint64_t)from->bytes));
		} else if (from->kind == UL_KIND_CGROUP) {
			// What can be reclaimed is not recorded: it is no leak.
			UL_TRY(ul_ledger_add_cgroup(ledger, from->name, (uint64_t)from->bytes,
						    (uint64_t)from->bytes, from->objects));
		} else if (from->kind == UL_RECORD_CACHE && from->name) {
			UL_TRY(add_cache(cursor, ledger, from, &aliases));
			places->of_id[from->id] = (uint32_t)ledger->caches.len;
		} else if (from->kind == UL_KIND_PROCESS && looked) {
			UL_TRY(add_process(ledger, from));
			places->of_id[from->id] = (uint32_t)ledger->processes.len;
		}
	}
	return NULL;
}

static bool parent_is(const struct ul_cursor *cursor, const struct ul_cursor_series *from, int kind)
{
	const struct ul_cursor_series *parent = ul_cursor_find(cursor, from->parent);
	return parent && parent->kind == kind && parent->alive;
}

static void add_hanging(const struct ul_cursor *cursor, struct ul_ledger *ledger,
			const struct places *places, uint32_t page_bytes)
{
	ul_vec_foreach (from, &cursor->series) {
		if (!from->alive)
			continue;
		const uint32_t place = place_of(places, from->parent);
		if (from->kind == UL_RECORD_CACHE_SLOTS && parent_is(cursor, from, UL_RECORD_CACHE))
			set_slots(ledger, from, page_bytes, place);
		else if ((from->kind == UL_RECORD_PROCESS_PSS ||
			  from->kind == UL_RECORD_PROCESS_SWAP) &&
			 parent_is(cursor, from, UL_KIND_PROCESS))
			set_process_figure(ledger, from, place);
	}
}

static int larger_first(const void *left, const void *right)
{
	const struct ul_process *a = left;
	const struct ul_process *b = right;
	if (a->rss_bytes != b->rss_bytes)
		return a->rss_bytes < b->rss_bytes ? 1 : -1;
	return (a->pid > b->pid) - (a->pid < b->pid);
}

/** Sums that cannot overflow, as the model's closing of the books expects. */
static bool sums_fit(const struct ul_cursor *cursor, const struct ul_ledger *ledger)
{
	int64_t sum = 0;
	ul_vec_foreach (account, &ledger->accounts)
		if (account->bytes < 0 || __builtin_add_overflow(sum, account->bytes, &sum))
			return false;
	return sum <= UL_RECORD_MAX_VALUE && (int64_t)ledger->mem_total >= 0 &&
	       figure(cursor, UL_RECORD_OVER) >= 0 && figure(cursor, UL_RECORD_UNDER) >= 0;
}

static struct ul_error *fill(struct ul_cursor *cursor, uint32_t page_bytes,
			     struct ul_ledger *ledger)
{
	UL_CLEANUP(places_deinit) struct places places = {.len = cursor->index_len};
	places.of_id = calloc(places.len ? places.len : 1, sizeof(*places.of_id));
	if (!places.of_id)
		return &ul_enomem;
	ledger->time_ns = cursor->time_ns;
	ledger->monotonic_ns = cursor->boottime_ns;
	ledger->mem_total = (uint64_t)figure(cursor, UL_RECORD_MEM_TOTAL);
	UL_TRY(add_things(cursor, ledger, &places));
	add_hanging(cursor, ledger, &places, page_bytes);
	if (ledger->processes.len)
		qsort(ledger->processes.data, ledger->processes.len,
		      sizeof(*ledger->processes.data), larger_first);
	UL_TRY(ul_store_get_losses(cursor->record, cursor->losses, &ledger->losses));
	const int64_t dropped = figure(cursor, UL_RECORD_PROCESSES_DROPPED);
	if (dropped > 0 && ledger->processes.len)
		UL_TRY(ul_losses_add(&ledger->losses, UL_BIAS_UNDER, (uint64_t)dropped,
				     UL_RECORD_DROPPED_TEXT, UL_RECORD_NEWCOMER_S,
				     UL_RECORD_TOP_PROCESSES));
	if (sums_fit(cursor, ledger)) {
		ul_ledger_close(ledger, (uint64_t)figure(cursor, UL_RECORD_OVER),
				(uint64_t)figure(cursor, UL_RECORD_UNDER));
		return NULL;
	}
	return ul_error_new(UL_ERR_BAD_DATA,
			    "reading recording %s: damaged: the books do not balance",
			    cursor->record->path);
}

/** From @p first to sample @p last; false when there is none to be had from there. */
static struct ul_error *walk_from(struct ul_cursor *cursor, int64_t first, int64_t last,
				  bool *ret_any)
{
	bool more = true;
	UL_TRY(ul_cursor_start(cursor, first));
	while (more && cursor->id < last)
		UL_TRY(ul_cursor_next(cursor, &more));
	*ret_any = cursor->id != 0;
	return NULL;
}

static struct ul_error *go_to(struct ul_cursor *cursor, int64_t last, bool *ret_any)
{
	struct ul_record *record = cursor->record;
	sqlite3_stmt *statement;
	bool row = false;
	bool any = false;
	UL_TRY(ul_store_get(record, UL_STORE_SAMPLE_LAST_FULL, &statement));
	UL_TRY(ul_store_bind(record, statement, &last, 1));
	UL_CLEANUP_ERROR struct ul_error *err = ul_store_step(record, statement, &row);
	const int64_t first = !err && row ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_reset(statement);
	if (err && err->code != UL_ERR_BAD_DATA)
		return UL_TAKE(err);
	UL_TRY(walk_from(cursor, first, last, &any));
	// The last full sample itself may be what is damaged.
	if (!any && first)
		UL_TRY(walk_from(cursor, 0, last, &any));
	*ret_any = any;
	return NULL;
}

/** @p last: id of the sample; INT64_MAX: the newest. */
static struct ul_error *read_sample(struct ul_record *record, uint32_t page_bytes, int64_t last,
				    struct ul_ledger *ret)
{
	UL_CLEANUP_CURSOR struct ul_cursor cursor = {0};
	bool any = false;
	UL_TRY(ul_cursor_init(&cursor, record));
	UL_TRY(go_to(&cursor, last, &any));
	if (!any)
		return ul_error_hint(
			ul_error_new(UL_ERR_BAD_DATA,
				     "reading recording %s: it has no sample of memory",
				     record->path),
			"ullage trace FILE shows the allocations in it, if it has any");
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	ul_ledger_init(&ledger);
	UL_TRY(fill(&cursor, page_bytes, &ledger));
	if (cursor.skipped)
		UL_TRY(ul_losses_add(&ledger.losses, UL_BIAS_UNKNOWN, cursor.skipped,
				     "samples of the recording that are damaged and were skipped"));
	*ret = ledger;
	ul_ledger_init(&ledger);
	return NULL;
}

/** Id of the last sample not after @p time_ns; of the first one when all are. */
static struct ul_error *find_sample(struct ul_record *record, int64_t time_ns, int64_t *ret)
{
	sqlite3_stmt *statement;
	bool row = false;
	UL_TRY(ul_store_get(record, UL_STORE_SAMPLE_UNTIL, &statement));
	UL_TRY(ul_store_bind(record, statement, &time_ns, 1));
	UL_TRY(ul_store_step(record, statement, &row));
	const int64_t id = row ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_reset(statement);
	*ret = id > 0 ? id : 1;
	return NULL;
}

static struct ul_error *read_at(struct ul_record *record, const int64_t *time_ns,
				struct ul_ledger *ret)
{
	struct ul_record_info info;
	int64_t last = INT64_MAX;
	UL_TRY(ul_record_info(record, &info));
	UL_TRY(ul_store_read_begin(record));
	struct ul_error *err = time_ns ? find_sample(record, *time_ns, &last) : NULL;
	if (!err)
		err = read_sample(record, info.kernel.page_bytes, last, ret);
	ul_store_read_end(record);
	return err;
}

struct ul_error *ul_record_read_ledger(struct ul_record *record, struct ul_ledger *ret)
{
	return read_at(record, NULL, ret);
}

struct ul_error *ul_record_read_ledger_at(struct ul_record *record, int64_t time_ns,
					  struct ul_ledger *ret)
{
	return read_at(record, &time_ns, ret);
}
