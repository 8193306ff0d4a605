// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The runs once more, for references alone: of the types of what is lost (model/reference.h), so
 * mostly one, and only when it is one that counts references by functions that are calls. First
 * nothing is run for a moment, then come the trigger and the control; then no new objects are
 * followed, and what ends late is waited for.
 *
 * Who calls is the first function on the stack that does not just pass on (filp_close() calls
 * fput() for whoever closes).
 */
#include "cmd/find_balance.h"

#include <string.h>

#include "analysis/balance.h"
#include "base/buf.h"
#include "base/text.h"
#include "base/units.h"
#include "source/trace/references.h"

enum {
	TYPES_MOST = 8, /**< all that there are */
	WARM_UP_RUNS = 3,
	RUNS_MOST = 40,
};
static const int64_t pause_ns = 10 * UL_NS_PER_S / 1000;
static const int64_t idle_ns = UL_NS_PER_S / 10;
static const int64_t drain_ns = 3 * UL_NS_PER_S / 2;

struct balance {
	const struct ul_find_calls *what;
	struct ul_findings *findings;
	const struct ul_reference_type *types[TYPES_MOST];
	size_t types_len;
	struct ul_reference_probe *probe;
	struct ul_reference_records records;
	UL_VEC(int64_t) begins;	 /**< CLOCK_MONOTONIC, of each of the runs */
	UL_VEC(uint64_t) starts; /**< of each caller's code */
	struct ul_reference_calls references;
	bool stopped;
};

static void balance_deinit(struct balance *balance)
{
	ul_reference_probe_destroy(balance->probe);
	ul_vec_deinit(&balance->records.items);
	ul_vec_deinit(&balance->begins);
	ul_vec_deinit(&balance->starts);
	ul_reference_calls_deinit(&balance->references);
}

/** The type of what a finding has lost; NULL: it counts no references, or those are not known. */
static const struct ul_reference_type *type_of(const struct balance *balance,
					       const struct ul_finding *finding)
{
	struct ul_symbol symbol;
	if (finding->trigger.lost.shape != UL_PER_RUN_STEADY || !finding->site ||
	    !ul_symtab_lookup(balance->what->machine->symtab, finding->site->call_site, &symbol) ||
	    !symbol.name || symbol.module)
		return NULL;
	return ul_reference_type_of(symbol.name);
}

static void choose_types(struct balance *balance)
{
	ul_vec_foreach (finding, &balance->findings->items) {
		const struct ul_reference_type *type = type_of(balance, finding);
		bool known = !type || balance->types_len == TYPES_MOST;
		for (size_t i = 0; i < balance->types_len; i++)
			known |= balance->types[i] == type;
		if (!known)
			balance->types[balance->types_len++] = type;
	}
}

static struct ul_error *begin_run(struct balance *balance, enum ul_batch_kind kind)
{
	const struct ul_call_run run = {kind};
	return ul_vec_push(&balance->begins, ul_cmd_monotonic_ns()) &&
			       ul_vec_push(&balance->references.runs, run)
		       ? NULL
		       : &ul_enomem;
}

static struct ul_error *wait_and_take(struct balance *balance, int64_t wait_ns)
{
	ul_cmd_sleep_until(balance->what->context, ul_cmd_now_ns() + wait_ns);
	return ul_reference_probe_take(balance->probe, &balance->records);
}

static struct ul_error *run_all(struct balance *balance, enum ul_batch_kind kind,
				const char *command, uint64_t times)
{
	for (uint64_t i = 0; i < times && !balance->stopped; i++) {
		int status;
		UL_TRY(begin_run(balance, kind));
		UL_TRY(ul_runner_run(balance->what->runner, balance->what->context, command, false,
				     &status, &balance->stopped));
		UL_TRY(wait_and_take(balance, pause_ns));
	}
	return NULL;
}

static struct ul_error *record(struct balance *balance)
{
	const struct ul_find_calls *what = balance->what;
	const uint64_t times = what->times < RUNS_MOST ? what->times : RUNS_MOST;
	UL_TRY(begin_run(balance, UL_BATCH_IDLE));
	ul_reference_probe_record(balance->probe, true);
	UL_TRY(wait_and_take(balance, idle_ns));
	UL_TRY(run_all(balance, UL_BATCH_WARM_UP, what->trigger, WARM_UP_RUNS));
	UL_TRY(run_all(balance, UL_BATCH_TRIGGER, what->trigger, times));
	if (what->control) {
		UL_TRY(run_all(balance, UL_BATCH_WARM_UP, what->control, WARM_UP_RUNS));
		UL_TRY(run_all(balance, UL_BATCH_CONTROL, what->control, times));
	}
	ul_reference_probe_record(balance->probe, false);
	UL_TRY(wait_and_take(balance, drain_ns));
	return ul_reference_probe_losses(balance->probe, &balance->findings->losses);
}

