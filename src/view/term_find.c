// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "view/find.h"
#include "view/fixes.h"
#include "view/origin.h"
#include "view/site.h"

enum {
	SUSPECTS = 3,
	INDENT = 3,
	STACK_FRAMES = 10,
	PATTERNS = 3,
	COMPANION_PATTERNS = 1,
	PROCESSES = 4,
	FREE_FRAMES = 4,
};

static void print_line(const struct ul_term *term, enum ul_style style, const char *text)
{
	ul_term_print(term, UL_STYLE_PLAIN, "%*s", INDENT, "");
	ul_term_wrap(term, style, INDENT, text);
}

static size_t count_verdict(const struct ul_findings *findings, enum ul_finding_verdict verdict)
{
	size_t count = 0;
	ul_vec_foreach (finding, &findings->items)
		count += finding->verdict == verdict;
	return count;
}

/** "300 runs of COMMAND (30 more to warm up)" */
static void print_trigger(const struct ul_term *term, const struct ul_find_result *result)
{
	struct ul_buf line UL_CLEANUP_BUF = {0};
	ul_buf_printf(&line, "%" PRIu64 " runs of ", result->runs);
	ul_term_escape(&line, result->trigger);
	ul_buf_printf(&line, " (%" PRIu64 " more to warm up)", result->warm_up_runs);
	if (result->control_runs) {
		ul_buf_printf(&line, ", %" PRIu64 " of the control ", result->control_runs);
		ul_term_escape(&line, result->control);
	}
	ul_buf_puts(&line, ".");
	ul_term_wrap(term, UL_STYLE_PLAIN, 0, ul_buf_str(&line));
}

static void print_header(const struct ul_term *term, const struct ul_find_result *result)
{
	char window[UL_UNITS_TEXT];
	char total[UL_UNITS_TEXT];
	struct ul_buf node UL_CLEANUP_BUF = {0};
	ul_term_escape(&node, result->kernel->node);
	if (result->trigger)
		print_trigger(term, result);
	ul_term_print(term, UL_STYLE_PLAIN, "%s of watching %s (Linux %s %s, %s)%s\n",
		      ul_format_duration(window, result->findings->window_s), ul_buf_str(&node),
		      result->kernel->release, result->kernel->arch,
		      ul_format_bytes(total, (double)result->ledger->mem_total),
		      result->interrupted ? ", interrupted" : "");
}

/** True when nothing was measured for so long that its growth could be judged. */
static bool nothing_judged(const struct ul_find_result *result)
{
	ul_vec_foreach (row, &result->growth->rows)
		if (row->growth.verdict != UL_GROWTH_TOO_SHORT)
			return false;
	return true;
}

/** Nothing is lost by a command that does not do what it should. */
static void print_none_found(const struct ul_term *term, const struct ul_find_result *result)
{
	if (!result->trigger && nothing_judged(result))
		ul_term_print(term, UL_STYLE_WARN, "Too short to tell whether anything leaks.\n");
	else if (!result->trigger || result->failed_runs < result->runs)
		ul_term_print(term, UL_STYLE_GOOD, "No leak found.\n");
	else if (!result->control_runs &&
		 result->failed_runs >= result->runs + result->warm_up_runs)
		ul_term_print(term, UL_STYLE_WARN, "No leak found, but every run failed.\n");
	else // with those of the control, where there is one
		ul_term_print(term, UL_STYLE_WARN, "No leak found, but %" PRIu64 " runs failed.\n",
			      result->failed_runs);
}

static void print_unclear(const struct ul_term *term, const struct ul_find_result *result,
			  size_t unclear, bool more)
{
	if (result->trigger)
		ul_term_print(term, UL_STYLE_WARN,
			      "%zu%s left something behind: inconclusive, see why.\n", unclear,
			      more ? " more" : "");
	else
		ul_term_print(term, UL_STYLE_WARN,
			      "%zu account%s grow%s without a second witness: inconclusive.\n",
			      unclear, unclear > 1 ? "s" : "", unclear > 1 ? "" : "s");
}

static void print_answer(const struct ul_term *term, const struct ul_find_result *result)
{
	const size_t leaks = count_verdict(result->findings, UL_FINDING_LEAK);
	const size_t unclear = count_verdict(result->findings, UL_FINDING_INCONCLUSIVE);
	size_t held = 0;
	ul_vec_foreach (finding, &result->findings->items)
		held += finding->holder != NULL;
	if (leaks)
		ul_term_print(term, UL_STYLE_BAD, "%zu leak%s found.\n", leaks,
			      leaks > 1 ? "s" : "");
	else
		print_none_found(term, result);
	if (held)
		ul_term_print(term, UL_STYLE_WARN,
			      "%zu growing account%s held open by programs: the leak is theirs.\n",
			      held, held > 1 ? "s are" : " is");
	if (unclear)
		print_unclear(term, result, unclear, leaks);
}

