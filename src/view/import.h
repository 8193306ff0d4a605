/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was imported. */
#ifndef UL_VIEW_IMPORT_H
#define UL_VIEW_IMPORT_H

#include "model/kernel.h"
#include "model/loss.h"
#include "view/term.h"

struct ul_import_view {
	const char *file;   /**< the new recording */
	const char *format; /**< what the log was */
	size_t samples;
	double window_s;
};

/** Document `import`: `file`, `format`, `samples`, `window_s`. */
UL_MUST_USE struct ul_error *ul_json_import(FILE *out, bool pretty, const struct ul_kernel *kernel,
					    const struct ul_import_view *view,
					    const struct ul_losses *losses);
void ul_term_import(const struct ul_term *term, const struct ul_import_view *view,
		    const struct ul_losses *losses);

#endif
