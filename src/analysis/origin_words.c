// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From an object to the pointers that the kernel keeps of it.
 *
 * A slab has a vector with an entry for each of its objects; a word of the slab's head page leads
 * to it, its lowest bits are marks. What it has looked like, by the members that tell:
 *
 *   page.obj_cgroups    struct obj_cgroup *[] (Linux mm/slab.h page_obj_cgroups(), v5.9 to v5.10)
 *   memcg_data          the same, of struct page or struct slab (slab_objcgs(), to v6.9)
 *   slab.obj_exts       struct slabobj_ext[], of objcg and, with CONFIG_MEM_ALLOC_PROFILING, ref:
 *                       commit 21c690a349ba ("mm: introduce slabobj_ext ...") (v6.10)
 *   slab.stride         entries may lie within the objects (mm/slub.c alloc_slab_obj_exts_early(),
 *                       v7.0): the word leads to the entry of the first, the stride to the others
 *   slab.obj_exts_in_object, obj_exts_needs_objcg
 *                       the same told by bits, and struct slabobj_ext is a union: an object has two
 *                       entries, one, or none (mm/slab.h slab_obj_ext_size(), v7.3)
 *
 * Pages in no slab have a pointer of their own: page.memcg_data with MEMCG_DATA_KMEM leads to a
 * struct obj_cgroup; page.mem_cgroup, before, to a struct mem_cgroup. Pages of processes and files
 * are charged too, but are no objects: without that mark nothing is told. Of an area of vmalloc
 * its first page speaks: all are asked for with the same flags.
 *
 * A slab's head page must name the object's cache: of a machine that runs, or of a damaged image,
 * nothing is read from what is a slab of another by now.
 */
#include "analysis/origin_internal.h"

enum {
	WORD = 8,
	MARKS = 7,	 /* __NR_OBJEXTS_FLAGS - 1: no mark lies above */
	MARK_VECTOR = 1, /* enum page_memcg_data_flags MEMCG_DATA_OBJCGS, MEMCG_DATA_OBJEXTS */
	MARK_KERNEL = 2, /* MEMCG_DATA_KMEM */
	MARK_SIDES = 3,	 /* __NR_MEMCG_DATA_FLAGS - 1 */
	STRIDE_MAX = 1 << 20,
};

static struct ul_origin_member member(const struct ul_types *types, const char *type,
				      const char *path)
{
	struct ul_place place;
	if (!ul_types_place(types, type, path, &place) || place.bytes > WORD)
		return (struct ul_origin_member){0};
	return (struct ul_origin_member){place.offset, place.bytes, place.bit_offset, place.bits};
}

static struct ul_origin_member either(const struct ul_types *types, const char *type,
				      const char *path, const char *other)
{
	const struct ul_origin_member first = member(types, type, path);
	return first.bytes ? first : member(types, type, other);
}

static void load_entries(const struct ul_image *image, struct ul_origin_layout *layout)
{
	const struct ul_types *types = image->types;
	uint64_t key;
	uint32_t enabled = 0;
	size_t got = 0;
	layout->entry_bytes = ul_types_sizeof(types, "slabobj_ext");
	layout->objcg = either(types, "slabobj_ext", "objcg", "_objcg");
	layout->tag = either(types, "slabobj_ext", "ref.ct", "_ctref.ct");
	layout->split = layout->objcg.bytes && layout->tag.bytes &&
			layout->objcg.offset == layout->tag.offset;
	layout->split = layout->split || member(types, "slab", "obj_exts_needs_objcg").bytes;
	layout->tags_known = true;
	layout->tags_kept = layout->tag.bytes;
	if (!layout->split || !layout->tag.bytes)
		return;
	// mm/slab.h slab_obj_ext_has_codetag(): of a static key the first member says it.
	layout->tags_known = image->symtab &&
			     ul_symtab_address(image->symtab, "slab_obj_ext_has_codetag_key", &key);
	if (!layout->tags_known)
		return;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_memory_read(image->memory, key, &enabled, sizeof(enabled), &got);
	layout->tags_known = !error && got == sizeof(enabled) && enabled <= 1;
	layout->tags_kept = enabled;
}

