/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of logs share: a text as a file, and its snapshots one by one. */
#ifndef UL_SOURCE_LOGS_LOGS_FIXTURE_H
#define UL_SOURCE_LOGS_LOGS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/units.h"
#include "source/logs/logs.h"

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
		if (!strstr(fails_err->message, (words)))                                          \
			print_error("%s\n", fails_err->message);                                   \
		assert_int_equal(fails_err->code, (want_code));                                    \
		assert_non_null(strstr(fails_err->message, (words)));                              \
	} while (0)

struct reading {
	FILE *file;
	struct ul_logs *logs;
	struct ul_log_snapshot snapshot;
};

static inline void reading_deinit(struct reading *reading)
{
	ul_log_snapshot_deinit(&reading->snapshot);
	ul_logs_destroy(reading->logs);
	if (reading->file)
		fclose(reading->file);
}
#define CLEANUP_READING UL_CLEANUP(reading_deinit)

static inline void reading_init(struct reading *reading, const char *text)
{
	char *copy = strdup(text);
	ul_log_snapshot_init(&reading->snapshot);
	reading->logs = NULL;
	reading->file = tmpfile();
	assert_non_null(reading->file);
	assert_int_equal(fwrite(copy, 1, strlen(copy), reading->file), strlen(copy));
	rewind(reading->file);
	free(copy);
}

static inline void reading_open(struct reading *reading, const char *text)
{
	reading_init(reading, text);
	OK(ul_logs_open(reading->file, "the log", UL_LOG_AUTO, &reading->logs));
}

static inline bool reading_next(struct reading *reading)
{
	bool more = false;
	OK(ul_logs_next(reading->logs, &reading->snapshot, &more));
	return more;
}

static inline uint64_t reading_loss(const struct reading *reading, const char *words)
{
	ul_vec_foreach (loss, &ul_logs_losses(reading->logs)->items)
		if (strstr(loss->what, words))
			return loss->count ? loss->count : 1;
	return 0;
}

static inline bool part_is(const struct reading *reading, enum ul_log_part part, const char *text)
{
	return ul_span_equal(reading->snapshot.parts[part], text);
}

#endif
