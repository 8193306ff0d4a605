/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accounts over time. A series is one account (or process, or note); a set holds all series of a
 * measurement. A sample that is missing is missing (no zero is invented); an account that came up
 * late starts late.
 */
#ifndef UL_MODEL_SERIES_H
#define UL_MODEL_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"
#include "model/ledger.h"

struct ul_sample {
	int64_t time_ns; /**< CLOCK_BOOTTIME, strictly increasing within a series */
	int64_t bytes;
	int64_t objects; /**< -1: none */
};

struct ul_series {
	enum ul_kind kind;
	char *name;  /**< account name; for a process "PID:START" */
	char *label; /**< what people read: the comm of a process, else equal to name; owned */
	pid_t pid;   /**< of the process kinds only, else 0 */
	bool reclaimable;
	UL_VEC(struct ul_sample) samples;
};

struct ul_series_set;

/** NULL when memory is out. */
struct ul_series_set *ul_series_set_create(void);
void ul_series_set_destroy(struct ul_series_set *set);
UL_DEFINE_CLEANUP(ul_cleanup_series_set, struct ul_series_set, ul_series_set_destroy);
#define UL_CLEANUP_SERIES_SET UL_CLEANUP(ul_cleanup_series_set)

/**
 * Make room for @p samples in every series made from now on (at most 256), and touch it: else the
 * set grows while it is filled, and what is measured is the measuring.
 */
void ul_series_set_expect(struct ul_series_set *set, size_t samples);
/** The series (kind, name), made if new (label: NULL = name). Borrowed, stable until destroy. */
UL_MUST_USE struct ul_error *ul_series_set_get(struct ul_series_set *set, enum ul_kind kind,
					       const char *name, struct ul_series **ret);
/** The series, or NULL. */
struct ul_series *ul_series_set_find(const struct ul_series_set *set, enum ul_kind kind,
				     const char *name);
/** Number of series, and the series at @p index, in order of creation. */
size_t ul_series_set_len(const struct ul_series_set *set);
struct ul_series *ul_series_set_at(const struct ul_series_set *set, size_t index);

/** Append; a time not after the last is UL_ERR_BAD_DATA. */
UL_MUST_USE struct ul_error *ul_series_add(struct ul_series *series, int64_t time_ns, int64_t bytes,
					   int64_t objects);
/**
 * Append one sample of everything in @p ledger: accounts, unaccounted (name "unaccounted"),
 * processes by RSS (or PSS where all samples of it have PSS: not mixed; RSS is used) and by what
 * they hold beside it (series of the same name, of the UL_KIND_PROCESS_ kinds), cgroups, notes.
 */
UL_MUST_USE struct ul_error *ul_series_set_add_ledger(struct ul_series_set *set,
						      const struct ul_ledger *ledger);

#endif
