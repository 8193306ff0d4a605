/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of the recording share: a scratch directory, and ledgers whose figures follow
 * from the number of the sample.
 */
#ifndef UL_SOURCE_RECORD_RECORD_FIXTURE_H
#define UL_SOURCE_RECORD_RECORD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <limits.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "source/record/record.h"

enum { FIXTURE_TOTAL = 1 << 30, FIXTURE_CACHES = 5 };

#define OK(call)                                                                                   \
	do {                                                                                       \
		UL_CLEANUP_ERROR struct ul_error *ok_err = (call);                                 \
		if (ok_err)                                                                        \
			print_error("%s\n", ok_err->message);                                      \
		assert_null(ok_err);                                                               \
	} while (0)

#define FAILS(want_code, words, call)                                                              \
	do {                                                                                       \
		UL_CLEANUP_ERROR struct ul_error *fails_err = (call);                              \
		assert_non_null(fails_err);                                                        \
		if (fails_err->code != (want_code) || !strstr(fails_err->message, (words)))        \
			print_error("code %d: %s\n", (int)fails_err->code, fails_err->message);    \
		assert_int_equal(fails_err->code, (want_code));                                    \
		assert_non_null(strstr(fails_err->message, (words)));                              \
	} while (0)

static const struct ul_kernel fixture_kernel = {
	.release = "6.1.0-test",
	.version = "#1 SMP test",
	.arch = "x86_64",
	.node = "cask",
	.page_bytes = 4096,
	.cpus = 4,
};

static inline int fixture_setup(void **state)
{
	char *dir = strdup("/tmp/ullage-record-XXXXXX");
	*state = dir && mkdtemp(dir) ? dir : NULL;
	return *state ? 0 : -1;
}

static inline int fixture_teardown(void **state)
{
	char path[PATH_MAX];
	UL_CLEANUP_FREE char *dir = *state;
	UL_CLEANUP_CLOSEDIR DIR *open = opendir(dir);
	for (struct dirent *entry = open ? readdir(open) : NULL; entry; entry = readdir(open)) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		unlink(path);
	}
	return rmdir(dir);
}

static inline const char *fixture_path(void **state, const char *name)
{
	static _Thread_local char paths[4][PATH_MAX];
	static _Thread_local unsigned int next;
	char *path = paths[next++ % UL_ARRAY_LEN(paths)];
	snprintf(path, sizeof(paths[0]), "%s/%s", (const char *)*state, name);
	return path;
}

/** Bytes of the first slab cache at sample @p number: goes up and down. */
static inline int64_t fixture_bytes(int number)
{
	return 4096LL * (100 + number % 7 * 3 + number / 5);
}

/** Sample @p number, one second after the one before. Caller deinitialises. */
static inline void fixture_ledger(int number, struct ul_ledger *ledger)
{
	ul_ledger_init(ledger);
	ledger->time_ns = 1700000000LL * UL_NS_PER_S + number * UL_NS_PER_S + 7;
	ledger->monotonic_ns = 5000 * UL_NS_PER_S + number * UL_NS_PER_S;
	ledger->mem_total = FIXTURE_TOTAL;
	OK(ul_ledger_add(ledger, UL_KIND_ANON, "anon", 65536LL * (10 + number % 3), -1, false));
	OK(ul_ledger_add(ledger, UL_KIND_FREE, "free", 300 << 20, -1, false));
	for (int i = 0; i < FIXTURE_CACHES; i++) {
		char name[32];
		snprintf(name, sizeof(name), "cache-%d", i);
		const int64_t bytes = i ? 8192 * i : fixture_bytes(number);
		OK(ul_ledger_add(ledger, UL_KIND_SLAB, name, bytes, bytes / 64, i == 2));
	}
	ul_ledger_close(ledger, 8192, 12345);
}

static inline void fixture_write(struct ul_record *record, int first, int count)
{
	for (int i = first; i < first + count; i++) {
		UL_CLEANUP_LEDGER struct ul_ledger ledger;
		fixture_ledger(i, &ledger);
		OK(ul_record_write_ledger(record, &ledger));
	}
}

/** Every sample of cache-0 in @p set is as written; returns how many there are. */
static inline int fixture_check(const struct ul_series_set *set)
{
	const struct ul_series *series = ul_series_set_find(set, UL_KIND_SLAB, "cache-0");
	if (!series)
		return 0;
	for (size_t i = 0; i < series->samples.len; i++) {
		const struct ul_sample *sample = &series->samples.data[i];
		const int64_t ns = sample->time_ns - 5000 * UL_NS_PER_S;
		assert_int_equal(ns % UL_NS_PER_S, 0);
		assert_int_equal(sample->bytes, fixture_bytes((int)(ns / UL_NS_PER_S)));
		assert_int_equal(sample->objects, sample->bytes / 64);
	}
	return (int)series->samples.len;
}

static inline struct ul_record *fixture_create(const char *path, bool append)
{
	struct ul_record *record = NULL;
	OK(ul_record_create(path, &fixture_kernel, append, &record));
	return record;
}

static inline struct ul_record *fixture_open(const char *path)
{
	struct ul_record *record = NULL;
	OK(ul_record_open(path, &record));
	return record;
}

static inline void fixture_samples(const char *path, int first, int count)
{
	UL_CLEANUP_RECORD struct ul_record *record = fixture_create(path, true);
	fixture_write(record, first, count);
}

static inline struct ul_series_set *fixture_read(struct ul_record *record)
{
	struct ul_series_set *set = ul_series_set_create();
	assert_non_null(set);
	OK(ul_record_read_series(record, set));
	return set;
}

static inline void fixture_check_losses(const struct ul_losses *got, const struct ul_losses *want)
{
	assert_int_equal(got->items.len, want->items.len);
	for (size_t i = 0; i < want->items.len; i++) {
		assert_string_equal(got->items.data[i].what, want->items.data[i].what);
		assert_true(got->items.data[i].count == want->items.data[i].count);
		assert_int_equal(got->items.data[i].bias, want->items.data[i].bias);
	}
}

#endif
