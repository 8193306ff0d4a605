// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/record/record_fixture.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "source/record/schema.h"

enum { MINUTE = 60, HOUR = 3600, BLOCK = UL_RECORD_FULL_EVERY };

/** One a minute after half an hour, one in ten minutes after two hours. */
static struct ul_retention quick(void)
{
	return (struct ul_retention){
		.tiers = {{30 * MINUTE * UL_NS_PER_S, MINUTE * UL_NS_PER_S},
			  {2 * HOUR * UL_NS_PER_S, 10 * MINUTE * UL_NS_PER_S}},
	};
}

static struct ul_record *thinning(const char *path, bool append,
				  const struct ul_retention *retention)
{
	struct ul_record *record = fixture_create(path, append);
	OK(ul_record_set_retention(record, retention));
	return record;
}

static int64_t ask(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	const int64_t value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}

static const struct ul_loss *loss_like(const struct ul_losses *losses, const char *words)
{
	ul_vec_foreach (loss, &losses->items)
		if (strstr(loss->what, words))
			return loss;
	return NULL;
}

/** Number of seconds of sample @p at of cache-0. */
static int64_t second_of(const struct ul_series *series, size_t at)
{
	return series->samples.data[at].time_ns / UL_NS_PER_S - 5000;
}

static void old_samples_are_thinned_and_new_ones_are_not(void **state)
{
	const char *path = fixture_path(state, "thin.ullage");
	const struct ul_retention retention = quick();
	const int written = 4 * HOUR;
	struct ul_record *writer = thinning(path, false, &retention);
	fixture_write(writer, 0, written);
	ul_record_destroy(writer);

	UL_CLEANUP_RECORD struct ul_record *record = fixture_open(path);
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	UL_CLEANUP(ul_losses_deinit) struct ul_losses losses = {0};
	struct ul_record_info info;
	OK(ul_record_info(record, &info));
	OK(ul_record_read_series(record, set));
	OK(ul_record_read_losses(record, &losses));
	assert_null(loss_like(&losses, "damaged"));
	const int kept = fixture_check(set); // every value is the one measured at that second
	assert_int_equal(kept, info.samples);
	assert_int_equal(kept, ask(path, "SELECT count(*) FROM sample"));
	const struct ul_series *series = ul_series_set_find(set, UL_KIND_SLAB, "cache-0");
	int fine = 0;
	int minutes = 0;
	int tens = 0;
	for (size_t i = 1; i < series->samples.len; i++) {
		const int64_t step = second_of(series, i) - second_of(series, i - 1);
		fine += step == 1;
		minutes += step > 20 && step <= MINUTE;
		tens += step > 5 * MINUTE && step <= 10 * MINUTE;
	}
	// Half an hour whole, blocks being ten minutes; then 90 minutes of minutes; two hours of
	// tens.
	assert_in_range(fine, 30 * MINUTE, 50 * MINUTE);
	assert_in_range(minutes, 70, 110);
	assert_in_range(tens, 10, 13);
	assert_int_equal(second_of(series, 0), 0);
	assert_int_equal(second_of(series, series->samples.len - 1), written - 1);
	const struct ul_loss *minute = loss_like(&losses, "one in 1 min is kept");
	const struct ul_loss *ten = loss_like(&losses, "one in 10 min is kept");
	assert_non_null(minute);
	assert_non_null(ten);
	assert_int_equal((uint64_t)kept + minute->count + ten->count, written);
}

static void any_moment_of_a_thinned_recording_can_be_read(void **state)
{
	const char *path = fixture_path(state, "moment.ullage");
	const struct ul_retention retention = quick();
	struct ul_record *writer = thinning(path, false, &retention);
	fixture_write(writer, 0, 3 * HOUR);
	ul_record_destroy(writer);
	UL_CLEANUP_RECORD struct ul_record *record = fixture_open(path);
	static const int seconds[] = {0, 1, 700, 3 * 1200 + 7, 2 * HOUR, 3 * HOUR - 1};
	for (size_t i = 0; i < UL_ARRAY_LEN(seconds); i++) {
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		ul_ledger_init(&ledger);
		OK(ul_record_read_ledger_at(
			record, 1700000000LL * UL_NS_PER_S + seconds[i] * UL_NS_PER_S + 7,
			&ledger));
		const int64_t got = ledger.monotonic_ns / UL_NS_PER_S - 5000;
		assert_in_range(got, seconds[i] > BLOCK ? seconds[i] - BLOCK : 0, seconds[i]);
		const struct ul_account *account = ul_ledger_find(&ledger, UL_KIND_SLAB, "cache-0");
		assert_int_equal(account->bytes, fixture_bytes((int)got));
		assert_true(ul_ledger_balanced(&ledger));
	}
}

