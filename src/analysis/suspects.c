// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The stack of an allocation names the guilty function only where allocation and bug lie on one
 * path. Often a bystander allocates: then what the lost objects point to, and what they have that
 * the freed ones have not, say more. Every witness gives points to a function, and says why:
 *
 *	8   it is the release of the file that what is lost was opened by, and its code calls
 *	    nothing that frees it (analysis/identify_seq)
 *	4   what is lost has it and what was freed has not (analysis/freepath): a caller; a symbol
 *	    the objects point to, of which the functions of that table of operations, those that
 *	    end an object's life (release, free ...) before the others
 *	2   the objects point to it, whether or not others do
 *	1   a frame of the stack, less with its distance from the allocation
 *
 * times 1.5 for a function of a module. Points of one function add up. What all stacks have (system
 * call entry, vfs) is never a suspect. Errs: a leak by an error path of the allocating function
 * itself is as suspicious as its callers; but for releases of /proc files nothing here reads code.
 */
#include "analysis/suspects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/entry_frames.h"
#include "analysis/sites.h"
#include "base/span.h"
#include "base/text.h"

enum { MAX_SUSPECTS = 8, FRAMES_LOOKED_AT = 12, NAME_BYTES = 128 };

static const double of_release = 8.0;
static const double of_difference = 4.0;
static const double of_symbol = 2.0;
static const double of_frame = 1.0;
static const double module_factor = 1.5;
static const double companion_factor = 0.8;
/** Functions of a table: one that ends an object's life, and any other. */
static const double ending_factor = 1.0;
static const double other_factor = 0.4;

static bool ends_a_life(const char *function)
{
	static const char *const words[] = {"release",	  "free",   "destroy", "close",	 "put",
					    "exit",	  "remove", "evict",   "stop",	 "del",
					    "disconnect", "detach", "cleanup", "uninit", "kill"};
	for (size_t i = 0; i < UL_ARRAY_LEN(words); i++)
		if (strstr(function, words[i]))
			return true;
	return false;
}

/** "name [module]" taken apart; @p module "" when there is none. */
static void split(const char *text, char name[NAME_BYTES], char module[NAME_BYTES])
{
	struct ul_span rest = ul_span_of(text);
	struct ul_span first;
	module[0] = 0;
	if (!ul_span_word(&rest, &first))
		first = rest;
	ul_span_copy(first, name, NAME_BYTES);
	rest = ul_span_trim(rest);
	if (rest.len > 2 && rest.data[0] == '[' && rest.data[rest.len - 1] == ']')
		ul_span_copy((struct ul_span){.data = rest.data + 1, .len = rest.len - 2}, module,
			     NAME_BYTES);
}

/** Give points to a function; the reason of its largest points is kept. */
static struct ul_error *accuse(struct ul_finding *finding, const char *function, const char *module,
			       double points, const char *why)
{
	struct ul_suspect *suspect = NULL;
	if (!function[0] || points <= 0 || ul_entry_frame(function) ||
	    ul_sites_is_allocator(function))
		return NULL;
	if (module && module[0])
		points *= module_factor;
	ul_vec_foreach (known, &finding->suspects)
		if (!strcmp(known->function, function))
			suspect = known;
	if (!suspect) {
		suspect = ul_vec_add(&finding->suspects);
		if (!suspect || !ul_text_set(&suspect->function, function) ||
		    (module && module[0] && !ul_text_set(&suspect->module, module)))
			return &ul_enomem;
	}
	suspect->score += points;
	if (points <= suspect->strongest)
		return NULL;
	suspect->strongest = points;
	return ul_text_set(&suspect->why, why) ? NULL : &ul_enomem;
}

static const struct ul_ops_table *table_of(const struct ul_ops_table *tables, size_t len,
					   const char *symbol)
{
	for (size_t i = 0; i < len; i++)
		if (!strcmp(tables[i].symbol, symbol))
			return &tables[i];
	return NULL;
}

/** A symbol in the objects: a function, or a table of them. */
static struct ul_error *accuse_symbol(struct ul_finding *finding, const struct ul_ops_table *tables,
				      size_t tables_len, const char *symbol, double points,
				      const char *why)
{
	const struct ul_ops_table *table = table_of(tables, tables_len, symbol);
	char name[NAME_BYTES];
	char module[NAME_BYTES];
	char reason[512];
	split(symbol, name, module);
	if (!table)
		return accuse(finding, name, module, points, why);
	for (size_t i = 0; i < table->functions_len; i++) {
		const char *function = table->functions[i];
		snprintf(reason, sizeof(reason), "in %s: %s", symbol, why);
		UL_TRY(accuse(finding, function, module,
			      points * (ends_a_life(function) ? ending_factor : other_factor),
			      reason));
	}
	return NULL;
}

