// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/rust_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *mangled, const char *wanted)
{
	char name[UL_RUST_NAME_MAX];
	if (!ul_rust_name(ul_span_of(mangled), name, sizeof(name)))
		fail_msg("refused: %s", mangled);
	assert_string_equal(name, wanted);
}

static void expect_refused(const char *mangled)
{
	char name[UL_RUST_NAME_MAX] = "untouched";
	if (ul_rust_name(ul_span_of(mangled), name, sizeof(name)))
		fail_msg("taken: %s: %s", mangled, name);
	assert_string_equal(name, "untouched");
}

static void paths_of_functions_and_impls(void **state)
{
	// The examples of RFC 2603, its hashes shortened.
	expect("_RNvC7mycrate3foo", "mycrate::foo");
	expect("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar");
	expect("_RNvMs_Cs4Cv8Wi1oAIB_7mycrateNtB4_7Example3foo", "<mycrate::Example>::foo");
	expect("_RNvXCs15kBYyAo9fc_7mycrateNtB2_7ExampleNtB2_5Trait3foo",
	       "<mycrate::Example as mycrate::Trait>::foo");
	expect("_RNvYNtC7mycrate7ExampleNtB4_5Trait3foo",
	       "<mycrate::Example as mycrate::Trait>::foo");
	expect("_RINvNtC3std3mem8align_ofdE", "std::mem::align_of::<f64>");
	expect("_RINvC7mycrate3fooTjRSaEE", "mycrate::foo::<(usize, &[i8])>");
	// The crate in which it was instantiated is not shown, nor what the compiler put behind.
	expect("_RNvC6_123foo3barC3std", "123foo::bar");
	expect("_RNvC7mycrate3foo.llvm.9D1C9369", "mycrate::foo");
}

static void closures_and_shims(void **state)
{
	expect("_RNCNvC7mycrate3foo0B4_", "mycrate::foo::{closure#0}");
	expect("_RNCNvC7mycrate3foos_0", "mycrate::foo::{closure#1}");
	expect("_RNCNvC7mycrate3foos0_3bar", "mycrate::foo::{closure:bar#2}");
	expect("_RNSNvC7mycrate3foo6vtable", "mycrate::foo::{shim:vtable#0}");
}

static void types(void **state)
{
	expect("_RINvC1a1bRhQeE", "a::b::<&u8, &mut str>");
	expect("_RINvC1a1bPuOzE", "a::b::<*const (), *mut !>");
	expect("_RINvC1a1bAhj3_ShE", "a::b::<[u8; 3], [u8]>");
	expect("_RINvC1a1bTEThEE", "a::b::<(), (u8,)>");
	expect("_RINvC1a1bFUKCmEuE", "a::b::<unsafe extern \"C\" fn(u32)>");
	expect("_RINvC1a1bFG_RL0_hEjE", "a::b::<for<'a> fn(&'a u8) -> usize>");
	expect("_RINvC1a1bL_hE", "a::b::<'_, u8>");
	expect("_RINvC1a1bDNtC1c1dEL_E", "a::b::<dyn c::d>");
	expect("_RINvC1a1bDNtC1c1dp4ItemhEL_E", "a::b::<dyn c::d<Item = u8>>");
	expect("_RINvC1a1bDINtC1c1dmEp4ItemhNtC1c4SendEL_E",
	       "a::b::<dyn c::d<u32, Item = u8> + c::Send>");
}

static void constants(void **state)
{
	expect("_RINvC1a1bKj1f_Kan80_Kb1_Kc41_KpE", "a::b::<31, -128, true, 'A', _>");
	expect("_RINvC1a1bKc3b1_E", "a::b::<'\\u{3b1}'>");
	expect("_RINvC1a1bKo100000000000000000000000_E", "a::b::<0x100000000000000000000000>");
	expect_refused("_RINvC1a1bKRe616263_E");
}

static void going_back(void **state)
{
	// As the kernel has them: <core::option::Option<u8>>::unwrap.
	expect("_RNvMNtCs5_4core6optionINtB2_6OptionhE6unwrapCs6_6kernel",
	       "<core::option::Option<u8>>::unwrap");
	expect("_RINvC1a1bTmEB7_E", "a::b::<(u32,), (u32,)>");
	expect_refused("_RNvB_1a"); // to itself
	expect_refused("_RNvBz_1a");
	expect_refused("_RINvC1a1bTBa_EE"); // into what is not over
}

static void what_is_no_such_name_stays_as_it_is(void **state)
{
	static const char *const others[] = {
		"",
		"_",
		"_R",
		"do_sys_open",
		"_ZN4core6option3fooE",
		"_R0NvC1a1b",
		"_RNvC1a",
		"_RNvC1a9b",
		"_RNvC1a1bX",
		"_RC",
		"_RNvC1a1b_",
		"_RINvC1a1b",
		"_RINvC1a1bL0_E",
		"_RNvC1a01b",
		"_RNvC1asZZZZZZZZZZZZZZ_1b",
		"_RNvC99999999999999999999a1b",
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(others); i++)
		expect_refused(others[i]);
	char small[8] = "as it is";
	small[7] = '\0';
	assert_false(ul_rust_name(ul_span_of("_RNvC7mycrate3foo"), small, sizeof(small)));
	assert_string_equal(small, "as it i");
}

static void names_made_to_grow_have_an_end(void **state)
{
	char mangled[2048] = "_RINvC1a1b";
	size_t len = strlen(mangled);
	// Each tuple holds the one before twice: 2^20 at the end.
	for (int i = 0; i < 20; i++)
		len += (size_t)snprintf(mangled + len, sizeof(mangled) - len, "T");
	expect_refused(mangled);
	len = (size_t)snprintf(mangled, sizeof(mangled), "_RINvC1a1b");
	memset(mangled + len, 'R', 1100);
	snprintf(mangled + len + 1100, sizeof(mangled) - len - 1100, "hE");
	char name[UL_RUST_NAME_MAX];
	// More references than a name may have bytes.
	assert_false(ul_rust_name(ul_span_of(mangled), name, sizeof(name)));
	memset(mangled + len, 'S', 1100);
	assert_false(ul_rust_name(ul_span_of(mangled), name, sizeof(name)));
	// Doubled by going back: TThB8_E is (((u8), (u8)) ... each level twice as long.
	expect_refused("_RINvC1a1bTTTTTTTThB8_EB7_EB6_EB5_EB4_EB3_EB2_EB1_EE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_of_functions_and_impls),
		cmocka_unit_test(closures_and_shims),
		cmocka_unit_test(types),
		cmocka_unit_test(constants),
		cmocka_unit_test(going_back),
		cmocka_unit_test(what_is_no_such_name_stays_as_it_is),
		cmocka_unit_test(names_made_to_grow_have_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
