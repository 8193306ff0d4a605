/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Findings of a search that ran a command again and again: what each run leaves behind, by site.
 * Pure.
 */
#ifndef UL_ANALYSIS_TRIGGER_H
#define UL_ANALYSIS_TRIGGER_H

#include "base/error.h"
#include "model/batch.h"
#include "model/finding.h"
#include "model/ledger.h"
#include "model/site.h"

struct ul_trigger_evidence {
	const struct ul_trace *trace; /**< over all batches, complete; every survivor an example */
	const struct ul_batches *batches;
	const struct ul_ledger *before; /**< around all batches */
	const struct ul_ledger *after;
};

/**
 * Fill @p ret with what the runs leave behind, ranked: what does not stop first. Sites whose
 * objects come and stay in the same batches are one finding. Borrows sites of the trace.
 * &ul_enomem only.
 */
UL_MUST_USE struct ul_error *ul_trigger_findings(const struct ul_trigger_evidence *evidence,
						 struct ul_findings *ret);

#endif
