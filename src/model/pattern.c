// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/pattern.h"

static void pattern_deinit(struct ul_pattern *pattern)
{
	ul_vec_foreach (word, &pattern->words) {
		free(word->symbol);
		free(word->target);
	}
	ul_vec_deinit(&pattern->words);
	free(pattern->text);
	free(pattern->type);
	ul_vec_deinit(&pattern->bytes);
}

void ul_patterns_deinit(struct ul_patterns *patterns)
{
	ul_vec_foreach (pattern, &patterns->items)
		pattern_deinit(pattern);
	ul_vec_deinit(&patterns->items);
}

const char *ul_word_kind_name(enum ul_word_kind kind)
{
	static const char *const names[] = {
		[UL_WORD_ZERO] = "zero",       [UL_WORD_TEXT] = "text",
		[UL_WORD_SYMBOL] = "symbol",   [UL_WORD_KERNEL] = "pointer",
		[UL_WORD_SELF] = "self",       [UL_WORD_SMALL] = "small",
		[UL_WORD_OTHER] = "other",     [UL_WORD_MIXED] = "mixed",
		[UL_WORD_CACHE] = "cache",     [UL_WORD_PAGE] = "page",
		[UL_WORD_VMALLOC] = "vmalloc",
	};
	return (size_t)kind < UL_ARRAY_LEN(names) ? names[kind] : "other";
}
