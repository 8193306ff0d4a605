/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects that count their references: which functions of the kernel take one and give one back, as
 * far as that is a call at all; and what was seen of such calls while a command ran.
 */
#ifndef UL_MODEL_REFERENCE_H
#define UL_MODEL_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "model/calls.h"

enum {
	UL_REFERENCE_ALLOCATORS = 6,
	UL_REFERENCE_FUNCTIONS = 9,
};

/** A function that takes a reference to what it returns, or gives back that of its first argument.
 */
struct ul_reference_function {
	const char *name; /**< NULL: end of the list */
	bool puts;
};

struct ul_reference_type {
	const char *name; /**< "struct pid" */
	/** Functions that allocate it. A list ends by NULL. Not every kernel has all. */
	const char *allocators[UL_REFERENCE_ALLOCATORS];
	struct ul_reference_function functions[UL_REFERENCE_FUNCTIONS];
};

/** The one table of them. */
const struct ul_reference_type *ul_reference_types(size_t *ret_len);
/** The type whose objects @p function allocates ("copy_process.isra.0" too); NULL: none. */
const struct ul_reference_type *ul_reference_type_of(const char *function);

enum ul_reference_what {
	UL_REFERENCE_ALLOCATED,
	UL_REFERENCE_FREED,
	UL_REFERENCE_CALLED, /**< a function of the type */
};

struct ul_reference_event {
	const struct ul_reference_type *type;
	enum ul_reference_what what;
	uint32_t function; /**< index in type->functions */
	int32_t caller;	   /**< of it: index in `callers`, or UL_CALL_NOBODY */
	uint32_t run;	   /**< index in `runs` */
	uint64_t object;   /**< its address */
};

struct ul_reference_caller {
	char *name;
	char *module; /**< NULL: the kernel */
};

struct ul_reference_calls {
	UL_VEC(struct ul_reference_caller) callers;
	UL_VEC(struct ul_reference_event) items; /**< in order of time */
	UL_VEC(struct ul_call_run) runs;
};

void ul_reference_calls_deinit(struct ul_reference_calls *references);
#define UL_CLEANUP_REFERENCE_CALLS UL_CLEANUP(ul_reference_calls_deinit)

#endif
