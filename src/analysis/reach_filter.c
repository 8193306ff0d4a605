// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/reach_filter.h"

#include <string.h>

#define SIGN (UINT64_C(1) << 63)

void ul_reach_filter_add(struct ul_reach_filter *filter, uint64_t start, uint64_t end)
{
	if (start < end && filter->others < UL_REACH_FILTER_RANGES)
		filter->other[filter->others++] = (struct ul_reach_values){start, end - start};
}

static void widen(const struct ul_reach_values *values, struct ul_reach_wide *ret)
{
	for (size_t i = 0; i < 4; i++) {
		ret->add[i] = SIGN - values->start;
		ret->limit[i] = values->bytes + SIGN;
	}
}

void ul_reach_filter_ready(struct ul_reach_filter *filter)
{
	uint64_t least = filter->direct.bytes ? filter->direct.start : UINT64_MAX;
	widen(&filter->direct, &filter->wide_direct);
	for (size_t i = 0; i < filter->others; i++) {
		widen(&filter->other[i], &filter->wide_other[i]);
		if (filter->other[i].start < least)
			least = filter->other[i].start;
	}
	// All below the highest bit of the least start is below that start.
	filter->boring = least ? (UINT64_C(1) << (63 - __builtin_clzll(least))) - 1 : 0;
}

void ul_reach_filter_plain(const struct ul_reach_filter *filter, const uint8_t *bytes, size_t words,
			   struct ul_reach_filtered *ret)
{
	ret->plain_len = 0;
	ret->odd_len = 0;
	for (size_t i = 0; i < words; i++) {
		uint64_t value;
		memcpy(&value, bytes + i * 8, sizeof(value));
		if (value & ~filter->boring) // more than half of all words are zero
			ul_reach_filter_word(filter, value, ret);
	}
}
