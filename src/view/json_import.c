// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/document.h"
#include "view/import.h"

struct ul_error *ul_json_import(FILE *out, bool pretty, const struct ul_kernel *kernel,
				const struct ul_import_view *view, const struct ul_losses *losses)
{
	struct ul_json json;
	ul_json_document_begin(&json, out, pretty, "import", kernel);
	ul_json_string(&json, "file", view->file);
	ul_json_string(&json, "format", view->format);
	ul_json_uint(&json, "samples", view->samples);
	ul_json_double(&json, "window_s", view->window_s);
	return ul_json_document_end(&json, losses);
}
