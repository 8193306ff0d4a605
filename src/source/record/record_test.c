// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/record/record_fixture.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

/* Going on with a recording. */

static void appending_goes_on_in_the_same_series(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	fixture_samples(path, 0, 4);
	fixture_samples(path, 10, 4);
	UL_CLEANUP_RECORD struct ul_record *record = fixture_open(path);
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = fixture_read(record);
	assert_int_equal(fixture_check(set), 8);
	assert_int_equal(ul_series_set_len(set), 2 + FIXTURE_CACHES + 1);
}

static void after_a_restart_of_the_machine_the_wall_clock_gives_the_gap(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	fixture_samples(path, 0, 2);
	{
		UL_CLEANUP_RECORD struct ul_record *record = fixture_create(path, true);
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		fixture_ledger(101, &ledger);
		ledger.monotonic_ns = 20 * UL_NS_PER_S;
		OK(ul_record_write_ledger(record, &ledger));
		ledger.monotonic_ns++;
		OK(ul_record_write_ledger(record, &ledger));
	}
	UL_CLEANUP_RECORD struct ul_record *record = fixture_open(path);
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = fixture_read(record);
	const struct ul_series *series = ul_series_set_find(set, UL_KIND_FREE, "free");
	assert_int_equal(series->samples.len, 4);
	assert_int_equal(series->samples.data[2].time_ns, 5101 * UL_NS_PER_S);
	assert_int_equal(series->samples.data[3].time_ns, 5101 * UL_NS_PER_S + 1);
}

static void a_sample_that_is_not_later_or_not_balanced_is_refused(void **state)
{
	UL_CLEANUP_RECORD struct ul_record *record =
		fixture_create(fixture_path(state, "a.ullage"), false);
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	fixture_ledger(1, &ledger);
	OK(ul_record_write_ledger(record, &ledger));
	FAILS(UL_ERR_BAD_DATA, "not later", ul_record_write_ledger(record, &ledger));
	ledger.monotonic_ns++;
	ledger.unaccounted.bytes++;
	FAILS(UL_ERR_BAD_DATA, "not balanced", ul_record_write_ledger(record, &ledger));
	ul_ledger_close(&ledger, 0, 0);
	OK(ul_record_write_ledger(record, &ledger));
}

/* Which boot it is of. */

static void create_of_boot(const char *path, const char *boot_id)
{
	struct ul_kernel kernel = fixture_kernel;
	UL_CLEANUP_RECORD struct ul_record *record = NULL;
	ul_text_copy(kernel.boot_id, sizeof(kernel.boot_id), boot_id);
	OK(ul_record_create(path, &kernel, true, &record));
}

static void check_boot(const char *path, const char *boot_id)
{
	struct ul_record_info info;
	UL_CLEANUP_RECORD struct ul_record *record = fixture_open(path);
	OK(ul_record_info(record, &info));
	assert_string_equal(info.kernel.boot_id, boot_id);
	assert_string_equal(info.kernel.release, fixture_kernel.release);
}

static void the_boot_is_that_of_the_last_session_or_not_known(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	create_of_boot(path, ""); // as an older version did, which had no table of boots
	check_boot(path, "");
	create_of_boot(path, "3f2b8c1e-0a77-4d15-9b6e-c0ffee123456");
	check_boot(path, "3f2b8c1e-0a77-4d15-9b6e-c0ffee123456");
	create_of_boot(path, "");
	check_boot(path, "");
}

/* Files that are not what they should be, and who may open what. */

