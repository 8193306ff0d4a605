// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A life of an object goes from its allocation to its free; an address that is used again begins a
 * new one. A life that began in a run of the trigger and did not end is lost. What a life has are
 * calls of functions that take a reference or give one back, told apart by who calls them: a place.
 * Many references are taken in code that was inlined, so they cannot just be added up. Lives are
 * compared, in three ways:
 *
 *  1. Pairs. A put goes with a get when in the freed lives that have the get both are called
 *     equally often. Where the lost lives have the get more often than its put, that put is what
 *     is missing.
 *  2. A get that lost lives have and freed ones have not. With no example of a life that ended well
 *     nobody knows which put is missing, but here is the reference.
 *  3. With a control, a put that is in as many lives fewer a run than a run loses objects, and in
 *     none of the lost. This needs no get, so it is the one for gets that are inlined.
 *
 * Equal counts alone do not pair: of a pid, each process has some four puts. Of several that fit, a
 * get goes with the put of the same caller, else of the same module and of what comes just behind
 * it; with one that fits in lost lives as well, if that is no farther from it, nothing is wrong
 * (fork() takes a reference of each new pid and gives it back). A get that only lost lives have is
 * left out when a put is in as many of them, as often, and in hardly any other.
 *
 * Where lost and freed lives do not differ nobody is accused. Errs: a function that passes its
 * reference on is accused for whoever should have put it; of a put that is called by a pointer
 * or as a tail call the caller is its caller's caller. Places beyond PLACES_MOST are not looked at.
 */
#include "analysis/balance.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
	PLACES_MOST = 256,
	LEAST = 3,	      /**< lives, of each side */
	IMBALANCES_MOST = 16, /**< more accuse nobody */
	KINDS = UL_BATCH_IDLE + 1,
};
static const double nearly_all = 0.9;
static const double hardly_any = 0.1;
static const double rare = 0.05;
static const double of_put = 4.0;
static const double of_lone_get = 3.0;
static const double of_get = 1.5; /**< whose put is known to be missing */

/** A call of a function by somebody. */
struct place {
	uint32_t function;
	int32_t caller;
	bool puts;
	const struct place *get; /**< of a put that is missing: the get that it goes with best */
	double affinity;	 /**< of these */
	uint64_t lost_short, freed_even; /**< struct pairing of these */
	uint64_t lost, freed;		 /**< lives that have it */
	uint64_t lives[KINDS];		 /**< likewise, by the sort of run that they began in */
	size_t life;			 /**< the last that was counted, + 1 */
	bool alone;			 /**< a get with no put that lost lives could miss */
};

struct life {
	size_t begin, end; /**< in `events` */
	enum ul_batch_kind kind;
	bool freed;
};

/** An event by object, then in order of time. */
struct ordered {
	uint64_t object;
	size_t index;
	size_t place; /**< of a call; PLACES_MOST: of none, or there is no room */
};

struct balance {
	const struct ul_reference_calls *references;
	const struct ul_reference_type *type;
	struct ul_finding *finding;
	struct ordered *events;
	UL_VEC(struct life) lives;
	struct place places[PLACES_MOST];
	size_t places_len;
	uint64_t lost, freed; /**< lives */
	uint64_t runs[KINDS];
};

/** What the lives that have a get say of the puts; indexes are places. */
struct pairing {
	uint64_t counts[PLACES_MOST];	  /**< calls in one life */
	uint64_t both_freed[PLACES_MOST]; /**< freed lives that have both */
	uint64_t even_freed[PLACES_MOST]; /**< and equally often */
	uint64_t even_lost[PLACES_MOST];
	uint64_t short_lost[PLACES_MOST]; /**< lost ones that have fewer puts than gets */
	uint64_t behind[PLACES_MOST];	  /**< calls in freed lives, just behind the get */
	uint64_t gets;			  /**< calls of the get in these */
};

