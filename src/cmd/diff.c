// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two moments -> two ledgers -> what changed. Of two files the last sample of each is compared; of
 * one file its first and its last; --from and --to name others. "live" is the machine as it is now.
 * Two dumps (--core twice) are two ledgers, too: what grew is told by cache, caller and page class,
 * and by cache and type of object.
 */
#include <string.h>
#include <time.h>

#include "analysis/ledger_diff.h"
#include "base/units.h"
#include "cmd/core.h"
#include "cmd/measure.h"
#include "cmd/moment.h"
#include "view/diff.h"

enum { TOP_DEFAULT = 15, TIME_TEXT = 64 };

struct side {
	struct ul_kernel kernel;
	struct ul_ledger ledger;
	struct ul_type_census types; /**< of a dump */
	char when[TIME_TEXT];
};

static void side_deinit(struct side *side)
{
	ul_ledger_deinit(&side->ledger);
	ul_type_census_deinit(&side->types);
}

/** A clock that begins with the log is no time of day. */
static void say_when(int64_t time_ns, char text[static TIME_TEXT])
{
	const time_t seconds = time_ns / UL_NS_PER_S;
	char since[UL_UNITS_TEXT];
	struct tm clock;
	if (seconds >= 86400 * 365 && localtime_r(&seconds, &clock) &&
	    strftime(text, TIME_TEXT, "%Y-%m-%d %H:%M:%S", &clock))
		return;
	snprintf(text, TIME_TEXT, "%s into the log",
		 ul_format_duration(since, (double)time_ns / UL_NS_PER_S));
}

/** @p text NULL: the @p last sample, or the first. */
static struct ul_error *side_of_record(struct ul_record *record, const struct ul_record_info *info,
				       const char *option, const char *text, bool last,
				       struct side *side)
{
	int64_t when_ns = last ? info->last_time_ns : info->first_time_ns;
	if (text)
		UL_TRY(ul_moment_parse(option, text, info->first_time_ns, info->last_time_ns,
				       &when_ns));
	side->kernel = info->kernel;
	UL_TRY(ul_record_read_ledger_at(record, when_ns, &side->ledger));
	say_when(side->ledger.time_ns, side->when);
	return NULL;
}

static struct ul_error *side_of_machine(const struct ul_cmd_context *context, struct side *side)
{
	struct ul_proc *proc UL_CLEANUP_PROC = NULL;
	const struct ul_proc_want want = {.processes = true};
	UL_TRY(ul_cmd_open_proc(context, &proc));
	UL_TRY(ul_proc_kernel(proc, &side->kernel));
	ul_ledger_deinit(&side->ledger);
	UL_TRY(ul_proc_ledger(proc, &want, &side->ledger));
	snprintf(side->when, sizeof(side->when), "now");
	return NULL;
}

static struct ul_error *side_of_file(const struct ul_cmd_context *context, const char *path,
				     const char *option, const char *text, struct side *side)
{
	struct ul_record *record UL_CLEANUP_RECORD = NULL;
	struct ul_record_info info;
	if (!strcmp(path, "live"))
		return side_of_machine(context, side);
	UL_TRY(ul_cmd_open_record(path, &record, &info));
	return side_of_record(record, &info, option, text, true, side);
}

static struct ul_error *side_of_core(const struct ul_cmd_context *context, const char *path,
				     struct side *side)
{
	UL_TRY(ul_cmd_core_ledger(context, &path, 1, &side->kernel, &side->ledger, &side->types));
	const char *name = strrchr(path, '/');
	snprintf(side->when, sizeof(side->when), "%s", name ? name + 1 : path);
	return NULL;
}

static struct ul_error *check_options(const struct ul_cmd_context *context)
{
	const struct ul_options *options = &context->options;
	if (!options->cores.len && !context->positionals_len)
		return ul_error_new(UL_ERR_USAGE, "a recording, two of them, or --core twice");
	if (options->cores.len && options->cores.len != 2)
		return ul_error_new(UL_ERR_USAGE, "two dumps are compared: --core A --core B");
	if (options->cores.len && (context->positionals_len || options->from || options->to))
		return ul_error_new(UL_ERR_USAGE, "--core is of dumps alone: no recording beside "
						  "it, no --from, no --to");
	return NULL;
}

