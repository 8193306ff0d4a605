// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A history is denser at its end than at its beginning, and a verdict needs points of even
 * distance: the shape of a series is judged by blocks of points. So points are picked a step apart,
 * the step being the distance of the oldest points of the window, or a 150th of the window, which
 * bounds the cost: 0.1 ms for a track that moves.
 *
 * The time to exhaustion takes the rates of leak-like accounts together against what is free or
 * reclaimable now. Its interval is that of the worst case, all rates at the same end of theirs; it
 * errs to the early side where reclaimable memory grows meanwhile, to the late side where other
 * growth than leaks takes memory, too.
 */
#include "analysis/history_growth.h"

#include <math.h>
#include <string.h>

#include "analysis/growth.h"

/** Indices of the points to judge, oldest first. */
struct picked {
	size_t at[2 * UL_HISTORY_GROWTH_POINTS];
	size_t len;
};

static void pick(const struct ul_history *history, size_t at, int64_t from_ns, struct picked *ret)
{
	const struct ul_history_point *points = history->points.data;
	size_t first = ul_history_at(history, from_ns);
	if (points[first].time_ns < from_ns && first < at)
		first++;
	const int64_t span_ns = points[at].time_ns - points[first].time_ns;
	const int64_t oldest_ns =
		first < at ? points[first + 1].time_ns - points[first].time_ns : 0;
	int64_t step_ns = span_ns / UL_HISTORY_GROWTH_POINTS;
	// A pause (a suspended machine) right at the beginning is no distance of points.
	if (oldest_ns > step_ns && oldest_ns < span_ns / 8)
		step_ns = oldest_ns;
	// Samples come a little early or late: a step is one when nine tenths of it are over.
	const int64_t least_ns = step_ns - step_ns / 10;
	int64_t next_ns = points[first].time_ns;
	ret->len = 0;
	for (size_t i = first; i <= at && ret->len < UL_ARRAY_LEN(ret->at); i++) {
		if (points[i].time_ns < next_ns)
			continue;
		ret->at[ret->len++] = i;
		next_ns = points[i].time_ns + least_ns;
	}
}

static struct ul_error *add_series(struct ul_series_set *set, const struct ul_history *history,
				   const struct picked *picked,
				   const struct ul_history_track *track)
{
	struct ul_series *series;
	UL_TRY(ul_series_set_get(set, track->kind, track->name, &series));
	if (series->samples.len) // named twice
		return NULL;
	series->reclaimable = track->reclaimable;
	for (size_t i = 0; i < picked->len; i++) {
		const struct ul_history_value value = ul_history_value(track, picked->at[i]);
		if (value.bytes != UL_HISTORY_NONE)
			UL_TRY(ul_series_add(series, history->points.data[picked->at[i]].time_ns,
					     value.bytes, value.objects));
	}
	return NULL;
}

/** A series that is there from the first to the last point: what the others are measured by. */
static struct ul_error *add_span(struct ul_series_set *set, const struct ul_history *history,
				 const struct picked *picked)
{
	struct ul_series *series;
	UL_TRY(ul_series_set_get(set, UL_KIND_NOTE, "", &series));
	for (size_t i = 0; i < picked->len; i++)
		UL_TRY(ul_series_add(series, history->points.data[picked->at[i]].time_ns, 0, -1));
	return NULL;
}

struct ul_error *ul_history_growth(const struct ul_history *history, size_t at, int64_t from_ns,
				   int64_t stamp_ns, struct ul_history_track *const *tracks,
				   size_t len)
{
	struct ul_series_set *set UL_CLEANUP_SERIES_SET = ul_series_set_create();
	struct ul_growth_report report UL_CLEANUP_GROWTH_REPORT = {0};
	struct picked picked;
	if (!set)
		return &ul_enomem;
	if (at >= history->points.len)
		return NULL;
	pick(history, at, from_ns, &picked);
	UL_TRY(add_span(set, history, &picked));
	for (size_t i = 0; i < len; i++)
		UL_TRY(add_series(set, history, &picked, tracks[i]));
	UL_TRY(ul_growth_report(set, &report));
	ul_vec_foreach (row, &report.rows) {
		struct ul_history_track *track =
			ul_history_find(history, row->series->kind, row->series->name);
		if (!track)
			continue;
		track->growth = row->growth;
		track->growth_at_ns = stamp_ns;
	}
	return NULL;
}

static bool is_available(const struct ul_history_track *track)
{
	return track->kind == UL_KIND_FREE || track->kind == UL_KIND_FILE ||
	       (track->kind == UL_KIND_SLAB && track->reclaimable);
}

static double lasts(double available, double bytes_per_s)
{
	return bytes_per_s > 0 ? fmax(0, available) / bytes_per_s : INFINITY;
}

struct ul_outlook ul_history_outlook(const struct ul_history *accounts, size_t at)
{
	struct ul_outlook outlook = {0};
	ul_vec_foreach (place, &accounts->tracks) {
		const struct ul_history_track *track = *place;
		const struct ul_history_value value = ul_history_value(track, at);
		if (value.bytes == UL_HISTORY_NONE || !ul_history_is_account(track->kind))
			continue;
		if (is_available(track))
			outlook.available += value.bytes;
		if (!track->growth_at_ns)
			continue;
		if (track->kind == UL_KIND_FREE) {
			outlook.used_per_s -= track->growth.bytes_per_s;
			outlook.used_low -= track->growth.high;
			outlook.used_high -= track->growth.low;
		}
		outlook.filling += track->growth.verdict == UL_GROWTH_FILLING;
		if (track->growth.verdict != UL_GROWTH_LEAK_LIKE)
			continue;
		outlook.leaks++;
		outlook.bytes_per_s += track->growth.bytes_per_s;
		outlook.low += track->growth.low;
		outlook.high += track->growth.high;
	}
	outlook.seconds = lasts((double)outlook.available, outlook.bytes_per_s);
	outlook.seconds_low = lasts((double)outlook.available, outlook.high);
	outlook.seconds_high = lasts((double)outlook.available, outlook.low);
	return outlook;
}
