// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Debian's changelogs of the kernel: every patch of every stable release by its title, under the
 * upstream version that brought it. No commit ids, no files.
 *
 *	linux (6.1.192-1) bookworm-security; urgency=high
 *
 *	  * New upstream stable update:
 *	    https://www.kernel.org/pub/linux/kernel/v6.x/ChangeLog-6.1.191
 *	    - [arm64] net: foo: fix memory leak in
 *	      foo_probe() (CVE-2026-1)
 *	    https://www.kernel.org/pub/linux/kernel/v6.x/ChangeLog-6.1.192
 *	    - ...
 *	  * foo: Debian's own patch
 *
 *	 -- Maintainer <address>  Mon, 16 Nov 2026 11:17:40 +0100
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "source/fixes/fixes_internal.h"

static const char titles_at[] = "    - ";
static const char continued_at[] = "      ";
static const char changelog_link[] = "/ChangeLog-";

/** Where in the changelog we are. */
struct reader {
	struct ul_version upstream; /**< of the titles that follow; major 0: Debian's own */
	char package[48];	    /**< "6.1.192-2": of the entry */
	struct ul_buf title;	    /**< with what continues it */
	struct ul_error *(*each)(struct reader *reader, struct ul_span title);
	void *data;
	char newest[16]; /**< date of the first entry: entries are newest first */
};

/** "[arm64,arm] ", and "(CVE-...)", "(Closes: #1)" at the end. */
static struct ul_span clean_title(struct ul_span title)
{
	title = ul_span_trim(title);
	while (title.len && title.data[0] == '[') {
		const char *end = memchr(title.data, ']', title.len);
		if (!end)
			break;
		title.len -= (size_t)(end + 1 - title.data);
		title.data = end + 1;
		title = ul_span_trim(title);
	}
	while (title.len && title.data[title.len - 1] == ')') {
		size_t open = title.len;
		while (open > 0 && title.data[open - 1] != '(')
			open--;
		const struct ul_span inside = {.data = title.data + open, .len = title.len - open};
		if (!open || !(ul_span_starts(inside, "CVE-") || ul_span_starts(inside, "Closes") ||
			       ul_span_starts(inside, "regression")))
			break;
		title.len = open - 1;
		title = ul_span_trim(title);
	}
	return title;
}

static struct ul_error *end_title(struct reader *reader)
{
	struct ul_error *error = NULL;
	if (reader->title.failed)
		return &ul_enomem;
	if (reader->title.len)
		error = reader->each(reader,
				     clean_title((struct ul_span){.data = reader->title.data,
								  .len = reader->title.len}));
	ul_buf_clear(&reader->title);
	return error;
}

static void add_words(struct reader *reader, struct ul_span words)
{
	words = ul_span_trim(words);
	if (reader->title.len)
		ul_buf_putc(&reader->title, ' ');
	ul_buf_add(&reader->title, words.data, words.len);
}

static struct ul_span after(struct ul_span line, size_t len)
{
	return (struct ul_span){.data = line.data + len, .len = line.len - len};
}

/** "linux (6.1.192-1) suite; urgency=high" */
static void begin_entry(struct reader *reader, struct ul_span line)
{
	struct ul_span before;
	reader->upstream = (struct ul_version){0};
	reader->package[0] = 0;
	if (ul_span_cut(&line, '(', &before) && ul_span_cut(&line, ')', &before))
		ul_span_copy(before, reader->package, sizeof(reader->package));
}

/** " -- Name <address>  Mon, 16 Nov 2026 11:17:40 +0100" */
static void end_entry(struct reader *reader, struct ul_span line)
{
	struct ul_span before;
	struct tm when = {0};
	char text[64];
	if (reader->newest[0] || !ul_span_cut(&line, '>', &before))
		return;
	ul_span_copy(ul_span_trim(line), text, sizeof(text));
	if (strptime(text, "%a, %d %b %Y", &when))
		strftime(reader->newest, sizeof(reader->newest), "%Y-%m-%d", &when);
}

static struct ul_error *read_line(struct reader *reader, struct ul_span line)
{
	size_t link;
	if (ul_span_starts(line, titles_at)) {
		UL_TRY(end_title(reader));
		add_words(reader, after(line, strlen(titles_at)));
		return NULL;
	}
	if (reader->title.len && ul_span_starts(line, continued_at)) {
		add_words(reader, line);
		return NULL;
	}
	UL_TRY(end_title(reader));
	if (ul_span_find(line, changelog_link, &link))
		ul_version_parse(after(line, link + strlen(changelog_link)), &reader->upstream);
	else if (ul_span_starts(line, "  * ")) {
		reader->upstream = (struct ul_version){0};
		add_words(reader, after(line, strlen("  * ")));
	} else if (ul_span_starts(line, " -- "))
		end_entry(reader, line);
	else if (line.len && line.data[0] != ' ')
		begin_entry(reader, line);
	return NULL;
}

