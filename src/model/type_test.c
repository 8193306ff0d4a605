// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <string.h>

#include "model/type.h"

/* Built by hand: names, then types 1.. in order. */
struct builder {
	struct ul_types *types;
};

static uint32_t name(struct builder *b, const char *text)
{
	uint32_t base = 0;
	assert_null(ul_types_add_names(b->types, text, strlen(text), &base));
	return base;
}

static ul_type_id add(struct builder *b, struct ul_type_entry entry, const char *text)
{
	entry.name = *text ? name(b, text) : 0;
	const ul_type_id id = (ul_type_id)ul_types_len(b->types);
	assert_null(ul_types_add(b->types, &entry));
	return id;
}

static void member(struct builder *b, const char *text, ul_type_id type, uint32_t offset_bits,
		   uint8_t bits)
{
	assert_null(
		ul_types_add_member(b->types, *text ? name(b, text) : 0, type, offset_bits, bits));
}

static struct ul_type_entry pointer_to(ul_type_id target)
{
	return (struct ul_type_entry){.kind = UL_TYPE_POINTER, .bytes = 8, .target = target};
}

/*
 * typedef struct { int counter; } atomic_t;
 * struct node {
 *	struct node *next;
 *	const atomic_t refs;             offset 8
 *	union { u64 key; struct { int low; int high; }; };   offset 16
 *	unsigned flag:3 at bit 1;        offset 24
 *	struct node *children[2];        offset 32
 *	int tail[];                      offset 48
 * };
 */
static struct ul_types *make_types(void)
{
	struct builder b = {ul_types_create()};
	assert_non_null(b.types);
	const ul_type_id integer =
		add(&b, (struct ul_type_entry){.kind = UL_TYPE_INT, .bytes = 4, .is_signed = true},
		    "int");
	const ul_type_id word =
		add(&b, (struct ul_type_entry){.kind = UL_TYPE_INT, .bytes = 8}, "u64");
	assert_int_equal(integer, 1);
	assert_int_equal(word, 2);
	// 3: typedef of 4, both before they exist.
	add(&b, (struct ul_type_entry){.kind = UL_ENTRY_TYPEDEF, .target = 4}, "atomic_t");
	add(&b, (struct ul_type_entry){.kind = UL_TYPE_STRUCT, .bytes = 4}, "");
	member(&b, "counter", integer, 0, 0);
	const ul_type_id constant =
		add(&b, (struct ul_type_entry){.kind = UL_ENTRY_QUALIFIER, .target = 3}, "");
	const ul_type_id pointer = add(&b, pointer_to(11), "");
	const ul_type_id pair =
		add(&b, (struct ul_type_entry){.kind = UL_TYPE_STRUCT, .bytes = 8}, "");
	member(&b, "low", integer, 0, 0);
	member(&b, "high", integer, 32, 0);
	const ul_type_id either =
		add(&b, (struct ul_type_entry){.kind = UL_TYPE_UNION, .bytes = 8}, "");
	member(&b, "key", word, 0, 0);
	member(&b, "", pair, 0, 0);
	const ul_type_id two = add(
		&b, (struct ul_type_entry){.kind = UL_TYPE_ARRAY, .target = pointer, .count = 2},
		"");
	const ul_type_id flexible =
		add(&b, (struct ul_type_entry){.kind = UL_TYPE_ARRAY, .target = integer}, "");
	const ul_type_id node =
		add(&b, (struct ul_type_entry){.kind = UL_TYPE_STRUCT, .bytes = 48}, "node");
	assert_int_equal(node, 11);
	member(&b, "next", pointer, 0, 0);
	member(&b, "refs", constant, 64, 0);
	member(&b, "", either, 128, 0);
	member(&b, "flag", integer, 193, 3);
	member(&b, "children", two, 256, 0);
	member(&b, "tail", flexible, 384, 0);
	const ul_type_id prototype =
		add(&b, (struct ul_type_entry){.kind = UL_TYPE_FUNCTION, .target = integer}, "");
	member(&b, "node", pointer, 0, 0);
	member(&b, "count", word, 0, 0);
	add(&b, (struct ul_type_entry){.kind = UL_ENTRY_FUNCTION, .target = prototype}, "walk");
	add(&b, pointer_to(prototype), "");
	add(&b, (struct ul_type_entry){.kind = UL_TYPE_ENUM, .bytes = 4}, "colour");
	assert_null(ul_types_add_enumerator(b.types, name(&b, "RED"), -5));
	assert_null(ul_types_add_enumerator(b.types, name(&b, "BLUE"), 1LL << 40));
	add(&b, (struct ul_type_entry){.kind = UL_ENTRY_VARIABLE, .target = node}, "root");
	assert_null(ul_types_begin_module(b.types, "late"));
	add(&b, (struct ul_type_entry){.kind = UL_TYPE_STRUCT, .bytes = 99}, "node");
	add(&b, (struct ul_type_entry){.kind = UL_TYPE_STRUCT, .bytes = 7}, "of_module");
	assert_null(ul_types_finish(b.types));
	return b.types;
}

