/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of things that grow: what they are, what makes them grow when nothing is wrong, how
 * to test it. Filled by source/knowledge, matched by analysis/recognise.
 */
#ifndef UL_MODEL_KNOWLEDGE_H
#define UL_MODEL_KNOWLEDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/vec.h"
#include "model/loss.h"

enum ul_known_as {
	UL_KNOWN_LEAK,	  /**< a bug, when the conditions hold */
	UL_KNOWN_HELD,	  /**< somebody keeps it */
	UL_KNOWN_FILLING, /**< the kernel takes it back under pressure */
	UL_KNOWN_LIMIT,	  /**< grows to a limit that a setting names */
};
/** "leak", "held", "filling", "limit". */
const char *ul_known_as_name(enum ul_known_as as);

/** Names with * and ?, any of which will do. */
struct ul_globs {
	UL_VEC(const char *) items;
};

/** A number in a file: "/proc/sys/fs/file-nr[1]", "/proc/meminfo:Balloon". */
struct ul_setting_value {
	const char *path;
	const char *key; /**< of a line "key: number" or "key number"; NULL: by word */
	uint32_t word;	 /**< from 1; with a key 0 */
};

/** value > factor x other, or < ; without `other` the factor is the number itself. */
struct ul_setting_test {
	struct ul_setting_value value;
	bool less;
	double factor;
	struct ul_setting_value other; /**< path NULL: none */
	const char *text;	       /**< as it was written */
};

/** Strings are of the knowledge's arena. */
struct ul_knowledge_entry {
	const char *name;
	enum ul_known_as as;
	struct ul_globs accounts;  /**< caches and accounts it is about */
	struct ul_globs functions; /**< on the stack of the allocation */
	struct ul_globs symbols;   /**< pointed to by the objects */
	struct ul_globs texts;	   /**< in the objects */
	UL_VEC(struct ul_setting_test) settings;
	const char *what, *grows, *test, *advice, *source;
};

struct ul_knowledge {
	UL_VEC(struct ul_knowledge_entry) entries; /**< in the order of the file */
	struct ul_arena arena;
	struct ul_losses losses;
};

void ul_knowledge_deinit(struct ul_knowledge *knowledge);
#define UL_CLEANUP_KNOWLEDGE UL_CLEANUP(ul_knowledge_deinit)

/** True when @p name is one of the globs; case counts. */
bool ul_globs_match(const struct ul_globs *globs, const char *name);

#endif
