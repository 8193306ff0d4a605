// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/find_known.h"

#include <string.h>

#include "analysis/fixes.h"
#include "analysis/recognise.h"
#include "analysis/suspects.h"
#include "base/text.h"
#include "cmd/fixes.h"
#include "cmd/knowledge.h"
#include "source/knowledge/knowledge.h"

enum {
	TABLE_WORDS = 40, /**< the longest table of operations has some 35 members */
	MAX_TABLES = 32,
	MAX_KNOWN = 3,
	MAX_FIXES = 3,
	SYMBOL_BYTES = 160,
};

/** Tables of operations that objects point to, with the functions in them. Owns all texts. */
struct tables {
	struct ul_ops_table items[MAX_TABLES];
	size_t len;
};

static void tables_deinit(struct tables *tables)
{
	for (size_t i = 0; i < tables->len; i++) {
		for (size_t f = 0; f < tables->items[i].functions_len; f++)
			free((char *)(uintptr_t)tables->items[i].functions[f]);
		free((void *)(uintptr_t)tables->items[i].functions);
		free((char *)(uintptr_t)tables->items[i].symbol);
	}
}

static bool is_known_table(const struct tables *tables, const char *symbol)
{
	for (size_t i = 0; i < tables->len; i++)
		if (!strcmp(tables->items[i].symbol, symbol))
			return true;
	return false;
}

/**
 * Code pointers that follow a data symbol in memory: the members of a table of operations. They end
 * where the next symbol begins. A symbol that holds none is no table.
 */
static struct ul_error *read_table(const struct ul_machine *machine, const char *symbol,
				   struct tables *tables)
{
	char name[SYMBOL_BYTES];
	uint64_t kaddr;
	uint64_t words[TABLE_WORDS];
	size_t got = 0;
	struct ul_symbol found;
	ul_text_copy(name, sizeof(name), symbol);
	name[strcspn(name, " +")] = 0; // "name [module]"
	if (tables->len == MAX_TABLES || is_known_table(tables, symbol) ||
	    !ul_symtab_address(machine->symtab, name, &kaddr) ||
	    !ul_symtab_lookup(machine->symtab, kaddr, &found) || found.code)
		return NULL;
	UL_TRY(ul_memory_read(machine->memory, kaddr, words, sizeof(words), &got));
	const char **functions UL_CLEANUP_FREE = calloc(TABLE_WORDS, sizeof(*functions));
	size_t len = 0;
	if (!functions)
		return &ul_enomem;
	for (size_t i = 0; i < got / sizeof(*words); i++) {
		struct ul_symbol here;
		if (!ul_symtab_lookup(machine->symtab, kaddr + i * sizeof(*words), &here) ||
		    here.start != found.start)
			break;
		if (!ul_symtab_lookup(machine->symtab, words[i], &here) || !here.code ||
		    here.offset)
			continue;
		functions[len] = strdup(here.name);
		if (!functions[len++])
			return &ul_enomem; // what was copied is lost: so is everything
	}
	if (!len)
		return NULL;
	struct ul_ops_table *table = &tables->items[tables->len];
	table->symbol = strdup(symbol);
	if (!table->symbol)
		return &ul_enomem;
	table->functions_len = len;
	table->functions = UL_TAKE(functions);
	tables->len++;
	return NULL;
}

static struct ul_error *read_tables_of(const struct ul_machine *machine,
				       const struct ul_patterns *patterns, struct tables *tables)
{
	ul_vec_foreach (pattern, &patterns->items)
		ul_vec_foreach (word, &pattern->words)
			if (word->symbol)
				UL_TRY(read_table(machine, word->symbol, tables));
	return NULL;
}

static struct ul_error *find_suspects(const struct ul_machine *machine, struct ul_finding *finding)
{
	UL_CLEANUP(tables_deinit) struct tables tables = {.len = 0};
	if (machine->symtab && machine->memory) {
		UL_TRY(read_tables_of(machine, &finding->patterns, &tables));
		ul_vec_foreach (companion, &finding->companions)
			UL_TRY(read_tables_of(machine, &companion->patterns, &tables));
	}
	return ul_suspects(finding, tables.items, tables.len);
}

