// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "analysis/growth.h"
#include "analysis/loading.h"
#include "base/units.h"

enum { SLAB_OBJECTS = 16, OBJECT_BYTES = 2048, SAMPLES = 60, LOADED_AT = 30, LOADING_S = 3 };

#define OK(call) assert_null(call)

/** Sample @p index; the loading takes some seconds in which none is taken. */
static int64_t time_of(int index)
{
	return (1000 + index + (index >= LOADED_AT ? LOADING_S : 0)) * UL_NS_PER_S;
}

static void cache_of(struct ul_ledger *ledger, int64_t time_ns, uint64_t used, uint64_t total)
{
	ul_ledger_init(ledger);
	ledger->monotonic_ns = time_ns;
	struct ul_cache *cache = ul_vec_add(&ledger->caches);
	assert_non_null(cache);
	*cache = (struct ul_cache){
		.name = strdup("kmalloc-2k"),
		.object_size = OBJECT_BYTES,
		.objects = used,
		.objects_total = total,
		.bytes = total * OBJECT_BYTES,
	};
}

static void add(struct ul_series *series, int64_t time_ns, int64_t used, int64_t total)
{
	OK(ul_series_add(series, time_ns, total * OBJECT_BYTES, used));
}

static struct ul_series *new_series(struct ul_series_set **set)
{
	struct ul_series *series = NULL;
	*set = ul_series_set_create();
	assert_non_null(*set);
	OK(ul_series_set_get(*set, UL_KIND_SLAB, "kmalloc-2k", &series));
	return series;
}

static int64_t whole_slabs(int64_t objects)
{
	return (objects + SLAB_OBJECTS - 1) / SLAB_OBJECTS * SLAB_OBJECTS;
}

static enum ul_growth_verdict verdict_of(const struct ul_series *series)
{
	struct ul_growth growth;
	OK(ul_growth_analyse(series, &growth));
	return growth.verdict;
}

/** @p per_s lost since 1000 s; loading adds 40 used objects and 640 free ones, which it fills. */
static struct ul_series *leak(struct ul_series_set **set, int64_t per_s, struct ul_ledger *before,
			      struct ul_ledger *after)
{
	struct ul_series *series = new_series(set);
	const int64_t base = 1600;
	const int64_t until = base + per_s * LOADED_AT;
	const int64_t top = whole_slabs(until + per_s * LOADING_S + 40 + 640);
	for (int i = 0; i < SAMPLES; i++) {
		const int64_t lost = base + per_s * (time_of(i) / UL_NS_PER_S - 1000);
		const int64_t used = lost + (i >= LOADED_AT ? 40 : 0);
		const int64_t total = whole_slabs(used);
		add(series, time_of(i), used, i >= LOADED_AT && total < top ? top : total);
	}
	cache_of(before, time_of(LOADED_AT) - LOADING_S * UL_NS_PER_S, (uint64_t)until,
		 (uint64_t)whole_slabs(until));
	cache_of(after, time_of(LOADED_AT), (uint64_t)(until + per_s * LOADING_S + 40),
		 (uint64_t)top);
	return series;
}

static void a_leak_that_fills_the_holes_of_the_loading_is_one(void **state)
{
	struct ul_series_set *set UL_CLEANUP_SERIES_SET = NULL;
	UL_CLEANUP_LEDGER struct ul_ledger before;
	UL_CLEANUP_LEDGER struct ul_ledger after;
	(void)state;
	const struct ul_series *series = leak(&set, 20, &before, &after);
	assert_int_equal(verdict_of(series), UL_GROWTH_STEP);
	// 2200 used of 2208 before, 2300 of 2944 after: 736 objects came.
	assert_int_equal(ul_loading_leave_out(set, &before, &after), 736 * OBJECT_BYTES);
	assert_int_equal(verdict_of(series), UL_GROWTH_LEAK_LIKE);
	// Of the 736 the 60 that were lost meanwhile stay, and the 8 free ones there had been.
	assert_int_equal(series->samples.data[LOADED_AT].bytes, (2200 + 60 + 8) * OBJECT_BYTES);
	assert_int_equal(series->samples.data[LOADED_AT - 1].bytes,
			 whole_slabs(1600 + 20 * (LOADED_AT - 1)) * OBJECT_BYTES);
	assert_int_equal(series->samples.data[LOADED_AT].objects, 2300);
}