static int by_object(const void *left, const void *right)
{
	const struct ordered *a = left;
	const struct ordered *b = right;
	if (a->object != b->object)
		return a->object < b->object ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static const struct ul_reference_event *event_at(const struct balance *balance, size_t at)
{
	return &balance->references->items.data[balance->events[at].index];
}

static struct ul_error *order_events(struct balance *balance)
{
	const size_t len = balance->references->items.len;
	balance->events = calloc(len + 1, sizeof(*balance->events));
	if (!balance->events)
		return &ul_enomem;
	for (size_t i = 0; i < len; i++)
		balance->events[i] =
			(struct ordered){balance->references->items.data[i].object, i, PLACES_MOST};
	qsort(balance->events, len, sizeof(*balance->events), by_object);
	return NULL;
}

static struct ul_error *add_life(struct balance *balance, size_t begin, size_t end, bool freed)
{
	const struct ul_reference_event *allocated = event_at(balance, begin);
	if (allocated->type != balance->type || allocated->run >= balance->references->runs.len)
		return NULL;
	const struct life life = {
		.begin = begin,
		.end = end,
		.kind = balance->references->runs.data[allocated->run].kind,
		.freed = freed,
	};
	balance->freed += freed;
	balance->lost += !freed && life.kind == UL_BATCH_TRIGGER;
	return ul_vec_push(&balance->lives, life) ? NULL : &ul_enomem;
}

static struct ul_error *divide_into_lives(struct balance *balance)
{
	const size_t len = balance->references->items.len;
	bool open = false;
	size_t begin = 0;
	for (size_t i = 0; i < len; i++) {
		const bool other = !i || balance->events[i].object != balance->events[i - 1].object;
		const enum ul_reference_what what = event_at(balance, i)->what;
		if (open && (other || what != UL_REFERENCE_CALLED)) {
			UL_TRY(add_life(balance, begin, i, !other));
			open = false;
		}
		if (what == UL_REFERENCE_ALLOCATED) {
			open = true;
			begin = i;
		}
	}
	return open ? add_life(balance, begin, len, false) : NULL;
}

/** Index of the place of a call; PLACES_MOST: there is no room, or nobody called. */
static size_t place_of(struct balance *balance, const struct ul_reference_event *event)
{
	if (event->what != UL_REFERENCE_CALLED || event->type != balance->type ||
	    event->caller == UL_CALL_NOBODY || event->function >= UL_REFERENCE_FUNCTIONS)
		return PLACES_MOST;
	for (size_t i = 0; i < balance->places_len; i++)
		if (balance->places[i].function == event->function &&
		    balance->places[i].caller == event->caller)
			return i;
	if (balance->places_len == PLACES_MOST)
		return PLACES_MOST;
	balance->places[balance->places_len] = (struct place){
		.function = event->function,
		.caller = event->caller,
		.puts = balance->type->functions[event->function].puts,
	};
	return balance->places_len++;
}

static bool is_lost(const struct life *life)
{
	return !life->freed && life->kind == UL_BATCH_TRIGGER;
}

static void count_places(struct balance *balance)
{
	for (size_t l = 0; l < balance->lives.len; l++) {
		const struct life *life = &balance->lives.data[l];
		for (size_t i = life->begin; i < life->end; i++) {
			const size_t at = place_of(balance, event_at(balance, i));
			balance->events[i].place = at;
			struct place *place = &balance->places[at % PLACES_MOST];
			if (at == PLACES_MOST || place->life == l + 1)
				continue;
			place->life = l + 1;
			place->lost += is_lost(life);
			place->freed += life->freed;
			place->lives[life->kind]++;
		}
	}
}

/** At least half of what the runs are known to lose, and enough to speak of. */
static bool are_many(const struct balance *balance, uint64_t lost)
{
	const double expected =
		balance->finding->trigger.lost.per_run * (double)balance->runs[UL_BATCH_TRIGGER];
	return lost >= LEAST && (double)lost >= expected / 2;
}

static bool has_place(const struct balance *balance, const struct life *life, size_t place)
{
	for (size_t i = life->begin; i < life->end; i++)
		if (balance->events[i].place == place)
			return true;
	return false;
}

static void pair(const struct balance *balance, size_t get, struct pairing *ret)
{
	memset(ret, 0, sizeof(*ret));
	ul_vec_foreach (life, &balance->lives) {
		size_t last = PLACES_MOST;
		if (!has_place(balance, life, get))
			continue;
		memset(ret->counts, 0, sizeof(ret->counts));
		for (size_t i = life->begin; i < life->end; i++) {
			const size_t at = balance->events[i].place;
			if (at < PLACES_MOST) {
				ret->counts[at]++;
				ret->behind[at] += life->freed && last == get;
				ret->gets += life->freed && at == get;
			}
			last = at;
		}
		for (size_t put = 0; put < balance->places_len; put++) {
			const bool even = ret->counts[put] == ret->counts[get];
			ret->both_freed[put] += life->freed && ret->counts[put];
			ret->even_freed[put] += life->freed && even;
			ret->even_lost[put] += is_lost(life) && even;
			ret->short_lost[put] +=
				is_lost(life) && ret->counts[put] < ret->counts[get];
		}
	}
}

static const char *function_of(const struct balance *balance, const struct place *place)
{
	return balance->type->functions[place->function].name;
}

static const struct ul_reference_caller *caller_of(const struct balance *balance,
						   const struct place *place)
{
	return &balance->references->callers.data[place->caller];
}

static struct ul_error *accuse(struct balance *balance, const struct place *place, double points,
			       const char *why)
{
	const struct ul_reference_caller *caller = caller_of(balance, place);
	struct ul_accusation *accusation = ul_vec_add(&balance->finding->accusations);
	if (!accusation || !ul_text_set(&accusation->function, caller->name) ||
	    !ul_text_set(&accusation->module, caller->module) ||
	    !ul_text_set(&accusation->why, why))
		return &ul_enomem;
	accusation->points = points;
	return NULL;
}

/** @p get or @p put NULL: not known. */
static struct ul_error *note(struct balance *balance, const struct place *get,
			     const struct place *put, const struct ul_imbalance *counts,
			     const char *why)
{
	struct ul_imbalance *imbalance = ul_vec_add(&balance->finding->imbalances);
	if (!imbalance)
		return &ul_enomem;
	*imbalance = *counts;
	if (!ul_text_set(&imbalance->type, balance->type->name))
		return &ul_enomem;
	if (get && (!ul_text_set(&imbalance->get, function_of(balance, get)) ||
		    !ul_text_set(&imbalance->get_caller, caller_of(balance, get)->name) ||
		    !ul_text_set(&imbalance->get_module, caller_of(balance, get)->module)))
		return &ul_enomem;
	if (put && (!ul_text_set(&imbalance->put, function_of(balance, put)) ||
		    !ul_text_set(&imbalance->put_caller, caller_of(balance, put)->name) ||
		    !ul_text_set(&imbalance->put_module, caller_of(balance, put)->module)))
		return &ul_enomem;
	return ul_finding_why(balance->finding, "%s", why);
}

static struct ul_error *accuse_pair(struct balance *balance, const struct place *get,
				    const struct place *put)
{
	char why[512];
	const uint64_t lost = put->lost_short;
	const uint64_t freed = put->freed_even;
	const struct ul_imbalance counts = {
		.lost = lost,
		.lost_of = get->lost,
		.freed = freed,
		.freed_of = get->freed,
	};
	snprintf(why, sizeof(why),
		 "%s called by %s took a reference of %" PRIu64 " of %" PRIu64
		 " lost %s; in %" PRIu64 " of %" PRIu64
		 " that were freed %s called by %s gave it back, in these nothing did",
		 function_of(balance, get), caller_of(balance, get)->name, lost, balance->lost,
		 balance->type->name, freed, get->freed, function_of(balance, put),
		 caller_of(balance, put)->name);
	UL_TRY(note(balance, get, put, &counts, why));
	UL_TRY(accuse(balance, put, of_put, why));
	if (get->caller == put->caller)
		return NULL;
	return accuse(balance, get, of_get, why);
}

/** A get that the lost lives have and the freed ones have not. */
static struct ul_error *accuse_lone_get(struct balance *balance, const struct place *get)
{
	char why[512];
	const double few = rare * (double)balance->freed;
	if (balance->freed < LEAST || (double)get->freed > few)
		return NULL;
	const struct ul_imbalance counts = {
		.lost = get->lost,
		.lost_of = balance->lost,
		.freed = get->freed,
		.freed_of = balance->freed,
	};
	snprintf(why, sizeof(why),
		 "%s called by %s took a reference of %" PRIu64 " of %" PRIu64
		 " lost %s and of %" PRIu64 " of %" PRIu64
		 " that were freed; who should give it back was not seen",
		 function_of(balance, get), caller_of(balance, get)->name, get->lost, balance->lost,
		 balance->type->name, get->freed, balance->freed);
	UL_TRY(note(balance, get, NULL, &counts, why));
	return accuse(balance, get, of_lone_get, why);
}

/** Hardly any freed life has @p put without @p get. */
static bool comes_alone_with(const struct balance *balance, const struct place *get,
			     const struct pairing *pairing, size_t put)
{
	const uint64_t without = balance->places[put].freed - pairing->both_freed[put];
	return (double)without <= rare * (double)(balance->freed - get->freed);
}

/** The put is as often as the get, in nearly all freed lives that have it; in all when none has. */
static bool fits_in_freed(const struct balance *balance, const struct place *get,
			  const struct pairing *pairing, size_t put)
{
	return balance->places[put].puts &&
	       (double)pairing->even_freed[put] >= nearly_all * (double)get->freed;
}

static bool fits_in_lost(const struct place *get, const struct pairing *pairing, size_t put)
{
	return (double)pairing->even_lost[put] >= nearly_all * (double)get->lost;
}

/** How close a put is to a get: by who calls, and by the order of calls. */
static double affinity_of(const struct balance *balance, const struct place *get,
			  const struct pairing *pairing, size_t put)
{
	const struct ul_reference_caller *a = caller_of(balance, get);
	const struct ul_reference_caller *b = caller_of(balance, &balance->places[put]);
	const double behind =
		pairing->gets ? (double)pairing->behind[put] / (double)pairing->gets : 0;
	return (a == b ? 2 : 0) + (ul_text_equal(a->module, b->module) ? 1 : 0) + behind;
}

/** The put that a get goes with best of those missing in lost lives; PLACES_MOST: there is none. */
static size_t missing_put(const struct balance *balance, const struct place *get,
			  const struct pairing *pairing)
{
	size_t best = PLACES_MOST;
	double closest = -1;
	for (size_t put = 0; get->freed >= LEAST && put < balance->places_len; put++) {
		const double affinity = affinity_of(balance, get, pairing, put);
		if (!fits_in_freed(balance, get, pairing, put) || affinity <= closest ||
		    (double)pairing->short_lost[put] < nearly_all * (double)get->lost)
			continue;
		best = put;
		closest = affinity;
	}
	for (size_t put = 0; best < PLACES_MOST && put < balance->places_len; put++)
		if (fits_in_freed(balance, get, pairing, put) && fits_in_lost(get, pairing, put) &&
		    affinity_of(balance, get, pairing, put) >= closest)
			return PLACES_MOST;
	return best;
}

static void judge_get(struct balance *balance, struct place *get, const struct pairing *pairing)
{
	const size_t at = missing_put(balance, get, pairing);
	if (at < PLACES_MOST) {
		struct place *put = &balance->places[at];
		const double affinity = affinity_of(balance, get, pairing, at);
		if (put->get && put->affinity >= affinity)
			return;
		put->get = get;
		put->affinity = affinity;
		put->lost_short = pairing->short_lost[at];
		put->freed_even = pairing->even_freed[at];
		return;
	}
	for (size_t put = 0; put < balance->places_len; put++)
		if (fits_in_freed(balance, get, pairing, put) && fits_in_lost(get, pairing, put) &&
		    comes_alone_with(balance, get, pairing, put))
			return;
	get->alone = true;
}

/** A put that the control has, and the trigger as often less as it loses objects. */
static struct ul_error *judge_put(struct balance *balance, const struct place *put)
{
	char why[512];
	const uint64_t runs = balance->runs[UL_BATCH_TRIGGER];
	const uint64_t control_runs = balance->runs[UL_BATCH_CONTROL];
	if (control_runs < LEAST || put->lives[UL_BATCH_CONTROL] < LEAST ||
	    (double)put->lost > hardly_any * (double)balance->lost)
		return NULL;
	const double here = (double)put->lives[UL_BATCH_TRIGGER] / (double)runs;
	const double there = (double)put->lives[UL_BATCH_CONTROL] / (double)control_runs;
	if (there - here < balance->finding->trigger.lost.per_run / 2 || here > there / 2)
		return NULL;
	const struct ul_imbalance counts = {
		.lost = balance->lost - put->lost,
		.lost_of = balance->lost,
		.freed = put->freed,
		.freed_of = balance->freed,
	};
	snprintf(why, sizeof(why),
		 "%s called by %s gave back a reference of %" PRIu64 " %s in %" PRIu64
		 " runs of the control, of %" PRIu64 " in %" PRIu64 " runs here, and of %" PRIu64
		 " of the %" PRIu64 " lost",
		 function_of(balance, put), caller_of(balance, put)->name,
		 put->lives[UL_BATCH_CONTROL], balance->type->name, control_runs,
		 put->lives[UL_BATCH_TRIGGER], runs, put->lost, balance->lost);
	UL_TRY(note(balance, NULL, put, &counts, why));
	return accuse(balance, put, of_put, why);
}

/** Those of whom most is known first. */
static struct ul_error *accuse_all(struct balance *balance)
{
	const __auto_type noted = &balance->finding->imbalances;
	for (size_t i = 0; i < balance->places_len && noted->len < IMBALANCES_MOST; i++)
		if (balance->places[i].get)
			UL_TRY(accuse_pair(balance, balance->places[i].get, &balance->places[i]));
	for (size_t i = 0; i < balance->places_len && noted->len < IMBALANCES_MOST; i++)
		if (balance->places[i].puts && !balance->places[i].get)
			UL_TRY(judge_put(balance, &balance->places[i]));
	for (size_t i = 0; i < balance->places_len && noted->len < IMBALANCES_MOST; i++)
		if (balance->places[i].alone)
			UL_TRY(accuse_lone_get(balance, &balance->places[i]));
	return NULL;
}

static struct ul_error *judge(struct balance *balance)
{
	UL_TRY(order_events(balance));
	UL_TRY(divide_into_lives(balance));
	count_places(balance);
	if (!are_many(balance, balance->lost))
		return NULL;
	UL_CLEANUP_FREE struct pairing *pairing = malloc(sizeof(*pairing));
	if (!pairing)
		return &ul_enomem;
	for (size_t i = 0; i < balance->places_len; i++) {
		struct place *place = &balance->places[i];
		if (place->puts || !are_many(balance, place->lost))
			continue;
		pair(balance, i, pairing);
		judge_get(balance, place, pairing);
	}
	return accuse_all(balance);
}

struct ul_error *ul_balance(const struct ul_reference_calls *references,
			    const struct ul_reference_type *type, struct ul_finding *finding)
{
	struct balance *balance = calloc(1, sizeof(*balance));
	if (!balance)
		return &ul_enomem;
	balance->references = references;
	balance->type = type;
	balance->finding = finding;
	ul_vec_foreach (run, &references->runs)
		balance->runs[run->kind]++;
	struct ul_error *error = finding->trigger.lost.per_run > 0 ? judge(balance) : NULL;
	ul_vec_deinit(&balance->lives);
	free(balance->events);
	free(balance);
	return error;
}