static struct ul_error *find_fixes(const struct ul_fixes *fixes, const struct ul_kernel *kernel,
				   const struct ul_kernel_version *version,
				   struct ul_finding *finding)
{
	const size_t len = finding->suspects.len;
	struct ul_fix_suspect *suspects UL_CLEANUP_FREE = calloc(len + 1, sizeof(*suspects));
	if (!suspects)
		return &ul_enomem;
	if (!len)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		const struct ul_suspect *suspect = &finding->suspects.data[i];
		suspects[i] = (struct ul_fix_suspect){
			.function = suspect->function,
			.module = suspect->module,
			.weight = suspect->score / finding->suspects.data[0].score,
		};
	}
	const struct ul_fix_query query = {
		.suspects = suspects,
		.suspects_len = len,
		.kernel = *version,
		.most = MAX_FIXES,
	};
	UL_TRY(ul_fixes_rank(fixes, &query, &finding->fixes));
	finding->fixes_searched = true;
	return ul_cmd_fixes_packages(kernel, version, &finding->fixes);
}

static struct ul_error *keep_known(struct ul_finding *finding,
				   const struct ul_recognised *recognised)
{
	struct ul_finding_known *known = ul_vec_add(&finding->known);
	if (!known)
		return &ul_enomem;
	known->as = recognised->entry->as;
	known->certain = recognised->certain;
	if (!ul_text_set(&known->name, recognised->entry->name) ||
	    !ul_text_set(&known->what, recognised->entry->what) ||
	    !ul_text_set(&known->test, recognised->entry->test) ||
	    (recognised->why[0] && !ul_text_set(&known->why, recognised->why)))
		return &ul_enomem;
	return NULL;
}

static struct ul_error *recognise(const struct ul_cmd_context *context,
				  const struct ul_knowledge *knowledge, struct ul_finding *finding)
{
	UL_CLEANUP_RECOGNITIONS struct ul_recognitions found = {0};
	const struct ul_recognise_facts facts = {
		.account = finding->account,
		.kind = ul_kind_name(finding->kind),
		.aliases = finding->aliases,
		.stack = finding->site ? &finding->site->stack : NULL,
		.function = finding->function,
		.patterns = &finding->patterns,
		.setting = ul_cmd_setting,
		.data = (void *)(uintptr_t)&context->options,
	};
	UL_TRY(ul_recognise(knowledge, &facts, &found));
	for (size_t i = 0; i < found.items.len && i < MAX_KNOWN; i++)
		UL_TRY(keep_known(finding, &found.items.data[i]));
	return NULL;
}

/** A function may have lost what the finding is about. */
static bool has_suspects(const struct ul_finding *finding)
{
	return finding->verdict != UL_FINDING_FILLING && !finding->process.pid && !finding->holder;
}

/** The index, where there is a leak to look up: unpacking it takes longer than all else here. */
static struct ul_error *open_fixes(struct ul_findings *findings, struct ul_fixes *ret,
				   bool *ret_searchable)
{
	*ret_searchable = false;
	ul_vec_foreach (finding, &findings->items)
		if (finding->verdict == UL_FINDING_LEAK && has_suspects(finding))
			*ret_searchable = true;
	if (!*ret_searchable)
		return NULL;
	struct ul_error *error = ul_cmd_fixes_open(NULL, ret);
	*ret_searchable = !error;
	return ul_losses_add_error(&findings->losses, UL_BIAS_UNDER, error, "known fixes");
}

struct ul_error *ul_cmd_find_known(const struct ul_cmd_context *context,
				   const struct ul_machine *machine, const struct ul_kernel *kernel,
				   struct ul_findings *findings, struct ul_fixes *ret_fixes)
{
	UL_CLEANUP_KNOWLEDGE struct ul_knowledge knowledge = {0};
	const struct ul_kernel_version version = ul_version_of(kernel->release, kernel->version);
	UL_TRY(ul_knowledge_shipped(&knowledge));
	bool searchable;
	UL_TRY(open_fixes(findings, ret_fixes, &searchable));
	ul_vec_foreach (finding, &findings->items) {
		UL_TRY(recognise(context, &knowledge, finding));
		if (!has_suspects(finding))
			continue; // nobody lost it, or no kernel function did
		UL_TRY(find_suspects(machine, finding));
		if (searchable && finding->verdict == UL_FINDING_LEAK)
			UL_TRY(find_fixes(ret_fixes, kernel, &version, finding));
	}
	return NULL;
}
