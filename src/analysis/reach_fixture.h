/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel's memory made by hand, for the tests of analysis/reach and its bench. */
#ifndef UL_ANALYSIS_REACH_FIXTURE_H
#define UL_ANALYSIS_REACH_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/heap.h"
#include "model/image.h"

#define FIXTURE_DIRECT	UINT64_C(0xffff888000000000)
#define FIXTURE_VMEMMAP UINT64_C(0xffffea0000000000)
#define FIXTURE_VMALLOC UINT64_C(0xffffc90000000000)
#define FIXTURE_IMAGE	UINT64_C(0xffffffff81000000)

enum { FIXTURE_PAGES = 4096, FIXTURE_AREA_PAGES = 64, FIXTURE_IMAGE_PAGES = 4 };

struct fixture_segment {
	uint64_t kaddr;
	uint64_t bytes;
	uint8_t *data;
};

/** Memory of a few segments; first member is the interface. */
struct fixture_memory {
	struct ul_memory memory;
	struct fixture_segment segments[4];
	uint64_t hole; /**< address of a page that cannot be read; 0: none */
};

struct fixture {
	struct fixture_memory memory;
	struct ul_image image;
	struct ul_heap heap;
};

static inline const struct fixture_segment *fixture_segment(const struct fixture_memory *memory,
							    uint64_t kaddr)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(memory->segments); i++)
		if (kaddr - memory->segments[i].kaddr < memory->segments[i].bytes)
			return &memory->segments[i];
	return NULL;
}

static inline struct ul_error *fixture_read(struct ul_memory *memory, uint64_t kaddr, void *buffer,
					    size_t len, size_t *ret_read)
{
	const struct fixture_memory *fixture = (const struct fixture_memory *)(const void *)memory;
	const struct fixture_segment *segment = fixture_segment(fixture, kaddr);
	*ret_read = 0;
	if (!segment)
		return NULL;
	const uint64_t offset = kaddr - segment->kaddr;
	if (len > segment->bytes - offset)
		len = segment->bytes - offset;
	if (fixture->hole && fixture->hole - kaddr < len)
		len = fixture->hole - kaddr;
	if (fixture->hole && kaddr - fixture->hole < 4096)
		len = 0;
	memcpy(buffer, segment->data + offset, len);
	*ret_read = len;
	return NULL;
}

static inline const void *fixture_map(struct ul_memory *memory, uint64_t kaddr, size_t *ret_len)
{
	const struct fixture_memory *fixture = (const struct fixture_memory *)(const void *)memory;
	const struct fixture_segment *segment = fixture_segment(fixture, kaddr);
	if (!segment)
		return NULL;
	*ret_len = segment->bytes - (kaddr - segment->kaddr);
	return segment->data + (kaddr - segment->kaddr);
}

static inline void fixture_destroy(struct ul_memory *memory)
{
	(void)memory;
}

static const struct ul_memory_ops fixture_map_ops = {
	.read = fixture_read, .destroy = fixture_destroy, .map = fixture_map};
static const struct ul_memory_ops fixture_read_ops = {.read = fixture_read,
						      .destroy = fixture_destroy};

/**
 * 16 MiB of memory, an area of vmalloc, an image; caches "small" (64 bytes) and "large" (1 KiB).
 */
static inline struct fixture *fixture_create(bool mapped)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	assert_non_null(fixture);
	const uint64_t bytes[] = {FIXTURE_PAGES * 4096, FIXTURE_PAGES * 64,
				  FIXTURE_AREA_PAGES * 4096, FIXTURE_IMAGE_PAGES * 4096};
	const uint64_t kaddr[] = {FIXTURE_DIRECT, FIXTURE_VMEMMAP, FIXTURE_VMALLOC, FIXTURE_IMAGE};
	for (size_t i = 0; i < 4; i++) {
		struct fixture_segment *segment = &fixture->memory.segments[i];
		*segment = (struct fixture_segment){kaddr[i], bytes[i], calloc(1, bytes[i])};
		assert_non_null(segment->data);
	}
	fixture->memory.memory = (struct ul_memory){
		.ops = mapped ? &fixture_map_ops : &fixture_read_ops,
		.engine = "test",
		.concurrent = true,
	};
	fixture->image.kind = "raw";
	fixture->image.memory = &fixture->memory.memory;
	fixture->image.space = (struct ul_address_space){
		.page_bytes = 4096,
		.struct_page_bytes = 64,
		.page_offset = FIXTURE_DIRECT,
		.vmemmap = FIXTURE_VMEMMAP,
		.max_pfn = FIXTURE_PAGES,
		.image = {FIXTURE_IMAGE, FIXTURE_IMAGE + FIXTURE_IMAGE_PAGES * 4096},
		.vmalloc = {FIXTURE_VMALLOC, FIXTURE_VMALLOC + (UINT64_C(1) << 40)},
	};
	assert_null(ul_heap_init(&fixture->heap, &fixture->image.space));
	static const char *const names[] = {"small", "large"};
	static const uint32_t sizes[] = {64, 1024};
	for (size_t i = 0; i < 2; i++) {
		struct ul_heap_cache *cache = ul_vec_add(&fixture->heap.caches);
		assert_non_null(cache);
		cache->name = strdup(names[i]);
		cache->object_bytes = cache->slot_bytes = sizes[i];
	}
	return fixture;
}

static inline void fixture_free(struct fixture *fixture)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(fixture->memory.segments); i++)
		free(fixture->memory.segments[i].data);
	ul_vec_deinit(&fixture->image.cpus);
	ul_heap_deinit(&fixture->heap);
	free(fixture);
}

static inline void fixture_put(struct fixture *fixture, uint64_t kaddr, uint64_t value)
{
	const struct fixture_segment *segment = fixture_segment(&fixture->memory, kaddr);
	assert_non_null(segment);
	memcpy(segment->data + (kaddr - segment->kaddr), &value, sizeof(value));
}

static inline void fixture_block(struct fixture *fixture, uint64_t kaddr, uint64_t bytes,
				 uint32_t slot_bytes, uint32_t cache, enum ul_block_kind kind,
				 unsigned int flags)
{
	const struct ul_block block = {
		.kaddr = kaddr,
		.bytes = bytes,
		.slot_bytes = slot_bytes,
		.slots = slot_bytes ? (uint32_t)(bytes / slot_bytes) : 1,
		.cache = cache,
		.kind = (uint8_t)kind,
		.flags = (uint8_t)flags,
	};
	assert_null(ul_heap_add_block(&fixture->heap, &block));
}

static inline uint64_t fixture_page(uint64_t pfn)
{
	return FIXTURE_DIRECT + pfn * 4096;
}

static inline void fixture_root(struct fixture *fixture, uint64_t kaddr, uint64_t bytes,
				enum ul_root_kind kind)
{
	const struct ul_root root = {.kaddr = kaddr, .bytes = bytes, .kind = kind};
	assert_true(ul_vec_push(&fixture->heap.roots, root));
}

/** The object at @p kaddr is allocated. After finish. */
static inline void fixture_allocate(struct fixture *fixture, uint64_t kaddr)
{
	struct ul_heap_hit hit;
	assert_true(ul_heap_find(&fixture->heap, kaddr, &hit));
	ul_heap_set_allocated(&fixture->heap, hit.object, true);
}

#endif
