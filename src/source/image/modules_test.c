// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "source/image/array_memory_fixture.h"
#include "source/image/image_internal.h"
#include "source/image/modules_fixture.h"

#define BASE	 0xffff888000000000ULL
#define HEAD	 (BASE + 0x0)
#define BTF_HEAD (BASE + 0x20)
#define FIRST	 (BASE + 0x100)
#define SECOND	 (BASE + 0x200)
#define KALLSYMS (BASE + 0x300)
#define SYMTAB	 (BASE + 0x400)
#define STRTAB	 (BASE + 0x500)
#define LETTERS	 (BASE + 0x540)
#define BTF_ITEM (BASE + 0x580)
#define BTF	 (BASE + 0x5c0)
#define BTF_DATA (BASE + 0x600)
#define TEXT	 0xffffffffc0300000ULL

struct world {
	uint8_t bytes[4096];
	struct array_memory memory;
	struct ul_image image;
};

static void world_deinit(struct world *world)
{
	world->image.memory = NULL;
	ul_image_deinit(&world->image);
}
#define CLEANUP_WORLD UL_CLEANUP(world_deinit)

static void poke(struct world *world, uint64_t kaddr, uint64_t value, size_t bytes)
{
	memcpy(world->bytes + (kaddr - BASE), &value, bytes);
}

static void poke_text(struct world *world, uint64_t kaddr, const char *text)
{
	memcpy(world->bytes + (kaddr - BASE), text, strlen(text) + 1);
}

static void put_module(struct world *world, uint64_t kaddr, const char *name, uint64_t next,
		       uint64_t text)
{
	poke(world, kaddr + 8, next, 8);
	poke_text(world, kaddr + 24, name);
	poke(world, kaddr + 48, KALLSYMS, 8);
	poke(world, kaddr + 56, text, 8);
	poke(world, kaddr + 64, 0x1000, 4);
	poke(world, kaddr + 80, text + 0x4000, 8);
	poke(world, kaddr + 88, 0x100, 4);
}

static void put_symbol(struct world *world, size_t index, uint32_t name, uint64_t value)
{
	poke(world, SYMTAB + index * 24, name, 4);
	poke(world, SYMTAB + index * 24 + 8, value, 8);
}

/*
 * A module's BTF: one struct of 64 bytes called "own". Its base has 12 types and 1 byte of names.
 */
static void put_btf(struct world *world)
{
	static const uint32_t words[] = {0x0001eb9f, 24, 0, 12, 12, 5, 2, 4U << 24, 64};
	poke(world, BTF_HEAD, BTF_ITEM, 8);
	poke(world, BTF_ITEM, BTF_HEAD, 8);
	poke(world, BTF_ITEM + 16, FIRST, 8);
	poke(world, BTF_ITEM + 24, BTF, 8);
	poke(world, BTF, BTF_DATA, 8);
	poke(world, BTF + 8, sizeof(words) + 5, 4);
	memcpy(world->bytes + (BTF_DATA - BASE), words, sizeof(words));
	memcpy(world->bytes + (BTF_DATA - BASE) + sizeof(words), "\0own", 5);
}

static const struct ul_btf_base base = {.types = 12, .strings = 1, .names = 0};

static void make_world(struct world *world)
{
	*world = (struct world){.memory = array_memory_make()};
	array_memory_add(&world->memory, BASE, world->bytes, sizeof(world->bytes));
	world->image.memory = &world->memory.memory;
	world->image.types = fixture_types();
	world->image.symtab = ul_symtab_create();
	assert_null(ul_symtab_add(world->image.symtab, HEAD, 'D', "modules", NULL));
	assert_null(ul_symtab_add(world->image.symtab, BTF_HEAD, 'd', "btf_modules", NULL));
	ul_symtab_finish(world->image.symtab);
	poke(world, HEAD, FIRST + 8, 8);
	put_module(world, FIRST, "first", SECOND + 8, TEXT);
	put_module(world, SECOND, "second", HEAD, TEXT + 0x10000);
	poke(world, KALLSYMS, SYMTAB, 8);
	poke(world, KALLSYMS + 8, 3, 4);
	poke(world, KALLSYMS + 16, STRTAB, 8);
	poke(world, KALLSYMS + 24, LETTERS, 8);
	put_symbol(world, 1, 1, TEXT + 0x10);
	put_symbol(world, 2, 9, TEXT + 0x4010);
	memcpy(world->bytes + (STRTAB - BASE), "\0do_work\0state", 15);
	poke_text(world, LETTERS, "?td");
	put_btf(world);
}

