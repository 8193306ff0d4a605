// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which of the kernel's own counts this machine has, and reading them.
 *
 * Files are fed to their parser in pieces, as read() gives them: page_owner gives one allocation
 * for each read() and has as many as the machine has pages. A time budget ends a reading that would
 * take too long; the result of half a file would be a wrong difference, so that is an error.
 *
 * The tick rate is in no file; /proc/timer_list (root only) shows jiffies and the clock together,
 * and of the rates that kernels are built with only one fits: jiffies start at 2^32 - 300 s, Linux
 * include/linux/jiffies.h INITIAL_JIFFIES.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/units.h"
#include "source/exact/exact_internal.h"

enum { READ_BYTES = 128 * 1024, SMALL_FILE = 64 * 1024, PATH_BYTES = 512 };

static const char *proc_of(const struct ul_exact_options *options)
{
	return options->proc_root ? options->proc_root : "/proc";
}

static const char *sys_of(const struct ul_exact_options *options)
{
	return options->sys_root ? options->sys_root : "/sys";
}

const char *ul_exact_name(enum ul_exact_source source)
{
	switch (source) {
	case UL_EXACT_ALLOCINFO:
		return "allocinfo";
	case UL_EXACT_PAGE_OWNER:
	case UL_EXACT_PAGE_STACKS:
		return "page_owner";
	case UL_EXACT_SLUB:
		return "slub_debug";
	case UL_EXACT_KMEMLEAK:
		break;
	}
	return "kmemleak";
}

/** False when the file would not be read: it names no cache. */
static bool path_of(const struct ul_exact_options *options, enum ul_exact_source source,
		    char path[static PATH_BYTES])
{
	const char *sys = sys_of(options);
	switch (source) {
	case UL_EXACT_ALLOCINFO:
		snprintf(path, PATH_BYTES, "%s/allocinfo", proc_of(options));
		return true;
	case UL_EXACT_PAGE_OWNER:
		snprintf(path, PATH_BYTES, "%s/kernel/debug/page_owner", sys);
		return true;
	case UL_EXACT_PAGE_STACKS:
		snprintf(path, PATH_BYTES, "%s/kernel/debug/page_owner_stacks/show_stacks", sys);
		return true;
	case UL_EXACT_KMEMLEAK:
		snprintf(path, PATH_BYTES, "%s/kernel/debug/kmemleak", sys);
		return true;
	case UL_EXACT_SLUB:
		break;
	}
	return false;
}

/** Opens, and gives something: page_owner, kmemleak and alloc_calls refuse only when read. */
static bool readable(const char *path)
{
	// As much as a page: page_owner fails with ENOMEM when its block does not fit.
	char bytes[4096];
	UL_CLEANUP_CLOSE const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd >= 0 && read(fd, bytes, sizeof(bytes)) >= 0;
}

/** vm.mem_profiling: "0", "1", "never"; without the file the kernel has no switch. */
static bool profiling_on(const struct ul_exact_options *options)
{
	char path[PATH_BYTES];
	UL_CLEANUP_BUF struct ul_buf text = {0};
	snprintf(path, sizeof(path), "%s/sys/vm/mem_profiling", proc_of(options));
	UL_CLEANUP_ERROR struct ul_error *error = ul_file_read(AT_FDCWD, path, SMALL_FILE, &text);
	return error || ul_buf_str(&text)[0] == '1';
}

/** Names come from outside: one with a slash would lead elsewhere. */
static bool good_name(const char *cache)
{
	return *cache && !strchr(cache, '/') && strcmp(cache, ".") != 0 && strcmp(cache, "..") != 0;
}

/** The file with the traces of @p cache; false when there is none that says anything. */
static bool slub_path(const struct ul_exact_options *options, const char *cache,
		      char path[static PATH_BYTES])
{
	char byte;
	if (!good_name(cache))
		return false;
	snprintf(path, PATH_BYTES, "%s/kernel/debug/slab/%s/alloc_traces", sys_of(options), cache);
	if (access(path, R_OK) == 0)
		return true;
	snprintf(path, PATH_BYTES, "%s/kernel/slab/%s/store_user", sys_of(options), cache);
	UL_CLEANUP_CLOSE const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, &byte, 1) != 1 || byte != '1')
		return false;
	snprintf(path, PATH_BYTES, "%s/kernel/slab/%s/alloc_calls", sys_of(options), cache);
	return readable(path);
}

bool ul_exact_slub_usable(const struct ul_exact_options *options, const char *cache)
{
	char path[PATH_BYTES];
	return slub_path(options, cache, path);
}

