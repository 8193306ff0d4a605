// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/record.h"

#include "view/document.h"

struct ul_error *ul_json_record(FILE *out, bool pretty, const struct ul_kernel *kernel,
				const char *file, size_t samples, const struct ul_losses *losses)
{
	struct ul_json json;
	ul_json_document_begin(&json, out, pretty, "record", kernel);
	ul_json_string(&json, "file", file);
	ul_json_uint(&json, "samples", samples);
	return ul_json_document_end(&json, losses);
}

void ul_term_record(const struct ul_term *term, const char *file, size_t samples,
		    const struct ul_losses *losses)
{
	struct ul_buf name UL_CLEANUP_BUF = {0};
	ul_term_escape(&name, file);
	ul_term_print(term, UL_STYLE_PLAIN, "%zu sample%s in %s\n", samples,
		      samples == 1 ? "" : "s", ul_buf_str(&name));
	ul_term_losses(term, losses);
	ul_term_print(term, UL_STYLE_DIM, "Next: ullage grow %s\n", ul_buf_str(&name));
}
