/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of a recording, and what they leave out.
 *
 * A recording is an SQLite database: application_id "ULLG", user_version the schema version. At one
 * sample a second a row per value would cost 15 to 20 bytes and some 40 values change each second:
 * 60 MB a day. So one sample is one row, and its `data` holds only what changed since the sample
 * before, packed as in codec.h: about four bytes a change.
 *
 *   name      every string once: accounts, comms, functions, files, texts of losses
 *   session   one run of a writer: the kernel, its first sample, its losses, whether it was closed
 *   boot      the boot id of a session. Only where one was known
 *   series    what is measured: (kind, name, pid, start); flags and parent as below
 *   sample    one instant: both clocks, flags, losses (NULL: as in the sample before), changes
 *   cache     geometry of a slab cache; `alias`: its other names
 *   loss      sets of losses, by set id; set 0 is the empty one and has no rows
 *   trace, site, site_process, site_example, stack, frame    what tracing saw
 *   site_age  objects of a site by class of age (model/ages.h). Only with a trace that knows them
 *   site_freed  who freed objects of a site (stack), or whose were freed (comm), the other one 0.
 *             Only in a recording with such a trace; what freed objects held is not kept
 *   document  finished JSON documents
 *   retention what was left out later: one row for each tier, row 0 for what was removed. Only in a
 *             recording that was thinned, or may be
 *
 * Every UL_RECORD_FULL_EVERY samples (and first in a session, and after a failed write) a sample is
 * full: it holds every series that exists, from nothing, and what it does not hold has ended. That
 * bounds what one damaged page can spoil, and what reading the newest sample costs. In the other
 * samples a series that ended has an explicit end, so a value is never carried on past it.
 *
 * `series.kind` is enum ul_kind, or one of enum ul_record_kind for figures that only a whole ledger
 * has. Those that follow from others are stored as the difference to what follows, which is nearly
 * always the same and so costs nothing: `unaccounted` is mem_total minus the accounts and is not
 * stored at all; a slab cache is stored relative to the account of its name (series.parent).
 *
 * Left out, and said so as a loss: of the processes, only the UL_RECORD_TOP_PROCESSES with most RSS
 * are written as they are. Any other is written once its RSS differs from what was last written (or
 * first seen) by more than 1 % or more than 1 MiB; until then it keeps its last written value, or
 * is not in the recording at all. And a process that came up after the session's first sample is
 * written only once it has been seen for UL_RECORD_NEWCOMER_S, unless it holds 1 / 64 of all
 * memory: a machine that compiles starts ten a second, and their names alone would be 15 MB a day.
 * A process that never grows and is small, or does not live long, is thereby missing; one that
 * leaks is not.
 *
 * What a process holds beside its RSS (kinds UL_KIND_PROCESS_FDS and those after it) is written
 * also for a process that is left out; of a cgroup only what reclaim cannot take is.
 *
 * 64-bit kernel addresses and counts are stored as SQLite's signed 64-bit integers, bit for bit.
 * Numbers in this file and enum values are persisted: append, never change.
 */
#ifndef UL_SOURCE_RECORD_SCHEMA_H
#define UL_SOURCE_RECORD_SCHEMA_H

enum {
	UL_RECORD_APPLICATION_ID = 0x554c4c47, /**< "ULLG" */
	UL_RECORD_SCHEMA_VERSION = 1,
	UL_RECORD_FULL_EVERY = 600,
	UL_RECORD_TOP_PROCESSES = 50,
	UL_RECORD_NEWCOMER_S = 5,
	UL_RECORD_LARGE_SHARE = 64, /**< 1 / 64 of MemTotal is large */
};

/** series.kind beyond enum ul_kind: figures of a ledger that are no series to look at. */
enum ul_record_kind {
	UL_RECORD_MEM_TOTAL = 100,
	UL_RECORD_UNDER = 101, /**< unaccounted: bytes - low */
	UL_RECORD_OVER = 102,  /**< unaccounted: high - bytes */
	UL_RECORD_CACHE = 103, /**< bytes, objects minus those of the parent account */
	/** objects_total minus what bytes and geometry give; parent: CACHE. */
	UL_RECORD_CACHE_SLOTS = 104,
	UL_RECORD_PROCESS_PSS = 105, /**< parent: PROCESS */
	UL_RECORD_PROCESS_SWAP = 106,
	UL_RECORD_PROCESSES_DROPPED = 107, /**< how many processes the sample left out */
};

/** series.flags */
enum ul_record_series_flags {
	UL_RECORD_RECLAIMABLE = 1 << 0,
	UL_RECORD_KERNEL_THREAD = 1 << 1,
};

/** sample.flags */
enum ul_record_sample_flags {
	UL_RECORD_FULL = 1 << 0,
	/** Processes were not looked at: they keep their values. */
	UL_RECORD_NO_PROCESSES = 1 << 1,
};

/**
 * The bits from here on: how many ids are missing between the sample before and this one, left out
 * by retention.c. The changes are those since the sample before.
 */
enum { UL_RECORD_GAP_SHIFT = 8 };

/** Bits of site.flags. Persisted: append-only. */
enum ul_record_site_flags {
	UL_RECORD_SITE_NESTED = 1 << 0,
	UL_RECORD_SITE_CACHE_GUESSED = 1 << 1,
};

/** Limits on what a file may ask of its reader; beyond them: UL_ERR_LIMIT. */
enum {
	UL_RECORD_MAX_SERIES = 1 << 21,
	UL_RECORD_MAX_POINTS = 1 << 21, /**< samples of all series together; thinned to it */
	UL_RECORD_MAX_SITES = 1 << 18,
	UL_RECORD_MAX_PER_SITE = 1 << 16,  /**< processes, examples */
	UL_RECORD_MAX_FRAMES = 1024,	   /**< of one stack; inlined ones count */
	UL_RECORD_MAX_LOSSES = 4096,	   /**< in one set */
	UL_RECORD_MAX_ALIASES = 1 << 16,   /**< of all caches */
	UL_RECORD_MAX_NAME = 8192,	   /**< bytes of one string */
	UL_RECORD_MAX_DOCUMENT = 64 << 20, /**< bytes of one value of any sort */
	UL_RECORD_MAX_TEXT = 256 << 20,	   /**< bytes of all strings one read brings in */
};

/** Largest figure a sample can hold; codec.h relies on deltas of these fitting 62 bits. */
#define UL_RECORD_MAX_VALUE (1LL << 60)

/** Loss text; its arguments are UL_RECORD_NEWCOMER_S and UL_RECORD_TOP_PROCESSES. */
#define UL_RECORD_DROPPED_TEXT                                                                     \
	"processes not recorded (the most at one time): younger than %d s, or below the %d "       \
	"largest and changed by less than 1 %% and 1 MiB"

/** The statements that make an empty recording; one string, several statements. */
extern const char ul_record_schema[];
/** Makes the table `boot` where there is none. */
extern const char ul_record_schema_boot[];
/** Makes the table `site_freed` where there is none. */
extern const char ul_record_schema_freed[];
/**
 * Made for the first trace of a share of the addresses: the share, and what its counts may be off.
 */
extern const char ul_record_schema_share[];

#endif
