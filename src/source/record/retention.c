// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Thinning a recording while it is written.
 *
 * The samples from one full sample to the next are a block. A block needs nothing that stands
 * before it, so it can be rewritten alone: walk it, keep the first sample and then one of each
 * interval of the clock, and write for each of those what changed since the one kept before. Their
 * values are the measured ones; what is left out is left out whole.
 *
 *   id     600 F   601   602 ... 659   660   661 ...   1200 F
 *          kept                        kept            next block
 *   flags  F                           59 << 8         539 << 8 | F, once its block is thinned, too
 *
 * Sample ids are not given anew. A sample that follows a gap says how many ids wide it is (the
 * upper bits of its flags, which its checksum covers), so a gap that was made is told from one that
 * damage made. That is why the next block's first sample is touched as well.
 *
 * One block at a time, after a sample that is safely in the file, in a transaction of its own: that
 * takes some milliseconds, and kill -9 leaves the block as it was or thinned. Pages that become
 * free are used again by the samples to come; the file is never rewritten and so never shrinks.
 *
 * Blocks are thinned to one sample a minute and later to one in ten minutes by their age, and
 * sooner (down to a sixteenth of that age) when the file is nearly as large as it may be; only then
 * the oldest block is removed. Series of processes that lived and died between the samples kept are
 * removed with them, or their names alone would grow without bound.
 *
 * Errs: a peak between two samples kept is gone. The age of a block of an earlier session is by the
 * wall clock, which may have been set in between. A damaged block stays as it is.
 */
#include "source/record/retention.h"

#include <string.h>

#include "base/units.h"
#include "source/record/codec.h"
#include "source/record/thin.h"

enum {
	PRESSED = 16,	   /**< when short of space, blocks of 1 / 16 of the age are thinned */
	SIZE_EVERY = 32,   /**< samples between looks at the size */
	RETRY_AFTER = 600, /**< samples before the next attempt after one that failed */
	REMOVED_ROW = 0,   /**< of table retention; tiers from 1 on */
};

void ul_retention_default(struct ul_retention *ret)
{
	*ret = (struct ul_retention){
		.tiers = {{.age_ns = 6 * 3600 * UL_NS_PER_S, .every_ns = 60 * UL_NS_PER_S},
			  {.age_ns = 3 * 86400 * UL_NS_PER_S, .every_ns = 600 * UL_NS_PER_S}},
	};
}

/* The table: one row for each tier, one for what was removed. */

static struct ul_error *load_row(struct ul_record *record, int64_t id, int64_t *next,
				 uint64_t *left_out)
{
	sqlite3_stmt *statement;
	bool row = false;
	UL_TRY(ul_store_get(record, UL_STORE_RETENTION_GET, &statement));
	UL_TRY(ul_store_bind(record, statement, &id, 1));
	UL_TRY(ul_store_step(record, statement, &row));
	*next = row ? sqlite3_column_int64(statement, 2) : 0;
	*left_out = row ? (uint64_t)sqlite3_column_int64(statement, 3) : 0;
	sqlite3_reset(statement);
	return NULL;
}

static struct ul_error *put_row(struct ul_record *record, int64_t id,
				const struct ul_retention_tier *tier, int64_t next,
				uint64_t left_out)
{
	const int64_t values[] = {id, tier ? tier->age_ns : 0, tier ? tier->every_ns : 0, next,
				  (int64_t)left_out};
	return ul_store_put(record, UL_STORE_RETENTION_PUT, values, UL_ARRAY_LEN(values));
}

struct ul_error *ul_record_set_retention(struct ul_record *record,
					 const struct ul_retention *retention)
{
	struct ul_retention_state *state = &record->retention;
	UL_TRY(ul_store_writable(record));
	UL_TRY(ul_store_exec(record,
			     "CREATE TABLE IF NOT EXISTS retention(id INTEGER PRIMARY KEY,"
			     " age_ns INTEGER NOT NULL, every_ns INTEGER NOT NULL,"
			     " next_sample INTEGER NOT NULL, left_out INTEGER NOT NULL) STRICT"));
	for (int i = 0; i < UL_RETENTION_TIERS; i++)
		UL_TRY(load_row(record, i + 1, &state->next[i], &state->left_out[i]));
	UL_TRY(load_row(record, REMOVED_ROW, &state->first, &state->removed));
	state->want = *retention;
	state->on = true;
	return NULL;
}

