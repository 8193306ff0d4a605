// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Mark and sweep over the running kernel's memory, or over a dump.
 *
 * A dump stands still: one look, and what nothing refers to is an orphan. A running kernel does
 * not: two looks, some time apart, and searches for those alone that were orphans in both, until
 * they come to rest (analysis/orphan_recheck.c).
 */
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "analysis/describe.h"
#include "analysis/origin.h"
#include "analysis/orphan_groups.h"
#include "analysis/orphan_recheck.h"
#include "analysis/reach.h"
#include "analysis/refcount.h"
#include "analysis/typeid.h"
#include "base/file.h"
#include "base/text.h"
#include "cmd/heap.h"
#include "cmd/image.h"
#include "cmd/measure.h"
#include "source/image/still.h"
#include "source/kwalk/kwalk.h"
#include "view/orphans.h"

enum {
	DEFAULT_WAIT_S = 60,
	SEARCHES_MAX = 8,   /**< after the second look */
	QUIET_SEARCHES = 2, /**< that end them */
	SUPPRESSIONS_MAX_BYTES = 1 << 20,
	IDENTIFIED_EACH = 64, /**< of one group */
};

/** Everything one run works with. */
struct work {
	struct ul_cmd_context *context;
	struct ul_suppressions suppressions;
	struct ul_image image;
	struct ul_heap heap;
	struct ul_kwalk_code code; /**< the same in all walks */
	struct ul_orphans orphans;
	struct ul_losses losses; /**< of what was dropped, and at the end all of them */
	struct ul_losses still;	 /**< of the last still that is not whole */
	unsigned int looks;	 /**< at all memory */
	unsigned int searches;	 /**< after them, for what is left */
	double wait_seconds;
};

static void work_deinit(struct work *work)
{
	ul_suppressions_deinit(&work->suppressions);
	ul_orphans_deinit(&work->orphans);
	ul_heap_deinit(&work->heap);
	ul_kwalk_code_deinit(&work->code);
	ul_image_deinit(&work->image);
	ul_losses_deinit(&work->losses);
	ul_losses_deinit(&work->still);
}

static double seconds_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct ul_error *read_suppressions(struct work *work)
{
	const char *path = work->context->options.suppress;
	struct ul_buf text UL_CLEANUP_BUF = {0};
	UL_TRY(ul_suppressions_add_built_in(&work->suppressions));
	if (!path)
		return NULL;
	UL_TRY(ul_file_read(AT_FDCWD, path, SUPPRESSIONS_MAX_BYTES, &text));
	return ul_suppressions_parse(&work->suppressions, path,
				     (struct ul_span){ul_buf_str(&text), text.len});
}

static struct ul_error *look(struct work *work, bool grades)
{
	const struct ul_reach_options options = {.no_second_pass = !grades, .clock = seconds_now};
	UL_TRY(ul_reach(&work->image, &work->heap, &options, &work->orphans));
	work->looks++;
	return NULL;
}

/** Each still is nearly that of before: what the last one lacks is told, not the sum of them. */
static struct ul_error *take_still(struct work *work)
{
	struct ul_losses losses UL_CLEANUP(ul_losses_deinit) = {0};
	UL_TRY(ul_cmd_take_still(&work->image, &work->heap, &losses));
	if (losses.items.len) {
		ul_losses_deinit(&work->still);
		UL_TRY(ul_losses_merge(&work->still, &losses));
	}
	return NULL;
}

static struct ul_error *walk_heap(struct work *work)
{
	const struct ul_kwalk_options walk = {.code = &work->code};
	ul_heap_deinit(&work->heap);
	return ul_kwalk_heap(&work->image, &walk, &work->heap);
}

/** The last walk and the last look stand for those before: they saw the same losses. */
static struct ul_error *add_up_losses(struct work *work)
{
	UL_TRY(ul_losses_merge(&work->losses, &work->image.losses));
	UL_TRY(ul_losses_merge(&work->losses, &work->heap.losses));
	UL_TRY(ul_losses_merge(&work->losses, &work->still));
	return ul_losses_merge(&work->losses, &work->orphans.losses);
}

/* ---- a running kernel ---- */

static bool wait_between(struct work *work)
{
	const struct ul_options *options = &work->context->options;
	const int64_t wait_ns =
		options->for_ns ? options->for_ns : DEFAULT_WAIT_S * INT64_C(1000000000);
	const int64_t start = ul_cmd_now_ns();
	struct ul_progress progress;
	ul_cmd_progress(work->context, &progress);
	const bool waited = ul_cmd_wait(work->context, &progress, "waiting for the second look",
					start, start + wait_ns, start + wait_ns);
	ul_progress_end(&progress);
	work->wait_seconds = (double)(ul_cmd_now_ns() - start) / 1e9;
	return waited;
}

static struct ul_error *count_dropped(struct work *work, uint64_t dropped, const char *why)
{
	if (!dropped)
		return NULL;
	return ul_losses_add(&work->losses, UL_BIAS_UNDER, dropped, "%s", why);
}

