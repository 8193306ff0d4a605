/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which orphans are known and not to be reported: rules of a file, and built-in ones. */
#ifndef UL_ANALYSIS_SUPPRESSIONS_H
#define UL_ANALYSIS_SUPPRESSIONS_H

#include "base/error.h"
#include "base/span.h"
#include "model/orphan.h"

/** All that are given must match, as globs; NULL: not asked. */
struct ul_suppression {
	char *text;   /**< the rule as it was written, without its comment */
	char *why;    /**< its comment; NULL: none */
	char *cache;  /**< name of the cache, "vmalloc", "pages", "kmalloc-large", "percpu" */
	char *symbol; /**< one the objects point to, "name" or "name [module]" */
	char *type;
	char *caller;	/**< of a vmalloc area: function that asked for it */
	char *contents; /**< the text they hold, as it is shown */
	bool built_in;
};

struct ul_suppressions {
	UL_VEC(struct ul_suppression) items;
};

/** What the kernel itself marks with kmemleak_not_leak(). */
UL_MUST_USE struct ul_error *ul_suppressions_add_built_in(struct ul_suppressions *suppressions);
/**
 * Add the rules of a file: one a line, "cache=GLOB symbol=GLOB type=GLOB caller=GLOB
 * contents=GLOB", some of them; a value with blanks in double quotes; from # on a comment.
 *
 * @param name  of the file, for messages.
 * @return UL_ERR_BAD_DATA with the line, UL_ERR_LIMIT.
 */
UL_MUST_USE struct ul_error *ul_suppressions_parse(struct ul_suppressions *suppressions,
						   const char *name, struct ul_span text);
/** The first rule that names @p group; NULL: none. */
const struct ul_suppression *ul_suppressions_find(const struct ul_suppressions *suppressions,
						  const struct ul_orphan_group *group);
void ul_suppressions_deinit(struct ul_suppressions *suppressions);
#define UL_CLEANUP_SUPPRESSIONS UL_CLEANUP(ul_suppressions_deinit)

#endif
