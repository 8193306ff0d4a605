// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The format, made to be written by hand:
 *
 *	# remark
 *	[name]
 *	is: leak | held | filling | limit
 *	account: glob, glob          also function, symbol, text
 *	setting: FILE[WORD] > 50% of FILE[WORD]       or FILE:KEY, < and a plain number
 *	what: one line of text       also grows, test, do, source
 *
 * Keys may stand in any order, each at most once but for setting. What is missing or misspelt is an
 * error with its line: an entry that silently never matches is worse than none.
 */
#include "source/knowledge/knowledge.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"

enum {
	TEXT_LIMIT = 4 * 1024 * 1024,
	ENTRIES_LIMIT = 4096,
	GLOBS_LIMIT = 256,
	SETTINGS_LIMIT = 16,
};

extern const char ul_knowledge_text[];
extern const char ul_knowledge_text_end[];

struct parser {
	struct ul_knowledge *knowledge;
	struct ul_knowledge_entry *entry; /**< the one that is being read; NULL: none yet */
	bool has_as;
	size_t line;
};

static struct ul_error *mistake(const struct parser *parser, const char *what, struct ul_span text)
{
	return ul_error_new(UL_ERR_BAD_DATA, "line %zu: %s '%.*s'", parser->line, what,
			    text.len > 60 ? 60 : (int)text.len, text.data);
}

static struct ul_error *keep(struct parser *parser, struct ul_span text, const char **ret)
{
	*ret = ul_arena_strdup(&parser->knowledge->arena, text);
	return *ret ? NULL : &ul_enomem;
}

static struct ul_error *parse_globs(struct parser *parser, struct ul_span value,
				    struct ul_globs *globs)
{
	struct ul_span item;
	if (globs->items.len)
		return mistake(parser, "a key that the entry has already, with", value);
	while (value.len) {
		if (!ul_span_cut(&value, ',', &item)) {
			item = value;
			value.len = 0;
		}
		item = ul_span_trim(item);
		if (!item.len || globs->items.len == GLOBS_LIMIT)
			return mistake(parser, "an empty name, or too many, at", value);
		const char *text;
		UL_TRY(keep(parser, item, &text));
		if (!ul_vec_push(&globs->items, text))
			return &ul_enomem;
	}
	return globs->items.len ? NULL : mistake(parser, "no name in", value);
}

static struct ul_error *parse_as(struct parser *parser, struct ul_span value)
{
	static const enum ul_known_as all[] = {UL_KNOWN_LEAK, UL_KNOWN_HELD, UL_KNOWN_FILLING,
					       UL_KNOWN_LIMIT};
	for (size_t i = 0; i < UL_ARRAY_LEN(all); i++) {
		if (!ul_span_equal(value, ul_known_as_name(all[i])))
			continue;
		parser->entry->as = all[i];
		parser->has_as = true;
		return NULL;
	}
	return mistake(parser, "not one of leak, held, filling, limit:", value);
}

/** "FILE[3]" or "FILE:KEY". */
static struct ul_error *parse_value(struct parser *parser, struct ul_span text,
				    struct ul_setting_value *ret)
{
	struct ul_span rest = text;
	struct ul_span path;
	if (text.len < 2 || text.data[0] != '/')
		return mistake(parser, "no absolute file name:", text);
	if (ul_span_cut(&rest, '[', &path)) {
		uint64_t word;
		if (!rest.len || rest.data[rest.len - 1] != ']')
			return mistake(parser, "no ] behind", text);
		rest.len--;
		if (!ul_span_u64(rest, &word) || !word || word > 1024)
			return mistake(parser, "no number of a word, from 1:", text);
		ret->word = (uint32_t)word;
		return keep(parser, path, &ret->path);
	}
	rest = text;
	if (!ul_span_cut(&rest, ':', &path) || !rest.len)
		return mistake(parser, "neither [WORD] nor :KEY behind the file:", text);
	UL_TRY(keep(parser, rest, &ret->key));
	return keep(parser, path, &ret->path);
}