static enum ul_style verdict_style(enum ul_finding_verdict verdict)
{
	switch (verdict) {
	case UL_FINDING_LEAK:
		return UL_STYLE_BAD;
	case UL_FINDING_HELD:
	case UL_FINDING_INCONCLUSIVE:
		return UL_STYLE_WARN;
	case UL_FINDING_FILLING:
		break;
	}
	return UL_STYLE_DIM;
}

/** True when @p kind ("kernel_stack") and @p name ("kernel stacks") are the same words. */
static bool same_words(const char *kind, const char *name)
{
	for (; *kind && (*kind == *name || (*kind == '_' && *name == ' ')); kind++)
		name++;
	return !*kind && (!*name || !strcmp(name, "s"));
}

/** "1. LEAK (slab) kmalloc-cg-4k grows by +180 KiB/s, confidence 93 %" */
static void print_title(const struct ul_term *term, const struct ul_finding *finding)
{
	char rate[UL_UNITS_TEXT];
	char verdict[32];
	struct ul_buf name UL_CLEANUP_BUF = {0};
	snprintf(verdict, sizeof(verdict), "%s", ul_finding_verdict_name(finding->verdict));
	if (finding->verdict == UL_FINDING_LEAK)
		snprintf(verdict, sizeof(verdict), "LEAK");
	if (finding->process.pid) {
		ul_term_escape(&name, finding->process.comm);
		ul_buf_printf(&name, "[%d]", (int)finding->process.pid);
	} else {
		ul_term_escape(&name, finding->account);
	}
	ul_term_print(term, UL_STYLE_PLAIN, "\n%u. ", finding->rank);
	ul_term_print(term, verdict_style(finding->verdict), "%s", verdict);
	const char *kind = ul_finding_kind_name(finding->kind);
	const bool named_so = same_words(kind, ul_buf_str(&name)); // "anon anon" says nothing more
	if (finding->trigger.runs)
		snprintf(rate, sizeof(rate), "%.3g a run", finding->trigger.lost.per_run);
	else
		ul_format_rate(rate, finding->growth.bytes_per_s);
	ul_term_print(term, UL_STYLE_STRONG, "  %s%s%s", named_so ? "" : kind, named_so ? "" : " ",
		      ul_buf_str(&name));
	ul_term_print(term, UL_STYLE_PLAIN, "  %s", rate);
	if (finding->companions.len && !finding->trigger.runs)
		ul_term_print(term, UL_STYLE_PLAIN, ", %s with what is %s with it",
			      ul_format_rate(rate, finding->group_bytes_per_s),
			      finding->holder ? "held" : "lost");
	ul_term_print(term, UL_STYLE_PLAIN, ", confidence %.0f %%\n", 100 * finding->confidence);
}

static void print_site(const struct ul_term *term, const struct ul_finding *finding, bool verbose)
{
	const struct ul_site *site = finding->site;
	struct ul_buf line UL_CLEANUP_BUF = {0};
	ul_buf_puts(&line, "allocated in ");
	ul_term_escape(&line, finding->function ? finding->function : "an unknown function");
	if (finding->module)
		ul_buf_printf(&line, " [%s]", finding->module);
	if (site && site->processes.len) {
		ul_buf_puts(&line, ", called by ");
		ul_term_processes(&line, site, PROCESSES);
	}
	print_line(term, UL_STYLE_STRONG, ul_buf_str(&line));
	if (site)
		ul_term_stack(term, INDENT + 2, &site->stack, verbose ? 0 : STACK_FRAMES);
}

static void print_companions(const struct ul_term *term, const struct ul_finding *finding)
{
	ul_vec_foreach (companion, &finding->companions) {
		char count[UL_UNITS_TEXT];
		struct ul_buf line UL_CLEANUP_BUF = {0};
		ul_buf_puts(&line, finding->holder ? "held together with it: "
						   : "lost together with it: ");
		ul_buf_printf(&line, "%s of ", ul_format_count(count, companion->survivors));
		ul_term_escape(&line, companion->account);
		if (companion->function) {
			ul_buf_puts(&line, ", allocated in ");
			ul_term_escape(&line, companion->function);
		}
		if (companion->pointed_by) {
			ul_buf_puts(&line, "; ");
			ul_term_escape(&line, companion->pointed_by);
			ul_buf_printf(&line, " points to %llu of %llu",
				      (unsigned long long)companion->pointed,
				      (unsigned long long)companion->looked_at);
		}
		if (companion->identity) {
			ul_buf_puts(&line, "; ");
			ul_term_identity(&line, companion->identity, companion->identity_objects,
					 companion->identity_looked_at);
		}
		print_line(term, UL_STYLE_PLAIN, ul_buf_str(&line));
		ul_term_patterns(term, INDENT + 2, &companion->patterns, COMPANION_PATTERNS);
	}
}

