// SPDX-License-Identifier: GPL-2.0-or-later
/* What was imported out of a trace: the document `import` with the sites that `trace` has. */
#include "base/units.h"
#include "view/document.h"
#include "view/import.h"
#include "view/site.h"

struct ul_error *ul_json_import_trace(FILE *out, bool pretty, const struct ul_kernel *kernel,
				      const struct ul_import_view *view,
				      const struct ul_trace *trace, size_t top)
{
	struct ul_json json;
	size_t left = top ? top : trace->sites.len;
	ul_json_document_begin(&json, out, pretty, "import", kernel);
	ul_json_string(&json, "file", view->file);
	ul_json_string(&json, "format", view->format);
	ul_json_uint(&json, "samples", view->samples);
	ul_json_double(&json, "window_s", trace->window_s);
	ul_json_double(&json, "drain_s", trace->drain_s);
	ul_json_string(&json, "engine", trace->engine);
	ul_json_uint(&json, "events", trace->events);
	ul_json_array_begin(&json, "sites");
	ul_vec_foreach (site, &trace->sites) {
		if (!left--)
			break;
		ul_json_site(&json, NULL, site);
	}
	ul_json_array_end(&json);
	return ul_json_document_end(&json, &trace->losses);
}

void ul_term_import_trace(const struct ul_term *term, const struct ul_import_view *view)
{
	char events[UL_UNITS_TEXT];
	struct ul_buf name UL_CLEANUP_BUF = {0};
	ul_format_count(events, view->samples);
	if (!view->file) {
		ul_term_print(term, UL_STYLE_PLAIN, "%s allocations and frees, from %s\n", events,
			      view->format);
		return;
	}
	ul_term_escape(&name, view->file);
	ul_term_print(term, UL_STYLE_PLAIN, "%s allocations and frees, from %s, in %s\n", events,
		      view->format, ul_buf_str(&name));
}
