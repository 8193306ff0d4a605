/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger of a memory image: the books of a machine by what its page frames and slabs say. */
#ifndef UL_ANALYSIS_HEAP_LEDGER_H
#define UL_ANALYSIS_HEAP_LEDGER_H

#include "model/heap.h"
#include "model/ledger.h"
#include "model/symtab.h"

/**
 * Every page frame of @p heap in one account, slabs by cache, vmalloc areas by caller (@p symtab
 * may be NULL: by address). mem_total is what the page allocator has or gave out; the kernel's
 * image, its page array and what was reserved at boot are notes. @p ret: initialised by the caller.
 */
UL_MUST_USE struct ul_error *ul_heap_ledger(const struct ul_heap *heap,
					    const struct ul_symtab *symtab, struct ul_ledger *ret);

#endif
