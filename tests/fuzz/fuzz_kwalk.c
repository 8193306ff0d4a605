// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The walkers over a small kernel made by hand, with damage. First byte: which of the two kernels,
 * and whether its memory can be mapped. Then records of nine bytes, see fuzz_kwalk.h.
 */
#include <stdlib.h>

#include "fuzz_kwalk.h"

enum { HIDDEN_MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct ul_heap *heap)
{
	uint64_t allocated = 0;
	uint64_t slots = 0;
	for (uint64_t i = 0; i < heap->objects; i++)
		allocated += ul_heap_is_allocated(heap, i);
	ul_vec_foreach (block, &heap->blocks)
		slots += block->slots;
	if (slots != heap->objects || allocated > heap->objects || heap->hidden.len > HIDDEN_MAX)
		abort();
	ul_vec_foreach (cache, &heap->caches)
		if (cache->allocated > cache->objects || cache->unknown > cache->objects)
			abort();
	for (uint64_t pfn = 0; pfn < heap->space.max_pfn; pfn++)
		if (heap->page_class[pfn] >= UL_FRAME_CLASSES)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	// Made once: they are the same each time, and take longer than all the rest.
	static struct ul_types *types[2];
	struct fake_kernel fake;
	UL_CLEANUP_HEAP struct ul_heap heap = {0};
	const struct ul_kwalk_options options = {.threads = 1};
	if (!size)
		return 0;
	struct ul_types **mine = &types[data[0] & 1];
	if (!*mine)
		*mine = fk_types(data[0] & 1);
	if (fake_kernel_init(&fake, data[0] & 1, *mine)) {
		fake.no_map = data[0] & 2;
		fake.image.live = data[0] & 4;
		damage_all(&fake, data + 1, size - 1);
		UL_CLEANUP_ERROR struct ul_error *error =
			ul_kwalk_heap(&fake.image, &options, &heap);
		if (!error)
			check(&heap);
	}
	fake.image.types = NULL;
	fake_kernel_deinit(&fake);
	return 0;
}
