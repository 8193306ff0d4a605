// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "model/page_count.h"

enum { PAGE = 4096, TOTAL = 100000 * PAGE };

static void a_stratum_is_estimated_as_the_textbook_does(void **state)
{
	(void)state;
	// Two of ten units drawn, 3 and 5: mean 4, so 40; s^2 = 2; 100 * (1 - 0.2) * 2 / 2 = 80.
	struct ul_page_figure figure = {0};
	ul_page_figure_add_stratum(&figure, &(struct ul_page_stratum){10, 2}, 8, 34);
	assert_true(fabs(figure.value - 40) < 1e-9);
	assert_true(fabs(figure.variance - 80) < 1e-9);
	// One degree of freedom: t = 12.706.
	assert_true(fabs(ul_page_figure_margin(&figure) - 12.706 * sqrt(80)) < 1e-9);
	// A second one of the same kind: two degrees, t = 4.303.
	ul_page_figure_add_stratum(&figure, &(struct ul_page_stratum){10, 2}, 8, 34);
	assert_true(fabs(ul_page_figure_margin(&figure) - 4.303 * sqrt(160)) < 1e-9);
	// Hundreds of them: near the normal's 1.96.
	for (int i = 0; i < 500; i++)
		ul_page_figure_add_stratum(&figure, &(struct ul_page_stratum){10, 2}, 8, 34);
	assert_true(fabs(ul_page_figure_margin(&figure) / sqrt(figure.variance) - 1.965) < 0.001);
}

static void what_was_read_whole_has_no_error(void **state)
{
	(void)state;
	struct ul_page_figure figure = {0};
	ul_page_figure_add_stratum(&figure, &(struct ul_page_stratum){4, 4}, 10, 50);
	assert_true(figure.value == 10);
	assert_true(ul_page_figure_margin(&figure) == 0);
}

static struct ul_ledger make_ledger(int64_t vmalloc)
{
	struct ul_ledger ledger;
	ul_ledger_init(&ledger);
	ledger.mem_total = TOTAL;
	assert_null(ul_ledger_add(&ledger, UL_KIND_FREE, "free", 50000 * PAGE, -1, false));
	assert_null(ul_ledger_add(&ledger, UL_KIND_FREE, "free (per-CPU lists)", 1000 * PAGE, -1,
				  false));
	assert_null(ul_ledger_add(&ledger, UL_KIND_SLAB, "dentry", 20000 * PAGE, -1, true));
	assert_null(ul_ledger_add(&ledger, UL_KIND_SLAB, "kmalloc-large", 3000 * PAGE, -1, false));
	assert_null(ul_ledger_add(&ledger, UL_KIND_VMALLOC, "a", vmalloc / 2, -1, false));
	assert_null(ul_ledger_add(&ledger, UL_KIND_VMALLOC, "b", vmalloc / 2, -1, false));
	assert_null(ul_ledger_add(&ledger, UL_KIND_KERNEL_STACK, "kernel stacks", 500 * PAGE, -1,
				  false));
	ul_ledger_close(&ledger, 0, 0);
	return ledger;
}

static void driver_pages_less_the_accounts_that_look_like_them_are_the_rest(void **state)
{
	(void)state;
	UL_CLEANUP_LEDGER struct ul_ledger before = make_ledger(2000 * PAGE);
	UL_CLEANUP_LEDGER struct ul_ledger after = make_ledger(4000 * PAGE);
	struct ul_page_compare compare UL_CLEANUP_PAGE_COMPARE = {0};
	struct ul_page_count count = {.page_bytes = PAGE};
	count.figures[UL_PAGE_FREE].value = 50000;
	count.figures[UL_PAGE_SLAB].value = 20000; // without large kmalloc
	count.figures[UL_PAGE_DRIVER].value = 29000;
	assert_null(ul_page_compare(&count, &before, &after, &compare));
	assert_false(compare.large_kmalloc_is_slab);
	// Lists 1000, large 3000, stacks 500, vmalloc 3000 between 2000 and 4000.
	assert_true(compare.explained_bytes == 7500.0 * PAGE);
	assert_true(compare.unowned_bytes == 21500.0 * PAGE);
	// MemTotal 100000 less 76500 and less 78500.
	assert_true(compare.unaccounted_bytes == 22500.0 * PAGE);
	assert_int_equal(compare.explained.len, 4);
	assert_string_equal(compare.explained.data[0].name, "kmalloc-large"); // the largest
	const struct ul_page_compared *last = &compare.rows[compare.rows_len - 1];
	assert_string_equal(last->what, "unaccounted");
	assert_true(last->moved_bytes == -2000.0 * PAGE);
	assert_false(last->differs); // by 1000 pages: exactly 1 %
}

static void kernels_that_mark_large_kmalloc_are_told_by_the_count(void **state)
{
	(void)state;
	UL_CLEANUP_LEDGER struct ul_ledger ledger = make_ledger(2000 * PAGE);
	struct ul_page_compare compare UL_CLEANUP_PAGE_COMPARE = {0};
	struct ul_page_count count = {.page_bytes = PAGE};
	count.figures[UL_PAGE_SLAB].value = 22990;
	assert_null(ul_page_compare(&count, &ledger, &ledger, &compare));
	assert_true(compare.large_kmalloc_is_slab);
	assert_true(compare.explained_bytes == 3500.0 * PAGE);
}

static void a_difference_of_more_than_a_percent_has_a_reason(void **state)
{
	(void)state;
	UL_CLEANUP_LEDGER struct ul_ledger ledger = make_ledger(2000 * PAGE);
	struct ul_page_compare compare UL_CLEANUP_PAGE_COMPARE = {0};
	struct ul_page_compare sampled UL_CLEANUP_PAGE_COMPARE = {0};
	struct ul_page_count count = {.page_bytes = PAGE};
	count.figures[UL_PAGE_FREE].value = 48999;
	assert_null(ul_page_compare(&count, &ledger, &ledger, &compare));
	assert_string_equal(compare.rows[0].what, "free");
	assert_true(compare.rows[0].differs);
	assert_non_null(compare.rows[0].why);
	count.figures[UL_PAGE_FREE].variance = 1000 * 1000;
	count.figures[UL_PAGE_FREE].variance2 = 1e12 / 1000;
	assert_null(ul_page_compare(&count, &ledger, &ledger, &sampled));
	assert_non_null(strstr(sampled.rows[0].why, "sampling"));
}

static void every_class_has_a_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < UL_PAGE_CLASSES; i++)
		assert_non_null(ul_page_class_name((enum ul_page_class)i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stratum_is_estimated_as_the_textbook_does),
		cmocka_unit_test(what_was_read_whole_has_no_error),
		cmocka_unit_test(driver_pages_less_the_accounts_that_look_like_them_are_the_rest),
		cmocka_unit_test(kernels_that_mark_large_kmalloc_are_told_by_the_count),
		cmocka_unit_test(a_difference_of_more_than_a_percent_has_a_reason),
		cmocka_unit_test(every_class_has_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
