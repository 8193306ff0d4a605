// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "source/proc/page_flags.h"

#define ZONE(node, name, spanned, present, managed, start)                                         \
	"Node " node ", zone   " name "\n  pages free     7\n        spanned  " spanned            \
	"\n        present  " present "\n        managed  " managed                                \
	"\n  pagesets\n    cpu: 0\n              count:    3\n  start_pfn:           " start "\n"

static void zones_are_read_and_empty_ones_left_out(void **state)
{
	(void)state;
	struct ul_page_zones zones;
	assert_null(ul_page_zones_parse(
		ul_span_of(ZONE("0", "Normal", "5000", "4900", "4800", "4096")
				   ZONE("0", "Movable", "0", "0", "0", "0")
					   ZONE("0", "DMA", "4095", "3998", "3840", "1")),
		&zones));
	assert_int_equal(zones.items.len, 2);
	assert_string_equal(zones.items.data[0].name, "DMA");
	assert_int_equal(zones.items.data[0].start_pfn, 1);
	assert_int_equal(zones.items.data[0].spanned, 4095);
	assert_int_equal(zones.items.data[0].present, 3998);
	assert_int_equal(zones.items.data[0].managed, 3840);
	assert_string_equal(zones.items.data[1].name, "Normal");
	ul_vec_deinit(&zones.items);
}

static void damaged_zones_are_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"Node 0, zone\n",
		"Node x, zone Normal\n",
		ZONE("0", "Normal", "-5", "1", "1", "1"),
		ZONE("0", "Normal", "99999999999999999999", "1", "1", "1"),
		ZONE("0", "Normal", "68719476737", "1", "1", "1"),
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(texts); i++) {
		struct ul_page_zones zones;
		UL_CLEANUP_ERROR struct ul_error *err =
			ul_page_zones_parse(ul_span_of(texts[i]), &zones);
		assert_non_null(err);
		assert_int_equal(err->code, UL_ERR_BAD_DATA);
	}
}

static void ram_is_found_at_every_depth_and_in_whole_pages(void **state)
{
	(void)state;
	struct ul_page_ranges ram;
	assert_null(ul_page_ram_parse(
		ul_span_of("00000000-00000fff : Reserved\n"
			   "00001000-0009fbff : System RAM\n" // the last page is not whole
			   "  00002000-00003fff : Kernel code\n"
			   "00100000-001fffff : System RAM\n"
			   "00200000-002fffff : System RAM (kmem)\n" // right behind: one range
			   "fe000000-fe7fffff : virtio4\n"
			   "  fe000000-fe0fffff : System RAM (virtio_mem)\n"
			   "ffff-zzzz : System RAM\n"),
		4096, &ram));
	assert_int_equal(ram.items.len, 3);
	assert_int_equal(ram.items.data[0].first, 1);
	assert_int_equal(ram.items.data[0].end, 0x9f);
	assert_int_equal(ram.items.data[1].first, 0x100);
	assert_int_equal(ram.items.data[1].end, 0x300);
	assert_int_equal(ram.items.data[2].first, 0xfe000);
	assert_int_equal(ram.items.data[2].end, 0xfe100);
	ul_vec_deinit(&ram.items);
}

static void hidden_addresses_are_no_ram(void **state)
{
	(void)state;
	struct ul_page_ranges ram;
	assert_null(ul_page_ram_parse(ul_span_of("00000000-00000000 : System RAM\n"), 4096, &ram));
	assert_int_equal(ram.items.len, 0);
}

static void overlapping_zones_share_no_page(void **state)
{
	(void)state;
	struct ul_page_zones zones;
	struct ul_page_ranges pieces;
	uint64_t overlap;
	// Node 0 spans 0..99 with a hole at 40..59 that is node 1.
	assert_null(ul_page_zones_parse(ul_span_of(ZONE("0", "Normal", "100", "80", "80", "0") ZONE(
						"1", "Normal", "20", "20", "20", "40")),
					&zones));
	assert_null(ul_page_pieces(&zones, NULL, &pieces, &overlap));
	assert_int_equal(overlap, 20);
	assert_int_equal(pieces.items.len, 3);
	assert_int_equal(pieces.items.data[0].end, 40);
	assert_int_equal(pieces.items.data[1].zone, 1);
	assert_int_equal(pieces.items.data[1].end, 60);
	assert_int_equal(pieces.items.data[2].zone, 0);
	assert_int_equal(pieces.items.data[2].end, 100);
	ul_vec_deinit(&pieces.items);
	ul_vec_deinit(&zones.items);
}

static void a_range_is_cut_out_of_the_middle(void **state)
{
	(void)state;
	struct ul_page_ranges ranges = {0};
	assert_true(ul_vec_push(&ranges.items, ((struct ul_page_range){0, 10, 0})));
	assert_true(ul_vec_push(&ranges.items, ((struct ul_page_range){10, 20, 1})));
	assert_null(ul_page_ranges_cut(&ranges, 4, 6));
	assert_int_equal(ranges.items.len, 3);
	assert_null(ul_page_ranges_cut(&ranges, 8, 12));
	assert_int_equal(ranges.items.len, 3);
	assert_int_equal(ranges.items.data[0].end, 4);
	assert_int_equal(ranges.items.data[1].first, 6);
	assert_int_equal(ranges.items.data[1].end, 8);
	assert_int_equal(ranges.items.data[2].first, 12);
	assert_int_equal(ranges.items.data[2].zone, 1);
	assert_null(ul_page_ranges_cut(&ranges, 0, 100));
	assert_int_equal(ranges.items.len, 0);
	ul_vec_deinit(&ranges.items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_are_read_and_empty_ones_left_out),
		cmocka_unit_test(damaged_zones_are_refused),
		cmocka_unit_test(ram_is_found_at_every_depth_and_in_whole_pages),
		cmocka_unit_test(hidden_addresses_are_no_ram),
		cmocka_unit_test(overlapping_zones_share_no_page),
		cmocka_unit_test(a_range_is_cut_out_of_the_middle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
