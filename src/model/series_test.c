// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/series.h"

static struct ul_series *get(struct ul_series_set *set, enum ul_kind kind, const char *name)
{
	struct ul_series *series = NULL;
	assert_null(ul_series_set_get(set, kind, name, &series));
	assert_non_null(series);
	return series;
}

static void a_series_is_found_by_kind_and_name(void **state)
{
	(void)state;
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	assert_null(ul_series_set_find(set, UL_KIND_SLAB, "dentry"));
	struct ul_series *slab = get(set, UL_KIND_SLAB, "dentry");
	struct ul_series *note = get(set, UL_KIND_NOTE, "dentry");
	assert_ptr_not_equal(slab, note);
	assert_ptr_equal(get(set, UL_KIND_SLAB, "dentry"), slab);
	assert_ptr_equal(ul_series_set_find(set, UL_KIND_NOTE, "dentry"), note);
	assert_null(ul_series_set_find(set, UL_KIND_SLAB, "dentr"));
	assert_int_equal(ul_series_set_len(set), 2);
	assert_ptr_equal(ul_series_set_at(set, 0), slab);
	assert_string_equal(slab->name, "dentry");
	assert_string_equal(slab->label, "dentry");
	assert_int_equal(slab->kind, UL_KIND_SLAB);
}

static void a_hundred_thousand_series_stay_where_they_are(void **state)
{
	(void)state;
	enum { COUNT = 100000 };
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	struct ul_series *first = get(set, UL_KIND_PROCESS, "0:0");
	char name[32];
	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "%d:%d", i, i * 7);
		get(set, UL_KIND_PROCESS, name);
	}
	assert_int_equal(ul_series_set_len(set), COUNT);
	assert_ptr_equal(ul_series_set_at(set, 0), first);
	for (int i = 0; i < COUNT; i += 997) {
		snprintf(name, sizeof(name), "%d:%d", i, i * 7);
		const struct ul_series *series = ul_series_set_find(set, UL_KIND_PROCESS, name);
		assert_ptr_equal(series, ul_series_set_at(set, (size_t)i));
		assert_string_equal(series->name, name);
	}
}

static void a_sample_not_after_the_last_is_refused(void **state)
{
	(void)state;
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	struct ul_series *series = get(set, UL_KIND_ANON, "anon");
	assert_null(ul_series_add(series, 10, 4096, -1));
	assert_null(ul_series_add(series, 11, 8192, -1));
	UL_CLEANUP_ERROR struct ul_error *same = ul_series_add(series, 11, 0, -1);
	assert_non_null(same);
	assert_int_equal(same->code, UL_ERR_BAD_DATA);
	assert_non_null(strstr(same->message, "anon"));
	UL_CLEANUP_ERROR struct ul_error *before = ul_series_add(series, 3, 0, -1);
	assert_non_null(before);
	assert_int_equal(series->samples.len, 2);
	assert_int_equal(series->samples.data[1].bytes, 8192);
}

static void add_process(struct ul_ledger *ledger, pid_t pid, const char *comm, uint64_t rss,
			bool kernel_thread)
{
	struct ul_process process = {
		.pid = pid,
		.start_ticks = 77,
		.rss_bytes = rss,
		.pss_bytes = 1,
		.has_pss = true,
		.kernel_thread = kernel_thread,
	};
	ul_text_copy(process.comm, sizeof(process.comm), comm);
	assert_true(ul_vec_push(&ledger->processes, process));
}

static void fill_ledger(struct ul_ledger *ledger, int64_t time_ns, int64_t slab, const char *comm)
{
	ledger->monotonic_ns = time_ns;
	ledger->mem_total = 1 << 20;
	assert_null(ul_ledger_add(ledger, UL_KIND_SLAB, "kmalloc-4k", slab, slab / 4096, false));
	assert_null(ul_ledger_add(ledger, UL_KIND_FILE, "cached", 4096, -1, true));
	assert_null(ul_ledger_note(ledger, "sock", 12));
	add_process(ledger, 42, comm, 1000 * 4096, false);
	add_process(ledger, 2, "kthreadd", 0, true);
	ul_ledger_close(ledger, 0, 0);
}

static void a_ledger_gives_one_sample_to_each_of_its_series(void **state)
{
	(void)state;
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	UL_CLEANUP_LEDGER struct ul_ledger one;
	UL_CLEANUP_LEDGER struct ul_ledger two;
	ul_ledger_init(&one);
	ul_ledger_init(&two);
	fill_ledger(&one, 1000, 8192, "bash");
	fill_ledger(&two, 2000, 12288, "cat");
	assert_null(ul_series_set_add_ledger(set, &one));
	assert_null(ul_series_set_add_ledger(set, &two));
	// Two accounts, the rest, one process, one note; the kernel thread owns nothing.
	assert_int_equal(ul_series_set_len(set), 5);
	const struct ul_series *slab = ul_series_set_find(set, UL_KIND_SLAB, "kmalloc-4k");
	assert_int_equal(slab->samples.len, 2);
	assert_int_equal(slab->samples.data[1].bytes, 12288);
	assert_int_equal(slab->samples.data[1].objects, 3);
	assert_int_equal(slab->samples.data[1].time_ns, 2000);
	assert_true(ul_series_set_find(set, UL_KIND_FILE, "cached")->reclaimable);
	const struct ul_series *rest = ul_series_set_find(set, UL_KIND_UNACCOUNTED, "unaccounted");
	assert_int_equal(rest->samples.data[0].bytes, (1 << 20) - 8192 - 4096);
	const struct ul_series *process = ul_series_set_find(set, UL_KIND_PROCESS, "42:77");
	assert_int_equal(process->pid, 42);
	assert_int_equal(process->samples.data[0].bytes, 1000 * 4096);
	assert_string_equal(process->label, "cat");
	assert_int_equal(ul_series_set_find(set, UL_KIND_NOTE, "sock")->samples.data[0].bytes, 12);
}

static void the_same_ledger_twice_is_bad_data(void **state)
{
	(void)state;
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	ul_ledger_init(&ledger);
	fill_ledger(&ledger, 1000, 8192, "bash");
	assert_null(ul_series_set_add_ledger(set, &ledger));
	UL_CLEANUP_ERROR struct ul_error *error = ul_series_set_add_ledger(set, &ledger);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_BAD_DATA);
}

static void sizes_beyond_63_bits_are_clamped(void **state)
{
	(void)state;
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	ul_ledger_init(&ledger);
	add_process(&ledger, 1, "init", UINT64_MAX, false);
	assert_null(ul_series_set_add_ledger(set, &ledger));
	const struct ul_series *series = ul_series_set_find(set, UL_KIND_PROCESS, "1:77");
	assert_true(series->samples.data[0].bytes == INT64_MAX);
}

static void destroying_nothing_is_fine(void **state)
{
	(void)state;
	ul_series_set_destroy(NULL);
	ul_series_set_destroy(ul_series_set_create());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_series_is_found_by_kind_and_name),
		cmocka_unit_test(a_hundred_thousand_series_stay_where_they_are),
		cmocka_unit_test(a_sample_not_after_the_last_is_refused),
		cmocka_unit_test(a_ledger_gives_one_sample_to_each_of_its_series),
		cmocka_unit_test(the_same_ledger_twice_is_bad_data),
		cmocka_unit_test(sizes_beyond_63_bits_are_clamped),
		cmocka_unit_test(destroying_nothing_is_fine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