static void a_recording_gone_on_with_is_thinned_on(void **state)
{
	const char *path = fixture_path(state, "again.ullage");
	const struct ul_retention retention = quick();
	for (int session = 0; session < 3; session++) {
		struct ul_record *writer = thinning(path, session > 0, &retention);
		fixture_write(writer, session * (HOUR + 100), HOUR);
		ul_record_destroy(writer);
	}
	UL_CLEANUP_RECORD struct ul_record *record = fixture_open(path);
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	UL_CLEANUP(ul_losses_deinit) struct ul_losses losses = {0};
	OK(ul_record_read_series(record, set));
	OK(ul_record_read_losses(record, &losses));
	assert_null(loss_like(&losses, "damaged"));
	assert_in_range(fixture_check(set), HOUR / 2, HOUR);
}

static void a_size_is_kept_to_and_the_oldest_goes_last(void **state)
{
	const char *path = fixture_path(state, "small.ullage");
	struct ul_retention retention = quick();
	struct stat status;
	retention.max_bytes = 160 * 1024;
	struct ul_record *writer = thinning(path, false, &retention);
	for (int i = 0; i < 10; i++) {
		fixture_write(writer, i * HOUR, HOUR);
		assert_int_equal(stat(path, &status), 0);
		assert_in_range(status.st_size, 1, retention.max_bytes);
	}
	ul_record_destroy(writer);
	UL_CLEANUP_RECORD struct ul_record *record = fixture_open(path);
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	UL_CLEANUP(ul_losses_deinit) struct ul_losses losses = {0};
	OK(ul_record_read_series(record, set));
	OK(ul_record_read_losses(record, &losses));
	assert_null(loss_like(&losses, "damaged"));
	assert_true(fixture_check(set) > 100);
	assert_non_null(loss_like(&losses, "thinned out"));
}

static void what_is_too_old_is_removed_and_counted(void **state)
{
	const char *path = fixture_path(state, "young.ullage");
	struct ul_retention retention = quick();
	retention.max_age_ns = HOUR * UL_NS_PER_S;
	struct ul_record *writer = thinning(path, false, &retention);
	fixture_write(writer, 0, 3 * HOUR);
	ul_record_destroy(writer);
	UL_CLEANUP_RECORD struct ul_record *record = fixture_open(path);
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	UL_CLEANUP(ul_losses_deinit) struct ul_losses losses = {0};
	struct ul_record_info info;
	OK(ul_record_info(record, &info));
	OK(ul_record_read_series(record, set));
	OK(ul_record_read_losses(record, &losses));
	const struct ul_series *series = ul_series_set_find(set, UL_KIND_SLAB, "cache-0");
	assert_int_equal(fixture_check(set), info.samples);
	assert_in_range(second_of(series, 0), 2 * HOUR - 2 * BLOCK, 2 * HOUR);
	const struct ul_loss *removed = loss_like(&losses, "removed");
	assert_non_null(removed);
	assert_int_equal(removed->count, second_of(series, 0));
}

static void write_with_process(struct ul_record *record, int number, int pid)
{
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	fixture_ledger(number, &ledger);
	const struct ul_process always = {
		.pid = 1, .comm = "init", .start_ticks = 1, .rss_bytes = 1 << 20};
	const struct ul_process one = {.pid = pid,
				       .comm = "worker",
				       .start_ticks = (uint64_t)pid,
				       .rss_bytes = (uint64_t)FIXTURE_TOTAL / 8,
				       .pss_bytes = 4096,
				       .has_pss = true};
	assert_true(ul_vec_push(&ledger.processes, always));
	assert_true(ul_vec_push(&ledger.processes, one));
	OK(ul_record_write_ledger(record, &ledger));
}

/** A process a second for three hours: only those in samples that are kept may remain. */
static void series_of_processes_between_kept_samples_are_removed(void **state)
{
	const char *path = fixture_path(state, "processes.ullage");
	const struct ul_retention retention = quick();
	struct ul_record *writer = thinning(path, false, &retention);
	for (int i = 0; i < 3 * HOUR; i++)
		write_with_process(writer, i, 100 + i);
	ul_record_destroy(writer);
	const int64_t samples = ask(path, "SELECT count(*) FROM sample");
	const int64_t processes = ask(path, "SELECT count(*) FROM series WHERE kind = 13");
	assert_in_range(processes, samples, samples + BLOCK);
	UL_CLEANUP_RECORD struct ul_record *record = fixture_open(path);
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	OK(ul_record_read_series(record, set));
	assert_int_equal(fixture_check(set), samples);
}

