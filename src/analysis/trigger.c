// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Survivors of a complete trace, by the batch of runs they were allocated in:
 *
 *  1. Sites of one sort (same cache, same function) are added up, whatever called them.
 *  2. Each sort is judged by its batches (analysis/per_run); what only comes and goes is dropped.
 *  3. Sorts that lose as many in (nearly) the same batches, or a whole multiple of it, are one
 *     leak: the one of fewest and largest objects is the finding, the others its companions.
 *  4. A leak needs a second witness, as everywhere: the account itself must have grown in the same
 *     time where so much was lost that this shows, and frees of the site must not go unseen.
 *  5. What reclaim can take back is a leak only if a control, which does the same, leaves none.
 *
 * Errs: see analysis/per_run. An object that is allocated once in many runs (a page that serves 16
 * fragments) is judged by few objects, so its ratio is not exact.
 */
#include "analysis/trigger.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "analysis/freepath.h"
#include "analysis/per_run.h"
#include "analysis/verdict_held.h"
#include "base/text.h"
#include "base/units.h"

enum {
	MAX_BATCHES = 64,
	MAX_COMPANIONS = 8,
	MAX_FINDINGS = 12,
	ENOUGH_TO_ACCUSE = 8,
	ENOUGH_TO_SHOW = 200, /**< so many lost objects must be seen in slabinfo's count, too */
};
static const double same_batches = 0.9;
static const double least_trust = 0.5;
static const double least_confidence = 0.5;
static const double all_frees_seen = 0.9; /**< trust from which on an irregular rate is believed */
static const double little_of_control = 0.25;

/** All sites of one sort. */
struct sort {
	const struct ul_site *site; /**< the one that lost most */
	uint64_t survivors, freed;
	uint64_t left[MAX_BATCHES]; /**< by trigger batch */
	uint64_t warm_up_left, control_left, idle_left;
	uint64_t unplaced; /**< survivors of which no time is known: of no batch */
	struct ul_per_run lost;
	bool taken;
};

struct sorts {
	UL_VEC(struct sort) items;
	uint32_t runs[MAX_BATCHES];
	size_t batches_len;
	uint64_t runs_in_all, control_runs;
	double runs_s, idle_s;
};

/** Where a survivor belongs; stamps lag, so a batch begins a little before it began. */
static const struct ul_batch *batch_of(const struct ul_batches *batches, int64_t time_ns,
				       size_t *ret_trigger_index)
{
	const struct ul_batch *found = NULL;
	size_t index = 0;
	ul_vec_foreach (batch, &batches->items) {
		if (batch->begin_ns - batches->lag_ns > time_ns)
			break;
		if (found && found->kind == UL_BATCH_TRIGGER)
			index++;
		found = batch;
	}
	*ret_trigger_index = index;
	return found;
}

static void add_site(struct sort *sort, const struct ul_batches *batches,
		     const struct ul_site *site)
{
	if (!sort->site || site->survivors > sort->site->survivors)
		sort->site = site;
	sort->survivors += site->survivors;
	sort->freed += site->freed;
	if (site->survivors > site->examples.len)
		sort->unplaced += site->survivors - site->examples.len;
	ul_vec_foreach (example, &site->examples) {
		size_t index;
		const struct ul_batch *batch = batch_of(batches, example->time_ns, &index);
		if (!batch)
			continue;
		switch (batch->kind) {
		case UL_BATCH_WARM_UP:
			sort->warm_up_left++;
			break;
		case UL_BATCH_TRIGGER:
			if (index < MAX_BATCHES)
				sort->left[index]++;
			break;
		case UL_BATCH_CONTROL:
			sort->control_left++;
			break;
		case UL_BATCH_IDLE:
			sort->idle_left++;
			break;
		}
	}
}

