/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a command is, and what it is given. Every command is one file with one struct ul_cmd; main.c
 * has the table of them, reads the command line with the one option table (options.c), runs the
 * command and prints its error. A command prints its result to context->out and diagnostics to
 * context->err, nothing else.
 */
#ifndef UL_CMD_CMD_H
#define UL_CMD_CMD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/vec.h"

/** One option of the table; a command lists those it takes with UL_OPTION_BIT(). */
enum ul_option_id {
	UL_OPTION_HELP, /* common: every command takes these */
	UL_OPTION_VERSION,
	UL_OPTION_VERBOSE,
	UL_OPTION_QUIET,
	UL_OPTION_JSON,
	UL_OPTION_PRETTY,
	UL_OPTION_COLOR,
	UL_OPTION_OUTPUT, /* from here on: only where listed */
	UL_OPTION_PROC,
	UL_OPTION_SYS,
	UL_OPTION_FOR,
	UL_OPTION_EVERY,
	UL_OPTION_RECORD,
	UL_OPTION_TOP,
	UL_OPTION_CACHE,
	UL_OPTION_SIZE,
	UL_OPTION_PID,
	UL_OPTION_COMM,
	UL_OPTION_CGROUP,
	UL_OPTION_MODULE,
	UL_OPTION_STACK,
	UL_OPTION_DRAIN,
	UL_OPTION_VMLINUX,
	UL_OPTION_SLAB,
	UL_OPTION_PAGES,
	UL_OPTION_NO_CONTENTS,
	UL_OPTION_FORMAT,
	UL_OPTION_FROM,
	UL_OPTION_TO,
	UL_OPTION_KEEP,
	UL_OPTION_BUDGET,
	UL_OPTION_ENGINE,
	UL_OPTION_LIMIT,
	UL_OPTION_BATCH,
	UL_OPTION_HOLDERS,
	UL_OPTION_CORE,
	UL_OPTION_RELEASE,
	UL_OPTION_INDEX,
	UL_OPTION_UPDATE,
	UL_OPTION_KERNEL_GIT,
	UL_OPTION_HEX,
	UL_OPTION_ORPHANS,
	UL_OPTION_SUPPRESS,
	UL_OPTION_PATH,
	UL_OPTION_TRIGGER,
	UL_OPTION_TIMES,
	UL_OPTION_CONTROL,
	UL_OPTION_RECORDING,
	UL_OPTION_SITE,
	UL_OPTION_COUNT,
};

#define UL_OPTION_BIT(name) (UINT64_C(1) << UL_OPTION_##name)

/** Where `trace` and `find` take allocations from. */
enum ul_engine {
	UL_ENGINE_AUTO, /**< trace: BPF, else ftrace; find: these, and exact counts where the
			   machine has them */
	UL_ENGINE_BPF,
	UL_ENGINE_EXACT, /**< whichever exact counts there are, no tracing */
	UL_ENGINE_ALLOCINFO,
	UL_ENGINE_PAGE_OWNER,
	UL_ENGINE_SLUB_DEBUG,
	UL_ENGINE_KMEMLEAK,
	UL_ENGINE_FTRACE,
};

enum ul_color { UL_COLOR_AUTO, UL_COLOR_ALWAYS, UL_COLOR_NEVER };

/** The command line, parsed and checked. Strings are borrowed from argv. */
struct ul_options {
	uint64_t given; /**< UL_OPTION_BIT() of every option that was on the command line */
	bool help;
	bool version;
	bool quiet;
	bool json;
	bool pretty; /**< also set for --json on a terminal */
	unsigned int verbose;
	enum ul_color color;
	const char *output;	     /**< -o; NULL: not given */
	const char *proc_root;	     /**< --proc; NULL: the live one */
	const char *sys_root;	     /**< --sys; NULL: the live one */
	int64_t for_ns;		     /**< 0: not given */
	int64_t every_ns;	     /**< 0: not given */
	int64_t drain_ns;	     /**< 0: not given */
	const char *record;	     /**< -r; NULL: not given */
	uint64_t top;		     /**< 0: not given */
	UL_VEC(const char *) caches; /**< --cache, in the order given */
	uint64_t size_min;	     /**< --size; 0 and UINT64_MAX: not given */
	uint64_t size_max;
	pid_t pid;	    /**< 0: not given */
	const char *comm;   /**< NULL: not given */
	const char *cgroup; /**< a path; NULL: not given */
	const char *module; /**< NULL: not given */
	const char *stack;  /**< glob over function names; NULL: not given */
	const char *vmlinux;
	UL_VEC(const char *) cores; /**< --core, in the order given: the files of one dump */
	bool slab;		    /**< neither of slab and pages given: both are meant */
	bool pages;
	bool no_contents;
	unsigned int format; /**< enum ul_log_format; 0: told by contents */
	const char *from;    /**< a moment, as cmd/moment.h reads it; NULL: not given */
	const char *to;
	const char *keep; /**< how much to keep; NULL: not given */
	bool holders;
	uint64_t batch;	       /**< --batch; 0: not given */
	double budget_cpu;     /**< --budget cpu=N%: share of all CPUs, 0..1; 0: not given */
	uint64_t budget_bytes; /**< --budget mem=SIZE: of tables, or of the rings of ftrace; 0: not
				  given */
	enum ul_engine engine;
	int64_t limit_ns;    /**< --limit; 0: not given */
	const char *release; /**< fixes: the kernel asked about; NULL: the running one */
	const char *index;   /**< fixes: this index alone; NULL: the one that ships and the own */
	bool update;	     /**< fixes: extend the index */
	const char *kernel_git; /**< fixes: a clone of the kernel; NULL: none */
	bool hex;		/**< inspect: show bytes */
	bool orphans;		/**< inspect: only objects that nothing points to */
	const char *suppress;	/**< orphans: a file of suppressions; NULL: none */
	bool path;		/**< refs: a chain from a root, too */
	const char *trigger;	/**< find: a command that is run again and again; NULL: none */
	uint64_t times;		/**< how often; 0: not given */
	const char *control;	/**< the same without the leak; NULL: none */
	const char *recording;	/**< inspect: of whose survivors; NULL: none */
	const char *site;	/**< ... of which site, by number or function; NULL: all */
};

