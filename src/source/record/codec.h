/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packed changes of one sample.
 *
 * Numbers are varints: seven bits a byte, least significant first, the top bit saying "more".
 * Signed ones are zigzagged (0, -1, 1, -2, ... -> 0, 1, 2, 3 ...). A change is
 *
 *   varint  (id - id of the change before - 1) << 2 | mask    ids ascend; the first counts from 0
 *   varint  bytes, if mask & 1: delta << 1, or (delta / 4096) << 1 | 1 where 4096 divides it
 *   varint  objects, if mask & 2: delta
 *
 * Deltas count from the series' last value, or from (0 bytes, -1 objects) when it had none. Mask 0
 * is the end of the series; in a full sample, where nothing ends, it is a series that still stands
 * at (0, -1). The kernel counts nearly everything in pages: hence the 4096.
 *
 * After the last change stand four bytes of checksum (store.h), which the reader here never sees.
 *
 * Bytes from a file are hostile: the reader checks every length, order and sum.
 */
#ifndef UL_SOURCE_RECORD_CODEC_H
#define UL_SOURCE_RECORD_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

struct ul_codec_change {
	uint32_t id;
	bool ends; /**< the series is no more; no deltas */
	int64_t bytes_delta;
	int64_t objects_delta;
};

/** Walks the changes of one sample. */
struct ul_codec_reader {
	struct ul_span rest;
	uint32_t last_id;
	bool full;
	bool bad; /**< stopped at bytes that make no sense */
};

void ul_codec_put_varint(struct ul_buf *buf, uint64_t value);
/** Cut a varint off @p rest; false at a cut or oversized one. */
bool ul_codec_get_varint(struct ul_span *rest, uint64_t *ret);
/** Append a change; ids must ascend from *@p last_id, which starts at 0 and is updated. */
void ul_codec_put_change(struct ul_buf *buf, bool full, const struct ul_codec_change *change,
			 uint32_t *last_id);
/** Next change; false at the end, or (reader->bad) where the bytes make no sense. */
bool ul_codec_next(struct ul_codec_reader *reader, struct ul_codec_change *ret);

#endif
