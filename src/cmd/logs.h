/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From logs to a recording: source/logs takes them apart, source/proc parses the texts of /proc. */
#ifndef UL_CMD_LOGS_H
#define UL_CMD_LOGS_H

#include "cmd/cmd.h"
#include "model/kernel.h"
#include "model/loss.h"
#include "source/logs/logs.h"
#include "source/record/record.h"

struct ul_import {
	const char *const *files; /**< "-": standard input; a directory is fine */
	size_t files_len;
	enum ul_log_format format;
	int64_t every_ns;   /**< between snapshots without a time; 0: not known, one second */
	const char *output; /**< the new recording; NULL: in memory */
};

struct ul_import_result {
	enum ul_log_format format; /**< of the first file */
	size_t samples;
	int64_t first_ns; /**< of the log's clock */
	int64_t last_ns;
	struct ul_kernel kernel; /**< release "unknown" where the log does not say it */
	struct ul_losses losses;
};

/** Import; the recording stays open. @p ret_result (zero) is to be deinitialised in every case. */
UL_MUST_USE struct ul_error *ul_import_logs(const struct ul_import *import,
					    struct ul_record **ret_record,
					    struct ul_import_result *ret_result);
void ul_import_result_deinit(struct ul_import_result *result);
#define UL_CLEANUP_IMPORT_RESULT UL_CLEANUP(ul_import_result_deinit)

/** True for a path that is there and is no recording. */
bool ul_import_is_log(const char *path);

#endif