struct ul_error *ul_retention_counts(struct ul_record *record, uint64_t *ret_left_out,
				     uint64_t *ret_removed)
{
	bool there = false;
	uint64_t left_out = 0;
	int64_t next;
	*ret_left_out = *ret_removed = 0;
	UL_TRY(ul_store_has_table(record, "retention", &there));
	for (int i = 0; there && i < UL_RETENTION_TIERS; i++) {
		UL_TRY(load_row(record, i + 1, &next, &left_out));
		*ret_left_out += left_out;
	}
	return there ? load_row(record, REMOVED_ROW, &next, ret_removed) : NULL;
}

struct ul_error *ul_retention_losses(struct ul_record *record, struct ul_losses *losses)
{
	bool there = false;
	UL_TRY(ul_store_has_table(record, "retention", &there));
	for (int64_t i = 0; there && i <= UL_RETENTION_TIERS; i++) {
		char age[UL_UNITS_TEXT];
		char every[UL_UNITS_TEXT];
		sqlite3_stmt *statement;
		bool row = false;
		UL_TRY(ul_store_get(record, UL_STORE_RETENTION_GET, &statement));
		UL_TRY(ul_store_bind(record, statement, &i, 1));
		UL_TRY(ul_store_step(record, statement, &row));
		const double age_s = row ? (double)sqlite3_column_int64(statement, 0) / 1e9 : 0;
		const double every_s = row ? (double)sqlite3_column_int64(statement, 1) / 1e9 : 0;
		const uint64_t count = row ? (uint64_t)sqlite3_column_int64(statement, 3) : 0;
		sqlite3_reset(statement);
		if (count && i == REMOVED_ROW)
			UL_TRY(ul_losses_add(
				losses, UL_BIAS_NONE, count,
				"oldest samples, removed to keep the recording small"));
		else if (count)
			UL_TRY(ul_losses_add(losses, UL_BIAS_NONE, count,
					     "samples thinned out: of what is older than %s one in "
					     "%s is kept (sooner where space was short)",
					     ul_format_duration(age, age_s),
					     ul_format_duration(every, every_s)));
	}
	return NULL;
}

/* A block in memory. */

struct row {
	int64_t id, time_ns, boottime_ns, flags;
	bool has_losses;
	int64_t losses;
	bool rewritten;
	struct ul_buf data; /**< sealed, if rewritten */
};

struct ids {
	UL_VEC(int64_t) items;
};

struct block {
	int64_t every_ns;
	UL_VEC(struct row) kept;
	bool removes;		/**< the whole block goes: nothing is encoded */
	struct ids seen;	/**< series that were alive at any time, in no order */
	struct ids dead_losses; /**< sets that no sample kept refers to */
	struct ul_thin_state state;
	struct ul_thin_state kept_state;
	struct ids kept_series; /**< of all samples kept */
	int64_t carried; /**< loss set of a sample left out, in force for the next; -1: none */
	int64_t last_id;
	uint64_t dropped;
	uint64_t rows;
	bool damaged;
	struct row next; /**< first sample of the next block; its id 0: there is none */
	struct ul_thin_state next_state;
};

static void block_deinit(struct block *block)
{
	ul_vec_foreach (row, &block->kept)
		ul_buf_deinit(&row->data);
	ul_vec_deinit(&block->kept);
	ul_vec_deinit(&block->seen.items);
	ul_vec_deinit(&block->dead_losses.items);
	ul_vec_deinit(&block->kept_series.items);
	ul_thin_state_deinit(&block->state);
	ul_thin_state_deinit(&block->kept_state);
	ul_thin_state_deinit(&block->next_state);
	ul_buf_deinit(&block->next.data);
}

static struct ul_error *add_ids(struct ids *ids, const struct ul_thin_state *state)
{
	ul_vec_foreach (value, &state->values)
		if (!ul_vec_push(&ids->items, (int64_t)value->id))
			return &ul_enomem;
	return NULL;
}

static int by_id(const void *key, const void *item)
{
	const uint32_t *id = key;
	const struct ul_thin_value *value = item;
	return (*id > value->id) - (*id < value->id);
}

