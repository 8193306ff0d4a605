// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/record/record_fixture.h"

#include "source/record/schema.h"

/* Ledgers. */

static void add_cache(struct ul_ledger *ledger, const struct ul_cache *like, const char *name,
		      const char *alias)
{
	struct ul_cache *cache = ul_vec_add(&ledger->caches);
	if (!cache)
		abort();
	*cache = *like;
	assert_true(ul_text_set(&cache->name, name));
	assert_true(!alias || ul_cache_add_alias(cache, alias));
	assert_true(!alias || ul_cache_add_alias(cache, "second-alias"));
}

static void add_process(struct ul_ledger *ledger, const struct ul_process *like)
{
	assert_true(ul_vec_push(&ledger->processes, *like));
}

/** A ledger with something in every field. */
static void rich_ledger(int number, struct ul_ledger *ledger)
{
	fixture_ledger(number, ledger);
	const int64_t bytes = fixture_bytes(number);
	// As its account; slots as the geometry gives them.
	add_cache(ledger,
		  &(struct ul_cache){.bytes = (uint64_t)bytes,
				     .objects = (uint64_t)bytes / 64,
				     .objects_total = (uint64_t)bytes / 4096 * 64,
				     .object_size = 64,
				     .objects_per_slab = 64,
				     .pages_per_slab = 1},
		  "cache-0", "skbuff_head");
	// Unlike its account in each figure, and one that has no account; a name twice.
	add_cache(ledger,
		  &(struct ul_cache){
			  .bytes = 7, .objects = 9, .objects_total = 1, .reclaimable = true},
		  "cache-1", NULL);
	const struct ul_cache alone = {.bytes = 40960,
				       .objects = 3,
				       .objects_total = UINT32_MAX,
				       .object_size = UINT32_MAX,
				       .objects_per_slab = 1,
				       .pages_per_slab = UINT32_MAX};
	add_cache(ledger, &alone, "twice", "a");
	add_cache(ledger, &alone, "twice", "b");
	add_process(ledger,
		    &(struct ul_process){.pid = 321,
					 .comm = "postgres: writer",
					 .start_ticks = 99,
					 .rss_bytes = 9000000 + 4096ULL * (unsigned int)number,
					 .pss_bytes = 8000001,
					 .swap_bytes = 4096,
					 .has_pss = true});
	add_process(ledger,
		    &(struct ul_process){
			    .pid = 320, .comm = "cat", .start_ticks = 98, .rss_bytes = 1000000});
	add_process(ledger,
		    &(struct ul_process){
			    .pid = 2, .comm = "kthreadd", .start_ticks = 1, .kernel_thread = true});
	OK(ul_ledger_note(ledger, "Mapped", 123456789));
	OK(ul_ledger_note(ledger, "KReclaimable", 0));
	OK(ul_losses_add(&ledger->losses, UL_BIAS_OVER, (uint64_t)number, "processes that exited"));
	OK(ul_losses_add(&ledger->losses, UL_BIAS_UNDER, UINT64_MAX, "slabinfo may not be read"));
}

static void check_accounts(const struct ul_ledger *got, const struct ul_ledger *want)
{
	assert_int_equal(got->accounts.len, want->accounts.len);
	for (size_t i = 0; i < want->accounts.len; i++) {
		const struct ul_account *a = &got->accounts.data[i];
		const struct ul_account *b = &want->accounts.data[i];
		assert_string_equal(a->name, b->name);
		assert_int_equal(a->kind, b->kind);
		assert_int_equal(a->bytes, b->bytes);
		assert_int_equal(a->objects, b->objects);
		assert_int_equal(a->reclaimable, b->reclaimable);
	}
	assert_int_equal(got->unaccounted.bytes, want->unaccounted.bytes);
	assert_int_equal(got->unaccounted.low, want->unaccounted.low);
	assert_int_equal(got->unaccounted.high, want->unaccounted.high);
	assert_int_equal(got->notes.len, want->notes.len);
	for (size_t i = 0; i < want->notes.len; i++) {
		assert_string_equal(got->notes.data[i].name, want->notes.data[i].name);
		assert_int_equal(got->notes.data[i].bytes, want->notes.data[i].bytes);
	}
}

