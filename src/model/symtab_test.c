// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "model/symtab.h"

#define IMAGE  0xffffffff81000000ULL
#define MODULE 0xffffffffc0400000ULL

static void add(struct ul_symtab *symtab, uint64_t kaddr, char type, const char *name,
		const char *module)
{
	assert_null(ul_symtab_add(symtab, kaddr, type, name, module));
}

/** Name at @p kaddr, or "-". */
static const char *name_at(const struct ul_symtab *symtab, uint64_t kaddr)
{
	struct ul_symbol symbol = {.name = "stale"};
	if (ul_symtab_lookup(symtab, kaddr, &symbol))
		return symbol.name;
	assert_null(symbol.name);
	return "-";
}

static struct ul_symtab *small_table(void)
{
	struct ul_symtab *symtab = ul_symtab_create();
	assert_non_null(symtab);
	add(symtab, 0, 'A', "fixed_percpu_data", NULL);
	add(symtab, 0x28, 'A', "percpu_canary", NULL);
	add(symtab, IMAGE + 0x900, 'T', "kfree", NULL);
	add(symtab, IMAGE, 'T', "_stext", NULL);
	add(symtab, IMAGE, 'T', "startup_64", NULL);
	add(symtab, IMAGE, 'T', "_text", NULL);
	add(symtab, IMAGE + 0x100, 't', "do_one", NULL);
	add(symtab, IMAGE + 0x100, 'T', "__entry_text_start", NULL);
	add(symtab, IMAGE + 0x200, 'W', "__memcpy", NULL);
	add(symtab, IMAGE + 0x200, 'T', "memcpy", NULL);
	add(symtab, IMAGE + 0x300, 't', "__pfx_show", NULL);
	add(symtab, IMAGE + 0x310, 't', "show", NULL);
	add(symtab, IMAGE + 0x400, 't', "alias_local", NULL);
	add(symtab, IMAGE + 0x400, 'T', "alias_global", NULL);
	add(symtab, IMAGE + 0x2000, 'D', "init_task", NULL);
	add(symtab, IMAGE + 0x3000, 'B', "_end", NULL);
	add(symtab, MODULE + 0x1000, 't', "leak", "leakstat");
	add(symtab, MODULE + 0x1100, 't', "leak_exit", "leakstat");
	add(symtab, MODULE + 0x8000, 't', "other", "other");
	assert_null(ul_symtab_add_module(symtab, "leakstat", MODULE + 0x1000, 0x3000));
	assert_null(ul_symtab_add_module(symtab, "other", MODULE + 0x7000, 0x2000));
	ul_symtab_finish(symtab);
	return symtab;
}

static void a_symbol_reaches_to_the_next(void **state)
{
	(void)state;
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = small_table();
	struct ul_symbol symbol;
	assert_true(ul_symtab_lookup(symtab, IMAGE + 0x9ff, &symbol));
	assert_string_equal(symbol.name, "kfree");
	assert_null(symbol.module);
	assert_true(symbol.code);
	assert_true(symbol.start == IMAGE + 0x900);
	assert_int_equal(symbol.offset, 0xff);
	assert_string_equal(name_at(symtab, IMAGE + 0x1fff), "kfree");
	assert_true(ul_symtab_lookup(symtab, IMAGE + 0x2008, &symbol));
	assert_string_equal(symbol.name, "init_task");
	assert_false(symbol.code);
	assert_int_equal(ul_symtab_len(symtab), 19);
}

static void of_several_names_the_one_people_use_is_shown(void **state)
{
	(void)state;
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = small_table();
	assert_string_equal(name_at(symtab, IMAGE), "startup_64");
	assert_string_equal(name_at(symtab, IMAGE + 0x110), "do_one");
	assert_string_equal(name_at(symtab, IMAGE + 0x200), "memcpy");
	assert_string_equal(name_at(symtab, IMAGE + 0x310), "show");
	assert_string_equal(name_at(symtab, IMAGE + 0x400), "alias_global");
}

