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
/** Bit of __GFP_ACCOUNT: from the enumeration ___GFP_ACCOUNT_BIT (v6.10) or its older value. */
uint64_t ul_gfp_account(const struct btf *btf);

#endif
