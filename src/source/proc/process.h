/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes: /proc/PID/stat, statm, and PSS of the ones that matter. */
#ifndef UL_SOURCE_PROC_PROCESS_H
#define UL_SOURCE_PROC_PROCESS_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/span.h"
#include "model/ledger.h"
#include "source/proc/proc.h"

/** What /proc/PID/stat says; fills pid, comm, start_ticks, kernel_thread. False: damaged. */
bool ul_process_parse_stat(struct ul_span text, struct ul_process *ret);
/** What /proc/PID/status says beside; each only if the line is there and a number. */
struct ul_process_status {
	uint64_t table_bytes; /**< VmPTE, with VmPMD of kernels before v4.6 */
	uint64_t swap_bytes;
	uint64_t fd_slots; /**< FDSize: slots for open files, a power of two */
	bool has_tables;
	bool has_fd_slots;
};
void ul_process_parse_status(struct ul_span text, struct ul_process_status *ret);
/** Resident pages out of /proc/PID/statm; false: damaged. */
bool ul_process_parse_statm(struct ul_span text, uint64_t *ret_pages);

/**
 * Every process below @p proc_fd into the ledger, sorted by RSS, and PSS where @p want asks.
 *
 * @param pids     Directory stream of the same root; rewound here.
 * @param scratch  Reused from sample to sample.
 * @return &ul_enomem or UL_ERR_LIMIT; a process that exits meanwhile is left out.
 */
UL_MUST_USE struct ul_error *ul_processes_read(int proc_fd, DIR *pids, uint32_t page_bytes,
					       const struct ul_proc_want *want,
					       struct ul_buf *scratch, struct ul_ledger *ledger);

#endif
