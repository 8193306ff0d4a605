// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The samples as series: every series has a point at every sample it existed at, filled forward
 * from the last change.
 *
 * A day at one sample a second is 86,400 points of some 250 series: half a gigabyte. Nobody needs
 * them all to see a trend, so they are thinned to UL_RECORD_MAX_POINTS: a first walk counts the
 * points, a second takes every n-th sample, and the newest; samples that stand for others left out
 * by thinning are all taken, or the past would vanish beside the last hours. That is said as a
 * loss. A peak between two points taken is not seen.
 */
#include "source/record/record.h"

#include "base/text.h"
#include "source/record/cursor.h"

/** A series people look at, not a figure of the ledger only. */
static bool visible(int kind)
{
	return ul_cursor_is_account(kind) || kind == UL_KIND_NOTE || kind == UL_KIND_CGROUP;
}

static bool shown(const struct ul_cursor *cursor, const struct ul_cursor_series *from)
{
	const bool looked = !(cursor->flags & UL_RECORD_NO_PROCESSES);
	if (!ul_kind_of_process((enum ul_kind)from->kind))
		return visible(from->kind);
	// Kernel threads have no memory of their own; ul_series_set_add_ledger() leaves them out
	// too.
	return looked && !(from->flags & UL_RECORD_KERNEL_THREAD);
}

static struct ul_error *name_series(struct ul_series_set *set, struct ul_cursor_series *from)
{
	char process[64];
	const char *name = from->name;
	if (ul_kind_of_process((enum ul_kind)from->kind)) {
		snprintf(process, sizeof(process), "%lld:%llu", (long long)from->pid,
			 (unsigned long long)from->start);
		name = process;
	}
	UL_TRY(ul_series_set_get(set, (enum ul_kind)from->kind, name, &from->series));
	from->series->reclaimable = from->flags & UL_RECORD_RECLAIMABLE;
	if (!ul_kind_of_process((enum ul_kind)from->kind))
		return NULL;
	from->series->pid = (pid_t)from->pid;
	return ul_text_set(&from->series->label, from->name) ? NULL : &ul_enomem;
}

static bool has_point(const struct ul_series *series, int64_t when_ns)
{
	return series->samples.len &&
	       series->samples.data[series->samples.len - 1].time_ns >= when_ns;
}

static struct ul_error *add_unaccounted(const struct ul_cursor *cursor, struct ul_series_set *set,
					const struct ul_cursor_series *total)
{
	struct ul_series *series;
	// A slabinfo log knows no MemTotal; what is left of nothing says nothing.
	if (!total || !total->alive || !total->bytes)
		return NULL;
	UL_TRY(ul_series_set_get(set, UL_KIND_UNACCOUNTED, "unaccounted", &series));
	if (has_point(series, cursor->when_ns))
		return NULL;
	const uint64_t rest = (uint64_t)total->bytes - cursor->kernel_bytes;
	return ul_series_add(series, cursor->when_ns, (int64_t)rest, -1);
}

static struct ul_error *add_points(struct ul_cursor *cursor, struct ul_series_set *set,
				   const struct ul_cursor_series *total, uint64_t *points)
{
	ul_vec_foreach (place, &cursor->alive) {
		struct ul_cursor_series *from = &cursor->series.data[*place];
		if (!shown(cursor, from))
			continue;
		if (!from->series)
			UL_TRY(name_series(set, from));
		// Two rows of one name, which only a damaged file has, must not end the reading.
		if (has_point(from->series, cursor->when_ns))
			continue;
		UL_TRY(ul_series_add(from->series, cursor->when_ns, from->bytes, from->objects));
		++*points;
	}
	// The count steers the thinning; a file that evades it must still end.
	if (*points > 2ULL * UL_RECORD_MAX_POINTS)
		return ul_error_new(UL_ERR_LIMIT, "reading recording %s: more than %d points",
				    cursor->record->path, 2 * UL_RECORD_MAX_POINTS);
	return add_unaccounted(cursor, set, total);
}

/** Which samples to take. */
struct stride {
	uint64_t every; /**< each how-maniest */
	bool sparse;	/**< and all of those that stand for others left out (retention.c) */
};

static bool stands_for_others(const struct ul_cursor *cursor)
{
	return cursor->flags >> UL_RECORD_GAP_SHIFT > 0;
}

static struct ul_error *choose_stride(struct ul_cursor *cursor, struct stride *ret)
{
	uint64_t points = 0;
	uint64_t sparse = 0;
	UL_TRY(ul_cursor_start(cursor, 0));
	for (;;) {
		bool more = false;
		UL_TRY(ul_cursor_next(cursor, &more));
		if (!more)
			break;
		points += cursor->alive.len;
		if (stands_for_others(cursor))
			sparse += cursor->alive.len;
	}
	*ret = (struct stride){points / UL_RECORD_MAX_POINTS + 1, false};
	if (sparse < UL_RECORD_MAX_POINTS / 2)
		*ret = (struct stride){(points - sparse) / (UL_RECORD_MAX_POINTS - sparse) + 1,
				       true};
	return NULL;
}

static bool takes(const struct ul_cursor *cursor, const struct stride *stride, uint64_t count)
{
	return count % stride->every == 0 || cursor->id == cursor->newest ||
	       (stride->sparse && stands_for_others(cursor));
}

static struct ul_error *add_all(struct ul_cursor *cursor, const struct stride *stride,
				struct ul_series_set *set)
{
	const struct ul_cursor_series *total = NULL;
	ul_vec_foreach (series, &cursor->series)
		if (series->kind == UL_RECORD_MEM_TOTAL)
			total = series;
	uint64_t points = 0;
	bool more = true;
	UL_TRY(ul_cursor_start(cursor, 0));
	for (uint64_t count = 0; more; count++) {
		UL_TRY(ul_cursor_next(cursor, &more));
		if (more && takes(cursor, stride, count))
			UL_TRY(add_points(cursor, set, total, &points));
	}
	return NULL;
}

static struct ul_error *read_set(struct ul_record *record, struct ul_series_set *set)
{
	UL_CLEANUP_CURSOR struct ul_cursor cursor = {0};
	struct stride stride;
	UL_TRY(ul_cursor_init(&cursor, record));
	UL_TRY(choose_stride(&cursor, &stride));
	UL_TRY(add_all(&cursor, &stride, set));
	if (stride.every > 1)
		UL_TRY(ul_losses_add(&record->losses, UL_BIAS_NONE, 0,
				     "samples between, of which only each %llu. was read into the "
				     "series",
				     (unsigned long long)stride.every));
	if (cursor.skipped)
		UL_TRY(ul_losses_add(&record->losses, UL_BIAS_UNKNOWN, cursor.skipped,
				     "samples of the recording that are damaged and were skipped"));
	return NULL;
}

struct ul_error *ul_record_read_series(struct ul_record *record, struct ul_series_set *set)
{
	UL_TRY(ul_store_read_begin(record));
	struct ul_error *err = read_set(record, set);
	ul_store_read_end(record);
	return err;
}
