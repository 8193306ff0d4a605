// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Verdicts on series: is this account growing like a leak?
 *
 * The difficulty is not the slope, it is that everything in a kernel grows at some time: caches
 * warm up, lists are built, logs rotate, per-CPU counters are folded in late. And a leak need not
 * look like a line: slab accounts move by whole slabs of 4 to 32 KiB, so a slow leak of small
 * objects is a staircase of few steps. A significance test on the slope alone calls half of the
 * innocent accounts growing, because neighbouring samples are not independent.
 *
 * So a series is leak-like only if all of these agree:
 *  - the interval of the slope, widened by autocorrelation, lies above zero (growth_slope.c);
 *  - the floor rises from block to block beyond chance (growth_shape.c);
 *  - it rises at three or more distinct moments, by four pages or more, and beyond its own noise;
 *  - it has not stopped: the silence at the end is no longer than twice the longest gap before;
 *  - it does not slow down: the later half rises at half the pace of the earlier, or more.
 * What rose and then stopped or slowed down is a step. A series that fails only because of how it
 * began (warm-up, a list built when the load started) is judged once more by its last 60 %, there
 * by a stricter measure of steadiness: the tail of a saturating cache is not a line, a leak's is.
 *
 * A recording of weeks is thinned: its last hours have a sample a second, what was before one in
 * minutes. Taken by number it would be judged by the last hours alone, in which a daily wave is a
 * leak. So points are taken by time then; and where that shows no leak, the newest samples are
 * asked for one that has begun of late, if they lie above all that was before.
 *
 * Then what the account is decides what growth means: growing free memory is flat, growth that
 * reclaim can take back is filling. In a report, a process that has ended is flat and one that ran
 * for less than half the window too short: how a program starts says nothing about how it goes on.
 *
 * Which way it errs: a cache that saturates with a time constant beyond half the window, or a
 * period longer than the window, is called leak-like: watch longer. A leak of fewer than three
 * slabs in the window, or slower than the account's own noise, is called flat: watch longer too.
 * docs/method/growth.md has the measured rates.
 */
#include "analysis/growth.h"

#include <math.h>
#include <string.h>

#include "analysis/growth_order.h"
#include "analysis/growth_shape.h"
#include "analysis/growth_slope.h"

enum {
	POINTS_MAX = 4096, /**< longer series are thinned to this many before they are judged */
	POINTS_MIN = UL_SHAPE_POINTS,
	TAIL_MIN = 2 * POINTS_MIN,
	STEPS_MIN = 3,
	STEPS_MANY = 5,
	OBJECTS_POINTS = 40, /**< the slope of the objects decides nothing */
	UNEVEN_MIN = 1000,   /**< fewer samples are taken as they are */
	UNEVEN_POINTS = 256, /**< as many points at least, if there are samples for them */
	UNEVEN_LEAST = 64,   /**< else it is not worth it */
};

static const double WINDOW_MIN_S = 1;
/** A rise of fewer bytes, or fewer times the noise of neighbours, is none. */
static const double RISE_MIN = 4 * 4096;
static const double RISE_NOISE = 2;
/** Order of the floors that needs no support, and the rise over the spread that supports less. */
static const double ORDER_CLEAR = 0.85;
static const double RISE_SPREAD = 3;
/** Silence at the end, as share of the window, that is never, always, or by gaps too long. */
static const double SILENT_MIN = 0.1;
static const double SILENT_MAX = 1.0 / 3;
static const double SILENT_GAPS = 2;
/** Pace of the later half and of the end at which many steps have become a plateau. */
static const double LATE_PLATEAU = 0.8;
static const double END_PLATEAU = 0.25;
static const double LARGEST_MAX = 0.6;
static const double GAP_OF_FEW = 0.38;
static const double TAIL_SHARE = 0.6;
/** Samples are uneven when a tenth of the time has them so much farther apart than the mean. */
static const double UNEVEN = 4;
static const double UNEVEN_SHARE = 0.1;
/** What is so many times farther apart than the last ones does not belong to the newest. */
static const double NEWEST = 30;
static const double HOLE_SHARE = 1.0 / 20;
/** What ended this share of the window ago is gone; what covers less of it is too short. */
static const double GONE_SHARE = 0.1;
static const double COVER_PROCESS = 0.5;
static const double COVER_ACCOUNT = 0.25;

