// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The index of leak fixes as a file: gzip of text, one fix a line, fields separated by tabs.
 *
 *	# ullage fixes 1 2026-11-16          first line: format, date of the newest source
 *	# any other line with # in front is a remark, kept nowhere
 *	commit title cve functions files introduced mainline fixed not_fixed sources
 *
 * Empty fields are empty. Lists are separated by commas; a function that the title names has an
 * asterisk in front; fixed is the first fixed version of each series. Letters of sources: c for
 * the CNA, d for a changelog, g for git, h by hand. Text, not a database: it is read whole in a few
 * milliseconds, and two versions can be compared.
 */
#include "source/fixes/fixes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "base/buf.h"
#include "base/file.h"
#include "source/fixes/fixes_internal.h"

enum {
	FIELDS = 10,
	TEXT_LIMIT = 64 * 1024 * 1024,
	FIXES_LIMIT = 1000000,
	LIST_LIMIT = 4096, /**< names in one field */
	PATH_BYTES = 4096,
};

static const char first_line[] = "# ullage fixes 1 ";

static const struct {
	unsigned int source;
	char letter;
} letters[] = {{UL_FIX_CNA, 'c'}, {UL_FIX_CHANGELOG, 'd'}, {UL_FIX_GIT, 'g'}, {UL_FIX_HAND, 'h'}};

/** Next item of a list field; false at its end. */
static bool next_item(struct ul_span *list, struct ul_span *ret)
{
	if (!list->len)
		return false;
	if (ul_span_cut(list, ',', ret))
		return true;
	*ret = *list;
	list->len = 0;
	return true;
}

static size_t count_items(struct ul_span list)
{
	size_t count = 0;
	struct ul_span item;
	while (next_item(&list, &item))
		count++;
	return count;
}

static struct ul_error *parse_functions(struct ul_fixes *fixes, struct ul_span list,
					struct ul_fix *fix)
{
	const size_t count = count_items(list);
	struct ul_fix_function *functions =
		ul_arena_alloc(&fixes->arena, (count + 1) * sizeof(*functions));
	if (!functions)
		return &ul_enomem;
	struct ul_span item;
	while (next_item(&list, &item)) {
		const bool in_title = ul_span_starts(item, "*");
		if (in_title) {
			item.data++;
			item.len--;
		}
		char *name = ul_arena_strdup(&fixes->arena, item);
		if (!name)
			return &ul_enomem;
		functions[fix->functions_len++] =
			(struct ul_fix_function){.name = name, .in_title = in_title};
	}
	fix->functions = functions;
	return NULL;
}

static struct ul_error *parse_files(struct ul_fixes *fixes, struct ul_span list, struct ul_fix *fix)
{
	const size_t count = count_items(list);
	const char **files = ul_arena_alloc(&fixes->arena, (count + 1) * sizeof(*files));
	if (!files)
		return &ul_enomem;
	struct ul_span item;
	while (next_item(&list, &item)) {
		files[fix->files_len] = ul_arena_strdup(&fixes->arena, item);
		if (!files[fix->files_len++])
			return &ul_enomem;
	}
	fix->files = files;
	return NULL;
}

/** @p ret_bad is set when something in the list is no version. */
static struct ul_error *parse_versions(struct ul_fixes *fixes, struct ul_span list,
				       const struct ul_version **ret, uint32_t *ret_len,
				       bool *ret_bad)
{
	const size_t count = count_items(list);
	struct ul_version *versions =
		ul_arena_alloc(&fixes->arena, (count + 1) * sizeof(*versions));
	if (!versions)
		return &ul_enomem;
	struct ul_span item;
	*ret_len = 0;
	while (next_item(&list, &item)) {
		if (ul_version_parse(item, &versions[*ret_len]))
			++*ret_len;
		else
			*ret_bad = true;
	}
	*ret = versions;
	return NULL;
}

static bool is_commit(struct ul_span text)
{
	uint64_t value;
	return text.len == UL_FIX_COMMIT_DIGITS && ul_span_hex(text, &value) &&
	       !ul_span_starts(text, "0x");
}

static unsigned int parse_sources(struct ul_span text)
{
	unsigned int sources = 0;
	for (size_t i = 0; i < text.len; i++)
		for (size_t l = 0; l < UL_ARRAY_LEN(letters); l++)
			if (text.data[i] == letters[l].letter)
				sources |= letters[l].source;
	return sources;
}

static bool lists_too_long(const struct ul_span fields[FIELDS])
{
	for (size_t i = 3; i < FIELDS; i++)
		if (count_items(fields[i]) > LIST_LIMIT)
			return true;
	return false;
}