static struct ul_error *add_up(const struct ul_trigger_evidence *evidence, struct sorts *sorts)
{
	ul_vec_foreach (batch, &evidence->batches->items) {
		const double seconds = (double)(batch->end_ns - batch->begin_ns) / UL_NS_PER_S;
		if (batch->kind == UL_BATCH_TRIGGER && sorts->batches_len < MAX_BATCHES) {
			sorts->runs[sorts->batches_len++] = batch->runs;
			sorts->runs_in_all += batch->runs;
			sorts->runs_s += seconds;
		} else if (batch->kind == UL_BATCH_CONTROL) {
			sorts->control_runs += batch->runs;
		} else if (batch->kind == UL_BATCH_IDLE) {
			sorts->idle_s += seconds;
		}
	}
	ul_vec_foreach (site, &evidence->trace->sites) {
		struct sort *sort = NULL;
		if (site->nested || !site->allocated)
			continue;
		ul_vec_foreach (known, &sorts->items)
			if (ul_freepath_same_sort(known->site, site))
				sort = known;
		if (!sort)
			sort = ul_vec_add(&sorts->items);
		if (!sort)
			return &ul_enomem;
		add_site(sort, evidence->batches, site);
	}
	return NULL;
}

static void judge_sort(const struct sorts *sorts, struct sort *sort)
{
	struct ul_per_run_batch batches[MAX_BATCHES];
	for (size_t i = 0; i < sorts->batches_len; i++)
		batches[i] = (struct ul_per_run_batch){sorts->runs[i], sort->left[i]};
	const struct ul_per_run_facts facts = {
		.warm_up_left = sort->warm_up_left,
		.background_left = sorts->idle_s > 0
					   ? (double)sort->idle_left / sorts->idle_s * sorts->runs_s
					   : 0,
		.freed = sort->freed,
	};
	sort->lost = ul_per_run(batches, sorts->batches_len, &facts);
	// The oldest are kept: which batches the others belong to is not known.
	if (sort->unplaced && sort->lost.shape != UL_PER_RUN_STEADY &&
	    sort->lost.shape != UL_PER_RUN_NONE)
		sort->lost.shape = UL_PER_RUN_UNEVEN;
}

/** What does not stop comes first, then what is lost most of. */
static int by_importance(const void *left, const void *right)
{
	static const int order[] = {
		[UL_PER_RUN_STEADY] = 0,  [UL_PER_RUN_UNEVEN] = 1, [UL_PER_RUN_FALLING] = 2,
		[UL_PER_RUN_STOPPED] = 3, [UL_PER_RUN_RECENT] = 4, [UL_PER_RUN_NONE] = 5,
	};
	const struct sort *a = left;
	const struct sort *b = right;
	if (a->lost.shape != b->lost.shape)
		return order[a->lost.shape] - order[b->lost.shape];
	const double a_bytes = a->lost.per_run * (double)a->site->object_bytes;
	const double b_bytes = b->lost.per_run * (double)b->site->object_bytes;
	return a_bytes < b_bytes ? 1 : a_bytes > b_bytes ? -1 : 0;
}

/** True when @p other loses in the same batches as @p sort, in a fixed proportion. */
static bool goes_with(const struct sorts *sorts, const struct sort *sort, const struct sort *other)
{
	if (other->lost.shape != sort->lost.shape || !sort->lost.lost || !other->lost.lost)
		return false;
	const double share = (double)other->lost.lost / (double)sort->lost.lost;
	double apart = 0;
	for (size_t i = 0; i < sorts->batches_len; i++)
		apart += fabs((double)other->left[i] - share * (double)sort->left[i]);
	return apart <= (1 - same_batches) * (double)other->lost.lost + 2;
}

/** NULL: not known. */
static const struct ul_cache *cache_of(const struct ul_ledger *ledger, const char *name)
{
	return ledger && name ? ul_ledger_cache(ledger, name) : NULL;
}

/** By how much slabinfo's count of @p cache rose; false when it is not known. */
static bool cache_grew(const struct ul_trigger_evidence *evidence, const char *cache,
		       int64_t *ret_objects, int64_t *ret_bytes)
{
	const struct ul_cache *before = cache_of(evidence->before, cache);
	const struct ul_cache *after = cache_of(evidence->after, cache);
	if (!before || !after)
		return false;
	*ret_objects = (int64_t)(after->objects - before->objects);
	*ret_bytes = (int64_t)(after->bytes - before->bytes);
	return true;
}

static bool is_reclaimable(const struct ul_trigger_evidence *evidence, const struct ul_site *site)
{
	const struct ul_cache *cache = cache_of(evidence->after, site->cache);
	return cache && cache->reclaimable;
}

static const char *account_of(const struct ul_site *site)
{
	return site->account ? site->account : site->cache ? site->cache : "?";
}

