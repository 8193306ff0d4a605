// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Families of synthetic series. Each draws its own parameters (when, how large, how fast) from wide
 * ranges, so that a rate over a family says something about machines never seen. All values are
 * whole pages, as the kernel's counters are; sizes are spread evenly over their logarithm.
 *
 * Limits of the families without a leak: nothing that saturates with a time constant beyond a
 * third of the window, fills to its bound later than at three quarters, or has a period beyond 0.4
 * of the window, since no method can tell those from a leak within the window.
 */
#include "analysis/growth_families.h"

#include <math.h>

#include "base/cleanup.h"

static const double PAGE = 4096;
static const double BASE_PAGES = 20000;
static const double TWO_PI = 6.283185307179586;

double ul_random_unit(struct ul_random *random)
{
	// splitmix64 (public domain, S. Vigna): any seed is good.
	uint64_t z = random->state += 0x9e3779b97f4a7c15ULL;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

static double uniform(struct ul_random *random, double low, double high)
{
	return low + (high - low) * ul_random_unit(random);
}

/** Evenly spread over the logarithm. */
static double spread(struct ul_random *random, double low, double high)
{
	return low * exp(log(high / low) * ul_random_unit(random));
}

static double gauss(struct ul_random *random)
{
	const double radius = sqrt(-2 * log(1 - ul_random_unit(random)));
	return radius * cos(TWO_PI * ul_random_unit(random));
}

static void set(int64_t *bytes, size_t i, double pages)
{
	bytes[i] = (int64_t)(rint(BASE_PAGES + pages) * PAGE);
}

/** Share of the window that has gone by at sample @p i. */
static double share(const struct ul_family_frame *frame, size_t i)
{
	return (double)i / (double)(frame->samples - 1);
}

static double saw(double cycles)
{
	return cycles - floor(cycles);
}

static void constant(struct ul_random *random, const struct ul_family_frame *frame, double unused,
		     int64_t *bytes)
{
	const double flip = uniform(random, 0, 0.05);
	for (size_t i = 0; i < frame->samples; i++)
		set(bytes, i, ul_random_unit(random) < flip ? 1 : 0);
}

static void noise(struct ul_random *random, const struct ul_family_frame *frame, double unused,
		  int64_t *bytes)
{
	const double sigma = spread(random, 0.5, 512);
	for (size_t i = 0; i < frame->samples; i++)
		set(bytes, i, sigma * gauss(random));
}

/** Mean-reverting random walk, correlated over @p tau of the window, from its own distribution. */
static void walk(struct ul_random *random, const struct ul_family_frame *frame, double tau,
		 double sigma, double quantum, int64_t *bytes)
{
	const double keep = exp(-1 / (tau * (double)(frame->samples - 1)));
	double value = sigma * gauss(random);
	for (size_t i = 0; i < frame->samples; i++) {
		set(bytes, i, rint(value / quantum) * quantum);
		value = keep * value + sigma * sqrt(1 - keep * keep) * gauss(random);
	}
}

static void mean_reverting(struct ul_random *random, const struct ul_family_frame *frame,
			   double unused, int64_t *bytes)
{
	const double tau = spread(random, 1.0 / 60, 1.0 / 8);
	walk(random, frame, tau, spread(random, 2, 2048), 1, bytes);
}

static void slab_walk(struct ul_random *random, const struct ul_family_frame *frame, double unused,
		      int64_t *bytes)
{
	const double quantum = exp2(floor(uniform(random, 0, 4)));
	const double tau = spread(random, 1.0 / 60, 1.0 / 8);
	walk(random, frame, tau, quantum * spread(random, 0.5, 16), quantum, bytes);
}

static void sawtooth(struct ul_random *random, const struct ul_family_frame *frame, double unused,
		     int64_t *bytes)
{
	const double cycles = 1 / spread(random, 0.02, 0.4);
	const double height = spread(random, 4, 8192);
	const double phase = ul_random_unit(random);
	const double sigma = uniform(random, 0, 2);
	for (size_t i = 0; i < frame->samples; i++)
		set(bytes, i,
		    height * saw(phase + cycles * share(frame, i)) + sigma * gauss(random));
}

static void step(struct ul_random *random, const struct ul_family_frame *frame, double unused,
		 int64_t *bytes)
{
	const double at = ul_random_unit(random);
	const double build = uniform(random, 0.001, 1.0 / 15);
	const double height = spread(random, 4, 65536);
	const double sigma = uniform(random, 0, 2);
	for (size_t i = 0; i < frame->samples; i++)
		set(bytes, i,
		    height * fmin(1, fmax(0, (share(frame, i) - at) / build)) +
			    sigma * gauss(random));
}

static void saturate(struct ul_random *random, const struct ul_family_frame *frame, double tau,
		     int64_t *bytes)
{
	const double height = spread(random, 16, 65536);
	const double sigma = uniform(random, 0, 2);
	for (size_t i = 0; i < frame->samples; i++)
		set(bytes, i, height * (1 - exp(-share(frame, i) / tau)) + sigma * gauss(random));
}

static void saturation(struct ul_random *random, const struct ul_family_frame *frame, double unused,
		       int64_t *bytes)
{
	saturate(random, frame, spread(random, 0.05, 1.0 / 3), bytes);
}

static void slow_saturation(struct ul_random *random, const struct ul_family_frame *frame,
			    double unused, int64_t *bytes)
{
	saturate(random, frame, uniform(random, 1.0 / 3, 1), bytes);
}

/** Fills until @p full, a share of the window, by whole slabs. */
static void fill_until(struct ul_random *random, const struct ul_family_frame *frame, double full,
		       int64_t *bytes)
{
	const double height = spread(random, 16, 65536);
	const double quantum = exp2(floor(uniform(random, 0, 4)));
	const double sigma = uniform(random, 0, 2);
	for (size_t i = 0; i < frame->samples; i++)
		set(bytes, i,
		    rint(height * fmin(1, share(frame, i) / full) / quantum) * quantum +
			    rint(sigma * gauss(random)));
}

static void bounded_fill(struct ul_random *random, const struct ul_family_frame *frame,
			 double unused, int64_t *bytes)
{
	fill_until(random, frame, uniform(random, 0.1, 0.75), bytes);
}

static void late_fill(struct ul_random *random, const struct ul_family_frame *frame, double unused,
		      int64_t *bytes)
{
	fill_until(random, frame, uniform(random, 0.75, 1), bytes);
}

/** Correlated over twice the window. */
static void free_walk(struct ul_random *random, const struct ul_family_frame *frame, double unused,
		      int64_t *bytes)
{
	walk(random, frame, 2, spread(random, 8, 2048), 1, bytes);
}

static void long_period(struct ul_random *random, const struct ul_family_frame *frame,
			double unused, int64_t *bytes)
{
	const double cycles = uniform(random, 0.2, 2.5);
	const double height = spread(random, 8, 2048);
	const double phase = ul_random_unit(random);
	for (size_t i = 0; i < frame->samples; i++)
		set(bytes, i, height * saw(phase + cycles * share(frame, i)));
}

static void bursts(struct ul_random *random, const struct ul_family_frame *frame, double unused,
		   int64_t *bytes)
{
	const double mean_on = spread(random, 0.005, 0.1);
	const double mean_off = spread(random, 0.01, 0.3);
	double height = 0;
	double until = 0;
	for (size_t i = 0; i < frame->samples; i++) {
		while (share(frame, i) >= until) {
			const double mean = height > 0 ? mean_off : mean_on;
			height = height > 0 ? 0 : spread(random, 4, 16384);
			until -= mean * log(1 - ul_random_unit(random));
		}
		set(bytes, i, height + gauss(random));
	}
}

/** Grows as a file is written, drops when it is rotated; never twice as large or as long. */
static void log_rotation(struct ul_random *random, const struct ul_family_frame *frame,
			 double unused, int64_t *bytes)
{
	const double mean_length = spread(random, 0.03, 0.25);
	const double pace = spread(random, 16, 8192) / mean_length;
	double began = -ul_random_unit(random) * mean_length;
	double length = mean_length * uniform(random, 0.6, 1.4);
	double kept = 0;
	for (size_t i = 0; i < frame->samples; i++) {
		while (share(frame, i) - began >= length) {
			began += length;
			length = mean_length * uniform(random, 0.6, 1.4);
			kept = pace * mean_length * uniform(random, 0, 0.1);
		}
		set(bytes, i, kept + pace * (share(frame, i) - began));
	}
}

static void periodic(struct ul_random *random, const struct ul_family_frame *frame, double unused,
		     int64_t *bytes)
{
	const double cycles = 1 / spread(random, 0.02, 0.4);
	const double height = spread(random, 2, 4096);
	const double phase = ul_random_unit(random);
	const double sigma = uniform(random, 0, 2);
	for (size_t i = 0; i < frame->samples; i++)
		set(bytes, i,
		    height * sin(TWO_PI * (phase + cycles * share(frame, i))) +
			    sigma * gauss(random));
}

static void linear(struct ul_random *random, const struct ul_family_frame *frame, double pages,
		   int64_t *bytes)
{
	const double phase = ul_random_unit(random);
	for (size_t i = 0; i < frame->samples; i++)
		set(bytes, i, floor(phase + pages * share(frame, i)));
}

/** Whole slabs of eight pages, each when the objects of one are used up. */
static void stairs(struct ul_random *random, const struct ul_family_frame *frame, double pages,
		   int64_t *bytes)
{
	const double phase = ul_random_unit(random);
	for (size_t i = 0; i < frame->samples; i++)
		set(bytes, i, 8 * floor(phase + pages / 8 * share(frame, i)));
}

/** Objects leak at random moments: a Poisson process in whole pages. */
static void random_moments(struct ul_random *random, const struct ul_family_frame *frame,
			   double pages, int64_t *bytes)
{
	double next = 0;
	double level = 0;
	for (size_t i = 0; i < frame->samples; i++) {
		for (;; level++) {
			const double wait = -log(1 - ul_random_unit(random)) / pages;
			if (next + wait > share(frame, i))
				break;
			next += wait;
		}
		next = share(frame, i);
		set(bytes, i, level);
	}
}

static void linear_noise(struct ul_random *random, const struct ul_family_frame *frame,
			 double pages, int64_t *bytes)
{
	for (size_t i = 0; i < frame->samples; i++)
		set(bytes, i, pages * share(frame, i) + 3 * gauss(random));
}

static void linear_walk(struct ul_random *random, const struct ul_family_frame *frame, double pages,
			int64_t *bytes)
{
	walk(random, frame, 1.0 / 40, 8, 1, bytes);
	for (size_t i = 0; i < frame->samples; i++)
		bytes[i] += (int64_t)(rint(pages * share(frame, i)) * PAGE);
}

static void linear_sawtooth(struct ul_random *random, const struct ul_family_frame *frame,
			    double pages, int64_t *bytes)
{
	const double cycles = 1 / spread(random, 0.03, 0.12);
	const double phase = ul_random_unit(random);
	for (size_t i = 0; i < frame->samples; i++)
		set(bytes, i, pages * share(frame, i) + 32 * saw(phase + cycles * share(frame, i)));
}

/** The program starts (a jump within the first third), then leaks. */
static void warm_up_linear(struct ul_random *random, const struct ul_family_frame *frame,
			   double pages, int64_t *bytes)
{
	const double tau = uniform(random, 0.01, 0.07);
	for (size_t i = 0; i < frame->samples; i++)
		set(bytes, i,
		    2000 * (1 - exp(-share(frame, i) / tau)) + pages * share(frame, i) +
			    gauss(random));
}

const struct ul_family ul_families_leak_free[] = {
	{"constant", constant},
	{"noise", noise},
	{"mean-reverting walk", mean_reverting},
	{"slab-sized walk", slab_walk},
	{"sawtooth", sawtooth},
	{"step", step},
	{"saturation", saturation},
	{"bounded fill", bounded_fill},
	{"bursts", bursts},
	{"log rotation", log_rotation},
	{"periodic", periodic},
};
const size_t ul_families_leak_free_len = UL_ARRAY_LEN(ul_families_leak_free);

const struct ul_family ul_families_undecided[] = {
	{"saturation, constant 1/3 to 1 window", slow_saturation},
	{"fill until 3/4 to 1 window", late_fill},
	{"walk without return", free_walk},
	{"sawtooth of 0.4 to 5 windows", long_period},
};
const size_t ul_families_undecided_len = UL_ARRAY_LEN(ul_families_undecided);

const struct ul_family ul_families_leak[] = {
	{"linear", linear},
	{"stairs of 32 KiB", stairs},
	{"random moments", random_moments},
	{"linear + noise", linear_noise},
	{"linear + walk", linear_walk},
	{"linear + sawtooth", linear_sawtooth},
	{"warm-up, then linear", warm_up_linear},
};
const size_t ul_families_leak_len = UL_ARRAY_LEN(ul_families_leak);
