// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fixes of leaks out of a clone of the kernel, by running git: which commits speak of leaks (log
 * --grep), what they touch (hunk headers name the functions), what they say they mend (Fixes:), and
 * in which release each first was (name-rev over the tags v*). A commit of a stable branch says
 * which commit of the mainline it is ("commit ... upstream."), and counts as that one, fixed there.
 *
 * Errs: a hunk header names the function before the hunk when the hunk begins between two.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "source/fixes/fixes_internal.h"

extern char **environ;

enum {
	HASH_DIGITS = 40,
	FUNCTIONS_MAX = 32, /**< of one commit: beyond, it is a sweep over the tree */
	FILES_MAX = 16,
};

struct commit {
	char hash[HASH_DIGITS + 1];
	char upstream[HASH_DIGITS + 1]; /**< "" when it is its own */
	char fixes[HASH_DIGITS + 1];	/**< the first Fixes: line, cut as it stands there */
	const char *title;
	UL_VEC(struct ul_span) functions; /**< of the arena */
	UL_VEC(struct ul_span) files;
	bool leak;
	struct ul_version released;   /**< of the tag; a candidate counts as its release */
	struct ul_version introduced; /**< of the commit that `fixes` names */
};

struct log {
	UL_VEC(struct commit) commits;
	struct ul_arena arena;
	uint64_t titles;
};

static void log_deinit(struct log *log)
{
	ul_vec_foreach (commit, &log->commits) {
		ul_vec_deinit(&commit->functions);
		ul_vec_deinit(&commit->files);
	}
	ul_vec_deinit(&log->commits);
	ul_arena_deinit(&log->arena);
}

/** A git that runs, its output ours to read. */
struct git {
	pid_t pid;
	FILE *out;
};

