// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a recording goes through: its writer killed, the disk full, the medium read-only, the file
 * cut or overwritten.
 */
#include "source/record/record_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "source/record/schema.h"

enum { KILLS = 20, SKIPPED = 77 };

/** Samples of cache-0 that can be read, each checked; -1: cannot be opened or read at all. */
static int readable_samples(const char *path)
{
	UL_CLEANUP_RECORD struct ul_record *record = NULL;
	UL_CLEANUP_ERROR struct ul_error *err = ul_record_open(path, &record);
	if (err) {
		assert_true(err->code == UL_ERR_BAD_DATA);
		return -1;
	}
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	assert_non_null(set);
	UL_CLEANUP_ERROR struct ul_error *read_err = ul_record_read_series(record, set);
	if (read_err) {
		assert_true(read_err->code == UL_ERR_BAD_DATA);
		return -1;
	}
	return fixture_check(set);
}

static void check_integrity(const char *path)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(statement, 0), "ok");
	sqlite3_finalize(statement);
	sqlite3_close(db);
}

/* Killed. */

/** Write samples from @p first on and tell through @p fd, after each, how many there are. */
static void write_until_killed(const char *path, int first, int fd)
{
	struct ul_record *record = NULL;
	if (ul_record_create(path, &fixture_kernel, true, &record))
		_exit(1);
	for (int i = first;; i++) {
		struct ul_ledger ledger;
		fixture_ledger(i, &ledger);
		if (ul_record_write_ledger(record, &ledger))
			_exit(1);
		ul_ledger_deinit(&ledger);
		const int done = i + 1;
		if (write(fd, &done, sizeof(done)) != (ssize_t)sizeof(done))
			_exit(1);
	}
}

/** Kill a writer after about @p us microseconds of writing; returns the samples it had reported. */
static int kill_a_writer(const char *path, int first, long us)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		close(ends[0]);
		write_until_killed(path, first, ends[1]);
	}
	close(ends[1]);
	int done = first;
	int next;
	struct timespec start;
	struct timespec now;
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &start), 0);
	bool running = true;
	while (read(ends[0], &next, sizeof(next)) == (ssize_t)sizeof(next)) {
		done = next;
		assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
		const long spent = (now.tv_sec - start.tv_sec) * 1000000L +
				   (now.tv_nsec - start.tv_nsec) / 1000;
		if (running && spent >= us) {
			kill(child, SIGKILL);
			running = false;
		}
	}
	close(ends[0]);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return done;
}

static void a_killed_writer_loses_nothing_it_had_written(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	int first = 0;
	uint32_t random = 12345;
	for (int i = 0; i < KILLS; i++) {
		random = random * 1664525 + 1013904223;
		const int reported = kill_a_writer(path, first, 1000 + random % 40000);
		assert_true(reported > first);
		const int samples = readable_samples(path);
		// The one in work when the signal came may be there too.
		assert_in_range(samples, reported, reported + 1);
		check_integrity(path);
		UL_CLEANUP_RECORD struct ul_record *record = NULL;
		struct ul_record_info info;
		OK(ul_record_open(path, &record));
		OK(ul_record_info(record, &info));
		assert_false(info.clean);
		assert_int_equal(info.samples, samples);
		first = samples;
	}
	fixture_samples(path, first, 1);
	assert_int_equal(readable_samples(path), first + 1);
}

/* Full. */

/** Write samples from *@p next until one fails, and check how; all before it are in the file. */
static void write_until_full(struct ul_record *record, int *next, int limit)
{
	UL_CLEANUP_ERROR struct ul_error *err = NULL;
	for (; !err && *next < limit; ++*next) {
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		fixture_ledger(*next, &ledger);
		err = ul_record_write_ledger(record, &ledger);
	}
	if (!err)
		fail_msg("no sample failed");
	--*next;
	assert_true(err && err->code == UL_ERR_OS);
	assert_true(err && (err->errno_value == EFBIG || err->errno_value == ENOSPC));
	assert_true(err && strstr(err->message, "a.ullage"));
	assert_true(err && err->hint && strstr(err->hint, "free space"));
}

/** A file with @p bytes in the way, so that the disk is full soon. */
static void fill_up(const char *path, long bytes)
{
	UL_CLEANUP_CLOSE const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	static const char zeros[4096];
	for (long written = 0; written < bytes; written += (long)sizeof(zeros))
		if (write(fd, zeros, sizeof(zeros)) < 0)
			return;
}

/** In a child with a mount namespace of its own: whether @p dir is now a tmpfs of @p options. */
static bool own_tmpfs(const char *dir, const char *options)
{
	return !unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("ullage-test", dir, "tmpfs", 0, options);
}

static void full_disk(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	const char *ballast = fixture_path(state, "ballast");
	int next = 0;
	UL_CLEANUP_RECORD struct ul_record *record = fixture_create(path, true);
	fixture_write(record, 0, 10);
	next = 10;
	fill_up(ballast, 1 << 20);
	write_until_full(record, &next, 5000);
	assert_int_equal(readable_samples(path), next);
	const int missed = next;
	write_until_full(record, &next, next + 1);
	assert_int_equal(unlink(ballast), 0);
	// The sample that did not fit is missing, as are those of that time; the rest goes on.
	fixture_write(record, missed + 5, 20);
	assert_int_equal(readable_samples(path), missed + 20);
	check_integrity(path);
}

