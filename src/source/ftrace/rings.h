/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our two instances: one records allocations, each with its stack; the other frees and tasks,
 * without. (A stack trace for chosen events only is what the `stacktrace` trigger is for, but
 * before Linux v5.15 it wrote to everybody's buffer.)
 */
#ifndef UL_SOURCE_FTRACE_RINGS_H
#define UL_SOURCE_FTRACE_RINGS_H

#include "source/ftrace/decode.h"
#include "source/ftrace/ftrace.h"
#include "source/ftrace/page.h"
#include "source/ftrace/tracefs.h"

enum { UL_FTRACE_PENDING = 4 /**< events of one ring that a stack may still belong to */ };

enum ul_ftrace_role {
	UL_FTRACE_ALLOCS,
	UL_FTRACE_FREES,
	UL_FTRACE_ROLES,
};

/** The ring of one processor in one instance. */
struct ul_ftrace_ring {
	enum ul_ftrace_role role;
	uint32_t cpu;
	int fd; /**< trace_pipe_raw, not blocking */
	struct ul_ftrace_entry pending[UL_FTRACE_PENDING];
	size_t pending_len;
	uint64_t missed;  /**< records that pages said were lost before them */
	uint64_t unknown; /**< times that a page could not say how many */
};

struct ul_ftrace_rings {
	int tracefs; /**< -1: none */
	struct ul_instance instances[UL_FTRACE_ROLES];
	UL_VEC(struct ul_ftrace_ring) rings;
	uint64_t ring_bytes; /**< of the smallest */
	size_t page_bytes;
	struct ul_ftrace_page_form page;
	bool stacks; /**< false: built without CONFIG_STACKTRACE */
};

/** Make, size and filter them, and teach @p decoder what they record. Everything stays off. */
UL_MUST_USE struct ul_error *ul_ftrace_rings_open(const struct ul_ftrace_options *options,
						  struct ul_ftrace_decoder *decoder,
						  struct ul_ftrace_rings *ret);
void ul_ftrace_rings_close(struct ul_ftrace_rings *rings);
UL_MUST_USE struct ul_error *ul_ftrace_rings_switch(const struct ul_ftrace_rings *rings,
						    enum ul_ftrace_role role, bool on);
/** Records that were lost in the instance, by its own count; 0: none, or not known. */
uint64_t ul_ftrace_rings_lost(const struct ul_ftrace_rings *rings, enum ul_ftrace_role role);

#endif
