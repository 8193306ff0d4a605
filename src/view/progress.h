/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line that says what goes on, for a person who waits: drawn on a terminal only, from the first
 * second on, and erased at the end.
 */
#ifndef UL_VIEW_PROGRESS_H
#define UL_VIEW_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct ul_progress {
	FILE *out; /**< NULL: draw nothing */
	unsigned int width;
	int64_t start_ns;
	int64_t drawn_ns; /**< of the last drawing; 0: nothing is on the screen */
};

/** @p out NULL: every call does nothing. @p now_ns: any monotonic clock, the same at every call. */
void ul_progress_init(struct ul_progress *progress, FILE *out, unsigned int width, int64_t now_ns);
/**
 * Draw, at most ten times a second. @p fraction 0..1 (NAN: unknown: no bar), @p left_s (NAN:
 * unknown), @p what: "sampling /proc", "waiting for late frees".
 */
void ul_progress_update(struct ul_progress *progress, int64_t now_ns, double fraction,
			double left_s, const char *what);
/** Erase; call before anything else is printed on the terminal. */
void ul_progress_end(struct ul_progress *progress);

#endif