/** Series that begin with this sample; the state is still that of the one before. */
static struct ul_error *add_seen(struct block *block, struct ul_span packed, bool full)
{
	struct ul_codec_reader reader = {.rest = packed, .full = full};
	struct ul_codec_change change;
	const struct ul_thin_value *known = block->state.values.data;
	while (ul_codec_next(&reader, &change))
		if (!(known &&
		      bsearch(&change.id, known, block->state.values.len, sizeof(*known), by_id)) &&
		    !ul_vec_push(&block->seen.items, (int64_t)change.id))
			return &ul_enomem;
	return NULL;
}

static struct row row_of(sqlite3_stmt *statement)
{
	return (struct row){
		.id = sqlite3_column_int64(statement, 0),
		.time_ns = sqlite3_column_int64(statement, 1),
		.boottime_ns = sqlite3_column_int64(statement, 2),
		.flags = sqlite3_column_int64(statement, 3),
		.has_losses = sqlite3_column_type(statement, 4) != SQLITE_NULL,
		.losses = sqlite3_column_int64(statement, 4),
	};
}

static bool unseal(sqlite3_stmt *statement, const struct row *row, struct ul_span *ret)
{
	const void *data = sqlite3_column_blob(statement, 5);
	const int len = sqlite3_column_bytes(statement, 5);
	const struct ul_store_stamp stamp = {row->id, row->time_ns, row->boottime_ns, row->flags};
	*ret = (struct ul_span){data ? data : "", data ? (size_t)len : 0};
	return ul_store_unseal(ret, &stamp);
}

static void set_gap(struct row *row, int64_t before)
{
	const int64_t low = row->flags & ((1LL << UL_RECORD_GAP_SHIFT) - 1);
	row->flags = low | (row->id - before - 1) << UL_RECORD_GAP_SHIFT;
}

static struct ul_error *seal(struct row *row)
{
	const struct ul_store_stamp stamp = {row->id, row->time_ns, row->boottime_ns, row->flags};
	ul_store_seal(&row->data, &stamp);
	row->rewritten = true;
	return row->data.failed ? &ul_enomem : NULL;
}

static int64_t interval_of(int64_t time_ns, int64_t every_ns)
{
	return time_ns / every_ns - (time_ns % every_ns < 0);
}

static bool keeps(const struct block *block, const struct row *row)
{
	if (!block->kept.len || block->removes)
		return true;
	const struct row *last = &block->kept.data[block->kept.len - 1];
	return interval_of(row->boottime_ns, block->every_ns) !=
	       interval_of(last->boottime_ns, block->every_ns);
}

static struct ul_error *leave_out(struct block *block, const struct row *row)
{
	block->dropped++;
	if (!row->has_losses)
		return NULL;
	if (block->carried > 0 && !ul_vec_push(&block->dead_losses.items, block->carried))
		return &ul_enomem;
	block->carried = row->losses;
	return NULL;
}

/** The state is that of @p from. */
static struct ul_error *keep(struct block *block, const struct row *from)
{
	struct row row = *from;
	const struct row *last = block->kept.len ? &block->kept.data[block->kept.len - 1] : NULL;
	const bool moved = last && block->last_id != last->id;
	struct ul_error *err = NULL;
	if (block->carried >= 0) {
		if (!row.has_losses)
			row.losses = block->carried;
		else if (block->carried && !ul_vec_push(&block->dead_losses.items, block->carried))
			return &ul_enomem;
		row.has_losses = true;
		block->carried = -1;
	}
	if (moved) {
		set_gap(&row, last->id);
		err = ul_thin_encode(&block->kept_state, &block->state, &row.data);
		if (!err)
			err = seal(&row);
	}
	if (!err && !ul_vec_push(&block->kept, row))
		err = &ul_enomem;
	if (err) {
		ul_buf_deinit(&row.data);
		return err;
	}
	if (block->removes)
		return NULL;
	UL_TRY(add_ids(&block->kept_series, &block->state));
	return ul_thin_copy(&block->state, &block->kept_state);
}

static struct ul_error *take_row(struct block *block, sqlite3_stmt *statement)
{
	const struct row row = row_of(statement);
	const bool full = row.flags & UL_RECORD_FULL;
	const int64_t gap = row.flags >> UL_RECORD_GAP_SHIFT;
	struct ul_span packed;
	bool fits = false;
	block->damaged = !unseal(statement, &row, &packed) || (!block->rows && !full) ||
			 (block->rows && row.id != block->last_id + 1 + gap);
	if (!block->damaged) {
		UL_TRY(add_seen(block, packed, full));
		UL_TRY(ul_thin_apply(&block->state, packed, full, &fits));
		block->damaged = !fits;
	}
	if (block->damaged)
		return NULL;
	UL_TRY(keeps(block, &row) ? keep(block, &row) : leave_out(block, &row));
	block->last_id = row.id;
	block->rows++;
	return NULL;
}

