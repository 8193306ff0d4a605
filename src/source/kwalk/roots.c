// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Roots among the page frames.
 *
 *  - The kernel's data, as far as its pages are still its own: what only booting needed was given
 *    to the page allocator, lies within the image and holds other things now. PG_reserved tells.
 *  - Pages that were taken before there was an allocator, but for the page array: struct pages of
 *    free pages are full of old pointers.
 *  - struct pages of what is in use: private, mapping, vectors of object extensions.
 *
 * And in the kernel's text: pointers that are constants of instructions and nowhere else, since
 * v6.11 (e3c92e81711d "runtime constants: add x86 architecture support": the variable may be
 * __initdata, as that of the futex hash is, kernel/futex/core.c).
 */
#include <string.h>

#include "source/kwalk/kwalk_internal.h"

static bool symbol_range(const struct ul_kwalk *walk, const char *start, const char *end,
			 struct ul_range *ret)
{
	return ul_kwalk_symbol(walk, start, &ret->start) && ul_kwalk_symbol(walk, end, &ret->end) &&
	       ret->end > ret->start;
}

/** The part of [range) whose frames are the image's own. */
static struct ul_error *root_image(struct ul_kwalk *walk, struct ul_range range)
{
	const struct ul_address_space *space = &walk->heap->space;
	const uint64_t page_bytes = space->page_bytes;
	if (range.start < space->image.start)
		range.start = space->image.start;
	if (range.end > space->image.end)
		range.end = space->image.end;
	uint64_t run = range.start;
	for (uint64_t at = range.start; at < range.end;) {
		const uint64_t next = (at & ~(page_bytes - 1)) + page_bytes;
		const uint64_t pfn = (at - space->image.start + space->image_phys) / page_bytes;
		const uint64_t end = next < range.end ? next : range.end;
		const bool own =
			pfn < space->max_pfn && walk->heap->page_class[pfn] == UL_FRAME_IMAGE;
		if (!own) {
			if (run < at)
				UL_TRY(ul_kwalk_root_without(walk, UL_ROOT_IMAGE, run, at - run,
							     0));
			run = end;
		}
		at = end;
	}
	return run < range.end ? ul_kwalk_root_without(walk, UL_ROOT_IMAGE, run, range.end - run, 0)
			       : NULL;
}

static struct ul_error *image_roots(struct ul_kwalk *walk)
{
	const struct ul_address_space *space = &walk->heap->space;
	struct ul_range range;
	bool found = false;
	if (symbol_range(walk, "__start_ro_after_init", "__end_ro_after_init", &range))
		UL_TRY(root_image(walk, range));
	if (ul_kwalk_symbol(walk, "_sdata", &range.start)) {
		range.end = space->image.end;
		found = true;
	} else if (ul_kwalk_symbol(walk, "_etext", &range.start)) {
		range.end = space->image.end;
		found = true;
	}
	if (!found)
		range = space->image;
	return root_image(walk, range);
}

static struct ul_error *reserved_roots(struct ul_kwalk *walk)
{
	const struct ul_address_space *space = &walk->heap->space;
	const uint8_t *class = walk->heap->page_class;
	for (uint64_t pfn = 0; pfn < space->max_pfn; pfn++) {
		const uint64_t first = pfn;
		while (pfn < space->max_pfn && class[pfn] == UL_FRAME_RESERVED)
			pfn++;
		if (pfn > first)
			UL_TRY(ul_kwalk_root_without(walk, UL_ROOT_RESERVED,
						     ul_space_pfn_kaddr(space, first),
						     (pfn - first) * space->page_bytes, 0));
	}
	return NULL;
}

static bool in_use(uint8_t class)
{
	return class != UL_FRAME_ABSENT && class != UL_FRAME_FREE && class != UL_FRAME_RESERVED &&
	       class != UL_FRAME_IMAGE && class != UL_FRAME_VMEMMAP && class != UL_FRAME_OFFLINE;
}

