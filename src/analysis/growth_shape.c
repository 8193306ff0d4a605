// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The shape of growth, by the floor of a series: what is allocated and given back again is no leak,
 * so of each stretch of the window only the least counts.
 *
 * The window is cut into blocks. If the least of each block rises from block to block (Kendall's
 * order of up to eight numbers, threshold near 0.5 % by chance), the floor rises: sawtooth, bursts
 * and periods shorter than a block or two drop out here, whatever their size, and a leak under a
 * sawtooth stays in. A staircase has ties, which count for nothing: four levels in eight blocks are
 * still beyond chance, three are not.
 *
 * Steps are the moments at which "the least from here to the end" rises: what came at such a moment
 * never went away. Rises within a twentieth of the window are one step, so that a list built
 * within a second is a single one. How long ago the last one was, compared with the gaps between
 * them, tells a staircase that goes on from a cache that has filled. In a hole, where nobody looked
 * (a machine too busy to take samples), the pace beside it is taken to have gone on as long as the
 * growth in it lasts: that much time and growth is left out. Growth beyond it is a step, time
 * beyond it is silence: a cache that filled before the hole and one sample behind it are no leak.
 *
 * What it cannot see: a period longer than the window is growth; a leak slower than three steps of
 * the allocator (three slabs) within the window is none.
 */
#include "analysis/growth_shape.h"

#include <math.h>

#include "analysis/growth_slope.h"

enum { BLOCKS_MAX = 10, BLOCKS = 8, PER_BLOCK = 2 };

/** A rise of the floor less than this is noise of counters. */
static const double STEP_LEAST = 4096;
/** Rises closer than this share of the window are one. */
static const double STEP_SPREAD = 1.0 / 20;
/** A rise below this share of all, or this many times the noise, is no step by itself. */
static const double STEP_SHARE = 1.0 / 100;
static const double STEP_NOISE = 2;
/** Between two points is a hole: beyond STEP_SPREAD, and so many times the mean distance. */
static const double HOLE_DISTANCES = 5;

/**
 * Least S of Kendall that counts as rising: 5 to 10 numbers in random order reach it in at most
 * 1.6 % of cases (by counting permutations); the other tests take it from there.
 */
static int beyond_chance(size_t blocks)
{
	static const int least[BLOCKS_MAX + 1] = {
		[5] = 10, [6] = 13, [7] = 15, [8] = 18, [9] = 22, [10] = 25};
	return blocks <= BLOCKS_MAX ? least[blocks] : least[BLOCKS_MAX];
}

/** Least of each block, into @p ret; returns how many blocks there are. */
static size_t block_floors(struct ul_growth_points points, double ret[BLOCKS_MAX])
{
	size_t blocks = points.count >= (size_t)BLOCKS * PER_BLOCK ? BLOCKS
			: points.count < BLOCKS_MAX		   ? points.count
								   : BLOCKS;
	for (size_t block = 0; block < blocks; block++) {
		const size_t start = block * points.count / blocks;
		const size_t end = (block + 1) * points.count / blocks;
		ret[block] = points.floor[start];
		for (size_t i = start + 1; i < end; i++)
			ret[block] = fmin(ret[block], points.floor[i]);
	}
	return blocks;
}

static int kendall(const double *values, size_t count)
{
	int sum = 0;
	for (size_t j = 1; j < count; j++)
		for (size_t i = 0; i < j; i++)
			sum += (values[j] > values[i]) - (values[j] < values[i]);
	return sum;
}

/**
 * Standard deviation of independent noise, from second differences: a line drops out of them. What
 * only ever rises has no noise, however uneven its steps: so falls are counted too.
 */
static double neighbour_noise(struct ul_growth_points points)
{
	const double *floor = points.floor;
	size_t falls = 0;
	size_t rises = 0;
	for (size_t i = 1; i < points.count; i++) {
		falls += floor[i] < floor[i - 1];
		rises += floor[i] > floor[i - 1];
	}
	for (size_t i = 1; i + 1 < points.count; i++)
		points.spare[i - 1] = fabs(floor[i - 1] - 2 * floor[i] + floor[i + 1]);
	const size_t count = points.count - 2;
	const double deviation = 1.4826 / sqrt(6) * ul_slope_select(points.spare, count, count / 2);
	return falls < rises ? deviation * 2 * (double)falls / (double)(falls + rises) : deviation;
}

struct step {
	double began;
	double last;
	double bytes;
};

/** Count @p step if it is large enough, and remember the time to the one before. */
static void close_step(struct ul_growth_shape *shape, const struct step *step, double least,
		       double *previous)
{
	if (step->bytes < least)
		return;
	if (shape->steps)
		shape->gap = fmax(shape->gap, step->began - *previous);
	*previous = step->began;
	shape->steps++;
	shape->largest = fmax(shape->largest, step->bytes);
	shape->silent = step->last;
}

/** From one point to the next. */
struct stretch {
	double time_s;
	double bytes; /**< that @c level rises by */
};

/** Between points, where nobody looked. */
struct holes {
	double least_s; /**< what is farther apart is a hole */
	double pace;	/**< bytes per second of @c level outside of them */
};