static enum ul_kind kind_of(const struct ul_site *site)
{
	switch (site->allocator) {
	case UL_ALLOCATOR_SLAB:
		return UL_KIND_SLAB;
	case UL_ALLOCATOR_PERCPU:
		return UL_KIND_PERCPU;
	case UL_ALLOCATOR_VMALLOC:
		return UL_KIND_VMALLOC;
	case UL_ALLOCATOR_PAGES:
		break;
	}
	return UL_KIND_UNACCOUNTED;
}

/** "1", "7 for every 2 runs", "0.06 (0.05 to 0.07)" */
static const char *format_per_run(const struct ul_per_run *lost, char *text, size_t size)
{
	if (lost->numerator && lost->denominator == 1)
		snprintf(text, size, "%" PRIu32 " a run", lost->numerator);
	else if (lost->numerator)
		snprintf(text, size, "%.3g a run (%" PRIu32 " for every %" PRIu32 " runs)",
			 lost->per_run, lost->numerator, lost->denominator);
	else
		snprintf(text, size, "%.2g a run (between %.2g and %.2g)", lost->per_run, lost->low,
			 lost->high);
	return text;
}

static struct ul_error *say_shape(struct ul_finding *finding, const struct sorts *sorts)
{
	const struct ul_per_run *lost = &finding->trigger.lost;
	char rate[128];
	format_per_run(lost, rate, sizeof(rate));
	switch (lost->shape) {
	case UL_PER_RUN_STEADY:
		return ul_finding_why(finding,
				      "%" PRIu64 " runs left %" PRIu64
				      " behind: %s, in the last runs as in the first. A cache or "
				      "history of more than %" PRIu64 " would look the same",
				      sorts->runs_in_all, lost->lost, rate, lost->lost);
	case UL_PER_RUN_STOPPED:
		return ul_finding_why(finding,
				      "stopped by itself after %" PRIu64 " (run %" PRIu64
				      " of %" PRIu64 ", %s until then): bounded, as a cache that "
				      "is full",
				      lost->lost_in_all, lost->last_run, sorts->runs_in_all, rate);
	case UL_PER_RUN_RECENT:
		return ul_finding_why(finding,
				      "only what the last %" PRIu64 " of %" PRIu64
				      " runs left is there: what came before was freed",
				      lost->kept_runs, sorts->runs_in_all);
	case UL_PER_RUN_FALLING:
		return ul_finding_why(finding,
				      "%" PRIu64 " runs left %" PRIu64
				      " behind, the later ones less than the earlier",
				      sorts->runs_in_all, lost->lost);
	case UL_PER_RUN_UNEVEN:
	case UL_PER_RUN_NONE:
		break;
	}
	return ul_finding_why(finding, "%" PRIu64 " runs left %" PRIu64 " behind, unevenly",
			      sorts->runs_in_all, lost->lost);
}

static struct ul_error *say_control(struct ul_finding *finding)
{
	if (!finding->trigger.control_runs)
		return NULL;
	return ul_finding_why(finding, "%" PRIu64 " runs of the control left %.2g a run",
			      finding->trigger.control_runs, finding->trigger.control_per_run);
}

/** What a run of the control leaves of @p sort. */
static double control_per_run(const struct sorts *sorts, const struct sort *sort)
{
	return sorts->control_runs ? (double)sort->control_left / (double)sorts->control_runs : 0;
}

/** Whether the control leaves (nearly) nothing of what @p sort is. */
static bool is_cleared(const struct sorts *sorts, const struct sort *sort)
{
	return sorts->control_runs &&
	       control_per_run(sorts, sort) <= little_of_control * sort->lost.per_run;
}

/**
 * Only what would be judged alike may stand for one another; but what can be reclaimed and is lost
 * with a leak, run by run, is held by it: the inode of a socket.
 */
static bool may_stand_for(const struct ul_trigger_evidence *evidence, const struct sorts *sorts,
			  const struct sort *sort, enum ul_finding_verdict verdict,
			  const struct sort *other)
{
	return (is_reclaimable(evidence, sort->site) == is_reclaimable(evidence, other->site) ||
		(verdict == UL_FINDING_LEAK && !is_reclaimable(evidence, sort->site))) &&
	       ul_verdict_by_design(sort->site) == ul_verdict_by_design(other->site) &&
	       is_cleared(sorts, sort) == is_cleared(sorts, other) &&
	       (sort->site->trust < least_trust) == (other->site->trust < least_trust);
}