static struct ul_error *page_roots(struct ul_kwalk *walk)
{
	const struct ul_address_space *space = &walk->heap->space;
	const uint8_t *class = walk->heap->page_class;
	for (uint64_t pfn = 0; pfn < space->max_pfn; pfn++) {
		const uint64_t first = pfn;
		while (pfn < space->max_pfn && in_use(class[pfn]))
			pfn++;
		if (pfn > first)
			UL_TRY(ul_kwalk_root(walk, UL_ROOT_PAGE, ul_space_pfn_page(space, first),
					     (pfn - first) * space->struct_page_bytes, 0));
	}
	return NULL;
}

/* ---- runtime constants ---- */

enum {
	TEXT_CHUNK = 64 << 10,
	TEXT_MAX = 256 << 20,
	MOVABS_BYTES = 10, /**< REX.W, B8 + register, 8 bytes */
};

/** x86: movabs $constant, %register; Linux arch/x86/include/asm/runtime-const.h */
static bool is_movabs(const uint8_t *code)
{
	return (code[0] & 0xfe) == 0x48 && (code[1] & 0xf8) == 0xb8;
}

/** @p left is counted down; with 0 the rest is not looked at. */
static struct ul_error *constants_of(struct ul_kwalk *walk, uint64_t kaddr, const uint8_t *code,
				     size_t len, unsigned int *left)
{
	const struct ul_address_space *space = &walk->heap->space;
	for (size_t i = 0; *left && i + MOVABS_BYTES <= len; i++) {
		uint64_t value;
		uint64_t pfn;
		if (!is_movabs(code + i))
			continue;
		memcpy(&value, code + i + 2, sizeof(value));
		if (!ul_space_direct_pfn(space, value, &pfn))
			continue;
		UL_TRY(ul_kwalk_root(walk, UL_ROOT_CODE, kaddr + i, 0, value));
		--*left;
	}
	return NULL;
}

/**
 * Every movabs of an address of the direct map, where the kernel has runtime constants, or does not
 * say. The list of their places was freed after booting. What cannot be read holds none.
 */
static struct ul_error *read_code(struct ul_kwalk *walk)
{
	uint64_t place;
	struct ul_range text;
	if (strcmp(walk->image->kernel.arch, "x86_64") != 0 ||
	    (ul_kwalk_symbol(walk, "_sdata", &place) &&
	     !ul_kwalk_symbol(walk, "__start_runtime_ptr_dentry_hashtable", &place)) ||
	    !symbol_range(walk, "_stext", "_etext", &text) || text.end - text.start > TEXT_MAX)
		return NULL;
	UL_CLEANUP_FREE uint8_t *code = malloc(TEXT_CHUNK + MOVABS_BYTES);
	if (!code)
		return &ul_enomem;
	unsigned int left = UL_KWALK_CONSTANTS;
	for (uint64_t at = text.start; left && at < text.end; at += TEXT_CHUNK) {
		const uint64_t rest = text.end - at;
		const size_t len = rest < TEXT_CHUNK + MOVABS_BYTES - 1
					   ? (size_t)rest
					   : TEXT_CHUNK + MOVABS_BYTES - 1;
		if (ul_kwalk_read(walk, at, code, len))
			UL_TRY(constants_of(walk, at, code, len, &left));
	}
	return left ? NULL
		    : ul_kwalk_loss(walk, UL_BIAS_OVER, 0,
				    "constants in the kernel's text that point to memory: more "
				    "than can be");
}

static struct ul_error *code_roots(struct ul_kwalk *walk)
{
	struct ul_kwalk_code *code = walk->code;
	if (!code)
		return read_code(walk);
	if (code->known) {
		ul_vec_foreach (root, &code->roots)
			UL_TRY(ul_kwalk_root(walk, root->kind, root->kaddr, 0, root->owner));
		return NULL;
	}
	const size_t before = walk->heap->roots.len;
	UL_TRY(read_code(walk));
	for (size_t i = before; i < walk->heap->roots.len; i++)
		if (!ul_vec_push(&code->roots, walk->heap->roots.data[i]))
			return &ul_enomem;
	code->known = true;
	return NULL;
}

void ul_kwalk_code_deinit(struct ul_kwalk_code *code)
{
	ul_vec_deinit(&code->roots);
}

struct ul_error *ul_kwalk_roots(struct ul_kwalk *walk)
{
	UL_TRY(image_roots(walk));
	UL_TRY(code_roots(walk));
	UL_TRY(reserved_roots(walk));
	return page_roots(walk);
}
