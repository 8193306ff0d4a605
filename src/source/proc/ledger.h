/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From parsed texts to a balanced ledger; pure, so that it can be tested and fuzzed. */
#ifndef UL_SOURCE_PROC_LEDGER_H
#define UL_SOURCE_PROC_LEDGER_H

#include "base/error.h"
#include "model/ledger.h"
#include "source/proc/counters.h"
#include "source/proc/meminfo.h"
#include "source/proc/shmem.h"
#include "source/proc/slab_aliases.h"
#include "source/proc/slabinfo.h"
#include "source/proc/vmallocinfo.h"

/**
 * What was read; a NULL is a file that could not be, for which the reader adds the loss. Borrowed.
 */
struct ul_proc_facts {
	const struct ul_meminfo *meminfo; /**< never NULL */
	const struct ul_slabinfo *slabinfo;
	const struct ul_slab_aliases *aliases; /**< NULL or empty: not known */
	const struct ul_vmallocinfo *vmallocinfo;
	const struct ul_zoneinfo *zoneinfo;
	const struct ul_vmstat *vmstat;
	const struct ul_sockstat *sockstat;
	const struct ul_sysv *sysv;
	const struct ul_tmpfs_list *tmpfs; /**< measured */
	uint32_t page_bytes;		   /**< at most UL_PROC_LIMIT_PAGE_BYTES */
	uint32_t cpus;			   /**< at most UL_PROC_LIMIT_CPUS */
	bool zswap_apart;		   /**< zswap uses another allocator than zsmalloc */
};

/**
 * Fill accounts, caches and notes of @p ledger (initialised) and close it; balanced afterwards.
 *
 * @param seen  Which of the rare accounts were ever above zero; those are shown from then on, so
 *              that a series does not break off at zero. Zero it before the first sample.
 */
UL_MUST_USE struct ul_error *ul_proc_build(const struct ul_proc_facts *facts, uint64_t *seen,
					   struct ul_ledger *ledger);

#endif