static struct ul_error *from_difference(struct ul_finding *finding,
					const struct ul_ops_table *tables, size_t tables_len,
					const struct ul_difference *difference)
{
	char why[512];
	char name[NAME_BYTES];
	char module[NAME_BYTES];
	const double points = of_difference * (difference->lost - difference->freed);
	const char *of = difference->account ? difference->account : finding->account;
	switch (difference->kind) {
	case UL_DIFFERENCE_CALLER:
		snprintf(why, sizeof(why),
			 "calls for %.0f %% of what is lost, %.0f %% of what is "
			 "freed",
			 100 * difference->lost, 100 * difference->freed);
		split(difference->what, name, module);
		return accuse(finding, name, difference->module ? difference->module : module,
			      points, why);
	case UL_DIFFERENCE_SYMBOL:
		snprintf(why, sizeof(why),
			 "%.0f %% of the lost %s point to it at +0x%x, %.0f %% of "
			 "the freed",
			 100 * difference->lost, of, difference->offset, 100 * difference->freed);
		return accuse_symbol(finding, tables, tables_len, difference->what, points, why);
	case UL_DIFFERENCE_PROCESS:
	case UL_DIFFERENCE_TEXT:
		break; // they tell who and what, no function
	}
	return NULL;
}

static struct ul_error *from_stack(struct ul_finding *finding, const struct ul_site *site,
				   double factor)
{
	char why[512];
	double points = of_frame * factor;
	size_t looked_at = 0;
	if (!site)
		return NULL;
	ul_vec_foreach (frame, &site->stack.frames) {
		if (!frame->function || ul_sites_is_allocator(frame->function) ||
		    ul_entry_frame(frame->function))
			continue;
		if (looked_at++ == FRAMES_LOOKED_AT)
			break;
		if (looked_at == 1)
			snprintf(why, sizeof(why), "allocates the lost %s",
				 site->cache ? site->cache : "memory");
		else
			snprintf(why, sizeof(why), "on the stack of the allocation, %zu above it",
				 looked_at - 1);
		UL_TRY(accuse(finding, frame->function, frame->module, points, why));
		points *= 0.8;
	}
	return NULL;
}

static struct ul_error *from_contents(struct ul_finding *finding, const struct ul_ops_table *tables,
				      size_t tables_len, const struct ul_patterns *patterns,
				      const char *account, double factor)
{
	char why[512];
	ul_vec_foreach (pattern, &patterns->items)
		ul_vec_foreach (word, &pattern->words) {
			if (!word->symbol)
				continue;
			snprintf(why, sizeof(why), "the lost %s point to it at +0x%x", account,
				 word->offset);
			UL_TRY(accuse_symbol(finding, tables, tables_len, word->symbol,
					     of_symbol * factor * pattern->share * word->share,
					     why));
		}
	return NULL;
}

static struct ul_error *from_release(struct ul_finding *finding)
{
	char why[512];
	const struct ul_release *release = &finding->release;
	snprintf(why, sizeof(why), "is the release of %s, and was not seen to call %s",
		 release->file, release->never);
	return accuse(finding, release->function, release->module, of_release, why);
}

static int by_score(const void *a, const void *b)
{
	const struct ul_suspect *left = a;
	const struct ul_suspect *right = b;
	if (left->score != right->score)
		return left->score < right->score ? 1 : -1;
	return strcmp(left->function, right->function);
}

struct ul_error *ul_suspects(struct ul_finding *finding, const struct ul_ops_table *tables,
			     size_t tables_len)
{
	UL_TRY(from_release(finding));
	ul_vec_foreach (difference, &finding->free_path.differences)
		UL_TRY(from_difference(finding, tables, tables_len, difference));
	ul_vec_foreach (accusation, &finding->accusations)
		UL_TRY(accuse(finding, accusation->function, accusation->module, accusation->points,
			      accusation->why));
	UL_TRY(from_contents(finding, tables, tables_len, &finding->patterns, finding->account, 1));
	UL_TRY(from_stack(finding, finding->site, 1));
	ul_vec_foreach (companion, &finding->companions) {
		UL_TRY(from_contents(finding, tables, tables_len, &companion->patterns,
				     companion->account, companion_factor));
		UL_TRY(from_stack(finding, companion->site, companion_factor));
	}
	if (!finding->suspects.len)
		return NULL;
	qsort(finding->suspects.data, finding->suspects.len, sizeof(struct ul_suspect), by_score);
	while (finding->suspects.len > MAX_SUSPECTS)
		ul_suspect_deinit(&finding->suspects.data[--finding->suspects.len]);
	return NULL;
}