/** Everything one series needs, made once for many. */
struct work {
	struct ul_slope_scratch slope;
	double *time_s;	 /**< since the first sample */
	double *bytes;	 /**< median around that time */
	double *floor;	 /**< least around that time */
	double *objects; /**< median around that time */
	double *spare;
	size_t count;
	bool has_objects;
};

static void work_deinit(struct work *work)
{
	ul_slope_scratch_deinit(&work->slope);
	free(work->time_s);
	free(work->bytes);
	free(work->floor);
	free(work->objects);
	free(work->spare);
}

#define CLEANUP_WORK UL_CLEANUP(work_deinit)

static struct ul_error *work_init(struct work *work)
{
	*work = (struct work){
		.time_s = calloc(POINTS_MAX, sizeof(double)),
		.bytes = calloc(POINTS_MAX, sizeof(double)),
		.floor = calloc(POINTS_MAX, sizeof(double)),
		.objects = calloc(POINTS_MAX, sizeof(double)),
		.spare = calloc(POINTS_MAX, sizeof(double)),
	};
	const bool made = work->time_s && work->bytes && work->floor && work->objects &&
			  work->spare && ul_slope_scratch_init(&work->slope);
	return made ? NULL : &ul_enomem;
}

/** Seconds between two times, of which @p later is not before @p earlier. */
static double seconds_between(int64_t earlier, int64_t later)
{
	// Unsigned: the difference of two signed numbers may not fit a signed one.
	return (double)((uint64_t)later - (uint64_t)earlier) / 1e9;
}

/** Median of the samples' bytes or objects from @p start, @p len <= POINTS_MAX of them. */
static double sample_median(struct work *work, const struct ul_sample *samples, size_t len,
			    bool objects)
{
	// Of a long block every stride-th sample does.
	const size_t stride = (len + POINTS_MAX - 1) / POINTS_MAX;
	size_t count = 0;
	for (size_t i = 0; i < len; i += stride)
		work->spare[count++] = (double)(objects ? samples[i].objects : samples[i].bytes);
	return ul_slope_select(work->spare, count, count / 2);
}

/** @p sample as a point, @p start the first sample of all. */
static void add_point(struct work *work, const struct ul_sample *start,
		      const struct ul_sample *sample)
{
	const size_t at = work->count++;
	work->time_s[at] = seconds_between(start->time_ns, sample->time_ns);
	work->floor[at] = work->bytes[at] = (double)sample->bytes;
	work->objects[at] = (double)sample->objects;
	work->has_objects &= sample->objects >= 0;
}

/** @p len samples as at most POINTS_MAX points, each of as many of them. */
static void load_by_number(struct work *work, const struct ul_sample *samples, size_t len)
{
	const size_t size = (len + POINTS_MAX - 1) / POINTS_MAX;
	work->count = 0;
	work->has_objects = true;
	for (size_t i = 0; size == 1 && i < len; i++)
		add_point(work, samples, &samples[i]);
	for (size_t start = 0; size > 1 && start < len; start += size) {
		const size_t block = len - start < size ? len - start : size;
		int64_t least = samples[start].bytes;
		for (size_t i = start; i < start + block; i++) {
			least = samples[i].bytes < least ? samples[i].bytes : least;
			work->has_objects &= samples[i].objects >= 0;
		}
		const size_t at = work->count++;
		work->time_s[at] =
			seconds_between(samples[0].time_ns, samples[start + block / 2].time_ns);
		work->floor[at] = (double)least;
		work->bytes[at] = sample_median(work, &samples[start], block, false);
		work->objects[at] = sample_median(work, &samples[start], block, true);
	}
}

/**
 * How far apart points must be so that the old part of the series, which has few samples, counts
 * for as much time as the new one; 0: the samples are even. Holes are no coarse sampling.
 */
