/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The running kernel's memory, and where its parts lie. */
#ifndef UL_SOURCE_IMAGE_LIVE_H
#define UL_SOURCE_IMAGE_LIVE_H

#include "base/error.h"
#include "model/memory.h"
#include "model/symtab.h"

/**
 * Reader over a BPF `syscall` program that copies with bpf_probe_read_kernel() into an mmapable
 * array (Linux v5.14); needs no /proc/kcore. UL_ERR_UNSUPPORTED or UL_ERR_PERMISSION with a hint.
 */
UL_MUST_USE struct ul_error *ul_live_bpf_open(struct ul_memory **ret);
/** Reader over /proc/kcore (CONFIG_PROC_KCORE, CAP_SYS_RAWIO). */
UL_MUST_USE struct ul_error *ul_live_kcore_open(const char *path, struct ul_memory **ret);
/** The first of these that works; the error names why none does. */
UL_MUST_USE struct ul_error *ul_live_open(struct ul_memory **ret);

/** Where the kernel keeps its direct map and its page array; all addresses kernel virtual. */
struct ul_layout {
	uint64_t page_offset; /**< start of the direct map */
	uint64_t vmemmap;     /**< struct page of pfn 0 */
	uint32_t page_bytes;
	uint32_t struct_page_bytes;
	const char *how;	       /**< "kallsyms" or "probed"; static */
	struct ul_layout_slabs *slabs; /**< how a slab page looks, and the names seen; owned */
};

/** Release what @p layout owns; a zeroed one is fine. */
void ul_layout_deinit(struct ul_layout *layout);
#define UL_CLEANUP_LAYOUT UL_CLEANUP(ul_layout_deinit)

/**
 * Find the layout: from symbols page_offset_base and vmemmap_base where kallsyms has data, else by
 * probing: candidates are checked by reading the slab page of a known task_struct and finding the
 * name of its cache. UL_ERR_UNSUPPORTED when nothing fits (never a guess). Caller deinits @p ret;
 * @p symtab may be NULL.
 */
UL_MUST_USE struct ul_error *ul_layout_find(struct ul_memory *memory,
					    const struct ul_symtab *symtab, struct ul_layout *ret);
/**
 * Name of the slab cache whose slab holds @p kaddr; false when it is no slab address. One read for
 * the struct page (two in a compound page); names are remembered in the layout. Merged caches have
 * the name of the first of them.
 */
bool ul_layout_cache_name(struct ul_memory *memory, const struct ul_layout *layout, uint64_t kaddr,
			  char *name, size_t size);
/** Direct-map address of what a struct page (kernel address) describes; 0 when out of range. */
uint64_t ul_layout_page_to_virt(const struct ul_layout *layout, uint64_t struct_page);

#endif
