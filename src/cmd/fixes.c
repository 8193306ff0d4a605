// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Functions under suspicion -> known upstream fixes -> does this kernel have them. The index is
 * part of the program; --update extends it from what is on this disk. Nothing is ever fetched.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/fixes.h"
#include "analysis/sites.h"
#include "base/buf.h"
#include "base/file.h"
#include "cmd/fixes.h"
#include "cmd/measure.h"
#include "source/fixes/fixes.h"
#include "view/fixes.h"

enum {
	MOST_DEFAULT = 5,
	SUSPECTS_MAX = 256,
	STACK_FILE_LIMIT = 1024 * 1024,
	PATH_BYTES = 4096,
};

/** A function named by hand is the culprit itself; one frame of a stack is not. */
static const double threshold_named = 6.0;
static const double weight_of_frame = 0.7;
static const double lost_by_depth = 0.1;

static const char changelogs[] = "/usr/share/doc/linux-*/changelog.Debian.gz";

struct ul_error *ul_cmd_fixes_open(const char *index, struct ul_fixes *ret)
{
	char own[PATH_BYTES];
	UL_CLEANUP_FIXES struct ul_fixes mine = {0};
	if (index)
		return ul_fixes_read(index, ret);
	UL_TRY(ul_fixes_shipped(ret));
	UL_TRY(ul_fixes_own_path(own, sizeof(own)));
	if (access(own, F_OK))
		return NULL;
	UL_TRY(ul_fixes_read(own, &mine));
	return ul_fixes_unite(ret, &mine);
}

struct ul_error *ul_cmd_fixes_packages(const struct ul_kernel *kernel,
				       const struct ul_kernel_version *version,
				       struct ul_fix_matches *matches)
{
	const size_t len = matches->items.len;
	const struct ul_fix **fixes UL_CLEANUP_FREE = calloc(len + 1, sizeof(*fixes));
	bool *named UL_CLEANUP_FREE = calloc(len + 1, sizeof(*named));
	bool known;
	if (!fixes || !named)
		return &ul_enomem;
	if (!len || !version->package[0])
		return NULL;
	for (size_t i = 0; i < len; i++)
		fixes[i] = matches->items.data[i].fix;
	UL_TRY(ul_fixes_package_names(kernel->release, version->package, fixes, len, named,
				      &known));
	for (size_t i = 0; i < len; i++) {
		struct ul_fix_match *match = &matches->items.data[i];
		if (!named[i] || match->in_kernel == UL_IN_KERNEL_YES)
			continue;
		match->in_kernel = UL_IN_KERNEL_YES;
		snprintf(match->in_kernel_why, sizeof(match->in_kernel_why),
			 "the changelog of %s names it", version->package);
	}
	return NULL;
}

/** "foo_open+0x1a/0x30 [mod]" somewhere in a line: the first word that is a function. */
static bool parse_frame(struct ul_span line, struct ul_buf *names, struct ul_fix_suspect *ret)
{
	struct ul_span word;
	bool found = false;
	while (ul_span_word(&line, &word)) {
		uint64_t number;
		struct ul_span name = word;
		if (word.data[0] == '[' && word.data[word.len - 1] == ']' && found) {
			ret->module = names->data + names->len;
			ul_buf_add(names, word.data + 1, word.len - 2);
			ul_buf_putc(names, '\0');
			return true;
		}
		if (found || word.data[0] == '#' || word.data[0] == '[' ||
		    ul_span_hex(word, &number))
			continue;
		ul_span_cut(&word, '+', &name);
		if (!name.len)
			continue;
		ret->function = names->data + names->len;
		ul_buf_add(names, name.data, name.len);
		ul_buf_putc(names, '\0');
		found = true;
	}
	return found;
}

/** Frames of a stack file, innermost first; @p names keeps the text. */
static struct ul_error *read_stack(const char *path, struct ul_buf *names,
				   struct ul_fix_suspect *suspects, size_t *len)
{
	struct ul_buf text UL_CLEANUP_BUF = {0};
	struct ul_span line;
	double weight = weight_of_frame;
	UL_TRY(ul_file_read(AT_FDCWD, strcmp(path, "-") ? path : "/dev/stdin", STACK_FILE_LIMIT,
			    &text));
	// Names are pointed at while they are collected: room for all of them now.
	if (!ul_buf_reserve(names, text.len * 2 + 2))
		return &ul_enomem;
	struct ul_span rest = {.data = ul_buf_str(&text), .len = text.len};
	const size_t before = *len;
	while (ul_span_line(&rest, &line) && *len < SUSPECTS_MAX) {
		struct ul_fix_suspect suspect = {0};
		if (!parse_frame(line, names, &suspect) || ul_sites_is_allocator(suspect.function))
			continue;
		suspect.weight = weight;
		weight /= 1 + lost_by_depth;
		suspects[(*len)++] = suspect;
	}
	if (*len == before)
		return ul_error_hint(ul_error_new(UL_ERR_BAD_DATA, "%s: no function in it", path),
				     "one frame a line, such as \"seq_open+0x2a/0x50\"");
	return NULL;
}