static double even_distance(const struct ul_sample *samples, size_t len)
{
	enum { BITS = 64 };
	double time_s[BITS] = {0}; // by powers of two of the distance
	double longest_s[BITS] = {0};
	double all_s = 0;
	if (len < UNEVEN_MIN)
		return 0;
	const double window_s = seconds_between(samples[0].time_ns, samples[len - 1].time_ns);
	for (size_t i = 1; i < len; i++) {
		const double apart_s = seconds_between(samples[i - 1].time_ns, samples[i].time_ns);
		const int bit = ilogb(apart_s * 1e9);
		if (apart_s > window_s * HOLE_SHARE || bit < 0 || bit >= BITS)
			continue;
		time_s[bit] += apart_s;
		longest_s[bit] = fmax(longest_s[bit], apart_s);
		all_s += apart_s;
	}
	double distance_s = 0;
	double coarser_s = 0;
	for (int bit = BITS; bit-- > 0 && coarser_s <= all_s * UNEVEN_SHARE;) {
		coarser_s += time_s[bit];
		distance_s = longest_s[bit];
	}
	distance_s = fmin(distance_s, window_s / UNEVEN_POINTS);
	if (distance_s * (double)len < UNEVEN * window_s)
		return 0;
	return fmax(distance_s, window_s / (POINTS_MAX - 1));
}

/** One sample of each @p distance_s, as if all had been taken so. */
static void load_by_time(struct work *work, const struct ul_sample *samples, size_t len,
			 double distance_s)
{
	double next = 0;
	work->count = 0;
	work->has_objects = true;
	for (size_t i = 0; i < len && work->count < POINTS_MAX; i++) {
		const double place =
			seconds_between(samples[0].time_ns, samples[i].time_ns) / distance_s;
		if (place < next)
			continue;
		add_point(work, samples, &samples[i]);
		next = floor(place) + 1;
	}
}

/** The samples as at most POINTS_MAX points. True: they are uneven, and were thinned by time. */
static bool load(struct work *work, const struct ul_series *series)
{
	const struct ul_sample *samples = series->samples.data;
	const size_t len = series->samples.len;
	const double distance_s = even_distance(samples, len);
	if (distance_s > 0) {
		load_by_time(work, samples, len, distance_s);
		if (work->count >= UNEVEN_LEAST)
			return true;
	}
	load_by_number(work, samples, len);
	return false;
}

static bool is_constant(const double *values, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (values[i] < values[0] || values[i] > values[0])
			return false;
	return true;
}

/** What a stretch of the series shows. */
struct judgement {
	enum ul_growth_verdict verdict; /**< FLAT, STEP or LEAK_LIKE */
	struct ul_growth_shape shape;
	struct ul_slope slope;
};

/** What is asked of the shape: more of a tail that is to save what the whole has failed. */
struct demands {
	double order; /**< least order of the floors, unless the rise stands out of the noise */
	double late_least; /**< pace of the later half over that of the earlier */
	double late_most;
};

static bool has_stopped(const struct ul_growth_shape *shape)
{
	if (shape->silent > fmax(SILENT_MIN, fmin(SILENT_MAX, SILENT_GAPS * shape->gap)))
		return true;
	// A plateau has noise of its own that looks like small steps; of many steps some must fall
	// into the last quarter.
	return shape->steps >= STEPS_MANY && shape->late < LATE_PLATEAU && shape->end < END_PLATEAU;
}

/** Few steps prove little: then they must be spread evenly. */
static bool is_patchy(const struct ul_growth_shape *shape)
{
	return shape->largest > LARGEST_MAX ||
	       (shape->steps < STEPS_MANY && shape->gap > GAP_OF_FEW);
}

static bool is_steady(const struct judgement *judgement, const struct demands *demands)
{
	const struct ul_growth_shape *shape = &judgement->shape;
	const bool in_order = shape->order >= ORDER_CLEAR ||
			      (shape->order >= demands->order &&
			       shape->rise >= RISE_SPREAD * judgement->slope.spread);
	return in_order && shape->late >= demands->late_least &&
	       shape->late <= demands->late_most && !has_stopped(shape) && !is_patchy(shape);
}

/**
 * Is there a moment that parts the points into lower and higher ones? @p build points in between
 * are left out, and a twentieth at either end proves nothing alone.
 */
