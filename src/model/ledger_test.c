// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "model/ledger.h"

static void closed_books_balance_to_the_byte(void **state)
{
	(void)state;
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	ul_ledger_init(&ledger);
	ledger.mem_total = 1000003;
	assert_null(ul_ledger_add(&ledger, UL_KIND_ANON, "anon", 100000, -1, false));
	assert_null(ul_ledger_add(&ledger, UL_KIND_FREE, "free", 800001, -1, false));
	ul_ledger_close(&ledger, 50, 20);
	assert_int_equal(ledger.unaccounted.bytes, 100002);
	assert_int_equal(ledger.unaccounted.low, 99982);
	assert_int_equal(ledger.unaccounted.high, 100052);
	assert_true(ul_ledger_balanced(&ledger));
	assert_string_equal(ledger.accounts.data[0].name, "free");
	ledger.accounts.data[0].bytes++;
	assert_false(ul_ledger_balanced(&ledger));
}

static void counters_that_overlap_leave_a_negative_rest(void **state)
{
	(void)state;
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	ul_ledger_init(&ledger);
	ledger.mem_total = 100;
	assert_null(ul_ledger_add(&ledger, UL_KIND_ANON, "anon", 130, -1, false));
	ul_ledger_close(&ledger, 0, 0);
	assert_int_equal(ledger.unaccounted.bytes, -30);
	assert_true(ul_ledger_balanced(&ledger));
}

static void a_negative_account_does_not_balance(void **state)
{
	(void)state;
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	ul_ledger_init(&ledger);
	ledger.mem_total = 100;
	assert_null(ul_ledger_add(&ledger, UL_KIND_ANON, "anon", -1, -1, false));
	ul_ledger_close(&ledger, 0, 0);
	assert_false(ul_ledger_balanced(&ledger));
}

static void adding_twice_sums_bytes_and_objects(void **state)
{
	(void)state;
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	ul_ledger_init(&ledger);
	assert_null(ul_ledger_add(&ledger, UL_KIND_SLAB, "dentry", 4096, 21, true));
	assert_null(ul_ledger_add(&ledger, UL_KIND_SLAB, "dentry", 8192, 42, true));
	assert_null(ul_ledger_add(&ledger, UL_KIND_VMALLOC, "dentry", 1, -1, false));
	const struct ul_account *account = ul_ledger_find(&ledger, UL_KIND_SLAB, "dentry");
	assert_non_null(account);
	assert_int_equal(account->bytes, 12288);
	assert_int_equal(account->objects, 63);
	assert_true(account->reclaimable);
	assert_int_equal(ul_ledger_find(&ledger, UL_KIND_VMALLOC, "dentry")->objects, -1);
	assert_null(ul_ledger_find(&ledger, UL_KIND_ANON, "dentry"));
	assert_int_equal(ul_ledger_kind_bytes(&ledger, UL_KIND_SLAB), 12288);
}

static void a_cache_is_found_by_name_before_alias(void **state)
{
	(void)state;
	UL_CLEANUP_LEDGER struct ul_ledger ledger;
	ul_ledger_init(&ledger);
	struct ul_cache *first = ul_vec_add(&ledger.caches);
	assert_non_null(first);
	assert_true(ul_text_set(&first->name, "pool"));
	assert_true(ul_cache_add_alias(first, "filp"));
	assert_true(ul_cache_add_alias(first, "eventpoll"));
	struct ul_cache *second = ul_vec_add(&ledger.caches);
	assert_non_null(second);
	assert_true(ul_text_set(&second->name, "filp"));
	assert_ptr_equal(ul_ledger_cache(&ledger, "filp"), &ledger.caches.data[1]);
	assert_ptr_equal(ul_ledger_cache(&ledger, "eventpoll"), &ledger.caches.data[0]);
	assert_null(ul_ledger_cache(&ledger, "none"));
}

static void every_kind_has_a_name_that_reads_back(void **state)
{
	(void)state;
	for (int kind = UL_KIND_FREE; kind <= UL_KIND_COMPRESSED; kind++) {
		enum ul_kind back;
		assert_true(ul_kind_parse(ul_kind_name((enum ul_kind)kind), &back));
		assert_int_equal(back, kind);
	}
	enum ul_kind kind = UL_KIND_SLAB;
	assert_string_equal(ul_kind_name((enum ul_kind)99), "unknown");
	assert_false(ul_kind_parse("unknown", &kind));
	assert_int_equal(kind, UL_KIND_SLAB);
}

static void equal_losses_are_counted_together(void **state)
{
	(void)state;
	struct ul_losses losses = {0};
	struct ul_losses more = {0};
	assert_null(ul_losses_add(&losses, UL_BIAS_OVER, 2, "%s missed", "kfree"));
	assert_null(ul_losses_add(&losses, UL_BIAS_OVER, 3, "kfree missed"));
	assert_null(ul_losses_add(&losses, UL_BIAS_UNDER, 1, "kfree missed"));
	assert_null(ul_losses_add(&more, UL_BIAS_UNDER, UINT64_MAX, "kfree missed"));
	assert_null(ul_losses_merge(&losses, &more));
	assert_int_equal(losses.items.len, 2);
	assert_int_equal(losses.items.data[0].count, 5);
	assert_true(losses.items.data[1].count == UINT64_MAX);
	assert_string_equal(ul_bias_name(losses.items.data[1].bias), "under");
	ul_losses_deinit(&losses);
	ul_losses_deinit(&more);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_books_balance_to_the_byte),
		cmocka_unit_test(counters_that_overlap_leave_a_negative_rest),
		cmocka_unit_test(a_negative_account_does_not_balance),
		cmocka_unit_test(adding_twice_sums_bytes_and_objects),
		cmocka_unit_test(a_cache_is_found_by_name_before_alias),
		cmocka_unit_test(every_kind_has_a_name_that_reads_back),
		cmocka_unit_test(equal_losses_are_counted_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
