// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs of the trigger fail: they lose. Runs of the control, and times in which nothing is run,
 * pass. For a function f, with F failing runs, of which f ran in ef, and ep passing ones in which
 * it ran:
 *
 *	ochiai	ef / sqrt(F * (ef + ep)), Ochiai's coefficient. 1: always when lost, never else
 *	count	1 when f runs about once for each object lost (or once a run), less the more often
 *
 * which alone leaves many functions alike: all that a run calls once. What tells them apart:
 *
 *  - order: who loses an object has it, so runs after it was allocated; and nobody of the same code
 *    has it after that: the later the last call, the better. Half for each function that comes
 *    still later.
 *  - a control: a function that runs in both and frees less often in the trigger (a put that is
 *    missing, edge by edge: f -> kfree 2 a run in the control, 1 here) is the strongest witness;
 *    one that calls something else there has taken another way.
 *  - frames of the allocation's stack are only half as suspicious: they made the object.
 *
 * Errs: what is inlined has no calls of its own, its caller is accused; a tail call hides the
 * caller of what comes after it. A function that only cleans up behind the guilty one looks as
 * guilty.
 */
#include "analysis/spectrum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/entry_frames.h"
#include "analysis/freepath.h"
#include "analysis/sites.h"
#include "base/hash.h"
#include "base/text.h"

enum {
	MOST_ACCUSED = 16,
	EDGE_SLOTS = 16384, /**< a power of two, more than ... */
	MOST_EDGES = 8192,  /**< of functions that may be accused; further ones are not looked at */
};

static const double of_spectrum = 3.0;
static const double of_order = 2.0;
static const double of_missing_put = 6.0;
static const double of_other_way = 1.5;
static const double of_trigger_alone = 1.0;
static const double on_stack_factor = 0.5;
static const double core_factor = 0.5; /**< beside the factor that modules get */
static const double least_points = 0.5;
/** Of a lost object, so much less a run is a put that is missing. */
static const double missing_share = 0.45;

/** One function in all runs. */
struct profile {
	double calls[UL_BATCH_IDLE + 1]; /**< by kind of run */
	uint32_t runs[UL_BATCH_IDLE + 1];
	uint32_t after; /**< trigger runs whose last call of it came after the allocation */
	double order;	/**< sum over these: 1 for the last of its sort, half for the one before */
	size_t first;	/**< in the run that is looked at: place of its first call, from 1 */
	size_t last;	/**< ... and of its last */
	uint32_t seen;	/**< the run it was seen in last, plus 1 */
	bool on_stack;
	bool may_be; /**< accused */
};

/** How often one function calls another. */
struct edge {
	int32_t caller, function;
	double calls[UL_BATCH_IDLE + 1];
};

struct spectrum {
	const struct ul_calls *calls;
	const struct ul_finding *finding;
	struct profile *profiles;
	UL_VEC(struct edge) edges;
	uint32_t *slots; /**< EDGE_SLOTS: place of an edge in `edges` plus 1; 0: none */
	uint32_t runs[UL_BATCH_IDLE + 1];
	double lost; /**< a run */
};

/** What may be accused at all. */
static bool may_be(const struct ul_call_function *function)
{
	return !function->releases && !ul_entry_frame(function->name) &&
	       !ul_sites_is_allocator(function->name) && !ul_freepath_is_free(function->name);
}

static void mark_stack(struct spectrum *spectrum, const struct ul_site *site)
{
	const struct ul_calls *calls = spectrum->calls;
	if (!site)
		return;
	ul_vec_foreach (frame, &site->stack.frames)
		for (size_t i = 0; frame->function && i < calls->functions.len; i++)
			if (ul_sites_same_function(calls->functions.data[i].name, frame->function))
				spectrum->profiles[i].on_stack = true;
}

static int compare_places(const void *left, const void *right)
{
	const size_t a = *(const size_t *)left;
	const size_t b = *(const size_t *)right;
	return a < b ? 1 : a > b ? -1 : 0;
}

