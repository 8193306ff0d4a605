// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000LL

static void ok(struct ul_error *error)
{
	if (error)
		fail_msg("%s", error->message);
}

static void add(struct ul_history *history, enum ul_kind kind, const char *name, int64_t bytes)
{
	ok(ul_history_add(history, kind, name, NULL, kind == UL_KIND_PROCESS ? 1 : 0, false,
			  (struct ul_history_value){bytes, -1}));
}

static int64_t bytes_at(const struct ul_history *history, const char *name, size_t at)
{
	const struct ul_history_track *track = ul_history_find(history, UL_KIND_SLAB, name);
	assert_non_null(track);
	return ul_history_value(track, at).bytes;
}

static void a_value_that_does_not_change_takes_no_room(void **state)
{
	struct ul_history history UL_CLEANUP_HISTORY = {0};
	ul_history_init(&history, true);
	for (int i = 1; i <= 100; i++) {
		ok(ul_history_begin(&history, i * SECOND));
		add(&history, UL_KIND_SLAB, "still", 4096);
	}
	const struct ul_history_track *track = ul_history_find(&history, UL_KIND_SLAB, "still");
	assert_int_equal(track->values.len, 0);
	assert_int_equal(bytes_at(&history, "still", 0), 4096);
	assert_int_equal(bytes_at(&history, "still", 99), 4096);
	assert_int_equal(bytes_at(&history, "still", 100), UL_HISTORY_NONE);
}

static void changes_gaps_and_late_starts_are_kept(void **state)
{
	struct ul_history history UL_CLEANUP_HISTORY = {0};
	ul_history_init(&history, true);
	for (int i = 0; i < 10; i++) {
		ok(ul_history_begin(&history, (i + 1) * SECOND));
		add(&history, UL_KIND_SLAB, "other", 1);
		if (i >= 3 && i != 6)
			add(&history, UL_KIND_SLAB, "late", 100 + i);
	}
	assert_int_equal(bytes_at(&history, "late", 2), UL_HISTORY_NONE);
	assert_int_equal(bytes_at(&history, "late", 3), 103);
	assert_int_equal(bytes_at(&history, "late", 5), 105);
	assert_int_equal(bytes_at(&history, "late", 6), UL_HISTORY_NONE);
	assert_int_equal(bytes_at(&history, "late", 9), 109);
	struct ul_error *error = ul_history_begin(&history, 10 * SECOND);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_BAD_DATA);
	ul_error_destroy(error);
}

/** A week at one sample a second: the value of "line" at second t is 1000 t. */
static void a_week_at_one_hertz_stays_bounded_and_true(void **state)
{
	struct ul_history history UL_CLEANUP_HISTORY = {0};
	const int64_t week = 7 * 86400;
	ul_history_init(&history, true);
	for (int64_t t = 1; t <= week; t++) {
		ok(ul_history_begin(&history, t * SECOND));
		add(&history, UL_KIND_SLAB, "line", 1000 * t);
		assert_true(history.points.len <= UL_HISTORY_POINTS_MAX);
		if (t == 5000)
			ul_history_pin(&history, t * SECOND);
	}
	// 300 fine points, 40 and some of each level above: 40 (2 + 4 + ... 2^k) >= 604,800 - 316
	// at k = 13, so at most 13 levels of at most 56.
	assert_true(history.points.len <= 316 + 13 * 56 + 1);
	const struct ul_history_track *line = ul_history_find(&history, UL_KIND_SLAB, "line");
	assert_int_equal(line->values.len, history.points.len);
	assert_true(line->values.cap <= 2048);
	bool pinned = false;
	for (size_t i = 0; i < history.points.len; i++) {
		const struct ul_history_point *point = &history.points.data[i];
		assert_int_equal(ul_history_value(line, i).bytes, point->time_ns / SECOND * 1000);
		pinned |= point->time_ns == 5000 * SECOND;
		if (i) {
			assert_true(point->time_ns > point[-1].time_ns);
			assert_true(point->level <= point[-1].level);
		}
	}
	assert_true(pinned);
	assert_int_equal(history.points.data[0].time_ns, SECOND);
	assert_int_equal(history.points.data[history.points.len - 1].time_ns, week * SECOND);
	// The last five minutes are all there.
	const size_t len = history.points.len;
	assert_int_equal(history.points.data[len - 300].time_ns, (week - 299) * SECOND);
}

