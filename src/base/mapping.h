/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A mapped file that ends too early: what a handler of SIGBUS needs. Both functions call nothing
 * but the kernel, and keep no state, so they are fine in a handler and in every thread.
 *
 * Dumps and debug information are read in place. Where the file has been cut, or its storage fails,
 * the processor faults instead of a read() that returns less, in the middle of anything and, in
 * libraries too, on whatever thread. So the rest of the mapping is given zeros to read, and the
 * program goes on to where it looks whether that happened.
 */
#ifndef UL_BASE_MAPPING_H
#define UL_BASE_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ul_mapping {
	uintptr_t start, end;
	char path[256]; /**< as /proc/self/maps has it, cut; "" where it has none */
};

/** The mapping that holds @p address, out of /proc/self/maps. */
bool ul_mapping_find(uintptr_t address, struct ul_mapping *ret);
/** Zeros in place of all of @p mapping from the page of @p address on. */
bool ul_mapping_fill(const struct ul_mapping *mapping, uintptr_t address);

#endif