static struct ul_error *read_changelog(struct reader *reader, struct ul_span text)
{
	struct ul_error *error = NULL;
	struct ul_span line;
	while (!error && ul_span_line(&text, &line))
		error = read_line(reader, line);
	if (!error)
		error = end_title(reader);
	ul_buf_deinit(&reader->title);
	return error;
}

struct adding {
	struct ul_fix_merger *merger;
	struct ul_fix_counts counts;
};

static struct ul_error *add_title(struct reader *reader, struct ul_span title)
{
	struct adding *adding = reader->data;
	if (!reader->upstream.major)
		return NULL; // Debian's own patches say nothing of upstream versions
	adding->counts.titles++;
	if (!ul_fix_title_is_leak(title))
		return NULL;
	adding->counts.leaks++;
	struct ul_version version = reader->upstream;
	const struct ul_fix_facts facts = {
		.title = title,
		.fixed = {.data = &version, .len = 1},
		.sources = UL_FIX_CHANGELOG,
	};
	return ul_fix_merger_add(adding->merger, &facts);
}

struct ul_error *ul_fixes_add_changelog(struct ul_fix_merger *merger, struct ul_span text,
					struct ul_fix_counts *ret_counts)
{
	struct adding adding = {.merger = merger};
	struct reader reader = {.each = add_title, .data = &adding};
	UL_TRY(read_changelog(&reader, text));
	ul_fix_merger_dated(merger, reader.newest);
	*ret_counts = adding.counts;
	return NULL;
}

struct ul_error *ul_fixes_add_changelog_file(struct ul_fix_merger *merger, const char *path,
					     struct ul_fix_counts *ret_counts)
{
	struct ul_buf text UL_CLEANUP_BUF = {0};
	UL_TRY(ul_fixes_read_text(path, &text));
	UL_TRY(ul_fixes_add_changelog(
		merger, (struct ul_span){.data = ul_buf_str(&text), .len = text.len}, ret_counts));
	if (!ret_counts->titles)
		return ul_error_new(UL_ERR_BAD_DATA,
				    "%s: no changelog of the kernel: it names no upstream versions",
				    path);
	return NULL;
}

/** Does the entry of the package that runs, or an older one, name one of these titles? */
struct looking {
	const struct ul_fix *const *fixes;
	size_t len;
	bool *named;
	const char *package;
	bool known; /**< its entry has been reached: entries are newest first */
};

static struct ul_error *look_for_title(struct reader *reader, struct ul_span title)
{
	struct looking *looking = reader->data;
	looking->known = looking->known || !strcmp(reader->package, looking->package);
	if (!looking->known)
		return NULL; // of a newer package than the one that runs
	for (size_t i = 0; i < looking->len; i++)
		if (ul_span_equal(title, looking->fixes[i]->title))
			looking->named[i] = true;
	return NULL;
}

struct ul_error *ul_fixes_package_names(const char *release, const char *package,
					const struct ul_fix *const *fixes, size_t len,
					bool *ret_named, bool *ret_known)
{
	// The image package of cloud kernels has no changelog of its own; all of one source have
	// the same.
	static const char *const packages[] = {"linux-image-%s", "linux-base-%s", "linux-binary-%s",
					       "linux-headers-%s", "linux-image-%s-unsigned"};
	memset(ret_named, 0, len * sizeof(*ret_named));
	*ret_known = false;
	struct looking looking = {
		.fixes = fixes, .len = len, .named = ret_named, .package = package};
	if (!package[0])
		return NULL;
	for (size_t i = 0; i < UL_ARRAY_LEN(packages) && !looking.known; i++) {
		struct ul_buf path UL_CLEANUP_BUF = {0};
		struct ul_buf text UL_CLEANUP_BUF = {0};
		ul_buf_puts(&path, "/usr/share/doc/");
		const char *mark = strstr(packages[i], "%s");
		ul_buf_add(&path, packages[i], (size_t)(mark - packages[i]));
		ul_buf_printf(&path, "%s%s/changelog.Debian.gz", release, mark + 2);
		if (path.failed)
			return &ul_enomem;
		struct ul_error *error = ul_fixes_read_text(path.data, &text);
		if (error == &ul_enomem)
			return error;
		const bool unreadable = error != NULL;
		ul_error_destroy(error);
		if (unreadable)
			continue;
		struct reader reader = {.each = look_for_title, .data = &looking};
		UL_TRY(read_changelog(
			&reader, (struct ul_span){.data = ul_buf_str(&text), .len = text.len}));
	}
	*ret_known = looking.known;
	return NULL;
}
