// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/diff.h"
#include "view/document.h"

static void put_side(struct ul_json *json, const char *key, bool there, int64_t value)
{
	if (there)
		ul_json_int(json, key, value);
	else
		ul_json_null(json, key);
}

/** A side where the thing was not is null, not 0: it may have had any size before it was named. */
static void put_row(struct ul_json *json, const char *key, const struct ul_diff_row *row)
{
	ul_json_object_begin(json, key);
	if (row->cache) {
		ul_json_string(json, "cache", row->cache);
		ul_json_string(json, "type", *row->name ? row->name : NULL);
	} else {
		ul_json_string(json, row->kind == UL_KIND_PROCESS ? "comm" : "name", row->name);
	}
	if (row->kind != UL_KIND_PROCESS) {
		ul_json_string(json, "kind", ul_kind_name(row->kind));
		ul_json_bool(json, "reclaimable", row->reclaimable);
	} else if (row->pid) {
		ul_json_int(json, "pid", row->pid);
	}
	put_side(json, "before", row->was, row->before);
	put_side(json, "after", row->is, row->after);
	ul_json_int(json, "change", row->change);
	put_side(json, "objects_before", row->objects_before >= 0, row->objects_before);
	put_side(json, "objects_after", row->objects_after >= 0, row->objects_after);
	ul_json_object_end(json);
}

static void put_rows(struct ul_json *json, const char *key, const struct ul_diff_rows *rows,
		     size_t top)
{
	size_t left = top ? top : rows->rows.len;
	ul_json_array_begin(json, key);
	ul_vec_foreach (row, &rows->rows) {
		if (!left--)
			break;
		put_row(json, NULL, row);
	}
	ul_json_array_end(json);
}

struct ul_error *ul_json_diff(FILE *out, bool pretty, const struct ul_kernel *kernel,
			      const struct ul_ledger_diff *diff, size_t top)
{
	struct ul_json json;
	ul_json_document_begin(&json, out, pretty, "diff", kernel);
	ul_json_int(&json, "from_ns", diff->from_ns);
	ul_json_int(&json, "to_ns", diff->to_ns);
	ul_json_double(&json, "window_s", diff->seconds);
	ul_json_bool(&json, "other_boot", diff->other_boot);
	ul_json_object_begin(&json, "mem_total");
	put_side(&json, "before", diff->mem_total_before, (int64_t)diff->mem_total_before);
	put_side(&json, "after", diff->mem_total_after, (int64_t)diff->mem_total_after);
	ul_json_object_end(&json);
	if (ul_ledger_diff_has_total(diff))
		put_row(&json, "unaccounted", &diff->unaccounted);
	else
		ul_json_null(&json, "unaccounted");
	put_rows(&json, "accounts", &diff->accounts, top);
	put_rows(&json, "caches", &diff->caches, top);
	put_rows(&json, "processes", &diff->processes, top);
	put_rows(&json, "types", &diff->types, top);
	return ul_json_document_end(&json, &diff->losses);
}
