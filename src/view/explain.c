// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/explain.h"

#include <stdlib.h>

#include "base/units.h"
#include "view/document.h"

void ul_explanation_deinit(struct ul_explanation *explanation)
{
	ul_vec_foreach (explained, &explanation->entries)
		ul_vec_deinit(&explained->settings);
	ul_vec_deinit(&explanation->entries);
}

static bool holds(const struct ul_explained_setting *setting)
{
	return setting->test->less ? setting->value < setting->bound
				   : setting->value > setting->bound;
}

static void put_entry(struct ul_json *json, const struct ul_explained *explained)
{
	const struct ul_knowledge_entry *entry = explained->entry;
	ul_json_object_begin(json, NULL);
	ul_json_string(json, "name", entry->name);
	ul_json_string(json, "is", ul_known_as_name(entry->as));
	ul_json_string(json, "what", entry->what);
	ul_json_string(json, "grows", entry->grows);
	ul_json_string(json, "test", entry->test);
	ul_json_string(json, "do", entry->advice);
	ul_json_string(json, "source", entry->source);
	ul_json_array_begin(json, "settings");
	ul_vec_foreach (setting, &explained->settings) {
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "test", setting->test->text);
		if (setting->known) {
			ul_json_bool(json, "holds", holds(setting));
			ul_json_double(json, "value", setting->value);
			ul_json_double(json, "bound", setting->bound);
		} else {
			ul_json_null(json, "holds");
		}
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
	ul_json_object_end(json);
}

struct ul_error *ul_json_explain(FILE *out, bool pretty, const struct ul_kernel *kernel,
				 const struct ul_explanation *explanation)
{
	static const struct ul_losses none = {0};
	struct ul_json json;
	ul_json_document_begin(&json, out, pretty, "explain", kernel);
	ul_json_string(&json, "name", explanation->name);
	ul_json_array_begin(&json, "entries");
	ul_vec_foreach (explained, &explanation->entries)
		put_entry(&json, explained);
	ul_json_array_end(&json);
	if (explanation->here) {
		ul_json_object_begin(&json, "here");
		ul_json_int(&json, "bytes", explanation->here_bytes);
		if (explanation->is_cache) {
			ul_json_uint(&json, "objects", explanation->objects);
			ul_json_uint(&json, "object_size", explanation->object_bytes);
			ul_json_bool(&json, "reclaimable", explanation->reclaimable);
			ul_json_string(&json, "aliases",
				       explanation->aliases[0] ? explanation->aliases : NULL);
		}
		ul_json_object_end(&json);
	} else {
		ul_json_null(&json, "here");
	}
	return ul_json_document_end(&json, &none);
}

static struct ul_error *put_here(const struct ul_term *term,
				 const struct ul_explanation *explanation)
{
	char bytes[UL_UNITS_TEXT];
	char objects[UL_UNITS_TEXT];
	struct ul_buf line UL_CLEANUP_BUF = {0};
	if (!explanation->here)
		return NULL;
	ul_buf_puts(&line, "  here: ");
	ul_buf_puts(&line, ul_format_bytes(bytes, (double)explanation->here_bytes));
	if (explanation->is_cache)
		ul_buf_printf(&line, " in %s objects of %llu bytes, %s",
			      ul_format_count(objects, explanation->objects),
			      (unsigned long long)explanation->object_bytes,
			      explanation->reclaimable ? "reclaimable by its own word"
						       : "not reclaimable");
	if (explanation->aliases[0])
		ul_buf_printf(&line, "; merged with %s", explanation->aliases);
	if (line.failed)
		return &ul_enomem;
	ul_term_wrap(term, UL_STYLE_PLAIN, 4, ul_buf_str(&line));
	return NULL;
}

static struct ul_error *put_line(const struct ul_term *term, const char *label, const char *text)
{
	struct ul_buf line UL_CLEANUP_BUF = {0};
	ul_buf_printf(&line, "  %s: ", label);
	ul_term_escape(&line, text);
	if (line.failed)
		return &ul_enomem;
	ul_term_wrap(term, UL_STYLE_PLAIN, 4, ul_buf_str(&line));
	return NULL;
}

static struct ul_error *put_setting(const struct ul_term *term,
				    const struct ul_explained_setting *setting)
{
	char value[UL_UNITS_TEXT];
	char bound[UL_UNITS_TEXT];
	struct ul_buf line UL_CLEANUP_BUF = {0};
	ul_term_escape(&line, setting->test->text);
	if (!setting->known)
		ul_buf_puts(&line, ": cannot be read here");
	else
		ul_buf_printf(&line, ": %s here, %s against %s", holds(setting) ? "yes" : "no",
			      ul_format_count(value, (uint64_t)setting->value),
			      ul_format_count(bound, (uint64_t)setting->bound));
	return line.failed ? &ul_enomem : put_line(term, "setting", ul_buf_str(&line));
}

static const char *words_of(enum ul_known_as as)
{
	static const char *const words[] = {
		[UL_KNOWN_LEAK] = "a leak, when the test says so",
		[UL_KNOWN_HELD] = "held by somebody who can be named",
		[UL_KNOWN_FILLING] = "taken back under memory pressure: no leak",
		[UL_KNOWN_LIMIT] = "grows to a limit",
	};
	return words[as];
}

struct ul_error *ul_term_explain(const struct ul_term *term,
				 const struct ul_explanation *explanation)
{
	ul_term_print(term, UL_STYLE_STRONG, "%s\n", explanation->name);
	UL_TRY(put_here(term, explanation));
	if (!explanation->entries.len)
		ul_term_print(term, UL_STYLE_DIM, "  nothing more is known of it\n");
	ul_vec_foreach (explained, &explanation->entries) {
		const struct ul_knowledge_entry *entry = explained->entry;
		ul_term_heading(term, "%s: %s", entry->name, words_of(entry->as));
		UL_TRY(put_line(term, "what", entry->what));
		UL_TRY(put_line(term, "grows", entry->grows));
		UL_TRY(put_line(term, "test", entry->test));
		ul_vec_foreach (setting, &explained->settings)
			UL_TRY(put_setting(term, setting));
		UL_TRY(put_line(term, "do", entry->advice));
		UL_TRY(put_line(term, "kernel source", entry->source));
	}
	return NULL;
}
