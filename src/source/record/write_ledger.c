// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One ledger, written as what changed since the one before.
 *
 * Three steps. Resolve: every figure of the ledger finds its track and leaves its value there; that
 * touches only memory. Store, in one transaction: rows for new series, the cache geometry and the
 * losses if they changed, and the sample with its packed changes. Settle, once the transaction is
 * in the file: what was "now" becomes "last". When storing fails nothing is settled, and the next
 * sample is a full one, so that a full disk costs the samples of that time and nothing else.
 */
#include "source/record/record.h"

#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "source/record/codec.h"
#include "source/record/retention.h"
#include "source/record/store.h"

enum {
	NOTABLE_SHARE = 100, /**< 1 / 100: change of a process worth writing */
	NOTABLE_BYTES = 1024 * 1024,
	BYTES = 0,
	OBJECTS = 1,
};

/** What is in work for one sample. */
struct sample {
	const struct ul_ledger *ledger;
	uint64_t generation; /**< of this attempt; marks what it touched */
	int64_t id;
	int64_t flags;
	uint64_t dropped;		   /**< processes left out */
	UL_VEC(struct ul_track *) changed; /**< borrowed; by id */
	struct ul_buf data;
};

static void sample_deinit(struct sample *sample)
{
	ul_vec_deinit(&sample->changed);
	ul_buf_deinit(&sample->data);
}

/* Resolve. */

static struct ul_error *get(struct ul_record *record, int kind, const char *name, int64_t pid,
			    uint64_t start, struct ul_track **ret)
{
	const struct ul_track_key key = {kind, name, pid, start};
	return ul_track_get(&record->tracks, &key, ret);
}

static void hold(struct ul_track *track, const struct sample *sample)
{
	memcpy(track->now, track->last, sizeof(track->now));
	track->seen = track->present = sample->generation;
}

static struct ul_error *set(struct ul_record *record, const struct sample *sample,
			    struct ul_track *track, int64_t bytes, int64_t objects)
{
	const int64_t values[] = {bytes, objects};
	for (size_t i = 0; i < UL_ARRAY_LEN(values); i++)
		if (values[i] > UL_RECORD_MAX_VALUE || values[i] < -UL_RECORD_MAX_VALUE)
			return ul_error_new(UL_ERR_LIMIT, "writing recording %s: %s is %lld",
					    record->path, track->name ? track->name : "a figure",
					    (long long)values[i]);
	if (!track->id) {
		if (record->next_series >= UL_RECORD_MAX_SERIES)
			return ul_error_hint(
				ul_error_new(UL_ERR_LIMIT,
					     "writing recording %s: more than %d series",
					     record->path, UL_RECORD_MAX_SERIES),
				"go on in a new recording");
		track->id = record->next_series++;
	}
	memcpy(track->now, values, sizeof(values));
	track->seen = track->present = sample->generation;
	return NULL;
}

static void describe(struct ul_track *track, uint32_t flags, uint32_t parent)
{
	if (track->flags == flags && track->parent == parent)
		return;
	track->flags = flags;
	track->parent = parent;
	track->stored = false;
}

/** The track of the next thing of that name in this ledger: names need not be unique. */
static struct ul_error *get_next(struct ul_record *record, const struct sample *sample, int kind,
				 const char *name, struct ul_track **ret)
{
	for (int64_t ordinal = 0;; ordinal++) {
		UL_TRY(get(record, kind, name, ordinal, 0, ret));
		if ((*ret)->present != sample->generation)
			return NULL;
	}
}

static struct ul_error *figure(struct ul_record *record, const struct sample *sample, int kind,
			       uint64_t value)
{
	struct ul_track *track;
	UL_TRY(get(record, kind, NULL, 0, 0, &track));
	// A value that is too large must not pass as a negative one.
	return set(record, sample, track, value > INT64_MAX ? INT64_MAX : (int64_t)value, -1);
}

static struct ul_error *resolve_accounts(struct ul_record *record, const struct sample *sample)
{
	const struct ul_ledger *ledger = sample->ledger;
	const int64_t rest = ledger->unaccounted.bytes;
	UL_TRY(figure(record, sample, UL_RECORD_MEM_TOTAL, ledger->mem_total));
	UL_TRY(figure(record, sample, UL_RECORD_UNDER,
		      (uint64_t)rest - (uint64_t)ledger->unaccounted.low));
	UL_TRY(figure(record, sample, UL_RECORD_OVER,
		      (uint64_t)ledger->unaccounted.high - (uint64_t)rest));
	ul_vec_foreach (account, &ledger->accounts) {
		struct ul_track *track;
		UL_TRY(get_next(record, sample, account->kind, account->name, &track));
		UL_TRY(set(record, sample, track, account->bytes, account->objects));
		describe(track, account->reclaimable ? UL_RECORD_RECLAIMABLE : 0, 0);
	}
	ul_vec_foreach (note, &ledger->notes) {
		struct ul_track *track;
		// A kernel counter that went below zero is no figure, and no reason to lose the
		// rest.
		if (note->bytes > UL_RECORD_MAX_VALUE)
			continue;
		UL_TRY(get_next(record, sample, UL_KIND_NOTE, note->name, &track));
		UL_TRY(set(record, sample, track, (int64_t)note->bytes, -1));
	}
	return NULL;
}

