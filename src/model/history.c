// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Thinning: a level that holds more than its share gives its oldest points away in pairs; the older
 * of a pair moves up a level, the other goes. Every level then holds points of even distance, the
 * distance doubling from level to level, and the oldest point of all stays for ever. One pass does
 * all levels and moves the values of all tracks once; the slack makes that rare.
 *
 * Forgetting: a track that has gone is kept while the fine points still show it, unless more have
 * gone than live: a machine that starts a thousand programs a second must not fill memory.
 *
 * Cannot see: a peak between two points of a coarse level; the past of a process beyond the
 * UL_HISTORY_MOVING that changed first (they come largest first).
 */
#include "model/history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { TABLE_MIN = 256, GONE_MAX = 1024 };

void ul_history_init(struct ul_history *history, bool bounded)
{
	*history = (struct ul_history){.bounded = bounded};
}

static void track_destroy(struct ul_history_track *track)
{
	if (!track)
		return;
	free(track->name);
	free(track->label);
	ul_vec_deinit(&track->values);
	free(track);
}

UL_DEFINE_CLEANUP(cleanup_track, struct ul_history_track, track_destroy);

void ul_history_deinit(struct ul_history *history)
{
	ul_vec_foreach (track, &history->tracks)
		track_destroy(*track);
	ul_vec_deinit(&history->tracks);
	ul_vec_deinit(&history->points);
	free(history->table);
	*history = (struct ul_history){.bounded = history->bounded};
}

/** FNV-1a over kind and name, folded to 32 bits. */
static uint32_t hash_of(enum ul_kind kind, const char *name)
{
	uint64_t hash = 0xcbf29ce484222325ULL ^ (uint64_t)kind;
	for (const char *c = name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3ULL;
	return (uint32_t)(hash ^ hash >> 32);
}

/** The slot of (kind, name), or the empty one where it belongs. The table is never full. */
static uint32_t *probe(const struct ul_history *history, uint32_t hash, enum ul_kind kind,
		       const char *name)
{
	const size_t mask = history->slots - 1;
	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		uint32_t *slot = &history->table[i];
		if (!*slot)
			return slot;
		const struct ul_history_track *track = history->tracks.data[*slot - 1];
		if (track->hash == hash && track->kind == kind && !strcmp(track->name, name))
			return slot;
	}
}

static void fill_table(struct ul_history *history)
{
	const size_t mask = history->slots - 1;
	memset(history->table, 0, history->slots * sizeof(*history->table));
	for (size_t i = 0; i < history->tracks.len; i++) {
		size_t to = history->tracks.data[i]->hash & mask;
		while (history->table[to])
			to = (to + 1) & mask;
		history->table[to] = (uint32_t)i + 1;
	}
}

/** Keep the table at most half full; false when memory is out. */
static bool make_room(struct ul_history *history)
{
	if (history->tracks.len * 2 < history->slots)
		return true;
	const size_t slots = history->slots ? history->slots * 2 : TABLE_MIN;
	uint32_t *table = calloc(slots, sizeof(*table));
	if (!table)
		return false;
	free(history->table);
	history->table = table;
	history->slots = slots;
	fill_table(history);
	return true;
}

struct ul_history_track *ul_history_find(const struct ul_history *history, enum ul_kind kind,
					 const char *name)
{
	if (!history->slots)
		return NULL;
	const uint32_t slot = *probe(history, hash_of(kind, name), kind, name);
	return slot ? history->tracks.data[slot - 1] : NULL;
}

static struct ul_error *obtain(struct ul_history *history, enum ul_kind kind, const char *name,
			       struct ul_history_track **ret)
{
	if (!make_room(history))
		return &ul_enomem;
	const uint32_t hash = hash_of(kind, name);
	uint32_t *slot = probe(history, hash, kind, name);
	if (*slot) {
		*ret = history->tracks.data[*slot - 1];
		return NULL;
	}
	if (history->tracks.len >= UL_HISTORY_TRACKS_MAX)
		return ul_error_new(UL_ERR_LIMIT, "history: more than %d accounts and processes",
				    UL_HISTORY_TRACKS_MAX);
	UL_CLEANUP(cleanup_track) struct ul_history_track *track = calloc(1, sizeof(*track));
	if (!track || !ul_text_set(&track->name, name) || !ul_vec_push(&history->tracks, track))
		return &ul_enomem;
	track->kind = kind;
	track->hash = hash;
	*slot = (uint32_t)history->tracks.len;
	*ret = UL_TAKE(track);
	return NULL;
}