static struct holes find_holes(struct ul_growth_points points, const double *level)
{
	const size_t last = points.count - 1;
	const double window = points.time_s[last] - points.time_s[0];
	const double least_s = window * fmax(STEP_SPREAD, HOLE_DISTANCES / (double)last);
	double watched = window;
	double rise = level[last] - level[0];
	for (size_t i = 1; i <= last; i++) {
		const double apart = points.time_s[i] - points.time_s[i - 1];
		if (apart <= least_s)
			continue;
		watched -= apart;
		rise -= level[i] - level[i - 1];
	}
	if (!(watched > 0) || !(rise > 0)) // nothing beside them to go by
		return (struct holes){.least_s = INFINITY};
	return (struct holes){.least_s = least_s, .pace = rise / watched};
}

/** To point @p i from the one before; of a hole, what the pace beside it does not account for. */
static struct stretch stretch_before(struct ul_growth_points points, const double *level,
				     struct holes holes, size_t i)
{
	const struct stretch all = {points.time_s[i] - points.time_s[i - 1],
				    level[i] - level[i - 1]};
	if (all.time_s <= holes.least_s)
		return all;
	const double grown_s = fmin(all.time_s, all.bytes / holes.pace);
	return (struct stretch){all.time_s - grown_s, fmax(0, all.bytes - holes.pace * all.time_s)};
}

/** Steps of "the least from here to the end". */
static void count_steps(struct ul_growth_points points, struct ul_growth_shape *shape)
{
	const size_t last = points.count - 1;
	const double least =
		fmax(STEP_LEAST, fmax(shape->rise * STEP_SHARE, shape->noise * STEP_NOISE));
	double *level = points.spare;
	level[last] = points.floor[last];
	for (size_t i = last; i-- > 0;)
		level[i] = fmin(level[i + 1], points.floor[i]);
	const struct holes holes = find_holes(points, level);
	double window = 0;
	for (size_t i = 1; i <= last; i++)
		window += stretch_before(points, level, holes, i).time_s;

	double previous = 0;
	double now = 0;
	struct step step = {0};
	for (size_t i = 1; i <= last; i++) {
		const struct stretch stretch = stretch_before(points, level, holes, i);
		now += stretch.time_s;
		if (stretch.bytes <= 0)
			continue;
		if (now - step.began > STEP_SPREAD * window && step.bytes >= least) {
			close_step(shape, &step, least, &previous);
			step.bytes = 0;
		}
		if (!(step.bytes > 0))
			step.began = now;
		step.bytes += stretch.bytes;
		step.last = now;
	}
	close_step(shape, &step, least, &previous);
	const double total = level[last] - level[0];
	shape->largest = total > 0 ? shape->largest / total : 0;
	shape->gap /= window;
	shape->silent = shape->steps ? (now - shape->silent) / window : 1;
}

/** Means over points; a phase without samples puts them farther apart than their number says. */
struct moment {
	double time_s;
	double bytes;
};

/** Means of the points from @p start to @p end (exclusive). */
static struct moment mean(struct ul_growth_points points, size_t start, size_t end)
{
	struct moment sum = {0};
	for (size_t i = start; i < end; i++) {
		sum.time_s += points.time_s[i];
		sum.bytes += points.floor[i];
	}
	return (struct moment){sum.time_s / (double)(end - start),
			       sum.bytes / (double)(end - start)};
}

/** Bytes per second; times differ, as those of points do. */
static double pace(struct moment from, struct moment to)
{
	return (to.bytes - from.bytes) / (to.time_s - from.time_s);
}

/** Pace of the later half against that of the earlier, between means of thirds. */
static double lateness(struct ul_growth_points points)
{
	const size_t third = points.count / 3;
	const struct moment first = mean(points, 0, third);
	const struct moment middle = mean(points, third, points.count - third);
	const struct moment last = mean(points, points.count - third, points.count);
	const double early = pace(first, middle);
	const double late = pace(middle, last);
	return early > 0 ? late / early : late > 0 ? INFINITY : 0;
}

/** Pace from the last eighth but one to the last, against that from the first to the last. */
static double pace_at_end(struct ul_growth_points points, double rise)
{
	const size_t eighth = points.count < BLOCKS ? 1 : points.count / BLOCKS;
	const size_t count = points.count;
	const struct moment first = mean(points, 0, eighth);
	const struct moment before = mean(points, count - 2 * eighth, count - eighth);
	const struct moment last = mean(points, count - eighth, count);
	return pace(before, last) / (rise / (last.time_s - first.time_s));
}

struct ul_growth_shape ul_growth_shape_of(struct ul_growth_points points)
{
	struct ul_growth_shape shape = {0};
	double floors[BLOCKS_MAX] = {0};
	const size_t blocks = block_floors(points, floors);
	const int order = kendall(floors, blocks);
	shape.rise = floors[blocks - 1] - floors[0];
	shape.order = (double)order / ((double)(blocks * (blocks - 1)) / 2);
	shape.rising = order >= beyond_chance(blocks);
	if (shape.rise <= 0)
		return shape;
	shape.noise = neighbour_noise(points);
	count_steps(points, &shape);
	shape.late = lateness(points);
	shape.end = pace_at_end(points, shape.rise);
	return shape;
}
