/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Known leak fixes: the index that ships with ullage, and what extends it from the user's disk.
 * Nothing is ever fetched.
 */
#ifndef UL_SOURCE_FIXES_FIXES_H
#define UL_SOURCE_FIXES_FIXES_H

#include <stdbool.h>

#include "base/error.h"
#include "base/span.h"
#include "model/fix.h"

/** The index built into ullage. @p ret is initialised here; caller deinits it. */
UL_MUST_USE struct ul_error *ul_fixes_shipped(struct ul_fixes *ret);
/** An index from a file (gzip or plain). @p ret as above. */
UL_MUST_USE struct ul_error *ul_fixes_read(const char *path, struct ul_fixes *ret);
/** Parse the text of an index; what is wrong in it is a loss, a foreign format UL_ERR_BAD_DATA. */
UL_MUST_USE struct ul_error *ul_fixes_parse(struct ul_span text, struct ul_fixes *ret);
/** Write an index, compressed, first beside @p path and then in its place. */
UL_MUST_USE struct ul_error *ul_fixes_write(const struct ul_fixes *fixes, const char *path);
/**
 * Where --update keeps the user's own index: below /var/lib/ullage for root, else XDG_DATA_HOME.
 */
UL_MUST_USE struct ul_error *ul_fixes_own_path(char *path, size_t size);

/** Facts about one fix, from whatever source; spans borrowed for the call. */
struct ul_fix_facts {
	struct ul_span commit; /**< empty: not known */
	struct ul_span title;
	struct ul_span cve;
	UL_VEC(struct ul_span) functions;
	UL_VEC(struct ul_span) files;
	struct ul_version introduced, mainline;
	UL_VEC(struct ul_version) fixed;
	UL_VEC(struct ul_version) not_fixed;
	unsigned int sources;
};

struct ul_fix_merger;

/**
 * Merges facts into @p fixes, which it borrows: by commit, else by title. Of two fixed versions of
 * one series the earlier counts; functions and files are united.
 */
UL_MUST_USE struct ul_error *ul_fix_merger_create(struct ul_fixes *fixes,
						  struct ul_fix_merger **ret);
void ul_fix_merger_destroy(struct ul_fix_merger *merger);
UL_DEFINE_CLEANUP(ul_cleanup_fix_merger, struct ul_fix_merger, ul_fix_merger_destroy);
#define UL_CLEANUP_FIX_MERGER UL_CLEANUP(ul_cleanup_fix_merger)
UL_MUST_USE struct ul_error *ul_fix_merger_add(struct ul_fix_merger *merger,
					       const struct ul_fix_facts *facts);

/** Everything @p more knows, into @p fixes. */
UL_MUST_USE struct ul_error *ul_fixes_unite(struct ul_fixes *fixes, const struct ul_fixes *more);
/** Make the directory of ul_fixes_own_path(). */
UL_MUST_USE struct ul_error *ul_fixes_make_own_directory(void);

/** Counts of one run over a source. */
struct ul_fix_counts {
	uint64_t titles; /**< looked at */
	uint64_t leaks;	 /**< of them, fixes of leaks */
};

/** Titles in a Debian changelog of the kernel (text, not compressed). */
UL_MUST_USE struct ul_error *ul_fixes_add_changelog(struct ul_fix_merger *merger,
						    struct ul_span text,
						    struct ul_fix_counts *ret_counts);
/** The same from a file, gzip or plain. */
UL_MUST_USE struct ul_error *ul_fixes_add_changelog_file(struct ul_fix_merger *merger,
							 const char *path,
							 struct ul_fix_counts *ret_counts);
/** Commits of a clone of the kernel; runs git. */
UL_MUST_USE struct ul_error *ul_fixes_add_git(struct ul_fix_merger *merger, const char *directory,
					      struct ul_fix_counts *ret_counts);

/** True when a commit of that title mends a leak of memory (not one of information). */
bool ul_fix_title_is_leak(struct ul_span title);

/**
 * Whether the changelog of the running kernel's package names a title: in an entry of version @p
 * package or older. False when it does not, or there is no changelog of that version on this
 * machine (*@p ret_known then).
 */
UL_MUST_USE struct ul_error *ul_fixes_package_names(const char *release, const char *package,
						    const struct ul_fix *const *fixes, size_t len,
						    bool *ret_named, bool *ret_known);

#endif