static void names_places_symbols_and_types_are_read(void **state)
{
	struct world world CLEANUP_WORLD;
	struct ul_symbol symbol;
	struct ul_type type;
	make_world(&world);
	assert_null(ul_image_load_modules(&world.image, &base));
	assert_int_equal(world.image.losses.items.len, 0);
	// Both modules show the same table: two symbols each, the nameless one is none.
	assert_int_equal(ul_symtab_len(world.image.symtab), 2 + 4);
	assert_true(ul_symtab_lookup(world.image.symtab, TEXT + 0x20, &symbol));
	assert_string_equal(symbol.name, "do_work");
	assert_string_equal(symbol.module, "first");
	assert_true(symbol.code);
	// The second part ends after 0x100 bytes.
	assert_true(ul_symtab_lookup(world.image.symtab, TEXT + 0x40ff, &symbol));
	assert_string_equal(symbol.name, "state");
	assert_false(symbol.code);
	assert_false(ul_symtab_lookup(world.image.symtab, TEXT + 0x4100, &symbol));
	assert_int_equal(ul_types_sizeof(world.image.types, "own"), 64);
	assert_true(ul_types_get(world.image.types,
				 ul_types_find(world.image.types, UL_TYPE_STRUCT, "own"), &type));
	assert_string_equal(type.module, "first");
	assert_string_equal(world.image.trust.data[0], "2 modules with 4 symbols, 1 with types");
}

static void lists_that_bite_their_tail_end(void **state)
{
	struct world world CLEANUP_WORLD;
	make_world(&world);
	poke(&world, SECOND + 8, FIRST + 8, 8);
	poke(&world, BTF_ITEM, BTF_ITEM, 8);
	assert_null(ul_image_load_modules(&world.image, &base));
	// Each module is read once, its types too; both lists count as damaged.
	assert_int_equal(ul_symtab_len(world.image.symtab), 2 + 4);
	assert_int_equal(ul_types_sizeof(world.image.types, "own"), 64);
	assert_int_equal(world.image.losses.items.len, 1);
	assert_int_equal(world.image.losses.items.data[0].count, 1);
}

static void a_module_that_makes_no_sense_is_a_loss(void **state)
{
	struct world world CLEANUP_WORLD;
	make_world(&world);
	poke_text(&world, FIRST + 24, "fi\x01st");
	poke(&world, KALLSYMS + 8, 0xffffffff, 4);
	poke(&world, BTF_DATA, 0, 4);
	assert_null(ul_image_load_modules(&world.image, &base));
	assert_int_equal(ul_symtab_len(world.image.symtab), 2);
	assert_int_equal(world.image.losses.items.len, 1);
	// The first by its name, the second by its symbols, the BTF by the module it is of.
	assert_int_equal(world.image.losses.items.data[0].count, 3);
}

static void damaged_types_of_a_module_are_a_loss_and_leave_nothing(void **state)
{
	struct world world CLEANUP_WORLD;
	make_world(&world);
	poke(&world, BTF_DATA + 28, 5U << 24 | 9, 4);
	assert_null(ul_image_load_modules(&world.image, &base));
	assert_int_equal(world.image.losses.items.len, 1);
	assert_int_equal(ul_types_len(world.image.types), 12);
}

static void without_types_nothing_is_guessed(void **state)
{
	struct world world CLEANUP_WORLD;
	make_world(&world);
	ul_types_destroy(world.image.types);
	world.image.types = NULL;
	assert_null(ul_image_load_modules(&world.image, &base));
	assert_int_equal(ul_symtab_len(world.image.symtab), 2);
	assert_int_equal(world.image.losses.items.len, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_places_symbols_and_types_are_read),
		cmocka_unit_test(lists_that_bite_their_tail_end),
		cmocka_unit_test(a_module_that_makes_no_sense_is_a_loss),
		cmocka_unit_test(damaged_types_of_a_module_are_a_loss_and_leave_nothing),
		cmocka_unit_test(without_types_nothing_is_guessed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
