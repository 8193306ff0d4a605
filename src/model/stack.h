/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Call stacks: return addresses, innermost first, and what they mean. */
#ifndef UL_MODEL_STACK_H
#define UL_MODEL_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

enum { UL_STACK_MAX_FRAMES = 64 };

struct ul_frame {
	uint64_t kaddr;	 /**< return address, or 0 for an inlined frame */
	char *function;	 /**< NULL: no symbol */
	uint64_t offset; /**< within function */
	char *module;	 /**< NULL: the kernel itself */
	char *file;	 /**< source file, NULL: no DWARF at hand */
	uint32_t line;	 /**< 0: unknown */
	bool inlined;	 /**< into the next frame */
};

/** Innermost first. Owns its strings. */
struct ul_stack {
	UL_VEC(struct ul_frame) frames;
};

void ul_stack_deinit(struct ul_stack *stack);
/** Deep copy; false when memory is out (@p to is empty then). */
UL_MUST_USE bool ul_stack_copy(struct ul_stack *to, const struct ul_stack *from);
/** Whether the name of any of its functions matches @p glob, as in fnmatch(3). */
bool ul_stack_has(const struct ul_stack *stack, const char *glob);

#endif