static void spoil(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void write_text(const char *path, const char *text)
{
	UL_CLEANUP_FCLOSE FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

static void foreign_files_are_refused_and_left_alone(void **state)
{
	struct ul_record *record = NULL;
	const char *text = fixture_path(state, "text");
	const char *other = fixture_path(state, "other.db");
	write_text(text, "slabinfo - version: 2.1, which is longer than the sixteen bytes of a "
			 "header and is not one\n");
	spoil(other, "CREATE TABLE t(a); PRAGMA application_id = 17");
	FAILS(UL_ERR_BAD_DATA, "not an ullage recording", ul_record_open(text, &record));
	FAILS(UL_ERR_BAD_DATA, "not an ullage recording", ul_record_open(other, &record));
	FAILS(UL_ERR_OS, "missing", ul_record_open(fixture_path(state, "missing"), &record));
	FAILS(UL_ERR_BAD_DATA, "regular", ul_record_open(*state, &record));
	for (int append = 0; append < 2; append++) {
		FAILS(UL_ERR_USAGE, "not an ullage recording",
		      ul_record_create(text, &fixture_kernel, append, &record));
		FAILS(UL_ERR_USAGE, "not an ullage recording",
		      ul_record_create(other, &fixture_kernel, append, &record));
	}
	struct stat status;
	assert_int_equal(stat(text, &status), 0);
	assert_int_equal(status.st_size, 91);
	assert_null(record);
}

static void a_newer_schema_is_refused_in_words(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	struct ul_record *record = NULL;
	fixture_samples(path, 0, 2);
	spoil(path, "PRAGMA user_version = 2");
	FAILS(UL_ERR_UNSUPPORTED, "newer ullage", ul_record_open(path, &record));
	FAILS(UL_ERR_UNSUPPORTED, "newer ullage",
	      ul_record_create(path, &fixture_kernel, true, &record));
}

static void an_existing_recording_is_not_overwritten(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	struct ul_record *record = NULL;
	fixture_samples(path, 0, 2);
	FAILS(UL_ERR_USAGE, "exists already",
	      ul_record_create(path, &fixture_kernel, false, &record));
	UL_CLEANUP_RECORD struct ul_record *reader = fixture_open(path);
	FAILS(UL_ERR_USAGE, "reading only", ul_record_write_document(reader, "find", "{}"));
}

static void a_second_writer_is_kept_out(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	struct ul_record *second = NULL;
	{
		UL_CLEANUP_RECORD struct ul_record *first = fixture_create(path, false);
		fixture_write(first, 0, 2);
		FAILS(UL_ERR_USAGE, "another ullage is writing it",
		      ul_record_create(path, &fixture_kernel, true, &second));
		fixture_write(first, 2, 2);
	}
	fixture_samples(path, 4, 2);
	UL_CLEANUP_RECORD struct ul_record *reader = fixture_open(path);
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = fixture_read(reader);
	assert_int_equal(fixture_check(set), 6);
	assert_int_equal(access(fixture_path(state, "a.ullage-lock"), F_OK), -1);
	assert_int_equal(access(fixture_path(state, "a.ullage-wal"), F_OK), -1);
}

static void a_reader_sees_each_sample_as_it_is_written(void **state)
{
	const char *path = fixture_path(state, "a.ullage");
	UL_CLEANUP_RECORD struct ul_record *writer = fixture_create(path, false);
	fixture_write(writer, 0, 1);
	UL_CLEANUP_RECORD struct ul_record *reader = fixture_open(path);
	for (int i = 1; i < 10; i++) {
		fixture_write(writer, i, 1);
		UL_CLEANUP_SERIES_SET struct ul_series_set *set = fixture_read(reader);
		assert_int_equal(fixture_check(set), i + 1);
	}
}

static void odd_file_names_are_only_names(void **state)
{
	static const char *const names[] = {":memory:", "file:x?mode=memory", "100%25.ullage"};
	char before[PATH_MAX];
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(*state), 0);
	for (size_t i = 0; i < UL_ARRAY_LEN(names); i++) {
		fixture_samples(names[i], 0, 1);
		assert_int_equal(access(fixture_path(state, names[i]), F_OK), 0);
		ul_record_destroy(fixture_open(names[i]));
	}
	assert_int_equal(chdir(before), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(appending_goes_on_in_the_same_series),
		TEST(after_a_restart_of_the_machine_the_wall_clock_gives_the_gap),
		TEST(a_sample_that_is_not_later_or_not_balanced_is_refused),
		TEST(the_boot_is_that_of_the_last_session_or_not_known),
		TEST(foreign_files_are_refused_and_left_alone),
		TEST(a_newer_schema_is_refused_in_words),
		TEST(an_existing_recording_is_not_overwritten),
		TEST(a_second_writer_is_kept_out),
		TEST(a_reader_sees_each_sample_as_it_is_written),
		TEST(odd_file_names_are_only_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
