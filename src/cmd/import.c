// SPDX-License-Identifier: GPL-2.0-or-later
/* Logs that people have -> a recording that every other command reads. See logs.c. */
#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"
#include "cmd/import_trace.h"
#include "cmd/logs.h"
#include "cmd/measure.h"
#include "view/import.h"

static struct ul_error *check_options(const struct ul_options *options, const char *path)
{
	if (options->output)
		return NULL;
	UL_CLEANUP_CLOSE const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return ul_error_os(errno, "opening %s", path);
	return ul_error_hint(
		ul_error_new(UL_ERR_USAGE,
			     "%s is not seen to be a trace: of a log, ullage import makes a "
			     "recording and needs -o FILE",
			     path),
		"examples: ullage import slabinfo.log -o machine.ullage\n"
		"            ullage import --format trace trace.txt");
}

static struct ul_error *run(struct ul_cmd_context *context, int *ret_exit_code)
{
	const struct ul_options *options = &context->options;
	UL_CLEANUP_IMPORT_RESULT struct ul_import_result result = {0};
	UL_CLEANUP_RECORD struct ul_record *record = NULL;
	if (ul_import_is_trace(context))
		return ul_import_trace(context);
	UL_TRY(check_options(options, context->positionals[0]));
	const struct ul_import import = {
		.files = (const char *const *)context->positionals,
		.files_len = context->positionals_len,
		.format = options->format,
		.every_ns = options->every_ns,
		.output = options->output,
	};
	UL_TRY(ul_import_logs(&import, &record, &result));
	const struct ul_import_view view = {
		.file = options->output,
		.format = ul_log_format_name(result.format),
		.samples = result.samples,
		.window_s = (double)(result.last_ns - result.first_ns) / 1e9,
	};
	if (options->json)
		return ul_json_import(context->out, options->pretty, &result.kernel, &view,
				      &result.losses);
	struct ul_term term;
	ul_cmd_term(context, &term);
	if (!options->quiet)
		ul_term_import(&term, &view, &result.losses);
	return NULL;
}

const struct ul_cmd ul_cmd_import = {
	.name = "import",
	.summary = "a recording from logs and traces: slabinfo, sar, trace-cmd, perf",
	.positionals = "FILE...",
	.positionals_min = 1,
	.positionals_max = 4096,
	.details =
		"What a log is, is told by its contents (or --format):\n"
		"  slabinfo   /proc/slabinfo again and again, with or without lines between\n"
		"  meminfo    the same of /proc/meminfo; both may alternate, and vmallocinfo,\n"
		"             zoneinfo and vmstat beside them\n"
		"  slabtop    slabtop -o, again and again\n"
		"  sar        text of sar -r, sar -r ALL, sar -B, sadf -d\n"
		"  directory  meminfo, slabinfo ... captured by hand, one directory for each\n"
		"             time, or files such as meminfo.1, slabinfo.1\n"
		"  trace      allocations and frees: trace-cmd report, ftrace's trace and\n"
		"             trace_pipe, perf script, trace.dat; shows its sites, -o is optional\n"
		"Lines of date(1) between give the times; without them snapshots are --every\n"
		"apart. FILE - is standard input. Other commands take a log in place of a\n"
		"recording, too.\n",
	.examples = "  ullage import trace.dat             what was not freed, by site\n"
		    "  ullage import slabinfo.log --every 5s -o machine.ullage\n"
		    "  LC_ALL=C sar -r ALL -f sa23 | ullage import - -o day.ullage\n"
		    "  ullage grow slabinfo.log            the same without a recording\n",
	.options = UL_OPTION_BIT(OUTPUT) | UL_OPTION_BIT(EVERY) | UL_OPTION_BIT(FORMAT) |
		   UL_OPTION_BIT(DRAIN) | UL_OPTION_BIT(TOP),
	.flags = UL_CMD_OWN_OUTPUT,
	.run = run,
};
