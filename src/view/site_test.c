// SPDX-License-Identifier: GPL-2.0-or-later
/* What is said of references that are left, and of where objects are from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs the four above first. */
#include <cmocka.h>

#include "view/origin.h"
#include "view/site.h"

static void expect(const struct ul_refcount *refcount, bool lost, const char *text)
{
	UL_CLEANUP_BUF struct ul_buf buf = {0};
	ul_term_refcount(&buf, refcount, lost);
	assert_string_equal(ul_buf_str(&buf), text);
}

static void only_of_what_is_lost_references_were_never_given_back(void **state)
{
	const struct ul_refcount one = {
		.member = "struct cred usage", .left = 1, .objects = 15, .looked_at = 16};
	const struct ul_refcount none = {
		.member = "struct cred usage", .objects = 15, .looked_at = 16};
	expect(&one, true,
	       "15 of 16 still count 1 reference (struct cred usage): of what was taken, so much "
	       "was never given back");
	expect(&one, false, "15 of 16 still count 1 reference (struct cred usage)");
	expect(&none, true,
	       "15 of 16 count no reference any more (struct cred usage): all was given back, and "
	       "yet they were not freed");
	expect(&(struct ul_refcount){.member = ""}, true, "");
}

static void of_a_saturated_count_nothing_was_given_back(void **state)
{
	const struct ul_refcount stuck = {
		.member = "struct cred usage", .saturated = true, .objects = 2, .looked_at = 3};
	expect(&stuck, true,
	       "of 2 of 3 the count of references is saturated (struct cred usage): after an "
	       "overflow, or a put too many, the kernel never frees them");
}

static char cgroup[] = "/test.slice/job\033-17";
static char parent[] = "/test.slice";

/** A charge of so many of @p of objects, and what is said of it. */
static void origin_says(struct ul_charge charge, uint64_t of, const char *text)
{
	const struct ul_origins origins = {.objects = of,
					   .charges = {.data = &charge, .len = 1, .cap = 1}};
	UL_CLEANUP_BUF struct ul_buf buf = {0};
	assert_int_equal(ul_term_origins(&buf, "", &origins), *text != '\0');
	assert_string_equal(ul_buf_str(&buf), text);
}

static void the_charge_of_most_is_said_with_its_share(void **state)
{
	origin_says((struct ul_charge){.cgroup = cgroup, .objects = 53}, 53,
		    "charged to /test.slice/job\\x1b-17");
	origin_says((struct ul_charge){.cgroup = cgroup, .objects = 49}, 50,
		    "98 % charged to /test.slice/job\\x1b-17");
	origin_says((struct ul_charge){.cgroup = cgroup, .objects = 25}, 50, "");
	origin_says((struct ul_charge){.cgroup = parent, .objects = 1, .inherited = true}, 1,
		    "charged to /test.slice, which inherited them from a removed cgroup below it");
	origin_says((struct ul_charge){.cgroup = parent, .objects = 1, .removed = true}, 1,
		    "charged to /test.slice, a removed cgroup");
}

static void origins_that_are_not_told_are_null(void **state)
{
	struct ul_charge charge = {.cgroup = parent, .objects = 3};
	const struct ul_origins none = {.objects = 4};
	const struct ul_origins most = {.objects = 4, .charges = {.data = &charge, .len = 1}};
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct ul_json json;
	assert_non_null(out);
	ul_json_init(&json, out, false);
	ul_json_array_begin(&json, NULL);
	ul_json_object_begin(&json, NULL);
	ul_json_origins(&json, &none);
	ul_json_object_end(&json);
	ul_json_object_begin(&json, NULL);
	ul_json_origins(&json, &most);
	ul_json_object_end(&json);
	ul_json_array_end(&json);
	assert_null(ul_json_finish(&json));
	fclose(out);
	assert_non_null(strstr(text, "{\"charged_to\":null,\"allocated_at\":null}"));
	assert_non_null(strstr(text, "\"cgroup\":\"/test.slice\",\"share\":0.75,\"objects\":3,"
				     "\"removed\":false,\"inherited\":false}"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_of_what_is_lost_references_were_never_given_back),
		cmocka_unit_test(of_a_saturated_count_nothing_was_given_back),
		cmocka_unit_test(the_charge_of_most_is_said_with_its_share),
		cmocka_unit_test(origins_that_are_not_told_are_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
