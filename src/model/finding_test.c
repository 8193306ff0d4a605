// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "model/finding.h"

static void aliases_are_those_of_the_cache(void **state)
{
	(void)state;
	struct ul_ledger ledger UL_CLEANUP_LEDGER;
	struct ul_finding finding = {.kind = UL_KIND_SLAB};
	ul_ledger_init(&ledger);
	struct ul_cache *cache = ul_vec_add(&ledger.caches);
	assert_true(cache && ul_text_set(&cache->name, "filp") &&
		    ul_vec_push(&cache->aliases, strdup("one")) &&
		    ul_vec_push(&cache->aliases, strdup("two")));
	assert_true(ul_text_set(&finding.account, "filp"));
	assert_null(ul_finding_set_aliases(&finding, &ledger));
	assert_string_equal(finding.aliases, "one, two");
	// About another account then: nothing of the first stays.
	assert_true(ul_text_set(&finding.account, "dentry"));
	assert_null(ul_finding_set_aliases(&finding, &ledger));
	assert_null(finding.aliases);
	assert_null(ul_finding_set_aliases(&finding, NULL));
	assert_null(finding.aliases);
	ul_finding_deinit(&finding);
}

static void a_finding_may_be_its_own_companion(void **state)
{
	(void)state;
	struct ul_finding finding = {.kind = UL_KIND_SLAB};
	struct ul_companion *companion;
	assert_true(ul_text_set(&finding.account, "filp"));
	assert_null(ul_finding_add_companion(&finding, finding.account, NULL, &companion));
	assert_ptr_equal(companion, finding.companions.data);
	assert_string_equal(companion->account, "filp");
	assert_null(companion->function);
	assert_int_equal(companion->survivors, 0);
	ul_finding_deinit(&finding);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aliases_are_those_of_the_cache),
		cmocka_unit_test(a_finding_may_be_its_own_companion),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