static bool is_parted(const struct work *work, size_t start, size_t build, double least)
{
	const size_t count = work->count - start;
	const size_t edge = count / 20 + 2;
	if (count < 2 * edge + build)
		return false;
	double *after = work->spare;
	after[count - 1] = work->floor[work->count - 1];
	for (size_t i = count - 1; i-- > 0;)
		after[i] = fmin(after[i + 1], work->floor[start + i]);
	double before = work->bytes[start];
	for (size_t i = 0; i + build + edge < count; i++) {
		before = fmax(before, work->bytes[start + i]);
		if (i + 1 >= edge && after[i + 1 + build] - before >= least)
			return true;
	}
	return false;
}

/** Rose by a jump, built within a tenth of the window, or by a ramp of up to half of it. */
static bool has_stepped(const struct work *work, size_t start, double noise)
{
	const size_t count = work->count - start;
	const double least = fmax(RISE_MIN, RISE_NOISE * noise);
	return is_parted(work, start, count / 10, least) ||
	       is_parted(work, start, count / 2, least);
}

/** Judge the points from @p start on. */
static struct judgement judge(struct work *work, size_t start, struct demands demands)
{
	const size_t count = work->count - start;
	struct judgement judgement = {
		.verdict = UL_GROWTH_FLAT,
		.shape = ul_growth_shape_of((struct ul_growth_points){
			.time_s = work->time_s + start,
			.floor = work->floor + start,
			.spare = work->spare,
			.count = count,
		}),
	};
	const struct ul_growth_shape *shape = &judgement.shape;
	const bool rises = shape->rising && shape->rise >= RISE_MIN &&
			   shape->rise >= RISE_NOISE * shape->noise;
	// Only a series that may be growing is worth all its pairs.
	judgement.slope = ul_slope_fit(&work->slope, work->time_s + start, work->bytes + start,
				       count, rises ? UL_SLOPE_POINTS : UL_SLOPE_POINTS_COARSE);
	if (rises && shape->steps >= STEPS_MIN && judgement.slope.low > 0 &&
	    is_steady(&judgement, &demands))
		judgement.verdict = UL_GROWTH_LEAK_LIKE;
	else if (shape->rise > 0 && has_stepped(work, start, shape->noise))
		judgement.verdict = UL_GROWTH_STEP;
	return judgement;
}

/** What growth of this account means. */
static enum ul_growth_verdict in_light_of_kind(const struct ul_series *series,
					       enum ul_growth_verdict verdict)
{
	if (series->kind == UL_KIND_FREE)
		return UL_GROWTH_FLAT;
	const bool can_shrink = series->reclaimable || series->kind == UL_KIND_FILE ||
				series->kind == UL_KIND_COMPRESSED;
	if (verdict == UL_GROWTH_LEAK_LIKE && can_shrink)
		return UL_GROWTH_FILLING;
	return verdict;
}

/** 0..1: mostly how sure and how steady, a little how large. */
static double score_of(const struct judgement *judgement, enum ul_growth_verdict verdict)
{
	const double half = (judgement->slope.high - judgement->slope.low) / 2;
	const double low = fmax(0, judgement->slope.low);
	const double sure = low > 0 ? low / (low + half) : 0;
	const double steady = fmax(0, judgement->shape.order) * fmin(1, judgement->shape.late);
	// 16 KiB gives 0, 1 GiB and more give 1.
	const double size = fmin(1, fmax(0, log2(fmax(1, judgement->shape.rise / RISE_MIN)) / 16));
	const double score = 0.4 * sure + 0.35 * steady + 0.25 * size;
	switch (verdict) {
	case UL_GROWTH_LEAK_LIKE:
		return score;
	case UL_GROWTH_FILLING:
		return score / 2;
	case UL_GROWTH_STEP:
		return score / 4;
	case UL_GROWTH_FLAT:
	case UL_GROWTH_TOO_SHORT:
		break;
	}
	return 0;
}

/** Slope of the last third. */
static double recent_slope(struct work *work)
{
	const size_t start = work->count - work->count / 3;
	const size_t from = work->count - start >= 3 ? start : work->count - 3;
	return ul_slope_fit(&work->slope, work->time_s + from, work->bytes + from,
			    work->count - from, UL_SLOPE_POINTS_COARSE)
		.per_s;
}