static void check_cache(const struct ul_cache *got, const struct ul_cache *want)
{
	assert_string_equal(got->name, want->name);
	assert_int_equal(got->aliases.len, want->aliases.len);
	for (size_t i = 0; i < want->aliases.len; i++)
		assert_string_equal(got->aliases.data[i], want->aliases.data[i]);
	assert_int_equal(got->bytes, want->bytes);
	assert_int_equal(got->objects, want->objects);
	assert_int_equal(got->objects_total, want->objects_total);
	assert_int_equal(got->object_size, want->object_size);
	assert_int_equal(got->objects_per_slab, want->objects_per_slab);
	assert_int_equal(got->pages_per_slab, want->pages_per_slab);
	assert_int_equal(got->reclaimable, want->reclaimable);
}

static void check_process(const struct ul_process *got, const struct ul_process *want)
{
	assert_int_equal(got->pid, want->pid);
	assert_string_equal(got->comm, want->comm);
	assert_int_equal(got->start_ticks, want->start_ticks);
	assert_int_equal(got->rss_bytes, want->rss_bytes);
	assert_int_equal(got->pss_bytes, want->pss_bytes);
	assert_int_equal(got->swap_bytes, want->swap_bytes);
	assert_int_equal(got->has_pss, want->has_pss);
	assert_int_equal(got->kernel_thread, want->kernel_thread);
}

static void check_ledger(const struct ul_ledger *got, const struct ul_ledger *want)
{
	assert_true(ul_ledger_balanced(got));
	assert_int_equal(got->time_ns, want->time_ns);
	assert_int_equal(got->monotonic_ns, want->monotonic_ns);
	assert_int_equal(got->mem_total, want->mem_total);
	check_accounts(got, want);
	assert_int_equal(got->caches.len, want->caches.len);
	for (size_t i = 0; i < want->caches.len; i++)
		check_cache(&got->caches.data[i], &want->caches.data[i]);
	assert_int_equal(got->processes.len, want->processes.len);
	for (size_t i = 0; i < want->processes.len; i++)
		check_process(&got->processes.data[i], &want->processes.data[i]);
	fixture_check_losses(&got->losses, &want->losses);
}

static void the_newest_ledger_comes_back_in_every_field(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	UL_CLEANUP_RECORD struct ul_record *writer = fixture_create(path, false);
	for (int i = 0; i < 5; i++) {
		UL_CLEANUP_LEDGER struct ul_ledger want;
		UL_CLEANUP_LEDGER struct ul_ledger got;
		rich_ledger(i, &want);
		OK(ul_record_write_ledger(writer, &want));
		ul_ledger_init(&got);
		UL_CLEANUP_RECORD struct ul_record *reader = fixture_open(path);
		OK(ul_record_read_ledger(reader, &got));
		check_ledger(&got, &want);
	}
}

static void metadata_that_changes_is_as_of_the_newest_sample(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	UL_CLEANUP_RECORD struct ul_record *record = fixture_create(path, false);
	for (int i = 0; i < 3; i++) {
		UL_CLEANUP_LEDGER struct ul_ledger want;
		UL_CLEANUP_LEDGER struct ul_ledger got;
		rich_ledger(i, &want);
		if (i > 0) {
			assert_true(ul_cache_add_alias(&want.caches.data[0], "merged-later"));
			want.caches.data[2].object_size = 128;
			ul_text_copy(want.processes.data[1].comm, 64, "after-exec");
			want.accounts.data[1].reclaimable = true;
		}
		if (i > 1) {
			want.processes.data[0].has_pss = false;
			want.processes.data[0].pss_bytes = 0;
		}
		OK(ul_record_write_ledger(record, &want));
		ul_ledger_init(&got);
		OK(ul_record_read_ledger(record, &got));
		check_ledger(&got, &want);
	}
}

