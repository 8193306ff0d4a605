// SPDX-License-Identifier: GPL-2.0-or-later
/* What is said of references that are left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four above first. */
#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_of_what_is_lost_references_were_never_given_back),
		cmocka_unit_test(of_a_saturated_count_nothing_was_given_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
