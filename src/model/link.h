/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which survivors point to which, read in memory. Found by analysis/links, used by
 * analysis/verdict_join.
 */
#ifndef UL_MODEL_LINK_H
#define UL_MODEL_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "model/site.h"

/** Survivors of one site, as far as they were looked at. */
struct ul_linked {
	const struct ul_site *site; /**< borrowed from the trace */
	UL_VEC(uint64_t) objects;   /**< kernel addresses that are still allocated */
};

/** Of two of them: how many point there, and to how many. */
struct ul_link {
	size_t from, to;   /**< indices of ul_links.sites */
	uint64_t pointing; /**< objects of `from` with a pointer to one of `to` */
	uint64_t pointed;  /**< objects of `to` that one of `from` points to */
};

struct ul_links {
	UL_VEC(struct ul_linked) sites;
	UL_VEC(struct ul_link) items; /**< where there is any pointer */
};

void ul_links_deinit(struct ul_links *links);
#define UL_CLEANUP_LINKS UL_CLEANUP(ul_links_deinit)

#endif
