/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs of a command that was run again and again while allocations were recorded, in batches. What
 * was allocated in a batch and is still there at the end is what its runs left behind.
 */
#ifndef UL_MODEL_BATCH_H
#define UL_MODEL_BATCH_H

#include <stdint.h>

#include "base/vec.h"

/** Which runs a batch is made of. */
enum ul_batch_kind {
	UL_BATCH_WARM_UP, /**< first runs: caches fill, what is made once is made */
	UL_BATCH_TRIGGER,
	UL_BATCH_CONTROL, /**< of the command that does the same and loses nothing */
	UL_BATCH_IDLE,	  /**< nothing was run: what the machine does by itself */
};

/** CLOCK_MONOTONIC; batches do not overlap, and the pauses between them belong to no batch. */
struct ul_batch {
	enum ul_batch_kind kind;
	uint32_t runs;
	int64_t begin_ns;
	int64_t end_ns;
};

struct ul_batches {
	UL_VEC(struct ul_batch) items; /**< in order of time */
	/** Stamps of allocations lag by up to this much: one tick of the kernel. */
	int64_t lag_ns;
};

#endif
