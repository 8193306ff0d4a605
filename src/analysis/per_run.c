// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A reproducer that loses memory loses the same in every run, or in every second or sixteenth; a
 * cache that fills, a history that is trimmed and a bound that is reached do not. What tells them
 * apart is when those objects were allocated that are still there at the end:
 *
 *	runs	first .......... last
 *	leak	1 1 1 1 1 1 1 1 1 1 1	steady
 *	cache	1 1 1 1 1 0 0 0 0 0 0	stopped: it is full, or a bound is reached
 *	ring	0 0 0 0 0 0 1 1 1 1 1	recent: each run's object is freed some runs later
 *	warmth	4 2 1 1 0 1 0 0 0 0 0	falling
 *
 * The rate is a mean over the batches that agree with their median (within three deviations, by the
 * median of absolute deviations), so that one burst of somebody else does not count; its interval
 * is that of the mean. It is written as a ratio p/q with the smallest q up to 12 that lies in the
 * interval, where the interval is so narrow that this means something: one trigger is not one
 * object (7 for two runs are 7/2).
 *
 * Errs: a cache or a history larger than all the runs together looks like a leak; who asks for more
 * runs sees it stop. A leak that begins late looks like a ring where objects of its sort are freed,
 * too.
 */
#include "analysis/per_run.h"

#include <math.h>
#include <stdbool.h>

#include "analysis/growth_slope.h"

enum {
	LEAST_LEFT = 3,	   /**< fewer objects may be chance */
	MOST_BATCHES = 64, /**< further ones are added to the last */
	MOST_DENOMINATOR = 12,
	SMALL_COUNT = 8, /**< so many weigh one half; fewer without a ratio may be chance */
	ENOUGH = 20,	 /**< fewer, and unevenly, may be chance */
};
/** So many were to be expected and none came: by chance once in 50 times (Poisson). */
static const double surely_expected = 3.9;
/** A half whose rate is below this share of the other's falls ... */
static const double falling_share = 0.6;
/** ... if the difference is so many standard deviations. */
static const double surely_different = 3.0;
static const double deviations = 3.0;
static const double mad_to_sigma = 1.4826;
/** A rate that is known no better than this does not go with the runs. */
static const double vague_share = 0.4;
/** Of batches that disagree with their median, more than this share is uneven. */
static const double uneven_share = 0.34;

struct sums {
	double left, runs;
};

static struct sums sum(const struct ul_per_run_batch *batches, size_t from, size_t to)
{
	struct sums sums = {0};
	for (size_t i = from; i < to; i++) {
		sums.left += (double)batches[i].left;
		sums.runs += batches[i].runs;
	}
	return sums;
}

static double median(double *values, size_t len)
{
	if (!len)
		return 0;
	const double upper = ul_slope_select(values, len, len / 2);
	return len % 2 ? upper : (ul_slope_select(values, len, len / 2 - 1) + upper) / 2;
}

/** Counts are whole: two more or less than @p middle are no disagreement. */
static bool agrees(const struct ul_per_run_batch *batch, double middle, double spread)
{
	const double allowed = fmax(spread, 2.0 / batch->runs);
	return fabs((double)batch->left / batch->runs - middle) <= allowed + 1e-9;
}

/** Rate and interval over batches [from, to); returns the share of batches that disagree. */
static double fit(const struct ul_per_run_batch *batches, size_t from, size_t to,
		  struct ul_per_run *ret)
{
	double rates[MOST_BATCHES];
	double apart[MOST_BATCHES];
	size_t len = 0;
	size_t agree = 0;
	double runs = 0;
	double left = 0;
	double squares = 0;
	for (size_t i = from; i < to && len < MOST_BATCHES; i++)
		rates[len++] = (double)batches[i].left / batches[i].runs;
	const double middle = median(rates, len);
	for (size_t i = 0; i < len; i++)
		apart[i] = fabs(rates[i] - middle);
	const double spread = deviations * mad_to_sigma * median(apart, len);
	for (size_t i = from; i < from + len; i++) {
		if (!agrees(&batches[i], middle, spread))
			continue;
		runs += batches[i].runs;
		left += (double)batches[i].left;
		agree++;
	}
	ret->per_run = runs > 0 ? left / runs : 0;
	for (size_t i = from; i < from + len; i++) {
		const double off = (double)batches[i].left / batches[i].runs - ret->per_run;
		if (agrees(&batches[i], middle, spread))
			squares += off * off;
	}
	const double error =
		agree > 1 ? sqrt(squares / (double)(agree - 1) / (double)agree) : ret->per_run;
	ret->low = fmax(0, ret->per_run - 2 * error);
	ret->high = ret->per_run + 2 * error;
	return len ? 1 - (double)agree / (double)len : 1;
}

