/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls of functions in runs of a command: what the function tracer saw, with names. */
#ifndef UL_MODEL_CALLS_H
#define UL_MODEL_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "model/batch.h"

enum { UL_CALL_NOBODY = -1 };

struct ul_call_function {
	char *name;
	char *module;  /**< NULL: the kernel */
	bool releases; /**< known to free or to put: not suspect itself, its callers are */
};

struct ul_call {
	int32_t function; /**< index in `functions` */
	int32_t caller;	  /**< likewise, or UL_CALL_NOBODY */
	uint32_t run;	  /**< index in `runs` */
};

/** One run, or a time of its length in which nothing was run. */
struct ul_call_run {
	enum ul_batch_kind kind;
};

struct ul_calls {
	UL_VEC(struct ul_call_function) functions;
	UL_VEC(struct ul_call) items; /**< of one run in order of time */
	UL_VEC(struct ul_call_run) runs;
};

void ul_calls_deinit(struct ul_calls *calls);
#define UL_CLEANUP_CALLS UL_CLEANUP(ul_calls_deinit)

#endif
