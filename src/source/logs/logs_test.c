// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/logs/logs_fixture.h"

#define SLABINFO(objects)                                                                          \
	"slabinfo - version: 2.1\n"                                                                \
	"# name <active_objs> ...\n"                                                               \
	"size-4096 " objects " " objects " 4096 1 1 : tunables 0 0 0 : slabdata " objects          \
	" " objects " 0\n"                                                                         \
	"dentry 10 20 192 21 1 : tunables 0 0 0 : slabdata 1 1 0\n"
#define MEMINFO(kb) "MemTotal: 1000 kB\nMemFree: " kb " kB\n"

static void texts_between_separators_are_snapshots(void **state)
{
	CLEANUP_READING struct reading r;
	reading_open(&r, SLABINFO("1") "===\n" SLABINFO("2") "===\n" SLABINFO("3") "===\n");
	assert_true(reading_next(&r));
	assert_true(part_is(&r, UL_LOG_PART_SLABINFO, SLABINFO("1")));
	assert_false(r.snapshot.has_time);
	assert_true(reading_next(&r));
	assert_true(part_is(&r, UL_LOG_PART_SLABINFO, SLABINFO("2")));
	assert_true(reading_next(&r));
	assert_false(reading_next(&r));
	assert_int_equal(ul_logs_losses(r.logs)->items.len, 0);
}

static void nothing_between_is_needed(void **state)
{
	CLEANUP_READING struct reading r;
	reading_open(&r, MEMINFO("1") SLABINFO("1") MEMINFO("2") SLABINFO("2"));
	assert_true(reading_next(&r));
	assert_true(part_is(&r, UL_LOG_PART_MEMINFO, MEMINFO("1")));
	assert_true(part_is(&r, UL_LOG_PART_SLABINFO, SLABINFO("1")));
	assert_true(reading_next(&r));
	assert_true(part_is(&r, UL_LOG_PART_MEMINFO, MEMINFO("2")));
	assert_false(reading_next(&r));
}

static void dates_before_date_what_follows(void **state)
{
	CLEANUP_READING struct reading r;
	reading_open(&r, "1700000000\n" MEMINFO("1") "1700000005\n" MEMINFO("2"));
	assert_true(reading_next(&r));
	assert_true(r.snapshot.has_time && r.snapshot.zoned);
	assert_int_equal(r.snapshot.time_ns, 1700000000 * UL_NS_PER_S);
	assert_true(reading_next(&r));
	assert_int_equal(r.snapshot.time_ns, 1700000005 * UL_NS_PER_S);
	assert_true(part_is(&r, UL_LOG_PART_MEMINFO, MEMINFO("2")));
	assert_false(reading_next(&r));
}

static void dates_behind_date_what_they_follow(void **state)
{
	static const char *const logs[] = {
		MEMINFO("1") "1700000000\n" MEMINFO("2") "1700000005\n",
		MEMINFO("1") "1700000000\n===\n" MEMINFO("2") "1700000005\n===\n",
		MEMINFO("1") "===\n1700000000\n" MEMINFO("2") "===\n1700000005\n",
		MEMINFO("1") "=== 1700000000 ===\n" MEMINFO("2") "=== 1700000005 ===\n",
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(logs); i++) {
		CLEANUP_READING struct reading r;
		reading_open(&r, logs[i]);
		for (int64_t n = 0; n < 2; n++) {
			assert_true(reading_next(&r));
			assert_true(r.snapshot.has_time);
			assert_int_equal(r.snapshot.time_ns, (1700000000 + 5 * n) * UL_NS_PER_S);
			assert_true(
				part_is(&r, UL_LOG_PART_MEMINFO, n ? MEMINFO("2") : MEMINFO("1")));
		}
		assert_false(reading_next(&r));
	}
}

static void a_clock_that_goes_back_is_the_next_day(void **state)
{
	CLEANUP_READING struct reading r;
	reading_open(&r, "23:59:50\n" MEMINFO("1") "00:00:10\n" MEMINFO("2"));
	assert_true(reading_next(&r));
	const int64_t first_ns = r.snapshot.time_ns;
	assert_true(reading_next(&r));
	assert_int_equal(r.snapshot.time_ns - first_ns, 20 * UL_NS_PER_S);
}

static void lines_cut_out_by_grep_are_told_by_the_first_cache(void **state)
{
	CLEANUP_READING struct reading r;
	reading_open(&r, "a 1 1 64 64 1 : tunables 0 0 0 : slabdata 1 1 0\n"
			 "b 1 1 64 64 1 : tunables 0 0 0 : slabdata 1 1 0\n"
			 "a 2 2 64 64 1 : tunables 0 0 0 : slabdata 1 1 0\n"
			 "b 2 2 64 64 1 : tunables 0 0 0 : slabdata 1 1 0\n");
	assert_true(reading_next(&r));
	assert_true(part_is(&r, UL_LOG_PART_SLABINFO,
			    "slabinfo - version: 2.1\n"
			    "a 1 1 64 64 1 : tunables 0 0 0 : slabdata 1 1 0\n"
			    "b 1 1 64 64 1 : tunables 0 0 0 : slabdata 1 1 0\n"));
	assert_true(reading_next(&r));
	assert_false(reading_next(&r));
}

static void a_log_cut_at_both_ends_loses_the_cut_snapshots_only(void **state)
{
	CLEANUP_READING struct reading r;
	reading_open(&r, "4 20 192 21 1 : tunables 0 0 0 : slabdata 1 1 0\n===\n" SLABINFO(
				 "1") "===\n" SLABINFO("2") "===\nslabinfo - version: 2.1\n# na");
	assert_true(reading_next(&r)); // the beginning, told by its separator only
	assert_true(reading_next(&r));
	assert_true(part_is(&r, UL_LOG_PART_SLABINFO, SLABINFO("1")));
	assert_true(reading_next(&r));
	assert_false(reading_next(&r));
	assert_int_equal(reading_loss(&r, "last snapshots"), 1);
}