static const struct demands of_whole = {0, 0.5, INFINITY};
static const struct demands of_tail = {0.85, 0.8, 1.6};

static struct judgement judge_whole_then_tail(struct work *work, struct demands demands)
{
	const struct judgement whole = judge(work, 0, demands);
	const size_t length = (size_t)((double)work->count * TAIL_SHARE);
	if (whole.verdict != UL_GROWTH_STEP || length < TAIL_MIN)
		return whole;
	const struct judgement tail = judge(work, work->count - length, of_tail);
	return tail.verdict == UL_GROWTH_LEAK_LIKE ? tail : whole;
}

/** The first of the newest samples, which are close together. */
static size_t newest_start(const struct ul_sample *samples, size_t len)
{
	enum { LAST = 16 };
	const double apart_s =
		seconds_between(samples[len - 1 - LAST].time_ns, samples[len - 1].time_ns) / LAST;
	size_t start = len - 1;
	while (start > 0 && seconds_between(samples[start - 1].time_ns, samples[start].time_ns) <=
				    NEWEST * apart_s)
		start--;
	return start;
}

/**
 * Of a long recording, whose newest samples are hours of weeks: do these alone show a leak that has
 * begun of late? It must have led above all that was before, and not be the end of a saturation:
 * no slower than the @p pace_per_s of all. Loads other points.
 */
static bool leaks_of_late(struct work *work, const struct ul_series *series, double pace_per_s,
			  struct judgement *ret)
{
	const struct ul_sample *samples = series->samples.data;
	const size_t start = newest_start(samples, series->samples.len);
	double most = (double)samples[0].bytes;
	double least = INFINITY;
	if (series->samples.len - start < TAIL_MIN)
		return false;
	for (size_t i = 0; i < start; i++)
		most = fmax(most, (double)samples[i].bytes);
	load_by_number(work, samples + start, series->samples.len - start);
	for (size_t i = work->count - work->count / 3; i < work->count; i++)
		least = fmin(least, work->floor[i]);
	if (least < most + RISE_MIN)
		return false;
	const struct judgement judgement = judge_whole_then_tail(work, of_tail);
	if (judgement.verdict != UL_GROWTH_LEAK_LIKE || judgement.slope.per_s < pace_per_s)
		return false;
	*ret = judgement;
	return true;
}

static void analyse(struct work *work, const struct ul_series *series, struct ul_growth *ret)
{
	const size_t len = series->samples.len;
	*ret = (struct ul_growth){.verdict = UL_GROWTH_TOO_SHORT, .samples = len};
	if (!len)
		return;
	const struct ul_sample *samples = series->samples.data;
	ret->first = samples[0].bytes;
	ret->last = samples[len - 1].bytes;
	ret->window_s = seconds_between(samples[0].time_ns, samples[len - 1].time_ns);
	if (len < POINTS_MIN || ret->window_s < WINDOW_MIN_S)
		return;

	const bool uneven = load(work, series);
	if (work->has_objects && !is_constant(work->objects, work->count))
		ret->objects_per_s = ul_slope_fit(&work->slope, work->time_s, work->objects,
						  work->count, OBJECTS_POINTS)
					     .per_s;
	ret->verdict = UL_GROWTH_FLAT;
	if (is_constant(work->bytes, work->count) && is_constant(work->floor, work->count))
		return;
	struct judgement judgement = judge_whole_then_tail(work, of_whole);
	ret->recent_bytes_per_s = recent_slope(work);
	if (uneven && judgement.verdict != UL_GROWTH_LEAK_LIKE)
		leaks_of_late(work, series, judgement.shape.rise / ret->window_s, &judgement);
	ret->bytes_per_s = judgement.slope.per_s;
	ret->low = judgement.slope.low;
	ret->high = judgement.slope.high;
	ret->verdict = in_light_of_kind(series, judgement.verdict);
	ret->score = score_of(&judgement, ret->verdict);
}

struct ul_error *ul_growth_analyse(const struct ul_series *series, struct ul_growth *ret)
{
	CLEANUP_WORK struct work work = {0};
	UL_TRY(work_init(&work));
	analyse(&work, series, ret);
	return NULL;
}