static struct ul_error *resolve_cgroups(struct ul_record *record, const struct sample *sample)
{
	ul_vec_foreach (cgroup, &sample->ledger->cgroups) {
		struct ul_track *track;
		UL_TRY(get_next(record, sample, UL_KIND_CGROUP, cgroup->path, &track));
		UL_TRY(set(record, sample, track, (int64_t)cgroup->held_bytes, cgroup->objects));
	}
	return NULL;
}

static uint64_t cache_hash(const struct ul_cache *cache)
{
	const uint32_t geometry[] = {cache->object_size, cache->objects_per_slab,
				     cache->pages_per_slab};
	uint64_t hash = ul_track_hash(UL_TRACK_HASH, geometry, sizeof(geometry));
	ul_vec_foreach (alias, &cache->aliases)
		hash = ul_track_hash(hash, *alias, strlen(*alias) + 1);
	return hash ? hash : 1;
}

/** A cache is nearly always its slab account, and its slots follow from its bytes: see schema.h. */
static struct ul_error *resolve_cache(struct ul_record *record, const struct sample *sample,
				      const struct ul_cache *cache)
{
	struct ul_track *account;
	struct ul_track *track;
	struct ul_track *slots;
	UL_TRY(get_next(record, sample, UL_RECORD_CACHE, cache->name, &track));
	UL_TRY(get(record, UL_KIND_SLAB, cache->name, track->pid, 0, &account));
	UL_TRY(get(record, UL_RECORD_CACHE_SLOTS, cache->name, track->pid, 0, &slots));
	int64_t base[2] = {0, 0};
	if (account->present == sample->generation)
		memcpy(base, account->now, sizeof(base));
	const uint64_t usual =
		ul_store_usual_slots(cache->bytes, cache->pages_per_slab, record->kernel.page_bytes,
				     cache->objects_per_slab);
	UL_TRY(set(record, sample, track, (int64_t)(cache->bytes - (uint64_t)base[BYTES]),
		   (int64_t)(cache->objects - (uint64_t)base[OBJECTS])));
	UL_TRY(set(record, sample, slots, (int64_t)(cache->objects_total - usual), -1));
	describe(track, cache->reclaimable ? UL_RECORD_RECLAIMABLE : 0,
		 account->present == sample->generation ? account->id : 0);
	describe(slots, 0, track->id);
	track->meta_pending = cache_hash(cache);
	track->cache = cache;
	return NULL;
}

static struct ul_error *resolve_process_figure(struct ul_record *record,
					       const struct sample *sample,
					       const struct ul_process *process, int kind,
					       uint64_t bytes, uint32_t parent)
{
	struct ul_track *track;
	UL_TRY(get(record, kind, NULL, process->pid, process->start_ticks, &track));
	UL_TRY(set(record, sample, track, (int64_t)bytes, -1));
	describe(track, 0, parent);
	return NULL;
}

static struct ul_error *resolve_holding(struct ul_record *record, const struct sample *sample,
					const struct ul_process *process, int kind, uint64_t bytes,
					int64_t objects)
{
	struct ul_track *track;
	if (!bytes)
		return NULL;
	UL_TRY(get(record, kind, NULL, process->pid, process->start_ticks, &track));
	if (track->present == sample->generation)
		return NULL; // listed twice
	if (!ul_text_equal(track->label, process->comm)) {
		if (!ul_text_set(&track->label, process->comm))
			return &ul_enomem;
		track->stored = false;
	}
	return set(record, sample, track, (int64_t)bytes, objects);
}

/**
 * What a process holds beside its RSS, as far as the model finds it worth a series. Written for a
 * process that is itself left out, too: its RSS may be small and stay so while these leak.
 */
