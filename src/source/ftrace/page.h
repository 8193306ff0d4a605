/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The records of one page of a ring buffer, as trace_pipe_raw gives it. */
#ifndef UL_SOURCE_FTRACE_PAGE_H
#define UL_SOURCE_FTRACE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { UL_FTRACE_PAGE_MAX = 1 << 20 };

struct ul_ftrace_page {
	const uint8_t *data; /**< records; borrowed */
	size_t len, at;
	uint64_t time_ns; /**< of the record read last; at first, of the page */
	/** Records lost right before this page: how many; -1: not known; 0: none. */
	int64_t missed;
};

/** What header_page says of the header of every page. */
struct ul_ftrace_page_form {
	size_t commit_bytes; /**< size of the field `commit`: 4 or 8 */
	size_t data_offset;  /**< of the field `data` */
};

struct ul_ftrace_record {
	const uint8_t *data;
	size_t len;
	uint64_t time_ns;
};

/** The form of this kernel's pages; UL_ERR_UNSUPPORTED when it is none that we know. */
UL_MUST_USE struct ul_error *ul_ftrace_page_learn(int tracefs, struct ul_ftrace_page_form *ret);
/**
 * Begin with @p bytes, a whole page.
 *
 * @return false when the page says of itself what cannot be.
 */
bool ul_ftrace_page_open(struct ul_ftrace_page *page, const uint8_t *bytes, size_t len,
			 const struct ul_ftrace_page_form *form);
/** The next record; false when there is none (or what follows is none). */
bool ul_ftrace_page_next(struct ul_ftrace_page *page, struct ul_ftrace_record *ret);

#endif