static bool same(struct ul_history_value a, struct ul_history_value b)
{
	return a.bytes == b.bytes && a.objects == b.objects;
}

/** Write out the values of a track that had one value only; false when memory is out. */
static bool spread(struct ul_history *history, struct ul_history_track *track)
{
	for (size_t at = track->first; at < track->end; at++)
		if (!ul_vec_push(&track->values, track->last))
			return false;
	history->moving += track->kind == UL_KIND_PROCESS;
	return true;
}

/** Forget what was before and begin at point @p at. */
static void restart(struct ul_history_track *track, size_t at, struct ul_history_value value)
{
	track->first = at;
	track->end = at + 1;
	track->last = value;
}

static bool append(struct ul_history *history, struct ul_history_track *track, size_t at,
		   struct ul_history_value value)
{
	const struct ul_history_value none = {UL_HISTORY_NONE, -1};
	if (track->end > at) // a name twice in one sample
		return true;
	if (track->end == track->first) {
		restart(track, at, value);
		return true;
	}
	if (!track->values.len && track->end == at && same(track->last, value)) {
		track->end++;
		return true;
	}
	if (!track->values.len) {
		if (history->bounded && track->kind == UL_KIND_PROCESS &&
		    history->moving >= UL_HISTORY_MOVING) {
			restart(track, at, value);
			return true;
		}
		if (!spread(history, track))
			return false;
	}
	while (track->end < at) {
		if (!ul_vec_push(&track->values, none))
			return false;
		track->end++;
	}
	if (!ul_vec_push(&track->values, value))
		return false;
	track->end = at + 1;
	track->last = value;
	return true;
}

struct ul_error *ul_history_add(struct ul_history *history, enum ul_kind kind, const char *name,
				const char *label, pid_t pid, bool reclaimable,
				struct ul_history_value value)
{
	struct ul_history_track *track;
	UL_TRY(obtain(history, kind, name, &track));
	label = label ? label : name;
	// A process that calls exec() has another name then.
	if (!ul_text_equal(track->label, label) && !ul_text_set(&track->label, label))
		return &ul_enomem;
	track->pid = pid;
	track->reclaimable = reclaimable;
	return append(history, track, history->points.len - 1, value) ? NULL : &ul_enomem;
}

static int64_t clamp_bytes(uint64_t bytes)
{
	return bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes;
}

static struct ul_error *add_processes(struct ul_history *history, const struct ul_ledger *ledger)
{
	ul_vec_foreach (process, &ledger->processes) {
		char name[64];
		if (process->kernel_thread)
			continue;
		snprintf(name, sizeof(name), "%d:%" PRIu64, (int)process->pid,
			 process->start_ticks);
		UL_TRY(ul_history_add(
			history, UL_KIND_PROCESS, name, process->comm, process->pid, false,
			(struct ul_history_value){clamp_bytes(process->rss_bytes), -1}));
	}
	return NULL;
}

struct ul_error *ul_history_add_ledger(struct ul_history *history, const struct ul_ledger *ledger,
				       bool processes)
{
	UL_TRY(ul_history_begin(history, ledger->monotonic_ns));
	if (processes)
		return add_processes(history, ledger);
	ul_vec_foreach (account, &ledger->accounts)
		UL_TRY(ul_history_add(history, account->kind, account->name, NULL, 0,
				      account->reclaimable,
				      (struct ul_history_value){account->bytes, account->objects}));
	ul_vec_foreach (note, &ledger->notes)
		UL_TRY(ul_history_add(history, UL_KIND_NOTE, note->name, NULL, 0, false,
				      (struct ul_history_value){clamp_bytes(note->bytes), -1}));
	return ul_history_add(history, UL_KIND_UNACCOUNTED, "unaccounted", NULL, 0, false,
			      (struct ul_history_value){ledger->unaccounted.bytes, -1});
}

