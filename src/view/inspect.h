/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lies at addresses, for people and for programs. */
#ifndef UL_VIEW_INSPECT_H
#define UL_VIEW_INSPECT_H

#include "model/described.h"
#include "model/kernel.h"
#include "model/loss.h"
#include "model/origin.h"
#include "model/pattern.h"
#include "model/release.h"
#include "model/revisit.h"
#include "model/symtab.h"
#include "view/term.h"

/** One address that was asked about. */
struct ul_inspected {
	uint64_t kaddr;
	bool has_symbol; /**< it lies in a function or variable */
	struct ul_symbol symbol;
	bool has_cache; /**< it lies in a slab, or in another allocated thing of that name */
	char cache[64];
	bool has_object; /**< which object, and whether it is allocated, is known (images) */
	uint64_t object; /**< its address */
	uint64_t offset; /**< of kaddr in it */
	uint32_t object_bytes;
	bool allocated;
	struct ul_symbol site; /**< who asked for it, where the kernel keeps that; name NULL: not */
	struct ul_origins origins;     /**< owned; of an allocated object */
	struct ul_described described; /**< owned; empty: type not known */
	UL_VEC(uint8_t) bytes;	       /**< owned; with --hex */
};

void ul_inspected_deinit(struct ul_inspected *inspected);

/** A type that several of the objects have. */
struct ul_inspected_type {
	char name[96];
	char evidence[192];
	uint64_t objects;
};

/** What several of the objects stand for: one path, one pair of addresses. */
struct ul_inspected_identity {
	char *text;
	uint64_t objects;
	struct ul_release release; /**< that forgets them; all "": not told */
};

/** All that `inspect` has to say. */
struct ul_inspection {
	UL_VEC(struct ul_inspected) objects;
	char *what;	 /**< "slab cache seq_file", "orphans of ..."; NULL: the addresses */
	uint64_t chosen; /**< objects that `what` is, or addresses */
	UL_VEC(struct ul_inspected_type) types;		 /**< most objects first */
	UL_VEC(struct ul_inspected_identity) identities; /**< most objects first; the first few */
	struct ul_origins origins;			 /**< of all that were chosen */
	uint64_t identified;				 /**< objects that have one */
	struct ul_patterns patterns;
	UL_VEC(struct ul_described) examples; /**< of the first patterns whose type is known */
	struct ul_revisit revisit; /**< of survivors of a recording: what became of them */
	struct ul_losses losses;
};

void ul_inspection_deinit(struct ul_inspection *inspection);
#define UL_CLEANUP_INSPECTION UL_CLEANUP(ul_inspection_deinit)

UL_MUST_USE struct ul_error *ul_json_inspect(FILE *out, bool pretty, const struct ul_kernel *kernel,
					     const struct ul_inspection *inspection);
UL_MUST_USE struct ul_error *ul_term_inspect(const struct ul_term *term,
					     const struct ul_inspection *inspection);

#endif
