/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Physical memory made page by page on demand; see page_store.c. */
#ifndef UL_SOURCE_IMAGE_PAGE_STORE_H
#define UL_SOURCE_IMAGE_PAGE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/memory.h"
#include "source/image/decompress.h"

struct ul_page_source_ops {
	/**
	 * Make page frame @p pfn at @p to; false: it is not there, or damaged. @p fresh: the bytes
	 * at @p to are zero already and a page of zeroes should leave them untouched. Called from
	 * several threads at once, each with a decompressor of its own.
	 */
	bool (*fill)(void *source, struct ul_decompressor *decompressor, uint64_t pfn, uint8_t *to,
		     bool fresh);
	void (*destroy)(void *source);
};

struct ul_page_source {
	const struct ul_page_source_ops *ops;
	void *source;	    /**< for ops; taken by ul_page_store_create() */
	const char *engine; /**< static */
	uint64_t page_bytes;
	uint64_t pages; /**< one beyond the last page frame */
};

/** Pages to keep at most, when nobody says: half of this machine's memory. */
uint64_t ul_page_store_budget(uint64_t page_bytes);
/** Takes source->source, also when it fails. */
UL_MUST_USE struct ul_error *ul_page_store_create(const struct ul_page_source *source,
						  uint64_t budget_pages, struct ul_memory **ret);

#endif