struct names {
	UL_VEC(char *) items;
};

static void names_deinit(struct names *names)
{
	ul_vec_foreach (name, &names->items)
		free(*name);
	ul_vec_deinit(&names->items);
}

/** Caches with traces: the directories of debugfs, or of sysfs before v5.14. */
static struct ul_error *find_caches(const struct ul_exact_options *options, size_t max,
				    struct names *ret)
{
	static const char *const places[] = {"kernel/debug/slab", "kernel/slab"};
	for (size_t i = 0; i < UL_ARRAY_LEN(places) && !ret->items.len; i++) {
		char path[PATH_BYTES];
		snprintf(path, sizeof(path), "%s/%s", sys_of(options), places[i]);
		UL_CLEANUP_CLOSEDIR DIR *directory = opendir(path);
		for (const struct dirent *entry;
		     directory && ret->items.len < max && (entry = readdir(directory));) {
			// Links are other names of a cache that is there by its own.
			if (entry->d_type == DT_LNK || !slub_path(options, entry->d_name, path))
				continue;
			char *name = strdup(entry->d_name);
			if (!name || !ul_vec_push(&ret->items, name)) {
				free(name);
				return &ul_enomem;
			}
		}
	}
	return NULL;
}

unsigned int ul_exact_usable(const struct ul_exact_options *options)
{
	static const enum ul_exact_source files[] = {UL_EXACT_ALLOCINFO, UL_EXACT_PAGE_OWNER,
						     UL_EXACT_PAGE_STACKS, UL_EXACT_KMEMLEAK};
	unsigned int usable = 0;
	for (size_t i = 0; i < UL_ARRAY_LEN(files); i++) {
		char path[PATH_BYTES];
		if (path_of(options, files[i], path) && readable(path))
			usable |= files[i];
	}
	if (!profiling_on(options))
		usable &= ~(unsigned int)UL_EXACT_ALLOCINFO;
	struct names caches UL_CLEANUP(names_deinit) = {0};
	UL_CLEANUP_ERROR struct ul_error *error = find_caches(options, 1, &caches);
	if (!error && caches.items.len)
		usable |= UL_EXACT_SLUB;
	return usable;
}

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UL_NS_PER_S + now.tv_nsec;
}

/** The rate that fits best, if no other fits nearly as well. */
static double rate_of(uint64_t jiffies, double seconds)
{
	static const double rates[] = {100, 250, 300, 1000, 24, 48, 128, 200, 256, 500, 512, 1024};
	double best = 0;
	double best_off = INFINITY;
	double second_off = INFINITY;
	for (size_t i = 0; i < UL_ARRAY_LEN(rates); i++) {
		// In seconds, so that rates can be compared.
		const double expected = 4294967296.0 + rates[i] * (seconds - 300);
		const double off = fabs(expected - (double)jiffies) / rates[i];
		if (off < best_off) {
			second_off = best_off;
			best_off = off;
			best = rates[i];
		} else if (off < second_off) {
			second_off = off;
		}
	}
	return best_off < 0.5 && second_off > 2 ? best : 0;
}

static void parse_clock(struct ul_span text, struct ul_exact_clock *ret)
{
	uint64_t now_ns = 0;
	uint64_t jiffies = 0;
	ul_span_foreach_line (line, text) {
		if (ul_span_starts(line, "now at "))
			(void)ul_exact_number_after(line, "now at ", &now_ns);
		else if (ul_span_starts(ul_span_trim(line), "jiffies: ") && !jiffies)
			(void)ul_exact_number_after(line, "jiffies: ", &jiffies);
	}
	if (!now_ns || !jiffies || now_ns > INT64_MAX)
		return;
	ret->jiffies = jiffies;
	ret->monotonic_ns = (int64_t)now_ns;
	ret->jiffies_per_s = rate_of(jiffies, (double)now_ns / UL_NS_PER_S);
}

void ul_exact_read_clock(const char *proc_root, struct ul_exact_clock *ret)
{
	char path[PATH_BYTES];
	char *text UL_CLEANUP_FREE = malloc(SMALL_FILE);
	*ret = (struct ul_exact_clock){0};
	snprintf(path, sizeof(path), "%s/timer_list", proc_root ? proc_root : "/proc");
	UL_CLEANUP_CLOSE const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !text)
		return;
	size_t len = 0;
	for (ssize_t n; len < SMALL_FILE && (n = read(fd, text + len, SMALL_FILE - len)) > 0;)
		len += (size_t)n; // the first processor's part is enough
	parse_clock((struct ul_span){text, len}, ret);
}