/** p/q with the smallest q in the interval, where that is narrow enough to tell. */
static void find_ratio(struct ul_per_run *ret, double runs)
{
	const double half = fmax((ret->high - ret->low) / 2, 0.5 / fmax(runs, 1));
	for (uint32_t q = 1; q <= MOST_DENOMINATOR; q++) {
		const double p = round(ret->per_run * q);
		// Ratios with denominators up to q lie at least 1/q^2 or so apart.
		if (p < 1 || half > 1.0 / (4.0 * q * q) || fabs(ret->per_run - p / q) > half)
			continue;
		ret->numerator = (uint32_t)p;
		ret->denominator = q;
		return;
	}
}

static bool differ(struct sums a, struct sums b)
{
	const double together = (a.left + b.left) / (a.runs + b.runs);
	const double error = sqrt(together * (1 / a.runs + 1 / b.runs));
	return error > 0 && fabs(a.left / a.runs - b.left / b.runs) / error > surely_different;
}

static void judge(const struct ul_per_run_batch *batches, size_t len,
		  const struct ul_per_run_facts *facts, struct ul_per_run *ret)
{
	size_t first = 0;
	size_t last = len - 1;
	while (first < len && !batches[first].left)
		first++;
	while (last > first && !batches[last].left)
		last--;
	const struct sums lasted = sum(batches, first, last + 1);
	const double rate = lasted.left / lasted.runs;
	const double uneven = fit(batches, first, last + 1, ret);
	find_ratio(ret, lasted.runs);
	const double sure = (double)ret->lost / (double)(ret->lost + SMALL_COUNT);
	ret->confidence = sure;
	if (rate * sum(batches, last + 1, len).runs >= surely_expected) {
		ret->shape = UL_PER_RUN_STOPPED;
		ret->last_run = (uint64_t)sum(batches, 0, last + 1).runs;
		return;
	}
	const double missing = rate * sum(batches, 0, first).runs;
	if (missing >= surely_expected && (double)facts->freed >= missing / 2) {
		ret->shape = UL_PER_RUN_RECENT;
		ret->kept_runs = (uint64_t)sum(batches, first, len).runs;
		return;
	}
	const size_t middle = first + (len - first) / 2;
	const struct sums early = sum(batches, first, middle);
	const struct sums late = sum(batches, middle, len);
	if (early.runs > 0 && late.runs > 0 && differ(early, late)) {
		if (late.left / late.runs < falling_share * early.left / early.runs) {
			ret->shape = UL_PER_RUN_FALLING;
			return;
		}
		// Old ones go, one by one: a history, or a cache that replaces.
		if (early.left / early.runs < falling_share * late.left / late.runs &&
		    (double)facts->freed >= late.left / late.runs * early.runs / 4) {
			ret->shape = UL_PER_RUN_RECENT;
			ret->kept_runs = (uint64_t)late.runs;
			return;
		}
	}
	// What comes by chance, but with the runs, varies by the root of its number.
	const double by_chance = 2 * sqrt(lasted.left) / lasted.runs;
	const bool vague = !ret->numerator &&
			   ret->high - ret->per_run > fmax(vague_share * ret->per_run, by_chance);
	if (!ret->numerator && ret->lost < SMALL_COUNT)
		ret->shape = UL_PER_RUN_NONE;
	else if (uneven > uneven_share || vague)
		ret->shape = ret->lost < ENOUGH ? UL_PER_RUN_NONE : UL_PER_RUN_UNEVEN;
	else
		ret->shape = UL_PER_RUN_STEADY;
	ret->confidence = sure * (1 - uneven);
}

struct ul_per_run ul_per_run(const struct ul_per_run_batch *batches, size_t len,
			     const struct ul_per_run_facts *facts)
{
	struct ul_per_run ret = {.shape = UL_PER_RUN_NONE};
	size_t with_any = 0;
	if (len > MOST_BATCHES)
		len = MOST_BATCHES;
	for (size_t i = 0; i < len; i++) {
		if (!batches[i].runs)
			return ret;
		ret.lost += batches[i].left;
		with_any += batches[i].left > 0;
	}
	ret.lost_in_all = ret.lost + facts->warm_up_left;
	if (ret.lost < LEAST_LEFT || (double)ret.lost < 2 * facts->background_left + LEAST_LEFT)
		return ret;
	// A burst is no growth with the runs.
	if (with_any < LEAST_LEFT && len > LEAST_LEFT)
		return ret;
	judge(batches, len, facts, &ret);
	return ret;
}
