/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the writer remembers of each series: its id, its last written value, and what this sample
 * makes of it. A hash table, because a ledger names hundreds of accounts a second.
 */
#ifndef UL_SOURCE_RECORD_TRACK_H
#define UL_SOURCE_RECORD_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"

struct ul_cache;

/** What tells one series from another. */
struct ul_track_key {
	int kind;	  /**< enum ul_kind or enum ul_record_kind */
	const char *name; /**< NULL: pid and start say it all */
	int64_t pid;	  /**< processes; else how many of this name came before in the ledger */
	uint64_t start;
};

struct ul_track {
	int kind;
	char *name; /**< part of the key, or NULL */
	int64_t pid;
	uint64_t start;
	char *label; /**< comm of a process: may change; else NULL */
	uint32_t flags;
	uint32_t parent;
	uint32_t id;		      /**< 0: none yet */
	bool stored;		      /**< its row in `series` is as it is here */
	bool alive;		      /**< has a value in the file */
	int64_t last[2];	      /**< bytes, objects: in the file, or as first seen */
	int64_t now[2];		      /**< in this sample */
	uint64_t seen;		      /**< generation that last named it */
	uint64_t present;	      /**< generation that last gave it a value for the file */
	const struct ul_cache *cache; /**< of this sample; borrowed while it is written */
	int64_t first_ns;   /**< processes: boot time when first seen; INT64_MIN: from the start */
	uint64_t meta_hash; /**< of the cache's geometry and aliases as stored; 0: not stored */
	uint64_t meta_pending; /**< the same, of this sample */
};

/** Zero is an empty table. */
struct ul_track_table {
	UL_VEC(struct ul_track *) items; /**< owned; in order of creation */
	uint32_t *slots;		 /**< index + 1 into items; 0: free */
	size_t slots_len;		 /**< a power of two */
};

/** The track, made if new (last and now then (0, -1)). Stable until swept. */
UL_MUST_USE struct ul_error *ul_track_get(struct ul_track_table *table,
					  const struct ul_track_key *key, struct ul_track **ret);
/** Forget tracks of processes not seen since generation @p since: their series never come back. */
void ul_track_sweep(struct ul_track_table *table, uint64_t since);
/** True for the kinds that belong to one process. */
bool ul_track_of_process(int kind);
/** FNV-1a over @p len bytes, going on from @p hash; begin with UL_TRACK_HASH. */
uint64_t ul_track_hash(uint64_t hash, const void *bytes, size_t len);
void ul_track_deinit(struct ul_track_table *table);

#define UL_TRACK_HASH 0xcbf29ce484222325ULL

#endif
