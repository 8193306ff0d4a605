// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/document.h"
#include "view/grow.h"

static void put_row(struct ul_json *json, const struct ul_growth_row *row)
{
	const struct ul_growth *growth = &row->growth;
	ul_json_object_begin(json, NULL);
	ul_json_string(json, "name", row->series->name);
	ul_json_string(json, "kind", ul_kind_name(row->series->kind));
	if (row->series->pid) {
		ul_json_string(json, "comm", row->series->label);
		ul_json_int(json, "pid", row->series->pid);
	}
	ul_json_string(json, "verdict", ul_growth_verdict_name(growth->verdict));
	ul_json_double(json, "bytes_per_s", growth->bytes_per_s);
	ul_json_double(json, "low", growth->low);
	ul_json_double(json, "high", growth->high);
	ul_json_double(json, "recent_bytes_per_s", growth->recent_bytes_per_s);
	ul_json_double(json, "objects_per_s", growth->objects_per_s);
	ul_json_int(json, "first", growth->first);
	ul_json_int(json, "last", growth->last);
	ul_json_double(json, "window_s", growth->window_s);
	ul_json_uint(json, "samples", growth->samples);
	ul_json_double(json, "score", growth->score);
	if (row->part_of) {
		ul_json_object_begin(json, "part_of");
		ul_json_string(json, "name", row->part_of->name);
		ul_json_string(json, "kind", ul_kind_name(row->part_of->kind));
		ul_json_object_end(json);
	}
	ul_json_object_end(json);
}

struct ul_error *ul_json_grow(FILE *out, bool pretty, const struct ul_kernel *kernel,
			      const struct ul_growth_report *report, const struct ul_losses *losses,
			      size_t top)
{
	struct ul_json json;
	size_t left = top ? top : report->rows.len;
	ul_json_document_begin(&json, out, pretty, "grow", kernel);
	ul_json_double(&json, "window_s", report->window_s);
	ul_json_uint(&json, "samples", report->samples);
	ul_json_array_begin(&json, "accounts");
	ul_vec_foreach (row, &report->rows) {
		if (!left--)
			break;
		put_row(&json, row);
	}
	ul_json_array_end(&json);
	return ul_json_document_end(&json, losses);
}
