/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which argument of a kernel event is which, on the kernel at hand. Private to source/trace. */
#ifndef UL_SOURCE_TRACE_ARGUMENTS_H
#define UL_SOURCE_TRACE_ARGUMENTS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "source/trace/trace_shared.h"

struct btf;

/** One tracepoint as this kernel declares it. */
struct ul_event_prototype {
	bool exists;
	bool has_call_site;		/**< first argument is an unsigned long */
	struct ult_arguments arguments; /**< counted from __data = 0, as in btf_trace_NAME */
};

/** What @p name (a kmem event) looks like in @p btf; `exists` false when there is none. */
struct ul_event_prototype ul_event_prototype(const struct btf *btf, const char *name);
/**
 * Bits of __GFP_ACCOUNT and __GFP_COMP: from the enumeration of v6.10 (___GFP_ACCOUNT_BIT), or
 * their values before.
 */
void ul_gfp_bits(const struct btf *btf, uint64_t *ret_account, uint64_t *ret_comp);

#endif
