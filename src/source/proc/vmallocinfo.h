/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/vmallocinfo: pages of vmalloc areas, by the function that asked for them. */
#ifndef UL_SOURCE_PROC_VMALLOCINFO_H
#define UL_SOURCE_PROC_VMALLOCINFO_H

#include <stdint.h>

#include "base/error.h"
#include "base/span.h"
#include "base/vec.h"

struct ul_vmalloc_caller {
	struct ul_span function; /**< borrowed from the text; empty: the kernel did not note it */
	struct ul_span module;	 /**< empty: the kernel itself */
	uint64_t pages;
	uint64_t areas;
};

struct ul_vmallocinfo {
	UL_VEC(struct ul_vmalloc_caller) callers; /**< without stacks; in order of appearance */
	uint64_t pages;				  /**< of the callers and of the stacks */
	uint64_t stack_pages;			  /**< kernel stacks, also those kept for reuse */
	uint64_t stack_areas;
	uint64_t borrowed_pages; /**< mapped by vmap(), allocated elsewhere: not in VmallocUsed */
	uint64_t callers_over_limit; /**< areas of callers beyond the limit: not in `callers` */
	uint64_t bad_lines;
	uint32_t *slots; /**< hash of callers: index + 1 */
};

/**
 * Parse the text of /proc/vmallocinfo. @p ret must be zero or an earlier result, whose memory it
 * reuses; it borrows names from @p text. Damaged lines are counted, not fatal.
 *
 * @return UL_ERR_LIMIT for more than UL_PROC_LIMIT_PAGES, &ul_enomem.
 */
UL_MUST_USE struct ul_error *ul_vmallocinfo_parse(struct ul_span text, struct ul_vmallocinfo *ret);
void ul_vmallocinfo_deinit(struct ul_vmallocinfo *vmallocinfo);
#define UL_CLEANUP_VMALLOCINFO UL_CLEANUP(ul_vmallocinfo_deinit)

/** Write "function" or "function [module]" or "(no caller)". */
void ul_vmalloc_caller_name(const struct ul_vmalloc_caller *caller, char *buffer, size_t size);

#endif
