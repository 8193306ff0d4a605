/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many small pieces that live and die together: symbol names, interned strings. */
#ifndef UL_BASE_ARENA_H
#define UL_BASE_ARENA_H

#include <stddef.h>

#include "base/span.h"

struct ul_arena_block;

/** Zero is an empty arena. */
struct ul_arena {
	struct ul_arena_block *blocks;
	size_t used; /**< bytes used in the newest block */
};

/** @p size bytes aligned to 8, not zeroed; NULL when memory is out. Lives until deinit. */
void *ul_arena_alloc(struct ul_arena *arena, size_t size);
/** NUL-terminated copy of @p span; NULL when memory is out. Lives until deinit. */
char *ul_arena_strdup(struct ul_arena *arena, struct ul_span span);
void ul_arena_deinit(struct ul_arena *arena);

#endif
