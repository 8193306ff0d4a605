/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Figures beside the frame: zram, ZFS, dma-buf, RAM outside of MemTotal. All of them notes. */
#ifndef UL_SOURCE_PROC_BESIDE_H
#define UL_SOURCE_PROC_BESIDE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/span.h"
#include "model/ledger.h"

/** What mm_stat of one zram device says. */
struct ul_zram {
	uint64_t stored_bytes; /**< before compression */
	uint64_t used_bytes;   /**< pages taken, the account "zsmalloc (zram)" */
};
bool ul_zram_parse(struct ul_span text, struct ul_zram *ret);

/** "size" of /proc/spl/kstat/zfs/arcstats. */
bool ul_arcstats_parse(struct ul_span text, uint64_t *ret_bytes);

/** The line "Total N objects, M bytes" of dma_buf/bufinfo. */
bool ul_bufinfo_parse(struct ul_span text, uint64_t *ret_objects, uint64_t *ret_bytes);

/** Sum of the ranges "System RAM" of /proc/iomem; false where addresses are hidden (all zero). */
bool ul_iomem_parse(struct ul_span text, uint64_t *ret_bytes);

/**
 * Add what there is as notes to @p ledger.
 *
 * @param sys_fd  -1: no /sys.
 * @param all     Also what changes seldom or costs more: dma-buf, RAM outside of MemTotal.
 */
UL_MUST_USE struct ul_error *ul_beside_read(int proc_fd, int sys_fd, bool all,
					    struct ul_buf *scratch, struct ul_ledger *ledger);

#endif
