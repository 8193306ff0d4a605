/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Between references.bpf.c and references.c. */
#ifndef UL_SOURCE_TRACE_REFERENCES_SHARED_H
#define UL_SOURCE_TRACE_REFERENCES_SHARED_H

#include <linux/types.h>

enum {
	ULR_SLOTS = 24,	     /* functions watched at a time */
	ULR_RANGES = 32,     /* functions that allocate */
	ULR_FRAMES = 10,     /* of the stack of a call */
	ULR_LIVES = 1 << 16, /* objects alive at a time */
	ULR_RING_BYTES = 8 << 20,
};

enum ulr_what { ULR_ALLOCATED, ULR_FREED, ULR_CALLED };

struct ulr_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 object;
	__u32 what;   /* enum ulr_what */
	__u32 number; /* of the type that was allocated, or of the slot that was called */
	__u64 frames[ULR_FRAMES]; /* innermost first, 0 behind the last; of calls only */
};
_Static_assert(sizeof(struct ulr_event) == 24 + 8 * ULR_FRAMES, "both sides agree");

/* A function that allocates objects of a type: [start, end) */
struct ulr_range {
	__u64 start;
	__u64 end;
	__u64 type;
};

#endif
