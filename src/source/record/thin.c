// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A state is a list by id and so are the changes of a sample, so applying and comparing are merges
 * of two sorted lists: no table, no names, and memory for one state. A process's worth of work:
 * some 400 values times 600 samples of a block take about a millisecond.
 */
#include "source/record/thin.h"

#include "source/record/codec.h"
#include "source/record/schema.h"

void ul_thin_state_deinit(struct ul_thin_state *state)
{
	ul_vec_deinit(&state->values);
}

struct ul_error *ul_thin_copy(const struct ul_thin_state *from, struct ul_thin_state *to)
{
	to->values.len = 0;
	if (!ul_vec_reserve(&to->values, from->values.len))
		return &ul_enomem;
	if (from->values.len)
		__builtin_memcpy(to->values.data, from->values.data,
				 from->values.len * sizeof(*from->values.data));
	to->values.len = from->values.len;
	return NULL;
}

static bool in_range(int64_t value)
{
	return value >= -UL_RECORD_MAX_VALUE && value <= UL_RECORD_MAX_VALUE;
}

/** @p old NULL: the series begins. */
static struct ul_error *put(struct ul_thin_state *state, const struct ul_codec_change *change,
			    const struct ul_thin_value *old, bool *ret_fits)
{
	// Neither sum can overflow: values are within 2^60, deltas within 2^61.
	const struct ul_thin_value value = {
		.id = change->id,
		.bytes = (old ? old->bytes : 0) + change->bytes_delta,
		.objects = (old ? old->objects : -1) + change->objects_delta,
	};
	*ret_fits = (old || !change->ends) && in_range(value.bytes) && in_range(value.objects);
	if (!*ret_fits || change->ends)
		return NULL;
	return ul_vec_push(&state->values, value) ? NULL : &ul_enomem;
}

struct ul_error *ul_thin_apply(struct ul_thin_state *state, struct ul_span packed, bool full,
			       bool *ret_fits)
{
	UL_CLEANUP_THIN_STATE struct ul_thin_state next = {0};
	struct ul_codec_reader reader = {.rest = packed, .full = full};
	struct ul_codec_change change;
	const struct ul_thin_value *at = state->values.data;
	const struct ul_thin_value *end = full || !at ? at : at + state->values.len;
	bool fits = true;
	if (!ul_vec_reserve(&next.values, full ? 64 : state->values.len))
		return &ul_enomem;
	while (fits && ul_codec_next(&reader, &change)) {
		for (; at < end && at->id < change.id; at++)
			if (!ul_vec_push(&next.values, *at))
				return &ul_enomem;
		const bool known = at < end && at->id == change.id;
		UL_TRY(put(&next, &change, known ? at : NULL, &fits));
		if (known)
			at++;
	}
	for (; at < end; at++)
		if (!ul_vec_push(&next.values, *at))
			return &ul_enomem;
	const struct ul_thin_state old = *state;
	*state = next;
	next = old;
	*ret_fits = fits && !reader.bad;
	return NULL;
}

/** Behind the last one stands a value that no id comes after. */
static const struct ul_thin_value *value_at(const struct ul_thin_state *state, size_t at)
{
	static const struct ul_thin_value end = {.id = UINT32_MAX};
	return at < state->values.len ? &state->values.data[at] : &end;
}

struct ul_error *ul_thin_encode(const struct ul_thin_state *before, const struct ul_thin_state *now,
				struct ul_buf *packed)
{
	static const struct ul_thin_value nothing = {.objects = -1};
	uint32_t last_id = 0;
	size_t old = 0;
	size_t new = 0;
	while (old < before->values.len || new < now->values.len) {
		const struct ul_thin_value *a = value_at(before, old);
		const struct ul_thin_value *b = value_at(now, new);
		const bool was = a->id <= b->id;
		const bool is = b->id <= a->id;
		const struct ul_thin_value *from = was ? a : &nothing;
		old += was;
		new += is;
		const struct ul_codec_change change = {
			.id = was ? a->id : b->id,
			.ends = !is,
			.bytes_delta = is ? b->bytes - from->bytes : 0,
			.objects_delta = is ? b->objects - from->objects : 0,
		};
		if (is && was && !change.bytes_delta && !change.objects_delta)
			continue;
		ul_codec_put_change(packed, false, &change, &last_id);
	}
	return packed->failed ? &ul_enomem : NULL;
}
