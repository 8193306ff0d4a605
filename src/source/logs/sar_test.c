// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/logs/logs_fixture.h"

#define HEADER "Linux 6.1.0-18-amd64 (host) \t11/23/2026 \t_x86_64_\t(4 CPU)\n\n"
#define MEMORY "kbmemfree   kbavail kbmemused  %memused kbbuffers  kbcached\n"
// 2026-11-23 00:00:00 UTC
enum { DAY_S = 1795392000 };

static int64_t account(const struct reading *r, const char *name)
{
	ul_vec_foreach (item, &r->snapshot.ledger.accounts)
		if (!strcmp(item->name, name))
			return item->bytes;
	return -1;
}

static int64_t note(const struct reading *r, const char *name)
{
	ul_vec_foreach (item, &r->snapshot.ledger.notes)
		if (!strcmp(item->name, name))
			return (int64_t)item->bytes;
	return -1;
}

static void the_older_meaning_of_used_gives_the_total(void **state)
{
	CLEANUP_READING struct reading r;
	// 4,000,000 + 12,000,000 kB; 12 of 16 is 75 %
	reading_open(&r, HEADER
		     "10:00:01    " MEMORY
		     "10:10:01      4000000   6000000  12000000     75.00    100000   3000000\n"
		     "Average:      4000000   6000000  12000000     75.00    100000   3000000\n");
	assert_true(reading_next(&r));
	assert_int_equal(r.snapshot.ledger.mem_total, 16000000LL * 1024);
	assert_int_equal(account(&r, "free"), 4000000LL * 1024);
	assert_int_equal(account(&r, "page cache and tmpfs"), 3000000LL * 1024);
	assert_int_equal(r.snapshot.under, (16000000LL - 4000000 - 100000 - 3000000) * 1024);
	assert_int_equal(r.snapshot.time_ns, (DAY_S + 10 * 3600 + 601) * UL_NS_PER_S);
	assert_false(r.snapshot.zoned);
	assert_string_equal(ul_logs_kernel(r.logs)->release, "6.1.0-18-amd64");
	assert_string_equal(ul_logs_kernel(r.logs)->node, "host");
	assert_string_equal(ul_logs_kernel(r.logs)->arch, "x86_64");
	assert_int_equal(ul_logs_kernel(r.logs)->cpus, 4);
	assert_false(reading_next(&r));
	assert_int_equal(reading_loss(&r, "without ALL"), 1);
}

static void the_later_meaning_needs_slab_for_the_total(void **state)
{
	CLEANUP_READING struct reading r;
	CLEANUP_READING struct reading s;
	// 10 + 2 + 1 + 5 + 2 million kB are 20 million; 2 of 20 is 10 %
	reading_open(
		&r, HEADER
		"10:00:01 kbmemfree kbmemused %memused kbbuffers kbcached kbanonpg kbslab kbkstack "
		"kbpgtbl kbvmused\n"
		"10:10:01 10000000 2000000 10.00 1000000 5000000 700000 2000000 5000 6000 15000\n");
	assert_true(reading_next(&r));
	assert_int_equal(r.snapshot.ledger.mem_total, 20000000LL * 1024);
	assert_int_equal(account(&r, "slab (all caches)"), 2000000LL * 1024);
	assert_int_equal(account(&r, "vmalloc"), 10000LL * 1024);
	assert_int_equal(r.snapshot.under, 0);
	assert_int_equal(note(&r, "kbmemused of sar"), -1);
	reading_open(&s, HEADER "10:00:01 kbmemfree kbmemused %memused kbbuffers kbcached\n"
				"10:10:01 10000000 2000000 10.00 1000000 5000000\n");
	assert_true(reading_next(&s));
	assert_int_equal(s.snapshot.ledger.mem_total, 0);
	assert_int_equal(note(&s, "kbmemused of sar"), 2000000LL * 1024);
}

static void twelve_hours_commas_midnight_and_restarts_are_read(void **state)
{
	CLEANUP_READING struct reading r;
	reading_open(&r, HEADER "11:40:01 PM " MEMORY "11:50:01 PM 4000000 1 12000000 75,00 1 1\n"
				"12:00:01 AM 3900000 1 12100000 75,63 1 1\n"
				"\n12:05:00 AM  LINUX RESTART\t(4 CPU)\n\n"
				"12:10:01 AM " MEMORY "12:20:01 AM 15000000 1 1000000 6,25 1 1\n"
				"Durchschn.: 7633333 1 8366667 52,29 1 1\n");
	assert_true(reading_next(&r));
	assert_int_equal(r.snapshot.time_ns, (DAY_S + 23 * 3600 + 3001) * UL_NS_PER_S);
	assert_true(reading_next(&r));
	assert_int_equal(r.snapshot.time_ns, (DAY_S + 86400 + 1) * UL_NS_PER_S);
	assert_int_equal(r.snapshot.ledger.mem_total, 16000000LL * 1024);
	assert_false(r.snapshot.restarted);
	assert_true(reading_next(&r));
	assert_true(r.snapshot.restarted);
	assert_false(reading_next(&r));
	assert_int_equal(reading_loss(&r, "restarts"), 1);
}

