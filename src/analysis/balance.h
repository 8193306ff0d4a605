/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which reference was not given back, by the lives of objects that count theirs. Pure. */
#ifndef UL_ANALYSIS_BALANCE_H
#define UL_ANALYSIS_BALANCE_H

#include "base/error.h"
#include "model/finding.h"
#include "model/reference.h"

/**
 * Fill finding->imbalances, and accuse who is in them (for ul_suspects()), from lives of objects of
 * @p type, which is that of the finding's own objects. &ul_enomem only.
 */
UL_MUST_USE struct ul_error *ul_balance(const struct ul_reference_calls *references,
					const struct ul_reference_type *type,
					struct ul_finding *finding);

#endif
