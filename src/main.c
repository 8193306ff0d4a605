// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The program's edge: argv, signals, standard streams, the table of commands, how an error is said
 * and which exit code it becomes. What a command does is in src/cmd/<command>.c.
 *
 * Signals: the first SIGINT or SIGTERM asks to stop measuring and to report what there is; the
 * handler is gone after that, so that a second one ends the program as usual. So does SIGHUP, whose
 * handler stays (a terminal that goes is told by the kernel and by its shell), unless it is ignored
 * (nohup): rings in tracefs do not go with the process. SIGPIPE is ignored
 * while a command runs (a tracer must take down its probes whoever stopped reading), and then taken
 * as every filter takes it. SIGBUS is what a mapped file gives that is cut while it is read: the
 * program reads zeros then, is asked to stop, and says at its end that the result is none.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mapping.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "view/json_writer.h"

static const struct ul_cmd *const commands[] = {
	&ul_cmd_find,  &ul_cmd_account, &ul_cmd_grow,	 &ul_cmd_record, &ul_cmd_top,
	&ul_cmd_trace, &ul_cmd_inspect, &ul_cmd_orphans, &ul_cmd_whatis, &ul_cmd_refs,
	&ul_cmd_diff,  &ul_cmd_import,	&ul_cmd_doctor,	 &ul_cmd_fixes,	 &ul_cmd_explain,
};

static volatile sig_atomic_t stop;

/** The first mapping that ended too early; `cut` is set when it is filled in. */
static struct ul_mapping cut_mapping;
static int cut_claimed;
static volatile sig_atomic_t cut;

static void on_stop(int signal_number)
{
	stop = signal_number;
}

static void on_bus_error(int signal_number, siginfo_t *info, void *context)
{
	const int saved_errno = errno;
	const uintptr_t address = (uintptr_t)info->si_addr;
	struct ul_mapping mapping;
	(void)context;
	// What is no hole in a mapping happens again on return, and ends the program.
	if (info->si_code != BUS_ADRERR || !ul_mapping_find(address, &mapping) ||
	    !ul_mapping_fill(&mapping, address)) {
		signal(signal_number, SIG_DFL);
		return;
	}
	if (!__atomic_exchange_n(&cut_claimed, 1, __ATOMIC_SEQ_CST)) {
		cut_mapping = mapping;
		cut = 1;
	}
	stop = signal_number;
	errno = saved_errno;
}

static void catch_signals(void)
{
	const struct sigaction stopping = {
		.sa_handler = on_stop,
		.sa_flags = (int)SA_RESETHAND, // and no SA_RESTART: a sleep ends at once
	};
	const struct sigaction hanging_up = {.sa_handler = on_stop};
	const struct sigaction ignoring = {.sa_handler = SIG_IGN};
	struct sigaction inherited;
	sigaction(SIGINT, &stopping, NULL);
	sigaction(SIGTERM, &stopping, NULL);
	if (!sigaction(SIGHUP, NULL, &inherited) && inherited.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &hanging_up, NULL);
	sigaction(SIGPIPE, &ignoring, NULL);
	const struct sigaction cutting = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
	sigaction(SIGBUS, &cutting, NULL);
}

/**
 * A standard stream that was closed would be given away to the first file opened, and then be
 * written over. Fill the gaps with something that a write fails on.
 */
static void fill_standard_streams(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDONLY) != fd)
			_exit(UL_EXIT_FAILED);
}

static const struct ul_cmd *find_command(const char *name)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(commands); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static struct ul_error *unknown_command(const char *name)
{
	const char *near[2];
	const size_t found =
		ul_help_nearest(name, commands, UL_ARRAY_LEN(commands), near, UL_ARRAY_LEN(near));
	struct ul_error *error = ul_error_new(UL_ERR_USAGE, "unknown command '%s'", name);
	if (found == 2)
		return ul_error_hint(error, "did you mean %s or %s?", near[0], near[1]);
	if (found)
		return ul_error_hint(error, "did you mean %s?", near[0]);
	return ul_error_hint(error, "commands: ullage --help");
}

