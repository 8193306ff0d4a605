/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What pairing.c, pairing_table.c and pairing_sites.c share. */
#ifndef UL_ANALYSIS_PAIRING_INTERNAL_H
#define UL_ANALYSIS_PAIRING_INTERNAL_H

#include "analysis/pairing.h"
#include "base/vec.h"

/** One live allocation, or one piece of a page block that was freed in part. 32 bytes. */
struct pairing_live {
	uint64_t key;
	int64_t time_ns;
	uint32_t site; /**< index + 1 into sites; 0: the slot is free */
	uint32_t comm;
	int32_t pid;
	uint32_t order : 5;
	uint32_t group : 26; /**< index + 1 into groups; 0: whole */
	uint32_t hashed : 1;
};
_Static_assert(sizeof(struct pairing_live) == 32, "memory of a million live allocations");

/** Open addressing, linear probing, deletion by shifting back: no tombstones to collect. */
struct pairing_table {
	struct pairing_live *slots;
	size_t mask; /**< slots - 1, or 0 while empty */
	size_t len;
};

/** The entry, or NULL. */
struct pairing_live *ul_pairing_table_find(const struct pairing_table *table, uint64_t key);
/** A new entry for @p key, which must not be there; NULL when memory is out. */
struct pairing_live *ul_pairing_table_insert(struct pairing_table *table, uint64_t key);
/** Remove; pointers into the table are stale afterwards. */
void ul_pairing_table_remove(struct pairing_table *table, struct pairing_live *entry);
void ul_pairing_table_clear(struct pairing_table *table);
/** Move all entries to the front, where they can be sorted; ends the use as a table. */
void ul_pairing_table_compact(struct pairing_table *table);
void ul_pairing_table_deinit(struct pairing_table *table);

/** A page block of which parts were freed: one object, several pieces. */
struct pairing_group {
	uint32_t pieces; /**< still live */
	uint32_t next;	 /**< in the list of free groups: index + 1 */
	bool missed;	 /**< some piece was freed unseen */
	bool counted;	 /**< already counted by ul_pairing_finish() */
};

struct pairing_site {
	enum ul_allocator allocator;
	uint32_t cache;
	uint32_t stack;
	bool cache_guessed;
	uint32_t freed_cache; /**< what frees of its objects call their cache; 0: they do not */
	uint8_t order;
	uint64_t bytes; /**< of one object */
	uint64_t allocated, freed, missed;
	uint64_t freed_bytes, missed_bytes;
	uint32_t ages[UL_AGE_CLASSES]; /**< of those freed, see struct ul_ages */
};

enum { ALLOCATORS = UL_ALLOCATOR_PERCPU + 1, ORDERS = UL_PAGE_ORDER_MAX + 1, CPUS = 256 };

/** Most groups that fit in their bits. */
enum { GROUPS_MAX = (1 << 26) - 1 };

struct ul_pairing {
	struct ul_pairing_options options;
	struct pairing_table live[ALLOCATORS];
	size_t live_of_order[ORDERS]; /**< pieces of pages, so that orders without any cost nothing
				       */
	UL_VEC(struct pairing_site) sites;
	uint32_t *site_table; /**< open addressing: index + 1 */
	size_t site_slots;
	UL_VEC(struct pairing_group) groups;
	uint32_t free_group;	      /**< index + 1; 0: none */
	uint64_t last_repeated[CPUS]; /**< frame + 1 that the last `repeats` free of a CPU freed */
	uint64_t frees[ALLOCATORS];   /**< free events */
	uint64_t unmatched[ALLOCATORS]; /**< of them, of what was not live */
	uint64_t events;
	uint64_t lost;	       /**< events the recorder lost, where it says how many */
	uint64_t lost_unknown; /**< and marks that do not */
	uint64_t refused_live, refused_sites;
	uint64_t unsplit; /**< parts of page blocks freed, taken as the whole for want of room */
	bool any_time, any_hashed;
	bool any_begins;
	int64_t begins_ns; /**< when the last processor's events began */
	int64_t first_ns, last_ns;
};

#endif