/** The next block's first sample, with its changes as they are and the gap as it will be. */
static struct ul_error *take_next(struct block *block, sqlite3_stmt *statement)
{
	struct ul_span packed;
	bool fits = false;
	block->next = row_of(statement);
	block->damaged = !unseal(statement, &block->next, &packed);
	if (block->damaged)
		return NULL;
	UL_TRY(ul_thin_apply(&block->next_state, packed, true, &fits));
	block->damaged = !fits;
	ul_buf_add(&block->next.data, packed.data, packed.len);
	if (!block->damaged && block->kept.len)
		set_gap(&block->next, block->kept.data[block->kept.len - 1].id);
	return seal(&block->next);
}

static struct ul_error *read_block(struct ul_record *record, int64_t first, int64_t end,
				   struct block *block)
{
	sqlite3_stmt *statement;
	UL_TRY(ul_store_get(record, UL_STORE_SAMPLE_LIST, &statement));
	UL_TRY(ul_store_bind(record, statement, &first, 1));
	while (!block->damaged) {
		bool row = false;
		UL_TRY(ul_store_step(record, statement, &row));
		if (!row)
			break;
		if (sqlite3_column_int64(statement, 0) >= end) {
			UL_TRY(take_next(block, statement));
			break;
		}
		UL_TRY(take_row(block, statement));
	}
	sqlite3_reset(statement);
	if (block->carried > 0 && !ul_vec_push(&block->dead_losses.items, block->carried))
		return &ul_enomem;
	return NULL;
}

/* What is gone with it. */

static int ascending(const void *left, const void *right)
{
	const int64_t *a = left;
	const int64_t *b = right;
	return (*a > *b) - (*a < *b);
}

static void sort_unique(struct ids *ids)
{
	size_t len = 0;
	if (ids->items.len)
		qsort(ids->items.data, ids->items.len, sizeof(*ids->items.data), ascending);
	for (size_t i = 0; i < ids->items.len; i++)
		if (!len || ids->items.data[len - 1] != ids->items.data[i])
			ids->items.data[len++] = ids->items.data[i];
	ids->items.len = len;
}

static bool holds(const struct ids *ids, int64_t id)
{
	return ids->items.len &&
	       bsearch(&id, ids->items.data, ids->items.len, sizeof(*ids->items.data), ascending);
}

/** Series of processes that no sample names any more, and that the writer has forgotten. */
static struct ul_error *remove_series(struct ul_record *record, struct block *block)
{
	struct ids *used = &block->kept_series;
	UL_TRY(add_ids(used, &block->next_state));
	ul_vec_foreach (track, &record->tracks.items)
		if ((*track)->id && !ul_vec_push(&used->items, (int64_t)(*track)->id))
			return &ul_enomem;
	sort_unique(used);
	sort_unique(&block->seen);
	ul_vec_foreach (id, &block->seen.items)
		if (!holds(used, *id))
			UL_TRY(ul_store_put(record, UL_STORE_SERIES_REMOVE, id, 1));
	ul_vec_foreach (set, &block->dead_losses.items)
		UL_TRY(ul_store_put(record, UL_STORE_LOSS_REMOVE, set, 1));
	return NULL;
}

static struct ul_error *remove_samples(struct ul_record *record, int64_t after, int64_t before)
{
	const int64_t values[] = {after, before};
	return before > after + 1
		       ? ul_store_put(record, UL_STORE_SAMPLE_REMOVE, values, UL_ARRAY_LEN(values))
		       : NULL;
}

static struct ul_error *rewrite(struct ul_record *record, const struct row *row)
{
	const int64_t values[] = {row->id, row->flags, row->losses};
	sqlite3_stmt *statement;
	UL_TRY(ul_store_get(record, UL_STORE_SAMPLE_REWRITE, &statement));
	UL_TRY(ul_store_bind(record, statement, values, UL_ARRAY_LEN(values)));
	if (!row->has_losses)
		sqlite3_bind_null(statement, UL_ARRAY_LEN(values));
	UL_TRY(ul_store_bind_blob(record, statement, UL_ARRAY_LEN(values) + 1, &row->data));
	return ul_store_run(record, statement);
}

