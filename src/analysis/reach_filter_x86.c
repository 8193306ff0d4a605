// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Four words at a time with AVX2, where the processor has it; asked when the program runs, for
 * distributions build for processors without.
 *
 * There is no unsigned comparison: value - start < bytes is asked as a signed one with 2^63 added
 * on both sides, and the addition folds into that of -start. What is found is moved to the front of
 * its vector by a table of the 16 ways in which four words can be wanted or not.
 */
#include "analysis/reach_filter.h"

#include <immintrin.h>
#include <string.h>

#define WORD(i) (2 * (i)), (2 * (i) + 1)
#define ROW(a, b, c, d)                                                                            \
	{                                                                                          \
		WORD(a), WORD(b), WORD(c), WORD(d)                                                 \
	}

/**
 * By which words are wanted: where they stand, in halves of words. What follows them is nobody's.
 */
static const int32_t front[16][8] = {
	ROW(0, 0, 0, 0), ROW(0, 0, 0, 0), ROW(1, 0, 0, 0), ROW(0, 1, 0, 0),
	ROW(2, 0, 0, 0), ROW(0, 2, 0, 0), ROW(1, 2, 0, 0), ROW(0, 1, 2, 0),
	ROW(3, 0, 0, 0), ROW(0, 3, 0, 0), ROW(1, 3, 0, 0), ROW(0, 1, 3, 0),
	ROW(2, 3, 0, 0), ROW(0, 2, 3, 0), ROW(1, 2, 3, 0), ROW(0, 1, 2, 3),
};

__attribute__((target("avx2"))) static inline __m256i load(const void *four)
{
	return _mm256_loadu_si256((const __m256i *)four);
}

__attribute__((target("avx2"))) static inline __m256i within(__m256i words,
							     const struct ul_reach_wide *range)
{
	return _mm256_cmpgt_epi64(load(range->limit), _mm256_add_epi64(words, load(range->add)));
}

__attribute__((target("avx2,popcnt"))) static inline uint32_t
append(uint64_t *values, uint32_t len, __m256i words, unsigned int wanted)
{
	const __m256i order = load(front[wanted]);
	_mm256_storeu_si256((__m256i *)(void *)(values + len),
			    _mm256_permutevar8x32_epi32(words, order));
	return len + (uint32_t)__builtin_popcount(wanted);
}

__attribute__((target("avx2"))) static inline unsigned int mask_of(__m256i words)
{
	return (unsigned int)_mm256_movemask_pd(_mm256_castsi256_pd(words));
}

__attribute__((target("avx2,popcnt"))) static void filter_avx2(const struct ul_reach_filter *filter,
							       const uint8_t *bytes, size_t words,
							       struct ul_reach_filtered *ret)
{
	const __m256i telling = _mm256_set1_epi64x((int64_t)~filter->boring);
	const struct ul_reach_wide *end = filter->wide_other + filter->others;
	uint32_t plain_len = 0;
	uint32_t odd_len = 0;
	size_t at = 0;
	for (; at + 4 <= words; at += 4) {
		const __m256i four = load(bytes + at * 8);
		__m256i odd = _mm256_setzero_si256();
		if (_mm256_testz_si256(four, telling))
			continue;
		for (const struct ul_reach_wide *range = filter->wide_other; range < end; range++)
			odd = _mm256_or_si256(odd, within(four, range));
		plain_len = append(ret->plain, plain_len, four,
				   mask_of(within(four, &filter->wide_direct)));
		odd_len = append(ret->odd, odd_len, four, mask_of(odd));
	}
	ret->plain_len = plain_len;
	ret->odd_len = odd_len;
	for (; at < words; at++) {
		uint64_t value;
		memcpy(&value, bytes + at * 8, sizeof(value));
		ul_reach_filter_word(filter, value, ret);
	}
}

ul_reach_filter_fn ul_reach_filter_best(void)
{
	return __builtin_cpu_supports("avx2") ? filter_avx2 : ul_reach_filter_plain;
}