static void check_series(const struct ul_series *got, const struct ul_series *want)
{
	assert_non_null(got);
	assert_string_equal(got->label, want->label);
	assert_int_equal(got->pid, want->pid);
	assert_int_equal(got->reclaimable, want->reclaimable);
	assert_int_equal(got->samples.len, want->samples.len);
	for (size_t i = 0; i < want->samples.len; i++) {
		assert_int_equal(got->samples.data[i].time_ns, want->samples.data[i].time_ns);
		assert_int_equal(got->samples.data[i].bytes, want->samples.data[i].bytes);
		assert_int_equal(got->samples.data[i].objects, want->samples.data[i].objects);
	}
}

static void series_are_what_the_ledgers_themselves_give(void **state)
{
	UL_CLEANUP_RECORD struct ul_record *record =
		fixture_create(fixture_path(state, "a.ullage"), false);
	UL_CLEANUP_SERIES_SET struct ul_series_set *want = ul_series_set_create();
	assert_non_null(want);
	// Beyond a full sample, with things that come and go.
	for (int i = 0; i < UL_RECORD_FULL_EVERY + 50; i++) {
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		rich_ledger(i, &ledger);
		if (i % 20 >= 13)
			ledger.processes.len = 2;
		if (i % 9 == 4) {
			OK(ul_ledger_add(&ledger, UL_KIND_VMALLOC, "bpf_prog_alloc", 4096 * i, i,
					 false));
			ul_ledger_close(&ledger, 0, 0);
		}
		OK(ul_record_write_ledger(record, &ledger));
		OK(ul_series_set_add_ledger(want, &ledger));
	}
	UL_CLEANUP_SERIES_SET struct ul_series_set *got = fixture_read(record);
	assert_int_equal(ul_series_set_len(got), ul_series_set_len(want));
	for (size_t i = 0; i < ul_series_set_len(want); i++) {
		const struct ul_series *series = ul_series_set_at(want, i);
		check_series(ul_series_set_find(got, series->kind, series->name), series);
	}
}

static void an_account_that_vanished_is_not_carried_on(void **state)
{
	UL_CLEANUP_RECORD struct ul_record *record =
		fixture_create(fixture_path(state, "a.ullage"), false);
	for (int i = 0; i < 6; i++) {
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		fixture_ledger(i, &ledger);
		if (i < 2 || i == 4)
			OK(ul_ledger_add(&ledger, UL_KIND_SLAB, "gone", 4096, 1, false));
		ul_ledger_close(&ledger, 0, 0);
		OK(ul_record_write_ledger(record, &ledger));
	}
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = fixture_read(record);
	const struct ul_series *gone = ul_series_set_find(set, UL_KIND_SLAB, "gone");
	assert_non_null(gone);
	assert_int_equal(gone->samples.len, 3);
	assert_int_equal(gone->samples.data[1].time_ns, 5001 * UL_NS_PER_S);
	assert_int_equal(gone->samples.data[2].time_ns, 5004 * UL_NS_PER_S);
}

/* Processes. */

/** 60 processes: pid 100 + i with (1000 - i) MiB, so that pids 150 ... 159 are below the top. */
static void crowd(int number, struct ul_ledger *ledger)
{
	fixture_ledger(number, ledger);
	for (int i = 0; i < 60; i++) {
		struct ul_process process = {
			.pid = 100 + i, .start_ticks = 5, .rss_bytes = (uint64_t)(1000 - i) << 20};
		snprintf(process.comm, sizeof(process.comm), "p%d", i);
		add_process(ledger, &process);
	}
}

static const struct ul_process *find_process(const struct ul_ledger *ledger, pid_t pid)
{
	ul_vec_foreach (process, &ledger->processes)
		if (process->pid == pid)
			return process;
	return NULL;
}

