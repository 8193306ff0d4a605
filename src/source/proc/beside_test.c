// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "source/proc/beside.h"

static void zram_shows_what_was_stored_and_what_it_takes(void **state)
{
	(void)state;
	struct ul_zram zram;
	assert_true(ul_zram_parse(ul_span_of(" 1000 300 4096 0 8192 1 0 2 0\n"), &zram));
	assert_int_equal(zram.stored_bytes, 1000);
	assert_int_equal(zram.used_bytes, 4096);
	assert_false(ul_zram_parse(ul_span_of("1000 300\n"), &zram));
}

static void the_size_of_the_arc_is_one_line_of_many(void **state)
{
	(void)state;
	uint64_t bytes;
	assert_true(ul_arcstats_parse(ul_span_of("13 1 0x01 123 33456 4321 98765\n"
						 "name                            type data\n"
						 "hits                            4    17\n"
						 "compressed_size                 4    5\n"
						 "size                            4    1048576\n"),
				      &bytes));
	assert_int_equal(bytes, 1048576);
}

static void the_last_total_of_the_buffers_counts(void **state)
{
	(void)state;
	uint64_t objects;
	uint64_t bytes;
	assert_true(ul_bufinfo_parse(ul_span_of("Dma-buf Objects:\nsize flags\n00004096 0 0 1 x\n"
						"Total 9 objects, 1 bytes\n\nTotal 1 objects, "
						"4096 bytes\n"),
				     &objects, &bytes));
	assert_int_equal(objects, 1);
	assert_int_equal(bytes, 4096);
}

static void only_ranges_at_the_left_edge_are_ram(void **state)
{
	(void)state;
	uint64_t bytes;
	assert_true(ul_iomem_parse(ul_span_of("00000000-00000fff : Reserved\n"
					      "00001000-0009ffff : System RAM\n"
					      "00100000-001fffff : System RAM\n"
					      "  00100000-0017ffff : System RAM\n"),
				   &bytes));
	assert_int_equal(bytes, 0x9f000 + 0x100000);
	assert_false(ul_iomem_parse(ul_span_of("00000000-00000000 : System RAM\n"), &bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zram_shows_what_was_stored_and_what_it_takes),
		cmocka_unit_test(the_size_of_the_arc_is_one_line_of_many),
		cmocka_unit_test(the_last_total_of_the_buffers_counts),
		cmocka_unit_test(only_ranges_at_the_left_edge_are_ram),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