static struct ul_error *which_kernel(const struct ul_cmd_context *context, struct ul_kernel *kernel,
				     struct ul_kernel_version *version)
{
	struct ul_proc *proc UL_CLEANUP_PROC = NULL;
	const char *release = context->options.release;
	UL_TRY(ul_cmd_open_proc(context, &proc));
	UL_TRY(ul_proc_kernel(proc, kernel));
	if (!release) {
		*version = ul_version_of(kernel->release, kernel->version);
		return NULL;
	}
	snprintf(kernel->release, sizeof(kernel->release), "%s", release);
	kernel->version[0] = 0;
	const char *banner = strstr(release, "Debian ");
	*version = ul_version_of(release, banner ? banner : "");
	if (!version->version.major)
		return ul_error_hint(ul_error_new(UL_ERR_USAGE,
						  "--release: '%s' begins with no "
						  "version",
						  release),
				     "as in 6.1.192, 6.12-rc3, 6.1.0-13-amd64 or "
				     "\"Debian 6.1.192-2\"");
	return NULL;
}

static struct ul_error *search(struct ul_cmd_context *context)
{
	const struct ul_options *options = &context->options;
	UL_CLEANUP_FIXES struct ul_fixes fixes = {0};
	UL_CLEANUP_FIX_MATCHES struct ul_fix_matches matches = {0};
	struct ul_buf names UL_CLEANUP_BUF = {0};
	struct ul_fix_suspect suspects[SUSPECTS_MAX];
	struct ul_kernel kernel;
	struct ul_kernel_version version;
	size_t len = 0;
	if (!context->positionals_len && !options->stack)
		return ul_error_hint(ul_error_new(UL_ERR_USAGE, "which function?"),
				     "ullage fixes FUNCTION..., or --stack FILE");
	for (; len < context->positionals_len && len < SUSPECTS_MAX; len++)
		suspects[len] =
			(struct ul_fix_suspect){.function = context->positionals[len], .weight = 1};
	if (options->stack)
		UL_TRY(read_stack(options->stack, &names, suspects, &len));
	UL_TRY(which_kernel(context, &kernel, &version));
	UL_TRY(ul_cmd_fixes_open(options->index, &fixes));
	const struct ul_fix_query query = {
		.suspects = suspects,
		.suspects_len = len,
		.kernel = version,
		.most = options->top ? options->top : MOST_DEFAULT,
		.threshold = context->positionals_len ? threshold_named : UL_FIX_THRESHOLD,
	};
	UL_TRY(ul_fixes_rank(&fixes, &query, &matches));
	if (!options->release)
		UL_TRY(ul_cmd_fixes_packages(&kernel, &version, &matches));
	if (options->json)
		return ul_json_fixes(context->out, options->pretty, &kernel, &version, &fixes,
				     &matches);
	struct ul_term term;
	ul_cmd_term(context, &term);
	return ul_term_fixes(&term, &kernel, &version, &fixes, &matches);
}

/** Every package of one kernel has the same changelog: those of a size already read are skipped. */
static struct ul_error *add_installed(struct ul_fix_merger *merger, struct ul_fix_counts *counts,
				      size_t *ret_files)
{
	glob_t found;
	off_t sizes[64];
	size_t sizes_len = 0;
	struct ul_error *error = NULL;
	*ret_files = 0;
	if (glob(changelogs, 0, NULL, &found))
		return NULL;
	for (size_t i = 0; i < found.gl_pathc && !error; i++) {
		struct ul_fix_counts more = {0};
		struct stat status;
		size_t same = 0;
		if (stat(found.gl_pathv[i], &status))
			continue;
		while (same < sizes_len && sizes[same] != status.st_size)
			same++;
		if (same < sizes_len || sizes_len == UL_ARRAY_LEN(sizes))
			continue;
		sizes[sizes_len++] = status.st_size;
		error = ul_fixes_add_changelog_file(merger, found.gl_pathv[i], &more);
		if (error && error->code == UL_ERR_BAD_DATA) { // linux-base and the like
			ul_error_destroy(error);
			error = NULL;
			continue;
		}
		counts->titles += more.titles;
		counts->leaks += more.leaks;
		++*ret_files;
	}
	globfree(&found);
	return error;
}

