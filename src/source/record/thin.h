/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Samples of a recording, put together and taken apart again: what leaving out the samples between
 * two takes. Pure; the values are all ids and numbers, whatever they stand for.
 */
#ifndef UL_SOURCE_RECORD_THIN_H
#define UL_SOURCE_RECORD_THIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/span.h"
#include "base/vec.h"

struct ul_thin_value {
	uint32_t id;
	int64_t bytes;
	int64_t objects;
};

/** Every series that has a value at one sample, by id. Zero is the empty one. */
struct ul_thin_state {
	UL_VEC(struct ul_thin_value) values;
};

void ul_thin_state_deinit(struct ul_thin_state *state);
#define UL_CLEANUP_THIN_STATE UL_CLEANUP(ul_thin_state_deinit)

/** Make @p to equal @p from. */
UL_MUST_USE struct ul_error *ul_thin_copy(const struct ul_thin_state *from,
					  struct ul_thin_state *to);
/**
 * From the sample before to this one.
 *
 * @param packed    Its changes (codec.h), without the seal.
 * @param full      It is a full sample: @p state is forgotten first.
 * @param ret_fits  False: the changes make no sense after @p state, which then is of no use.
 */
UL_MUST_USE struct ul_error *ul_thin_apply(struct ul_thin_state *state, struct ul_span packed,
					   bool full, bool *ret_fits);
/** Append the changes that lead from @p before to @p now. */
UL_MUST_USE struct ul_error *ul_thin_encode(const struct ul_thin_state *before,
					    const struct ul_thin_state *now, struct ul_buf *packed);

#endif
