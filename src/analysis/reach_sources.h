/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All memory that may hold references, walked in address order by several threads. */
#ifndef UL_ANALYSIS_REACH_SOURCES_H
#define UL_ANALYSIS_REACH_SOURCES_H

#include "analysis/reach_internal.h"

/** A stretch that is being walked. */
struct ul_reach_source {
	enum ul_reference_from where;
	bool page_table; /**< its words are physical addresses with flags */
};

struct ul_reach_walker;

/** One thread's part of a walk; first member of what the visitor keeps for itself. */
struct ul_reach_visitor {
	/** Words of one stretch; `source` says whose they are. */
	ul_reach_words_fn words;
	struct ul_reach_source source;
	struct ul_reach_window window;
};

enum ul_reach_walk_flags {
	UL_REACH_WALK_LIVE = 1 << 0,  /**< roots, and allocated objects that were reached */
	UL_REACH_WALK_WHITE = 1 << 1, /**< allocated objects that were not */
	/**
	 * Free objects, dead stacks; of a dump free pages, too: of a machine that runs they are
	 * most of its memory and would be most of the time.
	 */
	UL_REACH_WALK_STALE = 1 << 2,
	UL_REACH_WALK_TABLES = 1 << 3, /**< page tables, for physical addresses */
};

struct ul_reach_walk {
	const struct ul_reach_scan *scan;
	const uint64_t *white; /**< NULL: all that is allocated counts as reached */
	unsigned int flags;    /**< enum ul_reach_walk_flags */
	/** A visitor for one more thread, NULL: no memory; handed back with finish(). */
	struct ul_reach_visitor *(*start)(void *context);
	struct ul_error *(*finish)(void *context, struct ul_reach_visitor *visitor);
	void *context;
	/* private */
	struct ul_reach_roots roots;
	size_t next;
	uint64_t scanned; /**< bytes, when the walk is over */
};

/** Visits each word once; start() and finish() are called by one thread at a time. */
UL_MUST_USE struct ul_error *ul_reach_walk(struct ul_reach_walk *walk);

#endif