/** What is left of the orphans, whose heap is the one of the last walk, beside @p witnesses. */
static struct ul_error *keep_witnessed(struct work *work, const struct ul_witnesses *witnesses)
{
	uint64_t dropped = 0;
	UL_TRY(ul_orphans_keep_witnessed(&work->image, &work->heap, witnesses, &work->orphans,
					 &dropped));
	return count_dropped(work, dropped, "objects that were no orphans, or others, a look ago");
}

static struct ul_error *second_look(struct work *work, const struct ul_witnesses *witnesses)
{
	ul_image_still_drop(&work->image);
	ul_orphans_deinit(&work->orphans);
	UL_TRY(walk_heap(work));
	UL_TRY(take_still(work));
	UL_TRY(look(work, true));
	return keep_witnessed(work, witnesses);
}

/** @p before: memory as it was in the second look, if it was copied. */
static struct ul_error *search_again(struct work *work, const struct ul_witnesses *witnesses,
				     struct ul_memory *before)
{
	uint64_t gone = 0;
	uint64_t dropped = 0;
	UL_TRY(walk_heap(work));
	UL_TRY(ul_orphans_renumber(&work->heap, &work->orphans, &gone));
	UL_TRY(count_dropped(work, gone, "objects that were gone in the third look"));
	UL_TRY(keep_witnessed(work, witnesses));
	UL_TRY(ul_orphans_drop_referred(&work->image, &work->heap, before, &work->orphans,
					&dropped));
	return count_dropped(work, dropped, "objects that were referred to in the third look");
}

/**
 * An object that is freed and made anew all the time, always with the same contents, may escape a
 * search. Where anything moves, two in a row must find nothing more that does.
 */
static struct ul_error *search_until_quiet(struct work *work, const struct ul_witnesses *witnesses,
					   struct ul_memory *before)
{
	bool moved = false;
	for (int quiet = 0; work->searches < SEARCHES_MAX;) {
		const size_t left = work->orphans.items.len;
		UL_TRY(search_again(work, witnesses, before));
		work->searches++;
		quiet = work->orphans.items.len == left ? quiet + 1 : 0;
		moved = moved || !quiet;
		if (quiet == (moved ? QUIET_SEARCHES : 1) || !work->orphans.items.len)
			return NULL;
	}
	return ul_losses_add(&work->losses, UL_BIAS_OVER, work->orphans.items.len,
			     "orphans of which more may move: %d searches, and they had not come "
			     "to rest",
			     SEARCHES_MAX);
}

static struct ul_error *third_look(struct work *work)
{
	struct ul_witnesses witnesses UL_CLEANUP(ul_witnesses_deinit) = {0};
	UL_CLEANUP_MEMORY struct ul_memory *before = NULL;
	UL_TRY(ul_orphans_witness(&work->image, &work->heap, &work->orphans, &witnesses));
	ul_image_still_part(&work->image, &before);
	if (before && before->left_out_from)
		UL_TRY(ul_losses_add(&work->losses, UL_BIAS_OVER, 0,
				     "what was written since the second look into free memory that "
				     "was not copied"));
	return search_until_quiet(work, &witnesses, before);
}

/** The second look, the third, and what is left of the first. */
static struct ul_error *look_again(struct work *work, const struct ul_witnesses *witnesses)
{
	UL_TRY(second_look(work, witnesses));
	UL_TRY(third_look(work));
	UL_TRY(take_still(work));
	return ul_orphans_restructure(&work->image, &work->heap, &work->orphans);
}

static struct ul_error *look_at_live(struct work *work)
{
	struct ul_witnesses witnesses UL_CLEANUP(ul_witnesses_deinit) = {0};
	UL_TRY(look(work, false));
	UL_TRY(ul_orphans_witness(&work->image, &work->heap, &work->orphans, &witnesses));
	if (!wait_between(work))
		return ul_error_new(UL_ERR_INTERRUPTED,
				    "stopped after the first look, which alone says nothing");
	return look_again(work, &witnesses);
}

/* ---- types, groups, output ---- */

/** Of a group, to be freed; NULL: no memory. */
static uint64_t *objects_of(const struct work *work, const struct ul_orphan_group *group)
{
	uint64_t *objects = calloc(group->members.len, sizeof(*objects));
	for (size_t i = 0; objects && i < group->members.len; i++)
		objects[i] = work->orphans.items.data[group->members.data[i]].object;
	return objects;
}

static struct ul_error *name_group(const struct work *work, const struct ul_typeid *types,
				   struct ul_orphan_group *group)
{
	struct ul_typed typed;
	uint64_t *objects UL_CLEANUP_FREE = objects_of(work, group);
	if (!objects)
		return &ul_enomem;
	if (!ul_typeid_group(types, objects, group->members.len, &typed))
		return NULL;
	return ul_text_set(&group->type, typed.name) &&
			       ul_text_set(&group->type_evidence, typed.evidence)
		       ? NULL
		       : &ul_enomem;
}