static int by_time(const void *left, const void *right)
{
	const int64_t a = *(const int64_t *)left;
	const int64_t b = *(const int64_t *)right;
	return (a > b) - (a < b);
}

bool ul_history_is_account(enum ul_kind kind)
{
	return kind <= UL_KIND_UNACCOUNTED || kind == UL_KIND_COMPRESSED;
}

static bool wanted(const struct ul_series *series, bool processes)
{
	const bool fits =
		processes ? series->kind == UL_KIND_PROCESS
			  : series->kind == UL_KIND_NOTE || ul_history_is_account(series->kind);
	return fits && series->samples.len;
}

/** The times of all series, once each, as the axis. */
static struct ul_error *load_axis(struct ul_history *history, const struct ul_series_set *set,
				  bool processes)
{
	size_t count = 0;
	size_t len = 0;
	for (size_t i = 0; i < ul_series_set_len(set); i++)
		if (wanted(ul_series_set_at(set, i), processes))
			count += ul_series_set_at(set, i)->samples.len;
	int64_t *times UL_CLEANUP_FREE = calloc(count ? count : 1, sizeof(*times));
	if (!times)
		return &ul_enomem;
	for (size_t i = 0; i < ul_series_set_len(set); i++) {
		const struct ul_series *series = ul_series_set_at(set, i);
		if (!wanted(series, processes))
			continue;
		ul_vec_foreach (sample, &series->samples)
			times[len++] = sample->time_ns;
	}
	qsort(times, len, sizeof(*times), by_time);
	for (size_t i = 0; i < len; i++) {
		if (i && times[i] == times[i - 1])
			continue;
		const struct ul_history_point point = {.time_ns = times[i]};
		if (!ul_vec_push(&history->points, point))
			return &ul_enomem;
	}
	return NULL;
}

static struct ul_error *load_series(struct ul_history *history, const struct ul_series *series)
{
	struct ul_history_track *track;
	size_t at = ul_history_at(history, series->samples.data[0].time_ns);
	UL_TRY(obtain(history, series->kind, series->name, &track));
	if (!ul_text_set(&track->label, series->label))
		return &ul_enomem;
	track->pid = series->pid;
	track->reclaimable = series->reclaimable;
	ul_vec_foreach (sample, &series->samples) {
		while (history->points.data[at].time_ns < sample->time_ns)
			at++;
		if (!append(history, track, at,
			    (struct ul_history_value){sample->bytes, sample->objects}))
			return &ul_enomem;
	}
	return NULL;
}

struct ul_error *ul_history_load(struct ul_history *history, const struct ul_series_set *set,
				 bool processes)
{
	UL_TRY(load_axis(history, set, processes));
	for (size_t i = 0; i < ul_series_set_len(set); i++)
		if (wanted(ul_series_set_at(set, i), processes))
			UL_TRY(load_series(history, ul_series_set_at(set, i)));
	return NULL;
}

/** Choose what goes: sets before[i] to the number of kept points before point i. */
static size_t choose(struct ul_history *history, size_t *before)
{
	struct ul_history_point *points = history->points.data;
	const size_t len = history->points.len;
	size_t kept = 0;
	memset(before, 0, (len + 1) * sizeof(*before)); // 1: goes, until the sums are made
	for (unsigned int level = 0; level < UL_HISTORY_LEVELS; level++) {
		const size_t most = level ? UL_HISTORY_COARSE : UL_HISTORY_FINE;
		size_t count = 0;
		for (size_t i = 0; i < len; i++)
			count += !before[i] && points[i].level == level;
		if (count <= most + UL_HISTORY_SLACK)
			continue;
		size_t older = len;
		for (size_t i = 0; i < len && count > most; i++) {
			if (before[i] || points[i].level != level)
				continue;
			if (older == len) {
				older = i;
				continue;
			}
			// The oldest point of all and the pinned one both stay.
			const bool both = points[i].pinned && (!older || points[older].pinned);
			before[points[i].pinned ? older : i] = !both;
			points[older].level = points[i].level = (uint8_t)(level + 1);
			older = len;
			count -= 2;
		}
	}
	for (size_t i = 0; i <= len; i++) {
		const bool goes = i < len && before[i];
		before[i] = kept;
		kept += i < len && !goes;
	}
	return kept;
}