static struct ul_error *write_thinned(struct ul_record *record, struct block *block)
{
	int64_t last = 0;
	ul_vec_foreach (row, &block->kept) {
		if (last)
			UL_TRY(remove_samples(record, last, row->id));
		if (row->rewritten)
			UL_TRY(rewrite(record, row));
		last = row->id;
	}
	UL_TRY(remove_samples(record, last, block->next.id));
	UL_TRY(rewrite(record, &block->next));
	return remove_series(record, block);
}

/* Steps. */

static struct ul_error *thin_block(struct ul_record *record, int tier, int64_t first, int64_t end)
{
	struct ul_retention_state *state = &record->retention;
	UL_CLEANUP(block_deinit)
	struct block block = {.every_ns = state->want.tiers[tier].every_ns, .carried = -1};
	UL_TRY(read_block(record, first, end, &block));
	const bool thins = !block.damaged && block.dropped && block.next.id;
	if (thins)
		UL_TRY(write_thinned(record, &block));
	return put_row(record, tier + 1, &state->want.tiers[tier], end,
		       state->left_out[tier] + (thins ? block.dropped : 0));
}

/** A block with its samples; what of it was left out before is left out no more but removed. */
static struct ul_error *remove_block(struct ul_record *record, int64_t first, int64_t end)
{
	struct ul_retention_state *state = &record->retention;
	UL_CLEANUP(block_deinit)
	struct block block = {.every_ns = 1, .carried = -1, .removes = true};
	UL_TRY(read_block(record, first, end, &block));
	ul_vec_foreach (row, &block.kept)
		if (row->has_losses && row->losses &&
		    !ul_vec_push(&block.dead_losses.items, row->losses))
			return &ul_enomem;
	UL_TRY(remove_samples(record, first - 1, end));
	if (!block.damaged)
		UL_TRY(remove_series(record, &block));
	uint64_t gaps = block.damaged ? 0 : (uint64_t)(end - first) - block.rows;
	for (int i = UL_RETENTION_TIERS - 1; i >= 0; i--) {
		const uint64_t part = gaps < state->left_out[i] ? gaps : state->left_out[i];
		gaps -= part;
		if (part)
			UL_TRY(put_row(record, i + 1, &state->want.tiers[i], state->next[i],
				       state->left_out[i] - part));
	}
	return put_row(record, REMOVED_ROW, NULL, end, state->removed + (uint64_t)(end - first));
}

/** The block at or after @p from: its first sample and that of the next one; 0: not complete. */
static struct ul_error *find_block(struct ul_record *record, int64_t from, int64_t *ret_first,
				   int64_t *ret_end, int64_t *ret_age_ns,
				   const struct ul_ledger *ledger)
{
	int64_t ids[2] = {0, 0};
	int64_t after = from - 1;
	*ret_end = 0;
	for (int i = 0; i < 2; i++) {
		sqlite3_stmt *statement;
		bool row = false;
		UL_TRY(ul_store_get(record, UL_STORE_SAMPLE_NEXT_FULL, &statement));
		UL_TRY(ul_store_bind(record, statement, &after, 1));
		UL_TRY(ul_store_step(record, statement, &row));
		if (!row)
			return NULL;
		ids[i] = after = sqlite3_column_int64(statement, 0);
		const bool ours = ids[i] >= record->first_sample;
		*ret_age_ns = ours ? ledger->monotonic_ns - sqlite3_column_int64(statement, 2)
				   : ledger->time_ns - sqlite3_column_int64(statement, 1);
		sqlite3_reset(statement);
	}
	*ret_first = ids[0];
	*ret_end = ids[1];
	return NULL;
}

static struct ul_error *used_bytes(struct ul_record *record, uint64_t *ret)
{
	sqlite3_stmt *statement;
	bool row = false;
	UL_TRY(ul_store_get(record, UL_STORE_USED_BYTES, &statement));
	UL_TRY(ul_store_step(record, statement, &row));
	*ret = row ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
	sqlite3_reset(statement);
	return NULL;
}

enum work { NOTHING, THIN, REMOVE };

struct job {
	enum work work;
	int tier;
	int64_t first, end;
};

