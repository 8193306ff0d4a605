/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects nobody points to. Computed by analysis/reach, grouped by analysis/orphan_groups. */
#ifndef UL_MODEL_ORPHAN_H
#define UL_MODEL_ORPHAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"
#include "model/heap.h"
#include "model/loss.h"
#include "model/origin.h"
#include "model/pattern.h"
#include "model/refcount.h"
#include "model/release.h"

/** How sure it is that nothing refers to an object the first pass did not reach. */
enum ul_orphan_grade {
	UL_ORPHAN_STRONG, /**< nothing anywhere looks like a reference to it */
	UL_ORPHAN_STALE,  /**< only free objects, dead stacks or free pages hold its address */
	UL_ORPHAN_WEAK,	  /**< something that may be a reference: see enum ul_weak_reference */
	UL_ORPHAN_UNREACHED_PAGE, /**< reached, but only from a page block nobody points to */
};
const char *ul_orphan_grade_name(enum ul_orphan_grade grade);

/** Why an unreached object is graded weak. Bits. */
enum ul_weak_reference {
	UL_WEAK_MISALIGNED = 1 << 0, /**< its address, not at a multiple of 8 */
	UL_WEAK_PAST_END = 1 << 1,   /**< the address just behind or just before it */
	UL_WEAK_PHYSICAL = 1 << 2,   /**< its physical (DMA) address */
	UL_WEAK_PFN = 1 << 3,	     /**< its page frame number */
	UL_WEAK_PERCPU = 1 << 4,     /**< a small number that is its percpu offset */
	UL_WEAK_INHERITED = 1 << 5,  /**< only weak ones point to it */
	UL_WEAK_BEHIND = 1 << 6, /**< pages behind one in use that may be of the same allocation */
};

/** How an orphan hangs together with the others. */
enum ul_orphan_role {
	UL_ORPHAN_DIRECT,   /**< no other orphan points to it: what was lost */
	UL_ORPHAN_INDIRECT, /**< hangs from a direct one or from a cycle */
	UL_ORPHAN_CYCLE,    /**< in a ring of orphans that nothing outside points to */
};
const char *ul_orphan_role_name(enum ul_orphan_role role);

struct ul_orphan {
	uint64_t object; /**< its number in the heap */
	uint64_t kaddr;
	enum ul_orphan_grade grade;
	unsigned int weak; /**< enum ul_weak_reference */
	enum ul_orphan_role role;
	/**
	 * Of it and what only it keeps; 0 where another orphan alone keeps it. Of a cycle the
	 * first object carries them: no byte is counted twice, all are counted.
	 */
	uint64_t retained_bytes;
	uint64_t stale_kaddr; /**< where a stale copy of its address was seen; 0: nowhere */
};

/** Orphans that look alike: same cache (or kind), same contents. */
struct ul_orphan_group {
	const char
		*cache; /**< borrowed from the heap: cache, "vmalloc", "pages", "kmalloc-large" */
	uint32_t object_bytes;
	uint64_t orphans;
	uint64_t allocated;	    /**< objects of that cache in all */
	uint64_t bytes;		    /**< orphans x slot */
	uint64_t retained_bytes;    /**< with what hangs from them */
	enum ul_orphan_grade grade; /**< the strongest of its members */
	uint64_t strong;	    /**< members graded strong or stale */
	enum ul_orphan_role role;   /**< of most members */
	char *type;		    /**< NULL: not told */
	char *type_evidence;	    /**< why; NULL with type NULL */
	char *caller; /**< the function that asked for them, "name [module]", where the kernel keeps
			 it: vmalloc, slabs with slab_debug=U; else NULL */
	struct ul_origins origins; /**< of all members: cgroups, lines of code */
	char *identity; /**< what more members stand for than for anything else: a /proc file ...;
			   NULL: not told */
	uint64_t identity_objects;   /**< that stand for it ... */
	uint64_t identity_looked_at; /**< ... of these */
	struct ul_refcount refcount; /**< references that are left of most; member "": not told */
	struct ul_release release;   /**< that forgot those of the identity; all "": not told */
	char *hint; /**< vmalloc caller, symbols in the objects, path of a file ...; NULL: none */
	struct ul_patterns patterns;
	UL_VEC(uint64_t) examples; /**< kernel addresses, a few */
	UL_VEC(uint32_t) members;  /**< indices into ul_orphans.items */
	UL_VEC(uint32_t)
	hangs_from; /**< indices of groups whose members point to members of this */
};

/** What a suppression left out. */
struct ul_suppressed {
	char *rule; /**< as it was written */
	char *why;  /**< its comment; NULL: none */
	bool built_in;
	uint64_t orphans, bytes;
};

struct ul_orphans {
	uint64_t objects_allocated, objects_reachable, objects_orphans, objects_unknown;
	uint64_t scan_bytes; /**< kernel memory scanned for pointers */
	double scan_seconds;
	unsigned int threads;
	UL_VEC(struct ul_orphan) items; /**< by object number */
	UL_VEC(struct ul_orphan_group)
	groups;		     /**< most retained bytes first; filled when grouped */
	uint64_t suppressed; /**< orphans that a suppression names: in no group */
	UL_VEC(struct ul_suppressed) suppressed_by; /**< rules that named some */
	struct ul_losses losses;
};

void ul_orphan_group_deinit(struct ul_orphan_group *group);
void ul_orphans_deinit(struct ul_orphans *orphans);
#define UL_CLEANUP_ORPHANS UL_CLEANUP(ul_orphans_deinit)

#endif
