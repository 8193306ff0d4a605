// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Does a commit's title say that it mends a leak of memory, and which functions does it name?
 *
 * By words: kernel titles are terse and regular. What is about information that leaks to users,
 * about kmemleak itself or about freeing twice is no leak. Errs to taking in: a fix too many in the
 * index is found only by who asks for its functions, one that is missing is found by nobody.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "source/fixes/fixes_internal.h"

enum { TITLE_MAX = 512 };

static bool any_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strstr(text, *words))
			return true;
	return false;
}

/** No leak of memory, whatever else stands there. */
static const char *const not_memory[] = {"info leak",
					 "infoleak",
					 "info-leak",
					 "information leak",
					 "data leak",
					 "data to device",
					 "address leak",
					 "pointer leak",
					 "leak of uninit",
					 "uninitialized",
					 "uninitialised",
					 "leak kernel",
					 "kernel stack",
					 "stack leak",
					 "leak of stack",
					 "leaking kernel",
					 "leak kernel",
					 "secret",
					 "leak to user",
					 "leaks to user",
					 "to userspace",
					 "to user space",
					 "kmemleak:",
					 "mm/kmemleak",
					 "false positive",
					 "kmemleak warning",
					 "kmemleak report",
					 "use-after-free",
					 "use after free",
					 "double free",
					 "double-free",
					 "uaf",
					 "revert \"",
					 "kfree_skb() under",
					 "skb() before",
					 "kmemleak in ",
					 "leak detector",
					 "kmemleak to",
					 "underflow",
					 "kfree_skb_reason",
					 NULL};
static const char *const leak_words[] = {"leak", "never freed", "not freed", "not released", NULL};
static const char *const counted[] = {"refcount",	 "refcnt",	"ref count", "ref-count",
				      "reference count", "usage count", NULL};
static const char *const counted_wrongly[] = {"imbalance", "unbalanc",	"missing", "missed",
					      "drop",	   "decrement", "put",	   NULL};
static const char *const missing[] = {"missing", "missed", "forgotten",	 "forgot",
				      "lost ",	 "add ",   "don't lose", NULL};
static const char *const releases[] = {
	"_put",	 "put_",  "kfree",  "_free", "free_", "release", "unref",  "destroy", "iounmap",
	"fput(", "dput(", "brelse", "iput(", "free(", "put(",	 "deinit", "cleanup", NULL};
static const char *const verbs[] = {"free ",	"frees ",   "release ",		"put ",
				    "drop ",	"unref ",   "destroy ",		"clean up",
				    "cleanup ", "freeing ", "properly release", NULL};
static const char *const ends[] = {"error", " fail",	"failure", "remove", " exit", "unbind",
				   "probe", "teardown", "unload",  " path",  "abort", NULL};

bool ul_fix_title_is_leak(struct ul_span title)
{
	char text[TITLE_MAX];
	ul_span_copy(title, text, sizeof(text));
	for (char *c = text; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (any_of(text, not_memory))
		return false;
	return any_of(text, leak_words) ||
	       (any_of(text, counted) && any_of(text, counted_wrongly)) ||
	       (any_of(text, missing) && any_of(text, releases)) ||
	       (any_of(text, verbs) && any_of(text, ends));
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/** "name()" always; without the brackets only what has an underscore between letters. */
static bool is_function(struct ul_span word, bool called)
{
	if (word.len < 3 || word.len > 128 || isdigit((unsigned char)word.data[0]))
		return false;
	if (called)
		return true;
	const char *underscore = memchr(word.data + 1, '_', word.len - 2);
	if (!underscore)
		return false;
	for (size_t i = 0; i < word.len; i++)
		if (isupper((unsigned char)word.data[i]))
			return false; // a constant or a flag
	return true;
}

void ul_fix_span_list_deinit(struct ul_span_list *list)
{
	ul_vec_deinit(&list->items);
}

/** What stands before the colon names a driver or a file, not a function. */
static struct ul_span without_prefix(struct ul_span title)
{
	size_t colon;
	while (ul_span_find(title, ": ", &colon)) {
		title.data += colon + 2;
		title.len -= colon + 2;
	}
	return title;
}

struct ul_error *ul_fix_title_functions(struct ul_span title, struct ul_span_list *ret)
{
	const struct ul_span body = without_prefix(title);
	for (size_t i = 0; i < title.len;) {
		if (!is_name(title.data[i])) {
			i++;
			continue;
		}
		struct ul_span word = {.data = title.data + i};
		while (i < title.len && is_name(title.data[i]))
			i++, word.len++;
		const bool called =
			i + 1 < title.len && title.data[i] == '(' && title.data[i + 1] == ')';
		const bool in_body = word.data >= body.data;
		if ((in_body || called) && is_function(word, called) &&
		    !ul_vec_push(&ret->items, word))
			return &ul_enomem;
	}
	return NULL;
}