static void place_is(const struct ul_types *types, const char *path, uint32_t offset,
		     uint32_t bytes)
{
	struct ul_place place;
	assert_true(ul_types_place(types, "node", path, &place));
	assert_int_equal(place.offset, offset);
	assert_int_equal(place.bytes, bytes);
}

static void members_are_found_through_anonymous_ones_typedefs_and_arrays(void **state)
{
	UL_CLEANUP_TYPES struct ul_types *types = make_types();
	struct ul_place place;
	place_is(types, "next", 0, 8);
	place_is(types, "refs", 8, 4);
	place_is(types, "refs.counter", 8, 4);
	place_is(types, "key", 16, 8);
	place_is(types, "low", 16, 4);
	place_is(types, "high", 20, 4);
	place_is(types, "children", 32, 16);
	place_is(types, "children[1]", 40, 8);
	place_is(types, "tail", 48, 0);
	place_is(types, "tail[3]", 60, 4);
	assert_true(ul_types_place(types, "node", "flag", &place));
	assert_int_equal(place.offset, 24);
	assert_int_equal(place.bit_offset, 1);
	assert_int_equal(place.bits, 3);
	assert_int_equal(place.bytes, 1);
	assert_true(ul_types_place(types, "atomic_t", "counter", &place));
	assert_int_equal(place.bits, 0);
}

static void what_is_not_there_is_not_found(void **state)
{
	UL_CLEANUP_TYPES struct ul_types *types = make_types();
	static const char *const paths[] = {"",
					    "missing",
					    "children[2]",
					    "children[",
					    "children[]",
					    "children[x]",
					    "next.next",
					    "next[0]",
					    "refs.",
					    ".refs",
					    "refs..counter",
					    "children[0]x",
					    "refs.counter.more"};
	struct ul_place place;
	for (size_t i = 0; i < UL_ARRAY_LEN(paths); i++)
		assert_false(ul_types_place(types, "node", paths[i], &place));
	assert_false(ul_types_place(types, "nodes", "next", &place));
	assert_false(ul_types_place(types, "", "low", &place));
	assert_int_equal(ul_types_sizeof(types, "nodes"), 0);
	assert_int_equal(ul_types_find(types, UL_TYPE_STRUCT, ""), 0);
	assert_int_equal(ul_types_find(types, UL_TYPE_UNION, "node"), 0);
	assert_int_equal(ul_types_find(types, UL_TYPE_FUNCTION, "run"), 0);
}

static void names_belong_to_the_kernel_before_modules(void **state)
{
	UL_CLEANUP_TYPES struct ul_types *types = make_types();
	struct ul_type type;
	assert_int_equal(ul_types_sizeof(types, "node"), 48);
	assert_true(ul_types_get(types, ul_types_find(types, UL_TYPE_STRUCT, "node"), &type));
	assert_null(type.module);
	assert_true(ul_types_get(types, ul_types_find(types, UL_TYPE_STRUCT, "of_module"), &type));
	assert_string_equal(type.module, "late");
	assert_int_equal(type.bytes, 7);
}

