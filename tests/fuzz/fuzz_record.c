// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A recording somebody mailed: everything in it is read. SQLite wants a file, so the input becomes
 * one in the directory for temporary files. A sample's checksum hides its packed changes from a
 * fuzzer, so the bytes also go to their reader directly.
 */
#include <stdint.h>
#include <string.h>

#include "source/record/codec.h"
#include "source/record/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_codec(const uint8_t *data, size_t size, bool full)
{
	struct ul_codec_reader reader = {.rest = {(const char *)data, size}, .full = full};
	struct ul_codec_change change;
	uint32_t last = 0;
	while (ul_codec_next(&reader, &change)) {
		if (change.id <= last)
			abort();
		last = change.id;
	}
}

static void read_all(struct ul_record *record)
{
	struct ul_record_info info;
	bool found = false;
	struct ul_losses losses = {0};
	UL_CLEANUP_TRACE struct ul_trace trace = {0};
	UL_CLEANUP_FREE char *json = NULL;
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	UL_CLEANUP_SERIES_SET struct ul_series_set *set = ul_series_set_create();
	ul_ledger_init(&ledger);
	ul_error_destroy(ul_record_info(record, &info));
	ul_error_destroy(set ? ul_record_read_series(record, set) : NULL);
	UL_CLEANUP_ERROR struct ul_error *err = ul_record_read_ledger(record, &ledger);
	if (!err && !ul_ledger_balanced(&ledger))
		abort();
	ul_error_destroy(ul_record_read_trace(record, &found, &trace));
	ul_error_destroy(ul_record_read_losses(record, &losses));
	ul_error_destroy(ul_record_read_document(record, "find", &json));
	ul_losses_deinit(&losses);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *base = getenv("TMPDIR");
	char path[512];
	read_codec(data, size, false);
	read_codec(data, size, true);
	snprintf(path, sizeof(path), "%s/ullage-fuzz-XXXXXX", base ? base : "/tmp");
	UL_CLEANUP_CLOSE const int fd = mkstemp(path);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	UL_CLEANUP_RECORD struct ul_record *record = NULL;
	UL_CLEANUP_ERROR struct ul_error *err = ul_record_open(path, &record);
	if (!err)
		read_all(record);
	static const char *const beside[] = {"", "-wal", "-shm", "-journal", "-lock"};
	for (size_t i = 0; i < UL_ARRAY_LEN(beside); i++) {
		char name[600];
		snprintf(name, sizeof(name), "%s%s", path, beside[i]);
		unlink(name);
	}
	return 0;
}