static struct ul_error *read_sides(const struct ul_cmd_context *context, struct side *before,
				   struct side *after)
{
	const struct ul_options *options = &context->options;
	struct ul_record *record UL_CLEANUP_RECORD = NULL;
	struct ul_record_info info;
	if (options->cores.len) {
		UL_TRY(side_of_core(context, options->cores.data[0], before));
		return side_of_core(context, options->cores.data[1], after);
	}
	if (context->positionals_len == 2) {
		UL_TRY(side_of_file(context, context->positionals[0], "--from", options->from,
				    before));
		return side_of_file(context, context->positionals[1], "--to", options->to, after);
	}
	UL_TRY(ul_cmd_open_record(context->positionals[0], &record, &info));
	UL_TRY(side_of_record(record, &info, "--from", options->from, false, before));
	return side_of_record(record, &info, "--to", options->to, true, after);
}

static struct ul_error *note_differences(const struct side *before, const struct side *after,
					 struct ul_ledger_diff *diff)
{
	if (strcmp(before->kernel.node, after->kernel.node) != 0)
		UL_TRY(ul_losses_add(
			&diff->losses, UL_BIAS_UNKNOWN, 0,
			"a common ground: the two are of different machines, %s and %s",
			before->kernel.node, after->kernel.node));
	if (strcmp(before->kernel.release, after->kernel.release) != 0)
		UL_TRY(ul_losses_add(&diff->losses, UL_BIAS_UNKNOWN, 0,
				     "a common ground: the kernels differ, %s and %s",
				     before->kernel.release, after->kernel.release));
	return NULL;
}

static struct ul_error *run(struct ul_cmd_context *context, int *ret_exit_code)
{
	const struct ul_options *options = &context->options;
	UL_CLEANUP(side_deinit) struct side before = {0};
	UL_CLEANUP(side_deinit) struct side after = {0};
	UL_CLEANUP_LEDGER_DIFF struct ul_ledger_diff diff = {0};
	ul_ledger_init(&before.ledger);
	ul_ledger_init(&after.ledger);
	UL_TRY(check_options(context));
	UL_TRY(read_sides(context, &before, &after));
	UL_TRY(ul_ledger_diff(&before.ledger, &after.ledger, &diff));
	if (before.types.items.len && after.types.items.len) // else not counted in both
		UL_TRY(ul_ledger_diff_types(&before.types, &after.types, &diff));
	UL_TRY(note_differences(&before, &after, &diff));
	if (options->json)
		return ul_json_diff(context->out, options->pretty, &after.kernel, &diff,
				    options->top);
	struct ul_term term;
	ul_cmd_term(context, &term);
	return ul_term_diff(&term, &diff, before.when, after.when,
			    options->top ? options->top : TOP_DEFAULT, options->verbose > 0);
}

const struct ul_cmd ul_cmd_diff = {
	.name = "diff",
	.summary = "what changed between two recordings, or two moments of one",
	.positionals = "[FILE [FILE]]",
	.positionals_max = 2,
	.details =
		"Of one recording, what changed from its first sample to its last, or from --from\n"
		"to --to. Of two, what changed from the end of the first to the end of the\n"
		"second; \"live\" in place of a file is this machine now. Largest change first.\n"
		"TIME is 10:30, \"2024-05-01 10:30\", +5m (after the start), -1h (before the "
		"end),\n"
		"start or end; what is compared is the last sample not after it.\n"
		"A log (see ullage import) will do in place of a recording.\n"
		"Of two memory dumps of one machine, with --core twice: what grew and is still\n"
		"reachable, by slab cache, vmalloc caller and kind of page, and slab objects by\n"
		"cache and type.\n",
	.examples = "  ullage diff night.ullage --from 02:00 --to 04:00\n"
		    "  ullage diff monday.ullage friday.ullage\n"
		    "  sudo ullage diff before.ullage live\n"
		    "  ullage diff --core monday.vmcore --core friday.vmcore\n",
	.options = UL_OPTION_BIT(OUTPUT) | UL_OPTION_BIT(FROM) | UL_OPTION_BIT(TO) |
		   UL_OPTION_BIT(TOP) | UL_OPTION_BIT(PROC) | UL_OPTION_BIT(SYS) |
		   UL_OPTION_BIT(CORE) | UL_OPTION_BIT(VMLINUX),
	.run = run,
};
