/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of one count of pages: shared by page_flags.c and page_flags_where.c. */
#ifndef UL_SOURCE_PROC_PAGE_FLAGS_READER_H
#define UL_SOURCE_PROC_PAGE_FLAGS_READER_H

#include "source/proc/page_flags.h"
#include "source/proc/state.h"

struct ul_page_reader {
	struct ul_proc *proc;
	const struct ul_page_count_options *options;
	struct ul_page_count *count;
	int flags_fd, mapped_fd, charged_fd;
	struct ul_page_zones zones;
	struct ul_page_ranges pieces;
	uint64_t *window; /**< flags of the pages from window_first on */
	uint64_t window_first;
	size_t window_len;
	struct ul_page_scan scan;
	uint64_t scan_end; /**< where the scan is; UINT64_MAX: nowhere */
	uint64_t beyond;   /**< pages the file ends before */
	uint64_t units, done;
};

/** Words of @p len pages from @p pfn out of @p fd; fewer at the end of the file. */
UL_MUST_USE struct ul_error *ul_page_read_words(int fd, const char *name, uint64_t pfn, size_t len,
						uint64_t *words, size_t *ret_len);
/** Fill zones and pieces, with holes and memory that is not ready left out. */
UL_MUST_USE struct ul_error *ul_page_find_pieces(struct ul_page_reader *reader);

#endif