/** How such objects are freed, and why these may not have been. */
static void print_free_path(const struct ul_term *term, const struct ul_finding_free_path *path)
{
	char count[UL_UNITS_TEXT];
	struct ul_buf line UL_CLEANUP_BUF = {0};
	if (!path->usual)
		return;
	ul_buf_printf(&line, "freed as a rule by ");
	ul_term_callers(&line, &path->path->stack, path->path->function, FREE_FRAMES);
	if (path->usual_share >= 0.995)
		ul_buf_printf(&line, ": all %s of this sort that were freed",
			      ul_format_count(count, path->freed));
	else
		ul_buf_printf(&line, ": %.0f %% of the %s of this sort that were freed",
			      100 * path->usual_share, ul_format_count(count, path->freed));
	print_line(term, UL_STYLE_PLAIN, ul_buf_str(&line));
	if (!path->missing)
		return;
	ul_buf_clear(&line);
	ul_buf_puts(&line, "not freed: ");
	ul_term_escape(&line, path->missing);
	print_line(term, UL_STYLE_STRONG, ul_buf_str(&line));
}

/** Lost, or held by whom; and what it stands for. */
static void print_reach(const struct ul_term *term, const struct ul_finding *finding)
{
	const struct ul_finding_reach *reach = &finding->reach;
	struct ul_buf line UL_CLEANUP_BUF = {0};
	if (finding->holder) {
		ul_buf_puts(&line, "held by ");
		ul_term_escape(&line, finding->holder);
		print_line(term, UL_STYLE_STRONG, ul_buf_str(&line));
		ul_buf_clear(&line);
	}
	if (finding->identity) {
		ul_term_identity(&line, finding->identity, finding->identity_objects,
				 finding->identity_looked_at);
		print_line(term, UL_STYLE_STRONG, ul_buf_str(&line));
		ul_buf_clear(&line);
	}
	if (ul_term_origins(&line, "", &finding->origins)) {
		print_line(term, UL_STYLE_PLAIN, ul_buf_str(&line));
		ul_buf_clear(&line);
	}
	if (finding->refcount.member[0]) {
		ul_term_refcount(&line, &finding->refcount,
				 reach->looked_at && reach->complete && !reach->held);
		print_line(term, UL_STYLE_PLAIN, ul_buf_str(&line));
		ul_buf_clear(&line);
	}
	if (!reach->looked_at)
		return;
	if (reach->complete && !reach->held)
		ul_buf_printf(&line, "lost: nothing points to any of the %llu looked for in memory",
			      (unsigned long long)reach->looked_at);
	else
		ul_buf_printf(&line, "%llu of the %llu looked for in memory are held%s",
			      (unsigned long long)reach->held, (unsigned long long)reach->looked_at,
			      reach->complete ? ", to the others nothing points"
					      : " (the search was given up)");
	if (reach->chain) {
		ul_buf_puts(&line, "; one by ");
		ul_term_escape(&line, reach->chain);
	}
	print_line(term, UL_STYLE_PLAIN, ul_buf_str(&line));
}

/** Who may have lost it. */
static void print_suspects(const struct ul_term *term, const struct ul_finding *finding)
{
	size_t shown = 0;
	if (finding->verdict != UL_FINDING_LEAK && !finding->trigger.runs)
		return;
	ul_vec_foreach (suspect, &finding->suspects) {
		struct ul_buf line UL_CLEANUP_BUF = {0};
		if (shown++ == SUSPECTS)
			break;
		ul_buf_puts(&line, "suspect: ");
		ul_term_escape(&line, suspect->function);
		if (suspect->module)
			ul_buf_printf(&line, " [%s]", suspect->module);
		ul_buf_puts(&line, ": ");
		ul_term_escape(&line, suspect->why ? suspect->why : "");
		print_line(term, UL_STYLE_PLAIN, ul_buf_str(&line));
	}
}