static void a_cut_beginning_without_separator_is_left_out(void **state)
{
	CLEANUP_READING struct reading r;
	reading_open(&r, "y 4 20 192 21 1 : tunables 0 0 0 : slabdata 1 1 0\n" SLABINFO("1"));
	assert_true(reading_next(&r));
	assert_true(part_is(&r, UL_LOG_PART_SLABINFO, SLABINFO("1")));
	assert_false(reading_next(&r));
	assert_int_equal(reading_loss(&r, "first snapshots"), 1);
}

static void carriage_returns_do_no_harm(void **state)
{
	CLEANUP_READING struct reading r;
	reading_open(&r, "1700000000\r\nMemTotal: 1000 kB\r\nMemFree: 1 kB\r\n===\r\n");
	assert_true(reading_next(&r));
	assert_true(part_is(&r, UL_LOG_PART_MEMINFO, MEMINFO("1")));
	assert_true(r.snapshot.has_time);
}

static void junk_is_counted(void **state)
{
	CLEANUP_READING struct reading r;
	reading_open(&r, "$ cat /proc/meminfo\n" MEMINFO("1") "===\nhello\nworld\n" MEMINFO("2"));
	assert_true(reading_next(&r));
	assert_true(reading_next(&r));
	assert_false(reading_next(&r));
	assert_int_equal(reading_loss(&r, "nothing known"), 3);
}

static void slabtop_comes_as_a_ledger(void **state)
{
	CLEANUP_READING struct reading r;
	reading_open(&r, " Active / Total Objects (% used)    : 1 / 2 (50.0%)\n"
			 " Active / Total Caches (% used)     : 2 / 5 (40.0%)\n\n"
			 "  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME\n"
			 "343868 343867  99%    1.10K  24562       14    392992K ext4_inode_cache\n"
			 "   100     50  50%    0,19K      5       20        20K dentry  \n");
	assert_true(reading_next(&r));
	const struct ul_ledger *ledger = &r.snapshot.ledger;
	assert_true(r.snapshot.has_ledger);
	assert_int_equal(ledger->caches.len, 2);
	assert_int_equal(ledger->mem_total, 0);
	const struct ul_cache *ext4 = &ledger->caches.data[0];
	assert_string_equal(ext4->name, "ext4_inode_cache");
	assert_int_equal(ext4->bytes, 392992 * 1024);
	assert_int_equal(ext4->pages_per_slab, 4); // 392992 KiB of 24562 slabs are 16 KiB each
	assert_int_equal(ext4->objects, 343867);
	assert_int_equal(ledger->caches.data[1].object_size, 195); // 0.19 * 1024 = 194.56
	assert_int_equal(ledger->losses.items.len, 1);
	assert_int_equal(ledger->losses.items.data[0].count, 3);
}

static void what_is_no_log_is_refused_with_a_way_out(void **state)
{
	static const struct {
		const char *text;
		enum ul_error_code code;
		const char *words;
	} cases[] = {
		{"", UL_ERR_BAD_DATA, "neither a recording nor a log"},
		{"hello\n", UL_ERR_BAD_DATA, "neither a recording nor a log"},
		{"\x1f\x8b\x08zzzz", UL_ERR_UNSUPPORTED, "gzip"},
		{"\x96\xd5zzz", UL_ERR_UNSUPPORTED, "sar's own data file"},
		{"SQLite format 3", UL_ERR_UNSUPPORTED, "recording"},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(cases); i++) {
		CLEANUP_READING struct reading r;
		reading_init(&r, cases[i].text);
		FAILS(cases[i].code, cases[i].words,
		      ul_logs_open(r.file, "the log", UL_LOG_AUTO, &r.logs));
	}
}

static void another_format_than_asked_for_is_refused(void **state)
{
	CLEANUP_READING struct reading r;
	CLEANUP_READING struct reading s;
	bool more;
	reading_init(&r, MEMINFO("1"));
	FAILS(UL_ERR_BAD_DATA, "does not look like sar",
	      ul_logs_open(r.file, "the log", UL_LOG_SAR, &r.logs));
	reading_init(&s, MEMINFO("1"));
	OK(ul_logs_open(s.file, "the log", UL_LOG_SLABINFO, &s.logs));
	FAILS(UL_ERR_BAD_DATA, "does not look like slabinfo",
	      ul_logs_next(s.logs, &s.snapshot, &more));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_between_separators_are_snapshots),
		cmocka_unit_test(nothing_between_is_needed),
		cmocka_unit_test(dates_before_date_what_follows),
		cmocka_unit_test(dates_behind_date_what_they_follow),
		cmocka_unit_test(a_clock_that_goes_back_is_the_next_day),
		cmocka_unit_test(lines_cut_out_by_grep_are_told_by_the_first_cache),
		cmocka_unit_test(a_log_cut_at_both_ends_loses_the_cut_snapshots_only),
		cmocka_unit_test(a_cut_beginning_without_separator_is_left_out),
		cmocka_unit_test(carriage_returns_do_no_harm),
		cmocka_unit_test(junk_is_counted),
		cmocka_unit_test(slabtop_comes_as_a_ledger),
		cmocka_unit_test(what_is_no_log_is_refused_with_a_way_out),
		cmocka_unit_test(another_format_than_asked_for_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
