// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/whatis.h"

#include <inttypes.h>

#include "base/units.h"
#include "view/document.h"
#include "view/origin.h"

/* ---- text ---- */

static void put_separator(struct ul_buf *line, size_t before)
{
	if (line->len > before)
		ul_buf_puts(line, "; ");
}

static void put_object(struct ul_buf *line, const struct ul_whatis *whatis, bool evidence)
{
	char bytes[UL_UNITS_TEXT];
	ul_term_escape(line, whatis->cache);
	ul_buf_printf(line, " object 0x%016" PRIx64 " +0x%" PRIx64 " of %s (%s)", whatis->object,
		      whatis->offset, ul_format_bytes(bytes, (double)whatis->bytes),
		      ul_object_state_name(whatis->state));
	if (whatis->type) {
		ul_buf_puts(line, ", ");
		ul_term_escape(line, whatis->type);
		// Of an object that is asked for by its own address, the first member says nothing.
		if (whatis->member && (whatis->offset || !evidence)) {
			ul_buf_puts(line, " .");
			ul_term_escape(line, whatis->member);
		}
		if (evidence && whatis->type_evidence) {
			ul_buf_puts(line, " by ");
			ul_term_escape(line, whatis->type_evidence);
		}
	}
	if (whatis->caller) {
		ul_buf_puts(line, ", allocated by ");
		ul_term_escape(line, whatis->caller);
	}
	(void)ul_term_origins(line, ", ", &whatis->origins);
}

static void put_root(struct ul_buf *line, const struct ul_whatis *whatis)
{
	ul_buf_printf(line, "%s%s", whatis->dead ? "dead part of a " : "",
		      ul_root_kind_name(whatis->root));
	if (*whatis->owner_name) {
		ul_buf_puts(line, " of ");
		ul_term_escape(line, whatis->owner_name);
	} else if (whatis->owner) {
		ul_buf_printf(line, " of 0x%016" PRIx64, whatis->owner);
	}
}

static void put_line(struct ul_buf *line, const struct ul_whatis *whatis, bool evidence)
{
	const size_t before = line->len;
	if (whatis->symbol.name) {
		ul_term_escape(line, whatis->symbol.name);
		ul_buf_printf(line, "+0x%" PRIx64, whatis->symbol.offset);
		if (whatis->symbol.module)
			ul_buf_printf(line, " [%s]", whatis->symbol.module);
	}
	if (whatis->state != UL_OBJECT_NONE) {
		put_separator(line, before);
		put_object(line, whatis, evidence);
	}
	if (whatis->has_root) {
		put_separator(line, before);
		put_root(line, whatis);
	}
	if (whatis->has_frame) {
		put_separator(line, before);
		ul_buf_printf(line, "%spage %" PRIu64 " (%s)",
			      whatis->is_struct_page ? "struct page of " : "", whatis->pfn,
			      ul_frame_class_name(whatis->frame));
	}
	if (line->len == before)
		ul_buf_puts(line, "nothing that is known");
}

void ul_term_whatis_line(struct ul_buf *line, const struct ul_whatis *whatis)
{
	put_line(line, whatis, false);
}

void ul_term_whatis(const struct ul_term *term, const struct ul_whatis *items, size_t count,
		    const struct ul_losses *losses)
{
	for (size_t i = 0; i < count; i++) {
		struct ul_buf line UL_CLEANUP_BUF = {0};
		ul_buf_printf(&line, "0x%016" PRIx64 "  ", items[i].kaddr);
		put_line(&line, &items[i], true);
		ul_term_wrap(term, UL_STYLE_PLAIN, 20, ul_buf_str(&line));
	}
	ul_term_losses(term, losses);
}

static void print_referrer(const struct ul_term *term, const struct ul_referrer *referrer)
{
	struct ul_buf line UL_CLEANUP_BUF = {0};
	if (referrer->is_register) {
		ul_buf_printf(&line, "  a register of processor %u", referrer->cpu);
	} else {
		ul_buf_printf(&line, "  0x%016" PRIx64 "  %s", referrer->from.kaddr,
			      referrer->stale ? "stale: " : "");
		ul_term_whatis_line(&line, &referrer->from);
	}
	ul_term_wrap(term, referrer->stale ? UL_STYLE_DIM : UL_STYLE_PLAIN, 22, ul_buf_str(&line));
}

static void print_path(const struct ul_term *term, const struct ul_referred *item)
{
	if (!item->path.len) {
		ul_term_print(term, UL_STYLE_WARN, "  %s\n",
			      item->path_complete ? "no chain of references from a root leads here"
						  : "the search for a chain was stopped");
		return;
	}
	ul_term_print(term, UL_STYLE_PLAIN, "  a shortest chain from a root:\n");
	ul_vec_foreach (step, &item->path)
		print_referrer(term, step);
}

