// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ledger of one instant. PSS costs a walk of every page table of a process, so it is read for
 * the largest processes only; the others show their RSS. Counting pages by their flags takes
 * seconds on a large machine, and is done when asked for. Of a dump, the books are made from what
 * its page array and its slabs say.
 */
#include "base/units.h"
#include "cmd/core.h"
#include "cmd/measure.h"
#include "cmd/pages.h"
#include "source/proc/holders.h"
#include "view/account.h"

enum { TOP_DEFAULT = 10 };

static const int64_t limit_default_ns = 5 * UL_NS_PER_S;

static struct ul_error *ledger_of_file(const char *path, struct ul_kernel *kernel,
				       struct ul_ledger *ledger)
{
	struct ul_record *record UL_CLEANUP_RECORD = NULL;
	struct ul_record_info info;
	UL_TRY(ul_cmd_open_record(path, &record, &info));
	UL_TRY(ul_record_read_ledger(record, ledger));
	*kernel = info.kernel;
	return NULL;
}

static struct ul_error *ledger_of_machine(const struct ul_cmd_context *context, size_t top,
					  struct ul_kernel *kernel, struct ul_ledger *ledger,
					  struct ul_cmd_pages *pages, struct ul_holders *holders)
{
	struct ul_proc *proc UL_CLEANUP_PROC = NULL;
	const struct ul_options *options = &context->options;
	const struct ul_proc_want want = {.processes = true, .pss_of_top = top, .outside = true};
	UL_TRY(ul_cmd_open_proc(context, &proc));
	UL_TRY(ul_proc_kernel(proc, kernel));
	UL_TRY(ul_proc_ledger(proc, &want, ledger));
	if (options->holders) {
		UL_TRY(ul_proc_holders(proc, ledger, top, holders));
		UL_TRY(ul_losses_merge(&ledger->losses, &holders->losses));
	}
	if (!options->pages)
		return NULL;
	// Files that --proc names, and a limit of time, are of the flags in /proc.
	if (!options->limit_ns && !options->proc_root)
		return ul_cmd_walk_pages(context, proc, limit_default_ns, &ledger->losses, pages);
	return ul_cmd_count_pages(context, proc,
				  options->limit_ns ? options->limit_ns : limit_default_ns, 0, NULL,
				  &ledger->losses, pages);
}

static struct ul_error *check_options(const struct ul_cmd_context *context)
{
	const struct ul_options *options = &context->options;
	if (options->pages && context->positionals_len)
		return ul_error_new(UL_ERR_USAGE, "--pages reads this machine's page flags: "
						  "a recording has none");
	if (options->holders && context->positionals_len)
		return ul_error_new(UL_ERR_USAGE, "--holders asks this machine's processes and "
						  "cgroups: a recording has none");
	if (options->cores.len && (context->positionals_len || options->pages || options->holders))
		return ul_error_new(UL_ERR_USAGE, "--core is of a dump alone: no recording beside "
						  "it, no --pages, no --holders");
	if (options->vmlinux && !options->cores.len)
		return ul_error_new(UL_ERR_USAGE, "--vmlinux is about --core");
	if (options->limit_ns && !options->pages)
		return ul_error_new(UL_ERR_USAGE, "--limit is about --pages");
	return NULL;
}

static struct ul_error *show(struct ul_cmd_context *context, const struct ul_kernel *kernel,
			     const struct ul_ledger *ledger, const struct ul_pages *pages,
			     const struct ul_holders *holders)
{
	const struct ul_options *options = &context->options;
	if (options->json)
		return ul_json_account(context->out, options->pretty, kernel, ledger, pages,
				       holders, options->top);
	struct ul_term term;
	ul_cmd_term(context, &term);
	return ul_term_account(&term, kernel, ledger, pages, holders,
			       options->top ? options->top : TOP_DEFAULT);
}

static struct ul_error *run(struct ul_cmd_context *context, int *ret_exit_code)
{
	const struct ul_options *options = &context->options;
	const size_t top = options->top ? options->top : TOP_DEFAULT;
	struct ul_ledger ledger UL_CLEANUP_LEDGER;
	struct ul_kernel kernel;
	struct ul_cmd_pages counted UL_CLEANUP_CMD_PAGES = {0};
	struct ul_page_compare compare UL_CLEANUP_PAGE_COMPARE = {0};
	struct ul_holders found UL_CLEANUP_HOLDERS = {0};
	const struct ul_holders *holders = options->holders ? &found : NULL;
	ul_ledger_init(&ledger);
	UL_TRY(check_options(context));
	if (options->cores.len)
		UL_TRY(ul_cmd_core_ledger(context, options->cores.data, options->cores.len, &kernel,
					  &ledger, NULL));
	else if (context->positionals_len)
		UL_TRY(ledger_of_file(context->positionals[0], &kernel, &ledger));
	else
		UL_TRY(ledger_of_machine(context, top, &kernel, &ledger, &counted, &found));
	if (!counted.counted)
		return show(context, &kernel, &ledger, NULL, holders);
	UL_TRY(ul_page_compare(&counted.count, &counted.before, &counted.after, &compare));
	const struct ul_pages pages = {&counted.count, &compare};
	return show(context, &kernel, &ledger, &pages, holders);
}

const struct ul_cmd ul_cmd_account = {
	.name = "account",
	.summary = "where all memory is now: every byte in one account",
	.positionals = "[FILE]",
	.positionals_max = 1,
	.details =
		"The accounts are exclusive and together with \"unaccounted\" are MemTotal. "
		"Memory\n"
		"that no counter of the kernel covers (pages that drivers allocate) is in\n"
		"\"unaccounted\", with the range that the counters allow.\n"
		"With FILE, the last sample of a recording.\n"
		"With --core, the books of a memory dump, each page frame in one account: slab\n"
		"objects are exact there (what waits on CPUs' lists is free), and what\n"
		"alloc_pages() gave to no known owner is an account. Needs nothing but the dump.\n"
		"With --pages a second opinion: every page by its own flags, beside the "
		"counters.\n"
		"With --holders also who holds it: cgroups, deleted files that are open, "
		"memfds,\n"
		"socket queues, open files of each process.\n"
		"Without root the slab caches and vmalloc callers stay sums, and it says so.\n",
	.examples = "  sudo ullage account                 the whole ledger\n"
		    "  sudo ullage account -n 30           longer lists\n"
		    "  sudo ullage account --pages         and count every page by its flags\n"
		    "  sudo ullage account --holders       and who holds what no process shows\n"
		    "  sudo ullage account --json | jq '.caches[:5]'\n"
		    "  ullage account incident.ullage      the end of a recording\n"
		    "  ullage account --core vmcore        a dump\n",
	.options = UL_OPTION_BIT(OUTPUT) | UL_OPTION_BIT(PROC) | UL_OPTION_BIT(SYS) |
		   UL_OPTION_BIT(TOP) | UL_OPTION_BIT(PAGES) | UL_OPTION_BIT(LIMIT) |
		   UL_OPTION_BIT(HOLDERS) | UL_OPTION_BIT(CORE) | UL_OPTION_BIT(VMLINUX),
	.run = run,
};
