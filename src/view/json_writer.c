// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The writer keeps only the nesting (a bit per depth: array or object); everything else goes
 * straight out, so that a document of any size costs no memory.
 *
 * Strings: RFC 8259 wants UTF-8 (RFC 3629: no surrogates, no overlong forms, nothing over
 * U+10FFFF). A byte that does not fit becomes U+FFFD, one for each byte, so that two different
 * names of one length stay of one length. This loses the byte itself; names are for reading, and
 * no program has to find its way back from them. Control characters, the quote, the backslash and
 * DEL are escaped; DEL only because a document is also looked at in a terminal.
 *
 * Write errors are sticky in the FILE and reported once, by ul_json_finish().
 */
#include "view/json_writer.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "view/utf8.h"

void ul_json_init(struct ul_json *json, FILE *out, bool pretty)
{
	*json = (struct ul_json){.out = out, .pretty = pretty, .empty = true};
}

static bool in_array(const struct ul_json *json)
{
	return json->arrays >> (json->depth - 1) & 1;
}

static void new_line(const struct ul_json *json)
{
	if (!json->pretty)
		return;
	fputc('\n', json->out);
	for (unsigned int i = 0; i < json->depth; i++)
		fputs("  ", json->out);
}

static void put_ascii(FILE *out, unsigned char c)
{
	static const char letters[] = "\bb\ff\nn\rr\tt";
	const char *letter = c ? strchr(letters, c) : NULL;
	if (c == '"' || c == '\\')
		fprintf(out, "\\%c", c);
	else if (letter && c < ' ')
		fprintf(out, "\\%c", letter[1]);
	else if (c < ' ' || c == 0x7f)
		fprintf(out, "\\u%04x", c);
	else
		fputc(c, out);
}

static void put_string(FILE *out, const char *text, size_t len)
{
	fputc('"', out);
	for (size_t i = 0; i < len;) {
		const unsigned char *at = (const unsigned char *)text + i;
		const size_t step = ul_utf8_len(at, len - i);
		if (step == 0)
			fputs("\xef\xbf\xbd", out);
		else if (step == 1)
			put_ascii(out, *at);
		else
			fwrite(at, 1, step, out);
		i += step ? step : 1;
	}
	fputc('"', out);
}

/** Comma, line and key before a value. */
static void start_value(struct ul_json *json, const char *key)
{
	if (!json->depth) {
		assert(!key && json->empty); // one document
		json->empty = false;
		return;
	}
	assert(in_array(json) == !key);
	if (!json->empty)
		fputc(',', json->out);
	json->empty = false;
	new_line(json);
	if (!key)
		return;
	put_string(json->out, key, strlen(key));
	fputs(json->pretty ? ": " : ":", json->out);
}

static void begin(struct ul_json *json, const char *key, bool array)
{
	start_value(json, key);
	assert(json->depth < UL_JSON_MAX_DEPTH);
	const uint64_t bit = UINT64_C(1) << json->depth++;
	json->arrays = array ? json->arrays | bit : json->arrays & ~bit;
	json->empty = true;
	fputc(array ? '[' : '{', json->out);
}

static void end(struct ul_json *json, bool array)
{
	assert(json->depth && in_array(json) == array);
	json->depth--;
	if (!json->empty)
		new_line(json);
	json->empty = false;
	fputc(array ? ']' : '}', json->out);
}

void ul_json_object_begin(struct ul_json *json, const char *key)
{
	begin(json, key, false);
}

void ul_json_object_end(struct ul_json *json)
{
	end(json, false);
}

void ul_json_array_begin(struct ul_json *json, const char *key)
{
	begin(json, key, true);
}

void ul_json_array_end(struct ul_json *json)
{
	end(json, true);
}

void ul_json_string_len(struct ul_json *json, const char *key, const char *bytes, size_t len)
{
	start_value(json, key);
	put_string(json->out, bytes, len);
}

void ul_json_string(struct ul_json *json, const char *key, const char *value)
{
	if (value)
		ul_json_string_len(json, key, value, strlen(value));
	else
		ul_json_null(json, key);
}

void ul_json_int(struct ul_json *json, const char *key, int64_t value)
{
	start_value(json, key);
	fprintf(json->out, "%" PRId64, value);
}

void ul_json_uint(struct ul_json *json, const char *key, uint64_t value)
{
	start_value(json, key);
	fprintf(json->out, "%" PRIu64, value);
}

void ul_json_double(struct ul_json *json, const char *key, double value)
{
	if (!isfinite(value)) {
		ul_json_null(json, key);
		return;
	}
	start_value(json, key);
	char text[32];
	// The shortest that reads back as the same double: 0.1, not 0.10000000000000001.
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	fputs(text, json->out);
}

void ul_json_bool(struct ul_json *json, const char *key, bool value)
{
	start_value(json, key);
	fputs(value ? "true" : "false", json->out);
}

void ul_json_null(struct ul_json *json, const char *key)
{
	start_value(json, key);
	fputs("null", json->out);
}

void ul_json_address(struct ul_json *json, const char *key, uint64_t address)
{
	start_value(json, key);
	fprintf(json->out, "\"0x%" PRIx64 "\"", address);
}

void ul_json_raw(struct ul_json *json, const char *key, const char *document)
{
	start_value(json, key);
	fputs(document, json->out);
}

struct ul_error *ul_json_finish(struct ul_json *json)
{
	assert(!json->depth);
	fputc('\n', json->out);
	errno = 0;
	if (fflush(json->out) != 0 || ferror(json->out))
		return ul_error_os(errno ? errno : EIO, "writing the JSON document");
	return NULL;
}
