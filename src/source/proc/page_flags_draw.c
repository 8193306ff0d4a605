// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which pages to read when there is no time for all: two units of 512 neighbours out of every
 * stratum of neighbouring units (why: model/page_count.c). Equal strata over the whole zone, so
 * that no corner of memory is left out; a zone of few units is read whole.
 */
#include "source/proc/page_flags.h"

enum {
	DRAWN = 2,	 /**< the least that has a variance */
	MIN_STRATA = 16, /**< of a zone: below, an interval says little */
};

uint64_t ul_page_random(uint64_t *state)
{
	// splitmix64: every 64-bit seed is a good one.
	uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ mixed >> 31;
}

/** Even in 0..limit-1 but for less than 2^-32. */
static uint32_t random_below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)((ul_page_random(state) >> 32) * limit >> 32);
}

void ul_page_draw_two(uint64_t *state, uint32_t units, uint32_t ret[static 2])
{
	const uint32_t first = random_below(state, units);
	uint32_t second = random_below(state, units - 1);
	second += second >= first;
	ret[0] = first < second ? first : second;
	ret[1] = first < second ? second : first;
}

struct ul_error *ul_page_strata(uint64_t units, uint64_t wanted, struct ul_page_count *count)
{
	uint64_t strata = wanted / DRAWN < MIN_STRATA ? MIN_STRATA : wanted / DRAWN;
	if (!units)
		return NULL;
	if (units > UINT32_MAX)
		return ul_error_new(UL_ERR_LIMIT, "a zone of more than %u * %d pages", UINT32_MAX,
				    UL_PAGE_UNIT);
	if (!wanted || strata * DRAWN >= units) {
		const struct ul_page_stratum all = {(uint32_t)units, (uint32_t)units};
		return ul_vec_push(&count->strata, all) ? NULL : &ul_enomem;
	}
	for (uint64_t i = 0; i < strata; i++) {
		const uint64_t size = units * (i + 1) / strata - units * i / strata;
		const struct ul_page_stratum stratum = {(uint32_t)size, DRAWN};
		if (!ul_vec_push(&count->strata, stratum))
			return &ul_enomem;
	}
	return NULL;
}
