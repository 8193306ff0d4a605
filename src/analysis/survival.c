// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A leak and a cache both leave objects behind. What differs is the curve: of leaked objects those
 * that are old are as safe as those that are young, it stays flat; what waits in a cache or a queue
 * goes on being freed, it falls.
 *
 * Most objects of a trace are still live at its end, each at another age, and what becomes of them
 * is not known. To leave them out would make everything look short-lived, to call them immortal
 * everything a leak. The product-limit estimate (Kaplan and Meier, 1958) uses of each what is
 * known:
 *
 *	S(t) = product over ages a <= t of (1 - freed(a) / at_risk(a))
 *
 * where at risk are all that reached age a under observation. Ages are kept in classes, each twice
 * as wide as the one before; within one, whoever leaves it live was at risk for half of it on
 * average (the life table's rule).
 *
 * `late_survival` is the same product over the last two classes only: of those that reached a
 * quarter of the greatest age seen, what share reached that. It does not depend on how many are
 * freed young, which is most of everything.
 *
 * What it cannot see: what happens beyond the greatest age. A cache that frees nothing for as long
 * as it is watched is flat, too. Objects freed unseen are taken as freed when that was proven, by
 * re-use of their address: too late, so the curve errs upwards.
 */
#include "analysis/survival.h"

#include <math.h>

/** Of eight that got old, one that is freed after all makes it neither of both. */
static const double flat_from = 0.9;
static const double falling_below = 0.75;

void ul_survival_estimate(const struct ul_survival_interval *intervals, size_t count,
			  double exposed, double *ret_alive)
{
	double at_risk = 0;
	double alive = 1;
	for (size_t i = 0; i < count; i++)
		at_risk += intervals[i].freed + intervals[i].live;
	for (size_t i = 0; i < count; i++) {
		const double effective = at_risk - (1 - exposed) * intervals[i].live;
		if (effective > 0)
			alive *= fmax(0, 1 - intervals[i].freed / effective);
		at_risk -= intervals[i].freed + intervals[i].live;
		ret_alive[i] = alive;
	}
}

/** Where the curve falls to one half, between two points on a logarithmic scale; NAN: nowhere. */
static double half_life(const double *alive, unsigned int last)
{
	for (unsigned int i = 0; i <= last; i++) {
		if (alive[i] > 0.5)
			continue;
		const double end_s = ul_age_class_end_s(i);
		const double above = i ? alive[i - 1] : 1;
		// Of what falls within a class half falls in its first half, which is a factor of
		// the square root of two; the first class reaches down to zero.
		const double share = above > alive[i] ? (above - 0.5) / (above - alive[i]) : 1;
		return i ? end_s / 2 * exp2(share) : end_s * share;
	}
	return NAN;
}

double ul_survival_live_p50_s(const struct ul_ages *ages)
{
	double alive[UL_AGE_CLASSES];
	struct ul_survival_interval intervals[UL_AGE_CLASSES];
	double count = 0;
	for (unsigned int i = 0; i < UL_AGE_CLASSES; i++) {
		intervals[i] = (struct ul_survival_interval){.freed = (double)ages->live[i]};
		count += intervals[i].freed;
	}
	if (count <= 0)
		return NAN;
	ul_survival_estimate(intervals, UL_AGE_CLASSES, 1, alive);
	return half_life(alive, UL_AGE_CLASSES - 1);
}

/** Of those that reached the class before the last, the share alive behind the last; NAN: few. */
static double late_share(const struct ul_survival_interval *intervals, const double *alive,
			 unsigned int last)
{
	enum { LEAST = 8, CLASSES = 2 };
	if (last < CLASSES)
		return NAN;
	const double before = alive[last - CLASSES];
	double reached = 0;
	for (unsigned int i = last - CLASSES + 1; i <= last; i++)
		reached += intervals[i].freed + intervals[i].live;
	return reached >= LEAST && before > 0 ? alive[last] / before : NAN;
}

struct ul_error *ul_survival_of_site(struct ul_site *site)
{
	double alive[UL_AGE_CLASSES];
	struct ul_survival_interval intervals[UL_AGE_CLASSES];
	unsigned int last = 0;
	double seen = 0;
	site->survival.len = 0;
	site->lifetime_p50_s = site->late_survival = NAN;
	site->survival_shape = UL_SURVIVAL_UNKNOWN;
	for (unsigned int i = 0; i < UL_AGE_CLASSES; i++) {
		intervals[i] = (struct ul_survival_interval){
			.age_s = ul_age_class_end_s(i),
			.freed = (double)site->ages.freed[i],
			.live = (double)site->ages.live[i],
		};
		const double here = intervals[i].freed + intervals[i].live;
		last = here > 0 ? i : last;
		seen += here;
	}
	if (seen <= 0)
		return NULL;
	ul_survival_estimate(intervals, UL_AGE_CLASSES, 0.5, alive);
	for (unsigned int i = 0; i <= last; i++) {
		const struct ul_survival_point point = {intervals[i].age_s, alive[i]};
		if (!ul_vec_push(&site->survival, point))
			return &ul_enomem;
	}
	site->lifetime_p50_s = half_life(alive, last);
	site->late_survival = late_share(intervals, alive, last);
	if (site->late_survival >= flat_from)
		site->survival_shape = UL_SURVIVAL_FLAT;
	else if (site->late_survival < falling_below)
		site->survival_shape = UL_SURVIVAL_FALLING;
	return NULL;
}

struct ul_error *ul_survival_of_trace(struct ul_trace *trace)
{
	const double seen_s = trace->window_s + trace->drain_s;
	ul_vec_foreach (site, &trace->sites) {
		UL_TRY(ul_survival_of_site(site));
		// The last class reaches beyond what was seen.
		ul_vec_foreach (point, &site->survival)
			point->age_s = seen_s > 0 ? fmin(point->age_s, seen_s) : point->age_s;
		if (trace->window_s > 0)
			site->bytes_per_s = (double)site->survivor_bytes / trace->window_s;
	}
	return NULL;
}