static void thin_track(struct ul_history *history, struct ul_history_track *track,
		       const size_t *before)
{
	const size_t first = before[track->first];
	const size_t end = before[track->end];
	if (track->values.len) {
		size_t to = 0;
		for (size_t at = track->first; at < track->end; at++)
			if (before[at + 1] > before[at])
				track->values.data[to++] = track->values.data[at - track->first];
		track->values.len = to;
		if (!to)
			history->moving -= track->kind == UL_KIND_PROCESS;
	}
	track->first = first;
	track->end = end;
}

static struct ul_error *thin(struct ul_history *history)
{
	const size_t len = history->points.len;
	size_t fine = 0;
	for (size_t i = len; i-- > 0 && history->points.data[i].level == 0;)
		fine++;
	// Points enter at the finest level only: nothing overflows before it does.
	if (fine <= UL_HISTORY_FINE + UL_HISTORY_SLACK)
		return NULL;
	size_t *before UL_CLEANUP_FREE = calloc(len + 1, sizeof(*before));
	if (!before)
		return &ul_enomem;
	const size_t kept = choose(history, before);
	ul_vec_foreach (track, &history->tracks)
		thin_track(history, *track, before);
	for (size_t i = 0; i < len; i++)
		if (before[i + 1] > before[i])
			history->points.data[before[i]] = history->points.data[i];
	history->points.len = kept;
	return NULL;
}

/** Drop the tracks that went too long ago, or all that went where those are too many. */
static void forget(struct ul_history *history)
{
	const size_t points = history->points.len;
	size_t gone = 0;
	size_t old = 0;
	ul_vec_foreach (track, &history->tracks) {
		gone += (*track)->end < points;
		old += (*track)->end + UL_HISTORY_FINE < points || (*track)->end == (*track)->first;
	}
	const bool all = gone > GONE_MAX && gone > history->tracks.len / 2;
	if (!all && old <= GONE_MAX / 16)
		return;
	size_t to = 0;
	for (size_t i = 0; i < history->tracks.len; i++) {
		struct ul_history_track *track = history->tracks.data[i];
		if (track->end == track->first || (all && track->end < points) ||
		    track->end + UL_HISTORY_FINE < points) {
			history->moving -= track->kind == UL_KIND_PROCESS && track->values.len;
			track_destroy(track);
		} else {
			history->tracks.data[to++] = track;
		}
	}
	history->tracks.len = to;
	fill_table(history);
}

struct ul_error *ul_history_begin(struct ul_history *history, int64_t time_ns)
{
	const size_t len = history->points.len;
	if (len && time_ns <= history->points.data[len - 1].time_ns)
		return ul_error_new(UL_ERR_BAD_DATA,
				    "history: point at %" PRId64
				    " ns is not after the one before, at %" PRId64 " ns",
				    time_ns, history->points.data[len - 1].time_ns);
	if (history->bounded && len) {
		UL_TRY(thin(history));
		forget(history);
	}
	const struct ul_history_point point = {.time_ns = time_ns};
	return ul_vec_push(&history->points, point) ? NULL : &ul_enomem;
}

struct ul_history_value ul_history_value(const struct ul_history_track *track, size_t at)
{
	if (at < track->first || at >= track->end)
		return (struct ul_history_value){UL_HISTORY_NONE, -1};
	return track->values.len ? track->values.data[at - track->first] : track->last;
}

size_t ul_history_at(const struct ul_history *history, int64_t time_ns)
{
	size_t low = 0;
	size_t high = history->points.len;
	while (high - low > 1) {
		const size_t middle = low + (high - low) / 2;
		if (history->points.data[middle].time_ns <= time_ns)
			low = middle;
		else
			high = middle;
	}
	return low;
}

void ul_history_pin(struct ul_history *history, int64_t time_ns)
{
	if (!history->points.len)
		return;
	ul_vec_foreach (point, &history->points)
		point->pinned = false;
	history->points.data[ul_history_at(history, time_ns)].pinned = true;
}
