// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the shipped data/knowledge.txt says of situations that were recorded on real kernels. Usage:
 * known_test FILE. Lines of the file, fields separated by tabs:
 *
 *	set PATH NUMBERS		from here on the file PATH holds NUMBERS; \n ends a line
 *	is NAME ACCOUNT FRAMES		certain, and nothing else is; FRAMES innermost first, or -
 *	may NAME ACCOUNT FRAMES		possible, not certain: only the account says so
 *	not NAME ACCOUNT FRAMES		ruled out
 *	none - ACCOUNT FRAMES		nothing is certain
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/recognise.h"
#include "base/text.h"
#include "source/knowledge/knowledge.h"

enum { SETTINGS_MAX = 16, LINE_BYTES = 4096, FIELDS = 4 };

struct settings {
	char paths[SETTINGS_MAX][128];
	char texts[SETTINGS_MAX][256];
	size_t len;
};

static void set(struct settings *settings, const char *path, const char *text)
{
	size_t at = 0;
	while (at < settings->len && strcmp(settings->paths[at], path) != 0)
		at++;
	if (at == SETTINGS_MAX)
		return;
	settings->len += at == settings->len;
	ul_text_copy(settings->paths[at], sizeof(settings->paths[at]), path);
	ul_text_copy(settings->texts[at], sizeof(settings->texts[at]), text);
	for (char *end; (end = strstr(settings->texts[at], "\\n"));)
		memcpy(end, "\n ", 2);
}

static bool setting(const struct ul_setting_value *value, double *ret, void *data)
{
	const struct settings *settings = data;
	for (size_t i = 0; i < settings->len; i++)
		if (!strcmp(settings->paths[i], value->path))
			return ul_setting_number(value, ul_span_of(settings->texts[i]), ret);
	return false;
}

/** "a,b,c" or "-". */
static void put_stack(struct ul_stack *stack, const char *frames)
{
	struct ul_span rest = ul_span_of(frames);
	struct ul_span name;
	while (strcmp(frames, "-") != 0 && rest.len) {
		if (!ul_span_cut(&rest, ',', &name)) {
			name = rest;
			rest.len = 0;
		}
		struct ul_frame *frame = ul_vec_add(&stack->frames);
		if (!frame)
			abort();
		frame->function = strndup(name.data, name.len);
	}
}

/** "is", "may", "not" or "none", as the knowledge has it. */
static const char *outcome(const struct ul_knowledge *knowledge, struct settings *settings,
			   char *const fields[FIELDS])
{
	UL_CLEANUP_RECOGNITIONS struct ul_recognitions found = {0};
	struct ul_stack stack UL_CLEANUP(ul_stack_deinit) = {0};
	put_stack(&stack, fields[3]);
	const struct ul_recognise_facts facts = {.account = fields[2],
						 .stack = stack.frames.len ? &stack : NULL,
						 .setting = setting,
						 .data = settings};
	if (ul_recognise(knowledge, &facts, &found))
		abort();
	const char *said = "not";
	size_t certain = 0;
	ul_vec_foreach (item, &found.items) {
		certain += item->certain;
		if (!strcmp(item->entry->name, fields[1]))
			said = item->certain ? "is" : "may";
	}
	if (!strcmp(fields[0], "none"))
		return certain ? "something" : "none";
	return !strcmp(said, "is") && certain > 1 ? "is, and others" : said;
}

static size_t split(char *line, char *fields[FIELDS])
{
	char *state = NULL;
	size_t len = 0;
	line[strcspn(line, "\n")] = 0;
	for (char *field = strtok_r(line, "\t", &state); field && len < FIELDS;
	     field = strtok_r(NULL, "\t", &state))
		fields[len++] = field;
	return len;
}

int main(int argc, char **argv)
{
	UL_CLEANUP_KNOWLEDGE struct ul_knowledge knowledge = {0};
	struct settings settings = {.len = 0};
	char line[LINE_BYTES];
	char *fields[FIELDS];
	size_t passed = 0;
	size_t failed = 0;
	FILE *file = argc > 1 ? fopen(argv[1], "r") : NULL;
	if (!file || ul_knowledge_shipped(&knowledge))
		return 2;
	while (fgets(line, sizeof(line), file)) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		const size_t len = split(line, fields);
		if (len == 3 && !strcmp(fields[0], "set")) {
			set(&settings, fields[1], fields[2]);
			continue;
		}
		const char *said = len == FIELDS ? outcome(&knowledge, &settings, fields) : "?";
		const bool ok = !strcmp(said, fields[0]);
		passed += ok;
		failed += !ok;
		if (!ok)
			printf("not ok - %s %s %s: said: %s\n", fields[0], len > 1 ? fields[1] : "",
			       len > 2 ? fields[2] : "", said);
	}
	fclose(file);
	printf("%zu passed, %zu failed\n", passed, failed);
	return failed || !passed;
}
