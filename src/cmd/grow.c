// SPDX-License-Identifier: GPL-2.0-or-later
/* Samples (taken now, or out of a recording) -> series -> growth of each, by suspicion. */
#include "analysis/growth.h"
#include "base/units.h"
#include "cmd/measure.h"
#include "view/grow.h"

enum { TOP_DEFAULT = 15, SAMPLES_WANTED = 30 };

static const int64_t for_default_ns = 30 * UL_NS_PER_S;
static const int64_t every_max_ns = 60 * UL_NS_PER_S;
static const int64_t every_min_ns = UL_NS_PER_S / 10;

/** About thirty samples, however long the window. */
static int64_t default_every(int64_t for_ns)
{
	const int64_t every_ns = for_ns / SAMPLES_WANTED;
	return every_ns < every_min_ns	 ? every_min_ns
	       : every_ns > every_max_ns ? every_max_ns
					 : every_ns;
}

static struct ul_error *series_of_file(const char *path, struct ul_kernel *kernel,
				       struct ul_series_set *set, struct ul_losses *losses)
{
	struct ul_record *record UL_CLEANUP_RECORD = NULL;
	struct ul_record_info info;
	UL_TRY(ul_cmd_open_record(path, &record, &info));
	if (!info.samples)
		return ul_error_hint(
			ul_error_new(UL_ERR_BAD_DATA, "%s has no sample of memory", path),
			"ullage trace FILE shows the allocations in it, if it has any");
	UL_TRY(ul_record_read_series(record, set));
	UL_TRY(ul_record_read_losses(record, losses));
	*kernel = info.kernel;
	return NULL;
}

static struct ul_error *series_of_machine(const struct ul_cmd_context *context,
					  struct ul_kernel *kernel, struct ul_series_set *set,
					  struct ul_losses *losses)
{
	const struct ul_options *options = &context->options;
	struct ul_proc *proc UL_CLEANUP_PROC = NULL;
	struct ul_record *record UL_CLEANUP_RECORD = NULL;
	size_t samples;
	UL_TRY(ul_cmd_open_growing_proc(context, &proc));
	UL_TRY(ul_proc_kernel(proc, kernel));
	if (options->record)
		UL_TRY(ul_cmd_create_record(proc, options->record, &record));
	const int64_t for_ns = options->for_ns ? options->for_ns : for_default_ns;
	const struct ul_sampling sampling = {
		.proc = proc,
		.want = {.processes = true, .held = true, .cgroups = true},
		.for_ns = for_ns,
		.every_ns = options->every_ns ? options->every_ns : default_every(for_ns),
		.set = set,
		.record = record,
		.what = "sampling where memory is",
		.losses = losses,
	};
	UL_TRY(ul_cmd_sample(context, &sampling, &samples));
	return record ? ul_record_write_losses(record, losses) : NULL;
}

static struct ul_error *check_options(const struct ul_cmd_context *context)
{
	const uint64_t live_only = UL_OPTION_BIT(FOR) | UL_OPTION_BIT(EVERY) |
				   UL_OPTION_BIT(RECORD) | UL_OPTION_BIT(PROC) | UL_OPTION_BIT(SYS);
	if (context->positionals_len && (context->options.given & live_only))
		return ul_error_new(UL_ERR_USAGE,
				    "--for, --every, --record, --proc and --sys are for measuring "
				    "now, not for the recording %s",
				    context->positionals[0]);
	return NULL;
}

static struct ul_error *run(struct ul_cmd_context *context, int *ret_exit_code)
{
	const struct ul_options *options = &context->options;
	struct ul_series_set *set UL_CLEANUP_SERIES_SET = ul_series_set_create();
	struct ul_losses losses UL_CLEANUP(ul_losses_deinit) = {0};
	struct ul_growth_report report UL_CLEANUP_GROWTH_REPORT = {0};
	struct ul_kernel kernel;
	if (!set)
		return &ul_enomem;
	UL_TRY(check_options(context));
	if (context->positionals_len)
		UL_TRY(series_of_file(context->positionals[0], &kernel, set, &losses));
	else
		UL_TRY(series_of_machine(context, &kernel, set, &losses));
	UL_TRY(ul_growth_report(set, &report));
	if (options->json)
		return ul_json_grow(context->out, options->pretty, &kernel, &report, &losses,
				    options->top);
	struct ul_term term;
	ul_cmd_term(context, &term);
	return ul_term_grow(&term, &report, &losses, options->top ? options->top : TOP_DEFAULT,
			    options->verbose > 0);
}

const struct ul_cmd ul_cmd_grow = {
	.name = "grow",
	.summary = "what grows, how fast, and whether it looks like a leak",
	.positionals = "[FILE]",
	.positionals_max = 1,
	.details =
		"Samples the ledger for 30 seconds (--for) and orders the accounts by suspicion:\n"
		"  leak-like  grows steadily to the end, and the kernel cannot take it back\n"
		"  filling    grows, but is reclaimable (page cache, dentries)\n"
		"  step       rose and has stopped\n"
		"  flat       no growth beyond the noise\n"
		"  too-short  too few samples to say\n"
		"The interval is the 95 % confidence interval of the slope. Ctrl-C reports early.\n"
		"With FILE, the growth within a recording.\n",
	.examples = "  sudo ullage grow                    half a minute\n"
		    "  sudo ullage grow --for 10m -r overnight.ullage\n"
		    "  ullage grow overnight.ullage        the same again from the recording\n",
	.options = UL_OPTION_BIT(OUTPUT) | UL_OPTION_BIT(PROC) | UL_OPTION_BIT(SYS) |
		   UL_OPTION_BIT(FOR) | UL_OPTION_BIT(EVERY) | UL_OPTION_BIT(RECORD) |
		   UL_OPTION_BIT(TOP),
	.run = run,
};
