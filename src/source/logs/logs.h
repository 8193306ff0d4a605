/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logs that people have: /proc texts appended in a loop, slabtop's output, sar's tables,
 * directories captured by hand. A reader hands out one snapshot after the other. Texts of /proc are
 * handed on as they are (source/proc has their parsers, and siblings do not know each other); what
 * has a parser here comes as a ledger.
 *
 * A log rarely says everything: no times, no MemTotal, only the largest caches. Nothing is made up
 * for it; what is missing is a loss, of the reader (ul_logs_losses()) or of the ledger.
 */
#ifndef UL_SOURCE_LOGS_LOGS_H
#define UL_SOURCE_LOGS_LOGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/span.h"
#include "base/vec.h"
#include "model/kernel.h"
#include "model/ledger.h"

enum ul_log_format {
	UL_LOG_AUTO,
	UL_LOG_SLABINFO, /**< /proc texts; these three are told apart only to refuse a wrong
			    --format */
	UL_LOG_MEMINFO,
	UL_LOG_SLABTOP,
	UL_LOG_SAR, /**< sar and sadf -d */
	UL_LOG_DIRECTORY,
	UL_LOG_TRACE, /**< allocations and frees: source/tracefile reads it */
};

/** "auto", "slabinfo", "meminfo", "slabtop", "sar", "directory", "trace". */
const char *ul_log_format_name(enum ul_log_format format);
bool ul_log_format_parse(const char *name, enum ul_log_format *ret);

/** What a snapshot may hold as text. */
enum ul_log_part {
	UL_LOG_PART_MEMINFO,
	UL_LOG_PART_SLABINFO,
	UL_LOG_PART_VMALLOCINFO,
	UL_LOG_PART_ZONEINFO,
	UL_LOG_PART_VMSTAT,
	UL_LOG_PART_SLABTOP, /**< handed out as a ledger */
	UL_LOG_PARTS,
};

struct ul_log_snapshot {
	bool has_time;
	bool zoned;	 /**< else time_ns is in a zone the log does not say, as if UTC */
	int64_t time_ns; /**< since 1970, if has_time */
	struct ul_span parts[UL_LOG_PARTS]; /**< len 0: not in it; valid until the next snapshot */
	bool has_ledger;
	struct ul_ledger ledger; /**< accounts, caches, notes, mem_total; not closed */
	/** What the ledger may be wrong by: for ul_ledger_close(). */
	uint64_t over, under;
	bool restarted; /**< the machine was started anew before this one */
};

void ul_log_snapshot_init(struct ul_log_snapshot *snapshot);
void ul_log_snapshot_deinit(struct ul_log_snapshot *snapshot);
#define UL_CLEANUP_LOG_SNAPSHOT UL_CLEANUP(ul_log_snapshot_deinit)

struct ul_logs;

/**
 * Reader of @p file, which it borrows; @p name is for messages. What it is, is told by its
 * contents.
 *
 * @return UL_ERR_UNSUPPORTED with a hint for what is packed or binary, UL_ERR_BAD_DATA for what is
 *         no known log or not @p format, UL_ERR_LIMIT.
 */
UL_MUST_USE struct ul_error *ul_logs_open(FILE *file, const char *name, enum ul_log_format format,
					  struct ul_logs **ret);
void ul_logs_destroy(struct ul_logs *logs);
UL_DEFINE_CLEANUP(ul_cleanup_logs, struct ul_logs, ul_logs_destroy);
#define UL_CLEANUP_LOGS UL_CLEANUP(ul_cleanup_logs)

/** Next snapshot into @p snapshot (initialised; reused); *@p ret_more false at the end. */
UL_MUST_USE struct ul_error *ul_logs_next(struct ul_logs *logs, struct ul_log_snapshot *snapshot,
					  bool *ret_more);
/** What the log is, once a snapshot was read; UL_LOG_AUTO before. */
enum ul_log_format ul_logs_format(const struct ul_logs *logs);
/** What the log says of its kernel; empty strings and zeros where it says nothing. */
const struct ul_kernel *ul_logs_kernel(const struct ul_logs *logs);
/** What could not be taken from the log; complete when all snapshots were read. */
const struct ul_losses *ul_logs_losses(const struct ul_logs *logs);

/** One snapshot of a directory: a tree like /proc, or files of one name but for its beginning. */
struct ul_log_place {
	char *proc;	      /**< root like /proc, or NULL: files */
	char *sys;	      /**< root like /sys, or NULL */
	UL_VEC(char *) files; /**< logs, to be read one after the other */
	bool has_time;	      /**< out of a name */
	bool zoned;
	int64_t time_ns; /**< else when its files were last written (zoned) */
};

struct ul_log_places {
	UL_VEC(struct ul_log_place) items; /**< by time */
};

/** What is in the directory @p path. UL_ERR_BAD_DATA when nothing known, UL_ERR_LIMIT. */
UL_MUST_USE struct ul_error *ul_log_places_find(const char *path, struct ul_log_places *ret);
void ul_log_places_deinit(struct ul_log_places *places);
#define UL_CLEANUP_LOG_PLACES UL_CLEANUP(ul_log_places_deinit)

/** Limits on what a log may ask of its reader. */
enum {
	UL_LOG_MAX_LINE = 65536,
	UL_LOG_MAX_PART = 64 << 20, /**< bytes of one text of one snapshot */
	UL_LOG_MAX_ROWS = 1 << 20,  /**< rows of sar in one file */
	UL_LOG_MAX_PLACES = 1 << 18,
};

#endif
