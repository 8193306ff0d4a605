// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Packed changes of any bytes, applied one after the other; what the step from the first state to
 * the last is encoded as leads from the one to the other. Inputs: one byte of length, then a piece.
 */
#include <stdint.h>
#include <string.h>

#include "source/record/thin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool equal(const struct ul_thin_state *a, const struct ul_thin_state *b)
{
	if (a->values.len != b->values.len)
		return false;
	for (size_t i = 0; i < a->values.len; i++)
		if (a->values.data[i].id != b->values.data[i].id ||
		    a->values.data[i].bytes != b->values.data[i].bytes ||
		    a->values.data[i].objects != b->values.data[i].objects)
			return false;
	return true;
}

static struct ul_error *run(const uint8_t *data, size_t size)
{
	UL_CLEANUP_THIN_STATE struct ul_thin_state now = {0};
	UL_CLEANUP_THIN_STATE struct ul_thin_state first = {0};
	UL_CLEANUP_BUF struct ul_buf step = {0};
	bool fits = true;
	for (bool full = true; size; full = false) {
		const size_t len = data[0] < size - 1 ? data[0] : size - 1;
		UL_TRY(ul_thin_apply(&now, (struct ul_span){(const char *)data + 1, len}, full,
				     &fits));
		if (!fits)
			return NULL;
		if (full)
			UL_TRY(ul_thin_copy(&now, &first));
		data += len + 1;
		size -= len + 1;
	}
	UL_TRY(ul_thin_encode(&first, &now, &step));
	UL_TRY(ul_thin_apply(&first, (struct ul_span){ul_buf_str(&step), step.len}, false, &fits));
	if (!fits || !equal(&first, &now))
		__builtin_trap();
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ul_error_destroy(run(data, size));
	return 0;
}
