// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One table drives everything about options. A command names the rows it takes; for it,
 * getopt_long() is given just those rows, so that an option a command would silently ignore is a
 * usage error instead: an analysis that ran without the filter somebody asked for is a wrong
 * answer.
 */
#include "cmd/options.h"

#include <fcntl.h>
#include <getopt.h>
#include <string.h>

#include "base/span.h"
#include "base/units.h"
#include "source/logs/logs.h"

enum {
	MAX_CACHES = 64,
	MAX_CORES = 1024,
	MAX_TOP = 100000,
	LEAST_TIMES = 10,   /* runs of a trigger */
	GETOPT_FIRST = 256, /* values of long options: 256 + id, clear of every letter */
};

static struct ul_error *set_help(struct ul_options *options, const char *argument)
{
	options->help = true;
	return NULL;
}

static struct ul_error *set_version(struct ul_options *options, const char *argument)
{
	options->version = true;
	return NULL;
}

static struct ul_error *set_verbose(struct ul_options *options, const char *argument)
{
	options->verbose++;
	return NULL;
}

static struct ul_error *set_quiet(struct ul_options *options, const char *argument)
{
	options->quiet = true;
	return NULL;
}

static struct ul_error *set_json(struct ul_options *options, const char *argument)
{
	options->json = true;
	return NULL;
}

static struct ul_error *set_pretty(struct ul_options *options, const char *argument)
{
	options->json = true;
	options->pretty = true;
	return NULL;
}

static struct ul_error *set_color(struct ul_options *options, const char *argument)
{
	static const char *const names[] = {
		[UL_COLOR_AUTO] = "auto", [UL_COLOR_ALWAYS] = "always", [UL_COLOR_NEVER] = "never"};
	for (size_t i = 0; i < UL_ARRAY_LEN(names); i++) {
		if (strcmp(argument, names[i]) != 0)
			continue;
		options->color = (enum ul_color)i;
		return NULL;
	}
	return ul_error_new(UL_ERR_USAGE, "'%s' is not one of auto, always, never", argument);
}

static struct ul_error *set_text(const char **slot, const char *what, const char *argument)
{
	if (!*argument)
		return ul_error_new(UL_ERR_USAGE, "the %s is empty", what);
	*slot = argument;
	return NULL;
}

static struct ul_error *set_output(struct ul_options *options, const char *argument)
{
	return set_text(&options->output, "file name", argument);
}

static struct ul_error *set_proc(struct ul_options *options, const char *argument)
{
	return set_text(&options->proc_root, "directory name", argument);
}

static struct ul_error *set_sys(struct ul_options *options, const char *argument)
{
	return set_text(&options->sys_root, "directory name", argument);
}

static struct ul_error *set_for(struct ul_options *options, const char *argument)
{
	return ul_parse_duration(argument, &options->for_ns);
}

static struct ul_error *set_every(struct ul_options *options, const char *argument)
{
	int64_t every_ns;
	UL_TRY(ul_parse_duration(argument, &every_ns));
	if (every_ns < UL_NS_PER_S / 100)
		return ul_error_new(UL_ERR_USAGE, "'%s' is less than 10ms", argument);
	options->every_ns = every_ns;
	return NULL;
}

static struct ul_error *set_drain(struct ul_options *options, const char *argument)
{
	return ul_parse_duration(argument, &options->drain_ns);
}

static struct ul_error *set_record(struct ul_options *options, const char *argument)
{
	return set_text(&options->record, "file name", argument);
}

static struct ul_error *set_top(struct ul_options *options, const char *argument)
{
	return ul_parse_number(argument, 1, MAX_TOP, &options->top);
}

static struct ul_error *set_cache(struct ul_options *options, const char *argument)
{
	if (!*argument)
		return ul_error_new(UL_ERR_USAGE, "the cache name is empty");
	if (options->caches.len >= MAX_CACHES)
		return ul_error_new(UL_ERR_USAGE, "more than %d caches", MAX_CACHES);
	return ul_vec_push(&options->caches, argument) ? NULL : &ul_enomem;
}

