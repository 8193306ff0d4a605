/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From raw stacks to sites that people can read: allocator and tracing frames folded, interrupted
 * code cut off, stacks that differ only in offsets merged, the function to name chosen, and the
 * account said under which the bytes are booked. Pure.
 */
#ifndef UL_ANALYSIS_SITES_H
#define UL_ANALYSIS_SITES_H

#include "base/error.h"
#include "model/ledger.h"
#include "model/site.h"

/**
 * Digest a trace whose frames have been named, in place.
 *
 * @param ledger  Tells which kmalloc caches exist, for caches that had to be guessed; may be NULL.
 */
UL_MUST_USE struct ul_error *ul_sites_digest(struct ul_trace *trace,
					     const struct ul_ledger *ledger);

/**
 * Lower the trust of each site of @p trace to what an earlier, cheaper trace proved of the same
 * call site: frees that went unseen then go unseen now.
 */
void ul_sites_lower_trust(struct ul_trace *trace, const struct ul_trace *counted);

/**
 * Make a named stack readable: Rust names, without what the tracer itself put on it and what an
 * interrupt interrupted. &ul_enomem only.
 */
UL_MUST_USE struct ul_error *ul_sites_trim(struct ul_stack *stack);
/**
 * True when @p function belongs to an allocator: it is where memory comes from, not who wants it.
 */
bool ul_sites_is_allocator(const char *function);
/**
 * True when @p function fills or empties the slab allocator's per-CPU stock (Linux v6.18). On the
 * stack of a slab object it says that the object is the stock itself, whoever asked for memory.
 */
bool ul_sites_is_sheaf(const char *function);
/** True when both name one function, whatever compilers put behind: .cold, .isra.0, .part.1. */
bool ul_sites_same_function(const char *a, const char *b);
/** True when @p site belongs to the account (kind, name); cache aliases from @p ledger count. */
bool ul_sites_in_account(const struct ul_site *site, const struct ul_ledger *ledger,
			 enum ul_kind kind, const char *name);

#endif