static void processes_that_come_and_go_are_forgotten(void **state)
{
	struct ul_history history UL_CLEANUP_HISTORY = {0};
	size_t most = 0;
	ul_history_init(&history, true);
	for (int i = 1; i <= 20000; i++) {
		char name[32];
		ok(ul_history_begin(&history, i * SECOND));
		for (int j = 0; j < 5; j++) {
			snprintf(name, sizeof(name), "%d:%d", i * 5 + j, i);
			add(&history, UL_KIND_PROCESS, name, 1000 + j);
		}
		add(&history, UL_KIND_PROCESS, "1:1", 1000 + i);
		most = history.tracks.len > most ? history.tracks.len : most;
	}
	// At most the 300 fine points show what has gone, or a thousand of it at once.
	assert_true(most < 5 * (UL_HISTORY_FINE + 100));
	assert_true(history.slots <= 8192);
	const struct ul_history_track *stays = ul_history_find(&history, UL_KIND_PROCESS, "1:1");
	assert_non_null(stays);
	assert_int_equal(ul_history_value(stays, history.points.len - 1).bytes, 21000);
	assert_int_equal(history.moving, 1);
}

static void only_so_many_moving_processes_have_a_past(void **state)
{
	struct ul_history history UL_CLEANUP_HISTORY = {0};
	enum { PROCESSES = 5000 };
	ul_history_init(&history, true);
	for (int i = 1; i <= 20; i++) {
		ok(ul_history_begin(&history, i * SECOND));
		for (int j = 0; j < PROCESSES; j++) {
			char name[32];
			snprintf(name, sizeof(name), "%d:1", j + 1);
			add(&history, UL_KIND_PROCESS, name, 4096 * (i + j));
		}
	}
	assert_int_equal(history.moving, UL_HISTORY_MOVING);
	// The newest value of all is there; the past of the first to move only.
	const struct ul_history_track *first = ul_history_find(&history, UL_KIND_PROCESS, "1:1");
	const struct ul_history_track *last = ul_history_find(&history, UL_KIND_PROCESS, "5000:1");
	assert_int_equal(ul_history_value(first, 0).bytes, 4096);
	assert_int_equal(ul_history_value(last, 0).bytes, UL_HISTORY_NONE);
	assert_int_equal(ul_history_value(last, 19).bytes, 4096LL * (20 + PROCESSES - 1));
}

static void a_recording_is_loaded_as_it_is(void **state)
{
	struct ul_history history UL_CLEANUP_HISTORY = {0};
	struct ul_series_set *set UL_CLEANUP_SERIES_SET = ul_series_set_create();
	struct ul_series *slab;
	struct ul_series *late;
	struct ul_series *process;
	ok(ul_series_set_get(set, UL_KIND_SLAB, "a", &slab));
	ok(ul_series_set_get(set, UL_KIND_SLAB, "late", &late));
	ok(ul_series_set_get(set, UL_KIND_PROCESS, "7:1", &process));
	for (int i = 1; i <= 1000; i++) {
		ok(ul_series_add(slab, i * SECOND, i, 2 * i));
		if (i > 500 && i % 2)
			ok(ul_series_add(late, i * SECOND, 10, -1));
		if (i % 10 == 0)
			ok(ul_series_add(process, i * SECOND, 5, -1));
	}
	ul_history_init(&history, false);
	ok(ul_history_load(&history, set, false));
	assert_int_equal(history.points.len, 1000);
	assert_int_equal(history.tracks.len, 2);
	assert_int_equal(bytes_at(&history, "a", 999), 1000);
	assert_int_equal(bytes_at(&history, "late", 500), 10);
	assert_int_equal(bytes_at(&history, "late", 501), UL_HISTORY_NONE);
	assert_int_equal(ul_history_at(&history, 0), 0);
	assert_int_equal(ul_history_at(&history, 500 * SECOND + 1), 499);
	assert_int_equal(ul_history_at(&history, INT64_MAX), 999);
	ul_history_deinit(&history);
	ok(ul_history_load(&history, set, true));
	assert_int_equal(history.points.len, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_that_does_not_change_takes_no_room),
		cmocka_unit_test(changes_gaps_and_late_starts_are_kept),
		cmocka_unit_test(a_week_at_one_hertz_stays_bounded_and_true),
		cmocka_unit_test(processes_that_come_and_go_are_forgotten),
		cmocka_unit_test(only_so_many_moving_processes_have_a_past),
		cmocka_unit_test(a_recording_is_loaded_as_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