/** One line; *@p ret_bad and nothing added when it is none of ours. */
static struct ul_error *parse_line(struct ul_fixes *fixes, struct ul_span line, bool *ret_bad)
{
	struct ul_span fields[FIELDS];
	for (size_t i = 0; i + 1 < FIELDS; i++) {
		if (!ul_span_cut(&line, '\t', &fields[i])) {
			*ret_bad = true;
			return NULL;
		}
	}
	fields[FIELDS - 1] = line;
	if (!fields[1].len || (fields[0].len && !is_commit(fields[0])) || lists_too_long(fields)) {
		*ret_bad = true;
		return NULL;
	}
	struct ul_fix fix = {.sources = parse_sources(fields[9])};
	fix.title = ul_arena_strdup(&fixes->arena, fields[1]);
	if (fields[0].len)
		fix.commit = ul_arena_strdup(&fixes->arena, fields[0]);
	if (fields[2].len)
		fix.cve = ul_arena_strdup(&fixes->arena, fields[2]);
	if (!fix.title || (fields[0].len && !fix.commit) || (fields[2].len && !fix.cve))
		return &ul_enomem;
	UL_TRY(parse_functions(fixes, fields[3], &fix));
	UL_TRY(parse_files(fixes, fields[4], &fix));
	*ret_bad = (fields[5].len && !ul_version_parse(fields[5], &fix.introduced)) ||
		   (fields[6].len && !ul_version_parse(fields[6], &fix.mainline));
	UL_TRY(parse_versions(fixes, fields[7], &fix.fixed, &fix.fixed_len, ret_bad));
	UL_TRY(parse_versions(fixes, fields[8], &fix.not_fixed, &fix.not_fixed_len, ret_bad));
	return ul_vec_push(&fixes->items, fix) ? NULL : &ul_enomem;
}

struct ul_error *ul_fixes_parse(struct ul_span text, struct ul_fixes *ret)
{
	memset(ret, 0, sizeof(*ret));
	struct ul_span line;
	uint64_t bad_lines = 0;
	if (!ul_span_line(&text, &line) || !ul_span_starts(line, first_line))
		return ul_error_new(UL_ERR_BAD_DATA,
				    "no index of fixes: it does not begin with \"%s\"", first_line);
	ul_span_copy((struct ul_span){.data = line.data + strlen(first_line),
				      .len = line.len - strlen(first_line)},
		     ret->date, sizeof(ret->date));
	while (ul_span_line(&text, &line)) {
		bool bad = false;
		if (!line.len || line.data[0] == '#')
			continue;
		if (ret->items.len == FIXES_LIMIT)
			return ul_error_new(UL_ERR_LIMIT, "more than %d fixes in one index",
					    (int)FIXES_LIMIT);
		UL_TRY(parse_line(ret, line, &bad));
		bad_lines += bad;
	}
	if (bad_lines)
		UL_TRY(ul_losses_add(&ret->losses, UL_BIAS_UNDER, bad_lines,
				     "damaged lines in the index of fixes"));
	return NULL;
}

struct ul_error *ul_fixes_read_text(const char *path, struct ul_buf *text)
{
	gzFile file = gzopen(path, "rbe");
	if (!file)
		return ul_error_os(errno ? errno : ENOMEM, "%s", path);
	struct ul_error *error = NULL;
	int got = 1;
	while (!error && got > 0) {
		if (text->len > TEXT_LIMIT)
			error = ul_error_new(UL_ERR_LIMIT, "%s: more than %d MiB of text", path,
					     TEXT_LIMIT / 1024 / 1024);
		else if (!ul_buf_reserve(text, 1024 * 1024))
			error = &ul_enomem;
		else
			got = gzread(file, text->data + text->len, 1024 * 1024);
		if (!error && got > 0) {
			text->len += (size_t)got;
			text->data[text->len] = 0;
		}
	}
	if (!error && got < 0) {
		int code;
		const char *why = gzerror(file, &code);
		error = code == Z_ERRNO ? ul_error_os(errno, "%s", path)
					: ul_error_new(UL_ERR_BAD_DATA, "%s: %s", path, why);
	}
	gzclose_r(file);
	return error;
}

struct ul_error *ul_fixes_read(const char *path, struct ul_fixes *ret)
{
	struct ul_buf text UL_CLEANUP_BUF = {0};
	memset(ret, 0, sizeof(*ret));
	UL_TRY(ul_fixes_read_text(path, &text));
	struct ul_error *error =
		ul_fixes_parse((struct ul_span){.data = ul_buf_str(&text), .len = text.len}, ret);
	return error ? ul_error_prepend(error, "%s", path) : NULL;
}

static void add_version(struct ul_buf *text, struct ul_version version)
{
	char number[UL_VERSION_TEXT];
	if (version.major)
		ul_buf_puts(text, ul_version_format(number, version));
}

static void add_versions(struct ul_buf *text, const struct ul_version *versions, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		ul_buf_puts(text, i ? "," : "");
		add_version(text, versions[i]);
	}
}

