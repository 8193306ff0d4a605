// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/origin.h"

#include <inttypes.h>

#include "base/units.h"

enum { SHOWN = 8, LISTED = 64 };

static double share(uint64_t objects, uint64_t of)
{
	return of ? (double)objects / (double)of : 0;
}

/* ---- JSON ---- */

static void put_charge(struct ul_json *json, const char *key, const struct ul_charge *charge,
		       uint64_t of)
{
	if (!charge) {
		ul_json_null(json, key);
		return;
	}
	ul_json_object_begin(json, key);
	ul_json_string(json, "cgroup", charge->cgroup);
	ul_json_double(json, "share", share(charge->objects, of));
	ul_json_uint(json, "objects", charge->objects);
	ul_json_bool(json, "removed", charge->removed);
	ul_json_bool(json, "inherited", charge->inherited);
	ul_json_object_end(json);
}

static void put_tag(struct ul_json *json, const char *key, const struct ul_code_tag *tag,
		    uint64_t of)
{
	if (!tag) {
		ul_json_null(json, key);
		return;
	}
	ul_json_object_begin(json, key);
	ul_json_string(json, "file", tag->file);
	ul_json_uint(json, "line", tag->line);
	ul_json_string(json, "function", tag->function);
	ul_json_string(json, "module", tag->module);
	ul_json_double(json, "share", share(tag->objects, of));
	ul_json_uint(json, "objects", tag->objects);
	ul_json_object_end(json);
}

void ul_json_origins(struct ul_json *json, const struct ul_origins *origins)
{
	put_charge(json, "charged_to", ul_origins_charge(origins), origins->objects);
	put_tag(json, "allocated_at", ul_origins_tag(origins), origins->objects);
}

void ul_json_all_origins(struct ul_json *json, const struct ul_origins *origins)
{
	ul_json_array_begin(json, "charges");
	for (size_t i = 0; i < origins->charges.len && i < LISTED; i++)
		put_charge(json, NULL, &origins->charges.data[i], origins->objects);
	ul_json_array_end(json);
	ul_json_array_begin(json, "code_tags");
	for (size_t i = 0; i < origins->tags.len && i < LISTED; i++)
		put_tag(json, NULL, &origins->tags.data[i], origins->objects);
	ul_json_array_end(json);
}

/* ---- text ---- */

static void write_charge(struct ul_buf *buf, const struct ul_charge *charge)
{
	ul_buf_puts(buf, "charged to ");
	ul_term_escape(buf, charge->cgroup);
	if (charge->removed)
		ul_buf_puts(buf, ", a removed cgroup");
	if (charge->inherited)
		ul_buf_puts(buf, ", which inherited them from a removed cgroup below it");
}

static void write_tag(struct ul_buf *buf, const struct ul_code_tag *tag)
{
	ul_buf_puts(buf, "allocated at ");
	ul_term_escape(buf, tag->file);
	ul_buf_printf(buf, ":%" PRIu32 " by ", tag->line);
	ul_term_escape(buf, tag->function);
	if (!tag->module)
		return;
	ul_buf_puts(buf, " [");
	ul_term_escape(buf, tag->module);
	ul_buf_puts(buf, "]");
}

static void write_share(struct ul_buf *buf, uint64_t objects, uint64_t of)
{
	if (objects < of)
		ul_buf_printf(buf, "%.0f %% ", 100 * share(objects, of));
}

bool ul_term_origins(struct ul_buf *buf, const char *before, const struct ul_origins *origins)
{
	const struct ul_charge *charge = ul_origins_charge(origins);
	const struct ul_code_tag *tag = ul_origins_tag(origins);
	if (charge) {
		ul_buf_puts(buf, before);
		write_share(buf, charge->objects, origins->objects);
		write_charge(buf, charge);
	}
	if (tag) {
		ul_buf_puts(buf, charge ? "; " : before);
		write_share(buf, tag->objects, origins->objects);
		write_tag(buf, tag);
	}
	return charge || tag;
}

static void print_line(const struct ul_term *term, uint64_t objects, uint64_t of,
		       const struct ul_buf *text)
{
	char count[UL_UNITS_TEXT];
	ul_term_print(term, UL_STYLE_PLAIN, "%12s  %s (%.3g %%)\n", ul_format_count(count, objects),
		      ul_buf_str(text), 100 * share(objects, of));
}

void ul_term_all_origins(const struct ul_term *term, const struct ul_origins *origins)
{
	for (size_t i = 0; i < origins->charges.len && i < SHOWN; i++) {
		struct ul_buf text UL_CLEANUP_BUF = {0};
		write_charge(&text, &origins->charges.data[i]);
		print_line(term, origins->charges.data[i].objects, origins->objects, &text);
	}
	if (origins->charges.len > SHOWN)
		ul_term_print(term, UL_STYLE_DIM, "%12s  and %zu more cgroups\n", "",
			      origins->charges.len - SHOWN);
	for (size_t i = 0; i < origins->tags.len && i < SHOWN; i++) {
		struct ul_buf text UL_CLEANUP_BUF = {0};
		write_tag(&text, &origins->tags.data[i]);
		print_line(term, origins->tags.data[i].objects, origins->objects, &text);
	}
}
