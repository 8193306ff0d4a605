/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Allocations paired with frees out of a stream of recorded events. Pure; memory grows with what is
 * live and with the number of sites, not with what was freed.
 */
#ifndef UL_ANALYSIS_PAIRING_H
#define UL_ANALYSIS_PAIRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/event.h"
#include "model/site.h"

struct ul_pairing_options {
	size_t max_live;     /**< live allocations followed; 0: 8,388,608 */
	size_t max_sites;    /**< 0: 1,048,576 */
	size_t max_examples; /**< survivors kept by address for each site; 0: 64 */
	int64_t drain_ns; /**< the last so much of the trace makes no survivors; -1: a tenth of the
			     trace, 3 s at most, nothing of one below 1 s */
	bool live; /**< recorded now: frees of what was there before, or is filtered out, are no
		      news */
};

struct ul_pairing;

/** New and empty. */
UL_MUST_USE struct ul_error *ul_pairing_create(const struct ul_pairing_options *options,
					       struct ul_pairing **ret);
void ul_pairing_destroy(struct ul_pairing *pairing);
UL_DEFINE_CLEANUP(ul_cleanup_pairing, struct ul_pairing, ul_pairing_destroy);
#define UL_CLEANUP_PAIRING UL_CLEANUP(ul_cleanup_pairing)

/** Take the next event, in the order of time as well as the source can give it. &ul_enomem only. */
UL_MUST_USE struct ul_error *ul_pairing_add(struct ul_pairing *pairing,
					    const struct ul_event *event);
/** The same as a ul_event_fn: @p pairing is a struct ul_pairing *. */
UL_MUST_USE struct ul_error *ul_pairing_take(void *pairing, const struct ul_event *event);
/** Time has gone on to @p time_ns, whether or not anything happened: ages count until then. */
void ul_pairing_until(struct ul_pairing *pairing, int64_t time_ns);
/** How many allocations are live now. */
size_t ul_pairing_live(const struct ul_pairing *pairing);

/**
 * End of the stream: what is live, by site, each with the stack that @p dictionary has for it, and
 * the losses. @p ret is initialised here; its `engine` is the caller's to set. Afterwards @p
 * pairing can only be destroyed.
 */
UL_MUST_USE struct ul_error *ul_pairing_finish(struct ul_pairing *pairing,
					       const struct ul_dictionary *dictionary,
					       struct ul_trace *ret);

#endif