static void typedefs_answer_as_what_they_stand_for(void **state)
{
	UL_CLEANUP_TYPES struct ul_types *types = make_types();
	struct ul_type type;
	const ul_type_id atomic = ul_types_find_typedef(types, "atomic_t");
	assert_int_equal(atomic, ul_types_find(types, UL_TYPE_STRUCT, "atomic_t"));
	assert_int_equal(atomic, 4);
	for (ul_type_id id = 3; id <= 5; id++) {
		assert_true(ul_types_get(types, id, &type));
		assert_int_equal(type.kind, UL_TYPE_STRUCT);
		assert_int_equal(type.bytes, 4);
		assert_int_equal(ul_types_resolve(types, id), 4);
	}
	assert_int_equal(ul_types_find_variable(types, "root"), 11);
}

static void enumerators_have_values(void **state)
{
	UL_CLEANUP_TYPES struct ul_types *types = make_types();
	int64_t value = 0;
	assert_true(ul_types_enumerator(types, "RED", &value));
	assert_int_equal(value, -5);
	assert_true(ul_types_enumerator(types, "BLUE", &value));
	assert_true(value == 1LL << 40);
	assert_false(ul_types_enumerator(types, "GREEN", &value));
}

static void name_is(const struct ul_types *types, ul_type_id id, const char *expected)
{
	char text[64];
	ul_types_name(types, id, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void types_are_written_as_in_c(void **state)
{
	UL_CLEANUP_TYPES struct ul_types *types = make_types();
	char text[8];
	name_is(types, 0, "void");
	name_is(types, 1, "int");
	name_is(types, 3, "atomic_t");
	name_is(types, 6, "struct node *");
	name_is(types, 8, "union {...}");
	name_is(types, 9, "struct node *[2]");
	name_is(types, 10, "int[]");
	name_is(types, ul_types_find(types, UL_TYPE_FUNCTION, "walk"), "int (struct node *, u64)");
	name_is(types, 14, "int (*)(struct node *, u64)");
	name_is(types, 15, "enum colour");
	name_is(types, 1000000, "?");
	ul_types_name(types, 9, text, sizeof(text));
	assert_string_equal(text, "struct ");
	ul_types_name(types, 9, text, 1);
	assert_string_equal(text, "");
}

static void rings_and_ids_out_of_range_become_void(void **state)
{
	struct builder b = {ul_types_create()};
	UL_CLEANUP_TYPES struct ul_types *types = b.types;
	struct ul_type type;
	struct ul_place place;
	assert_non_null(types);
	add(&b, (struct ul_type_entry){.kind = UL_ENTRY_TYPEDEF, .target = 2}, "a");
	add(&b, (struct ul_type_entry){.kind = UL_ENTRY_TYPEDEF, .target = 1}, "b");
	add(&b, pointer_to(4000000000), "");
	// A struct that is its own anonymous member, twice.
	add(&b, (struct ul_type_entry){.kind = UL_TYPE_STRUCT, .bytes = 8}, "self");
	member(&b, "", 4, 0, 0);
	member(&b, "", 4, 32, 0);
	member(&b, "end", 77, 0, 0);
	// An array of itself; a pointer to itself.
	add(&b, (struct ul_type_entry){.kind = UL_TYPE_ARRAY, .target = 5, .count = 9}, "");
	add(&b, pointer_to(6), "");
	assert_null(ul_types_finish(types));
	for (ul_type_id id = 1; id <= 2; id++) {
		assert_true(ul_types_get(types, id, &type));
		assert_int_equal(type.kind, UL_TYPE_VOID);
	}
	name_is(types, 3, "void *");
	assert_false(ul_types_place(types, "self", "missing", &place));
	assert_true(ul_types_place(types, "self", "end", &place));
	assert_true(ul_types_get(types, 5, &type));
	assert_int_equal(type.bytes, 0);
	name_is(types, 6, "...");
	assert_false(ul_types_get(types, 7, &type));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_found_through_anonymous_ones_typedefs_and_arrays),
		cmocka_unit_test(what_is_not_there_is_not_found),
		cmocka_unit_test(names_belong_to_the_kernel_before_modules),
		cmocka_unit_test(typedefs_answer_as_what_they_stand_for),
		cmocka_unit_test(enumerators_have_values),
		cmocka_unit_test(types_are_written_as_in_c),
		cmocka_unit_test(rings_and_ids_out_of_range_become_void),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