static struct ul_error *resolve_holdings(struct ul_record *record, const struct sample *sample,
					 const struct ul_process *process)
{
	UL_TRY(resolve_holding(record, sample, process, UL_KIND_PROCESS_FDS,
			       ul_process_fds_bytes(process), (int64_t)process->fds));
	UL_TRY(resolve_holding(record, sample, process, UL_KIND_PROCESS_TABLES,
			       ul_process_tables_bytes(process), -1));
	return resolve_holding(record, sample, process, UL_KIND_PROCESS_FILES,
			       process->has_held ? process->held_bytes : 0, -1);
}

static bool notable(const struct ul_track *track, uint64_t rss_bytes)
{
	const int64_t last = track->last[BYTES];
	const int64_t change = (int64_t)rss_bytes - last;
	const int64_t size = change < 0 ? -change : change;
	return size > NOTABLE_BYTES || size > last / NOTABLE_SHARE;
}

/** Seen for the first time: what it is measured against from now on. */
static void meet(const struct ul_record *record, const struct sample *sample,
		 const struct ul_process *process, struct ul_track *track)
{
	track->last[BYTES] = (int64_t)process->rss_bytes;
	// The first sample of a session meets everybody, old and young.
	const bool start = record->last_boottime_ns == INT64_MIN;
	track->first_ns = start ? INT64_MIN : sample->ledger->monotonic_ns;
}

/** True for a process that may still turn out to be one of the many that do not stay. */
static bool newcomer(const struct sample *sample, const struct ul_process *process,
		     const struct ul_track *track)
{
	const struct ul_ledger *ledger = sample->ledger;
	if (track->alive || track->first_ns == INT64_MIN ||
	    process->rss_bytes >= ledger->mem_total / UL_RECORD_LARGE_SHARE)
		return false;
	return ledger->monotonic_ns - track->first_ns < UL_RECORD_NEWCOMER_S * UL_NS_PER_S;
}

static struct ul_error *resolve_process(struct ul_record *record, struct sample *sample,
					const struct ul_process *process, bool top)
{
	struct ul_track *track;
	UL_TRY(get(record, UL_KIND_PROCESS, NULL, process->pid, process->start_ticks, &track));
	const bool first = !track->label;
	if (track->present == sample->generation)
		return NULL; // listed twice
	if (first)
		meet(record, sample, process, track);
	if (!ul_text_equal(track->label, process->comm)) {
		if (!ul_text_set(&track->label, process->comm))
			return &ul_enomem;
		track->stored = false;
	}
	const bool is_newcomer = newcomer(sample, process, track);
	if (!is_newcomer && record->next_series + 6 < UL_RECORD_MAX_SERIES)
		UL_TRY(resolve_holdings(record, sample, process));
	const bool write = !is_newcomer && (top || notable(track, process->rss_bytes));
	const bool full_up = !track->id && record->next_series + 6 >= UL_RECORD_MAX_SERIES;
	if (full_up || (!write && !track->alive)) {
		track->seen = sample->generation;
		// Its old series may be removed by thinning before it is written again.
		if (!track->alive && !full_up) {
			track->id = 0;
			track->stored = false;
		}
		sample->dropped++;
		return NULL;
	}
	if (write)
		UL_TRY(set(record, sample, track, (int64_t)process->rss_bytes, -1));
	else
		hold(track, sample);
	describe(track, process->kernel_thread ? UL_RECORD_KERNEL_THREAD : 0, 0);
	if (process->has_pss)
		UL_TRY(resolve_process_figure(record, sample, process, UL_RECORD_PROCESS_PSS,
					      process->pss_bytes, track->id));
	if (process->swap_bytes)
		UL_TRY(resolve_process_figure(record, sample, process, UL_RECORD_PROCESS_SWAP,
					      process->swap_bytes, track->id));
	return NULL;
}

static int larger_rss_first(const void *left, const void *right)
{
	const struct ul_process *const *a = left;
	const struct ul_process *const *b = right;
	if ((*a)->rss_bytes != (*b)->rss_bytes)
		return (*a)->rss_bytes < (*b)->rss_bytes ? 1 : -1;
	return *a < *b ? -1 : 1;
}

static struct ul_error *resolve_processes(struct ul_record *record, struct sample *sample)
{
	const struct ul_ledger *ledger = sample->ledger;
	if (!ledger->processes.len) {
		// Every machine has a process: they were not looked at this time.
		sample->flags |= UL_RECORD_NO_PROCESSES;
		ul_vec_foreach (track, &record->tracks.items)
			if (ul_track_of_process((*track)->kind) && (*track)->alive)
				hold(*track, sample);
		return NULL;
	}
	UL_CLEANUP_FREE const struct ul_process **sorted =
		reallocarray(NULL, ledger->processes.len, sizeof(struct ul_process *));
	if (!sorted)
		return &ul_enomem;
	for (size_t i = 0; i < ledger->processes.len; i++)
		sorted[i] = &ledger->processes.data[i];
	qsort(sorted, ledger->processes.len, sizeof(struct ul_process *), larger_rss_first);
	for (size_t i = 0; i < ledger->processes.len; i++)
		UL_TRY(resolve_process(record, sample, sorted[i], i < UL_RECORD_TOP_PROCESSES));
	return figure(record, sample, UL_RECORD_PROCESSES_DROPPED, sample->dropped);
}