static struct ul_error *name_groups(struct work *work)
{
	const struct ul_typeid_options options = {0};
	UL_CLEANUP_TYPEID struct ul_typeid *types = NULL;
	if (!work->image.types || !work->orphans.groups.len)
		return NULL;
	UL_TRY(ul_cmd_typeid(&work->image, &work->heap, &options, &work->losses, &types));
	if (!types)
		return NULL;
	ul_vec_foreach (group, &work->orphans.groups)
		UL_TRY(name_group(work, types, group));
	return NULL;
}

/**
 * What more of a group are than anything else: a path, a /proc file and the release that forgets
 * it.
 */
static struct ul_error *identify_group(struct work *work, struct ul_orphan_group *group)
{
	static const char prefix[] = "struct ";
	struct ul_identified most;
	uint64_t kaddrs[IDENTIFIED_EACH];
	size_t len = 0;
	if (!group->type || strncmp(group->type, prefix, strlen(prefix)) != 0)
		return NULL;
	const ul_type_id type =
		ul_types_find(work->image.types, UL_TYPE_STRUCT, group->type + strlen(prefix));
	ul_vec_foreach (member, &group->members)
		if (len < IDENTIFIED_EACH)
			kaddrs[len++] = work->orphans.items.data[*member].kaddr;
	(void)ul_refcount_most(&work->image, type, kaddrs, len, &group->refcount);
	if (!ul_identify_most(&work->image, &work->heap, type, kaddrs, len, &most))
		return NULL;
	group->release = most.release;
	group->identity_objects = most.objects;
	group->identity_looked_at = most.looked_at;
	return ul_text_set(&group->identity, most.text) ? NULL : &ul_enomem;
}

/** Which cgroup the lost objects are charged to, and where they were allocated. */
static struct ul_error *add_origins(struct work *work)
{
	UL_CLEANUP_ORIGIN_READER struct ul_origin_reader *reader =
		ul_origin_reader_create(&work->image, &work->heap);
	if (!reader)
		return &ul_enomem;
	ul_vec_foreach (group, &work->orphans.groups) {
		uint64_t *objects UL_CLEANUP_FREE = objects_of(work, group);
		if (!objects)
			return &ul_enomem;
		UL_TRY(ul_origins_of(reader, objects, group->members.len, &group->origins));
	}
	return NULL;
}

static struct ul_error *show(struct work *work)
{
	const struct ul_options *options = &work->context->options;
	const struct ul_orphans_view view = {
		.image = &work->image,
		.orphans = &work->orphans,
		.losses = &work->losses,
		.core = options->cores.len ? options->cores.data[0] : NULL,
		.looks = work->looks,
		.searches = work->searches,
		.wait_seconds = work->wait_seconds,
	};
	struct ul_term term;
	if (options->json)
		return ul_json_orphans(work->context->out, options->pretty, &view);
	ul_cmd_term(work->context, &term);
	ul_term_orphans(&term, &view, (size_t)options->top);
	return NULL;
}

static struct ul_error *orphans(struct work *work)
{
	UL_TRY(read_suppressions(work));
	UL_TRY(ul_cmd_open_image(work->context, &work->image));
	UL_TRY(walk_heap(work));
	UL_TRY(take_still(work));
	UL_TRY(ul_reach_check(&work->heap));
	UL_TRY(work->image.live ? look_at_live(work) : look(work, true));
	UL_TRY(ul_orphan_groups(&work->image, &work->heap, &work->orphans));
	UL_TRY(name_groups(work));
	UL_TRY(ul_orphan_groups_finish(&work->image, &work->heap, &work->suppressions,
				       &work->orphans));
	ul_vec_foreach (group, &work->orphans.groups)
		UL_TRY(identify_group(work, group));
	UL_TRY(add_origins(work));
	UL_TRY(add_up_losses(work));
	return show(work);
}

static struct ul_error *run(struct ul_cmd_context *context, int *ret_exit_code)
{
	struct work work = {.context = context};
	struct ul_error *error = orphans(&work);
	work_deinit(&work);
	return error;
}

const struct ul_cmd ul_cmd_orphans = {
	.name = "orphans",
	.summary = "allocated objects that nothing refers to, live or in a dump",
	.positionals = "",
	.details =
		"Mark and sweep: follows every pointer from variables, stacks and registers and\n"
		"lists what was not reached, grouped by cache and contents, what was lost first,\n"
		"what hangs from it behind. In a dump (--core) in one look, without debug\n"
		"information; on the running kernel in three, a minute (--for) between the first\n"
		"two: what moves is no orphan. Grades say how sure it is.\n",
	.examples = "  ullage orphans --core vmcore\n"
		    "  sudo ullage orphans                      the running kernel\n"
		    "  ullage orphans --core vmcore --suppress known.txt --json\n",
	.options = UL_OPTION_BIT(OUTPUT) | UL_OPTION_BIT(CORE) | UL_OPTION_BIT(VMLINUX) |
		   UL_OPTION_BIT(TOP) | UL_OPTION_BIT(FOR) | UL_OPTION_BIT(SUPPRESS),
	.run = run,
};
