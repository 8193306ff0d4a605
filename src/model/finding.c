// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/finding.h"

#include <stdarg.h>

#include "base/buf.h"
#include "base/text.h"

static void free_path_deinit(struct ul_finding_free_path *path)
{
	free(path->usual);
	free(path->usual_module);
	ul_vec_foreach (difference, &path->differences) {
		free(difference->what);
		free(difference->module);
		free(difference->account);
	}
	ul_vec_deinit(&path->differences);
	free(path->missing);
}

void ul_companion_deinit(struct ul_companion *companion)
{
	free(companion->account);
	free(companion->function);
	free(companion->identity);
	free(companion->pointed_by);
	ul_patterns_deinit(&companion->patterns);
	ul_patterns_deinit(&companion->freed_patterns);
}

void ul_suspect_deinit(struct ul_suspect *suspect)
{
	free(suspect->function);
	free(suspect->module);
	free(suspect->why);
}

void ul_accusation_deinit(struct ul_accusation *accusation)
{
	free(accusation->function);
	free(accusation->module);
	free(accusation->why);
}

static void imbalance_deinit(struct ul_imbalance *imbalance)
{
	free(imbalance->type);
	free(imbalance->get);
	free(imbalance->get_caller);
	free(imbalance->get_module);
	free(imbalance->put);
	free(imbalance->put_caller);
	free(imbalance->put_module);
}

static void known_deinit(struct ul_finding_known *known)
{
	free(known->name);
	free(known->why);
	free(known->what);
	free(known->test);
}

void ul_finding_deinit(struct ul_finding *finding)
{
	ul_vec_foreach (suspect, &finding->suspects)
		ul_suspect_deinit(suspect);
	ul_vec_deinit(&finding->suspects);
	ul_vec_foreach (accusation, &finding->accusations)
		ul_accusation_deinit(accusation);
	ul_vec_deinit(&finding->accusations);
	ul_vec_foreach (imbalance, &finding->imbalances)
		imbalance_deinit(imbalance);
	ul_vec_deinit(&finding->imbalances);
	ul_vec_foreach (known, &finding->known)
		known_deinit(known);
	ul_vec_deinit(&finding->known);
	ul_fix_matches_deinit(&finding->fixes);
	free(finding->reach.chain);
	ul_origins_deinit(&finding->origins);
	free(finding->holder);
	free(finding->identity);
	free(finding->account);
	free(finding->aliases);
	free(finding->function);
	free(finding->module);
	ul_patterns_deinit(&finding->patterns);
	ul_patterns_deinit(&finding->freed_patterns);
	free_path_deinit(&finding->free_path);
	ul_vec_foreach (companion, &finding->companions)
		ul_companion_deinit(companion);
	ul_vec_deinit(&finding->companions);
	ul_vec_foreach (text, &finding->why)
		free(*text);
	ul_vec_deinit(&finding->why);
	ul_vec_foreach (text, &finding->next)
		free(*text);
	ul_vec_deinit(&finding->next);
}

void ul_findings_deinit(struct ul_findings *findings)
{
	ul_vec_foreach (finding, &findings->items)
		ul_finding_deinit(finding);
	ul_vec_deinit(&findings->items);
	ul_losses_deinit(&findings->losses);
}

UL_PRINTF(1, 0) static char *format_text(const char *format, va_list arguments)
{
	char *text = NULL;
	return vasprintf(&text, format, arguments) < 0 ? NULL : text;
}

struct ul_error *ul_finding_why(struct ul_finding *finding, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	UL_CLEANUP_FREE char *text = format_text(format, arguments);
	va_end(arguments);
	if (!text || !ul_vec_push(&finding->why, text))
		return &ul_enomem;
	text = NULL;
	return NULL;
}

struct ul_error *ul_finding_next(struct ul_finding *finding, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	UL_CLEANUP_FREE char *text = format_text(format, arguments);
	va_end(arguments);
	if (!text || !ul_vec_push(&finding->next, text))
		return &ul_enomem;
	text = NULL;
	return NULL;
}

struct ul_error *ul_finding_set_aliases(struct ul_finding *finding, const struct ul_ledger *ledger)
{
	const struct ul_cache *cache = finding->kind == UL_KIND_SLAB && ledger
					       ? ul_ledger_cache(ledger, finding->account)
					       : NULL;
	UL_CLEANUP_BUF struct ul_buf names = {0};
	if (!cache || !cache->aliases.len)
		return ul_text_set(&finding->aliases, NULL) ? NULL : &ul_enomem;
	ul_vec_foreach (alias, &cache->aliases)
		ul_buf_printf(&names, "%s%s", names.len ? ", " : "", *alias);
	if (names.failed || !ul_text_set(&finding->aliases, ul_buf_str(&names)))
		return &ul_enomem;
	return NULL;
}

struct ul_error *ul_finding_add_companion(struct ul_finding *finding, const char *account,
					  const char *function, struct ul_companion **ret)
{
	struct ul_companion *companion = ul_vec_add(&finding->companions);
	if (!companion || !ul_text_set(&companion->account, account) ||
	    !ul_text_set(&companion->function, function))
		return &ul_enomem;
	*ret = companion;
	return NULL;
}

const char *ul_finding_verdict_name(enum ul_finding_verdict verdict)
{
	switch (verdict) {
	case UL_FINDING_LEAK:
		return "leak";
	case UL_FINDING_HELD:
		return "held";
	case UL_FINDING_FILLING:
		return "filling";
	case UL_FINDING_INCONCLUSIVE:
		break;
	}
	return "inconclusive";
}

const char *ul_finding_kind_name(enum ul_kind kind)
{
	return kind == UL_KIND_UNACCOUNTED ? "pages" : ul_kind_name(kind);
}