/** A number without a sign; digits and one point. */
static bool parse_number(struct ul_span text, double *ret)
{
	char copy[32];
	char *end;
	if (!text.len || text.len >= sizeof(copy))
		return false;
	ul_span_copy(text, copy, sizeof(copy));
	if (copy[strspn(copy, "0123456789.")])
		return false; // no sign, no exponent, no "inf"
	*ret = strtod(copy, &end);
	return !*end && isfinite(*ret);
}

/** "VALUE > 50% of VALUE", "VALUE > 1000" */
static struct ul_error *parse_setting(struct parser *parser, struct ul_span value)
{
	struct ul_span rest = value;
	struct ul_span first;
	struct ul_span relation;
	struct ul_span number;
	struct ul_span of;
	if (parser->entry->settings.len == SETTINGS_LIMIT)
		return mistake(parser, "more settings than are looked at:", value);
	struct ul_setting_test *test = ul_vec_add(&parser->entry->settings);
	if (!test)
		return &ul_enomem;
	UL_TRY(keep(parser, value, &test->text));
	if (!ul_span_word(&rest, &first) || !ul_span_word(&rest, &relation) ||
	    !ul_span_word(&rest, &number))
		return mistake(parser, "not VALUE > NUMBER, or VALUE > N% of VALUE:", value);
	UL_TRY(parse_value(parser, first, &test->value));
	test->less = ul_span_equal(relation, "<");
	if (!test->less && !ul_span_equal(relation, ">"))
		return mistake(parser, "neither < nor >:", relation);
	const bool percent = number.data[number.len - 1] == '%';
	number.len -= percent;
	if (!parse_number(number, &test->factor))
		return mistake(parser, "no number:", number);
	if (percent)
		test->factor /= 100;
	if (!ul_span_word(&rest, &of))
		return percent ? mistake(parser, "% of what?", value) : NULL;
	if (!ul_span_equal(of, "of") || !ul_span_word(&rest, &first) || ul_span_word(&rest, &of))
		return mistake(parser, "not \"of VALUE\" behind the number:", value);
	return parse_value(parser, first, &test->other);
}

static struct ul_error *parse_text(struct parser *parser, struct ul_span value, const char **slot)
{
	if (*slot)
		return mistake(parser, "a key that the entry has already, with", value);
	return keep(parser, value, slot);
}

static struct ul_error *parse_key(struct parser *parser, struct ul_span key, struct ul_span value)
{
	struct ul_knowledge_entry *entry = parser->entry;
	if (!value.len)
		return mistake(parser, "nothing behind", key);
	if (ul_span_equal(key, "is"))
		return parse_as(parser, value);
	if (ul_span_equal(key, "account"))
		return parse_globs(parser, value, &entry->accounts);
	if (ul_span_equal(key, "function"))
		return parse_globs(parser, value, &entry->functions);
	if (ul_span_equal(key, "symbol"))
		return parse_globs(parser, value, &entry->symbols);
	if (ul_span_equal(key, "text"))
		return parse_globs(parser, value, &entry->texts);
	if (ul_span_equal(key, "setting"))
		return parse_setting(parser, value);
	if (ul_span_equal(key, "what"))
		return parse_text(parser, value, &entry->what);
	if (ul_span_equal(key, "grows"))
		return parse_text(parser, value, &entry->grows);
	if (ul_span_equal(key, "test"))
		return parse_text(parser, value, &entry->test);
	if (ul_span_equal(key, "do"))
		return parse_text(parser, value, &entry->advice);
	if (ul_span_equal(key, "source"))
		return parse_text(parser, value, &entry->source);
	return mistake(parser, "no such key:", key);
}