static struct ul_error *add_all(const struct ul_cmd_context *context, struct ul_fix_merger *merger,
				struct ul_fix_counts *counts)
{
	struct ul_fix_counts more = {0};
	size_t files = context->positionals_len;
	for (size_t i = 0; i < files; i++) {
		UL_TRY(ul_fixes_add_changelog_file(merger, context->positionals[i], &more));
		counts->titles += more.titles;
		counts->leaks += more.leaks;
	}
	if (!files)
		UL_TRY(add_installed(merger, counts, &files));
	if (context->options.kernel_git) {
		struct ul_error *error =
			ul_fixes_add_git(merger, context->options.kernel_git, &more);
		if (error)
			return ul_error_prepend(error, "--kernel-git %s",
						context->options.kernel_git);
		counts->titles += more.titles;
		counts->leaks += more.leaks;
		files++;
	}
	if (files)
		return NULL;
	return ul_error_hint(ul_error_new(UL_ERR_UNSUPPORTED,
					  "nothing to extend the index from: no %s", changelogs),
			     "name changelogs of the kernel, or a clone of it: --kernel-git DIR");
}

static struct ul_error *update(struct ul_cmd_context *context)
{
	const struct ul_options *options = &context->options;
	UL_CLEANUP_FIXES struct ul_fixes fixes = {0};
	struct ul_fix_merger *merger UL_CLEANUP_FIX_MERGER = NULL;
	struct ul_fix_counts counts = {0};
	struct ul_kernel kernel;
	struct ul_kernel_version version;
	char own[PATH_BYTES];
	UL_TRY(which_kernel(context, &kernel, &version));
	UL_TRY(ul_cmd_fixes_open(options->index, &fixes));
	const size_t before = fixes.items.len;
	UL_TRY(ul_fix_merger_create(&fixes, &merger));
	UL_TRY(add_all(context, merger, &counts));
	UL_TRY(ul_fixes_own_path(own, sizeof(own)));
	if (!options->output)
		UL_TRY(ul_fixes_make_own_directory());
	const struct ul_fixes_updated updated = {
		.titles = counts.titles,
		.leaks = counts.leaks,
		.before = before,
		.path = options->output ? options->output : own,
	};
	UL_TRY(ul_fixes_write(&fixes, updated.path));
	if (options->json)
		return ul_json_fixes_update(context->out, options->pretty, &kernel, &fixes,
					    &updated);
	struct ul_term term;
	ul_cmd_term(context, &term);
	ul_term_fixes_update(&term, &fixes, &updated);
	return NULL;
}

static struct ul_error *run(struct ul_cmd_context *context, int *ret_exit_code)
{
	const struct ul_options *options = &context->options;
	if (options->update)
		return update(context);
	if (options->kernel_git)
		return ul_error_hint(ul_error_new(UL_ERR_USAGE, "--kernel-git goes with --update"),
				     "ullage fixes --update --kernel-git %s", options->kernel_git);
	if (options->output)
		return ul_error_new(UL_ERR_USAGE, "-o goes with --update: it names the new index");
	return search(context);
}

const struct ul_cmd ul_cmd_fixes = {
	.name = "fixes",
	.summary = "commits that fix leaks in functions; does this kernel have them",
	.positionals = "[FUNCTION...]",
	.positionals_min = 0,
	.positionals_max = SUSPECTS_MAX,
	.details =
		"Ranks the known fixes of kernel memory leaks by how they agree with the\n"
		"functions named, or with the frames of a stack (--stack FILE, one a line; - is\n"
		"standard input), and says whether the running kernel (or --release) has each. No\n"
		"known fix is a good answer. The index is part of ullage; --update extends it\n"
		"from the changelogs of kernel packages on this disk (or those named) and from a\n"
		"clone of the kernel. Nothing is fetched.\n",
	.examples = "  ullage fixes schedstat_open\n"
		    "  ullage fixes --release 6.1.20 qxl_draw_dirty_fb\n"
		    "  ullage fixes --update --kernel-git ~/linux\n",
	.options = UL_OPTION_BIT(OUTPUT) | UL_OPTION_BIT(STACK) | UL_OPTION_BIT(TOP) |
		   UL_OPTION_BIT(RELEASE) | UL_OPTION_BIT(INDEX) | UL_OPTION_BIT(UPDATE) |
		   UL_OPTION_BIT(KERNEL_GIT) | UL_OPTION_BIT(PROC),
	.flags = UL_CMD_OWN_OUTPUT,
	.run = run,
};
