/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel's memory with all that is needed to understand it: a dump, or the running kernel. Filled
 * by source/image; everyone else reads kernel memory through it and asks not where it is from.
 */
#ifndef UL_MODEL_IMAGE_H
#define UL_MODEL_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"
#include "model/kernel.h"
#include "model/loss.h"
#include "model/memory.h"
#include "model/symtab.h"
#include "model/type.h"

/** Addresses from `start` up to, not including, `end`. */
struct ul_range {
	uint64_t start;
	uint64_t end;
};

/** Where the parts of kernel memory lie; kernel virtual addresses but for what is named phys. */
struct ul_address_space {
	uint32_t page_bytes;
	uint32_t struct_page_bytes;
	uint64_t page_offset;	 /**< start of the direct map: address of physical 0 */
	uint64_t vmemmap;	 /**< struct page of pfn 0 */
	uint64_t max_pfn;	 /**< one beyond the last page frame */
	struct ul_range image;	 /**< [_text or _stext, _end) */
	uint64_t image_phys;	 /**< physical address of image.start */
	struct ul_range vmalloc; /**< where vmalloc areas may lie */
	struct ul_range modules; /**< where modules' text may lie; {0, 0}: in vmalloc */
};

/** A processor as the dump found it. */
struct ul_cpu_state {
	uint32_t cpu;
	uint64_t ip;		/**< 0: not known */
	uint64_t sp;		/**< 0: not known: its whole stack counts as live then */
	uint64_t registers[32]; /**< general ones: they may hold pointers */
	uint32_t registers_len;
};

struct ul_image {
	const char *kind; /**< "elf", "kdump", "raw", "kcore", "bpf"; static */
	bool live;	  /**< it changes while it is read */
	uint64_t bytes;	  /**< of memory it holds */
	struct ul_kernel kernel;
	struct ul_memory *memory;   /**< by kernel virtual address, any mapped one */
	struct ul_memory *physical; /**< by physical address; NULL: not possible */
	struct ul_address_space space;
	struct ul_symtab *symtab;	  /**< kernel and modules */
	struct ul_types *types;		  /**< kernel and modules; NULL: no BTF, no DWARF */
	UL_VEC(struct ul_cpu_state) cpus; /**< of a dump that has them; may be empty */
	UL_VEC(struct ul_range) ram;	  /**< physical memory, by address; empty: 0 .. max_pfn */
	/**
	 * Buffers of this very program in the memory of the kernel it reads: copies of what was
	 * read last. Never looked at.
	 */
	UL_VEC(struct ul_range) own;
	char *vmcoreinfo;     /**< its text, NUL-terminated; NULL: none found */
	UL_VEC(char *) trust; /**< the checks that passed, one phrase each: the trust line */
	struct ul_losses losses;
};

/** A zeroed one is fine. */
void ul_image_deinit(struct ul_image *image);
#define UL_CLEANUP_IMAGE UL_CLEANUP(ul_image_deinit)

/** Value of line "KEY=" in the vmcoreinfo text, decimal or 0x hex (SYMBOL() lines: hex). */
bool ul_image_vmcoreinfo(const struct ul_image *image, const char *key, int64_t *ret);

/** Whether @p kaddr lies in the direct map of memory below max_pfn; then also its page frame. */
bool ul_space_direct_pfn(const struct ul_address_space *space, uint64_t kaddr, uint64_t *ret_pfn);
/** Direct map address of a page frame. */
uint64_t ul_space_pfn_kaddr(const struct ul_address_space *space, uint64_t pfn);
/** Page frame of a struct page (any address within it); false when it is none. */
bool ul_space_page_pfn(const struct ul_address_space *space, uint64_t struct_page,
		       uint64_t *ret_pfn);
/** struct page of a page frame. */
uint64_t ul_space_pfn_page(const struct ul_address_space *space, uint64_t pfn);

#endif