static struct ul_error *end_entry(struct parser *parser)
{
	const struct ul_knowledge_entry *entry = parser->entry;
	if (!entry)
		return NULL;
	const struct ul_span name = ul_span_of(entry->name);
	if (!parser->has_as)
		return mistake(parser, "before it, no \"is\" in", name);
	if (!entry->accounts.items.len)
		return mistake(parser, "before it, no \"account\" in", name);
	if (!entry->what || !entry->grows || !entry->test || !entry->advice || !entry->source)
		return mistake(parser,
			       "before it, one of what, grows, test, do, source is missing in",
			       name);
	return NULL;
}

static struct ul_error *begin_entry(struct parser *parser, struct ul_span line)
{
	UL_TRY(end_entry(parser));
	if (line.len < 3 || line.data[line.len - 1] != ']')
		return mistake(parser, "not a name in brackets:", line);
	if (parser->knowledge->entries.len == ENTRIES_LIMIT)
		return ul_error_new(UL_ERR_LIMIT, "line %zu: more than %d entries", parser->line,
				    (int)ENTRIES_LIMIT);
	const struct ul_span name = {.data = line.data + 1, .len = line.len - 2};
	ul_vec_foreach (other, &parser->knowledge->entries)
		if (ul_span_equal(name, other->name))
			return mistake(parser, "a second entry of the name", name);
	parser->entry = ul_vec_add(&parser->knowledge->entries);
	parser->has_as = false;
	if (!parser->entry)
		return &ul_enomem;
	parser->entry->name = "";
	return keep(parser, name, &parser->entry->name);
}

static struct ul_error *parse_line(struct parser *parser, struct ul_span line)
{
	struct ul_span key;
	line = ul_span_trim(line);
	if (!line.len || line.data[0] == '#')
		return NULL;
	if (line.data[0] == '[')
		return begin_entry(parser, line);
	if (!parser->entry || !ul_span_cut(&line, ':', &key))
		return mistake(parser, "neither [name] nor \"key: text\":", line);
	return parse_key(parser, ul_span_trim(key), ul_span_trim(line));
}

struct ul_error *ul_knowledge_parse(struct ul_span text, struct ul_knowledge *ret)
{
	memset(ret, 0, sizeof(*ret));
	struct parser parser = {.knowledge = ret};
	struct ul_span line;
	while (ul_span_line(&text, &line)) {
		parser.line++;
		UL_TRY(parse_line(&parser, line));
	}
	return end_entry(&parser);
}

struct ul_error *ul_knowledge_shipped(struct ul_knowledge *ret)
{
	return ul_knowledge_parse(
		(struct ul_span){.data = ul_knowledge_text,
				 .len = (size_t)(ul_knowledge_text_end - ul_knowledge_text)},
		ret);
}

struct ul_error *ul_knowledge_read(const char *path, struct ul_knowledge *ret)
{
	struct ul_buf text UL_CLEANUP_BUF = {0};
	memset(ret, 0, sizeof(*ret));
	UL_TRY(ul_file_read(AT_FDCWD, path, TEXT_LIMIT, &text));
	struct ul_error *error = ul_knowledge_parse(
		(struct ul_span){.data = ul_buf_str(&text), .len = text.len}, ret);
	return error ? ul_error_prepend(error, "%s", path) : NULL;
}

bool ul_setting_number(const struct ul_setting_value *value, struct ul_span text, double *ret)
{
	struct ul_span line;
	struct ul_span word;
	uint64_t number;
	if (!value->key) {
		for (uint32_t i = 0; i < value->word; i++)
			if (!ul_span_word(&text, &word))
				return false;
		if (!ul_span_u64(word, &number))
			return false;
		*ret = (double)number;
		return true;
	}
	while (ul_span_line(&text, &line)) {
		if (!ul_span_word(&line, &word))
			continue;
		if (word.data[word.len - 1] == ':')
			word.len--;
		if (ul_span_equal(word, value->key) && ul_span_word_u64(&line, &number)) {
			*ret = (double)number;
			return true;
		}
	}
	return false;
}
