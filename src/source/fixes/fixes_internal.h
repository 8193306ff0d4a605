/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of source/fixes only. */
#ifndef UL_SOURCE_FIXES_INTERNAL_H
#define UL_SOURCE_FIXES_INTERNAL_H

#include "base/buf.h"
#include "source/fixes/fixes.h"

enum { UL_FIX_COMMIT_DIGITS = 12 };

/** Remarks of every index that is written. */
#define UL_FIXES_NOTICE                                                                            \
	"# Facts about upstream fixes of leaks in the Linux kernel: see data/README.md of "        \
	"ullage.\n"                                                                                \
	"# CVE and the CVE logo are registered trademarks of The MITRE Corporation.\n"

/** Append the text of a file, unpacked when it is gzip. */
UL_MUST_USE struct ul_error *ul_fixes_read_text(const char *path, struct ul_buf *text);

/** Append the text of gzip bytes. */
UL_MUST_USE struct ul_error *ul_fixes_unpack(struct ul_span packed, struct ul_buf *text);

/** The sources merged reach to @p date ("2026-11-16", "" for not known): the newest is kept. */
void ul_fix_merger_dated(struct ul_fix_merger *merger, const char *date);

/** Kernel functions a title names: "f()" or a word with an underscore; borrowed from the title. */
struct ul_span_list {
	UL_VEC(struct ul_span) items;
};
void ul_fix_span_list_deinit(struct ul_span_list *list);
UL_MUST_USE struct ul_error *ul_fix_title_functions(struct ul_span title, struct ul_span_list *ret);

#endif
