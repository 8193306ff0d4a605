// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What can be measured here. Each source probes its own ground; what follows from it for the
 * commands is put first, because that is the question: will `find` work on this machine?
 */
#include <string.h>

#include "cmd/measure.h"
#include "source/ftrace/ftrace.h"
#include "source/image/live.h"
#include "source/proc/probe.h"
#include "source/symbols/symbols.h"
#include "source/trace/probe.h"
#include "view/doctor.h"

static struct ul_error *check_of_error(struct ul_checks *checks, const char *name,
				       const char *serves, const struct ul_error *error)
{
	return ul_checks_add(checks, name, serves, UL_CHECK_MISSING, error->hint, "%s",
			     error->message);
}

static struct ul_error *probe_memory(struct ul_checks *checks)
{
	static const char name[] = "kernel memory";
	static const char serves[] = "what leaked objects hold (inspect, find)";
	struct ul_memory *memory UL_CLEANUP_MEMORY = NULL;
	struct ul_error *error UL_CLEANUP_ERROR = ul_live_open(&memory);
	if (error)
		return check_of_error(checks, name, serves, error);
	return ul_checks_add(checks, name, serves, UL_CHECK_OK, NULL, "read through %s",
			     memory->engine);
}

/** Tracing without BPF, and what killed runs of it left in the kernel. */
static struct ul_error *probe_ftrace(struct ul_checks *checks, const char *sys_root)
{
	static const char name[] = "ftrace instances";
	static const char serves[] = "tracing where BPF is refused (--engine ftrace)";
	size_t left;
	struct ul_error *error UL_CLEANUP_ERROR = ul_ftrace_probe(sys_root, &left);
	if (error)
		return check_of_error(checks, name, serves, error);
	if (left)
		return ul_checks_add(checks, name, serves, UL_CHECK_OK, NULL,
				     "%zu left by an ullage that was killed; the next trace "
				     "--engine ftrace removes them",
				     left);
	return ul_checks_add(checks, name, serves, UL_CHECK_OK, NULL, "can be made");
}

static struct ul_error *probe_symbols(struct ul_checks *checks, const char *proc_root)
{
	static const char name[] = "/proc/kallsyms";
	static const char serves[] = "names of functions and variables";
	struct ul_losses losses UL_CLEANUP(ul_losses_deinit) = {0};
	struct ul_symtab *symtab UL_CLEANUP_SYMTAB = NULL;
	struct ul_error *error UL_CLEANUP_ERROR = ul_kallsyms_load(proc_root, &losses, &symtab);
	if (error)
		return check_of_error(checks, name, serves, error);
	if (!ul_symtab_has_data(symtab))
		return ul_checks_add(checks, name, serves, UL_CHECK_LIMITED, NULL,
				     "%zu symbols, functions only: the kernel is built without "
				     "CONFIG_KALLSYMS_ALL",
				     ul_symtab_len(symtab));
	return ul_checks_add(checks, name, serves, UL_CHECK_OK, NULL, "%zu symbols, data included",
			     ul_symtab_len(symtab));
}

static struct ul_error *probe_lines(struct ul_checks *checks, const char *vmlinux)
{
	struct ul_lines *lines UL_CLEANUP_LINES = NULL;
	UL_TRY(ul_lines_create(vmlinux, &lines));
	const char *status = ul_lines_status(lines);
	const bool found = strstr(status, "vmlinux with DWARF") == status;
	return ul_checks_add(checks, "debug files", "source lines in stacks (optional)",
			     found ? UL_CHECK_OK : UL_CHECK_MISSING,
			     found ? NULL
				   : "install the kernel's debug package (Debian: "
				     "linux-image-...-dbg), or --vmlinux FILE",
			     "%s", status);
}

/** What a command cannot do without, and what it would see less without. */
struct need {
	const char *command;
	const char *serves;
	const char *must[4]; /**< names of checks */
	const char *instead; /**< does as well where those fail, with less; NULL: nothing */
	const char *helps[5];
};

