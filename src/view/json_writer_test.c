// SPDX-License-Identifier: GPL-2.0-or-later
/* Expected documents are written by hand from RFC 8259; tests/json.sh asks jq as well. */
#include "view/json_writer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct sink {
	char *text;
	size_t len;
	FILE *file;
	struct ul_json json;
};

static void sink_open(struct sink *sink, bool pretty)
{
	*sink = (struct sink){0};
	sink->file = open_memstream(&sink->text, &sink->len);
	assert_non_null(sink->file);
	ul_json_init(&sink->json, sink->file, pretty);
}

static void sink_expect(struct sink *sink, const char *expected)
{
	assert_null(ul_json_finish(&sink->json));
	fclose(sink->file);
	assert_string_equal(sink->text, expected);
	free(sink->text);
}

static void objects_and_arrays_nest(void **state)
{
	struct sink sink;
	sink_open(&sink, false);
	ul_json_object_begin(&sink.json, NULL);
	ul_json_array_begin(&sink.json, "a");
	ul_json_int(&sink.json, NULL, -1);
	ul_json_object_begin(&sink.json, NULL);
	ul_json_bool(&sink.json, "b", true);
	ul_json_object_end(&sink.json);
	ul_json_array_begin(&sink.json, NULL);
	ul_json_array_end(&sink.json);
	ul_json_array_end(&sink.json);
	ul_json_null(&sink.json, "c");
	ul_json_object_end(&sink.json);
	sink_expect(&sink, "{\"a\":[-1,{\"b\":true},[]],\"c\":null}\n");
}

static void pretty_puts_one_member_on_a_line(void **state)
{
	struct sink sink;
	sink_open(&sink, true);
	ul_json_object_begin(&sink.json, NULL);
	ul_json_array_begin(&sink.json, "a");
	ul_json_int(&sink.json, NULL, 1);
	ul_json_array_end(&sink.json);
	ul_json_array_begin(&sink.json, "empty");
	ul_json_array_end(&sink.json);
	ul_json_object_end(&sink.json);
	sink_expect(&sink, "{\n  \"a\": [\n    1\n  ],\n  \"empty\": []\n}\n");
}

static void whole_numbers_keep_all_their_bits(void **state)
{
	struct sink sink;
	sink_open(&sink, false);
	ul_json_array_begin(&sink.json, NULL);
	ul_json_int(&sink.json, NULL, INT64_MIN);
	ul_json_uint(&sink.json, NULL, UINT64_MAX);
	ul_json_address(&sink.json, NULL, 0xffff888100000000);
	ul_json_array_end(&sink.json);
	sink_expect(&sink, "[-9223372036854775808,18446744073709551615,\"0xffff888100000000\"]\n");
}

static void doubles_read_back_as_themselves_and_nan_is_null(void **state)
{
	struct sink sink;
	sink_open(&sink, false);
	ul_json_array_begin(&sink.json, NULL);
	ul_json_double(&sink.json, NULL, 0.1);
	ul_json_double(&sink.json, NULL, -3);
	ul_json_double(&sink.json, NULL, 1.0 / 3);
	ul_json_double(&sink.json, NULL, (double)NAN);
	ul_json_double(&sink.json, NULL, (double)INFINITY);
	ul_json_array_end(&sink.json);
	sink_expect(&sink, "[0.1,-3,0.3333333333333333,null,null]\n");
}

static void control_bytes_and_quotes_are_escaped(void **state)
{
	struct sink sink;
	sink_open(&sink, false);
	ul_json_string_len(&sink.json, NULL, "a\"\\\n\t\0\033\x7f/b", 10);
	sink_expect(&sink, "\"a\\\"\\\\\\n\\t\\u0000\\u001b\\u007f/b\"\n");
}

#define BAD "\xef\xbf\xbd"

static void string_becomes(const char *bytes, const char *expected)
{
	char quoted[128];
	struct sink sink;
	sink_open(&sink, false);
	ul_json_string(&sink.json, NULL, bytes);
	snprintf(quoted, sizeof(quoted), "\"%s\"\n", expected);
	sink_expect(&sink, quoted);
}

static void utf8_passes_and_every_other_byte_is_replaced(void **state)
{
	string_becomes("\xc3\xbc\xe2\x82\xac\xf0\x9f\x90\xa7",
		       "\xc3\xbc\xe2\x82\xac\xf0\x9f\x90\xa7");
	string_becomes("a\xff"
		       "b",
		       "a" BAD "b");
	string_becomes("\xc0\xaf", BAD BAD);			// overlong '/'
	string_becomes("\xe0\x9f\xbf", BAD BAD BAD);		// overlong, three bytes
	string_becomes("\xed\xa0\x80", BAD BAD BAD);		// surrogate U+D800
	string_becomes("\xed\x9f\xbf", "\xed\x9f\xbf");		// U+D7FF, the last before them
	string_becomes("\xf4\x90\x80\x80", BAD BAD BAD BAD);	// U+110000
	string_becomes("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"); // U+10FFFF
	string_becomes("\xe2\x82", BAD BAD);			// cut short by the end
	string_becomes("\xe2\x82"
		       "a",
		       BAD BAD "a");
}

static void a_full_disk_is_an_error(void **state)
{
	struct ul_json json;
	FILE *full = fopen("/dev/full", "w");
	if (!full)
		skip();
	ul_json_init(&json, full, false);
	ul_json_string(&json, NULL, "x");
	struct ul_error *error = ul_json_finish(&json);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_OS);
	ul_error_destroy(error);
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_and_arrays_nest),
		cmocka_unit_test(pretty_puts_one_member_on_a_line),
		cmocka_unit_test(whole_numbers_keep_all_their_bits),
		cmocka_unit_test(doubles_read_back_as_themselves_and_nan_is_null),
		cmocka_unit_test(control_bytes_and_quotes_are_escaped),
		cmocka_unit_test(utf8_passes_and_every_other_byte_is_replaced),
		cmocka_unit_test(a_full_disk_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
