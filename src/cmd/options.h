/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one table of options: parsing, --help and the check of the man pages all read it. */
#ifndef UL_CMD_OPTIONS_H
#define UL_CMD_OPTIONS_H

#include "cmd/cmd.h"

struct ul_option {
	enum ul_option_id id;
	char letter;	      /**< '\0': only the long form */
	const char *name;     /**< long form without the dashes */
	const char *argument; /**< "DURATION"; NULL: takes none */
	const char *help;
	/** Store it; @p argument NULL when the option takes none. */
	struct ul_error *(*set)(struct ul_options *options, const char *argument);
};

/** The option with this id. */
const struct ul_option *ul_option(enum ul_option_id id);
/** Bits of the options that every command takes. */
uint64_t ul_options_common(void);

void ul_options_init(struct ul_options *options);
void ul_options_deinit(struct ul_options *options);
#define UL_CLEANUP_OPTIONS UL_CLEANUP(ul_options_deinit)

/**
 * Parse @p argv (argv[0] is skipped) into @p options, accepting the common options and @p allowed.
 *
 * Positionals are moved behind the options, as getopt_long() does; @p ret_first is the index of
 * the first of them. With @p stop_at_positional parsing ends there and nothing is moved.
 *
 * @param who  "ullage grow": for messages.
 * @return UL_ERR_USAGE, or &ul_enomem.
 */
UL_MUST_USE struct ul_error *ul_options_parse(struct ul_options *options, const char *who,
					      uint64_t allowed, bool stop_at_positional, int argc,
					      char **argv, int *ret_first);

/** Help text of one command: synopsis, details, options, examples. */
void ul_help_command(FILE *out, const struct ul_cmd *cmd);
/** Help text of the program: its commands. */
void ul_help_program(FILE *out, const struct ul_cmd *overview, const struct ul_cmd *const *commands,
		     size_t len);
/** Version of ullage and of what it was built with. */
void ul_help_version(FILE *out);
/**
 * Every command and option as "COMMAND<TAB>--name<TAB>-x<TAB>ARGUMENT" lines, for the check of the
 * man pages and for shell completion.
 */
void ul_help_dump(FILE *out, const struct ul_cmd *const *commands, size_t len);
/** Names near @p name, best first: "did you mean". At most @p max; returns how many. */
size_t ul_help_nearest(const char *name, const struct ul_cmd *const *commands, size_t len,
		       const char **ret, size_t max);
/** Edit distance with transpositions, of at most the first 32 bytes of each. */
unsigned int ul_help_distance(const char *a, const char *b);

#endif
