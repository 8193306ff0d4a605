// SPDX-License-Identifier: GPL-2.0-or-later
/* `ullage` without arguments: one screen, within about a second. */
#include <unistd.h>

#include "base/units.h"
#include "cmd/measure.h"
#include "view/overview.h"

static struct ul_error *run(struct ul_cmd_context *context, int *ret_exit_code)
{
	const struct ul_options *options = &context->options;
	const struct ul_proc_want want = {0};
	struct ul_proc *proc UL_CLEANUP_PROC = NULL;
	struct ul_ledger before UL_CLEANUP_LEDGER;
	struct ul_ledger now UL_CLEANUP_LEDGER;
	struct ul_kernel kernel;
	ul_ledger_init(&before);
	ul_ledger_init(&now);
	UL_TRY(ul_cmd_open_proc(context, &proc));
	UL_TRY(ul_proc_kernel(proc, &kernel));
	UL_TRY(ul_proc_ledger(proc, &want, &before));
	ul_cmd_sleep_until(context, ul_cmd_now_ns() + UL_NS_PER_S);
	UL_TRY(ul_proc_ledger(proc, &want, &now));
	const double seconds = (double)(now.monotonic_ns - before.monotonic_ns) / UL_NS_PER_S;
	if (options->json)
		return ul_json_overview(context->out, options->pretty, &kernel, &before, &now,
					seconds);
	struct ul_term term;
	ul_cmd_term(context, &term);
	return ul_term_overview(&term, &kernel, &before, &now, seconds, geteuid() == 0);
}

const struct ul_cmd ul_cmd_overview = {
	.name = "overview",
	.summary = "one screen: where memory is, what to type next",
	.positionals = "",
	.options = UL_OPTION_BIT(OUTPUT) | UL_OPTION_BIT(PROC) | UL_OPTION_BIT(SYS),
	.run = run,
};