static struct ul_error *resolve(struct ul_record *record, struct sample *sample)
{
	UL_TRY(resolve_accounts(record, sample));
	ul_vec_foreach (cache, &sample->ledger->caches)
		UL_TRY(resolve_cache(record, sample, cache));
	UL_TRY(resolve_cgroups(record, sample));
	return resolve_processes(record, sample);
}

/* Store. */

static struct ul_error *store_series(struct ul_record *record, const struct ul_track *track)
{
	int64_t name;
	UL_TRY(ul_store_name_id(record, track->label ? track->label : track->name, &name));
	const int64_t values[] = {track->id,	track->kind,	       name,
				  track->pid,	(int64_t)track->start, track->flags,
				  track->parent};
	return ul_store_put(record, UL_STORE_SERIES_PUT, values, UL_ARRAY_LEN(values));
}

static struct ul_error *store_cache(struct ul_record *record, const struct ul_track *track)
{
	const struct ul_cache *cache = track->cache;
	const int64_t id = track->id;
	const int64_t values[] = {id, cache->object_size, cache->objects_per_slab,
				  cache->pages_per_slab};
	UL_TRY(ul_store_put(record, UL_STORE_CACHE_PUT, values, UL_ARRAY_LEN(values)));
	UL_TRY(ul_store_put(record, UL_STORE_ALIAS_CLEAR, &id, 1));
	int64_t position = 0;
	ul_vec_foreach (alias, &cache->aliases) {
		int64_t name;
		UL_TRY(ul_store_name_id(record, *alias, &name));
		const int64_t alias_values[] = {id, position++, name};
		UL_TRY(ul_store_put(record, UL_STORE_ALIAS_ADD, alias_values,
				    UL_ARRAY_LEN(alias_values)));
	}
	return NULL;
}

static int lower_id_first(const void *left, const void *right)
{
	const struct ul_track *const *a = left;
	const struct ul_track *const *b = right;
	return ((*a)->id > (*b)->id) - ((*a)->id < (*b)->id);
}

/** The tracks this sample has something to say of, by id. */
static struct ul_error *collect(struct ul_record *record, struct sample *sample)
{
	const bool full = sample->flags & UL_RECORD_FULL;
	ul_vec_foreach (item, &record->tracks.items) {
		struct ul_track *track = *item;
		const bool present = track->present == sample->generation;
		const bool same =
			track->alive && !memcmp(track->now, track->last, sizeof(track->now));
		const bool said = full ? present : present ? !same : track->alive;
		if (said && !ul_vec_push(&sample->changed, track))
			return &ul_enomem;
	}
	if (sample->changed.len)
		qsort(sample->changed.data, sample->changed.len, sizeof(*sample->changed.data),
		      lower_id_first);
	return NULL;
}

static struct ul_error *pack(struct sample *sample)
{
	const bool full = sample->flags & UL_RECORD_FULL;
	uint32_t last_id = 0;
	ul_vec_foreach (item, &sample->changed) {
		const struct ul_track *track = *item;
		const bool from_last = track->alive && !full;
		const struct ul_codec_change change = {
			.id = track->id,
			.ends = track->present != sample->generation,
			.bytes_delta = track->now[BYTES] - (from_last ? track->last[BYTES] : 0),
			.objects_delta =
				track->now[OBJECTS] - (from_last ? track->last[OBJECTS] : -1),
		};
		ul_codec_put_change(&sample->data, full, &change, &last_id);
	}
	const struct ul_store_stamp stamp = {sample->id, sample->ledger->time_ns,
					     sample->ledger->monotonic_ns, sample->flags};
	ul_store_seal(&sample->data, &stamp);
	return sample->data.failed ? &ul_enomem : NULL;
}

static bool same_losses(const struct ul_losses *a, const struct ul_losses *b)
{
	if (a->items.len != b->items.len)
		return false;
	for (size_t i = 0; i < a->items.len; i++) {
		const struct ul_loss *x = &a->items.data[i];
		const struct ul_loss *y = &b->items.data[i];
		if (x->count != y->count || x->bias != y->bias || strcmp(x->what, y->what) != 0)
			return false;
	}
	return true;
}

