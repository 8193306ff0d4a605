/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of struct ul_logs: lines in, snapshots out. */
#ifndef UL_SOURCE_LOGS_LOGS_INTERNAL_H
#define UL_SOURCE_LOGS_LOGS_INTERNAL_H

#include "base/buf.h"
#include "source/logs/logs.h"

enum ul_log_dates { UL_LOG_DATES_UNKNOWN, UL_LOG_DATES_LEAD, UL_LOG_DATES_TRAIL };

struct ul_sar;

struct ul_logs {
	FILE *file; /**< borrowed */
	char *name;
	enum ul_log_format wanted;
	enum ul_log_format format;
	struct ul_kernel kernel;
	struct ul_losses losses;

	struct ul_buf line; /**< without its end */
	bool pushed_back;   /**< `line` is still to be looked at */
	bool at_end;
	bool cut_line; /**< the last line has no newline */

	// Texts of /proc and slabtop.
	struct ul_buf parts[UL_LOG_PARTS];
	int part;	      /**< enum ul_log_part being read; -1: none */
	bool headerless;      /**< slabinfo without its first line: somebody's grep */
	char first_name[128]; /**< first cache of such a slabinfo */
	char first_zone[64];  /**< first zone of zoneinfo */
	enum ul_log_dates dates;
	bool has_time;
	bool zoned;
	int64_t time_ns;
	int64_t day_ns;	  /**< clock times without a date: start of their day */
	int64_t clock_ns; /**< and the last of them; -1: none */
	uint64_t emitted;
	uint64_t part_lines;	  /**< of slabinfo in this snapshot */
	uint64_t last_part_lines; /**< and in the one before */
	uint64_t junk;

	struct ul_sar *sar;
};

/** Next line into logs->line; *@p ret false at the end. */
UL_MUST_USE struct ul_error *ul_logs_line(struct ul_logs *logs, bool *ret);
/** The line as a span, without blanks at its end. */
struct ul_span ul_logs_span(const struct ul_logs *logs);

/** True for a line that begins one of the texts split.c knows. */
bool ul_logs_is_text(struct ul_span line);
/**
 * Take an empty line, a separator or a date that stands before the first text; false for others.
 */
bool ul_logs_take_filler(struct ul_logs *logs, struct ul_span line);
UL_MUST_USE struct ul_error *ul_logs_next_texts(struct ul_logs *logs,
						struct ul_log_snapshot *snapshot, bool *ret_more);

/** Parse one screen of slabtop into @p ledger (initialised). */
UL_MUST_USE struct ul_error *ul_slabtop_parse(struct ul_span text, struct ul_ledger *ledger);

/** True for the first line of sar's or sadf's text. */
bool ul_sar_is_header(struct ul_span line);
UL_MUST_USE struct ul_error *ul_sar_create(struct ul_sar **ret);
void ul_sar_destroy(struct ul_sar *sar);
/** Take one line; @p kernel learns what a header says. */
UL_MUST_USE struct ul_error *ul_sar_line(struct ul_sar *sar, struct ul_span line,
					 struct ul_kernel *kernel);
/** All lines are in: sort, and say what was not understood. */
UL_MUST_USE struct ul_error *ul_sar_end(struct ul_sar *sar, struct ul_losses *losses);
UL_MUST_USE struct ul_error *ul_sar_next(struct ul_sar *sar, struct ul_log_snapshot *snapshot,
					 bool *ret_more);

#endif