/** How many of @p places, the last first, come later than @p place. */
static size_t count_later(const size_t *places, size_t len, size_t place)
{
	size_t low = 0;
	size_t high = len;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (places[middle] > place)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/** Of one run of the trigger: who ran after the allocation, and how late. */
static struct ul_error *order_run(struct spectrum *spectrum, uint32_t run)
{
	const struct ul_calls *calls = spectrum->calls;
	size_t allocated = 0;
	size_t len = 0;
	size_t *places UL_CLEANUP_FREE = calloc(calls->functions.len + 1, sizeof(*places));
	if (!places)
		return &ul_enomem;
	// Not before the innermost frame of its stack that is traced has run first. Which of its
	// calls made the object that is lost is not known: others come later, and are not it.
	const struct ul_site *site = spectrum->finding->site;
	for (size_t f = 0; site && !allocated && f < site->stack.frames.len; f++) {
		const char *name = site->stack.frames.data[f].function;
		for (size_t i = 0; name && i < calls->functions.len; i++)
			if (spectrum->profiles[i].seen == run + 1 &&
			    ul_sites_same_function(calls->functions.data[i].name, name))
				allocated = spectrum->profiles[i].first;
	}
	// Modules are compared with one another; where none runs after the allocation, all are.
	bool modules = false;
	for (size_t i = 0; i < calls->functions.len; i++)
		modules |= spectrum->profiles[i].seen == run + 1 && spectrum->profiles[i].may_be &&
			   spectrum->profiles[i].last > allocated &&
			   calls->functions.data[i].module;
	for (size_t i = 0; i < calls->functions.len; i++)
		if (spectrum->profiles[i].seen == run + 1 && spectrum->profiles[i].may_be &&
		    (!modules || calls->functions.data[i].module))
			places[len++] = spectrum->profiles[i].last;
	if (len)
		qsort(places, len, sizeof(*places), compare_places);
	for (size_t i = 0; i < calls->functions.len; i++) {
		struct profile *profile = &spectrum->profiles[i];
		if (profile->seen != run + 1 || !profile->may_be || profile->last <= allocated)
			continue;
		profile->after++;
		profile->order += pow(0.5, (double)count_later(places, len, profile->last));
	}
	return NULL;
}

/** The edge, made if new; NULL: there is no room. */
static struct edge *edge_of(struct spectrum *spectrum, int32_t caller, int32_t function)
{
	const uint64_t key = (uint64_t)(uint32_t)caller << 32 | (uint32_t)function;
	size_t at = ul_hash_u64(0, key) % EDGE_SLOTS;
	for (; spectrum->slots[at]; at = (at + 1) % EDGE_SLOTS) {
		struct edge *edge = &spectrum->edges.data[spectrum->slots[at] - 1];
		if (edge->caller == caller && edge->function == function)
			return edge;
	}
	struct edge *edge = spectrum->edges.len < MOST_EDGES ? ul_vec_add(&spectrum->edges) : NULL;
	if (!edge)
		return NULL;
	*edge = (struct edge){.caller = caller, .function = function};
	spectrum->slots[at] = (uint32_t)spectrum->edges.len;
	return edge;
}

/** Only who may be accused is asked whom it calls. */
static void add_edge(struct spectrum *spectrum, const struct ul_call *call, enum ul_batch_kind kind)
{
	if (call->caller < 0 || !spectrum->profiles[call->caller].may_be)
		return;
	struct edge *edge = edge_of(spectrum, call->caller, call->function);
	if (edge)
		edge->calls[kind]++;
}

/** Calls are looked at run by run; those of one run stand together. */
static struct ul_error *add_up(struct spectrum *spectrum)
{
	const struct ul_calls *calls = spectrum->calls;
	for (size_t i = 0; i < calls->items.len;) {
		const uint32_t run = calls->items.data[i].run;
		if (run >= calls->runs.len)
			return NULL;
		const enum ul_batch_kind kind = calls->runs.data[run].kind;
		size_t place = 0;
		for (; i < calls->items.len && calls->items.data[i].run == run; i++) {
			const struct ul_call *call = &calls->items.data[i];
			struct profile *profile = &spectrum->profiles[call->function];
			profile->calls[kind]++;
			profile->last = ++place;
			if (profile->seen != run + 1) {
				profile->runs[kind]++;
				profile->first = place;
			}
			profile->seen = run + 1;
			add_edge(spectrum, call, kind);
		}
		if (kind == UL_BATCH_TRIGGER)
			UL_TRY(order_run(spectrum, run));
	}
	return NULL;
}

/** Calls a run of that kind. */
static double rate(const struct spectrum *spectrum, double calls, enum ul_batch_kind kind)
{
	return spectrum->runs[kind] ? calls / spectrum->runs[kind] : 0;
}

/** 1: about once for each object lost, or once a run. */
static double count_fits(double calls, double lost)
{
	const double by_object = lost > 0 ? calls / lost : 0;
	const double fit = by_object > 1 ? 1 / sqrt(by_object) : by_object;
	const double by_run = calls > 1 ? 1 / sqrt(calls) : calls;
	return fmax(fit, by_run);
}

static double ochiai(const struct spectrum *spectrum, const struct profile *profile)
{
	const double failing = spectrum->runs[UL_BATCH_TRIGGER];
	const double ef = profile->runs[UL_BATCH_TRIGGER];
	// As many passing runs as failing ones, however many there were.
	const double ep =
		failing * (rate(spectrum, profile->runs[UL_BATCH_CONTROL], UL_BATCH_CONTROL) +
			   rate(spectrum, profile->runs[UL_BATCH_IDLE], UL_BATCH_IDLE));
	return ef > 0 ? ef / sqrt(failing * (ef + ep)) : 0;
}

/** What a control tells of the calls that @p function makes; its words go to @p why. */
static double from_control(const struct spectrum *spectrum, int32_t function, char *why,
			   size_t size)
{
	double points = 0;
	ul_vec_foreach (edge, &spectrum->edges) {
		if (edge->caller != function)
			continue;
		const struct ul_call_function *callee =
			&spectrum->calls->functions.data[edge->function];
		const double here = rate(spectrum, edge->calls[UL_BATCH_TRIGGER], UL_BATCH_TRIGGER);
		const double there =
			rate(spectrum, edge->calls[UL_BATCH_CONTROL], UL_BATCH_CONTROL);
		const bool puts = callee->releases || ul_freepath_is_free(callee->name);
		if (puts && there - here >= missing_share * spectrum->lost) {
			const double found =
				of_missing_put * fmin(1, (there - here) / spectrum->lost);
			if (found > points)
				snprintf(why, size,
					 "calls %s %.2g times a run in the control, %.2g here",
					 callee->name, there, here);
			points = fmax(points, found);
		} else if (here >= missing_share * spectrum->lost && there < here / 8 &&
			   of_other_way > points) {
			snprintf(why, size, "takes another way than in the control: calls %s",
				 callee->name);
			points = of_other_way;
		}
	}
	return points;
}

static struct ul_error *accuse(struct spectrum *spectrum, int32_t function,
			       struct ul_finding *finding)
{
	const struct profile *profile = &spectrum->profiles[function];
	const struct ul_call_function *what = &spectrum->calls->functions.data[function];
	const double failing = spectrum->runs[UL_BATCH_TRIGGER];
	const bool control = spectrum->runs[UL_BATCH_CONTROL] > 0;
	char by_control[256] = "";
	char why[512];
	if (!profile->may_be || !profile->runs[UL_BATCH_TRIGGER])
		return NULL;
	const double after = profile->after / failing;
	double points =
		of_spectrum * ochiai(spectrum, profile) * (0.5 + after / 2) *
		count_fits(rate(spectrum, profile->calls[UL_BATCH_TRIGGER], UL_BATCH_TRIGGER),
			   spectrum->lost);
	points += of_order * profile->order / failing;
	if (profile->on_stack)
		points *= on_stack_factor;
	if (control && profile->runs[UL_BATCH_CONTROL])
		points += from_control(spectrum, function, by_control, sizeof(by_control));
	else if (control)
		points += of_trigger_alone;
	if (!what->module)
		points *= core_factor;
	if (points < least_points)
		return NULL;
	snprintf(why, sizeof(why), "%s%sran %.0f times in %.0f runs that lose %.3g each, %s%s",
		 by_control, by_control[0] ? "; " : "", profile->calls[UL_BATCH_TRIGGER], failing,
		 spectrum->lost,
		 profile->order / failing > 0.75 ? "last of its code after the allocation"
		 : after > 0.5			 ? "after the allocation"
						 : "before the allocation",
		 control && !profile->runs[UL_BATCH_CONTROL] ? ", never in the control"
		 : !profile->runs[UL_BATCH_IDLE]	     ? ", never while nothing was run"
							     : "");
	struct ul_accusation *accusation = ul_vec_add(&finding->accusations);
	if (!accusation || !ul_text_set(&accusation->function, what->name) ||
	    !ul_text_set(&accusation->module, what->module) || !ul_text_set(&accusation->why, why))
		return &ul_enomem;
	accusation->points = points;
	return NULL;
}

static int by_points(const void *left, const void *right)
{
	const struct ul_accusation *a = left;
	const struct ul_accusation *b = right;
	if (a->points != b->points)
		return a->points < b->points ? 1 : -1;
	return strcmp(a->function, b->function);
}

static void keep_the_first(struct ul_finding *finding)
{
	if (finding->accusations.len)
		qsort(finding->accusations.data, finding->accusations.len,
		      sizeof(*finding->accusations.data), by_points);
	while (finding->accusations.len > MOST_ACCUSED)
		ul_accusation_deinit(&finding->accusations.data[--finding->accusations.len]);
}

struct ul_error *ul_spectrum(const struct ul_calls *calls, struct ul_finding *finding)
{
	struct spectrum spectrum = {
		.calls = calls,
		.finding = finding,
		.lost = finding->trigger.lost.per_run,
		.profiles = calloc(calls->functions.len + 1, sizeof(struct profile)),
		.slots = calloc(EDGE_SLOTS, sizeof(uint32_t)),
	};
	if (!spectrum.profiles || !spectrum.slots) {
		free(spectrum.profiles);
		free(spectrum.slots);
		return &ul_enomem;
	}
	for (size_t i = 0; i < calls->functions.len; i++)
		spectrum.profiles[i].may_be = may_be(&calls->functions.data[i]);
	ul_vec_foreach (run, &calls->runs)
		spectrum.runs[run->kind]++;
	struct ul_error *error = NULL;
	if (spectrum.runs[UL_BATCH_TRIGGER] && spectrum.lost > 0) {
		mark_stack(&spectrum, finding->site);
		error = add_up(&spectrum);
		for (size_t i = 0; !error && i < calls->functions.len; i++)
			error = accuse(&spectrum, (int32_t)i, finding);
	}
	if (!error)
		keep_the_first(finding);
	ul_vec_deinit(&spectrum.edges);
	free(spectrum.slots);
	free(spectrum.profiles);
	return error;
}