static struct ul_error *set_size(struct ul_options *options, const char *argument)
{
	char low[32];
	struct ul_span rest = ul_span_of(argument);
	struct ul_span before;
	if (!ul_span_cut(&rest, '-', &before)) {
		UL_TRY(ul_parse_size(argument, &options->size_min));
		options->size_max = options->size_min;
		return NULL;
	}
	uint64_t min;
	uint64_t max;
	ul_span_copy(before, low, sizeof(low));
	UL_TRY(ul_parse_size(low, &min));
	UL_TRY(ul_parse_size(rest.data, &max)); // the tail of argument: ends where it ends
	if (min > max)
		return ul_error_new(UL_ERR_USAGE, "'%s' begins above its end", argument);
	options->size_min = min;
	options->size_max = max;
	return NULL;
}

static struct ul_error *set_pid(struct ul_options *options, const char *argument)
{
	uint64_t pid;
	UL_TRY(ul_parse_number(argument, 1, 4194304, &pid)); // PID_MAX_LIMIT
	options->pid = (pid_t)pid;
	return NULL;
}

static struct ul_error *set_comm(struct ul_options *options, const char *argument)
{
	return set_text(&options->comm, "command name", argument);
}

static struct ul_error *set_cgroup(struct ul_options *options, const char *argument)
{
	return set_text(&options->cgroup, "cgroup's path", argument);
}

static struct ul_error *set_module(struct ul_options *options, const char *argument)
{
	return set_text(&options->module, "module name", argument);
}

static struct ul_error *set_stack(struct ul_options *options, const char *argument)
{
	return set_text(&options->stack, "function pattern", argument);
}

static struct ul_error *set_vmlinux(struct ul_options *options, const char *argument)
{
	return set_text(&options->vmlinux, "file name", argument);
}

static struct ul_error *set_slab(struct ul_options *options, const char *argument)
{
	options->slab = true;
	return NULL;
}

static struct ul_error *set_pages(struct ul_options *options, const char *argument)
{
	options->pages = true;
	return NULL;
}

static struct ul_error *set_no_contents(struct ul_options *options, const char *argument)
{
	options->no_contents = true;
	return NULL;
}

static struct ul_error *set_limit(struct ul_options *options, const char *argument)
{
	return ul_parse_duration(argument, &options->limit_ns);
}

static struct ul_error *set_format(struct ul_options *options, const char *argument)
{
	enum ul_log_format format;
	if (!ul_log_format_parse(argument, &format))
		return ul_error_new(UL_ERR_USAGE,
				    "'%s' is not one of auto, slabinfo, meminfo, slabtop, sar, "
				    "directory, trace",
				    argument);
	options->format = format;
	return NULL;
}

static struct ul_error *set_from(struct ul_options *options, const char *argument)
{
	return set_text(&options->from, "time", argument);
}

static struct ul_error *set_to(struct ul_options *options, const char *argument)
{
	return set_text(&options->to, "time", argument);
}

static struct ul_error *set_keep(struct ul_options *options, const char *argument)
{
	return set_text(&options->keep, "amount", argument);
}

/** One of "cpu=2%" and "mem=64M". */
static struct ul_error *set_limit_of_budget(struct ul_options *options, struct ul_span limit)
{
	enum { LEAST_BYTES = 1 << 20 };
	char text[32];
	uint64_t percent;
	const bool cpu = ul_span_starts(limit, "cpu=");
	struct ul_span value = {limit.data + 4, limit.len > 4 ? limit.len - 4 : 0};
	if (!cpu && !ul_span_starts(limit, "mem="))
		return ul_error_new(UL_ERR_USAGE, "'%.*s' is neither cpu=N%% nor mem=SIZE",
				    UL_SPAN_ARG(limit));
	if (!cpu) {
		ul_span_copy(value, text, sizeof(text));
		UL_TRY(ul_parse_size(text, &options->budget_bytes));
		return options->budget_bytes >= LEAST_BYTES
			       ? NULL
			       : ul_error_new(UL_ERR_USAGE, "'%.*s' is less than 1M",
					      UL_SPAN_ARG(limit));
	}
	if (value.len && value.data[value.len - 1] == '%')
		value.len--;
	if (!ul_span_u64(value, &percent) || percent < 1 || percent > 100)
		return ul_error_new(UL_ERR_USAGE, "'%.*s' is not cpu=N%% with N from 1 to 100",
				    UL_SPAN_ARG(limit));
	options->budget_cpu = (double)percent / 100;
	return NULL;
}

