// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every figure has its 95 % interval as `low` and `high`; of a full count both are the figure
 * itself. Figures are whole pages, so bytes are exact integers unless they are estimates.
 */
#include <math.h>

#include "view/pages.h"

static void put_figure(struct ul_json *json, const struct ul_page_figure *figure,
		       uint32_t page_bytes)
{
	const double margin = ul_page_figure_margin(figure);
	const double low = figure->value > margin ? figure->value - margin : 0;
	ul_json_int(json, "pages", llround(figure->value));
	ul_json_int(json, "bytes", llround(figure->value) * page_bytes);
	ul_json_int(json, "low", llround(low * page_bytes));
	ul_json_int(json, "high", llround((figure->value + margin) * page_bytes));
}

static void put_optional(struct ul_json *json, const char *key, bool has,
			 const struct ul_page_figure *figure, uint32_t page_bytes)
{
	if (!has) {
		ul_json_null(json, key);
		return;
	}
	ul_json_object_begin(json, key);
	put_figure(json, figure, page_bytes);
	ul_json_object_end(json);
}

static void put_classes(struct ul_json *json, const struct ul_page_figure *figures,
			uint32_t page_bytes)
{
	ul_json_array_begin(json, "classes");
	for (size_t class = 0; class < UL_PAGE_CLASSES; class ++) {
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "name", ul_page_class_name((enum ul_page_class) class));
		put_figure(json, &figures[class], page_bytes);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

static void put_runs(struct ul_json *json, const struct ul_page_count *count)
{
	ul_json_array_begin(json, "driver_runs");
	for (size_t i = 0; i < UL_PAGE_RUNS; i++) {
		const struct ul_page_figure *pages = &count->figures[UL_PAGE_RUN_PAGES + i];
		if (pages->value <= 0)
			continue;
		ul_json_object_begin(json, NULL);
		ul_json_int(json, "at_least_pages", INT64_C(1) << i);
		ul_json_int(json, "runs", llround(count->figures[UL_PAGE_RUN_COUNT + i].value));
		put_figure(json, pages, count->page_bytes);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

static void put_zones(struct ul_json *json, const struct ul_page_count *count)
{
	ul_json_array_begin(json, "by_zone");
	ul_vec_foreach (zone, &count->zones) {
		ul_json_object_begin(json, NULL);
		ul_json_int(json, "node", zone->node);
		ul_json_string(json, "zone", zone->name);
		ul_json_uint(json, "spanned", zone->spanned);
		ul_json_uint(json, "present", zone->present);
		ul_json_uint(json, "managed", zone->managed);
		ul_json_uint(json, "counted", zone->counted);
		put_classes(json, zone->figures, count->page_bytes);
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
}

static void put_row(struct ul_json *json, const struct ul_page_compared *row)
{
	ul_json_object_begin(json, NULL);
	ul_json_string(json, "what", row->what);
	ul_json_int(json, "flags_bytes", llround(row->flags_bytes));
	ul_json_int(json, "margin_bytes", llround(row->margin_bytes));
	ul_json_int(json, "counters_bytes", llround(row->counters_bytes));
	ul_json_int(json, "difference", llround(row->flags_bytes - row->counters_bytes));
	ul_json_int(json, "counters_moved", llround(row->moved_bytes));
	ul_json_bool(json, "differs", row->differs);
	ul_json_string(json, "why", row->why);
	ul_json_object_end(json);
}

static void put_compare(struct ul_json *json, const struct ul_page_compare *compare)
{
	ul_json_object_begin(json, "compare");
	ul_json_int(json, "driver_bytes", llround(compare->driver_bytes));
	ul_json_array_begin(json, "explained");
	ul_vec_foreach (entry, &compare->explained) {
		ul_json_object_begin(json, NULL);
		ul_json_string(json, "account", entry->name);
		ul_json_int(json, "bytes", llround(entry->bytes));
		ul_json_object_end(json);
	}
	ul_json_array_end(json);
	ul_json_int(json, "explained_bytes", llround(compare->explained_bytes));
	ul_json_int(json, "unowned_bytes", llround(compare->unowned_bytes));
	ul_json_int(json, "unowned_margin_bytes", llround(compare->unowned_margin_bytes));
	ul_json_int(json, "unaccounted_bytes", llround(compare->unaccounted_bytes));
	ul_json_bool(json, "large_kmalloc_is_slab", compare->large_kmalloc_is_slab);
	ul_json_array_begin(json, "rows");
	for (size_t i = 0; i < compare->rows_len; i++)
		put_row(json, &compare->rows[i]);
	ul_json_array_end(json);
	ul_json_object_end(json);
}

void ul_json_pages(struct ul_json *json, const struct ul_pages *pages)
{
	const struct ul_page_count *count = pages->count;
	ul_json_object_begin(json, "pages");
	ul_json_uint(json, "counted", count->counted);
	ul_json_string(json, "source", count->walked ? "page array" : "kpageflags");
	ul_json_bool(json, "sampled", count->sampled);
	ul_json_uint(json, "read", count->read);
	ul_json_double(json, "seconds", count->seconds);
	ul_json_uint(json, "page_bytes", count->page_bytes);
	put_classes(json, count->figures, count->page_bytes);
	put_optional(json, "driver_mapped", count->has_mapped, &count->figures[UL_PAGE_MAPPED],
		     count->page_bytes);
	put_optional(json, "driver_charged", count->has_charged, &count->figures[UL_PAGE_CHARGED],
		     count->page_bytes);
	put_runs(json, count);
	put_zones(json, count);
	put_compare(json, pages->compare);
	ul_json_object_end(json);
}
