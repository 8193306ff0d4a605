// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The walkers over a small kernel made by hand, with damage. First byte: which of the two kernels,
 * and whether its memory can be mapped. Then records of nine bytes: what to write (a number of 1 to
 * 8 bytes, or an address), where (the page array, the data of the image, anywhere), and the value.
 */
#include <stdlib.h>

#include "source/kwalk/kwalk_fixture.h"

enum { RECORD = 9, HIDDEN_MAX = 1 << 16, DATA_START = 0x4000, DATA_BYTES = 0x3000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void damage(struct fake_kernel *fake, const uint8_t *record)
{
	static const uint64_t bases[] = {FK_DIRECT, FK_VMEMMAP, FK_TEXT, FK_VMALLOC};
	const uint8_t what = record[0];
	const uint32_t where = record[1] | (uint32_t)record[2] << 8 | (uint32_t)record[3] << 16;
	uint64_t value = 0;
	uint64_t at = fk_direct(0) + where % (FK_PAGES * FK_PAGE);
	memcpy(&value, record + 4, 5);
	if ((what & 3) == 0)
		at = FK_VMEMMAP + where % (FK_PAGES * 64);
	else if ((what & 3) == 1)
		at = FK_TEXT + DATA_START + where % DATA_BYTES;
	if (what & 4) // an address: of something, or near it
		value = bases[value & 3] + (value >> 2) % (FK_PAGES * FK_PAGE);
	if (what & 8)
		value = ~value;
	fk_put(fake, at & ~UINT64_C(7), value, what & 4 ? 8 : (size_t)1 << (what >> 4 & 3));
}

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
		for (size_t at = 1; at + RECORD <= size; at += RECORD)
			damage(&fake, data + at);
		UL_CLEANUP_ERROR struct ul_error *error =
			ul_kwalk_heap(&fake.image, &options, &heap);
		if (!error)
			check(&heap);
	}
	fake.image.types = NULL;
	fake_kernel_deinit(&fake);
	return 0;
}
