// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which orphans are known. A rule names a group by what the group shows: cache, a symbol its
 * objects point to, type, caller, text. Whole groups only: a rule that fits a single object would
 * hide what was lost beside it.
 */
#include "analysis/suppressions.h"

#include <fnmatch.h>
#include <string.h>

enum { RULES_MAX = 10000, LINE_MAX_BYTES = 4096 };

/*
 * Each with the place where the kernel says so itself. A rule is added only when an object of it
 * was seen on a stock kernel.
 */
static const char built_in[] =
	// Linux fs/proc/proc_sysctl.c register_sysctl_mount_point(), __register_sysctl_init():
	// headers that nobody keeps, since what is registered at boot stays. They point at their
	// parent and root, nobody points at them.
	"symbol=sysctl_mount_point* # kmemleak_not_leak() in fs/proc/proc_sysctl.c\n"
	"symbol=sysctl_table_root* # kmemleak_not_leak() in fs/proc/proc_sysctl.c\n";

static void suppression_deinit(struct ul_suppression *rule)
{
	free(rule->text);
	free(rule->why);
	free(rule->cache);
	free(rule->symbol);
	free(rule->type);
	free(rule->caller);
	free(rule->contents);
}

void ul_suppressions_deinit(struct ul_suppressions *suppressions)
{
	ul_vec_foreach (rule, &suppressions->items)
		suppression_deinit(rule);
	ul_vec_deinit(&suppressions->items);
}

/** Where the comment begins: a # that stands in no quotes. */
static size_t find_comment(struct ul_span line)
{
	bool quoted = false;
	for (size_t i = 0; i < line.len; i++) {
		quoted ^= line.data[i] == '"';
		if (line.data[i] == '#' && !quoted)
			return i;
	}
	return line.len;
}

/** Cuts the value off @p rest: a word, or what stands in quotes. False: no closing quote. */
static bool cut_value(struct ul_span *rest, struct ul_span *ret)
{
	if (!ul_span_starts(*rest, "\"")) {
		size_t len = 0;
		while (len < rest->len && rest->data[len] != ' ' && rest->data[len] != '\t')
			len++;
		*ret = (struct ul_span){rest->data, len};
		rest->data += len;
		rest->len -= len;
		return len > 0;
	}
	rest->data++;
	rest->len--;
	return ul_span_cut(rest, '"', ret);
}

static char **condition(struct ul_suppression *rule, struct ul_span key)
{
	if (ul_span_equal(key, "cache"))
		return &rule->cache;
	if (ul_span_equal(key, "symbol"))
		return &rule->symbol;
	if (ul_span_equal(key, "type"))
		return &rule->type;
	if (ul_span_equal(key, "caller"))
		return &rule->caller;
	if (ul_span_equal(key, "contents"))
		return &rule->contents;
	return NULL;
}

static struct ul_error *parse_conditions(struct ul_suppression *rule, struct ul_span rest)
{
	for (rest = ul_span_trim(rest); rest.len; rest = ul_span_trim(rest)) {
		struct ul_span key;
		struct ul_span value;
		if (!ul_span_cut(&rest, '=', &key))
			return ul_error_new(UL_ERR_BAD_DATA,
					    "'%.*s' is no condition (example: cache=kmalloc-64)",
					    UL_SPAN_ARG(rest));
		char **slot = condition(rule, key);
		if (!slot)
			return ul_error_new(
				UL_ERR_BAD_DATA,
				"'%.*s' is none of cache, symbol, type, caller, contents",
				UL_SPAN_ARG(key));
		if (*slot)
			return ul_error_new(UL_ERR_BAD_DATA, "'%.*s' is given twice",
					    UL_SPAN_ARG(key));
		if (!cut_value(&rest, &value))
			return ul_error_new(UL_ERR_BAD_DATA, "'%.*s' has no value, or no end quote",
					    UL_SPAN_ARG(key));
		*slot = ul_span_dup(value);
		if (!*slot)
			return &ul_enomem;
	}
	return NULL;
}

static struct ul_error *parse_line(struct ul_suppression *rule, struct ul_span line)
{
	const size_t comment = find_comment(line);
	const struct ul_span text = ul_span_trim((struct ul_span){line.data, comment});
	if (!text.len)
		return NULL;
	if (line.len > LINE_MAX_BYTES)
		return ul_error_new(UL_ERR_LIMIT, "%zu bytes, at most %d", line.len,
				    LINE_MAX_BYTES);
	if (comment + 1 < line.len) {
		rule->why = ul_span_dup(ul_span_trim(
			(struct ul_span){line.data + comment + 1, line.len - comment - 1}));
		if (!rule->why)
			return &ul_enomem;
	}
	rule->text = ul_span_dup(text);
	return rule->text ? parse_conditions(rule, text) : &ul_enomem;
}

static struct ul_error *parse(struct ul_suppressions *suppressions, const char *name,
			      struct ul_span text, bool is_built_in)
{
	size_t number = 0;
	ul_span_foreach_line (line, text) {
		struct ul_suppression rule = {.built_in = is_built_in};
		number++;
		struct ul_error *error = parse_line(&rule, line);
		if (!error && rule.text && suppressions->items.len >= RULES_MAX)
			error = ul_error_new(UL_ERR_LIMIT, "more than %d rules", RULES_MAX);
		if (!error && rule.text && !ul_vec_push(&suppressions->items, rule))
			error = &ul_enomem;
		if (error) {
			suppression_deinit(&rule);
			return ul_error_prepend(error, "%s line %zu", name, number);
		}
	}
	return NULL;
}

struct ul_error *ul_suppressions_add_built_in(struct ul_suppressions *suppressions)
{
	return parse(suppressions, "built-in suppressions", ul_span_of(built_in), true);
}

struct ul_error *ul_suppressions_parse(struct ul_suppressions *suppressions, const char *name,
				       struct ul_span text)
{
	return parse(suppressions, name, text, false);
}

static bool matches(const char *glob, const char *text)
{
	return !glob || (text && !fnmatch(glob, text, 0));
}

static bool symbol_matches(const char *glob, const struct ul_patterns *patterns)
{
	if (!glob)
		return true;
	ul_vec_foreach (pattern, &patterns->items)
		ul_vec_foreach (word, &pattern->words)
			if (word->symbol && !fnmatch(glob, word->symbol, 0))
				return true;
	return false;
}

static bool contents_match(const char *glob, const struct ul_patterns *patterns)
{
	if (!glob)
		return true;
	ul_vec_foreach (pattern, &patterns->items)
		if (pattern->text && !fnmatch(glob, pattern->text, 0))
			return true;
	return false;
}

const struct ul_suppression *ul_suppressions_find(const struct ul_suppressions *suppressions,
						  const struct ul_orphan_group *group)
{
	ul_vec_foreach (rule, &suppressions->items)
		if (matches(rule->cache, group->cache) && matches(rule->type, group->type) &&
		    matches(rule->caller, group->caller) &&
		    symbol_matches(rule->symbol, &group->patterns) &&
		    contents_match(rule->contents, &group->patterns))
			return rule;
	return NULL;
}