void ul_origin_layout_load(const struct ul_image *image, struct ul_origin_layout *ret)
{
	const struct ul_types *types = image->types;
	*ret = (struct ul_origin_layout){0};
	if (!types)
		return;
	ret->slab_cache = either(types, "slab", "slab_cache", "");
	if (!ret->slab_cache.bytes)
		ret->slab_cache = member(types, "page", "slab_cache");
	ret->vm_pages = member(types, "vm_struct", "pages");
	ret->page = member(types, "page", "memcg_data");
	ret->page_is_memcg = !ret->page.bytes;
	if (ret->page_is_memcg)
		ret->page = member(types, "page", "mem_cgroup");
	ret->vector = member(types, "slab", "obj_exts");
	if (ret->vector.bytes) {
		ret->stride = member(types, "slab", "stride");
		ret->in_object = member(types, "slab", "obj_exts_in_object");
		ret->needs_objcg = member(types, "slab", "obj_exts_needs_objcg");
		load_entries(image, ret);
		return;
	}
	ret->vector = either(types, "slab", "memcg_data", "");
	if (!ret->vector.bytes)
		ret->vector = either(types, "page", "obj_cgroups", "memcg_data");
	ret->vector_mark = MARK_VECTOR;
	ret->entry_bytes = WORD;
	ret->objcg = (struct ul_origin_member){.bytes = WORD};
}

/* ---- reading ---- */

static bool read_member(const struct ul_image *image, uint64_t kaddr,
			const struct ul_origin_member *at, uint64_t *ret)
{
	uint64_t value = 0;
	size_t got = 0;
	if (!at->bytes || at->bytes > sizeof(value))
		return false;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_memory_read(image->memory, kaddr + at->offset, &value, at->bytes, &got);
	if (error || got != at->bytes)
		return false;
	if (at->bits && at->bits < 64)
		value = value >> at->bit_offset & ((UINT64_C(1) << at->bits) - 1);
	*ret = value;
	return true;
}

/**
 * struct page of the slab's first page. The first object may lie some pages behind it
 * (kmem_cache.red_left_pad, less than an object).
 */
static bool head_page(const struct ul_image *image, const struct ul_heap *heap,
		      const struct ul_origin_layout *layout, const struct ul_block *block,
		      uint64_t *ret)
{
	const struct ul_address_space *space = &heap->space;
	uint64_t pfn;
	uint64_t cache;
	if (block->cache >= heap->caches.len || !space->page_bytes ||
	    !ul_space_direct_pfn(space, block->kaddr, &pfn))
		return false;
	for (uint64_t back = 0; back <= block->slot_bytes / space->page_bytes && back <= pfn;
	     back++) {
		*ret = ul_space_pfn_page(space, pfn - back);
		if (read_member(image, *ret, &layout->slab_cache, &cache) &&
		    cache == heap->caches.data[block->cache].kaddr)
			return true;
	}
	return false;
}

/** How far apart the entries are, and what is in one; false: nothing that is understood. */
static bool read_entries(const struct ul_image *image, const struct ul_origin_layout *layout,
			 uint64_t page, struct ul_origin_slab *slab)
{
	const uint32_t slot_bytes = slab->block->slot_bytes;
	uint64_t value = 0;
	slab->has_objcg = layout->objcg.bytes;
	slab->has_tag = layout->tag.bytes;
	slab->objcg = layout->objcg.offset;
	slab->tag = layout->tag.offset;
	slab->stride = layout->entry_bytes;
	if (layout->split) {
		if (!layout->tags_known)
			return false;
		slab->has_tag = layout->tags_kept;
		if (layout->needs_objcg.bytes &&
		    (!read_member(image, page, &layout->needs_objcg, &value) || !value))
			slab->has_objcg = false;
		slab->tag = slab->has_objcg ? layout->entry_bytes : 0;
		slab->stride = (uint64_t)layout->entry_bytes * (slab->has_objcg + slab->has_tag);
	}
	if (layout->in_object.bytes) {
		if (!read_member(image, page, &layout->in_object, &value))
			return false;
		slab->stride = value ? slot_bytes : slab->stride;
	}
	if (layout->stride.bytes && slab->block->slots > 1) {
		if (!read_member(image, page, &layout->stride, &value) ||
		    (value != layout->entry_bytes && value != slot_bytes))
			return false;
		slab->stride = value;
	}
	return slab->stride && slab->stride < STRIDE_MAX;
}

