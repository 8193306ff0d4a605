// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Texts about the program itself. All of them are made from the tables of options and commands, so
 * that --help cannot promise what the parser does not take.
 */
#include <stdlib.h>
#include <string.h>

#include "cmd/options.h"

enum {
	HELP_NAME_COLUMNS = 24, /* where the explanation of an option begins */
	DISTANCE_MAX = 32,
};

static void print_option(FILE *out, const struct ul_option *option)
{
	char left[48];
	const char *argument = option->argument;
	if (option->letter)
		snprintf(left, sizeof(left), "-%c, --%s%s%s", option->letter, option->name,
			 argument ? " " : "", argument ? argument : "");
	else
		snprintf(left, sizeof(left), "    --%s%s%s", option->name, argument ? " " : "",
			 argument ? argument : "");
	if (strlen(left) > HELP_NAME_COLUMNS)
		fprintf(out, "  %s\n  %-*s  %s\n", left, HELP_NAME_COLUMNS, "", option->help);
	else
		fprintf(out, "  %-*s  %s\n", HELP_NAME_COLUMNS, left, option->help);
}

static void print_options(FILE *out, uint64_t options)
{
	for (unsigned int id = 0; id < UL_OPTION_COUNT; id++)
		if (options >> id & 1)
			print_option(out, ul_option((enum ul_option_id)id));
}

void ul_help_command(FILE *out, const struct ul_cmd *cmd)
{
	fprintf(out, "Usage: ullage %s [OPTION...]%s%s\n", cmd->name, *cmd->positionals ? " " : "",
		cmd->positionals);
	fprintf(out, "%s\n", cmd->summary);
	if (cmd->details)
		fprintf(out, "\n%s", cmd->details);
	if (cmd->examples)
		fprintf(out, "\nExamples:\n%s", cmd->examples);
	if (cmd->options & ~ul_options_common()) {
		fputs("\nOptions:\n", out);
		print_options(out, cmd->options & ~ul_options_common());
	}
	fputs("\nOptions of every command:\n", out);
	print_options(out, ul_options_common());
}

void ul_help_program(FILE *out, const struct ul_cmd *overview, const struct ul_cmd *const *commands,
		     size_t len)
{
	fputs("Usage: ullage [COMMAND] [OPTION...]\n"
	      "Where this machine's memory went, and which line of kernel code lost it.\n"
	      "\nCommands:\n",
	      out);
	fprintf(out, "  %-10s %s\n", "(none)", overview->summary);
	for (size_t i = 0; i < len; i++)
		fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\nOptions of every command:\n", out);
	print_options(out, ul_options_common());
	fputs("\nMore: ullage COMMAND --help, man ullage.\n"
	      "Exit codes: 0 done, 1 failed, 2 usage, 4 not permitted, 5 not supported here.\n",
	      out);
}

void ul_help_version(FILE *out)
{
	fprintf(out,
		"ullage " UL_VERSION "\n"
		"built with: libbpf " UL_LIBBPF_VERSION ", SQLite " UL_SQLITE_VERSION
		", file:line from DWARF (libdw): %s\n",
		*UL_LIBDW_VERSION ? UL_LIBDW_VERSION : "no");
}

void ul_help_dump(FILE *out, const struct ul_cmd *const *commands, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const uint64_t options = commands[i]->options | ul_options_common();
		for (unsigned int id = 0; id < UL_OPTION_COUNT; id++) {
			const struct ul_option *option = ul_option((enum ul_option_id)id);
			if (!(options >> id & 1))
				continue;
			const char letter[3] = {option->letter ? '-' : '\0', option->letter, '\0'};
			fprintf(out, "%s\t--%s\t%s\t%s\n", commands[i]->name, option->name, letter,
				option->argument ? option->argument : "");
		}
	}
}

unsigned int ul_help_distance(const char *a, const char *b)
{
	// Damerau-Levenshtein, restricted: three rows of the table are enough.
	const size_t a_len = strnlen(a, DISTANCE_MAX);
	const size_t b_len = strnlen(b, DISTANCE_MAX);
	unsigned int rows[3][DISTANCE_MAX + 1] = {0};
	for (unsigned int j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned int *row = rows[i % 3];
		const unsigned int *above = rows[(i - 1) % 3];
		const unsigned int *two_above = rows[(i + 1) % 3]; // (i - 2) mod 3
		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned int best = above[j - 1] + (a[i - 1] != b[j - 1]);
			best = above[j] + 1 < best ? above[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    two_above[j - 2] + 1 < best)
				best = two_above[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[a_len % 3][b_len];
}

size_t ul_help_nearest(const char *name, const struct ul_cmd *const *commands, size_t len,
		       const char **ret, size_t max)
{
	size_t found = 0;
	const size_t name_len = strlen(name);
	for (unsigned int wanted = 0; wanted <= 2; wanted++) {
		for (size_t i = 0; i < len && found < max; i++) {
			const char *candidate = commands[i]->name;
			unsigned int distance = ul_help_distance(name, candidate);
			if (name_len >= 2 && !strncmp(candidate, name, name_len))
				distance = 0; // a beginning of it is as near as can be
			if (distance == wanted)
				ret[found++] = candidate;
		}
	}
	return found;
}