struct ul_cmd;

struct ul_cmd_context {
	const struct ul_cmd *cmd;
	struct ul_options options;
	char *const *positionals; /**< borrowed from argv */
	size_t positionals_len;
	/**
	 * Where the result goes: stdout, or the file of -o (unless UL_CMD_OWN_OUTPUT). With --json
	 * it is a buffer that reaches stdout only when the command succeeds: one document, whole.
	 */
	FILE *out;
	FILE *err;
	bool out_is_tty; /**< what `out` ends up on is a terminal */
	bool err_is_tty;
	/** Set by SIGINT and SIGTERM: stop measuring and report what there is. */
	const volatile sig_atomic_t *stop;
};

enum ul_cmd_flags {
	UL_CMD_OWN_OUTPUT = 1 << 0, /**< -o names a file the command writes itself */
};

struct ul_cmd {
	const char *name;
	const char *summary;	 /**< one line, for the list of commands */
	const char *positionals; /**< "[FILE]", "ADDRESS...", "" */
	size_t positionals_min;
	size_t positionals_max;
	const char *details;  /**< paragraphs for --help, each line at most 80 columns */
	const char *examples; /**< lines "  ullage find --for 5m    what it does" */
	uint64_t options;     /**< UL_OPTION_BIT() of those beside the common ones */
	unsigned int flags;   /**< enum ul_cmd_flags */
	/** @param ret_exit_code  0 on entry; set to other than 0 only by `check` and `test`. */
	struct ul_error *(*run)(struct ul_cmd_context *context, int *ret_exit_code);
};

/* The commands, each in src/cmd/<name>.c; main.c lists them. */
extern const struct ul_cmd ul_cmd_overview; /**< `ullage` without arguments */
extern const struct ul_cmd ul_cmd_account;
extern const struct ul_cmd ul_cmd_diff;
extern const struct ul_cmd ul_cmd_doctor;
extern const struct ul_cmd ul_cmd_explain;
extern const struct ul_cmd ul_cmd_find;
extern const struct ul_cmd ul_cmd_fixes;
extern const struct ul_cmd ul_cmd_grow;
extern const struct ul_cmd ul_cmd_import;
extern const struct ul_cmd ul_cmd_inspect;
extern const struct ul_cmd ul_cmd_orphans;
extern const struct ul_cmd ul_cmd_record;
extern const struct ul_cmd ul_cmd_refs;
extern const struct ul_cmd ul_cmd_top;
extern const struct ul_cmd ul_cmd_trace;
extern const struct ul_cmd ul_cmd_whatis;

/** Exit codes that programs may rely on; ul_exit_code() is the only place that picks one. */
enum ul_exit {
	UL_EXIT_DONE = 0,
	UL_EXIT_FAILED = 1,
	UL_EXIT_USAGE = 2,
	UL_EXIT_LEAK = 3, /**< only `check` and `test` */
	UL_EXIT_NOT_PERMITTED = 4,
	UL_EXIT_NOT_SUPPORTED = 5,
	UL_EXIT_INCONCLUSIVE = 6, /**< only `check` and `test` */
};
int ul_exit_code(const struct ul_error *error);

/** UL_ERR_PERMISSION "ullage <cmd> needs root" with the hint to use sudo, unless euid is 0. */
UL_MUST_USE struct ul_error *ul_cmd_require_root(const struct ul_cmd_context *context);
/** True once the user asked to stop. */
bool ul_cmd_stopped(const struct ul_cmd_context *context);
/**
 * Sleep until CLOCK_BOOTTIME reaches @p deadline_ns or a signal asks to stop.
 * @return false when asked to stop.
 */
bool ul_cmd_sleep_until(const struct ul_cmd_context *context, int64_t deadline_ns);
/** CLOCK_BOOTTIME now: what every deadline and slope is counted in. */
int64_t ul_cmd_now_ns(void);
/** CLOCK_MONOTONIC now: what the kernel stamps allocations and calls with. */
int64_t ul_cmd_monotonic_ns(void);

#endif
