/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/PID/smaps and smaps_rollup. */
#ifndef UL_SOURCE_PROC_SMAPS_H
#define UL_SOURCE_PROC_SMAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "model/mapping.h"

/**
 * Sum the text of /proc/PID/smaps by sort of mapping into @p ret (initialised here). Lines that
 * are neither header nor known field are skipped; a sum saturates.
 */
void ul_smaps_parse(struct ul_span text, struct ul_mappings *ret);

struct ul_smaps_total {
	uint64_t pss_bytes;
	uint64_t uss_bytes; /**< private pages: what would be free without the process */
	uint64_t swap_bytes;
};

/** Sum Pss and Swap over smaps_rollup (or smaps); false when there is no Pss in it. */
bool ul_smaps_total(struct ul_span text, struct ul_smaps_total *ret);

#endif