static void small_processes_are_recorded_once_they_change(void **state)
{
	UL_CLEANUP_RECORD struct ul_record *record =
		fixture_create(fixture_path(state, "a.ullage"), false);
	for (int i = 0; i < 4; i++) {
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		crowd(i, &ledger);
		if (i == 1) // not notable: 1 MiB to the byte
			ledger.processes.data[55].rss_bytes += 1 << 20;
		if (i >= 2) // notable; then held, though it moves a little
			ledger.processes.data[55].rss_bytes += (3 << 20) + (i == 3 ? 4096 : 0);
		OK(ul_record_write_ledger(record, &ledger));
	}
	UL_CLEANUP_LEDGER struct ul_ledger got;
	ul_ledger_init(&got);
	OK(ul_record_read_ledger(record, &got));
	assert_int_equal(got.processes.len, 51);
	assert_non_null(find_process(&got, 149));
	assert_null(find_process(&got, 150));
	const struct ul_process *grown = find_process(&got, 155);
	assert_true(grown && grown->rss_bytes == (1000ULL - 55 + 3) << 20);
	assert_int_equal(got.losses.items.len, 1);
	assert_int_equal(got.losses.items.data[0].count, 9);
	assert_int_equal(got.losses.items.data[0].bias, UL_BIAS_UNDER);
	struct ul_losses losses = {0};
	OK(ul_record_read_losses(record, &losses));
	assert_int_equal(losses.items.len, 1);
	assert_int_equal(losses.items.data[0].count, 10);
	ul_losses_deinit(&losses);
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = fixture_read(record);
	assert_int_equal(ul_series_set_find(set, UL_KIND_PROCESS, "155:5")->samples.len, 2);
	assert_null(ul_series_set_find(set, UL_KIND_PROCESS, "156:5"));
}

static void a_process_is_recorded_once_it_has_stayed_or_is_large(void **state)
{
	UL_CLEANUP_RECORD struct ul_record *record =
		fixture_create(fixture_path(state, "a.ullage"), false);
	for (int i = 0; i < 10; i++) {
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		rich_ledger(i, &ledger);
		const struct ul_process small = {.pid = 7, .comm = "cc1", .rss_bytes = 1 << 20};
		const struct ul_process large = {
			.pid = 8, .comm = "ld", .rss_bytes = FIXTURE_TOTAL / 64};
		if (i > 0) {
			add_process(&ledger, &small);
			add_process(&ledger, &large);
		}
		OK(ul_record_write_ledger(record, &ledger));
	}
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = fixture_read(record);
	// First seen at 1 s, stayed 5 s at 6 s: samples 6, 7, 8, 9.
	assert_int_equal(ul_series_set_find(set, UL_KIND_PROCESS, "7:0")->samples.len, 4);
	assert_int_equal(ul_series_set_find(set, UL_KIND_PROCESS, "8:0")->samples.len, 9);
}

static void samples_that_did_not_look_at_processes_leave_a_gap(void **state)
{
	UL_CLEANUP_RECORD struct ul_record *record =
		fixture_create(fixture_path(state, "a.ullage"), false);
	for (int i = 0; i < 5; i++) {
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		rich_ledger(i, &ledger);
		if (i == 1 || i == 2)
			ledger.processes.len = 0;
		OK(ul_record_write_ledger(record, &ledger));
	}
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = fixture_read(record);
	const struct ul_series *series = ul_series_set_find(set, UL_KIND_PROCESS, "320:98");
	assert_non_null(series);
	assert_int_equal(series->samples.len, 3);
	assert_int_equal(series->samples.data[1].time_ns, 5003 * UL_NS_PER_S);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_newest_ledger_comes_back_in_every_field),
		TEST(metadata_that_changes_is_as_of_the_newest_sample),
		TEST(series_are_what_the_ledgers_themselves_give),
		TEST(an_account_that_vanished_is_not_carried_on),
		TEST(small_processes_are_recorded_once_they_change),
		TEST(a_process_is_recorded_once_it_has_stayed_or_is_large),
		TEST(samples_that_did_not_look_at_processes_leave_a_gap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
