/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was recorded. */
#ifndef UL_VIEW_RECORD_H
#define UL_VIEW_RECORD_H

#include "model/kernel.h"
#include "model/loss.h"
#include "view/term.h"

/** Document `record`: `file`, `samples`. */
UL_MUST_USE struct ul_error *ul_json_record(FILE *out, bool pretty, const struct ul_kernel *kernel,
					    const char *file, size_t samples,
					    const struct ul_losses *losses);
void ul_term_record(const struct ul_term *term, const char *file, size_t samples,
		    const struct ul_losses *losses);

#endif
