// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ftrace/page.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "source/ftrace/page_fixture.h"

static const uint64_t missed_events = UINT64_C(1) << 31;
static const uint64_t missed_stored = UINT64_C(1) << 30;
static const struct ul_ftrace_page_form page_form = {8, PAGE_HEADER};

static struct ul_ftrace_page open_page(const struct page_maker *maker)
{
	struct ul_ftrace_page page;
	assert_true(ul_ftrace_page_open(&page, maker->bytes, sizeof(maker->bytes), &page_form));
	return page;
}

static void expect(struct ul_ftrace_page *page, uint64_t time_ns, const char *data, size_t len)
{
	struct ul_ftrace_record record;
	assert_true(ul_ftrace_page_next(page, &record));
	assert_int_equal(record.time_ns, time_ns);
	assert_int_equal(record.len, len);
	assert_memory_equal(record.data, data, len);
}

static void records_have_times_and_bytes(void **state)
{
	char large[200];
	memset(large, 'x', sizeof(large));
	struct page_maker maker = {0};
	page_record(&maker, 0, "abcd", 4);
	page_record(&maker, 7, "efghijkl", 8);
	page_record(&maker, 100, large, sizeof(large));
	page_end(&maker, 1000, 0);
	struct ul_ftrace_page page = open_page(&maker);
	struct ul_ftrace_record record;
	assert_int_equal(page.missed, 0);
	expect(&page, 1000, "abcd", 4);
	expect(&page, 1007, "efghijkl", 8);
	expect(&page, 1107, large, sizeof(large));
	assert_false(ul_ftrace_page_next(&page, &record));
}

static void times_beyond_27_bits(void **state)
{
	const uint64_t base = (UINT64_C(1) << 59) + 5; // its highest bits are kept by an absolute
	struct page_maker maker = {0};
	page_head(&maker, 30, 3); // extended by 2^27 * 2 + 3
	page_word(&maker, 2);
	page_record(&maker, 1, "abcd", 4);
	page_head(&maker, 31, 9); // absolute: 2^27 * 4 + 9
	page_word(&maker, 4);
	page_record(&maker, 1, "efgh", 4);
	page_end(&maker, base, 0);
	struct ul_ftrace_page page = open_page(&maker);
	expect(&page, base + (UINT64_C(2) << 27) + 3 + 1, "abcd", 4);
	expect(&page, (UINT64_C(1) << 59) + (UINT64_C(4) << 27) + 9 + 1, "efgh", 4);
}

static void what_was_given_up_is_skipped(void **state)
{
	struct page_maker maker = {0};
	page_head(&maker, 29, 50); // its time counts
	page_word(&maker, 8);
	page_word(&maker, 0);
	page_head(&maker, 29, 1); // stands for no time
	page_word(&maker, 4);
	page_record(&maker, 2, "abcd", 4);
	page_head(&maker, 29, 0); // the rest of the page
	page_word(&maker, 0);
	page_end(&maker, 1000, 0);
	struct ul_ftrace_page page = open_page(&maker);
	struct ul_ftrace_record record;
	expect(&page, 1052, "abcd", 4);
	assert_false(ul_ftrace_page_next(&page, &record));
}

static void losses_before_a_page(void **state)
{
	struct page_maker maker = {0};
	page_record(&maker, 0, "abcd", 4);
	page_end(&maker, 1, missed_events);
	assert_int_equal(open_page(&maker).missed, -1);
	const uint64_t lost = 549;
	memcpy(maker.bytes + PAGE_HEADER + maker.len, &lost, sizeof(lost));
	page_end(&maker, 1, missed_events | missed_stored);
	struct ul_ftrace_page page = open_page(&maker);
	assert_int_equal(page.missed, 549);
	expect(&page, 1, "abcd", 4);
}

static void pages_that_say_what_cannot_be(void **state)
{
	struct ul_ftrace_page page;
	struct ul_ftrace_record record;
	struct page_maker maker = {0};
	page_end(&maker, 1, 5000); // more than fits
	assert_false(ul_ftrace_page_open(&page, maker.bytes, sizeof(maker.bytes), &page_form));
	assert_false(ul_ftrace_page_open(&page, maker.bytes, 8, &page_form));
	const struct ul_ftrace_page_form odd = {.commit_bytes = 3, .data_offset = PAGE_HEADER};
	assert_false(ul_ftrace_page_open(&page, maker.bytes, sizeof(maker.bytes), &odd));
	page_head(&maker, 20, 1); // 80 bytes, of which 4 are there
	page_word(&maker, 0);
	page_end(&maker, 1, 0);
	page = open_page(&maker);
	assert_false(ul_ftrace_page_next(&page, &record));
	maker.len = 0;
	page_head(&maker, 0, 1);
	page_word(&maker, 0); // less than itself
	page_end(&maker, 1, 0);
	page = open_page(&maker);
	assert_false(ul_ftrace_page_next(&page, &record));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_have_times_and_bytes),
		cmocka_unit_test(times_beyond_27_bits),
		cmocka_unit_test(what_was_given_up_is_skipped),
		cmocka_unit_test(losses_before_a_page),
		cmocka_unit_test(pages_that_say_what_cannot_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