/** Run @p body in a child with a tmpfs on the scratch directory; skips the test without one. */
static void in_tmpfs(void **state, const char *options, void (*body)(void **state))
{
	fflush(stdout);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		if (!own_tmpfs(*state, options))
			_exit(SKIPPED);
		// A failed assertion must end the child, not go on with the parent's next test.
		const struct CMUnitTest test = {"in a tmpfs", body, NULL, NULL, *state};
		_exit(_cmocka_run_group_tests("child", &test, 1, NULL, NULL) ? 1 : 0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_full_disk_costs_only_the_samples_of_its_time(void **state)
{
	in_tmpfs(state, "size=512k", full_disk);
}

static void a_limit_on_file_sizes_is_told_and_survived(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	struct rlimit old;
	int next = 10;
	UL_CLEANUP_RECORD struct ul_record *record = fixture_create(path, true);
	fixture_write(record, 0, next);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_IGN);
	const struct rlimit small = {.rlim_cur = 256 * 1024, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	write_until_full(record, &next, 5000);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(readable_samples(path), next);
	fixture_write(record, next, 20);
	assert_int_equal(readable_samples(path), next + 20);
	check_integrity(path);
}

static void no_room_for_a_new_recording_leaves_no_file(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	struct rlimit old;
	struct ul_record *record = NULL;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_IGN);
	const struct rlimit small = {.rlim_cur = 8192, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	UL_CLEANUP_ERROR struct ul_error *err =
		ul_record_create(path, &fixture_kernel, false, &record);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_non_null(err);
	assert_int_equal(err->code, UL_ERR_OS);
	assert_null(record);
	assert_int_equal(access(path, F_OK), -1);
}

/* Read-only. */

static void make_read_only(const char *dir)
{
	assert_int_equal(mount("none", dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
}

static void closed_and_read_only(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	struct ul_record *writer = NULL;
	fixture_samples(path, 0, 30);
	make_read_only(*state);
	assert_int_equal(readable_samples(path), 30);
	UL_CLEANUP_ERROR struct ul_error *err =
		ul_record_create(path, &fixture_kernel, true, &writer);
	assert_non_null(err);
	assert_int_equal(err->errno_value, EROFS);
	UL_CLEANUP_ERROR struct ul_error *fresh =
		ul_record_create(fixture_path(state, "b.ullage"), &fixture_kernel, false, &writer);
	assert_non_null(fresh);
	assert_int_equal(fresh->errno_value, EROFS);
}

static void killed_and_read_only(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	fixture_samples(path, 0, 30);
	const int written = kill_a_writer(path, 30, 2000);
	assert_int_equal(unlink(fixture_path(state, "a.ullage-shm")), 0);
	make_read_only(*state);
	UL_CLEANUP_RECORD struct ul_record *record = NULL;
	OK(ul_record_open(path, &record));
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	assert_non_null(set);
	OK(ul_record_read_series(record, set));
	assert_in_range(fixture_check(set), 30, written + 1);
	struct ul_losses losses = {0};
	OK(ul_record_read_losses(record, &losses));
	assert_int_equal(losses.items.len, 1);
	assert_non_null(strstr(losses.items.data[0].what, "a.ullage-wal"));
	ul_losses_deinit(&losses);
}

static void a_closed_recording_is_read_from_a_read_only_medium(void **state)
{
	in_tmpfs(state, "size=4m", closed_and_read_only);
}

static void a_log_on_a_read_only_medium_is_a_loss(void **state)
{
	in_tmpfs(state, "size=4m", killed_and_read_only);
}

/* Damaged. */

static off_t size_of(const char *path)
{
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	return status.st_size;
}

static void what_a_cut_file_still_holds_is_read_with_a_loss(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	fixture_samples(path, 0, 3000);
	int before = 3000;
	int partly = 0;
	for (off_t size = size_of(path) - 1; size > 0; size -= 4096 * 2 + 11) {
		assert_int_equal(truncate(path, size), 0);
		const int samples = readable_samples(path);
		assert_true(samples <= before);
		if (samples > 0)
			before = samples;
		partly += samples > 0 && samples < 3000;
	}
	assert_true(partly > 3);
}

static void a_damaged_page_costs_samples_up_to_the_next_full_one(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	const char *copy = fixture_path(state, "b.ullage");
	enum { SAMPLES = 4 * UL_RECORD_FULL_EVERY };
	fixture_samples(path, 0, SAMPLES);
	UL_CLEANUP_CLOSE const int from = open(path, O_RDONLY | O_CLOEXEC);
	const size_t size = (size_t)size_of(path);
	UL_CLEANUP_FREE char *bytes = malloc(size);
	assert_true(bytes && read(from, bytes, size) == (ssize_t)size);
	int worst = SAMPLES;
	for (size_t page = 30; page < size / 4096; page++) {
		UL_CLEANUP_CLOSE const int fd =
			open(copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		assert_int_equal(write(fd, bytes, size), (ssize_t)size);
		char spoiled[4096];
		memset(spoiled, 0xa5, sizeof(spoiled));
		assert_int_equal(pwrite(fd, spoiled, sizeof(spoiled), (off_t)page * 4096), 4096);
		const int samples = readable_samples(copy);
		assert_true(samples >= 0);
		if (samples < worst)
			worst = samples;
	}
	assert_in_range(worst, SAMPLES - 2 * UL_RECORD_FULL_EVERY, SAMPLES - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_killed_writer_loses_nothing_it_had_written),
		TEST(a_full_disk_costs_only_the_samples_of_its_time),
		TEST(a_limit_on_file_sizes_is_told_and_survived),
		TEST(no_room_for_a_new_recording_leaves_no_file),
		TEST(a_closed_recording_is_read_from_a_read_only_medium),
		TEST(a_log_on_a_read_only_medium_is_a_loss),
		TEST(what_a_cut_file_still_holds_is_read_with_a_loss),
		TEST(a_damaged_page_costs_samples_up_to_the_next_full_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