/** "cpu=2%,mem=64M": what tracing may cost. */
static struct ul_error *set_budget(struct ul_options *options, const char *argument)
{
	struct ul_span rest = ul_span_of(argument);
	struct ul_span limit;
	while (ul_span_cut(&rest, ',', &limit))
		UL_TRY(set_limit_of_budget(options, limit));
	return set_limit_of_budget(options, rest);
}

static struct ul_error *set_engine(struct ul_options *options, const char *argument)
{
	static const char *const names[] = {
		[UL_ENGINE_AUTO] = "auto",
		[UL_ENGINE_BPF] = "bpf",
		[UL_ENGINE_EXACT] = "exact",
		[UL_ENGINE_ALLOCINFO] = "allocinfo",
		[UL_ENGINE_PAGE_OWNER] = "page_owner",
		[UL_ENGINE_SLUB_DEBUG] = "slub_debug",
		[UL_ENGINE_KMEMLEAK] = "kmemleak",
		[UL_ENGINE_FTRACE] = "ftrace",
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(names); i++) {
		if (strcmp(argument, names[i]) != 0)
			continue;
		options->engine = (enum ul_engine)i;
		return NULL;
	}
	return ul_error_new(UL_ERR_USAGE,
			    "'%s' is not one of auto, bpf, ftrace, exact, allocinfo, "
			    "page_owner, slub_debug, kmemleak",
			    argument);
}

static struct ul_error *set_batch(struct ul_options *options, const char *argument)
{
	return ul_parse_number(argument, 1, MAX_TOP, &options->batch);
}

static struct ul_error *set_holders(struct ul_options *options, const char *argument)
{
	options->holders = true;
	return NULL;
}

static struct ul_error *set_core(struct ul_options *options, const char *argument)
{
	if (!*argument)
		return ul_error_new(UL_ERR_USAGE, "the file name is empty");
	if (options->cores.len >= MAX_CORES)
		return ul_error_new(UL_ERR_USAGE, "more than %d files", MAX_CORES);
	return ul_vec_push(&options->cores, argument) ? NULL : &ul_enomem;
}

static struct ul_error *set_release(struct ul_options *options, const char *argument)
{
	return set_text(&options->release, "release", argument);
}

static struct ul_error *set_index(struct ul_options *options, const char *argument)
{
	return set_text(&options->index, "file name", argument);
}

static struct ul_error *set_update(struct ul_options *options, const char *argument)
{
	options->update = true;
	return NULL;
}

static struct ul_error *set_kernel_git(struct ul_options *options, const char *argument)
{
	return set_text(&options->kernel_git, "directory name", argument);
}

static struct ul_error *set_hex(struct ul_options *options, const char *argument)
{
	options->hex = true;
	return NULL;
}

static struct ul_error *set_orphans(struct ul_options *options, const char *argument)
{
	options->orphans = true;
	return NULL;
}

static struct ul_error *set_suppress(struct ul_options *options, const char *argument)
{
	return set_text(&options->suppress, "file name", argument);
}

static struct ul_error *set_path(struct ul_options *options, const char *argument)
{
	options->path = true;
	return NULL;
}

static struct ul_error *set_trigger(struct ul_options *options, const char *argument)
{
	return set_text(&options->trigger, "command", argument);
}

static struct ul_error *set_times(struct ul_options *options, const char *argument)
{
	return ul_parse_number(argument, LEAST_TIMES, MAX_TOP, &options->times);
}

static struct ul_error *set_control(struct ul_options *options, const char *argument)
{
	return set_text(&options->control, "command", argument);
}

