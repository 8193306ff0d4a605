/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Orphans, for people and for programs. */
#ifndef UL_VIEW_ORPHANS_H
#define UL_VIEW_ORPHANS_H

#include "model/image.h"
#include "model/orphan.h"
#include "view/term.h"

/** What the document is about beside the orphans. */
struct ul_orphans_view {
	const struct ul_image *image;
	const struct ul_orphans *orphans;
	const struct ul_losses *losses; /**< of image, heap and orphans together */
	const char *core;      /**< first file of --core, for what to type next; NULL: live */
	unsigned int looks;    /**< at all memory: 2 of a live machine; 1: a dump */
	unsigned int searches; /**< after them, for what was the same in both */
	double wait_seconds;   /**< between the looks */
};

UL_MUST_USE struct ul_error *ul_json_orphans(FILE *out, bool pretty,
					     const struct ul_orphans_view *view);
/** At most @p top groups; 0: the first 20. */
void ul_term_orphans(const struct ul_term *term, const struct ul_orphans_view *view, size_t top);

#endif