/** The runs leave processes behind, which may hold what they left. */
static bool may_still_run(const struct ul_trigger_evidence *evidence, const struct sorts *sorts,
			  const struct sort *sort)
{
	uint64_t processes = 0;
	return evidence->after &&
	       ul_verdict_started(sort->site, evidence->after, evidence->trace->begin_ns,
				  &processes) != UL_STARTED_NOT &&
	       processes * 2 >= sorts->runs_in_all;
}

/** What else must hold before steady is called a leak; says what does not. */
static struct ul_error *decide(const struct ul_trigger_evidence *evidence,
			       const struct sorts *sorts, const struct sort *sort,
			       struct ul_finding *finding)
{
	const struct ul_finding_trigger *trigger = &finding->trigger;
	finding->verdict = trigger->lost.shape == UL_PER_RUN_RECENT ? UL_FINDING_HELD
								    : UL_FINDING_INCONCLUSIVE;
	finding->confidence = trigger->lost.confidence * fmin(1, sort->site->trust);
	const struct ul_by_design *known = ul_verdict_by_design(sort->site);
	if (known) {
		finding->verdict = known->verdict;
		return ul_finding_why(finding, "%s", known->why);
	}
	if (trigger->lost.shape != UL_PER_RUN_STEADY)
		return NULL;
	if (trigger->lost.lost < ENOUGH_TO_ACCUSE)
		return ul_finding_why(finding, "so few may be chance: more --times would tell");
	if (sorts->control_runs && !is_cleared(sorts, sort))
		return ul_finding_why(finding, "the control leaves it, too: it is no control for "
					       "this, or this is not lost by what differs");
	if (is_reclaimable(evidence, sort->site) && !sorts->control_runs) {
		finding->verdict = UL_FINDING_FILLING;
		return ul_finding_why(finding,
				      "the kernel can take it back, unless somebody holds it: a "
				      "--control that leaves none would show that");
	}
	if (sort->site->trust < least_trust)
		return ul_finding_why(finding,
				      "most frees of this sort go unseen: survivors are believed "
				      "to %.0f %%",
				      100 * sort->site->trust);
	if (!trigger->lost.numerator && sort->site->trust < all_frees_seen)
		return ul_finding_why(finding,
				      "as many every run it is not, and frees of this sort go "
				      "unseen: survivors are believed to %.0f %%",
				      100 * sort->site->trust);
	if (finding->confidence < least_confidence)
		return ul_finding_why(finding, "too uneven to be sure: more --times would tell");
	if (finding->grown_objects >= 0 && sort->survivors >= ENOUGH_TO_SHOW &&
	    finding->grown_objects < (int64_t)sort->survivors / 4)
		return ul_finding_why(finding,
				      "but its cache grew by only %" PRId64 " objects meanwhile",
				      finding->grown_objects);
	if (may_still_run(evidence, sorts, sort))
		return ul_finding_why(
			finding,
			"processes that the runs started still run, and may hold what was left");
	finding->verdict = UL_FINDING_LEAK;
	return NULL;
}

static struct ul_error *fill(const struct ul_trigger_evidence *evidence, const struct sorts *sorts,
			     const struct sort *sort, struct ul_finding *finding)
{
	const struct ul_site *site = sort->site;
	const struct ul_trace *trace = evidence->trace;
	const double seconds = trace->window_s > 0 ? trace->window_s : 1;
	int64_t objects;
	int64_t bytes;
	finding->kind = kind_of(site);
	finding->site = site;
	finding->survivors = sort->lost.lost_in_all;
	finding->survivor_bytes = finding->survivors * site->object_bytes;
	finding->grown_objects = -1;
	if (cache_grew(evidence, site->cache, &objects, &bytes)) {
		finding->grown_objects = objects > 0 ? objects : 0;
		finding->grown_bytes = bytes;
	}
	finding->trigger = (struct ul_finding_trigger){
		.runs = sorts->runs_in_all,
		.lost = sort->lost,
		.control_runs = sorts->control_runs,
		.control_per_run = control_per_run(sorts, sort),
	};
	if (!ul_text_set(&finding->account, account_of(site)) ||
	    !ul_text_set(&finding->function, site->function) ||
	    !ul_text_set(&finding->module, site->module))
		return &ul_enomem;
	UL_TRY(ul_finding_set_aliases(finding, evidence->after));
	finding->growth = (struct ul_growth){
		.verdict = sort->lost.shape == UL_PER_RUN_STEADY ? UL_GROWTH_LEAK_LIKE
								 : UL_GROWTH_STEP,
		.bytes_per_s = (double)finding->survivor_bytes / seconds,
		.objects_per_s = (double)finding->survivors / seconds,
		.window_s = seconds,
		.score = sort->lost.confidence,
	};
	finding->group_bytes_per_s = finding->growth.bytes_per_s;
	finding->growth.low = finding->growth.high = finding->growth.recent_bytes_per_s =
		finding->growth.bytes_per_s;
	UL_TRY(say_shape(finding, sorts));
	UL_TRY(say_control(finding));
	return decide(evidence, sorts, sort, finding);
}