static void the_choice_among_names_does_not_depend_on_their_order(void **state)
{
	(void)state;
	static const char *const names[] = {"zeta", "alpha", "middle"};
	for (size_t first = 0; first < UL_ARRAY_LEN(names); first++) {
		UL_CLEANUP_SYMTAB struct ul_symtab *symtab = ul_symtab_create();
		for (size_t i = 0; i < UL_ARRAY_LEN(names); i++)
			add(symtab, IMAGE, 'T', names[(first + i) % 3], NULL);
		ul_symtab_finish(symtab);
		assert_string_equal(name_at(symtab, IMAGE + 1), "alpha");
	}
}

static void nothing_outside_the_kernel_image_is_named(void **state)
{
	(void)state;
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = small_table();
	assert_string_equal(name_at(symtab, 0), "-");
	assert_string_equal(name_at(symtab, 0x30), "-");
	assert_string_equal(name_at(symtab, IMAGE - 1), "-");
	assert_string_equal(name_at(symtab, IMAGE + 0x2fff), "init_task");
	assert_string_equal(name_at(symtab, IMAGE + 0x3000), "-");
	assert_string_equal(name_at(symtab, UINT64_MAX), "-");
}

static void nothing_reaches_over_the_end_of_its_module(void **state)
{
	(void)state;
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = small_table();
	struct ul_symbol symbol;
	assert_true(ul_symtab_lookup(symtab, MODULE + 0x1101, &symbol));
	assert_string_equal(symbol.name, "leak_exit");
	assert_string_equal(symbol.module, "leakstat");
	assert_string_equal(name_at(symtab, MODULE + 0x3fff), "leak_exit");
	assert_string_equal(name_at(symtab, MODULE + 0x4000), "-");
	assert_string_equal(name_at(symtab, MODULE + 0x7800), "-");
	assert_string_equal(name_at(symtab, MODULE + 0x8fff), "other");
	assert_string_equal(name_at(symtab, MODULE + 0x9000), "-");
}

static void a_symbol_without_bounds_reaches_one_mebibyte(void **state)
{
	(void)state;
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = ul_symtab_create();
	add(symtab, MODULE, 't', "bpf_prog_1", "bpf");
	assert_null(ul_symtab_add_module(symtab, "bpf", 0, 0));
	ul_symtab_finish(symtab);
	assert_string_equal(name_at(symtab, MODULE + 0xfffff), "bpf_prog_1");
	assert_string_equal(name_at(symtab, MODULE + 0x100000), "-");
}

/** As with split module memory: data of a module lies outside the range /proc/modules shows. */
static void a_symbol_outside_its_modules_range_is_still_named(void **state)
{
	(void)state;
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = ul_symtab_create();
	add(symtab, MODULE + 0x10, 't', "text", "mod");
	add(symtab, MODULE + 0x5000, 'd', "data", "mod");
	assert_null(ul_symtab_add_module(symtab, "mod", MODULE, 0x1000));
	assert_null(ul_symtab_add_module(symtab, "next", MODULE + 0x6000, 0x1000));
	ul_symtab_finish(symtab);
	assert_string_equal(name_at(symtab, MODULE + 0x1000), "-");
	assert_string_equal(name_at(symtab, MODULE + 0x5fff), "data");
	assert_string_equal(name_at(symtab, MODULE + 0x6000), "-");
}

static void an_address_is_found_by_name_kernel_first(void **state)
{
	(void)state;
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = ul_symtab_create();
	add(symtab, 0x1000, 't', "init", "mod");
	add(symtab, 0x3000, 't', "init", NULL);
	add(symtab, 0x2000, 't', "init", NULL);
	add(symtab, 0x5000, 't', "only_here", "mod");
	ul_symtab_finish(symtab);
	uint64_t kaddr = 0;
	assert_true(ul_symtab_address(symtab, "init", &kaddr));
	assert_int_equal(kaddr, 0x2000);
	assert_true(ul_symtab_address(symtab, "only_here", &kaddr));
	assert_int_equal(kaddr, 0x5000);
	assert_false(ul_symtab_address(symtab, "nowhere", &kaddr));
	assert_int_equal(kaddr, 0x5000);
}