/** A failure of open() or read(), with what would help. */
static struct ul_error *refused(enum ul_exact_source source, const char *path, int failed)
{
	static const struct {
		enum ul_exact_source source;
		const char *hint;
	} hints[] = {
		{UL_EXACT_ALLOCINFO, "needs a kernel with CONFIG_MEM_ALLOC_PROFILING, booted with "
				     "sysctl.vm.mem_profiling=1"},
		{UL_EXACT_PAGE_OWNER, "needs a kernel with CONFIG_PAGE_OWNER, booted with "
				      "page_owner=on"},
		{UL_EXACT_PAGE_STACKS, "needs a kernel with CONFIG_PAGE_OWNER, booted with "
				       "page_owner=on"},
		{UL_EXACT_SLUB, "boot with slab_debug=U,CACHE (older kernels: slub_debug=U,CACHE)"},
		{UL_EXACT_KMEMLEAK, "needs a kernel with CONFIG_DEBUG_KMEMLEAK"},
	};
	const char *hint = "";
	for (size_t i = 0; i < UL_ARRAY_LEN(hints); i++)
		if (hints[i].source == source)
			hint = hints[i].hint;
	if (failed == EPERM || failed == EACCES)
		return ul_error_os(failed, "%s: reading %s", ul_exact_name(source), path);
	return ul_error_hint(ul_error_new(UL_ERR_UNSUPPORTED, "%s: reading %s: %s",
					  ul_exact_name(source), path, strerror(failed)),
			     "%s", hint);
}

static struct ul_error *feed_file(const struct ul_exact_options *options,
				  enum ul_exact_source source, const char *path,
				  struct ul_exact_parser *parser)
{
	const int64_t start_ns = monotonic_ns();
	char *bytes UL_CLEANUP_FREE = malloc(READ_BYTES);
	UL_CLEANUP_CLOSE const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (!bytes)
		return &ul_enomem;
	if (fd < 0)
		return refused(source, path, errno);
	for (;;) {
		const ssize_t n = read(fd, bytes, READ_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return refused(source, path, errno);
		if (!n)
			return NULL;
		UL_TRY(ul_exact_parser_feed(parser, bytes, (size_t)n));
		if (options->budget_ns && monotonic_ns() - start_ns > options->budget_ns)
			return ul_error_new(UL_ERR_LIMIT, "%s: reading %s takes more than %lld s",
					    ul_exact_name(source), path,
					    (long long)(options->budget_ns / UL_NS_PER_S));
	}
}

static struct ul_error *read_one(const struct ul_exact_options *options,
				 const struct ul_exact_context *context, const char *path,
				 struct ul_trace *trace)
{
	UL_CLEANUP_EXACT_PARSER struct ul_exact_parser *parser = ul_exact_parser_create(context);
	if (!parser)
		return &ul_enomem;
	UL_TRY(feed_file(options, context->source, path, parser));
	return ul_exact_parser_finish(parser, trace);
}

static struct ul_error *read_slub(const struct ul_exact_options *options,
				  struct ul_exact_context *context, struct ul_trace *trace)
{
	struct names found UL_CLEANUP(names_deinit) = {0};
	char path[PATH_BYTES];
	if (!options->caches_len)
		UL_TRY(find_caches(options, UL_EXACT_MAX_CACHES, &found));
	const size_t len = options->caches_len ? options->caches_len : found.items.len;
	size_t done = 0;
	for (size_t i = 0; i < len; i++) {
		context->cache = options->caches_len ? options->caches[i] : found.items.data[i];
		context->object_bytes =
			options->caches_len && options->object_bytes ? options->object_bytes[i] : 0;
		if (!slub_path(options, context->cache, path))
			continue;
		UL_TRY(read_one(options, context, path, trace));
		done++;
	}
	if (done)
		return NULL;
	snprintf(path, sizeof(path), "%s/kernel/debug/slab", sys_of(options));
	return refused(UL_EXACT_SLUB, path, geteuid() ? EACCES : ENOENT);
}

struct ul_error *ul_exact_read(const struct ul_exact_options *options, enum ul_exact_source source,
			       struct ul_trace *trace)
{
	struct ul_exact_context context = {.source = source, .page_bytes = options->page_bytes};
	char path[PATH_BYTES];
	ul_exact_read_clock(options->proc_root, &context.clock);
	if (!context.clock.monotonic_ns && !options->proc_root)
		context.clock.monotonic_ns = monotonic_ns();
	if (!path_of(options, source, path))
		return read_slub(options, &context, trace);
	return read_one(options, &context, path, trace);
}
