/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was imported. */
#ifndef UL_VIEW_IMPORT_H
#define UL_VIEW_IMPORT_H

#include "model/kernel.h"
#include "model/loss.h"
#include "model/site.h"
#include "view/term.h"

struct ul_import_view {
	const char *file;   /**< the new recording; NULL: none (traces only) */
	const char *format; /**< what the log was */
	size_t samples;
	double window_s;
};

/** Document `import`: `file`, `format`, `samples`, `window_s`. */
UL_MUST_USE struct ul_error *ul_json_import(FILE *out, bool pretty, const struct ul_kernel *kernel,
					    const struct ul_import_view *view,
					    const struct ul_losses *losses);
/**
 * The same of a trace: `samples` are its events, `sites` and the rest as in the document `trace`.
 */
UL_MUST_USE struct ul_error *ul_json_import_trace(FILE *out, bool pretty,
						  const struct ul_kernel *kernel,
						  const struct ul_import_view *view,
						  const struct ul_trace *trace, size_t top);
/** One line; the sites follow as those of a trace. */
void ul_term_import_trace(const struct ul_term *term, const struct ul_import_view *view);
void ul_term_import(const struct ul_term *term, const struct ul_import_view *view,
		    const struct ul_losses *losses);

#endif