void ul_term_refs(const struct ul_term *term, const struct ul_referred *items, size_t count,
		  uint64_t left_out, const struct ul_losses *losses)
{
	for (size_t i = 0; i < count; i++) {
		struct ul_buf line UL_CLEANUP_BUF = {0};
		ul_buf_printf(&line, "0x%016" PRIx64 "  ", items[i].target.kaddr);
		put_line(&line, &items[i].target, true);
		ul_term_wrap(term, UL_STYLE_STRONG, 20, ul_buf_str(&line));
		if (!items[i].referrers.len)
			ul_term_print(term, UL_STYLE_WARN, "  nothing refers to it\n");
		ul_vec_foreach (referrer, &items[i].referrers)
			print_referrer(term, referrer);
		if (items[i].has_path)
			print_path(term, &items[i]);
	}
	if (left_out)
		ul_term_print(term, UL_STYLE_DIM, "%" PRIu64 " more references not shown (-n)\n",
			      left_out);
	ul_term_losses(term, losses);
}

/* ---- JSON ---- */

void ul_json_whatis(struct ul_json *json, const char *key, const struct ul_whatis *whatis)
{
	ul_json_object_begin(json, key);
	ul_json_address(json, "address", whatis->kaddr);
	ul_json_string(json, "symbol", whatis->symbol.name);
	ul_json_string(json, "module", whatis->symbol.module);
	if (whatis->symbol.name)
		ul_json_uint(json, "symbol_offset", whatis->symbol.offset);
	if (whatis->state != UL_OBJECT_NONE) {
		ul_json_object_begin(json, "object");
		ul_json_string(json, "cache", whatis->cache);
		ul_json_address(json, "address", whatis->object);
		ul_json_uint(json, "offset", whatis->offset);
		ul_json_uint(json, "bytes", whatis->bytes);
		ul_json_string(json, "state", ul_object_state_name(whatis->state));
		ul_json_string(json, "caller", whatis->caller);
		ul_json_origins(json, &whatis->origins);
		ul_json_string(json, "type", whatis->type);
		ul_json_string(json, "type_evidence", whatis->type_evidence);
		ul_json_string(json, "member", whatis->member);
		ul_json_object_end(json);
	} else {
		ul_json_null(json, "object");
	}
	if (whatis->has_root) {
		ul_json_object_begin(json, "root");
		ul_json_string(json, "kind", ul_root_kind_name(whatis->root));
		ul_json_bool(json, "live", !whatis->dead);
		if (whatis->owner)
			ul_json_address(json, "owner", whatis->owner);
		ul_json_string(json, "name", *whatis->owner_name ? whatis->owner_name : NULL);
		ul_json_object_end(json);
	}
	if (whatis->has_frame) {
		ul_json_object_begin(json, "page");
		ul_json_uint(json, "pfn", whatis->pfn);
		ul_json_string(json, "class", ul_frame_class_name(whatis->frame));
		ul_json_bool(json, "struct_page", whatis->is_struct_page);
		ul_json_object_end(json);
	}
	ul_json_object_end(json);
}

struct ul_error *ul_json_whatis_document(FILE *out, bool pretty, const struct ul_kernel *kernel,
					 const struct ul_whatis *items, size_t count,
					 const struct ul_losses *losses)
{
	struct ul_json json;
	ul_json_document_begin(&json, out, pretty, "whatis", kernel);
	ul_json_array_begin(&json, "addresses");
	for (size_t i = 0; i < count; i++)
		ul_json_whatis(&json, NULL, &items[i]);
	ul_json_array_end(&json);
	return ul_json_document_end(&json, losses);
}

static void put_referrer(struct ul_json *json, const struct ul_referrer *referrer)
{
	ul_json_object_begin(json, NULL);
	ul_json_string(json, "where",
		       referrer->is_register	 ? "register"
		       : referrer->stale	 ? "stale"
		       : referrer->from.has_root ? "root"
						 : "object");
	if (referrer->value)
		ul_json_address(json, "value", referrer->value);
	if (referrer->is_register)
		ul_json_uint(json, "cpu", referrer->cpu);
	else
		ul_json_whatis(json, "from", &referrer->from);
	ul_json_object_end(json);
}

struct ul_error *ul_json_refs(FILE *out, bool pretty, const struct ul_kernel *kernel,
			      const struct ul_referred *items, size_t count, uint64_t left_out,
			      const struct ul_losses *losses)
{
	struct ul_json json;
	ul_json_document_begin(&json, out, pretty, "refs", kernel);
	ul_json_array_begin(&json, "targets");
	for (size_t i = 0; i < count; i++) {
		ul_json_object_begin(&json, NULL);
		ul_json_whatis(&json, "target", &items[i].target);
		ul_json_array_begin(&json, "references");
		ul_vec_foreach (referrer, &items[i].referrers)
			put_referrer(&json, referrer);
		ul_json_array_end(&json);
		if (items[i].has_path) {
			ul_json_array_begin(&json, "path");
			ul_vec_foreach (step, &items[i].path)
				put_referrer(&json, step);
			ul_json_array_end(&json);
			ul_json_bool(&json, "path_complete", items[i].path_complete);
		}
		ul_json_object_end(&json);
	}
	ul_json_array_end(&json);
	ul_json_uint(&json, "left_out", left_out);
	return ul_json_document_end(&json, losses);
}