static void hidden_addresses_name_nothing(void **state)
{
	(void)state;
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = ul_symtab_create();
	add(symtab, 0, 'T', "kfree", NULL);
	add(symtab, 0, 'T', "_text", NULL);
	ul_symtab_finish(symtab);
	uint64_t kaddr;
	assert_string_equal(name_at(symtab, 0), "-");
	assert_string_equal(name_at(symtab, 0x100), "-");
	assert_false(ul_symtab_address(symtab, "kfree", &kaddr));
	assert_int_equal(ul_symtab_len(symtab), 2);
}

static void data_symbols_of_the_kernel_are_noticed(void **state)
{
	(void)state;
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = ul_symtab_create();
	add(symtab, IMAGE, 'T', "kfree", NULL);
	add(symtab, MODULE, 'd', "mod_data", "mod");
	add(symtab, IMAGE + 0x800, 'D', "__start_rodata", NULL);
	assert_false(ul_symtab_has_data(symtab));
	add(symtab, IMAGE + 0x1000, 'D', "init_task", NULL);
	assert_true(ul_symtab_has_data(symtab));
}

static void an_empty_table_answers_no(void **state)
{
	(void)state;
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = ul_symtab_create();
	ul_symtab_finish(symtab);
	uint64_t kaddr;
	assert_string_equal(name_at(symtab, IMAGE), "-");
	assert_false(ul_symtab_address(symtab, "kfree", &kaddr));
	assert_false(ul_symtab_has_data(symtab));
	assert_int_equal(ul_symtab_len(symtab), 0);
	ul_symtab_destroy(NULL);
}

static void two_hundred_thousand_symbols_are_all_found(void **state)
{
	(void)state;
	enum { COUNT = 200000 };
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = ul_symtab_create();
	char name[32];
	for (uint64_t i = 0; i < COUNT; i++) {
		// 7919 is prime to COUNT: every number once, in no order.
		const uint64_t n = i * 7919 % COUNT;
		snprintf(name, sizeof(name), "function_%u", (unsigned int)n);
		add(symtab, IMAGE + n * 64, 't', name, NULL);
	}
	ul_symtab_finish(symtab);
	assert_int_equal(ul_symtab_len(symtab), COUNT);
	for (uint64_t n = 0; n < COUNT; n += 331) {
		uint64_t kaddr = 0;
		snprintf(name, sizeof(name), "function_%u", (unsigned int)n);
		assert_string_equal(name_at(symtab, IMAGE + n * 64 + 63), name);
		assert_true(ul_symtab_address(symtab, name, &kaddr));
		assert_true(kaddr == IMAGE + n * 64);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_symbol_reaches_to_the_next),
		cmocka_unit_test(of_several_names_the_one_people_use_is_shown),
		cmocka_unit_test(the_choice_among_names_does_not_depend_on_their_order),
		cmocka_unit_test(nothing_outside_the_kernel_image_is_named),
		cmocka_unit_test(nothing_reaches_over_the_end_of_its_module),
		cmocka_unit_test(a_symbol_without_bounds_reaches_one_mebibyte),
		cmocka_unit_test(a_symbol_outside_its_modules_range_is_still_named),
		cmocka_unit_test(an_address_is_found_by_name_kernel_first),
		cmocka_unit_test(hidden_addresses_name_nothing),
		cmocka_unit_test(data_symbols_of_the_kernel_are_noticed),
		cmocka_unit_test(an_empty_table_answers_no),
		cmocka_unit_test(two_hundred_thousand_symbols_are_all_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
