// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/tui/json_top.h"

#include <math.h>

#include "base/units.h"
#include "view/document.h"

static void put_track(struct ul_json *json, const struct ul_history *history, size_t at,
		      const struct ul_history_track *track)
{
	const struct ul_history_value value = ul_history_value(track, at);
	const struct ul_history_value first = ul_history_value(track, 0);
	const struct ul_growth *growth = &track->growth;
	ul_json_object_begin(json, NULL);
	ul_json_string(json, "name", track->label);
	ul_json_string(json, "kind", ul_kind_name(track->kind));
	if (track->pid)
		ul_json_int(json, "pid", track->pid);
	ul_json_int(json, "bytes", value.bytes);
	if (first.bytes == UL_HISTORY_NONE)
		ul_json_null(json, "change");
	else
		ul_json_int(json, "change", value.bytes - first.bytes);
	ul_json_string(json, "verdict",
		       ul_growth_verdict_name(track->growth_at_ns ? growth->verdict
								  : UL_GROWTH_TOO_SHORT));
	ul_json_double(json, "bytes_per_s", growth->bytes_per_s);
	ul_json_double(json, "low", growth->low);
	ul_json_double(json, "high", growth->high);
	ul_json_object_end(json);
}

static void put_tracks(struct ul_json *json, const char *key, const struct ul_top *top,
		       const struct ul_history *history, bool accounts)
{
	ul_json_array_begin(json, key);
	const size_t at = history->points.len ? ul_top_point(top, history) : 0;
	ul_vec_foreach (place, &history->tracks) {
		const struct ul_history_track *track = *place;
		const bool fits = accounts ? ul_history_is_account(track->kind)
					   : track->kind == UL_KIND_PROCESS;
		if (fits && ul_history_value(track, at).bytes != UL_HISTORY_NONE)
			put_track(json, history, at, track);
	}
	ul_json_array_end(json);
}

struct ul_error *ul_json_top(FILE *out, bool pretty, const struct ul_top *top,
			     const struct ul_top_input *input)
{
	struct ul_json json;
	const struct ul_history *accounts = input->accounts;
	const struct ul_outlook *outlook = &input->outlook;
	const size_t at = ul_top_point(top, accounts);
	const int64_t span_ns =
		accounts->points.data[at].time_ns - accounts->points.data[0].time_ns;
	ul_json_document_begin(&json, out, pretty, "top", input->kernel);
	ul_json_double(&json, "window_s", (double)span_ns / UL_NS_PER_S);
	ul_json_uint(&json, "samples", at + 1);
	ul_json_object_begin(&json, "outlook");
	ul_json_uint(&json, "leak_like", outlook->leaks);
	ul_json_double(&json, "bytes_per_s", outlook->bytes_per_s);
	ul_json_double(&json, "low", outlook->low);
	ul_json_double(&json, "high", outlook->high);
	ul_json_int(&json, "available", outlook->available);
	ul_json_double(&json, "exhausted_s", outlook->seconds);
	ul_json_object_end(&json);
	put_tracks(&json, "accounts", top, accounts, true);
	put_tracks(&json, "processes", top, input->processes, false);
	return ul_json_document_end(&json, input->losses);
}
