/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lies at addresses, for people and for programs. */
#ifndef UL_VIEW_INSPECT_H
#define UL_VIEW_INSPECT_H

#include "model/kernel.h"
#include "model/loss.h"
#include "model/pattern.h"
#include "model/symtab.h"
#include "view/term.h"

/** One address that was asked about. */
struct ul_inspected {
	uint64_t kaddr;
	bool has_symbol; /**< it lies in a function or variable */
	struct ul_symbol symbol;
	bool has_cache; /**< it lies in a slab */
	char cache[64];
};

UL_MUST_USE struct ul_error *ul_json_inspect(FILE *out, bool pretty, const struct ul_kernel *kernel,
					     const struct ul_inspected *objects, size_t count,
					     const struct ul_patterns *patterns,
					     const struct ul_losses *losses);
UL_MUST_USE struct ul_error *ul_term_inspect(const struct ul_term *term,
					     const struct ul_inspected *objects, size_t count,
					     const struct ul_patterns *patterns,
					     const struct ul_losses *losses);

#endif