static struct ul_error *set_recording(struct ul_options *options, const char *argument)
{
	return set_text(&options->recording, "file name", argument);
}

static struct ul_error *set_site(struct ul_options *options, const char *argument)
{
	return set_text(&options->site, "number or function", argument);
}

static const struct ul_option table[] = {
	{UL_OPTION_HELP, 'h', "help", NULL, "show this help", set_help},
	{UL_OPTION_VERSION, 'V', "version", NULL, "show the version and what is compiled in",
	 set_version},
	{UL_OPTION_VERBOSE, 'v', "verbose", NULL, "say more; twice: even more", set_verbose},
	{UL_OPTION_QUIET, 'q', "quiet", NULL, "no progress, no hints", set_quiet},
	{UL_OPTION_JSON, 'j', "json", NULL, "one JSON document on standard output", set_json},
	{UL_OPTION_PRETTY, 'p', "pretty", NULL, "JSON with one member a line", set_pretty},
	{UL_OPTION_COLOR, '\0', "color", "WHEN", "auto, always or never (also: NO_COLOR)",
	 set_color},
	{UL_OPTION_OUTPUT, 'o', "output", "FILE", "write the result to FILE", set_output},
	{UL_OPTION_PROC, '\0', "proc", "DIR", "read DIR in place of /proc (a recorded tree)",
	 set_proc},
	{UL_OPTION_SYS, '\0', "sys", "DIR", "read DIR in place of /sys (a recorded tree)", set_sys},
	{UL_OPTION_FOR, '\0', "for", "DURATION", "measure this long: 30s, 5m, 2h", set_for},
	{UL_OPTION_EVERY, 'd', "every", "DURATION", "sample this often: 1s, 500ms", set_every},
	{UL_OPTION_RECORD, 'r', "record", "FILE", "keep what was measured in the recording FILE",
	 set_record},
	{UL_OPTION_TOP, 'n', "top", "N", "show the N first of each list", set_top},
	{UL_OPTION_CACHE, '\0', "cache", "NAME", "only this slab cache; may be given again",
	 set_cache},
	{UL_OPTION_SIZE, '\0', "size", "BYTES", "only allocations of this size, or of MIN-MAX",
	 set_size},
	{UL_OPTION_PID, '\0', "pid", "PID", "only this process", set_pid},
	{UL_OPTION_COMM, '\0', "comm", "NAME", "only processes of this name", set_comm},
	{UL_OPTION_CGROUP, '\0', "cgroup", "PATH", "only processes in this cgroup, or below it",
	 set_cgroup},
	{UL_OPTION_MODULE, '\0', "module", "NAME", "only stacks through this kernel module",
	 set_module},
	{UL_OPTION_STACK, '\0', "stack", "GLOB", "only stacks with such a function; fixes: a file",
	 set_stack},
	{UL_OPTION_DRAIN, '\0', "drain", "DURATION", "time for late frees after the recording",
	 set_drain},
	{UL_OPTION_VMLINUX, '\0', "vmlinux", "FILE", "debug information of the kernel, for lines",
	 set_vmlinux},
	{UL_OPTION_SLAB, '\0', "slab", NULL, "only the slab allocator (kmalloc, kmem_cache)",
	 set_slab},
	{UL_OPTION_PAGES, '\0', "pages", NULL, "trace: only pages; account: count pages by flags",
	 set_pages},
	{UL_OPTION_NO_CONTENTS, '\0', "no-contents", NULL, "do not read what leaked objects hold",
	 set_no_contents},
	{UL_OPTION_FORMAT, '\0', "format", "FORMAT", "what the log is, in place of a guess",
	 set_format},
	{UL_OPTION_FROM, '\0', "from", "TIME", "begin there: 10:30, +5m, -1h, 2024-05-01",
	 set_from},
	{UL_OPTION_TO, '\0', "to", "TIME", "end there", set_to},
	{UL_OPTION_KEEP, '\0', "keep", "AMOUNT", "keep at most: 100M, 7d, all", set_keep},
	{UL_OPTION_BUDGET, '\0', "budget", "LIMITS", "what tracing may cost: cpu=2%, mem=64M",
	 set_budget},
	{UL_OPTION_ENGINE, '\0', "engine", "NAME",
	 "auto, bpf, ftrace, exact, or one source (manual)", set_engine},
	{UL_OPTION_LIMIT, '\0', "limit", "DURATION", "read page flags for at most this long",
	 set_limit},
	{UL_OPTION_BATCH, '\0', "batch", "N", "print N screens as text and end", set_batch},
	{UL_OPTION_HOLDERS, '\0', "holders", NULL, "also who holds memory: cgroups, files, sockets",
	 set_holders},
	{UL_OPTION_CORE, '\0', "core", "FILE", "read this dump; again for each file of a split one",
	 set_core},
	{UL_OPTION_RELEASE, '\0', "release", "RELEASE", "a kernel other than the running one",
	 set_release},
	{UL_OPTION_INDEX, '\0', "index", "FILE", "read this in place of what is built in",
	 set_index},
	{UL_OPTION_UPDATE, '\0', "update", NULL, "extend the index of fixes from this disk",
	 set_update},
	{UL_OPTION_KERNEL_GIT, '\0', "kernel-git", "DIR", "with --update: a clone of the kernel",
	 set_kernel_git},
	{UL_OPTION_HEX, 'x', "hex", NULL, "show bytes, too", set_hex},
	{UL_OPTION_ORPHANS, '\0', "orphans", NULL, "only objects that nothing points to",
	 set_orphans},
	{UL_OPTION_SUPPRESS, '\0', "suppress", "FILE", "leave out the orphans that FILE names",
	 set_suppress},
	{UL_OPTION_PATH, '\0', "path", NULL, "also a shortest chain of references from a root",
	 set_path},
	{UL_OPTION_TRIGGER, '\0', "trigger", "COMMAND",
	 "run it again and again; what grows with it?", set_trigger},
	{UL_OPTION_TIMES, '\0', "times", "N", "how often (300)", set_times},
	{UL_OPTION_CONTROL, '\0', "control", "COMMAND", "with --trigger: the same without the leak",
	 set_control},
	{UL_OPTION_RECORDING, '\0', "recording", "FILE", "what was not freed in the recording FILE",
	 set_recording},
	{UL_OPTION_SITE, '\0', "site", "SITE", "with --recording: one site, by number or function",
	 set_site},
};
_Static_assert(UL_ARRAY_LEN(table) == UL_OPTION_COUNT, "one row for each option, in order");
_Static_assert(UL_OPTION_COUNT <= 64, "options are bits of a uint64_t");