static const struct need needs[] = {
	{"ullage account",
	 "and grow, record",
	 {"/proc/meminfo"},
	 NULL,
	 {"/proc/slabinfo", "/proc/vmallocinfo"}},
	{"ullage trace",
	 "and find",
	 {"BPF tracing"},
	 "ftrace instances",
	 {"/sys/kernel/btf/vmlinux", "/proc/kallsyms", "/proc/slabinfo"}},
	{"ullage inspect", "and the contents in find", {"kernel memory"}, NULL, {"/proc/kallsyms"}},
};

static bool all_ok(const struct ul_checks *checks, const char *const *names, size_t len,
		   const char **ret_first)
{
	for (size_t i = 0; i < len && names[i]; i++) {
		const struct ul_check *check = ul_checks_find(checks, names[i]);
		if (check && check->state == UL_CHECK_OK)
			continue;
		*ret_first = names[i];
		return false;
	}
	return true;
}

static struct ul_error *add_commands(struct ul_checks *checks, const struct ul_checks *sources)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(needs); i++) {
		const struct need *need = &needs[i];
		const char *lacks = "";
		enum ul_check_state state = UL_CHECK_OK;
		if (!all_ok(sources, need->must, UL_ARRAY_LEN(need->must), &lacks))
			state = all_ok(sources, &need->instead, 1, &lacks) && need->instead
					? UL_CHECK_LIMITED
					: UL_CHECK_MISSING;
		else if (!all_ok(sources, need->helps, UL_ARRAY_LEN(need->helps), &lacks))
			state = UL_CHECK_LIMITED;
		UL_TRY(ul_checks_add(checks, need->command, need->serves, state, NULL, "%s%s",
				     *lacks ? "see below: " : "", lacks));
	}
	return NULL;
}

static struct ul_error *add_all(struct ul_checks *checks, const struct ul_checks *from)
{
	ul_vec_foreach (check, &from->items)
		UL_TRY(ul_checks_add(checks, check->name, check->serves, check->state,
				     check->remedy, "%s", check->why));
	return NULL;
}

static struct ul_error *probe_all(const struct ul_options *options, struct ul_checks *sources)
{
	const struct ul_proc_options proc = {.proc_root = options->proc_root,
					     .sys_root = options->sys_root};
	UL_TRY(ul_proc_probe(&proc, sources));
	UL_TRY(ul_trace_probe(sources));
	UL_TRY(probe_ftrace(sources, options->sys_root));
	UL_TRY(probe_memory(sources));
	UL_TRY(probe_symbols(sources, options->proc_root));
	return probe_lines(sources, options->vmlinux);
}

static struct ul_error *run(struct ul_cmd_context *context, int *ret_exit_code)
{
	struct ul_checks sources UL_CLEANUP_CHECKS = {0};
	struct ul_checks checks UL_CLEANUP_CHECKS = {0};
	struct ul_proc *proc UL_CLEANUP_PROC = NULL;
	struct ul_kernel kernel;
	UL_TRY(ul_cmd_open_proc(context, &proc));
	UL_TRY(ul_proc_kernel(proc, &kernel));
	UL_TRY(probe_all(&context->options, &sources));
	UL_TRY(add_commands(&checks, &sources));
	UL_TRY(add_all(&checks, &sources));
	if (context->options.json)
		return ul_json_doctor(context->out, context->options.pretty, &kernel, &checks);
	struct ul_term term;
	ul_cmd_term(context, &term);
	return ul_term_doctor(&term, &kernel, &checks);
}

const struct ul_cmd ul_cmd_doctor = {
	.name = "doctor",
	.summary = "what can be measured here, and what would enable the rest",
	.positionals = "",
	.details =
		"One entry for each source of facts: ok, limited or missing, why, and the exact\n"
		"command, boot option or kernel option that would change it. Nothing is changed.\n",
	.examples = "  sudo ullage doctor\n"
		    "  ullage doctor --json | jq '.checks[] | select(.state != \"ok\")'\n",
	.options = UL_OPTION_BIT(OUTPUT) | UL_OPTION_BIT(PROC) | UL_OPTION_BIT(SYS) |
		   UL_OPTION_BIT(VMLINUX),
	.run = run,
};
