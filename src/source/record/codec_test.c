// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "source/record/codec.h"
#include "source/record/schema.h"

static void numbers_are_packed_seven_bits_a_byte(void **state)
{
	UL_CLEANUP_BUF struct ul_buf buf = {0};
	ul_codec_put_varint(&buf, 0);
	ul_codec_put_varint(&buf, 127);
	ul_codec_put_varint(&buf, 300); // 300 = 2 * 128 + 44
	ul_codec_put_varint(&buf, UINT64_MAX);
	static const unsigned char want[] = {0x00, 0x7f, 0xac, 0x02, 0xff, 0xff, 0xff,
					     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
	assert_int_equal(buf.len, sizeof(want));
	assert_memory_equal(buf.data, want, sizeof(want));
	struct ul_span rest = {buf.data, buf.len};
	static const uint64_t values[] = {0, 127, 300, UINT64_MAX};
	for (size_t i = 0; i < UL_ARRAY_LEN(values); i++) {
		uint64_t value;
		assert_true(ul_codec_get_varint(&rest, &value));
		assert_true(value == values[i]);
	}
	assert_int_equal(rest.len, 0);
}

static void cut_and_oversized_numbers_are_refused(void **state)
{
	static const char cut[] = {(char)0x80, (char)0x80};
	static const char large[] = {(char)0xff, (char)0xff, (char)0xff, (char)0xff, (char)0xff,
				     (char)0xff, (char)0xff, (char)0xff, (char)0xff, 0x02};
	static const char endless[] = {(char)0x80, (char)0x80, (char)0x80, (char)0x80,
				       (char)0x80, (char)0x80, (char)0x80, (char)0x80,
				       (char)0x80, (char)0x80, (char)0x80, 0x01};
	const struct ul_span spans[] = {
		{cut, sizeof(cut)}, {large, sizeof(large)}, {endless, sizeof(endless)}, {"", 0}};
	for (size_t i = 0; i < UL_ARRAY_LEN(spans); i++) {
		struct ul_span rest = spans[i];
		uint64_t value = 42;
		assert_false(ul_codec_get_varint(&rest, &value));
		assert_int_equal(value, 42);
		assert_int_equal(rest.len, spans[i].len);
	}
}

static void a_change_of_pages_and_one_object_takes_three_bytes(void **state)
{
	UL_CLEANUP_BUF struct ul_buf buf = {0};
	uint32_t last = 0;
	const struct ul_codec_change up = {.id = 3, .bytes_delta = 8192, .objects_delta = -1};
	ul_codec_put_change(&buf, false, &up, &last);
	// gap 2, mask 3 | 2 pages: zigzag 4, paged 9 | -1: zigzag 1
	static const unsigned char want[] = {2 << 2 | 3, 4 << 1 | 1, 1};
	assert_int_equal(buf.len, sizeof(want));
	assert_memory_equal(buf.data, want, sizeof(want));
	assert_int_equal(last, 3);
}

static void check_same(const struct ul_codec_change *changes, size_t count, bool full)
{
	UL_CLEANUP_BUF struct ul_buf buf = {0};
	uint32_t last = 0;
	for (size_t i = 0; i < count; i++)
		ul_codec_put_change(&buf, full, &changes[i], &last);
	struct ul_codec_reader reader = {.rest = {buf.data, buf.len}, .full = full};
	struct ul_codec_change got;
	for (size_t i = 0; i < count; i++) {
		assert_true(ul_codec_next(&reader, &got));
		assert_int_equal(got.id, changes[i].id);
		assert_int_equal(got.ends, changes[i].ends);
		assert_true(got.bytes_delta == changes[i].bytes_delta);
		assert_true(got.objects_delta == changes[i].objects_delta);
	}
	assert_false(ul_codec_next(&reader, &got));
	assert_false(reader.bad);
}

static void changes_come_back_as_they_were(void **state)
{
	static const struct ul_codec_change changes[] = {
		{.id = 1, .bytes_delta = 1},
		{.id = 2, .bytes_delta = -4096, .objects_delta = 17},
		{.id = 900, .objects_delta = -5},
		{.id = 901, .bytes_delta = 2 * UL_RECORD_MAX_VALUE},
		{.id = 902, .bytes_delta = -2 * UL_RECORD_MAX_VALUE + 1},
		{.id = UL_RECORD_MAX_SERIES - 1, .bytes_delta = 1024},
	};
	check_same(changes, UL_ARRAY_LEN(changes), false);
	check_same(changes, UL_ARRAY_LEN(changes), true);
}

static void an_end_is_told_from_a_value_that_is_the_same(void **state)
{
	static const struct ul_codec_change changes[] = {{.id = 1, .ends = true}, {.id = 2}};
	check_same(changes, UL_ARRAY_LEN(changes), false);
	static const struct ul_codec_change nothing_ends[] = {{.id = 1}, {.id = 2}};
	check_same(nothing_ends, UL_ARRAY_LEN(nothing_ends), true);
}

static void nonsense_stops_the_reader(void **state)
{
	static const char far[] = {(char)0xfd, (char)0xff, (char)0xff, (char)0xff, 0x7f};
	static const char cut[] = {0x01};
	static const char huge[] = {0x01,	(char)0xff, (char)0xff, (char)0xff, (char)0xff,
				    (char)0xff, (char)0xff, (char)0xff, (char)0xff, 0x7f};
	const struct ul_span spans[] = {
		{far, sizeof(far)}, {cut, sizeof(cut)}, {huge, sizeof(huge)}};
	for (size_t i = 0; i < UL_ARRAY_LEN(spans); i++) {
		struct ul_codec_reader reader = {.rest = spans[i]};
		struct ul_codec_change change;
		assert_false(ul_codec_next(&reader, &change));
		assert_true(reader.bad);
		assert_false(ul_codec_next(&reader, &change));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_packed_seven_bits_a_byte),
		cmocka_unit_test(cut_and_oversized_numbers_are_refused),
		cmocka_unit_test(a_change_of_pages_and_one_object_takes_three_bytes),
		cmocka_unit_test(changes_come_back_as_they_were),
		cmocka_unit_test(an_end_is_told_from_a_value_that_is_the_same),
		cmocka_unit_test(nonsense_stops_the_reader),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
