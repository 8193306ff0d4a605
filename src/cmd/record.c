// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Samples into a recording until stopped. Each sample is one transaction, so whatever ends the
 * program (a signal, the power, a full disk) leaves all samples before it readable.
 */
#include <string.h>

#include "base/units.h"
#include "cmd/measure.h"
#include "view/record.h"

enum { PSS_OF_TOP = 10, MIN_KEEP_BYTES = 1 << 20 };

static const int64_t min_keep_ns = 60 * UL_NS_PER_S;

static struct ul_error *check_options(const struct ul_options *options)
{
	if (!options->output)
		return ul_error_hint(ul_error_new(UL_ERR_USAGE, "ullage record needs -o FILE"),
				     "example: sudo ullage record -o machine.ullage");
	return NULL;
}

/** "100M" bounds the file, "7d" the time; "5m" is minutes as everywhere, so a size needs its M. */
static struct ul_error *parse_keep(const char *keep, struct ul_retention *ret)
{
	int64_t age_ns;
	uint64_t bytes;
	ul_retention_default(ret);
	if (!keep)
		return NULL;
	if (!strcmp(keep, "all")) {
		*ret = (struct ul_retention){0};
		return NULL;
	}
	struct ul_error *no_time UL_CLEANUP_ERROR = ul_parse_duration(keep, &age_ns);
	struct ul_error *no_size UL_CLEANUP_ERROR = ul_parse_size(keep, &bytes);
	const bool bare = !no_time && strspn(keep, "0123456789") == strlen(keep);
	if (bare || (no_time && no_size))
		return ul_error_hint(ul_error_new(UL_ERR_USAGE,
						  "--keep: '%s' is neither a size "
						  "nor a time",
						  keep),
				     "such as 100M, 7d, or all");
	if (!no_time && age_ns < min_keep_ns)
		return ul_error_new(UL_ERR_USAGE, "--keep: '%s' is less than a minute", keep);
	if (no_time && bytes < MIN_KEEP_BYTES)
		return ul_error_new(UL_ERR_USAGE, "--keep: '%s' is less than 1M", keep);
	if (!no_time)
		ret->max_age_ns = age_ns;
	else
		ret->max_bytes = bytes;
	return NULL;
}

static void say_start(const struct ul_cmd_context *context, int64_t every_ns)
{
	char every[UL_UNITS_TEXT];
	char window[UL_UNITS_TEXT];
	const struct ul_options *options = &context->options;
	if (options->quiet || options->json)
		return;
	fprintf(context->err, "Writing a sample every %s to %s, ",
		ul_format_duration(every, (double)every_ns / UL_NS_PER_S), options->output);
	if (options->for_ns)
		fprintf(context->err, "for %s (Ctrl-C: stop now).\n",
			ul_format_duration(window, (double)options->for_ns / UL_NS_PER_S));
	else
		fprintf(context->err, "until Ctrl-C.\n");
}

static struct ul_error *record(const struct ul_cmd_context *context, int64_t every_ns,
			       size_t *ret_samples, struct ul_kernel *ret_kernel,
			       struct ul_losses *losses)
{
	const struct ul_options *options = &context->options;
	struct ul_proc *proc UL_CLEANUP_PROC = NULL;
	struct ul_record *file UL_CLEANUP_RECORD = NULL;
	struct ul_retention retention;
	UL_TRY(parse_keep(options->keep, &retention));
	UL_TRY(ul_cmd_open_growing_proc(context, &proc));
	UL_TRY(ul_proc_kernel(proc, ret_kernel));
	UL_TRY(ul_cmd_create_record(proc, options->output, &file));
	UL_TRY(ul_record_set_retention(file, &retention));
	say_start(context, every_ns);
	const struct ul_sampling sampling = {
		.proc = proc,
		.want = {.processes = true,
			 .pss_of_top = PSS_OF_TOP,
			 .held = true,
			 .cgroups = true},
		.for_ns = options->for_ns,
		.every_ns = every_ns,
		.record = file,
		.what = "recording",
		.losses = losses,
	};
	struct ul_error *error = ul_cmd_sample(context, &sampling, ret_samples);
	if (!error)
		error = ul_record_write_losses(file, losses);
	if (error)
		return ul_error_hint(ul_error_prepend(error, "recording stopped"),
				     "the samples before that are whole: ullage grow %s",
				     options->output);
	return NULL;
}

static struct ul_error *run(struct ul_cmd_context *context, int *ret_exit_code)
{
	const struct ul_options *options = &context->options;
	struct ul_losses losses UL_CLEANUP(ul_losses_deinit) = {0};
	const int64_t every_ns = options->every_ns ? options->every_ns : UL_NS_PER_S;
	struct ul_kernel kernel;
	size_t samples;
	UL_TRY(check_options(options));
	UL_TRY(record(context, every_ns, &samples, &kernel, &losses));
	if (options->json)
		return ul_json_record(context->out, options->pretty, &kernel, options->output,
				      samples, &losses);
	struct ul_term term;
	ul_cmd_term(context, &term);
	if (!options->quiet)
		ul_term_record(&term, options->output, samples, &losses);
	return NULL;
}

const struct ul_cmd ul_cmd_record = {
	.name = "record",
	.summary = "samples into a recording until stopped, to be looked at later",
	.positionals = "",
	.details =
		"The recording is one file (SQLite). Every sample is whole or absent in it, also\n"
		"after a crash or on a full disk; another ullage may read it meanwhile. An\n"
		"existing file is never overwritten. Of what is older than 6 hours one sample a\n"
		"minute is kept, after 3 days one in 10 minutes. --keep 100M bounds the file,\n"
		"--keep 7d the time, --keep all keeps all.\n",
	.examples = "  sudo ullage record -o machine.ullage             until Ctrl-C\n"
		    "  sudo ullage record -o box.ullage --keep 50M      for as long as you like\n"
		    "  sudo ullage record -o night.ullage --every 10s --for 8h\n"
		    "  ullage grow machine.ullage                       what grew\n",
	.options = UL_OPTION_BIT(OUTPUT) | UL_OPTION_BIT(PROC) | UL_OPTION_BIT(SYS) |
		   UL_OPTION_BIT(FOR) | UL_OPTION_BIT(EVERY) | UL_OPTION_BIT(KEEP),
	.flags = UL_CMD_OWN_OUTPUT,
	.run = run,
};
