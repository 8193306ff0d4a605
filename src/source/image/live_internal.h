/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of source/image only. */
#ifndef UL_SOURCE_IMAGE_LIVE_INTERNAL_H
#define UL_SOURCE_IMAGE_LIVE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"
#include "base/vec.h"
#include "model/image.h"
#include "model/memory.h"
#include "source/image/live.h"

/** Addresses of known meaning in the running kernel, to begin a search from. Zero: not known. */
struct ul_anchors {
	uint64_t task;		 /**< struct task_struct * of this thread */
	uint64_t stack_page;	 /**< struct page * of its kernel stack's first page */
	struct ul_range windows; /**< the reader's own buffers; {0, 0}: not known */
};

/** False when @p memory is not the BPF reader, or its program fails. */
bool ul_live_bpf_anchors(struct ul_memory *memory, struct ul_anchors *ret);

/** Places and sizes in the structures that lead from an address to its cache; from BTF. */
struct ul_slab_types {
	uint32_t page_bytes;	     /**< of the machine */
	uint32_t struct_page_bytes;  /**< sizeof(struct page) */
	uint32_t page_compound_head; /**< offset: bit 0 set in a tail page */
	uint32_t slab_slab_cache;    /**< offset in struct slab, or struct page before v5.17 */
	uint32_t slab_type;	     /**< offset of the word that tells a slab page */
	uint32_t slab_type_mask;     /**< of its bits, these ... */
	uint32_t slab_type_value;    /**< ... have this value in a slab page; mask 0: no test */
	uint32_t kmem_cache_name;    /**< offset */
};

/** From the running kernel's BTF. UL_ERR_UNSUPPORTED without BTF or when a member is missing. */
UL_MUST_USE struct ul_error *ul_slab_types_load(struct ul_slab_types *ret);

/** What ul_layout_find() asks of the world, taken apart so that a test can supply it. */
struct ul_layout_probe {
	struct ul_anchors anchors;
	struct ul_slab_types types;
	uint64_t cookie_pfn; /**< page frame that begins with `cookie`; 0: not known */
	uint8_t cookie[64];  /**< bytes no other page begins with */
};

/** Search by probing; pure but for reads of @p memory. UL_ERR_UNSUPPORTED when nothing fits. */
UL_MUST_USE struct ul_error *ul_layout_probe(struct ul_memory *memory,
					     const struct ul_layout_probe *probe,
					     struct ul_layout *ret);

/** One stretch of kernel addresses and where the core file keeps it. */
struct ul_core_segment {
	uint64_t kaddr;
	uint64_t bytes;
	uint64_t offset; /**< in the file */
};

struct ul_core_segments {
	UL_VEC(struct ul_core_segment) items; /**< by ascending kaddr; may overlap */
};

/** Bytes from the start of the file that hold the ELF header. */
enum { UL_CORE_HEADER_BYTES = 64 };

/** Where the program headers lie. @p header: the first UL_CORE_HEADER_BYTES of the file. */
UL_MUST_USE struct ul_error *ul_core_parse_header(struct ul_span header, uint64_t *ret_offset,
						  size_t *ret_bytes);
/** The PT_LOAD segments out of @p table, the program headers. Caller deinits items. */
UL_MUST_USE struct ul_error *ul_core_parse_segments(struct ul_span table,
						    struct ul_core_segments *ret);
/** The segment that holds @p kaddr, or NULL. */
const struct ul_core_segment *ul_core_find(const struct ul_core_segments *segments, uint64_t kaddr);

#endif