/** Errors as an object in place of the document, so that a program finds one on stdout always. */
static void print_error_json(const struct ul_error *error)
{
	struct ul_json json;
	ul_json_init(&json, stdout, isatty(STDOUT_FILENO));
	ul_json_object_begin(&json, NULL);
	ul_json_object_begin(&json, "error");
	ul_json_int(&json, "exit_code", ul_exit_code(error));
	ul_json_string(&json, "message", error->message);
	ul_json_string(&json, "hint", error->hint);
	ul_json_object_end(&json);
	ul_json_object_end(&json);
	ul_error_destroy(ul_json_finish(&json)); // stderr has said it already
}

static int report_error(struct ul_error *error, bool json)
{
	const int code = ul_exit_code(error);
	fprintf(stderr, "ullage: %s\n", error->message);
	if (error->hint)
		fprintf(stderr, "  %s\n", error->hint);
	if (json)
		print_error_json(error);
	ul_error_destroy(error);
	return code;
}

/** @p what NULL: standard output. */
static struct ul_error *write_error(int errno_value, const char *what)
{
	if (!what && errno_value == EPIPE) { // the reader has left: end as any filter does
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	return ul_error_os(errno_value, "writing %s", what ? what : "standard output");
}

static struct ul_error *flush(FILE *file, const char *what)
{
	errno = 0;
	if (fflush(file) != 0 || ferror(file))
		return write_error(errno ? errno : EIO, what);
	return NULL;
}

/** Run the command; whatever it made of a file that was cut meanwhile is of no use. */
static struct ul_error *run_whole(struct ul_cmd_context *context, int *ret_exit_code)
{
	struct ul_error *error = context->cmd->run(context, ret_exit_code);
	if (!cut)
		return error;
	ul_error_destroy(error);
	return ul_error_hint(
		ul_error_new(UL_ERR_BAD_DATA,
			     "reading %s: it was cut while it was read, or its storage fails",
			     cut_mapping.path[0] ? cut_mapping.path : "a file"),
		"read it when whoever writes it is done, or make a copy first");
}

/** The command's document, whole, to where it belongs. */
static struct ul_error *deliver(const struct ul_options *options, const char *text, size_t len,
				bool own_output)
{
	if (!options->output || own_output) {
		errno = 0;
		if (fwrite(text, 1, len, stdout) != len)
			return write_error(errno ? errno : EIO, NULL);
		return flush(stdout, NULL);
	}
	FILE *file UL_CLEANUP_FCLOSE = fopen(options->output, "we");
	if (!file)
		return ul_error_os(errno, "opening %s", options->output);
	errno = 0;
	if (fwrite(text, 1, len, file) != len)
		return write_error(errno ? errno : EIO, options->output);
	UL_TRY(flush(file, options->output));
	FILE *closing = UL_TAKE(file);
	return fclose(closing) == 0 ? NULL : write_error(errno, options->output);
}

/**
 * A file or a document is made in memory first and written when the command has succeeded: nothing
 * overwrites an older file, and no program reads half a document, because a measurement failed.
 */
static struct ul_error *run_buffered(struct ul_cmd_context *context, int *ret_exit_code)
{
	char *text UL_CLEANUP_FREE = NULL;
	size_t len = 0;
	FILE *memory UL_CLEANUP_FCLOSE = open_memstream(&text, &len);
	if (!memory)
		return &ul_enomem;
	context->out = memory;
	UL_TRY(run_whole(context, ret_exit_code));
	UL_TRY(flush(memory, "the result"));
	return deliver(&context->options, text, len, context->cmd->flags & UL_CMD_OWN_OUTPUT);
}

static bool is_same_file(const char *left, const char *right)
{
	struct stat a;
	struct stat b;
	return left && right && stat(left, &a) == 0 && stat(right, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino && S_ISREG(a.st_mode);
}

/** A text in place of what it was made from: nobody wants that, and no recording comes twice. */
static struct ul_error *check_output(const struct ul_cmd_context *context)
{
	const struct ul_options *options = &context->options;
	bool same = is_same_file(options->output, options->recording);
	for (size_t i = 0; i < context->positionals_len; i++)
		same |= is_same_file(options->output, context->positionals[i]);
	ul_vec_foreach (core, &options->cores)
		same |= is_same_file(options->output, *core);
	return same ? ul_error_new(UL_ERR_USAGE, "-o %s: this is the file to be read",
				   options->output)
		    : NULL;
}

static struct ul_error *run_command(struct ul_cmd_context *context, int *ret_exit_code)
{
	struct ul_options *options = &context->options;
	const bool own_output = context->cmd->flags & UL_CMD_OWN_OUTPUT;
	const bool to_file = options->output && !own_output;
	context->out_is_tty = isatty(STDOUT_FILENO) && !to_file;
	context->err_is_tty = isatty(STDERR_FILENO);
	options->pretty |= context->out_is_tty;
	if (to_file)
		UL_TRY(check_output(context));
	// Of a dump nothing is shown before it is known that it was there to the end.
	if (options->json || to_file || options->cores.len)
		return run_buffered(context, ret_exit_code);
	UL_TRY(run_whole(context, ret_exit_code));
	return flush(stdout, NULL);
}

static struct ul_error *check_positionals(const struct ul_cmd_context *context)
{
	const struct ul_cmd *cmd = context->cmd;
	struct ul_error *error = NULL;
	if (context->positionals_len < cmd->positionals_min)
		error = ul_error_new(UL_ERR_USAGE, "ullage %s needs %s", cmd->name,
				     cmd->positionals);
	else if (context->positionals_len > cmd->positionals_max)
		error = ul_error_new(UL_ERR_USAGE, "ullage %s: unexpected '%s'", cmd->name,
				     context->positionals[cmd->positionals_max]);
	return error ? ul_error_hint(error, "usage: ullage %s --help", cmd->name) : NULL;
}

/** Options of the command and its positionals, out of argv[0] (its name) and what follows. */
static struct ul_error *parse_command(struct ul_cmd_context *context, int argc, char **argv)
{
	char who[64];
	int first;
	snprintf(who, sizeof(who), "ullage %s", context->cmd->name);
	UL_TRY(ul_options_parse(&context->options, who, context->cmd->options, false, argc, argv,
				&first));
	context->positionals = argv + first;
	context->positionals_len = (size_t)(argc - first);
	if (context->options.help || context->options.version)
		return NULL;
	return check_positionals(context);
}

/** Fill context->cmd, options and positionals; options may stand before the command, too. */
static struct ul_error *parse_line(struct ul_cmd_context *context, int argc, char **argv)
{
	int first;
	UL_TRY(ul_options_parse(&context->options, "ullage", ul_cmd_overview.options, true, argc,
				argv, &first));
	if (first == argc) {
		context->cmd = &ul_cmd_overview;
		return NULL;
	}
	if (!strcmp(argv[first], "help")) {
		context->options.help = true;
		if (++first == argc) {
			context->cmd = &ul_cmd_overview;
			return NULL;
		}
	}
	context->cmd = find_command(argv[first]);
	if (!context->cmd)
		return unknown_command(argv[first]);
	return parse_command(context, argc - first, argv + first);
}

static void print_help(const struct ul_cmd *cmd)
{
	if (cmd == &ul_cmd_overview)
		ul_help_program(stdout, cmd, commands, UL_ARRAY_LEN(commands));
	else
		ul_help_command(stdout, cmd);
}

static struct ul_error *run(struct ul_cmd_context *context, int argc, char **argv,
			    int *ret_exit_code)
{
	// Not for people: what the checks of the man pages and the completion are made from.
	if (argc == 2 && !strcmp(argv[1], "--dump-options")) {
		ul_help_dump(stdout, commands, UL_ARRAY_LEN(commands));
		return flush(stdout, NULL);
	}
	UL_TRY(parse_line(context, argc, argv));
	if (context->options.help)
		print_help(context->cmd);
	else if (context->options.version)
		ul_help_version(stdout);
	else
		return run_command(context, ret_exit_code);
	return flush(stdout, NULL);
}

int main(int argc, char **argv)
{
	struct ul_cmd_context context = {.out = stdout, .err = stderr, .stop = &stop};
	int exit_code = UL_EXIT_DONE;
	fill_standard_streams();
	catch_signals();
	ul_options_init(&context.options);
	struct ul_error *error = run(&context, argc, argv, &exit_code);
	if (error)
		exit_code = report_error(error, context.options.json);
	ul_options_deinit(&context.options);
	return exit_code;
}
