// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/inspect.h"

#include <inttypes.h>

#include "view/document.h"
#include "view/site.h"

struct ul_error *ul_json_inspect(FILE *out, bool pretty, const struct ul_kernel *kernel,
				 const struct ul_inspected *objects, size_t count,
				 const struct ul_patterns *patterns, const struct ul_losses *losses)
{
	struct ul_json json;
	ul_json_document_begin(&json, out, pretty, "inspect", kernel);
	ul_json_array_begin(&json, "objects");
	for (size_t i = 0; i < count; i++) {
		ul_json_object_begin(&json, NULL);
		ul_json_address(&json, "address", objects[i].kaddr);
		ul_json_string(&json, "symbol",
			       objects[i].has_symbol ? objects[i].symbol.name : NULL);
		ul_json_string(&json, "module",
			       objects[i].has_symbol ? objects[i].symbol.module : NULL);
		ul_json_string(&json, "cache", objects[i].has_cache ? objects[i].cache : NULL);
		ul_json_object_end(&json);
	}
	ul_json_array_end(&json);
	ul_json_uint(&json, "objects_read", patterns->objects_read);
	ul_json_uint(&json, "objects_unreadable", patterns->objects_unreadable);
	ul_json_patterns(&json, patterns);
	return ul_json_document_end(&json, losses);
}

struct ul_error *ul_term_inspect(const struct ul_term *term, const struct ul_inspected *objects,
				 size_t count, const struct ul_patterns *patterns,
				 const struct ul_losses *losses)
{
	for (size_t i = 0; i < count; i++) {
		struct ul_buf line UL_CLEANUP_BUF = {0};
		ul_buf_printf(&line, "0x%016" PRIx64 "  ", objects[i].kaddr);
		if (objects[i].has_symbol) {
			ul_term_escape(&line, objects[i].symbol.name);
			ul_buf_printf(&line, "+0x%" PRIx64, objects[i].symbol.offset);
			if (objects[i].symbol.module)
				ul_buf_printf(&line, " [%s]", objects[i].symbol.module);
		} else if (objects[i].has_cache) {
			ul_buf_puts(&line, "slab cache ");
			ul_term_escape(&line, objects[i].cache);
		} else {
			ul_buf_puts(&line, "no symbol, no slab object");
		}
		ul_term_print(term, UL_STYLE_PLAIN, "%s\n", ul_buf_str(&line));
	}
	ul_term_patterns(term, 0, patterns, SIZE_MAX);
	ul_term_losses(term, losses);
	return NULL;
}
