// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The first word of what SLUB keeps behind each object is the address that kmalloc() and its like
 * return to (struct track.addr). Which stack led there lies in the stack depot and is not read.
 *
 * Errs: a damaged record may name any function; one that lies outside the kernel's and its modules'
 * code is none.
 */
#include "analysis/alloc_site.h"

uint64_t ul_alloc_site(const struct ul_image *image, const struct ul_heap *heap,
		       const struct ul_heap_hit *hit)
{
	const struct ul_block *block = hit->block;
	struct ul_symbol symbol;
	uint64_t site = 0;
	if (block->kind == UL_BLOCK_VMALLOC && block->cache < heap->areas.len)
		return heap->areas.data[block->cache].caller;
	if (block->kind != UL_BLOCK_SLAB || block->cache >= heap->caches.len || !image->symtab ||
	    !heap->caches.data[block->cache].track)
		return 0;
	if (!ul_memory_u64(image->memory, hit->kaddr + heap->caches.data[block->cache].track,
			   &site) ||
	    !ul_symtab_lookup(image->symtab, site, &symbol) || !symbol.code)
		return 0;
	return site;
}
