// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/inspect.h"

#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "view/document.h"
#include "view/origin.h"
#include "view/site.h"

enum { HEX_BYTES_PER_LINE = 16 };

void ul_inspected_deinit(struct ul_inspected *inspected)
{
	ul_origins_deinit(&inspected->origins);
	ul_described_deinit(&inspected->described);
	ul_vec_deinit(&inspected->bytes);
}

void ul_inspection_deinit(struct ul_inspection *inspection)
{
	ul_vec_foreach (object, &inspection->objects)
		ul_inspected_deinit(object);
	ul_vec_deinit(&inspection->objects);
	free(inspection->what);
	ul_vec_deinit(&inspection->types);
	ul_vec_foreach (identity, &inspection->identities)
		free(identity->text);
	ul_vec_deinit(&inspection->identities);
	ul_origins_deinit(&inspection->origins);
	ul_patterns_deinit(&inspection->patterns);
	ul_vec_foreach (example, &inspection->examples)
		ul_described_deinit(example);
	ul_vec_deinit(&inspection->examples);
	ul_losses_deinit(&inspection->losses);
}

/* ---- JSON ---- */

static void put_described(struct ul_json *json, const struct ul_described *described)
{
	ul_json_string(json, "type", described->type);
	ul_json_string(json, "evidence", described->evidence);
	ul_json_string(json, "identity", described->identity);
	ul_json_array_begin(json, "members");
	ul_vec_foreach (member, &described->members) {
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "name", member->name);
		ul_json_uint(json, "offset", member->offset);
		ul_json_string(json, "type", member->type);
		ul_json_string(json, "value", member->value);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
	ul_json_uint(json, "zero_members", described->zero_members);
	ul_json_uint(json, "members_left_out", described->left_out);
}

static void put_object(struct ul_json *json, const struct ul_inspected *object)
{
	ul_json_object_begin(json, NULL);
	ul_json_address(json, "address", object->kaddr);
	ul_json_string(json, "symbol", object->has_symbol ? object->symbol.name : NULL);
	ul_json_string(json, "module", object->has_symbol ? object->symbol.module : NULL);
	ul_json_string(json, "cache", object->has_cache ? object->cache : NULL);
	if (object->has_object) {
		ul_json_address(json, "object", object->object);
		ul_json_uint(json, "offset", object->offset);
		ul_json_uint(json, "object_size", object->object_bytes);
		ul_json_bool(json, "allocated", object->allocated);
		ul_json_string(json, "caller", object->site.name);
		ul_json_origins(json, &object->origins);
		put_described(json, &object->described);
	}
	if (object->bytes.len) {
		struct ul_buf hex UL_CLEANUP_BUF = {0};
		ul_vec_foreach (byte, &object->bytes)
			ul_buf_printf(&hex, "%02x", *byte);
		ul_json_string(json, "bytes", ul_buf_str(&hex));
	}
	ul_json_object_end(json);
}

