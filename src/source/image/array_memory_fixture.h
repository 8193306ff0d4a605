/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory for tests: a few arrays at kernel addresses; what lies between them is a hole. */
#ifndef UL_SOURCE_IMAGE_ARRAY_MEMORY_FIXTURE_H
#define UL_SOURCE_IMAGE_ARRAY_MEMORY_FIXTURE_H

#include <string.h>

#include "model/memory.h"

enum { ARRAY_MEMORY_PARTS = 8 };

struct array_memory {
	struct ul_memory memory;
	struct array_part {
		uint64_t kaddr;
		const uint8_t *bytes; /**< borrowed */
		size_t len;
	} parts[ARRAY_MEMORY_PARTS];
	size_t len;
};

static inline struct ul_error *array_memory_read(struct ul_memory *memory, uint64_t kaddr,
						 void *buffer, size_t len, size_t *ret_read)
{
	const struct array_memory *array = (const struct array_memory *)memory;
	*ret_read = 0;
	for (size_t i = 0; i < array->len; i++) {
		const struct array_part *part = &array->parts[i];
		const uint64_t into = kaddr - part->kaddr;
		if (into >= part->len)
			continue;
		*ret_read = len < part->len - into ? len : part->len - (size_t)into;
		memcpy(buffer, part->bytes + into, *ret_read);
		break;
	}
	return NULL;
}

static inline void array_memory_destroy(struct ul_memory *memory)
{
}

static const struct ul_memory_ops array_memory_ops = {.read = array_memory_read,
						      .destroy = array_memory_destroy};

static inline struct array_memory array_memory_make(void)
{
	return (struct array_memory){.memory = {.ops = &array_memory_ops, .engine = "test"}};
}

static inline void array_memory_add(struct array_memory *array, uint64_t kaddr, const void *bytes,
				    size_t len)
{
	array->parts[array->len++] = (struct array_part){kaddr, bytes, len};
}

#endif