/** What is certain is said whole; what only may be is named, for ullage explain. */
static void print_known(const struct ul_term *term, const struct ul_finding *finding)
{
	ul_vec_foreach (known, &finding->known) {
		struct ul_buf line UL_CLEANUP_BUF = {0};
		if (known->certain)
			ul_buf_printf(&line, "known as %s (%s): %s To test it: %s", known->name,
				      known->why ? known->why : "", known->what, known->test);
		else
			ul_buf_printf(&line, "may be %s: ullage explain %s", known->name,
				      known->name);
		print_line(term, known->certain ? UL_STYLE_STRONG : UL_STYLE_DIM,
			   ul_buf_str(&line));
	}
}

static struct ul_error *print_fixes(const struct ul_term *term, const struct ul_finding *finding)
{
	if (!finding->fixes_searched)
		return NULL;
	if (!finding->fixes.items.len)
		print_line(term, UL_STYLE_DIM, "fixes: none is known upstream for these functions");
	else
		print_line(term, UL_STYLE_PLAIN, "fixes that may mend it:");
	ul_vec_foreach (match, &finding->fixes.items)
		UL_TRY(ul_term_fix_match(term, INDENT + 2, match));
	return NULL;
}

static void print_texts(const struct ul_term *term, enum ul_style style, const char *label,
			char *const *texts, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		struct ul_buf line UL_CLEANUP_BUF = {0};
		ul_buf_puts(&line, label);
		ul_term_escape(&line, texts[i]);
		print_line(term, style, ul_buf_str(&line));
	}
}

static struct ul_error *print_finding(const struct ul_term *term, const struct ul_finding *finding,
				      bool verbose)
{
	print_title(term, finding);
	if (finding->aliases) {
		struct ul_buf line UL_CLEANUP_BUF = {0};
		ul_buf_puts(&line, "the cache also serves ");
		ul_term_escape(&line, finding->aliases);
		print_line(term, UL_STYLE_DIM, ul_buf_str(&line));
	}
	if (finding->function)
		print_site(term, finding, verbose);
	ul_term_patterns(term, INDENT, &finding->patterns, PATTERNS);
	print_companions(term, finding);
	print_reach(term, finding);
	print_free_path(term, &finding->free_path);
	print_suspects(term, finding);
	print_known(term, finding);
	UL_TRY(print_fixes(term, finding));
	print_texts(term, UL_STYLE_DIM, "why: ", finding->why.data, finding->why.len);
	print_texts(term, UL_STYLE_PLAIN, "next: ", finding->next.data, finding->next.len);
	return NULL;
}

/** Where memory is, in one line: what there is to lose. */
static void print_memory(const struct ul_term *term, const struct ul_ledger *ledger)
{
	static const struct {
		enum ul_kind kind;
		const char *name;
	} kinds[] = {{UL_KIND_FREE, "free"},	   {UL_KIND_ANON, "processes"},
		     {UL_KIND_FILE, "page cache"}, {UL_KIND_SHMEM, "shared"},
		     {UL_KIND_SLAB, "slab"},	   {UL_KIND_VMALLOC, "vmalloc"}};
	char bytes[UL_UNITS_TEXT];
	struct ul_buf line UL_CLEANUP_BUF = {0};
	ul_buf_puts(&line, "Memory now: ");
	for (size_t i = 0; i < UL_ARRAY_LEN(kinds); i++)
		ul_buf_printf(&line, "%s %s, ", kinds[i].name,
			      ul_format_bytes(bytes,
					      (double)ul_ledger_kind_bytes(ledger, kinds[i].kind)));
	ul_buf_printf(&line, "unaccounted %s.",
		      ul_format_bytes(bytes, (double)ledger->unaccounted.bytes));
	ul_term_print(term, UL_STYLE_PLAIN, "\n");
	ul_term_wrap(term, UL_STYLE_PLAIN, 0, ul_buf_str(&line));
}

static void print_advice(const struct ul_term *term, const struct ul_find_result *result)
{
	if (count_verdict(result->findings, UL_FINDING_LEAK))
		return;
	ul_term_wrap(
		term, UL_STYLE_PLAIN, 0,
		result->findings->window_s < 300
			? "A slow leak needs a longer look: ullage find --for 10m; to watch for "
			  "days: ullage record -o FILE, then ullage grow FILE."
			: "To watch for days: ullage record -o FILE, then ullage grow FILE.");
}

struct ul_error *ul_term_find(const struct ul_term *term, const struct ul_find_result *result,
			      bool verbose)
{
	print_header(term, result);
	print_answer(term, result);
	ul_vec_foreach (finding, &result->findings->items)
		UL_TRY(print_finding(term, finding, verbose));
	print_memory(term, result->ledger);
	if (!result->trigger)
		print_advice(term, result);
	ul_term_losses(term, &result->findings->losses);
	return NULL;
}
