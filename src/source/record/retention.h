/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeping a recording of weeks small: what retention.c does after a sample was written. */
#ifndef UL_SOURCE_RECORD_RETENTION_H
#define UL_SOURCE_RECORD_RETENTION_H

#include "source/record/store.h"

/** At most one step of work: one block thinned or removed, in a transaction of its own. */
UL_MUST_USE struct ul_error *ul_retention_step(struct ul_record *record,
					       const struct ul_ledger *ledger);
/** Samples left out between those in the file, and removed before them. */
UL_MUST_USE struct ul_error *ul_retention_counts(struct ul_record *record, uint64_t *ret_left_out,
						 uint64_t *ret_removed);
/** Say what was left out. */
UL_MUST_USE struct ul_error *ul_retention_losses(struct ul_record *record,
						 struct ul_losses *losses);

#endif
