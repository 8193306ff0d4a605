// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a cache, an account or a function is, what makes it grow when nothing is wrong, how to test
 * it: from data/knowledge.txt, with what this machine says of it beside.
 */
#include <fcntl.h>
#include <string.h>

#include "analysis/recognise.h"
#include "base/buf.h"
#include "base/file.h"
#include "cmd/knowledge.h"
#include "cmd/measure.h"
#include "source/knowledge/knowledge.h"
#include "view/explain.h"

enum { SETTING_FILE_LIMIT = 256 * 1024, PATH_BYTES = 4096 };

bool ul_cmd_setting(const struct ul_setting_value *value, double *ret, void *data)
{
	const struct ul_options *options = data;
	struct ul_buf text UL_CLEANUP_BUF = {0};
	char path[PATH_BYTES];
	const struct {
		const char *prefix;
		const char *root;
	} trees[] = {{"/proc/", options->proc_root}, {"/sys/", options->sys_root}};
	const char *root = "";
	const char *below = value->path;
	// A recorded tree stands in for /proc or /sys as it does elsewhere.
	for (size_t i = 0; i < UL_ARRAY_LEN(trees); i++)
		if (trees[i].root &&
		    !strncmp(value->path, trees[i].prefix, strlen(trees[i].prefix))) {
			root = trees[i].root;
			below = strchr(value->path + 1, '/');
		}
	const int len = snprintf(path, sizeof(path), "%s%s", root, below);
	if (len < 0 || (size_t)len >= sizeof(path))
		return false;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_file_read(AT_FDCWD, path, SETTING_FILE_LIMIT, &text);
	return !error &&
	       ul_setting_number(value,
				 (struct ul_span){.data = ul_buf_str(&text), .len = text.len}, ret);
}

static struct ul_error *read_knowledge(const struct ul_cmd_context *context,
				       struct ul_knowledge *ret)
{
	if (context->options.index)
		return ul_knowledge_read(context->options.index, ret);
	return ul_knowledge_shipped(ret);
}

/** Entries about the name, and how their settings stand here. */
static struct ul_error *collect(const struct ul_cmd_context *context,
				const struct ul_knowledge *knowledge, const char *name,
				struct ul_explanation *ret)
{
	ul_vec_foreach (entry, &knowledge->entries) {
		if (!ul_knowledge_is_about(entry, name))
			continue;
		struct ul_explained *explained = ul_vec_add(&ret->entries);
		if (!explained)
			return &ul_enomem;
		explained->entry = entry;
		ul_vec_foreach (test, &entry->settings) {
			struct ul_explained_setting setting = {.test = test};
			setting.known = ul_cmd_setting(&test->value, &setting.value,
						       (void *)(uintptr_t)&context->options);
			setting.bound = test->factor;
			if (test->other.path) {
				double other = 0;
				setting.known &= ul_cmd_setting(
					&test->other, &other, (void *)(uintptr_t)&context->options);
				setting.bound *= other;
			}
			if (!ul_vec_push(&explained->settings, setting))
				return &ul_enomem;
		}
	}
	return NULL;
}

/** The accounts and caches of that name, as they are here now. */
static struct ul_error *look_here(const struct ul_cmd_context *context, const char *name,
				  struct ul_kernel *kernel, struct ul_explanation *ret)
{
	struct ul_proc *proc UL_CLEANUP_PROC = NULL;
	UL_CLEANUP(ul_ledger_deinit) struct ul_ledger ledger;
	const struct ul_proc_want want = {.processes = false};
	ul_ledger_init(&ledger);
	UL_TRY(ul_cmd_open_proc(context, &proc));
	UL_TRY(ul_proc_kernel(proc, kernel));
	struct ul_error *error = ul_proc_ledger(proc, &want, &ledger);
	if (error && error->code == UL_ERR_NOMEM)
		return error;
	ul_error_destroy(error); // what it is can be said without the machine's figures
	ul_vec_foreach (account, &ledger.accounts) {
		if (strcmp(account->name, name) != 0)
			continue;
		ret->here = true;
		ret->here_bytes += account->bytes;
	}
	const struct ul_cache *cache = ul_ledger_cache(&ledger, name);
	if (!cache)
		return NULL;
	ret->is_cache = true;
	ret->here = true;
	ret->here_bytes = cache->bytes;
	ret->objects = cache->objects;
	ret->object_bytes = cache->object_size;
	ret->reclaimable = cache->reclaimable;
	size_t len = 0;
	ul_vec_foreach (alias, &cache->aliases) {
		if (len < sizeof(ret->aliases))
			len += (size_t)snprintf(ret->aliases + len, sizeof(ret->aliases) - len,
						"%s%s", len ? ", " : "", *alias);
	}
	return NULL;
}

static struct ul_error *not_known(const struct ul_knowledge *knowledge, const char *name)
{
	struct ul_buf names UL_CLEANUP_BUF = {0};
	ul_vec_foreach (entry, &knowledge->entries)
		ul_buf_printf(&names, "%s%s", names.len ? ", " : "", entry->name);
	return ul_error_hint(ul_error_new(UL_ERR_USAGE,
					  "nothing is known of '%s', and no account "
					  "here has that name",
					  name),
			     "known: %s", ul_buf_str(&names));
}

static struct ul_error *run(struct ul_cmd_context *context, int *ret_exit_code)
{
	const char *name = context->positionals[0];
	UL_CLEANUP_KNOWLEDGE struct ul_knowledge knowledge = {0};
	UL_CLEANUP(ul_explanation_deinit) struct ul_explanation explanation = {.name = name};
	struct ul_kernel kernel;
	UL_TRY(read_knowledge(context, &knowledge));
	UL_TRY(collect(context, &knowledge, name, &explanation));
	UL_TRY(look_here(context, name, &kernel, &explanation));
	if (!explanation.entries.len && !explanation.here)
		return not_known(&knowledge, name);
	if (context->options.json)
		return ul_json_explain(context->out, context->options.pretty, &kernel,
				       &explanation);
	struct ul_term term;
	ul_cmd_term(context, &term);
	return ul_term_explain(&term, &explanation);
}

const struct ul_cmd ul_cmd_explain = {
	.name = "explain",
	.summary = "what a cache or function is, and when its growth is no leak",
	.positionals = "NAME",
	.positionals_min = 1,
	.positionals_max = 1,
	.details =
		"Says what NAME is, what makes it grow when nothing is wrong, how to test it and\n"
		"what to do, with the place in the kernel it was read in; and what this machine\n"
		"says of it now. NAME is a slab cache, an account as `ullage account` names it, a\n"
		"kernel function, or the name of an entry. --index FILE reads other knowledge.\n",
	.examples = "  ullage explain dentry\n"
		    "  ullage explain unaccounted\n",
	.options = UL_OPTION_BIT(OUTPUT) | UL_OPTION_BIT(INDEX) | UL_OPTION_BIT(PROC) |
		   UL_OPTION_BIT(SYS),
	.run = run,
};
