/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is what grows something known? Pure. */
#ifndef UL_ANALYSIS_RECOGNISE_H
#define UL_ANALYSIS_RECOGNISE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/knowledge.h"
#include "model/pattern.h"
#include "model/site.h"

/** What was found; each part may be missing. Borrowed. */
struct ul_recognise_facts {
	const char *account; /**< cache or account */
	const char *kind;    /**< ul_kind_name() of the account; may be NULL */
	const char *aliases; /**< ", " between; may be NULL */
	const struct ul_stack *stack;
	const char *function;
	const struct ul_patterns *patterns;
	/** The number a setting names; false when it cannot be read. May be NULL: none can. */
	bool (*setting)(const struct ul_setting_value *value, double *ret, void *data);
	void *data;
};

/** An entry that agrees with the facts. */
struct ul_recognised {
	const struct ul_knowledge_entry *entry; /**< borrowed from the knowledge */
	bool certain;  /**< something beside the account's name agrees: stack, contents, setting */
	char why[160]; /**< what agrees */
};

struct ul_recognitions {
	UL_VEC(struct ul_recognised)
	items; /**< certain ones first, then by the order of the file */
};

void ul_recognitions_deinit(struct ul_recognitions *recognitions);
#define UL_CLEANUP_RECOGNITIONS UL_CLEANUP(ul_recognitions_deinit)

/**
 * Entries for what was found: the account agrees, and of the conditions an entry has beside it all
 * that can be looked at hold. One that was looked at and does not hold rules the entry out; what
 * could not be looked at (no stack, no contents) leaves it uncertain.
 * @p ret is initialised here; caller deinits.
 */
UL_MUST_USE struct ul_error *ul_recognise(const struct ul_knowledge *knowledge,
					  const struct ul_recognise_facts *facts,
					  struct ul_recognitions *ret);

/**
 * True when the entry is about @p name: its own name, an account or cache, the caller of a vmalloc
 * area, or a function.
 */
bool ul_knowledge_is_about(const struct ul_knowledge_entry *entry, const char *name);

#endif
