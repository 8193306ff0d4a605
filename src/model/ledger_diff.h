/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What changed between two ledgers: computed by analysis/ledger_diff, shown by view/diff.h. */
#ifndef UL_MODEL_LEDGER_DIFF_H
#define UL_MODEL_LEDGER_DIFF_H

#include "base/vec.h"
#include "model/ledger.h"

struct ul_diff_row {
	const char *name;  /**< account, cache, comm or type; borrowed from what is compared */
	const char *cache; /**< of a type: where its objects lie, borrowed; else NULL */
	enum ul_kind kind;
	pid_t pid; /**< of one process; 0: account, cache, or all processes of that name */
	bool was;  /**< in the first ledger */
	bool is;   /**< in the second one */
	bool reclaimable;
	int64_t before; /**< bytes; 0 where it was not */
	int64_t after;
	int64_t change;
	int64_t objects_before; /**< -1: none; of processes of one name, how many */
	int64_t objects_after;
};

struct ul_diff_rows {
	UL_VEC(struct ul_diff_row) rows; /**< largest change first, to either side */
};

/**
 * Invariant where both ledgers know MemTotal: the changes of the accounts and of what is
 * unaccounted add up to the change of MemTotal.
 */
struct ul_ledger_diff {
	int64_t from_ns; /**< CLOCK_REALTIME */
	int64_t to_ns;
	double seconds;
	uint64_t mem_total_before; /**< 0: not known */
	uint64_t mem_total_after;
	struct ul_diff_row unaccounted; /**< valid where both totals are known */
	struct ul_diff_rows accounts;
	struct ul_diff_rows caches;
	struct ul_diff_rows processes;
	struct ul_diff_rows types; /**< of dumps: objects by cache and type; name "": not known */
	bool other_boot; /**< the machine was started anew between: processes are matched by name */
	struct ul_losses losses;
};

static inline bool ul_ledger_diff_has_total(const struct ul_ledger_diff *diff)
{
	return diff->mem_total_before && diff->mem_total_after;
}

#endif
