/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions that every stack of their sort runs through. Pure. */
#ifndef UL_ANALYSIS_ENTRY_FRAMES_H
#define UL_ANALYSIS_ENTRY_FRAMES_H

#include <stdbool.h>

/**
 * True for functions that say how the kernel was entered (system call, interrupt, thread, work
 * item, driver core, virtual file system, network receive): they have lost nothing, and tell no
 * stack from another.
 */
bool ul_entry_frame(const char *function);

#endif
