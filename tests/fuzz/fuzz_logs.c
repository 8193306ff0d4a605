// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A log somebody mailed, of any sort. Times within one table of sar never go back; a snapshot has
 * something in it.
 */
#include <stdint.h>
#include <stdio.h>

#include "source/logs/logs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool empty(const struct ul_log_snapshot *snapshot)
{
	if (snapshot->has_ledger)
		return false;
	for (size_t i = 0; i < UL_LOG_PARTS; i++)
		if (snapshot->parts[i].len)
			return false;
	return true;
}

static void read_all(struct ul_logs *logs)
{
	UL_CLEANUP_LOG_SNAPSHOT struct ul_log_snapshot snapshot;
	bool more = true;
	int64_t last_ns = INT64_MIN;
	ul_log_snapshot_init(&snapshot);
	while (more) {
		UL_CLEANUP_ERROR struct ul_error *err = ul_logs_next(logs, &snapshot, &more);
		if (err || !more)
			break;
		if (empty(&snapshot))
			__builtin_trap();
		if (ul_logs_format(logs) == UL_LOG_SAR && snapshot.time_ns < last_ns)
			__builtin_trap();
		last_ns = snapshot.time_ns;
		ul_vec_foreach (account, &snapshot.ledger.accounts)
			if (account->bytes < 0)
				__builtin_trap();
		ul_ledger_close(&snapshot.ledger, snapshot.over, snapshot.under);
		if (!ul_ledger_balanced(&snapshot.ledger))
			__builtin_trap();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char nothing[1];
	UL_CLEANUP_FREE void *copy = malloc(size + 1);
	if (!copy)
		return 0;
	__builtin_memcpy(copy, size ? (const void *)data : nothing, size);
	UL_CLEANUP_FCLOSE FILE *file = size ? fmemopen(copy, size, "r") : fopen("/dev/null", "re");
	UL_CLEANUP_LOGS struct ul_logs *logs = NULL;
	if (!file)
		return 0;
	UL_CLEANUP_ERROR struct ul_error *err = ul_logs_open(file, "log", UL_LOG_AUTO, &logs);
	if (!err)
		read_all(logs);
	return 0;
}
