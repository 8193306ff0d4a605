/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory counted page by page, beside the ledger: for people and for programs. */
#ifndef UL_VIEW_PAGES_H
#define UL_VIEW_PAGES_H

#include "model/page_count.h"
#include "view/json_writer.h"
#include "view/term.h"

/** A count and how it compares with the ledger. Borrowed. */
struct ul_pages {
	const struct ul_page_count *count;
	const struct ul_page_compare *compare;
};

/** Member `pages` of an open object. */
void ul_json_pages(struct ul_json *json, const struct ul_pages *pages);
UL_MUST_USE struct ul_error *ul_term_pages(const struct ul_term *term,
					   const struct ul_pages *pages);

#endif
