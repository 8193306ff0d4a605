/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The records of one page of a ring buffer, as trace_pipe_raw gives it. */
#ifndef UL_SOURCE_FTRACE_PAGE_H
#define UL_SOURCE_FTRACE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UL_FTRACE_PAGE_MAX = 1 << 20 };

struct ul_ftrace_page {
	const uint8_t *data; /**< records; borrowed */
	size_t len, at;
	uint64_t time_ns; /**< of the record read last; at first, of the page */
	/** Records lost right before this page: how many; -1: not known; 0: none. */
	int64_t missed;
};

struct ul_ftrace_record {
	const uint8_t *data;
	size_t len;
	uint64_t time_ns;
};

/**
 * Begin with @p bytes, a whole page.
 *
 * @param commit_bytes  size of the field `commit` of header_page: 4 or 8.
 * @param data_offset   offset of its field `data`.
 * @return false when the page says of itself what cannot be.
 */
bool ul_ftrace_page_open(struct ul_ftrace_page *page, const uint8_t *bytes, size_t len,
			 size_t commit_bytes, size_t data_offset);
/** The next record; false when there is none (or what follows is none). */
bool ul_ftrace_page_next(struct ul_ftrace_page *page, struct ul_ftrace_record *ret);

#endif
