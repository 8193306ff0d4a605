/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON as a stream. Whatever bytes come in, what goes out is valid JSON in valid UTF-8: names on a
 * Linux machine (a comm, a file, a slab cache) are bytes and need not be UTF-8 (see json_writer.c).
 *
 * Every call takes the key first: the member's name inside an object, NULL inside an array (and for
 * the document itself). A key given in an array, or missing in an object, is our own bug: assert.
 *
 *	struct ul_json json;
 *	ul_json_init(&json, out, false);
 *	ul_json_object_begin(&json, NULL);
 *	ul_json_string(&json, "name", account->name);
 *	ul_json_int(&json, "bytes", account->bytes);
 *	ul_json_object_end(&json);
 *	return ul_json_finish(&json);
 */
#ifndef UL_VIEW_JSON_WRITER_H
#define UL_VIEW_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum { UL_JSON_MAX_DEPTH = 64 };

struct ul_json {
	FILE *out;
	bool pretty; /**< one member a line, indented by two spaces */
	bool empty;  /**< nothing written yet in the innermost object or array */
	unsigned int depth;
	uint64_t arrays; /**< bit per depth: set where it is an array */
};

void ul_json_init(struct ul_json *json, FILE *out, bool pretty);
void ul_json_object_begin(struct ul_json *json, const char *key);
void ul_json_object_end(struct ul_json *json);
void ul_json_array_begin(struct ul_json *json, const char *key);
void ul_json_array_end(struct ul_json *json);
/** NULL is null. Bytes that are no UTF-8 come out as U+FFFD each. */
void ul_json_string(struct ul_json *json, const char *key, const char *value);
void ul_json_string_len(struct ul_json *json, const char *key, const char *bytes, size_t len);
void ul_json_int(struct ul_json *json, const char *key, int64_t value);
void ul_json_uint(struct ul_json *json, const char *key, uint64_t value);
/** NaN and infinities are null: JSON has no word for them. Round-trips every other double. */
void ul_json_double(struct ul_json *json, const char *key, double value);
void ul_json_bool(struct ul_json *json, const char *key, bool value);
void ul_json_null(struct ul_json *json, const char *key);
/** A 64-bit address, "0xffff888100000000": a number of that size loses bits in many readers. */
void ul_json_address(struct ul_json *json, const char *key, uint64_t address);
/** A whole JSON document that was written by this writer earlier, taken as it is. */
void ul_json_raw(struct ul_json *json, const char *key, const char *document);

/** End with a newline and flush. Everything must be closed. @return UL_ERR_OS: could not write. */
UL_MUST_USE struct ul_error *ul_json_finish(struct ul_json *json);

#endif