/** What has come of age; when nothing has, when that may be looked at again. */
static struct ul_error *choose_by_age(struct ul_record *record, const struct ul_ledger *ledger,
				      int64_t divisor, struct job *ret)
{
	struct ul_retention_state *state = &record->retention;
	int64_t wait_ns = 3600 * UL_NS_PER_S;
	int64_t age_ns = 0;
	for (int i = 0; i < UL_RETENTION_TIERS; i++) {
		const int64_t limit_ns = state->want.tiers[i].age_ns / divisor;
		if (!state->want.tiers[i].every_ns)
			continue;
		UL_TRY(find_block(record,
				  state->next[i] > state->first ? state->next[i] : state->first,
				  &ret->first, &ret->end, &age_ns, ledger));
		if (ret->end && age_ns >= limit_ns) {
			ret->work = THIN;
			ret->tier = i;
			return NULL;
		}
		if (ret->end && limit_ns - age_ns < wait_ns)
			wait_ns = limit_ns - age_ns;
		if (!ret->end) // the block being written is whole in a while
			wait_ns = wait_ns < 60 * UL_NS_PER_S ? wait_ns : 60 * UL_NS_PER_S;
	}
	if (state->want.max_age_ns) {
		UL_TRY(find_block(record, state->first, &ret->first, &ret->end, &age_ns, ledger));
		if (ret->end && age_ns >= state->want.max_age_ns) {
			ret->work = REMOVE;
			return NULL;
		}
		if (ret->end && state->want.max_age_ns - age_ns < wait_ns)
			wait_ns = state->want.max_age_ns - age_ns;
	}
	if (divisor == 1)
		state->look_at_ns = ledger->monotonic_ns + wait_ns;
	return NULL;
}

static struct ul_error *choose_by_size(struct ul_record *record, const struct ul_ledger *ledger,
				       struct job *ret)
{
	struct ul_retention_state *state = &record->retention;
	uint64_t bytes = 0;
	int64_t age_ns;
	if (!state->want.max_bytes || (!state->pressed && state->samples % SIZE_EVERY != 0))
		return NULL;
	UL_TRY(used_bytes(record, &bytes));
	state->pressed = bytes > state->want.max_bytes - state->want.max_bytes / 16;
	if (!state->pressed)
		return NULL;
	UL_TRY(choose_by_age(record, ledger, PRESSED, ret));
	if (ret->work != NOTHING)
		return NULL;
	UL_TRY(find_block(record, state->first, &ret->first, &ret->end, &age_ns, ledger));
	if (ret->end)
		ret->work = REMOVE;
	return NULL;
}

static struct ul_error *do_job(struct ul_record *record, const struct job *job)
{
	struct ul_retention_state *state = &record->retention;
	UL_TRY(ul_store_begin(record));
	struct ul_error *err = job->work == THIN
				       ? thin_block(record, job->tier, job->first, job->end)
				       : remove_block(record, job->first, job->end);
	err = ul_store_end(record, err);
	// What the file says now, whether that worked or not.
	for (int i = 0; !err && i < UL_RETENTION_TIERS; i++)
		err = load_row(record, i + 1, &state->next[i], &state->left_out[i]);
	return err ? err : load_row(record, REMOVED_ROW, &state->first, &state->removed);
}

static struct ul_error *step(struct ul_record *record, const struct ul_ledger *ledger)
{
	struct ul_retention_state *state = &record->retention;
	struct job job = {.work = NOTHING};
	record->work = 0;
	if (ledger->monotonic_ns >= state->look_at_ns)
		UL_TRY(choose_by_age(record, ledger, 1, &job));
	if (job.work == NOTHING)
		UL_TRY(choose_by_size(record, ledger, &job));
	return job.work == NOTHING ? NULL : do_job(record, &job);
}

struct ul_error *ul_retention_step(struct ul_record *record, const struct ul_ledger *ledger)
{
	struct ul_retention_state *state = &record->retention;
	state->samples++;
	if (!state->on || (state->wait && --state->wait))
		return NULL;
	struct ul_error *err = step(record, ledger);
	if (!err || err->code == UL_ERR_NOMEM)
		return err;
	// The sample is in the file; a disk that is full or a page that is damaged concerns us
	// only.
	state->wait = RETRY_AFTER;
	ul_error_destroy(err);
	return NULL;
}