static struct ul_error *add_companion(const struct ul_trigger_evidence *evidence,
				      const struct sort *sort, struct ul_finding *finding)
{
	const double seconds = evidence->trace->window_s > 0 ? evidence->trace->window_s : 1;
	struct ul_companion *companion;
	UL_TRY(ul_finding_add_companion(finding, account_of(sort->site), sort->site->function,
					&companion));
	companion->survivors = sort->lost.lost_in_all;
	companion->bytes_per_s =
		(double)(companion->survivors * sort->site->object_bytes) / seconds;
	finding->group_bytes_per_s += companion->bytes_per_s;
	companion->lost = sort->lost;
	companion->site = sort->site;
	return NULL;
}

static struct ul_error *make_findings(const struct ul_trigger_evidence *evidence,
				      struct sorts *sorts, struct ul_findings *ret)
{
	uint64_t unplaced = 0;
	uint64_t more = 0;
	for (size_t i = 0; i < sorts->items.len; i++) {
		struct sort *sort = &sorts->items.data[i];
		unplaced += sort->unplaced;
		if (sort->taken || sort->lost.shape == UL_PER_RUN_NONE)
			continue;
		if (ret->items.len == MAX_FINDINGS) {
			more++;
			continue;
		}
		struct ul_finding *finding = ul_vec_add(&ret->items);
		if (!finding)
			return &ul_enomem;
		UL_TRY(fill(evidence, sorts, sort, finding));
		for (size_t k = i + 1; k < sorts->items.len; k++) {
			struct sort *other = &sorts->items.data[k];
			if (other->taken || finding->companions.len == MAX_COMPANIONS ||
			    !goes_with(sorts, sort, other) ||
			    !may_stand_for(evidence, sorts, sort, finding->verdict, other))
				continue;
			UL_TRY(add_companion(evidence, other, finding));
			other->taken = true;
		}
	}
	if (unplaced)
		UL_TRY(ul_losses_add(&ret->losses, UL_BIAS_UNDER, unplaced,
				     "objects left behind of which it is not known by which run"));
	if (more)
		UL_TRY(ul_losses_add(&ret->losses, UL_BIAS_UNDER, more,
				     "more sorts of objects left behind: not judged"));
	return NULL;
}

static int by_verdict(const void *left, const void *right)
{
	const struct ul_finding *a = left;
	const struct ul_finding *b = right;
	const bool a_leaks = a->verdict == UL_FINDING_LEAK;
	const bool b_leaks = b->verdict == UL_FINDING_LEAK;
	if (a_leaks != b_leaks)
		return a_leaks ? -1 : 1;
	return a->rank < b->rank ? -1 : a->rank > b->rank;
}

struct ul_error *ul_trigger_findings(const struct ul_trigger_evidence *evidence,
				     struct ul_findings *ret)
{
	struct sorts sorts = {0};
	struct ul_error *error = add_up(evidence, &sorts);
	if (!error) {
		ul_vec_foreach (sort, &sorts.items)
			judge_sort(&sorts, sort);
		if (sorts.items.len)
			qsort(sorts.items.data, sorts.items.len, sizeof(*sorts.items.data),
			      by_importance);
		error = make_findings(evidence, &sorts, ret);
	}
	ul_vec_deinit(&sorts.items);
	unsigned int rank = 0;
	ul_vec_foreach (finding, &ret->items)
		finding->rank = rank++;
	if (ret->items.len)
		qsort(ret->items.data, ret->items.len, sizeof(*ret->items.data), by_verdict);
	rank = 0;
	ul_vec_foreach (finding, &ret->items)
		finding->rank = ++rank;
	ret->window_s = evidence->trace->window_s;
	return error;
}
