// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theil-Sen slope: the median of the slopes of all pairs of points (P. K. Sen, 1968). Nearly a
 * third of the points may be anything without moving it far, which least squares cannot say of one.
 *
 * The interval: Kendall's S (rising pairs minus falling pairs) has a known variance when there is
 * no trend; the slopes at the ranks (N -+ 1.96 sd(S)) / 2 bound the slope with 95 %. Ties shrink
 * that variance. It holds for independent points only, and memory is anything but: what a counter
 * is now it was mostly a quarter of a second ago. So the variance is inflated by the
 * autocorrelation of the residuals, over the lags where that is significant (Hamed and Rao, 1998,
 * with the residuals cut at three scales in place of their ranks: no sort needed).
 *
 * Which way it errs: correlation that lasts longer than a fraction of the window cannot be told
 * from a trend, and the interval is then too narrow. The shape tests in growth_shape.c are there
 * for that. Of a staircase with few steps the slope comes out low, since pairs on one step have
 * slope zero; a slope of zero with rising ends falls back on least squares.
 *
 * Points beyond UL_SLOPE_POINTS are replaced by block medians, which costs little: the
 * information lost is that between neighbours, where the slopes are noise anyway.
 */
#include "analysis/growth_slope.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRS = UL_SLOPE_POINTS * (UL_SLOPE_POINTS - 1) / 2 };

static const double Z_95 = 1.96;

bool ul_slope_scratch_init(struct ul_slope_scratch *scratch)
{
	*scratch = (struct ul_slope_scratch){
		.slopes = calloc(PAIRS, sizeof(double)),
		.time = calloc(UL_SLOPE_POINTS, sizeof(double)),
		.value = calloc(UL_SLOPE_POINTS, sizeof(double)),
		.sorted = calloc(UL_SLOPE_POINTS, sizeof(double)),
		.spare = calloc(UL_SLOPE_POINTS, sizeof(double)),
	};
	if (scratch->slopes && scratch->time && scratch->value && scratch->sorted && scratch->spare)
		return true;
	ul_slope_scratch_deinit(scratch);
	return false;
}

void ul_slope_scratch_deinit(struct ul_slope_scratch *scratch)
{
	free(scratch->slopes);
	free(scratch->time);
	free(scratch->value);
	free(scratch->sorted);
	free(scratch->spare);
	*scratch = (struct ul_slope_scratch){0};
}