/** @p input NULL: nothing to read for it. */
static struct ul_error *git_start(const char *const *arguments, FILE *input, struct git *ret)
{
	int ends[2];
	posix_spawn_file_actions_t actions;
	if (pipe2(ends, O_CLOEXEC))
		return ul_error_os(errno, "a pipe for git");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	if (input)
		posix_spawn_file_actions_adddup2(&actions, fileno(input), STDIN_FILENO);
	else
		posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	const int why = posix_spawnp(&ret->pid, "git", &actions, NULL,
				     (char *const *)(uintptr_t)arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (why) {
		close(ends[0]);
		return ul_error_hint(ul_error_os(why, "running git"),
				     "--kernel-git needs git: apt-get install git");
	}
	ret->out = fdopen(ends[0], "r");
	if (!ret->out) {
		close(ends[0]);
		waitpid(ret->pid, NULL, 0);
		return &ul_enomem;
	}
	return NULL;
}

/** Read to the end and see that git was content. */
static struct ul_error *git_end(struct git *git, const char *what)
{
	int status = 0;
	fclose(git->out);
	while (waitpid(git->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return NULL;
	return ul_error_new(UL_ERR_OS, "git %s failed: what it said stands above", what);
}

static struct ul_span cut_hash(struct ul_span text)
{
	text = ul_span_trim(text);
	size_t len = 0;
	while (len < text.len && len < HASH_DIGITS && isxdigit((unsigned char)text.data[len]))
		len++;
	text.len = len;
	return text;
}

/** A line of the message: which commit it is a copy of, which one it mends. */
static void read_message(struct commit *commit, struct ul_span line)
{
	static const char *const copies[] = {"commit ", "[ Upstream commit ",
					     "(cherry picked from commit "};
	line = ul_span_trim(line);
	for (size_t i = 0; i < UL_ARRAY_LEN(copies); i++) {
		if (!ul_span_starts(line, copies[i]) || commit->upstream[0])
			continue;
		const size_t len = strlen(copies[i]);
		const struct ul_span hash =
			cut_hash((struct ul_span){.data = line.data + len, .len = line.len - len});
		if (hash.len == HASH_DIGITS)
			ul_span_copy(hash, commit->upstream, sizeof(commit->upstream));
	}
	if (ul_span_starts(line, "Fixes: ") && !commit->fixes[0])
		ul_span_copy(cut_hash((struct ul_span){.data = line.data + 7, .len = line.len - 7}),
			     commit->fixes, sizeof(commit->fixes));
	commit->leak = commit->leak || ul_span_find(line, "unreferenced object", NULL) ||
		       ul_span_find(line, "emory leak", NULL) ||
		       ul_span_find(line, "reference leak", NULL) ||
		       ul_span_find(line, "refcount leak", NULL) ||
		       ul_span_find(line, "memleak", NULL);
}

static struct ul_error *keep(struct log *log, struct ul_span text, struct ul_span **data,
			     size_t *len, size_t *cap, size_t most)
{
	for (size_t i = 0; i < *len; i++)
		if ((*data)[i].len == text.len && !memcmp((*data)[i].data, text.data, text.len))
			return NULL;
	if (*len == most || !text.len || memchr(text.data, ',', text.len) ||
	    memchr(text.data, '\t', text.len))
		return NULL;
	char *copy = ul_arena_strdup(&log->arena, text);
	if (!copy || (*len == *cap && !ul_vec_grow((void **)data, cap, *len + 1, sizeof(**data))))
		return &ul_enomem;
	(*data)[(*len)++] = (struct ul_span){.data = copy, .len = text.len};
	return NULL;
}

/**
 * "@@ -1 +1 @@ static int foo_probe(struct platform_device *pdev)": the word before the bracket.
 */
static struct ul_span function_of_hunk(struct ul_span line)
{
	size_t at;
	struct ul_span none = {0};
	line.data += 2;
	line.len -= 2;
	if (!ul_span_find(line, "@@ ", &at))
		return none;
	line.data += at + 3;
	line.len -= at + 3;
	const char *bracket = memchr(line.data, '(', line.len);
	if (!bracket)
		return none;
	size_t begin = (size_t)(bracket - line.data);
	const size_t end = begin;
	while (begin &&
	       (isalnum((unsigned char)line.data[begin - 1]) || line.data[begin - 1] == '_'))
		begin--;
	return (struct ul_span){.data = line.data + begin, .len = end - begin};
}

static struct ul_error *read_diff(struct log *log, struct commit *commit, struct ul_span line)
{
	if (ul_span_starts(line, "+++ b/"))
		return keep(log, (struct ul_span){.data = line.data + 6, .len = line.len - 6},
			    &commit->files.data, &commit->files.len, &commit->files.cap, FILES_MAX);
	if (ul_span_starts(line, "@@ "))
		return keep(log, function_of_hunk(line), &commit->functions.data,
			    &commit->functions.len, &commit->functions.cap, FUNCTIONS_MAX);
	return NULL;
}

static struct ul_error *begin_commit(struct log *log, struct ul_span line)
{
	struct ul_span hash;
	struct commit *commit = ul_vec_add(&log->commits);
	if (!commit)
		return &ul_enomem;
	if (!ul_span_cut(&line, ' ', &hash))
		hash = line;
	ul_span_copy(hash, commit->hash, sizeof(commit->hash));
	commit->title = ul_arena_strdup(&log->arena, line);
	if (!commit->title)
		return &ul_enomem;
	commit->leak = ul_fix_title_is_leak(line);
	log->titles++;
	return NULL;
}

/** The last commit is over: kept only when it is about a leak. */
static void end_commit(struct log *log)
{
	if (!log->commits.len)
		return;
	struct commit *commit = &log->commits.data[log->commits.len - 1];
	const struct ul_span title = ul_span_of(commit->title);
	if (commit->leak && !ul_span_starts(title, "Revert ") && !ul_span_starts(title, "Merge "))
		return;
	ul_vec_deinit(&commit->functions);
	ul_vec_deinit(&commit->files);
	log->commits.len--;
}

/** Output of log: \1 hash title, message, \2, diff. */
static struct ul_error *read_log(struct log *log, FILE *out)
{
	char *text UL_CLEANUP_FREE = NULL;
	size_t size = 0;
	bool message = false;
	for (ssize_t len; (len = getline(&text, &size, out)) > 0;) {
		struct ul_span line = {.data = text, .len = (size_t)len - (text[len - 1] == '\n')};
		if (ul_span_starts(line, "\1")) {
			end_commit(log);
			line.data++;
			line.len--;
			UL_TRY(begin_commit(log, line));
			message = true;
		} else if (ul_span_starts(line, "\2")) {
			message = false;
		} else if (log->commits.len) {
			struct commit *commit = &log->commits.data[log->commits.len - 1];
			if (message)
				read_message(commit, line);
			else
				UL_TRY(read_diff(log, commit, line));
		}
	}
	end_commit(log);
	return NULL;
}

static struct ul_error *run_log(const char *directory, struct log *log)
{
	const char *arguments[] = {
		"git",
		"-C",
		directory,
		"log",
		"--no-merges",
		"--no-color",
		"--no-ext-diff",
		"-i",
		"-E",
		"--grep=leak|memleak|unreferenced object|missing.*(put|free|release)|"
		"(ref ?count|refcnt|reference count)",
		"-U0",
		"-p",
		"--format=%x01%H %s%n%b%n%x02",
		"--tags=v*",
		"HEAD",
		"--",
		NULL};
	struct git git;
	UL_TRY(git_start(arguments, NULL, &git));
	struct ul_error *error = read_log(log, git.out);
	struct ul_error *failed = git_end(&git, "log");
	if (!error)
		return failed;
	ul_error_destroy(failed);
	return error;
}

/** v6.1-rc3 counts as 6.1: it is in that release. "HASH (v6.1.63~12^2)", or tags/ before it. */
static struct ul_version version_of_tag(struct ul_span name)
{
	struct ul_version version = {0};
	struct ul_span before;
	if (ul_span_cut(&name, '(', &before)) {
		if (ul_span_starts(name, "tags/"))
			ul_span_cut(&name, '/', &before);
		ul_version_parse(name, &version);
	}
	version.rc = 0;
	return version;
}

/**
 * Run git with one hash a line as its input; one line of output for each. @p fixes: the hashes of
 * Fixes: lines instead of the commits' own.
 */
static struct ul_error *run_batch(const char *const *arguments, struct log *log, bool fixes,
				  void (*each)(struct commit *, struct ul_span))
{
	FILE *input UL_CLEANUP_FCLOSE = tmpfile();
	char *text UL_CLEANUP_FREE = NULL;
	size_t size = 0;
	struct git git;
	if (!input)
		return ul_error_os(errno, "a temporary file for git");
	ul_vec_foreach (commit, &log->commits)
		fprintf(input, "%s\n",
			!fixes		   ? commit->hash
			: commit->fixes[0] ? commit->fixes
					   : "-");
	if (fflush(input) || fseek(input, 0, SEEK_SET))
		return ul_error_os(errno, "a temporary file for git");
	UL_TRY(git_start(arguments, input, &git));
	ul_vec_foreach (commit, &log->commits) {
		const ssize_t len = getline(&text, &size, git.out);
		if (len <= 0)
			break;
		each(commit, (struct ul_span){.data = text, .len = (size_t)len});
	}
	while (getline(&text, &size, git.out) > 0)
		;
	return git_end(&git, arguments[3]);
}

static void take_release(struct commit *commit, struct ul_span line)
{
	commit->released = version_of_tag(line);
}

static void take_introduced(struct commit *commit, struct ul_span line)
{
	commit->introduced = version_of_tag(line);
}

/** cat-file: "HASH commit 123", or "HASH missing". */
static void take_whole_hash(struct commit *commit, struct ul_span line)
{
	const struct ul_span hash = cut_hash(line);
	commit->fixes[0] = 0;
	if (hash.len == HASH_DIGITS && ul_span_find(line, " commit ", NULL))
		ul_span_copy(hash, commit->fixes, sizeof(commit->fixes));
}

static struct ul_error *name_releases(const char *directory, struct log *log)
{

	const char *names[] = {
		"git", "-C", directory, "name-rev", "--tags", "--refs=v[0-9]*", "--annotate-stdin",
		NULL};
	const char *whole[] = {"git", "-C", directory, "cat-file", "--batch-check", NULL};
	UL_TRY(run_batch(names, log, false, take_release));
	UL_TRY(run_batch(whole, log, true, take_whole_hash));
	return run_batch(names, log, true, take_introduced);
}

static struct ul_error *add_commit(struct ul_fix_merger *merger, const struct commit *commit)
{
	const char *hash = commit->upstream[0] ? commit->upstream : commit->hash;
	struct ul_version released = commit->released;
	struct ul_fix_facts facts = {
		.commit = {.data = hash, .len = UL_FIX_COMMIT_DIGITS},
		.title = ul_span_of(commit->title),
		.introduced = commit->introduced,
		.sources = UL_FIX_GIT,
	};
	facts.functions.data = commit->functions.data;
	facts.functions.len = commit->functions.len;
	facts.files.data = commit->files.data;
	facts.files.len = commit->files.len;
	if (released.patch && released.major > 2) {
		facts.fixed.data = &released;
		facts.fixed.len = 1;
	} else if (!commit->upstream[0]) {
		facts.mainline = released;
	}
	return ul_fix_merger_add(merger, &facts);
}

struct ul_error *ul_fixes_add_git(struct ul_fix_merger *merger, const char *directory,
				  struct ul_fix_counts *ret_counts)
{
	UL_CLEANUP(log_deinit) struct log log = {0};
	*ret_counts = (struct ul_fix_counts){0};
	UL_TRY(run_log(directory, &log));
	if (log.commits.len)
		UL_TRY(name_releases(directory, &log));
	ul_vec_foreach (commit, &log.commits)
		UL_TRY(add_commit(merger, commit));
	ret_counts->titles = log.titles;
	ret_counts->leaks = log.commits.len;
	return NULL;
}