static void add_fix(struct ul_buf *text, const struct ul_fix *fix)
{
	ul_buf_printf(text, "%s\t%s\t%s\t", fix->commit ? fix->commit : "", fix->title,
		      fix->cve ? fix->cve : "");
	for (uint32_t i = 0; i < fix->functions_len; i++)
		ul_buf_printf(text, "%s%s%s", i ? "," : "", fix->functions[i].in_title ? "*" : "",
			      fix->functions[i].name);
	ul_buf_putc(text, '\t');
	for (uint32_t i = 0; i < fix->files_len; i++)
		ul_buf_printf(text, "%s%s", i ? "," : "", fix->files[i]);
	ul_buf_putc(text, '\t');
	add_version(text, fix->introduced);
	ul_buf_putc(text, '\t');
	add_version(text, fix->mainline);
	ul_buf_putc(text, '\t');
	add_versions(text, fix->fixed, fix->fixed_len);
	ul_buf_putc(text, '\t');
	add_versions(text, fix->not_fixed, fix->not_fixed_len);
	ul_buf_putc(text, '\t');
	for (size_t l = 0; l < UL_ARRAY_LEN(letters); l++)
		if (fix->sources & letters[l].source)
			ul_buf_putc(text, letters[l].letter);
	ul_buf_putc(text, '\n');
}

static int by_title(const void *a, const void *b)
{
	const struct ul_fix *const *left = a;
	const struct ul_fix *const *right = b;
	const int titles = strcmp((*left)->title, (*right)->title);
	if (titles)
		return titles;
	return strcmp((*left)->commit ? (*left)->commit : "",
		      (*right)->commit ? (*right)->commit : "");
}

/** The text of an index, by title: the same facts give the same bytes. */
static struct ul_error *make_text(const struct ul_fixes *fixes, struct ul_buf *text)
{
	const struct ul_fix **sorted UL_CLEANUP_FREE =
		calloc(fixes->items.len + 1, sizeof(*sorted));
	if (!sorted)
		return &ul_enomem;
	for (size_t i = 0; i < fixes->items.len; i++)
		sorted[i] = &fixes->items.data[i];
	qsort(sorted, fixes->items.len, sizeof(*sorted), by_title);
	ul_buf_printf(text, "%s%s\n", first_line, fixes->date);
	ul_buf_puts(text, UL_FIXES_NOTICE);
	for (size_t i = 0; i < fixes->items.len; i++)
		add_fix(text, sorted[i]);
	return text->failed ? &ul_enomem : NULL;
}

static struct ul_error *write_compressed(const char *path, const struct ul_buf *text)
{
	gzFile file = gzopen(path, "wbe9");
	if (!file)
		return ul_error_os(errno ? errno : ENOMEM, "%s", path);
	const int written = gzwrite(file, text->data, (unsigned int)text->len);
	const int closed = gzclose_w(file);
	if (written != (int)text->len || closed != Z_OK) {
		const int why = errno ? errno : EIO;
		unlink(path);
		return ul_error_os(why, "writing %s", path);
	}
	return NULL;
}

struct ul_error *ul_fixes_write(const struct ul_fixes *fixes, const char *path)
{
	struct ul_buf text UL_CLEANUP_BUF = {0};
	char beside[PATH_BYTES];
	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return ul_error_new(UL_ERR_USAGE, "%s: the name is too long", path);
	UL_TRY(make_text(fixes, &text));
	UL_TRY(write_compressed(beside, &text));
	if (rename(beside, path)) {
		const int why = errno;
		unlink(beside);
		return ul_error_os(why, "renaming %s to %s", beside, path);
	}
	return NULL;
}

/** mkdir -p of everything before the last slash. */
static struct ul_error *make_directories(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		const int failed = mkdir(path, 0755);
		const int why = errno;
		if (failed && why != EEXIST) {
			struct ul_error *error = ul_error_os(why, "making the directory %s", path);
			*slash = '/';
			return error;
		}
		*slash = '/';
	}
	return NULL;
}

struct ul_error *ul_fixes_own_path(char *path, size_t size)
{
	const char *data = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");
	int len;
	if (geteuid() == 0)
		len = snprintf(path, size, "/var/lib/ullage/fixes.gz");
	else if (data && data[0] == '/')
		len = snprintf(path, size, "%s/ullage/fixes.gz", data);
	else
		len = snprintf(path, size, "%s/.local/share/ullage/fixes.gz",
			       home && home[0] == '/' ? home : "/tmp");
	if (len < 0 || (size_t)len >= size)
		return ul_error_new(UL_ERR_USAGE, "the path of the user's data is too long");
	return NULL;
}

struct ul_error *ul_fixes_make_own_directory(void)
{
	char path[PATH_BYTES];
	UL_TRY(ul_fixes_own_path(path, sizeof(path)));
	return make_directories(path);
}
