// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "source/proc/counters.h"
#include "source/proc/limits.h"

static void free_lists_of_all_cpus_and_zones_add_up(void **state)
{
	(void)state;
	struct ul_zoneinfo zoneinfo;
	assert_null(ul_zoneinfo_parse(
		ul_span_of("Node 0, zone   Normal\n  pages free     188939\n        count 7\n"
			   "  pagesets\n    cpu: 0\n              count:    2548\n"
			   "              high:     7693\n  vm stats threshold: 24\n"
			   "    cpu: 1\n              count:    1474\n  vm stats threshold: 36\n"),
		&zoneinfo));
	assert_int_equal(zoneinfo.listed_pages, 4022);
	assert_int_equal(zoneinfo.lists, 2);
	assert_int_equal(zoneinfo.threshold, 36);
}

static void a_damaged_list_is_refused(void **state)
{
	(void)state;
	struct ul_zoneinfo zoneinfo;
	UL_CLEANUP_ERROR struct ul_error *word =
		ul_zoneinfo_parse(ul_span_of("count: many\n"), &zoneinfo);
	assert_int_equal(word->code, UL_ERR_BAD_DATA);
	UL_CLEANUP_ERROR struct ul_error *sum = ul_zoneinfo_parse(
		ul_span_of("count: 68719476736\ncount: 68719476736\n"), &zoneinfo);
	assert_non_null(sum);
	UL_CLEANUP_ERROR struct ul_error *threshold =
		ul_zoneinfo_parse(ul_span_of("  vm stats threshold: 128\n"), &zoneinfo);
	assert_non_null(threshold);
}

static void vmstat_gives_what_meminfo_leaves_out(void **state)
{
	(void)state;
	struct ul_vmstat vmstat;
	assert_null(ul_vmstat_parse(ul_span_of("nr_free_pages 5\nnr_zspages 12\nnr_memmap_pages 3\n"
					       "nr_memmap_boot_pages 98304\npgfault x\n"
					       "nr_page_table_pages 540\n"),
				    &vmstat));
	assert_true(vmstat.has_zspages);
	assert_int_equal(vmstat.zspages, 12);
	assert_int_equal(vmstat.memmap_pages, 3);
	assert_int_equal(vmstat.page_table_pages, 540);
	UL_CLEANUP_ERROR struct ul_error *err =
		ul_vmstat_parse(ul_span_of("nr_zspages -1\n"), &vmstat);
	assert_non_null(err);
}

static void socket_memory_is_read_from_both_families(void **state)
{
	(void)state;
	struct ul_sockstat sockstat = {0};
	ul_sockstat_parse(
		ul_span_of("sockets: used 15\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 300\n"
			   "UDP: inuse 0 mem 2\nUDPLITE: inuse 0\nFRAG: inuse 0 memory 100\n"),
		&sockstat);
	ul_sockstat_parse(ul_span_of("TCP6: inuse 0\nFRAG6: inuse 0 memory 11\nTCP: mem\n"),
			  &sockstat);
	assert_int_equal(sockstat.tcp_pages, 300);
	assert_int_equal(sockstat.udp_pages, 2);
	assert_int_equal(sockstat.fragment_bytes, 111);
}

static void a_cpu_list_is_counted(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t cpus;
	} lists[] = {{"0\n", 1}, {"0-1\n", 2}, {"0-3,8,10-11\n", 7}, {"0-65535", 65536}};
	for (size_t i = 0; i < UL_ARRAY_LEN(lists); i++) {
		uint32_t cpus;
		assert_true(ul_cpu_list_count(ul_span_of(lists[i].text), &cpus));
		assert_int_equal(cpus, lists[i].cpus);
	}
}

static void what_is_no_cpu_list_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"",  "x",	  "3-1",       "0-",
					  "-", "0-65536", "0-65535,0", "1,,2"};
	for (size_t i = 0; i < UL_ARRAY_LEN(bad); i++) {
		uint32_t cpus;
		assert_false(ul_cpu_list_count(ul_span_of(bad[i]), &cpus));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_lists_of_all_cpus_and_zones_add_up),
		cmocka_unit_test(a_damaged_list_is_refused),
		cmocka_unit_test(vmstat_gives_what_meminfo_leaves_out),
		cmocka_unit_test(socket_memory_is_read_from_both_families),
		cmocka_unit_test(a_cpu_list_is_counted),
		cmocka_unit_test(what_is_no_cpu_list_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