/** Losses that came between kept samples, and the sets that nobody refers to any more. */
static void the_losses_of_a_sample_left_out_hold_for_the_next(void **state)
{
	const char *path = fixture_path(state, "losses.ullage");
	const struct ul_retention retention = quick();
	struct ul_record *writer = thinning(path, false, &retention);
	for (int i = 0; i < HOUR + BLOCK; i++) {
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		fixture_ledger(i, &ledger);
		OK(ul_losses_add(&ledger.losses, UL_BIAS_UNDER, (uint64_t)(i / 10), "tenth"));
		OK(ul_record_write_ledger(writer, &ledger));
	}
	ul_record_destroy(writer);
	UL_CLEANUP_RECORD struct ul_record *record = fixture_open(path);
	for (int second = 5; second < 20 * MINUTE; second += 97) {
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		ul_ledger_init(&ledger);
		OK(ul_record_read_ledger_at(
			record, 1700000000LL * UL_NS_PER_S + second * UL_NS_PER_S + 7, &ledger));
		const int64_t at = ledger.monotonic_ns / UL_NS_PER_S - 5000;
		const struct ul_loss *loss = loss_like(&ledger.losses, "tenth");
		assert_non_null(loss);
		assert_int_equal(loss->count, at / 10);
	}
	assert_int_equal(ask(path, "SELECT count(*) FROM loss WHERE id NOT IN"
				   " (SELECT losses FROM sample WHERE losses NOT NULL)"),
			 0);
}

static void a_writer_killed_while_thinning_leaves_a_whole_recording(void **state)
{
	const char *path = fixture_path(state, "killed.ullage");
	for (int round = 0; round < 5; round++) {
		unlink(path);
		const pid_t child = fork();
		assert_true(child >= 0);
		if (!child) {
			const struct ul_retention retention = quick();
			struct ul_record *writer = thinning(path, false, &retention);
			for (int i = 0;; i++)
				fixture_write(writer, i, 1);
		}
		// Past the first blocks to thin, at another place each time.
		for (int64_t size = 0; size < (3 + round) * BLOCK;) {
			usleep(20000);
			struct stat status;
			if (!stat(path, &status) && status.st_size > 4096)
				size = ask(path, "SELECT coalesce(max(id), 0) FROM sample");
		}
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
		UL_CLEANUP_RECORD struct ul_record *record = fixture_open(path);
		UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
		UL_CLEANUP(ul_losses_deinit) struct ul_losses losses = {0};
		struct ul_record_info info;
		OK(ul_record_info(record, &info));
		OK(ul_record_read_series(record, set));
		OK(ul_record_read_losses(record, &losses));
		assert_null(loss_like(&losses, "damaged"));
		assert_int_equal(fixture_check(set), info.samples);
	}
}

static void a_damaged_block_stays_and_the_others_are_thinned(void **state)
{
	const char *path = fixture_path(state, "damaged.ullage");
	const struct ul_retention retention = quick();
	struct ul_record *writer = fixture_create(path, false);
	fixture_write(writer, 0, HOUR);
	ul_record_destroy(writer);
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "UPDATE sample SET data = x'00' WHERE id = 50", NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	writer = thinning(path, true, &retention);
	fixture_write(writer, HOUR, HOUR);
	ul_record_destroy(writer);
	assert_int_equal(ask(path, "SELECT count(*) FROM sample WHERE id <= 600"), BLOCK);
	assert_in_range(ask(path, "SELECT count(*) FROM sample WHERE id > 600 AND id <= 1200"), 10,
			12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_samples_are_thinned_and_new_ones_are_not),
		cmocka_unit_test(any_moment_of_a_thinned_recording_can_be_read),
		cmocka_unit_test(a_recording_gone_on_with_is_thinned_on),
		cmocka_unit_test(a_size_is_kept_to_and_the_oldest_goes_last),
		cmocka_unit_test(what_is_too_old_is_removed_and_counted),
		cmocka_unit_test(series_of_processes_between_kept_samples_are_removed),
		cmocka_unit_test(the_losses_of_a_sample_left_out_hold_for_the_next),
		cmocka_unit_test(a_writer_killed_while_thinning_leaves_a_whole_recording),
		cmocka_unit_test(a_damaged_block_stays_and_the_others_are_thinned),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
