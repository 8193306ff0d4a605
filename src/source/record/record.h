/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recording: one SQLite file (*.ullage) that holds what was measured, so that every command can
 * run from it later and elsewhere. See schema.h for the tables.
 */
#ifndef UL_SOURCE_RECORD_RECORD_H
#define UL_SOURCE_RECORD_RECORD_H

#include "base/error.h"
#include "model/kernel.h"
#include "model/ledger.h"
#include "model/series.h"
#include "model/site.h"

struct ul_record;

struct ul_record_info {
	struct ul_kernel kernel;
	int64_t first_time_ns; /**< CLOCK_REALTIME; 0: no sample */
	int64_t last_time_ns;
	uint64_t samples;
	uint32_t schema_version;
	bool clean; /**< closed by its writer; false: killed, the last sample may be missing */
};

/**
 * New recording for writing. An existing file that is not an ullage recording is UL_ERR_USAGE and
 * left alone; an existing recording is UL_ERR_USAGE too, unless @p append.
 */
UL_MUST_USE struct ul_error *ul_record_create(const char *path, const struct ul_kernel *kernel,
					      bool append, struct ul_record **ret);
/** New recording that has no file and is gone with @p ret; @p name is for messages. */
UL_MUST_USE struct ul_error *ul_record_create_in_memory(const char *name,
							const struct ul_kernel *kernel,
							struct ul_record **ret);
/** Existing recording for reading only; works while another process writes it. */
UL_MUST_USE struct ul_error *ul_record_open(const char *path, struct ul_record **ret);
/** Close; for a writer also mark it clean. NULL is fine. */
void ul_record_destroy(struct ul_record *record);
UL_DEFINE_CLEANUP(ul_cleanup_record, struct ul_record, ul_record_destroy);
#define UL_CLEANUP_RECORD UL_CLEANUP(ul_cleanup_record)

/** One sample, in one transaction: after kill -9 or a full disk it is there whole or not at all. */
UL_MUST_USE struct ul_error *ul_record_write_ledger(struct ul_record *record,
						    const struct ul_ledger *ledger);
/** The result of one trace, with sites, stacks, processes and losses. */
UL_MUST_USE struct ul_error *ul_record_write_trace(struct ul_record *record,
						   const struct ul_trace *trace);
/** Losses of the measurement as a whole. */
UL_MUST_USE struct ul_error *ul_record_write_losses(struct ul_record *record,
						    const struct ul_losses *losses);
/** A finished JSON document of a command ("find"), kept so that it can be shown again. */
UL_MUST_USE struct ul_error *ul_record_write_document(struct ul_record *record, const char *command,
						      const char *json);

enum { UL_RETENTION_TIERS = 2 };

/** How much of what is long past to keep. Zeros: all of it. */
struct ul_retention {
	struct ul_retention_tier {
		int64_t age_ns;	  /**< of what is older ... */
		int64_t every_ns; /**< ... one sample in this time; 0: all */
	} tiers[UL_RETENTION_TIERS];
	int64_t max_age_ns; /**< remove what is older; 0: nothing */
	uint64_t max_bytes; /**< thin and then remove to keep the file below this; 0: no bound */
};

/** One a minute after six hours, one in ten minutes after three days, no bound. */
void ul_retention_default(struct ul_retention *ret);
/**
 * Thin the recording while it is written: at most one block of samples after each sample, so that
 * none comes late. What is left out is said by ul_record_read_losses().
 */
UL_MUST_USE struct ul_error *ul_record_set_retention(struct ul_record *record,
						     const struct ul_retention *retention);

UL_MUST_USE struct ul_error *ul_record_info(struct ul_record *record, struct ul_record_info *ret);
UL_MUST_USE struct ul_error *ul_record_read_series(struct ul_record *record,
						   struct ul_series_set *set);
/** The last sample as a ledger (accounts, caches, processes), closed and balanced. */
UL_MUST_USE struct ul_error *ul_record_read_ledger(struct ul_record *record, struct ul_ledger *ret);
/** The same of the last sample not after @p time_ns (CLOCK_REALTIME), else of the first one. */
UL_MUST_USE struct ul_error *ul_record_read_ledger_at(struct ul_record *record, int64_t time_ns,
						      struct ul_ledger *ret);
/** The newest trace; @p ret_found false when none was recorded. */
UL_MUST_USE struct ul_error *ul_record_read_trace(struct ul_record *record, bool *ret_found,
						  struct ul_trace *ret);
UL_MUST_USE struct ul_error *ul_record_read_losses(struct ul_record *record,
						   struct ul_losses *losses);
/** Newest document of @p command; *@p ret NULL when there is none; caller frees. */
UL_MUST_USE struct ul_error *ul_record_read_document(struct ul_record *record, const char *command,
						     char **ret);

#endif