static void put_types(struct ul_json *json, const struct ul_inspection *inspection)
{
	ul_json_array_begin(json, "types");
	ul_vec_foreach (type, &inspection->types) {
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "type", type->name);
		ul_json_uint(json, "objects", type->objects);
		ul_json_string(json, "evidence", type->evidence);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
	ul_json_uint(json, "identified", inspection->identified);
	ul_json_array_begin(json, "identities");
	ul_vec_foreach (identity, &inspection->identities) {
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "identity", identity->text);
		ul_json_uint(json, "objects", identity->objects);
		ul_json_release(json, "release", &identity->release);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
	ul_json_array_begin(json, "examples");
	ul_vec_foreach (example, &inspection->examples) {
		ul_json_object_begin(json, NULL);
		ul_json_address(json, "address", example->kaddr);
		put_described(json, example);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

static void put_revisit(struct ul_json *json, const struct ul_revisit *revisit)
{
	if (!revisit->sites)
		return;
	ul_json_object_begin(json, "survivors");
	ul_json_uint(json, "sites", revisit->sites);
	ul_json_uint(json, "recorded", revisit->survivors);
	ul_json_uint(json, "with_address", revisit->kept);
	ul_json_uint(json, "there", revisit->now[UL_REVISITED_THERE]);
	ul_json_uint(json, "freed", revisit->now[UL_REVISITED_FREED]);
	ul_json_uint(json, "reused", revisit->now[UL_REVISITED_REUSED]);
	ul_json_uint(json, "unknown", revisit->now[UL_REVISITED_UNKNOWN]);
	ul_json_uint(json, "no_object", revisit->now[UL_REVISITED_NO_OBJECT]);
	ul_json_object_end(json);
}

struct ul_error *ul_json_inspect(FILE *out, bool pretty, const struct ul_kernel *kernel,
				 const struct ul_inspection *inspection)
{
	struct ul_json json;
	ul_json_document_begin(&json, out, pretty, "inspect", kernel);
	ul_json_array_begin(&json, "objects");
	ul_vec_foreach (object, &inspection->objects)
		put_object(&json, object);
	ul_json_array_end(&json);
	ul_json_string(&json, "what", inspection->what);
	ul_json_uint(&json, "chosen", inspection->chosen);
	put_revisit(&json, &inspection->revisit);
	put_types(&json, inspection);
	ul_json_origins(&json, &inspection->origins);
	ul_json_all_origins(&json, &inspection->origins);
	ul_json_uint(&json, "objects_read", inspection->patterns.objects_read);
	ul_json_uint(&json, "objects_unreadable", inspection->patterns.objects_unreadable);
	ul_json_patterns(&json, &inspection->patterns);
	return ul_json_document_end(&json, &inspection->losses);
}

/* ---- text ---- */

static void print_members(const struct ul_term *term, const struct ul_described *described)
{
	int widest = 0;
	ul_vec_foreach (member, &described->members) {
		const int len = (int)strlen(member->name);
		widest = len > widest && len <= 32 ? len : widest;
	}
	ul_vec_foreach (member, &described->members) {
		struct ul_buf line UL_CLEANUP_BUF = {0};
		ul_buf_printf(&line, "  +0x%03" PRIx32 "  %-*s  ", member->offset, widest,
			      member->name);
		ul_term_escape(&line, member->value);
		ul_term_print(term, UL_STYLE_PLAIN, "%s\n", ul_buf_str(&line));
	}
	if (described->left_out)
		ul_term_print(term, UL_STYLE_DIM, "  ... %" PRIu32 " more\n", described->left_out);
	if (described->zero_members)
		ul_term_print(term, UL_STYLE_DIM, "  %" PRIu32 " members are zero\n",
			      described->zero_members);
}

static void print_described(const struct ul_term *term, const struct ul_described *described)
{
	struct ul_buf line UL_CLEANUP_BUF = {0};
	if (!described->type)
		return;
	ul_buf_printf(&line, "  %s", described->type);
	if (described->identity) {
		ul_buf_puts(&line, ": ");
		ul_term_escape(&line, described->identity);
	}
	ul_term_print(term, UL_STYLE_STRONG, "%s\n", ul_buf_str(&line));
	if (described->evidence)
		ul_term_print(term, UL_STYLE_DIM, "  told by: %s\n", described->evidence);
	print_members(term, described);
}

static void print_hex(const struct ul_term *term, const uint8_t *bytes, size_t len)
{
	for (size_t at = 0; at < len; at += HEX_BYTES_PER_LINE) {
		const size_t n = len - at < HEX_BYTES_PER_LINE ? len - at : HEX_BYTES_PER_LINE;
		struct ul_buf line UL_CLEANUP_BUF = {0};
		for (size_t i = 0; i < HEX_BYTES_PER_LINE; i++) {
			if (i < n)
				ul_buf_printf(&line, "%02x", bytes[at + i]);
			else
				ul_buf_puts(&line, "  ");
			ul_buf_puts(&line, i % 8 == 7 ? "  " : i % 2 ? " " : "");
		}
		for (size_t i = 0; i < n; i++) {
			const uint8_t byte = bytes[at + i];
			ul_buf_putc(&line, byte >= 0x20 && byte < 0x7f ? (char)byte : '.');
		}
		ul_term_print(term, UL_STYLE_DIM, "  %04zx  %s\n", at, ul_buf_str(&line));
	}
}

static void put_place(struct ul_buf *line, const struct ul_inspected *object)
{
	if (object->has_symbol) {
		ul_term_escape(line, object->symbol.name);
		ul_buf_printf(line, "+0x%" PRIx64, object->symbol.offset);
		if (object->symbol.module)
			ul_buf_printf(line, " [%s]", object->symbol.module);
	} else if (object->has_object) {
		ul_term_escape(line, object->cache);
		ul_buf_printf(line, ", object 0x%016" PRIx64, object->object);
		if (object->offset)
			ul_buf_printf(line, " +0x%" PRIx64, object->offset);
		ul_buf_printf(line, " of %" PRIu32 " bytes, %s", object->object_bytes,
			      object->allocated ? "allocated" : "free");
		if (object->site.name) {
			ul_buf_puts(line, " by ");
			ul_term_escape(line, object->site.name);
			ul_buf_printf(line, "+0x%" PRIx64, object->site.offset);
		}
		(void)ul_term_origins(line, "; ", &object->origins);
	} else if (object->has_cache) {
		ul_buf_puts(line, "slab cache ");
		ul_term_escape(line, object->cache);
	} else {
		ul_buf_puts(line, "no symbol, no slab object");
	}
}

static void print_object(const struct ul_term *term, const struct ul_inspected *object)
{
	struct ul_buf line UL_CLEANUP_BUF = {0};
	ul_buf_printf(&line, "0x%016" PRIx64 "  ", object->kaddr);
	put_place(&line, object);
	ul_term_print(term, UL_STYLE_PLAIN, "%s\n", ul_buf_str(&line));
	print_described(term, &object->described);
	print_hex(term, object->bytes.data, object->bytes.len);
}

static void print_types(const struct ul_term *term, const struct ul_inspection *inspection)
{
	char count[UL_UNITS_TEXT];
	uint64_t typed = 0;
	ul_vec_foreach (type, &inspection->types) {
		typed += type->objects;
		ul_term_print(term, UL_STYLE_PLAIN, "%12s  %s\n",
			      ul_format_count(count, type->objects), type->name);
		ul_term_print(term, UL_STYLE_DIM, "%12s  told by: %s\n", "", type->evidence);
	}
	if (inspection->types.len && typed < inspection->chosen)
		ul_term_print(term, UL_STYLE_PLAIN, "%12s  type not known\n",
			      ul_format_count(count, inspection->chosen - typed));
}

static void print_identities(const struct ul_term *term, const struct ul_inspection *inspection)
{
	char count[UL_UNITS_TEXT];
	if (inspection->identities.len)
		ul_term_print(term, UL_STYLE_PLAIN, "%12s  can be identified; most are:\n",
			      ul_format_count(count, inspection->identified));
	ul_vec_foreach (identity, &inspection->identities) {
		struct ul_buf text UL_CLEANUP_BUF = {0};
		ul_term_escape(&text, identity->text);
		ul_term_print(term, UL_STYLE_PLAIN, "%12s  %s\n",
			      ul_format_count(count, identity->objects), ul_buf_str(&text));
	}
}

/** What the objects are left of. */
static void print_revisit(const struct ul_term *term, const struct ul_revisit *revisit)
{
	char count[UL_UNITS_TEXT];
	static const char *const names[UL_REVISITED_STATES] = {
		[UL_REVISITED_THERE] = "still allocated",
		[UL_REVISITED_FREED] = "freed since",
		[UL_REVISITED_REUSED] = "at an address that belongs to something else now",
		[UL_REVISITED_UNKNOWN] = "in slabs of which it is not known what is allocated",
		[UL_REVISITED_NO_OBJECT] = "no object that can be looked into",
	};
	if (!revisit->sites)
		return;
	ul_term_print(term, UL_STYLE_PLAIN, "%12s  recorded with their address; of them\n",
		      ul_format_count(count, revisit->kept));
	for (size_t i = 0; i < UL_REVISITED_STATES; i++)
		if (revisit->now[i])
			ul_term_print(term, UL_STYLE_PLAIN, "%12s  %s\n",
				      ul_format_count(count, revisit->now[i]), names[i]);
}

struct ul_error *ul_term_inspect(const struct ul_term *term, const struct ul_inspection *inspection)
{
	char count[UL_UNITS_TEXT];
	ul_vec_foreach (object, &inspection->objects)
		print_object(term, object);
	if (inspection->what) {
		ul_term_print(term, UL_STYLE_STRONG, "%s: %s objects\n", inspection->what,
			      ul_format_count(count, inspection->chosen));
		print_revisit(term, &inspection->revisit);
		print_types(term, inspection);
		print_identities(term, inspection);
		ul_term_all_origins(term, &inspection->origins);
	}
	ul_term_patterns(term, 0, &inspection->patterns, SIZE_MAX);
	ul_vec_foreach (example, &inspection->examples) {
		ul_term_print(term, UL_STYLE_PLAIN, "0x%016" PRIx64 "\n", example->kaddr);
		print_described(term, example);
	}
	ul_term_losses(term, &inspection->losses);
	return NULL;
}
