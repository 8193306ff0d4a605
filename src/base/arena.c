// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/arena.h"

enum { BLOCK_BYTES = 64 * 1024 };

struct ul_arena_block {
	struct ul_arena_block *next;
	size_t size;
	_Alignas(16) char bytes[];
};

void *ul_arena_alloc(struct ul_arena *arena, size_t size)
{
	const size_t rounded = (size + 7) & ~(size_t)7;
	if (rounded < size)
		return NULL;
	struct ul_arena_block *block = arena->blocks;
	if (!block || block->size - arena->used < rounded) {
		const size_t bytes = rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES;
		size_t total;
		if (__builtin_add_overflow(sizeof(*block), bytes, &total))
			return NULL;
		block = malloc(total);
		if (!block)
			return NULL;
		*block = (struct ul_arena_block){.next = arena->blocks, .size = bytes};
		arena->blocks = block;
		arena->used = 0;
	}
	void *piece = block->bytes + arena->used;
	arena->used += rounded;
	return piece;
}

char *ul_arena_strdup(struct ul_arena *arena, struct ul_span span)
{
	char *copy = ul_arena_alloc(arena, span.len + 1);
	if (copy)
		ul_span_copy(span, copy, span.len + 1);
	return copy;
}

void ul_arena_deinit(struct ul_arena *arena)
{
	struct ul_arena_block *block = arena->blocks;
	while (block) {
		struct ul_arena_block *next = block->next;
		free(block);
		block = next;
	}
	*arena = (struct ul_arena){0};
}