/** Functions that give back on behalf of their caller. Linux fs/open.c, fs/namei.c, ... */
static bool passes_on(const char *function)
{
	static const char *const names[] = {"filp_close", "path_put", "mm_access"};
	for (size_t i = 0; i < UL_ARRAY_LEN(names); i++)
		if (!strcmp(function, names[i]))
			return true;
	return false;
}

/** The number of a function that calls, a new one for one not seen before. */
static struct ul_error *number_of(struct balance *balance, const struct ul_symbol *symbol,
				  int32_t *ret)
{
	for (size_t i = balance->starts.len; i-- > 0;) {
		if (balance->starts.data[i] != symbol->start)
			continue;
		*ret = (int32_t)i;
		return NULL;
	}
	struct ul_reference_caller *caller = ul_vec_add(&balance->references.callers);
	if (!caller || !ul_vec_push(&balance->starts, symbol->start) ||
	    !ul_text_set(&caller->name, symbol->name) ||
	    !ul_text_set(&caller->module, symbol->module))
		return &ul_enomem;
	*ret = (int32_t)balance->starts.len - 1;
	return NULL;
}

/**
 * Who calls: behind the frames of the probe itself, which have no names or their own, comes the
 * function that is watched, or, where it has returned, its caller at once.
 */
static struct ul_error *name_caller(struct balance *balance,
				    const struct ul_reference_record *record, int32_t *ret)
{
	const struct ul_symtab *symtab = balance->what->machine->symtab;
	const char *watched = record->type->functions[record->function].name;
	struct ul_symbol symbol;
	size_t first = 0;
	*ret = UL_CALL_NOBODY;
	for (size_t i = 0; !first && i < UL_REFERENCE_FRAMES && record->frames[i]; i++)
		if (ul_symtab_lookup(symtab, record->frames[i] - (i > 0), &symbol) && symbol.name &&
		    !strcmp(symbol.name, watched))
			first = i + 1;
	for (size_t i = first; i < UL_REFERENCE_FRAMES && record->frames[i]; i++) {
		// In its place the kernel shows how it returns: kretprobes of older kernels (5.10).
		if (ul_symtab_lookup(symtab, record->frames[i], &symbol) && symbol.name &&
		    (strstr(symbol.name, "kretprobe_trampoline") ||
		     strstr(symbol.name, "rethook_trampoline")))
			return NULL;
		// A return address may lie just behind its function.
		if (ul_symtab_lookup(symtab, record->frames[i] - (i > 0), &symbol) && symbol.name &&
		    strncmp(symbol.name, "bpf_", 4) != 0 && !passes_on(symbol.name))
			return number_of(balance, &symbol, ret);
	}
	return NULL;
}

/** Records with names, each in its run. */
static struct ul_error *name_records(struct balance *balance)
{
	size_t run = 0;
	ul_vec_foreach (record, &balance->records.items) {
		while (run + 1 < balance->begins.len &&
		       balance->begins.data[run + 1] <= record->time_ns)
			run++;
		struct ul_reference_event event = {
			.type = record->type,
			.what = record->what,
			.function = record->function,
			.caller = UL_CALL_NOBODY,
			.run = (uint32_t)run,
			.object = record->object,
		};
		if (event.what == UL_REFERENCE_CALLED)
			UL_TRY(name_caller(balance, record, &event.caller));
		if (!ul_vec_push(&balance->references.items, event))
			return &ul_enomem;
	}
	return NULL;
}

static struct ul_error *follow(struct balance *balance)
{
	UL_TRY(ul_reference_probe_open(balance->types, balance->types_len,
				       balance->what->machine->symtab, false, &balance->probe));
	UL_TRY(record(balance));
	UL_TRY(name_records(balance));
	ul_vec_foreach (finding, &balance->findings->items) {
		const struct ul_reference_type *type = type_of(balance, finding);
		if (type)
			UL_TRY(ul_balance(&balance->references, type, finding));
	}
	return NULL;
}

/** What is not known when they cannot be followed. */
static struct ul_error *say_types(const struct balance *balance, struct ul_buf *text)
{
	ul_buf_puts(text, "who takes and gives back references to ");
	for (size_t i = 0; i < balance->types_len; i++)
		ul_buf_printf(text, "%s%s", i ? ", " : "", balance->types[i]->name);
	ul_buf_puts(text, " was not seen");
	return text->failed ? &ul_enomem : NULL;
}

struct ul_error *ul_cmd_find_balance(const struct ul_find_calls *what, struct ul_findings *findings)
{
	struct balance balance UL_CLEANUP(balance_deinit) = {.what = what, .findings = findings};
	if (!what->machine->symtab || ul_cmd_stopped(what->context))
		return NULL;
	choose_types(&balance);
	if (!balance.types_len)
		return NULL;
	struct ul_buf unseen UL_CLEANUP_BUF = {0};
	UL_TRY(say_types(&balance, &unseen));
	return ul_losses_add_error(&findings->losses, UL_BIAS_UNDER, follow(&balance),
				   ul_buf_str(&unseen));
}
