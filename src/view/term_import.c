// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/units.h"
#include "view/import.h"

void ul_term_import(const struct ul_term *term, const struct ul_import_view *view,
		    const struct ul_losses *losses)
{
	char window[UL_UNITS_TEXT];
	struct ul_buf name UL_CLEANUP_BUF = {0};
	ul_term_escape(&name, view->file);
	ul_term_print(term, UL_STYLE_PLAIN, "%zu sample%s over %s, from %s, in %s\n", view->samples,
		      view->samples == 1 ? "" : "s", ul_format_duration(window, view->window_s),
		      view->format, ul_buf_str(&name));
	ul_term_losses(term, losses);
	ul_term_print(term, UL_STYLE_DIM, "Next: ullage grow %s\n", ul_buf_str(&name));
}
