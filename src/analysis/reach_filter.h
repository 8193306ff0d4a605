/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which words may be references: the innermost loop of the first pass. Words are sorted out into
 * those that are addresses in the direct map and those that lie in one of a few other ranges.
 */
#ifndef UL_ANALYSIS_REACH_FILTER_H
#define UL_ANALYSIS_REACH_FILTER_H

#include <stddef.h>
#include <stdint.h>

enum {
	UL_REACH_FILTER_RANGES = 8, /**< beside the direct map */
	UL_REACH_FILTER_WORDS = 64, /**< looked at together, at most */
	UL_REACH_FILTER_SLACK = 4,  /**< words behind the last one that may be written, too */
};

/** A range of values: [start, start + bytes). */
struct ul_reach_values {
	uint64_t start;
	uint64_t bytes;
};

/** Four times the same, as vectors want it: value + add < limit, signed, is "within". */
struct ul_reach_wide {
	_Alignas(32) uint64_t add[4];
	uint64_t limit[4];
};

struct ul_reach_filter {
	struct ul_reach_values direct;
	struct ul_reach_values other[UL_REACH_FILTER_RANGES];
	size_t others;
	uint64_t boring; /**< values of these bits alone lie in no range */
	struct ul_reach_wide wide_direct, wide_other[UL_REACH_FILTER_RANGES];
};

/** Adds a range beside the direct map; one that is empty counts for nothing. */
void ul_reach_filter_add(struct ul_reach_filter *filter, uint64_t start, uint64_t end);
/** Call it when all ranges are there. */
void ul_reach_filter_ready(struct ul_reach_filter *filter);

/** What is left of some words, in their order. */
struct ul_reach_filtered {
	uint32_t plain_len, odd_len;
	uint64_t plain[UL_REACH_FILTER_WORDS + UL_REACH_FILTER_SLACK]; /**< in the direct map */
	uint64_t odd[UL_REACH_FILTER_WORDS + UL_REACH_FILTER_SLACK];   /**< in another range */
};

/** Sorts out at most UL_REACH_FILTER_WORDS words. */
typedef void (*ul_reach_filter_fn)(const struct ul_reach_filter *filter, const uint8_t *bytes,
				   size_t words, struct ul_reach_filtered *ret);

/** Word by word: for every processor, and for the rest of a stretch. */
void ul_reach_filter_plain(const struct ul_reach_filter *filter, const uint8_t *bytes, size_t words,
			   struct ul_reach_filtered *ret);
/** The fastest that this processor can. */
ul_reach_filter_fn ul_reach_filter_best(void);

/* Private to reach_filter*.c */

/** One word more. */
static inline void ul_reach_filter_word(const struct ul_reach_filter *filter, uint64_t value,
					struct ul_reach_filtered *ret)
{
	uint32_t odd = 0;
	for (size_t i = 0; i < filter->others; i++)
		odd |= value - filter->other[i].start < filter->other[i].bytes;
	ret->plain[ret->plain_len] = value;
	ret->plain_len += value - filter->direct.start < filter->direct.bytes;
	ret->odd[ret->odd_len] = value;
	ret->odd_len += odd;
}

#endif