const struct ul_option *ul_option(enum ul_option_id id)
{
	return &table[id];
}

uint64_t ul_options_common(void)
{
	return UL_OPTION_BIT(OUTPUT) - 1;
}

void ul_options_init(struct ul_options *options)
{
	*options = (struct ul_options){.size_max = UINT64_MAX};
}

void ul_options_deinit(struct ul_options *options)
{
	ul_vec_deinit(&options->caches);
	ul_vec_deinit(&options->cores);
}

/** What getopt_long() wants, cut down to the options a command takes. */
struct getopt_tables {
	struct option longs[UL_OPTION_COUNT + 1];
	char shorts[2 * UL_OPTION_COUNT + 3];
};

static void getopt_tables(struct getopt_tables *tables, uint64_t allowed, bool stop_at_positional)
{
	size_t longs = 0;
	size_t shorts = 0;
	*tables = (struct getopt_tables){0};
	if (stop_at_positional)
		tables->shorts[shorts++] = '+';
	tables->shorts[shorts++] = ':'; // tell a missing argument from an unknown option
	for (size_t i = 0; i < UL_ARRAY_LEN(table); i++) {
		if (!(allowed >> i & 1))
			continue;
		tables->longs[longs++] = (struct option){
			.name = table[i].name,
			.has_arg = table[i].argument ? required_argument : no_argument,
			.val = GETOPT_FIRST + (int)i,
		};
		if (!table[i].letter)
			continue;
		tables->shorts[shorts++] = table[i].letter;
		if (table[i].argument)
			tables->shorts[shorts++] = ':';
	}
}