static void a_cache_that_only_the_loading_raised_does_not_grow(void **state)
{
	struct ul_series_set *set UL_CLEANUP_SERIES_SET = NULL;
	UL_CLEANUP_LEDGER struct ul_ledger before;
	UL_CLEANUP_LEDGER struct ul_ledger after;
	(void)state;
	const struct ul_series *series = leak(&set, 0, &before, &after);
	assert_int_equal(ul_loading_leave_out(set, &before, &after), 688 * OBJECT_BYTES);
	ul_vec_foreach (sample, &series->samples)
		assert_int_equal(sample->bytes, 1600 * OBJECT_BYTES);
	assert_int_equal(verdict_of(series), UL_GROWTH_FLAT);
}

static void a_cache_that_shrinks_meanwhile_is_left_alone(void **state)
{
	struct ul_series_set *set UL_CLEANUP_SERIES_SET = NULL;
	UL_CLEANUP_LEDGER struct ul_ledger before;
	UL_CLEANUP_LEDGER struct ul_ledger after;
	(void)state;
	struct ul_series *series = new_series(&set);
	add(series, time_of(0), 100, 160);
	add(series, time_of(LOADED_AT), 60, 80);
	cache_of(&before, time_of(0), 100, 160);
	cache_of(&after, time_of(LOADED_AT), 60, 80);
	assert_int_equal(ul_loading_leave_out(set, &before, &after), 0);
	assert_int_equal(series->samples.data[1].bytes, 80 * OBJECT_BYTES);
}

static void no_more_is_left_out_than_there_is(void **state)
{
	struct ul_series_set *set UL_CLEANUP_SERIES_SET = NULL;
	UL_CLEANUP_LEDGER struct ul_ledger before;
	UL_CLEANUP_LEDGER struct ul_ledger after;
	(void)state;
	struct ul_series *series = new_series(&set);
	add(series, time_of(LOADED_AT), 1600, 1600);
	add(series, time_of(LOADED_AT + 1), 16, 16); // given back
	OK(ul_series_add(series, time_of(LOADED_AT + 2), 32768, -1));
	cache_of(&before, time_of(0), 160, 160);
	cache_of(&after, time_of(LOADED_AT), 1600, 1600);
	assert_int_equal(ul_loading_leave_out(set, &before, &after), 1440 * OBJECT_BYTES);
	assert_int_equal(series->samples.data[0].bytes, 160 * OBJECT_BYTES);
	assert_int_equal(series->samples.data[1].bytes, 0);
	assert_int_equal(series->samples.data[2].bytes, 32768);
}

static void a_cache_without_a_series_or_without_a_before_is_passed_over(void **state)
{
	struct ul_series_set *set UL_CLEANUP_SERIES_SET = ul_series_set_create();
	UL_CLEANUP_LEDGER struct ul_ledger before;
	UL_CLEANUP_LEDGER struct ul_ledger after;
	UL_CLEANUP_LEDGER struct ul_ledger empty;
	(void)state;
	assert_non_null(set);
	ul_ledger_init(&empty);
	cache_of(&before, time_of(0), 160, 160);
	cache_of(&after, time_of(1), 320, 320);
	assert_int_equal(ul_loading_leave_out(set, &before, &after), 0);
	assert_int_equal(ul_loading_leave_out(set, &empty, &after), 0);
}

/** An account of @p ledger. */
static void area(struct ul_ledger *ledger, int64_t time_ns, enum ul_kind kind, const char *name,
		 int64_t bytes, int64_t objects)
{
	ul_ledger_init(ledger);
	ledger->monotonic_ns = time_ns;
	OK(ul_ledger_add(ledger, kind, name, bytes, objects, false));
}

