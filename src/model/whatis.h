/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an address is, and who refers to it. Computed by analysis/whatis. */
#ifndef UL_MODEL_WHATIS_H
#define UL_MODEL_WHATIS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "model/heap.h"
#include "model/origin.h"
#include "model/symtab.h"

enum ul_object_state {
	UL_OBJECT_NONE, /**< no object there */
	UL_OBJECT_FREE,
	UL_OBJECT_ALLOCATED,
	UL_OBJECT_UNKNOWN, /**< its slab is damaged, or changed while it was read */
};
/** "none", "free", "allocated", "unknown". */
const char *ul_object_state_name(enum ul_object_state state);

/** Every answer that holds; an address may be several things at once. */
struct ul_whatis {
	uint64_t kaddr;
	struct ul_symbol symbol; /**< name NULL: in none */
	enum ul_object_state state;
	const char *cache; /**< of the object: its cache, "vmalloc", "pages" ...; borrowed */
	uint64_t object;   /**< its address */
	uint64_t offset;   /**< of the address within it */
	uint64_t bytes;	   /**< of the object */
	char *caller;	   /**< who asked for it, where the kernel keeps that; else NULL */
	struct ul_origins origins; /**< of the object, where they were asked for */
	char *type;		   /**< of the object; NULL: not told */
	char *type_evidence;	   /**< why; NULL with type NULL */
	char *member;	/**< of that type, at the offset: "pcpu_cid", "se.cfs_rq"; NULL: none */
	bool has_frame; /**< in the direct map, or a struct page: then of which frame */
	bool is_struct_page;
	uint64_t pfn;
	enum ul_frame_class frame;
	bool has_root; /**< in what is scanned as a root, or in the dead part of such a stack */
	bool dead;     /**< in the dead part of a stack */
	enum ul_root_kind root;
	uint64_t owner;	     /**< struct task_struct * or struct module * of the root; 0: none */
	char owner_name[64]; /**< "kworker/0:1[17]", "nfsd"; "": not known */
};

void ul_whatis_deinit(struct ul_whatis *whatis);

/** A reference, or a step of a chain. */
struct ul_referrer {
	struct ul_whatis from;
	uint64_t value; /**< the word there; 0 in a chain */
	bool stale;	/**< it stands in memory that is not in use */
	bool is_register;
	uint32_t cpu; /**< of the register */
};

/** One address that was asked about, and who refers to it. */
struct ul_referred {
	struct ul_whatis target;
	UL_VEC(struct ul_referrer) referrers;
	bool has_path;			 /**< a chain was looked for */
	bool path_complete;		 /**< the search was not stopped */
	UL_VEC(struct ul_referrer) path; /**< the root first; empty: nothing reaches it */
};

void ul_referred_deinit(struct ul_referred *referred);

#endif
