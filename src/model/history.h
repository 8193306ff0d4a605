/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accounts over time in bounded memory, for a view that runs for weeks.
 *
 * All tracks of a history share one axis of points in time. The newest UL_HISTORY_FINE points are
 * kept as they came; of older ones every second, then every fourth, ... so that any length of time
 * takes a bounded number of points, evenly spaced within each level. A track whose value has never
 * changed stores one value, whatever its age.
 *
 * Invariants: times strictly increase; levels never rise from one point to the next; a track covers
 * the points [first, end), and has as many values, or none where all are `last`.
 */
#ifndef UL_MODEL_HISTORY_H
#define UL_MODEL_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"
#include "model/growth.h"
#include "model/ledger.h"
#include "model/series.h"

enum {
	UL_HISTORY_FINE = 300,	/**< newest points, kept as they came */
	UL_HISTORY_COARSE = 40, /**< points of each level above */
	UL_HISTORY_SLACK = 16,	/**< points over that before a level is thinned */
	UL_HISTORY_LEVELS = 24, /**< level 24 of a 1 Hz history is half a year a point */
	UL_HISTORY_MOVING =
		1024, /**< processes whose changes are kept; of others only the newest */
	UL_HISTORY_TRACKS_MAX = 1 << 20,
};
/** Most points a bounded history ever has. */
#define UL_HISTORY_POINTS_MAX                                                                      \
	(UL_HISTORY_FINE + UL_HISTORY_SLACK +                                                      \
	 UL_HISTORY_LEVELS * (UL_HISTORY_COARSE + UL_HISTORY_SLACK))

/** The value of a track where it has none. */
#define UL_HISTORY_NONE INT64_MIN

struct ul_history_point {
	int64_t time_ns; /**< CLOCK_BOOTTIME */
	uint8_t level;	 /**< stands for 2^level samples */
	bool pinned;	 /**< the baseline: never thinned away */
};

struct ul_history_value {
	int64_t bytes;	 /**< UL_HISTORY_NONE: not there at that point */
	int64_t objects; /**< -1: none */
};

struct ul_history_track {
	enum ul_kind kind;
	char *name;  /**< unique within its kind; a process: "PID:START" */
	char *label; /**< what people read */
	pid_t pid;   /**< processes only */
	bool reclaimable;
	uint32_t hash;
	size_t first;
	size_t end; /**< less than the number of points: it has gone */
	struct ul_history_value last;
	UL_VEC(struct ul_history_value) values; /**< empty: `last` at all points */
	/** Trend, filled by analysis/history_growth; valid for growth_at_ns, 0: never computed. */
	struct ul_growth growth;
	int64_t growth_at_ns;
};

struct ul_history {
	UL_VEC(struct ul_history_point) points;
	UL_VEC(struct ul_history_track *) tracks;
	uint32_t *table; /**< open addressing: index into tracks + 1; 0: empty */
	size_t slots;
	size_t moving; /**< processes with values of their own */
	bool bounded;  /**< thin; a recording that is replayed is not */
};

void ul_history_init(struct ul_history *history, bool bounded);
void ul_history_deinit(struct ul_history *history);
#define UL_CLEANUP_HISTORY UL_CLEANUP(ul_history_deinit)

/** A new point; a time not after the last is UL_ERR_BAD_DATA. Thins and forgets first. */
UL_MUST_USE struct ul_error *ul_history_begin(struct ul_history *history, int64_t time_ns);
/** The value of (kind, name) at the newest point. @p label NULL: the name. */
UL_MUST_USE struct ul_error *ul_history_add(struct ul_history *history, enum ul_kind kind,
					    const char *name, const char *label, pid_t pid,
					    bool reclaimable, struct ul_history_value value);
/** A new point with the accounts, the rest and the notes of @p ledger, or with its processes. */
UL_MUST_USE struct ul_error *ul_history_add_ledger(struct ul_history *history,
						   const struct ul_ledger *ledger, bool processes);
/** Everything of @p set that is (is not) a process, into an empty history. */
UL_MUST_USE struct ul_error *ul_history_load(struct ul_history *history,
					     const struct ul_series_set *set, bool processes);

/** Bytes and objects of the track at point @p at; bytes UL_HISTORY_NONE where it has none. */
struct ul_history_value ul_history_value(const struct ul_history_track *track, size_t at);
/** The newest point at or before @p time_ns; the oldest if there is none. Needs a point. */
size_t ul_history_at(const struct ul_history *history, int64_t time_ns);
/** True for the classes that add up to MemTotal: not processes, cgroups, notes. */
bool ul_history_is_account(enum ul_kind kind);
/** The track, or NULL. */
struct ul_history_track *ul_history_find(const struct ul_history *history, enum ul_kind kind,
					 const char *name);
/** Keep the point at or before @p time_ns, and let go of the one kept before. */
void ul_history_pin(struct ul_history *history, int64_t time_ns);

/** What the accounts that grow like leaks mean together. Filled by analysis/history_growth. */
struct ul_outlook {
	size_t leaks; /**< leak-like accounts (no processes: they overlap) */
	size_t filling;
	double bytes_per_s; /**< of the leak-like together, and its 95 % interval */
	double low;
	double high;
	int64_t available;  /**< bytes they can still take: free, and what reclaim can give */
	double seconds;	    /**< until those are gone; INFINITY: not foreseeable */
	double seconds_low; /**< at the upper end of the rate */
	double seconds_high;
	double used_per_s; /**< of all memory that is not free, and its 95 % interval */
	double used_low;
	double used_high;
};

#endif
