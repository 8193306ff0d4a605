// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/loss.h"

static void an_error_becomes_a_loss(void **state)
{
	(void)state;
	struct ul_losses losses UL_CLEANUP(ul_losses_deinit) = {0};
	assert_null(ul_losses_add_error(&losses, UL_BIAS_UNDER,
					ul_error_new(UL_ERR_UNSUPPORTED, "no such file"), "names"));
	assert_int_equal(losses.items.len, 1);
	assert_string_equal(losses.items.data[0].what, "names: no such file");
	assert_int_equal(losses.items.data[0].bias, UL_BIAS_UNDER);
	assert_int_equal(losses.items.data[0].count, 0);
}

static void no_error_is_no_loss(void **state)
{
	(void)state;
	struct ul_losses losses UL_CLEANUP(ul_losses_deinit) = {0};
	assert_null(ul_losses_add_error(&losses, UL_BIAS_UNDER, NULL, "names"));
	assert_int_equal(losses.items.len, 0);
}

static void want_of_memory_stays_an_error(void **state)
{
	(void)state;
	struct ul_losses losses UL_CLEANUP(ul_losses_deinit) = {0};
	assert_ptr_equal(ul_losses_add_error(&losses, UL_BIAS_UNDER, &ul_enomem, "names"),
			 &ul_enomem);
	assert_int_equal(losses.items.len, 0);
}

static void the_same_loss_is_counted_once_more(void **state)
{
	(void)state;
	struct ul_losses losses UL_CLEANUP(ul_losses_deinit) = {0};
	struct ul_losses more UL_CLEANUP(ul_losses_deinit) = {0};
	assert_null(ul_losses_add(&losses, UL_BIAS_UNDER, 3, "events of CPU %d", 1));
	assert_null(ul_losses_add(&more, UL_BIAS_UNDER, 4, "events of CPU 1"));
	assert_null(ul_losses_add(&more, UL_BIAS_OVER, 5, "events of CPU 1"));
	assert_null(ul_losses_merge(&losses, &more));
	assert_int_equal(losses.items.len, 2);
	assert_int_equal(losses.items.data[0].count, 7);
	assert_int_equal(losses.items.data[1].count, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_becomes_a_loss),
		cmocka_unit_test(no_error_is_no_loss),
		cmocka_unit_test(want_of_memory_stays_an_error),
		cmocka_unit_test(the_same_loss_is_counted_once_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
