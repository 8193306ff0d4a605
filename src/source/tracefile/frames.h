/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stacks in the text of traces. */
#ifndef UL_SOURCE_TRACEFILE_FRAMES_H
#define UL_SOURCE_TRACEFILE_FRAMES_H

#include "base/error.h"
#include "base/span.h"
#include "model/stack.h"

/** True for " => function" of ftrace and trace-cmd. */
bool ul_frame_is_arrow(struct ul_span line);
/**
 * True for "\tffffffff8162e91f kfree+0x20f ([kernel.kallsyms])" of perf; @p ret_kernel: no user's.
 */
bool ul_frame_is_perf(struct ul_span line, bool *ret_kernel);
/** Append every frame of @p text (lines of one of these forms). &ul_enomem only. */
UL_MUST_USE struct ul_error *ul_frames_parse(struct ul_span text, struct ul_stack *stack);
/** Append the one frame of a call site: "function+0x1/0x2 [module]" or hexadecimal. */
UL_MUST_USE struct ul_error *ul_frame_parse_site(struct ul_span text, struct ul_stack *stack);

#endif