/** Areas of 8 KiB lost at 4 a second, beside 25 that loading adds (@p loaded), or takes away. */
static struct ul_series *areas(struct ul_series_set *set, int64_t loaded, struct ul_ledger *before,
			       struct ul_ledger *after)
{
	enum { AREA = 8192, PER_S = 4, BASE = 100 };
	struct ul_series *series = NULL;
	OK(ul_series_set_get(set, UL_KIND_VMALLOC, "bpf_map_area_alloc", &series));
	for (int i = 0; i < SAMPLES; i++) {
		const int64_t lost = BASE + PER_S * (time_of(i) / UL_NS_PER_S - 1000);
		const int64_t all = lost + (i >= LOADED_AT ? loaded : 0);
		OK(ul_series_add(series, time_of(i), all * AREA, all));
	}
	const int64_t at = time_of(LOADED_AT) / UL_NS_PER_S - 1000;
	area(before, time_of(LOADED_AT - 1), UL_KIND_VMALLOC, series->name,
	     (BASE + PER_S * (at - LOADING_S - 1)) * AREA, BASE + PER_S * (at - LOADING_S - 1));
	area(after, time_of(LOADED_AT), UL_KIND_VMALLOC, series->name,
	     (BASE + PER_S * at + loaded) * AREA, BASE + PER_S * at + loaded);
	return series;
}

static void a_leak_of_areas_goes_on_as_if_nothing_had_been_loaded(void **state)
{
	(void)state;
	for (int64_t loaded = -25; loaded <= 25; loaded += 25) {
		struct ul_series_set *set UL_CLEANUP_SERIES_SET = ul_series_set_create();
		UL_CLEANUP_LEDGER struct ul_ledger before;
		UL_CLEANUP_LEDGER struct ul_ledger after;
		assert_non_null(set);
		const struct ul_series *series = areas(set, loaded, &before, &after);
		assert_int_equal(ul_loading_leave_out_areas(set, &before, &after),
				 loaded > 0 ? loaded * 8192 : 0);
		for (int i = 0; i < SAMPLES; i++) {
			const int64_t lost = 100 + 4 * (time_of(i) / UL_NS_PER_S - 1000);
			assert_int_equal(series->samples.data[i].bytes, lost * 8192);
			assert_int_equal(series->samples.data[i].objects, lost);
		}
		assert_int_equal(verdict_of(series), UL_GROWTH_LEAK_LIKE);
	}
}

static void accounts_that_move_by_themselves_are_left_alone(void **state)
{
	(void)state;
	struct ul_series_set *set UL_CLEANUP_SERIES_SET = ul_series_set_create();
	UL_CLEANUP_LEDGER struct ul_ledger before;
	UL_CLEANUP_LEDGER struct ul_ledger after;
	struct ul_series *series = NULL;
	assert_non_null(set);
	OK(ul_series_set_get(set, UL_KIND_ANON, "anonymous", &series));
	OK(ul_series_add(series, time_of(LOADED_AT), 1000, -1));
	area(&before, time_of(0), UL_KIND_ANON, "anonymous", 100, -1);
	area(&after, time_of(LOADED_AT), UL_KIND_ANON, "anonymous", 1000, -1);
	assert_int_equal(ul_loading_leave_out_areas(set, &before, &after), 0);
	assert_int_equal(series->samples.data[0].bytes, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leak_that_fills_the_holes_of_the_loading_is_one),
		cmocka_unit_test(a_cache_that_only_the_loading_raised_does_not_grow),
		cmocka_unit_test(a_cache_that_shrinks_meanwhile_is_left_alone),
		cmocka_unit_test(no_more_is_left_out_than_there_is),
		cmocka_unit_test(a_cache_without_a_series_or_without_a_before_is_passed_over),
		cmocka_unit_test(a_leak_of_areas_goes_on_as_if_nothing_had_been_loaded),
		cmocka_unit_test(accounts_that_move_by_themselves_are_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