static double middle_of_three(double a, double b, double c)
{
	return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

/**
 * Move what is below @p pivot (or, with @p equal, not above it) to the front of the values from
 * @p low to @p high; returns where the rest begins. No branch depends on a value: the slopes come
 * in no order, and every second guess of a processor would be wrong.
 */
static size_t part(double *values, size_t low, size_t high, double pivot, bool equal)
{
	size_t front = low;
	for (size_t i = low; i < high; i++) {
		const double value = values[i];
		values[i] = values[front];
		values[front] = value;
		front += equal ? value <= pivot : value < pivot;
	}
	return front;
}

double ul_slope_select(double *values, size_t count, size_t rank)
{
	size_t low = 0;
	size_t high = count;
	while (high - low > 1) {
		const double pivot = middle_of_three(values[low], values[rank], values[high - 1]);
		const size_t below = part(values, low, high, pivot, false);
		if (rank < below) {
			high = below;
			continue;
		}
		// Ties are common: a staircase has hundreds of slopes zero.
		low = part(values, below, high, pivot, true);
		if (rank < low)
			return pivot;
	}
	return values[rank];
}

static double median(double *values, size_t count)
{
	return ul_slope_select(values, count, count / 2);
}

/** Medians of blocks of neighbours: at most @p most points, in scratch time and value. */
static size_t block_medians(struct ul_slope_scratch *scratch, const double *time_s,
			    const double *value, size_t count, size_t most)
{
	const size_t size = (count + most - 1) / most;
	size_t blocks = 0;
	if (size == 1) {
		memcpy(scratch->time, time_s, count * sizeof(*time_s));
		memcpy(scratch->value, value, count * sizeof(*value));
		return count;
	}
	for (size_t start = 0; start < count; start += size) {
		const size_t len = count - start < size ? count - start : size;
		// The slopes are not made yet, and a block is never longer than they are.
		for (size_t i = 0; i < len; i++)
			scratch->slopes[i] = value[start + i];
		scratch->value[blocks] = median(scratch->slopes, len);
		scratch->time[blocks++] = time_s[start + len / 2];
	}
	return blocks;
}

static int ascending(const void *left, const void *right)
{
	const double a = *(const double *)left;
	const double b = *(const double *)right;
	return (a > b) - (a < b);
}

/** Variance of Kendall's S without trend; groups of equal values lessen it. */
static double kendall_variance(struct ul_slope_scratch *scratch, size_t count)
{
	double *sorted = scratch->sorted;
	for (size_t i = 0; i < count; i++)
		sorted[i] = scratch->value[i];
	qsort(sorted, count, sizeof(*sorted), ascending);
	const double n = (double)count;
	double sum = n * (n - 1) * (2 * n + 5);
	for (size_t start = 0; start < count;) {
		size_t end = start + 1;
		while (end < count && sorted[end] <= sorted[start])
			end++;
		const double tied = (double)(end - start);
		sum -= tied * (tied - 1) * (2 * tied + 5);
		start = end;
	}
	return sum / 18;
}

/** Residuals about the line, cut at three scales, into scratch->sorted; returns their scale. */
static double residuals(struct ul_slope_scratch *scratch, size_t count, double per_s)
{
	double *rest = scratch->sorted;
	double *spare = scratch->spare;
	for (size_t i = 0; i < count; i++)
		spare[i] = rest[i] = scratch->value[i] - per_s * scratch->time[i];
	const double centre = median(spare, count);
	for (size_t i = 0; i < count; i++)
		spare[i] = fabs(rest[i] - centre);
	double scale = 1.4826 * median(spare, count);
	if (!(scale > 0)) {
		// More than half lie on the line: the mean deviation is what is left to go by.
		double sum = 0;
		for (size_t i = 0; i < count; i++)
			sum += fabs(rest[i] - centre);
		scale = sum / (double)count;
	}
	if (!(scale > 0))
		return 0;
	for (size_t i = 0; i < count; i++)
		rest[i] = fmax(-3, fmin(3, (rest[i] - centre) / scale));
	return scale;
}

/** How many times larger the variance of S is than for independent residuals; >= 1. */
static double inflation(const double *rest, size_t count)
{
	double mean = 0;
	double square = 0;
	for (size_t i = 0; i < count; i++)
		mean += rest[i];
	mean /= (double)count;
	for (size_t i = 0; i < count; i++)
		square += (rest[i] - mean) * (rest[i] - mean);
	if (!(square > 0))
		return 1;
	const double n = (double)count;
	const double significant = Z_95 / sqrt(n);
	double sum = 0;
	for (size_t lag = 1; lag <= count / 4; lag++) {
		double product = 0;
		for (size_t i = 0; i + lag < count; i++)
			product += (rest[i] - mean) * (rest[i + lag] - mean);
		const double correlation = product / square;
		const double left = n - (double)lag;
		if (fabs(correlation) > significant)
			sum += left * (left - 1) * (left - 2) * correlation;
	}
	return fmax(1, 1 + 2 / (n * (n - 1) * (n - 2)) * sum);
}

static size_t pair_slopes(struct ul_slope_scratch *scratch, size_t count)
{
	size_t pairs = 0;
	for (size_t j = 1; j < count; j++) {
		for (size_t i = 0; i < j; i++) {
			const double elapsed = scratch->time[j] - scratch->time[i];
			if (elapsed > 0)
				scratch->slopes[pairs++] =
					(scratch->value[j] - scratch->value[i]) / elapsed;
		}
	}
	return pairs;
}

static double least_squares(const struct ul_slope_scratch *scratch, size_t count)
{
	double time = 0;
	double value = 0;
	double square = 0;
	double product = 0;
	for (size_t i = 0; i < count; i++) {
		time += scratch->time[i] / (double)count;
		value += scratch->value[i] / (double)count;
	}
	for (size_t i = 0; i < count; i++) {
		square += (scratch->time[i] - time) * (scratch->time[i] - time);
		product += (scratch->time[i] - time) * (scratch->value[i] - value);
	}
	return square > 0 ? product / square : 0;
}

struct ul_slope ul_slope_fit(struct ul_slope_scratch *scratch, const double *time_s,
			     const double *value, size_t count, size_t most)
{
	if (count < 2)
		return (struct ul_slope){0};
	const size_t points = block_medians(scratch, time_s, value, count, most);
	const size_t pairs = pair_slopes(scratch, points);
	if (!pairs)
		return (struct ul_slope){0};
	double per_s = median(scratch->slopes, pairs);
	const double deviation = sqrt(kendall_variance(scratch, points));
	double widened = deviation;
	const double spread = residuals(scratch, points, per_s);
	if (points > 4 && spread > 0)
		widened *= sqrt(inflation(scratch->sorted, points));

	// The median has parted the slopes: each bound is sought on its own side only.
	const double half = Z_95 * widened / 2;
	const size_t middle = pairs / 2;
	const size_t low = half < (double)middle ? middle - (size_t)half : 0;
	const size_t high =
		half + 1 < (double)(pairs - 1 - middle) ? middle + (size_t)half + 1 : pairs - 1;
	struct ul_slope slope = {
		.low = ul_slope_select(scratch->slopes, middle + 1, low),
		.high = ul_slope_select(scratch->slopes + middle, pairs - middle, high - middle),
		.spread = spread,
	};
	if (per_s == 0 && scratch->value[points - 1] > scratch->value[0])
		per_s = least_squares(scratch, points);
	slope.per_s = per_s;
	slope.low = fmin(slope.low, per_s);
	slope.high = fmax(slope.high, per_s);
	return slope;
}
