// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/recognise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"
#include "model/ledger.h"

/** How one condition stands. */
enum outcome { NOT_ASKED, NOT_KNOWN, HOLDS, FAILS };

void ul_recognitions_deinit(struct ul_recognitions *recognitions)
{
	ul_vec_deinit(&recognitions->items);
}

static bool any_alias(const struct ul_globs *globs, const char *aliases)
{
	struct ul_span rest = ul_span_of(aliases ? aliases : "");
	struct ul_span alias;
	char name[128];
	while (ul_span_item(&rest, &alias)) {
		ul_span_copy(alias, name, sizeof(name));
		if (ul_globs_match(globs, name))
			return true;
	}
	return false;
}

/** An account whose name alone would not say what it is stands in an entry as "vmalloc CALLER". */
static bool is_about_account(const struct ul_knowledge_entry *entry, const char *kind,
			     const char *name)
{
	char of_kind[128];
	if (ul_globs_match(&entry->accounts, name))
		return true;
	if (!kind)
		return false;
	snprintf(of_kind, sizeof(of_kind), "%s %s", kind, name);
	return ul_globs_match(&entry->accounts, of_kind);
}

bool ul_knowledge_is_about(const struct ul_knowledge_entry *entry, const char *name)
{
	return !strcmp(entry->name, name) || ul_globs_match(&entry->functions, name) ||
	       is_about_account(entry, ul_kind_name(UL_KIND_VMALLOC), name);
}

static void say(struct ul_recognised *ret, const char *what, const char *name)
{
	const size_t len = strlen(ret->why);
	snprintf(ret->why + len, sizeof(ret->why) - len, "%s%s%s", len ? ", " : "", what, name);
}

static enum outcome try_functions(const struct ul_knowledge_entry *entry,
				  const struct ul_recognise_facts *facts, struct ul_recognised *ret)
{
	if (!entry->functions.items.len)
		return NOT_ASKED;
	if (!facts->function && (!facts->stack || !facts->stack->frames.len))
		return NOT_KNOWN;
	if (facts->function && ul_globs_match(&entry->functions, facts->function)) {
		say(ret, "allocated in ", facts->function);
		return HOLDS;
	}
	if (facts->stack)
		ul_vec_foreach (frame, &facts->stack->frames)
			if (frame->function && ul_globs_match(&entry->functions, frame->function)) {
				say(ret, "allocated through ", frame->function);
				return HOLDS;
			}
	return FAILS;
}

static bool pattern_points_to(const struct ul_patterns *patterns, const struct ul_globs *globs,
			      struct ul_recognised *ret)
{
	ul_vec_foreach (pattern, &patterns->items)
		ul_vec_foreach (word, &pattern->words)
			if (word->symbol && ul_globs_match(globs, word->symbol)) {
				say(ret, "points to ", word->symbol);
				return true;
			}
	return false;
}

static enum outcome try_contents(const struct ul_knowledge_entry *entry,
				 const struct ul_recognise_facts *facts, struct ul_recognised *ret)
{
	if (!entry->symbols.items.len && !entry->texts.items.len)
		return NOT_ASKED;
	if (!facts->patterns || !facts->patterns->objects_read)
		return NOT_KNOWN;
	if (entry->symbols.items.len && !pattern_points_to(facts->patterns, &entry->symbols, ret))
		return FAILS;
	if (!entry->texts.items.len)
		return HOLDS;
	ul_vec_foreach (pattern, &facts->patterns->items)
		if (pattern->text && ul_globs_match(&entry->texts, pattern->text)) {
			say(ret, "holds the text ", entry->texts.items.data[0]);
			return HOLDS;
		}
	return FAILS;
}

static enum outcome try_setting(const struct ul_setting_test *test,
				const struct ul_recognise_facts *facts, struct ul_recognised *ret)
{
	double value;
	double bound = 1;
	if (!facts->setting || !facts->setting(&test->value, &value, facts->data) ||
	    (test->other.path && !facts->setting(&test->other, &bound, facts->data)))
		return NOT_KNOWN;
	bound *= test->factor;
	if (test->less ? value >= bound : value <= bound)
		return FAILS;
	say(ret, "", test->text);
	return HOLDS;
}

/** True when nothing speaks against the entry. */
static bool agrees(const struct ul_knowledge_entry *entry, const struct ul_recognise_facts *facts,
		   struct ul_recognised *ret)
{
	const enum outcome outcomes[] = {try_functions(entry, facts, ret),
					 try_contents(entry, facts, ret)};
	bool all_known = true;
	bool any_holds = false;
	for (size_t i = 0; i < UL_ARRAY_LEN(outcomes); i++) {
		if (outcomes[i] == FAILS)
			return false;
		any_holds |= outcomes[i] == HOLDS;
		all_known &= outcomes[i] != NOT_KNOWN;
	}
	ul_vec_foreach (test, &entry->settings) {
		const enum outcome outcome = try_setting(test, facts, ret);
		if (outcome == FAILS)
			return false;
		any_holds |= outcome == HOLDS;
		all_known &= outcome != NOT_KNOWN;
	}
	ret->certain = any_holds && all_known;
	return true;
}

static int certain_first(const void *a, const void *b)
{
	const struct ul_recognised *left = a;
	const struct ul_recognised *right = b;
	if (left->certain != right->certain)
		return left->certain ? -1 : 1;
	return left->entry < right->entry ? -1 : left->entry > right->entry;
}

struct ul_error *ul_recognise(const struct ul_knowledge *knowledge,
			      const struct ul_recognise_facts *facts, struct ul_recognitions *ret)
{
	*ret = (struct ul_recognitions){0};
	ul_vec_foreach (entry, &knowledge->entries) {
		struct ul_recognised recognised = {.entry = entry};
		if (!is_about_account(entry, facts->kind, facts->account) &&
		    !any_alias(&entry->accounts, facts->aliases))
			continue;
		if (agrees(entry, facts, &recognised) && !ul_vec_push(&ret->items, recognised))
			return &ul_enomem;
	}
	if (ret->items.len)
		qsort(ret->items.data, ret->items.len, sizeof(*ret->items.data), certain_first);
	return NULL;
}
