// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The verifier keeps a state for each path it still has to look at, in kmalloc-512 to kmalloc-2k
 * (Linux kernel/bpf/verifier.c copy_verifier_state), for a second thousands of them. Afterwards
 * they are freed, but whatever else allocated meanwhile lies scattered over their slabs and keeps
 * these:
 *
 *	before			 816 objects, all used
 *	while verified		2080 objects, 2013 used
 *	after			1104 objects, 900 used: slabs half empty, which a leak's hold
 *
 * So the account jumps, and then a leak fills the holes while the account stands still: a step to
 * whoever looks at bytes. Two things are ours and left out: what is in use more after the loading
 * than before (programs, maps) beyond what the cache would have grown by at the pace it had until
 * then, for loading takes seconds on a slow machine and a leak goes on; and of the room that is
 * free in slabs what was not free before, for as long as it is free. A leak that fills the holes
 * shows.
 *
 *	left out = used more - pace x time + (room now - room before; at most what loading added)
 *
 * each at least 0, in all never more than the cache had grown by in the loading, nor than the
 * sample has: so no sample is above what was measured.
 *
 * Errs: to less growth. What others allocated in the very time of loading, a leak that began or
 * became faster then too, is left out as if it were ours; slabs that are on a CPU's list count as
 * used whole (see source/proc/slabinfo.c).
 */
#include "analysis/loading.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/** What the loading did to one cache. */
struct effect {
	double object_bytes; /**< of the slabs, for each of their objects */
	double room_before;  /**< bytes free in slabs */
	double room_added;
	double used_added;
	double bytes_added;
};

static double at_least_0(double value)
{
	return value > 0 ? value : 0;
}

static double at_most(double value, double limit)
{
	return value < limit ? value : limit;
}

static double room_of(double bytes, double objects, double object_bytes)
{
	return at_least_0(bytes - objects * object_bytes);
}

/** Bytes, or objects, per ns that came until @p end_ns; may be negative. */
static double slope_until(const struct ul_series *series, int64_t end_ns, bool objects)
{
	const struct ul_sample *first = NULL;
	const struct ul_sample *last = NULL;
	ul_vec_foreach (sample, &series->samples) {
		if (sample->time_ns > end_ns || (objects && sample->objects < 0))
			continue;
		first = first ? first : sample;
		last = sample;
	}
	if (!first || last->time_ns <= first->time_ns)
		return 0;
	const double rise = objects ? (double)last->objects - (double)first->objects
				    : (double)last->bytes - (double)first->bytes;
	return rise / ((double)last->time_ns - (double)first->time_ns);
}

/** @p expected: objects that would have come without the loading. */
static struct effect effect_on(const struct ul_cache *before, const struct ul_cache *after,
			       double expected)
{
	struct effect effect = {.bytes_added = (double)after->bytes - (double)before->bytes};
	if (effect.bytes_added <= 0 || !after->objects_total)
		return (struct effect){0};
	effect.object_bytes = (double)after->bytes / (double)after->objects_total;
	effect.room_before =
		room_of((double)before->bytes, (double)before->objects, effect.object_bytes);
	effect.room_added = at_least_0(
		room_of((double)after->bytes, (double)after->objects, effect.object_bytes) -
		effect.room_before);
	effect.used_added =
		at_least_0(((double)after->objects - (double)before->objects - expected) *
			   effect.object_bytes);
	return effect;
}

static void leave_out(struct ul_series *series, const struct effect *effect, int64_t from_ns)
{
	ul_vec_foreach (sample, &series->samples) {
		if (sample->time_ns < from_ns || sample->objects < 0)
			continue;
		const double bytes = (double)sample->bytes;
		const double room = room_of(bytes, (double)sample->objects, effect->object_bytes);
		const double left =
			at_most(at_least_0(room - effect->room_before), effect->room_added);
		const double ours = at_most(effect->used_added + left, effect->bytes_added);
		sample->bytes -= (int64_t)at_most(ours, at_least_0(bytes));
	}
}

uint64_t ul_loading_leave_out(struct ul_series_set *set, const struct ul_ledger *before,
			      const struct ul_ledger *after)
{
	const double took_ns =
		at_least_0((double)after->monotonic_ns - (double)before->monotonic_ns);
	uint64_t sum = 0;
	ul_vec_foreach (cache, &after->caches) {
		struct ul_series *series = ul_series_set_find(set, UL_KIND_SLAB, cache->name);
		const struct ul_cache *earlier = ul_ledger_cache(before, cache->name);
		if (!series || !earlier)
			continue;
		const double expected =
			at_least_0(slope_until(series, before->monotonic_ns, true)) * took_ns;
		const struct effect effect = effect_on(earlier, cache, expected);
		if (effect.bytes_added <= 0)
			continue;
		leave_out(series, &effect, after->monotonic_ns);
		sum += (uint64_t)effect.bytes_added;
	}
	return sum;
}

uint64_t ul_loading_leave_out_areas(struct ul_series_set *set, const struct ul_ledger *before,
				    const struct ul_ledger *after)
{
	const double took_ns = (double)after->monotonic_ns - (double)before->monotonic_ns;
	uint64_t sum = 0;
	ul_vec_foreach (account, &after->accounts) {
		if (account->kind != UL_KIND_VMALLOC && account->kind != UL_KIND_PERCPU)
			continue;
		struct ul_series *series = ul_series_set_find(set, account->kind, account->name);
		const struct ul_account *earlier =
			ul_ledger_find(before, account->kind, account->name);
		if (!series || !earlier || account->bytes == earlier->bytes)
			continue;
		const int64_t at_ns = before->monotonic_ns;
		const int64_t bytes = account->bytes - earlier->bytes -
				      llround(slope_until(series, at_ns, false) * took_ns);
		const int64_t objects =
			account->objects < 0
				? 0
				: account->objects - earlier->objects -
					  llround(slope_until(series, at_ns, true) * took_ns);
		ul_vec_foreach (sample, &series->samples) {
			if (sample->time_ns < after->monotonic_ns)
				continue;
			sample->bytes -= bytes < sample->bytes ? bytes : sample->bytes;
			if (sample->objects >= 0)
				sample->objects -=
					objects < sample->objects ? objects : sample->objects;
		}
		sum += bytes > 0 ? (uint64_t)bytes : 0;
	}
	return sum;
}
