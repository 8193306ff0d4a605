// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/reach_filter.h"

#define DIRECT UINT64_C(0xffff888000000000)

static uint64_t noise(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 33 ^ *state << 31;
}

/** Values in, at the ends of and beside the ranges, and any others. */
static uint64_t draw(uint64_t *state, const struct ul_reach_filter *filter)
{
	const uint64_t which = noise(state) % (filter->others + 4);
	if (which < 2)
		return noise(state) & (UINT64_MAX >> noise(state) % 64);
	if (which == 2)
		return 0;
	const struct ul_reach_values *values =
		which == 3 ? &filter->direct : &filter->other[which - 4];
	const uint64_t places[] = {0, values->bytes - 1, values->bytes, UINT64_MAX,
				   noise(state) % values->bytes};
	return values->start + places[noise(state) % 5];
}

static bool within(const struct ul_reach_values *values, uint64_t value)
{
	return value >= values->start && value - values->start < values->bytes;
}

static void check(ul_reach_filter_fn fn, const struct ul_reach_filter *filter,
		  const uint64_t *words, size_t len)
{
	struct ul_reach_filtered found;
	uint32_t plain = 0;
	uint32_t odd = 0;
	fn(filter, (const uint8_t *)words, len, &found);
	for (size_t i = 0; i < len; i++) {
		bool other = false;
		for (size_t k = 0; k < filter->others; k++)
			other = other || within(&filter->other[k], words[i]);
		if (within(&filter->direct, words[i]))
			assert_int_equal(found.plain[plain++], words[i]);
		if (other)
			assert_int_equal(found.odd[odd++], words[i]);
	}
	assert_int_equal(found.plain_len, plain);
	assert_int_equal(found.odd_len, odd);
}

static void every_word_is_sorted_out_as_by_hand(void **state)
{
	uint64_t words[UL_REACH_FILTER_WORDS];
	uint64_t seed = 7;
	(void)state;
	for (size_t others = 0; others <= UL_REACH_FILTER_RANGES; others++) {
		struct ul_reach_filter filter = {.direct = {DIRECT, UINT64_C(1) << 36}};
		for (size_t i = 0; i < others; i++) {
			const uint64_t start = 1 + (noise(&seed) & (UINT64_MAX >> i * 7));
			ul_reach_filter_add(&filter, start, start + 1 + noise(&seed) % (1 << 20));
		}
		ul_reach_filter_ready(&filter);
		for (size_t round = 0; round < 2000; round++) {
			const size_t len = noise(&seed) % (UL_REACH_FILTER_WORDS + 1);
			for (size_t i = 0; i < len; i++)
				words[i] = draw(&seed, &filter);
			check(ul_reach_filter_plain, &filter, words, len);
			check(ul_reach_filter_best(), &filter, words, len);
		}
	}
}

static void without_a_direct_map_there_are_only_odd_ones(void **state)
{
	const uint64_t words[] = {0, 1, 2, 3, 4, 5, UINT64_MAX};
	struct ul_reach_filter filter = {0};
	(void)state;
	ul_reach_filter_add(&filter, 2, 4);
	ul_reach_filter_add(&filter, 9, 9);
	assert_int_equal(filter.others, 1);
	ul_reach_filter_ready(&filter);
	check(ul_reach_filter_plain, &filter, words, 7);
	check(ul_reach_filter_best(), &filter, words, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_is_sorted_out_as_by_hand),
		cmocka_unit_test(without_a_direct_map_there_are_only_odd_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