static struct ul_error *store_sample(struct ul_record *record, struct sample *sample)
{
	const struct ul_ledger *ledger = sample->ledger;
	const bool full = sample->flags & UL_RECORD_FULL;
	const bool new_losses = full || !same_losses(&ledger->losses, &record->last_losses);
	int64_t losses = 0;
	if (new_losses)
		UL_TRY(ul_store_put_losses(record, &ledger->losses, &losses));
	const int64_t values[] = {sample->id, ledger->time_ns, ledger->monotonic_ns, sample->flags,
				  losses};
	sqlite3_stmt *statement;
	UL_TRY(ul_store_get(record, UL_STORE_SAMPLE_ADD, &statement));
	UL_TRY(ul_store_bind(record, statement, values, UL_ARRAY_LEN(values)));
	if (!new_losses)
		sqlite3_bind_null(statement, UL_ARRAY_LEN(values));
	UL_TRY(ul_store_bind_blob(record, statement, UL_ARRAY_LEN(values) + 1, &sample->data));
	return ul_store_run(record, statement);
}

static struct ul_error *store(struct ul_record *record, struct sample *sample)
{
	ul_vec_foreach (item, &record->tracks.items) {
		const struct ul_track *track = *item;
		if (track->present != sample->generation)
			continue;
		if (!track->stored)
			UL_TRY(store_series(record, track));
		if (track->meta_pending != track->meta_hash)
			UL_TRY(store_cache(record, track));
	}
	if (sample->dropped > record->dropped_most) {
		const int64_t values[] = {record->session, (int64_t)sample->dropped};
		UL_TRY(ul_store_put(record, UL_STORE_SESSION_DROPPED, values,
				    UL_ARRAY_LEN(values)));
	}
	return store_sample(record, sample);
}

/* Settle. */

static void settle(struct ul_record *record, const struct sample *sample)
{
	ul_vec_foreach (item, &record->tracks.items) {
		struct ul_track *track = *item;
		track->alive = track->present == sample->generation;
		if (!track->alive)
			continue;
		memcpy(track->last, track->now, sizeof(track->last));
		track->stored = true;
		track->meta_hash = track->meta_pending;
		track->cache = NULL;
	}
	if (sample->dropped > record->dropped_most)
		record->dropped_most = sample->dropped;
	record->next_sample = sample->id + 1;
	record->last_boottime_ns = sample->ledger->monotonic_ns;
	record->force_full = false;
	record->since_full = sample->flags & UL_RECORD_FULL ? 0 : record->since_full + 1;
	if (sample->flags & UL_RECORD_FULL)
		ul_track_sweep(&record->tracks, sample->generation);
}

static struct ul_error *check(struct ul_record *record, const struct ul_ledger *ledger)
{
	UL_TRY(ul_store_writable(record));
	if (!ul_ledger_balanced(ledger))
		return ul_error_new(UL_ERR_BAD_DATA,
				    "writing recording %s: the ledger is not balanced",
				    record->path);
	if (ledger->monotonic_ns <= record->last_boottime_ns)
		return ul_error_new(UL_ERR_BAD_DATA,
				    "writing recording %s: a sample that is not later than the one "
				    "before (%lld ns, %lld ns)",
				    record->path, (long long)ledger->monotonic_ns,
				    (long long)record->last_boottime_ns);
	return NULL;
}

struct ul_error *ul_record_write_ledger(struct ul_record *record, const struct ul_ledger *ledger)
{
	UL_TRY(check(record, ledger));
	UL_CLEANUP(sample_deinit)
	struct sample sample = {
		.ledger = ledger,
		.id = record->next_sample,
		.generation = ++record->generation,
	};
	if (record->force_full || record->since_full + 1 >= UL_RECORD_FULL_EVERY)
		sample.flags |= UL_RECORD_FULL;
	// Until this sample is in the file, the file may not be what the tracks say.
	record->force_full = true;
	struct ul_losses losses = {0};
	UL_TRY(resolve(record, &sample));
	UL_TRY(collect(record, &sample));
	UL_TRY(pack(&sample));
	struct ul_error *err = ul_losses_merge(&losses, &ledger->losses);
	if (!err)
		err = ul_store_begin(record);
	if (!err)
		err = ul_store_end(record, store(record, &sample));
	if (err) {
		ul_losses_deinit(&losses);
		return err;
	}
	ul_losses_deinit(&record->last_losses);
	record->last_losses = losses;
	settle(record, &sample);
	return ul_retention_step(record, ledger);
}
