// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/document.h"
#include "view/site.h"
#include "view/trace.h"

struct ul_error *ul_json_trace(FILE *out, bool pretty, const struct ul_kernel *kernel,
			       const struct ul_trace *trace, size_t top)
{
	struct ul_json json;
	size_t left = top ? top : trace->sites.len;
	ul_json_document_begin(&json, out, pretty, "trace", kernel);
	ul_json_string(&json, "engine", trace->engine);
	ul_json_double(&json, "window_s", trace->window_s);
	ul_json_double(&json, "drain_s", trace->drain_s);
	ul_json_uint(&json, "events", trace->events);
	ul_json_double(&json, "share", trace->share > 0 ? trace->share : 1);
	if (trace->cost > 0)
		ul_json_double(&json, "cost", trace->cost);
	if (trace->memory_bytes)
		ul_json_uint(&json, "memory_bytes", trace->memory_bytes);
	ul_json_array_begin(&json, "sites");
	ul_vec_foreach (site, &trace->sites) {
		if (!left--)
			break;
		ul_json_site(&json, NULL, site);
	}
	ul_json_array_end(&json);
	return ul_json_document_end(&json, &trace->losses);
}
