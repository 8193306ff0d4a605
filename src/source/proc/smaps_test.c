// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "source/proc/limits.h"
#include "source/proc/smaps.h"

#define SIZES(rss, pss, swap)                                                                      \
	"Size: 9 kB\nRss: " #rss " kB\nPss: " #pss " kB\nPss_Anon: 99 kB\nSwap: " #swap            \
	" kB\nSwapPss: 99 kB\nVmFlags: rd wr\n"

static void every_mapping_finds_its_class(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		enum ul_mapping_kind kind;
	} mappings[] = {
		{"1-2 rw-p 0 00:00 0 [heap]", UL_MAPPING_HEAP},
		{"1-2 rw-p 0 00:00 0 [stack]", UL_MAPPING_STACK},
		{"1-2 rw-p 0 00:00 0 [stack:123]", UL_MAPPING_STACK},
		{"1-2 rw-p 0 00:00 0 ", UL_MAPPING_ANON},
		{"1-2 rw-p 0 00:00 0", UL_MAPPING_ANON},
		{"1-2 rw-p 0 00:00 0 [anon:glibc: malloc arena]", UL_MAPPING_ANON},
		{"1-2 rw-s 0 00:01 5 [anon_shmem:ring]", UL_MAPPING_SHMEM},
		{"1-2 rw-s 0 00:01 5 /dev/zero (deleted)", UL_MAPPING_SHMEM},
		{"1-2 rw-p 0 00:01 5 /dev/zero", UL_MAPPING_ANON},
		{"1-2 rw-s 0 00:01 5 /memfd:x (deleted)", UL_MAPPING_SHMEM},
		{"1-2 rw-s 0 00:01 5 /SYSV00000000 (deleted)", UL_MAPPING_SHMEM},
		{"1-2 rw-s 0 00:01 5 /dev/shm/a b", UL_MAPPING_SHMEM},
		{"1-2 r-xp 0 08:01 5 /usr/bin/x", UL_MAPPING_FILE},
		{"1-2 r-xp 0 00:00 0 [vdso]", UL_MAPPING_FILE},
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(mappings); i++) {
		char text[512];
		struct ul_mappings sums;
		snprintf(text, sizeof(text), "%s\n" SIZES(8, 4, 2), mappings[i].header);
		ul_smaps_parse(ul_span_of(text), &sums);
		for (int kind = 0; kind < UL_MAPPING_KINDS; kind++)
			assert_int_equal(sums.classes[kind].rss_bytes,
					 kind == (int)mappings[i].kind ? 8192 : 0);
		assert_int_equal(sums.classes[mappings[i].kind].pss_bytes, 4096);
		assert_int_equal(sums.classes[mappings[i].kind].swap_bytes, 2048);
	}
}

static void the_largest_mapping_of_a_class_is_named(void **state)
{
	(void)state;
	struct ul_mappings sums;
	ul_smaps_parse(
		ul_span_of("1-2 r-xp 0 08:01 5 /small\n" SIZES(
			4, 1,
			0) "2-3 r-xp 0 08:01 6 /large with blanks\n" SIZES(40, 1,
									   0) "3-4 r-xp 0 08:01 7 "
									      "/middle\n" SIZES(
										      8, 1, 0)),
		&sums);
	assert_int_equal(sums.classes[UL_MAPPING_FILE].rss_bytes, 52 * 1024);
	assert_int_equal(sums.classes[UL_MAPPING_FILE].largest_bytes, 40 * 1024);
	assert_string_equal(sums.classes[UL_MAPPING_FILE].largest_name, "/large with blanks");
}

static void a_long_path_is_cut(void **state)
{
	(void)state;
	struct ul_mappings sums;
	char text[1024];
	snprintf(text, sizeof(text), "1-2 r-xp 0 08:01 5 /%0500d\n" SIZES(4, 1, 0), 7);
	ul_smaps_parse(ul_span_of(text), &sums);
	assert_int_equal(strlen(sums.classes[UL_MAPPING_FILE].largest_name),
			 sizeof(sums.classes[0].largest_name) - 1);
}

static void fields_before_any_mapping_belong_to_none(void **state)
{
	(void)state;
	struct ul_mappings sums;
	ul_smaps_parse(ul_span_of(SIZES(8, 4, 2) "not-hex rw-p 0 0 0\nRss: 8 kB\n"), &sums);
	for (int kind = 0; kind < UL_MAPPING_KINDS; kind++)
		assert_int_equal(sums.classes[kind].rss_bytes, 0);
}

static void sums_saturate(void **state)
{
	(void)state;
	struct ul_mappings sums;
	ul_smaps_parse(ul_span_of("1-2 rw-p 0 0 0\nRss: 4398046511104 kB\n"
				  "2-3 rw-p 0 0 0\nRss: 4398046511104 kB\n"
				  "3-4 rw-p 0 0 0\nRss: 4398046511105 kB\n"),
		       &sums);
	assert_int_equal(sums.classes[UL_MAPPING_ANON].rss_bytes, UL_PROC_LIMIT_BYTES);
}

static void a_rollup_gives_pss_and_swap(void **state)
{
	(void)state;
	struct ul_smaps_total total;
	assert_true(
		ul_smaps_total(ul_span_of("1-2 ---p 0 00:00 0 [rollup]\n" SIZES(9, 5, 3)), &total));
	assert_int_equal(total.pss_bytes, 5120);
	assert_int_equal(total.swap_bytes, 3072);
	assert_false(ul_smaps_total(ul_span_of("Rss: 4 kB\n"), &total));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mapping_finds_its_class),
		cmocka_unit_test(the_largest_mapping_of_a_class_is_named),
		cmocka_unit_test(a_long_path_is_cut),
		cmocka_unit_test(fields_before_any_mapping_belong_to_none),
		cmocka_unit_test(sums_saturate),
		cmocka_unit_test(a_rollup_gives_pss_and_swap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
