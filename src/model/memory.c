// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/memory.h"

struct ul_error *ul_memory_read(struct ul_memory *memory, uint64_t kaddr, void *buffer, size_t len,
				size_t *ret_read)
{
	size_t got = 0;
	UL_TRY(memory->ops->read(memory, kaddr, buffer, len, &got));
	__atomic_fetch_add(&memory->bytes_read, got, __ATOMIC_RELAXED);
	if (got < len)
		__atomic_fetch_add(&memory->bytes_unreadable, len - got, __ATOMIC_RELAXED);
	*ret_read = got;
	return NULL;
}

const void *ul_memory_map(struct ul_memory *memory, uint64_t kaddr, size_t *ret_len)
{
	return memory->ops->map ? memory->ops->map(memory, kaddr, ret_len) : NULL;
}

bool ul_memory_phys(struct ul_memory *memory, uint64_t kaddr, uint64_t *ret_phys, uint64_t *ret_len)
{
	return memory->ops->phys && memory->ops->phys(memory, kaddr, ret_phys, ret_len);
}

void ul_memory_forget(struct ul_memory *memory, uint64_t kaddr, uint64_t len)
{
	if (memory->ops->forget)
		memory->ops->forget(memory, kaddr, len);
}

bool ul_memory_u64(struct ul_memory *memory, uint64_t kaddr, uint64_t *ret)
{
	uint64_t word;
	size_t got = 0;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_memory_read(memory, kaddr, &word, sizeof(word), &got);
	if (error || got != sizeof(word))
		return false;
	*ret = word;
	return true;
}

void ul_memory_destroy(struct ul_memory *memory)
{
	if (memory)
		memory->ops->destroy(memory);
}