static void tables_one_behind_the_other_meet_by_time(void **state)
{
	CLEANUP_READING struct reading r;
	reading_open(&r, HEADER "10:00:01 pgpgin/s pgpgout/s fault/s majflt/s pgfree/s pgscank/s "
				"pgscand/s pgsteal/s %vmeff\n"
				"10:10:01 2.00 1.50 9.00 0.00 9.00 3.00 1.00 2.00 50.00\n"
				"10:20:01 0.00 0.00 9.00 0.00 9.00 0.00 0.00 0.00 0.00\n"
				"Average: 1 1 1 1 1 1 1 1 1\n\n"
				"10:00:01 CPU %user\n10:10:01 all 3.00\n\n"
				"10:00:01 " MEMORY "10:10:01 4000000 1 12000000 75.00 1 1\n"
				"10:20:01 4000000 1 12000000 75.00 1 1\n");
	assert_true(reading_next(&r));
	assert_int_equal(note(&r, "paged in per second"), 2048);
	assert_int_equal(note(&r, "scanned by reclaim per second"), 4 * 4096);
	assert_int_equal(note(&r, "reclaimed per second"), 2 * 4096);
	assert_int_equal(account(&r, "free"), 4000000LL * 1024);
	assert_true(reading_next(&r));
	assert_int_equal(account(&r, "free"), 4000000LL * 1024);
	assert_false(reading_next(&r));
}

static void days_follow_their_headers_in_any_country(void **state)
{
	static const struct {
		const char *date;
		int64_t seconds;
	} dates[] = {
		{"11/23/26", DAY_S},   {"23/11/2026", DAY_S}, {"2026-11-23", DAY_S},
		{"23.11.2026", DAY_S}, {"23-11-2026", DAY_S},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(dates); i++) {
		CLEANUP_READING struct reading r;
		char text[512];
		snprintf(text, sizeof(text),
			 "Linux 6.1.0 (host)\t%s\t_x86_64_\t(4 CPU)\n\n00:00:00 " MEMORY
			 "00:00:01 4000000 1 12000000 75.00 1 1\n",
			 dates[i].date);
		reading_open(&r, text);
		assert_true(reading_next(&r));
		assert_int_equal(r.snapshot.time_ns, (dates[i].seconds + 1) * UL_NS_PER_S);
	}
}

static void sadf_is_read_by_its_titles(void **state)
{
	CLEANUP_READING struct reading r;
	reading_open(
		&r, "# hostname;interval;timestamp;kbmemfree;kbavail;kbmemused;%memused;kbbuffers\n"
		    "vm;600;2026-11-23 00:10:00 UTC;4000000;1;12000000;75.00;1\n"
		    "vm;-1;2026-11-23 00:15:00 UTC;LINUX-RESTART\t(4 CPU)\n"
		    "vm;600;2026-11-23 00:20:00 UTC;5000000;1;11000000;68.75;1\n");
	assert_true(reading_next(&r));
	assert_true(r.snapshot.zoned);
	assert_int_equal(r.snapshot.time_ns, (DAY_S + 600) * UL_NS_PER_S);
	assert_int_equal(r.snapshot.ledger.mem_total, 16000000LL * 1024);
	assert_true(reading_next(&r));
	assert_true(r.snapshot.restarted);
	assert_false(reading_next(&r));
	assert_string_equal(ul_logs_kernel(r.logs)->node, "vm");
}

static void rows_that_make_no_sense_are_counted(void **state)
{
	CLEANUP_READING struct reading r;
	reading_open(&r, HEADER "10:00:01 " MEMORY "10:10:01 4000000 1 12000000 75.00 1 1\n"
				"10:20:01 4000000 1\n10:30:01 -5 1 12000000 75.00 1 1\n"
				"10:40:01 1 1 99999999999999999999999999 75.00 1 1\n");
	assert_true(reading_next(&r));
	assert_false(reading_next(&r));
	assert_int_equal(reading_loss(&r, "rows of sar"), 3);
}

static void other_tables_alone_are_refused(void **state)
{
	CLEANUP_READING struct reading r;
	reading_init(&r, HEADER "10:00:01 CPU %user\n10:10:01 all 3.00\n");
	FAILS(UL_ERR_BAD_DATA, "no table of memory",
	      ul_logs_open(r.file, "the log", UL_LOG_AUTO, &r.logs));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_older_meaning_of_used_gives_the_total),
		cmocka_unit_test(the_later_meaning_needs_slab_for_the_total),
		cmocka_unit_test(twelve_hours_commas_midnight_and_restarts_are_read),
		cmocka_unit_test(tables_one_behind_the_other_meet_by_time),
		cmocka_unit_test(days_follow_their_headers_in_any_country),
		cmocka_unit_test(sadf_is_read_by_its_titles),
		cmocka_unit_test(rows_that_make_no_sense_are_counted),
		cmocka_unit_test(other_tables_alone_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