static const struct ul_option *find_value(int value)
{
	if (value >= GETOPT_FIRST && value < GETOPT_FIRST + UL_OPTION_COUNT)
		return &table[value - GETOPT_FIRST];
	for (size_t i = 0; i < UL_ARRAY_LEN(table); i++)
		if (value && table[i].letter == value)
			return &table[i];
	return NULL;
}

/** The row whose long name is @p word's (without dashes and "=value"), whoever takes it. */
static const struct ul_option *find_word(const char *word)
{
	const size_t dashes = strspn(word, "-");
	const size_t len = strcspn(word + dashes, "=");
	for (size_t i = 0; i < UL_ARRAY_LEN(table); i++)
		if (strlen(table[i].name) == len && !strncmp(table[i].name, word + dashes, len))
			return &table[i];
	return NULL;
}

static struct ul_error *near_option(struct ul_error *error, const char *word, uint64_t allowed)
{
	const char *name = word + strspn(word, "-");
	const struct ul_option *best = NULL;
	unsigned int best_distance = 3;
	for (size_t i = 0; i < UL_ARRAY_LEN(table); i++) {
		const unsigned int distance = ul_help_distance(name, table[i].name);
		if ((allowed >> i & 1) && distance < best_distance) {
			best = &table[i];
			best_distance = distance;
		}
	}
	return best ? ul_error_hint(error, "did you mean --%s?", best->name) : error;
}

/** @p word: the element of argv getopt stopped at; @p letter: the short option, or 0. */
static struct ul_error *bad_option(const char *who, const char *word, int letter, uint64_t allowed)
{
	const struct ul_option *known = letter ? find_value(letter) : find_word(word);
	if (known && !(allowed & UINT64_C(1) << known->id))
		return ul_error_hint(
			ul_error_new(UL_ERR_USAGE, "%s does not take --%s", who, known->name),
			"its options: %s --help", who);
	if (letter && letter < GETOPT_FIRST)
		return ul_error_hint(ul_error_new(UL_ERR_USAGE, "unknown option -%c", letter),
				     "options: %s --help", who);
	if (known && !known->argument)
		return ul_error_new(UL_ERR_USAGE, "--%s takes no value", known->name);
	struct ul_error *error = ul_error_new(UL_ERR_USAGE, "unknown option %s", word);
	return near_option(ul_error_hint(error, "options: %s --help", who), word, allowed);
}

static struct ul_error *set_option(struct ul_options *options, int value, const char *argument)
{
	const struct ul_option *option = find_value(value);
	if (!option)
		return ul_error_new(UL_ERR_USAGE, "unknown option value %d", value);
	options->given |= UINT64_C(1) << option->id;
	struct ul_error *error = option->set(options, argument);
	return error ? ul_error_prepend(error, "--%s", option->name) : NULL;
}

struct ul_error *ul_options_parse(struct ul_options *options, const char *who, uint64_t allowed,
				  bool stop_at_positional, int argc, char **argv, int *ret_first)
{
	struct getopt_tables tables;
	allowed |= ul_options_common();
	getopt_tables(&tables, allowed, stop_at_positional);
	opterr = 0;
	optind = 0; // glibc and musl: start anew
	for (;;) {
		const int at = optind ? optind : 1;
		const int value = getopt_long(argc, argv, tables.shorts, tables.longs, NULL);
		if (value == -1)
			break;
		// getopt moves positionals behind, so the option it read ends just before optind.
		const char *word = argv[optind > at ? optind - 1 : at];
		if (value == ':') {
			const struct ul_option *option = find_value(optopt);
			return ul_error_new(UL_ERR_USAGE, "--%s needs a %s",
					    option ? option->name : "?",
					    option ? option->argument : "value");
		}
		if (value == '?')
			return bad_option(who, word, optopt, allowed);
		UL_TRY(set_option(options, value, optarg));
	}
	*ret_first = optind;
	return NULL;
}