static bool read_slab(const struct ul_image *image, const struct ul_heap *heap,
		      const struct ul_origin_layout *layout, struct ul_origin_slab *slab)
{
	uint64_t page;
	uint64_t word;
	if (!layout->vector.bytes || !head_page(image, heap, layout, slab->block, &page) ||
	    !read_member(image, page, &layout->vector, &word) ||
	    (word & layout->vector_mark) != layout->vector_mark)
		return false;
	slab->base = word & ~(uint64_t)MARKS;
	return ul_origin_is_pointer(slab->base) && read_entries(image, layout, page, slab);
}

static void words_of_slab(const struct ul_image *image, const struct ul_heap *heap,
			  const struct ul_origin_layout *layout, struct ul_origin_slab *slab,
			  const struct ul_heap_hit *hit, struct ul_origin_words *ret)
{
	if (slab->block != hit->block) {
		*slab = (struct ul_origin_slab){.block = hit->block};
		slab->known = read_slab(image, heap, layout, slab);
	}
	if (!slab->known)
		return;
	const uint64_t entry = slab->base + slab->stride * hit->slot;
	if (slab->has_objcg && !ul_memory_u64(image->memory, entry + slab->objcg, &ret->objcg))
		ret->objcg = 0;
	if (slab->has_tag && !ul_memory_u64(image->memory, entry + slab->tag, &ret->tag))
		ret->tag = 0;
}

static void words_of_page(const struct ul_image *image, const struct ul_origin_layout *layout,
			  uint64_t page, struct ul_origin_words *ret)
{
	uint64_t word;
	if (!read_member(image, page, &layout->page, &word))
		return;
	if (layout->page_is_memcg)
		ret->memcg = word & MARKS ? 0 : word;
	else if ((word & MARK_SIDES) == MARK_KERNEL)
		ret->objcg = word & ~(uint64_t)MARKS;
}

static void words_of_area(const struct ul_image *image, const struct ul_heap *heap,
			  const struct ul_origin_layout *layout, uint32_t area,
			  struct ul_origin_words *ret)
{
	uint64_t pages;
	uint64_t page;
	uint64_t pfn;
	if (area < heap->areas.len &&
	    read_member(image, heap->areas.data[area].vm_struct, &layout->vm_pages, &pages) &&
	    ul_origin_is_pointer(pages) && ul_memory_u64(image->memory, pages, &page) &&
	    ul_space_page_pfn(&heap->space, page, &pfn))
		words_of_page(image, layout, ul_space_pfn_page(&heap->space, pfn), ret);
}

void ul_origin_words_of(const struct ul_image *image, const struct ul_heap *heap,
			const struct ul_origin_layout *layout, struct ul_origin_slab *slab,
			const struct ul_heap_hit *hit, struct ul_origin_words *ret)
{
	uint64_t pfn;
	*ret = (struct ul_origin_words){0};
	switch (hit->block->kind) {
	case UL_BLOCK_SLAB:
		words_of_slab(image, heap, layout, slab, hit, ret);
		break;
	case UL_BLOCK_PAGES:
	case UL_BLOCK_KMALLOC_LARGE:
		if (ul_space_direct_pfn(&heap->space, hit->block->kaddr, &pfn))
			words_of_page(image, layout, ul_space_pfn_page(&heap->space, pfn), ret);
		break;
	case UL_BLOCK_VMALLOC:
		words_of_area(image, heap, layout, hit->block->cache, ret);
		break;
	default:
		break;
	}
}