/** Place of a verdict in the report. */
static int place(enum ul_growth_verdict verdict)
{
	switch (verdict) {
	case UL_GROWTH_LEAK_LIKE:
		return 0;
	case UL_GROWTH_FILLING:
		return 1;
	case UL_GROWTH_STEP:
		return 2;
	case UL_GROWTH_FLAT:
		return 3;
	case UL_GROWTH_TOO_SHORT:
		break;
	}
	return 4;
}

static int by_suspicion(const void *left, const void *right)
{
	const struct ul_growth_row *a = left;
	const struct ul_growth_row *b = right;
	const int order = place(a->growth.verdict) - place(b->growth.verdict);
	if (order)
		return order;
	if (a->growth.score < b->growth.score || a->growth.score > b->growth.score)
		return a->growth.score < b->growth.score ? 1 : -1;
	if (a->growth.last != b->growth.last)
		return a->growth.last < b->growth.last ? 1 : -1;
	if (a->series->kind != b->series->kind)
		return a->series->kind < b->series->kind ? -1 : 1;
	return strcmp(a->series->name, b->series->name);
}

/** Earliest and latest sample of a set. */
struct span {
	int64_t start_ns;
	int64_t end_ns;
};

static struct span span_of(const struct ul_series_set *set)
{
	struct span span = {.start_ns = INT64_MAX, .end_ns = INT64_MIN};
	for (size_t i = 0; i < ul_series_set_len(set); i++) {
		const struct ul_series *series = ul_series_set_at(set, i);
		if (!series->samples.len)
			continue;
		const int64_t first = series->samples.data[0].time_ns;
		const int64_t last = series->samples.data[series->samples.len - 1].time_ns;
		span.start_ns = first < span.start_ns ? first : span.start_ns;
		span.end_ns = last > span.end_ns ? last : span.end_ns;
	}
	return span;
}

/**
 * Correct a verdict by what the others show: what has ended has given its memory back, and what
 * began late (a process that was just started) has shown nothing but its beginning.
 */
static void place_in_span(const struct ul_series *series, struct span span,
			  struct ul_growth *growth)
{
	if (!series->samples.len || growth->verdict == UL_GROWTH_FLAT)
		return;
	const double all = seconds_between(span.start_ns, span.end_ns);
	const int64_t last = series->samples.data[series->samples.len - 1].time_ns;
	const bool comes_and_goes =
		ul_kind_of_process(series->kind) || series->kind == UL_KIND_CGROUP;
	const double needed = comes_and_goes ? COVER_PROCESS : COVER_ACCOUNT;
	if (seconds_between(last, span.end_ns) > GONE_SHARE * all)
		growth->verdict = UL_GROWTH_FLAT;
	else if (growth->window_s < needed * all)
		growth->verdict = UL_GROWTH_TOO_SHORT;
	else
		return;
	growth->score = 0;
}

struct ul_error *ul_growth_report(const struct ul_series_set *set, struct ul_growth_report *ret)
{
	CLEANUP_WORK struct work work = {0};
	UL_TRY(work_init(&work));
	UL_CLEANUP_GROWTH_REPORT struct ul_growth_report report = {0};
	const size_t len = ul_series_set_len(set);
	const struct span span = span_of(set);
	if (!ul_vec_reserve(&report.rows, len))
		return &ul_enomem;
	for (size_t i = 0; i < len; i++) {
		struct ul_growth_row row = {.series = ul_series_set_at(set, i)};
		analyse(&work, row.series, &row.growth);
		place_in_span(row.series, span, &row.growth);
		report.window_s = fmax(report.window_s, row.growth.window_s);
		if (row.growth.samples > report.samples)
			report.samples = row.growth.samples;
		if (!ul_vec_push(&report.rows, row))
			return &ul_enomem;
	}
	if (len)
		qsort(report.rows.data, len, sizeof(*report.rows.data), by_suspicion);
	UL_TRY(ul_growth_order(&report));
	*ret = report;
	report.rows.data = NULL;
	return NULL;
}

void ul_growth_report_deinit(struct ul_growth_report *report)
{
	ul_vec_deinit(&report->rows);
}
