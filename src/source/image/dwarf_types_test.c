// SPDX-License-Identifier: GPL-2.0-or-later
/* The program of dwarf_fixture/, whose files come as arguments: what shapes.h says, by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "source/image/image_internal.h"

/* The file this run is about; of it, what the tests look at. */
struct fixture {
	const char *path;
	struct ul_types *types;
};

static struct ul_error *load(const char *path, const char *vmcoreinfo, struct ul_types *types)
{
	struct ul_losses losses = {0};
	struct ul_buf btf UL_CLEANUP_BUF = {0};
	struct ul_error *error = ul_vmlinux_read(path, vmcoreinfo, types, &losses, &btf);
	assert_int_equal(btf.len, 0);
	assert_int_equal(losses.items.len, 0);
	ul_losses_deinit(&losses);
	return error;
}

static int load_fixture(void **state)
{
	struct fixture *fixture = *state;
	fixture->types = ul_types_create();
	assert_non_null(fixture->types);
	UL_CLEANUP_ERROR struct ul_error *error =
		load(fixture->path, "BUILD-ID=0a0b0c0d\n", fixture->types);
	if (error)
		fprintf(stderr, "%s\n", error->message);
	assert_null(error);
	assert_null(ul_types_finish(fixture->types));
	return 0;
}

static int forget_fixture(void **state)
{
	struct fixture *fixture = *state;
	ul_types_destroy(fixture->types);
	fixture->types = NULL;
	return 0;
}

struct expected {
	const char *path;
	uint32_t offset, bytes;
	const char *type; /**< NULL: compilers do not agree on how "long" is called */
};

static void members_are(const struct ul_types *types, const char *owner,
			const struct expected *expected, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		struct ul_place place;
		char name[100];
		if (!ul_types_place(types, owner, expected[i].path, &place))
			fail_msg("%s has no %s", owner, expected[i].path);
		ul_types_name(types, place.type, name, sizeof(name));
		if (place.offset != expected[i].offset || place.bytes != expected[i].bytes ||
		    (expected[i].type && strcmp(name, expected[i].type) != 0))
			fail_msg("%s.%s: %s of %u bytes at %u", owner, expected[i].path, name,
				 place.bytes, place.offset);
	}
}

static void members_are_where_the_compiler_put_them(void **state)
{
	static const struct expected expected[] = {
		{"colour", 0, 4, "enum colour"},
		{"number", 8, 8, NULL},
		{"low", 8, 2, NULL},
		{"high", 10, 2, NULL},
		{"named.x", 16, 4, "int"},
		{"named.y", 20, 4, "int"},
		{"count", 24, 4, "counter_t"},
		{"count.value", 24, 4, "int"},
		{"grid", 28, 6, "unsigned char[6]"},
		{"either", 40, 16, "union either"},
		{"either.text", 40, 16, "char[16]"},
		{"bits", 56, 16, "struct bits"},
		{"node", 72, 8, "struct node *"},
		{"later", 80, 8, "struct later *"},
		{"wide", 104, 8, "enum wide"},
		{"yes", 112, 1, "_Bool"},
		{"real", 120, 8, "double"},
		{"call", 128, 8, "int (*)(struct shape *, char *, ...)"},
		{"last", 136, 0, "void *[]"},
	};
	const struct fixture *fixture = *state;
	members_are(fixture->types, "shape", expected, UL_ARRAY_LEN(expected));
	assert_int_equal(ul_types_sizeof(fixture->types, "shape"), 136);
	assert_int_equal(ul_types_sizeof(fixture->types, "either"), 16);
}

static void bit_fields_are_told_by_their_bits(void **state)
{
	static const struct {
		const char *name;
		uint64_t offset_bits;
		uint32_t bits;
		uint32_t type_bytes;
		bool is_signed;
	} expected[] = {
		{"three", 0, 3, 4, false},	 {"seven", 3, 7, 4, false},
		{"signed_one", 10, 22, 4, true}, {"whole", 32, 0, 1, false},
		{"forty", 64, 40, 8, false},	 {"rest", 104, 24, 8, false},
	};
	const struct fixture *fixture = *state;
	const ul_type_id id = ul_types_find(fixture->types, UL_TYPE_STRUCT, "bits");
	assert_int_equal(ul_types_sizeof(fixture->types, "bits"), 16);
	for (uint32_t i = 0; i < UL_ARRAY_LEN(expected); i++) {
		struct ul_member member;
		struct ul_type type;
		assert_true(ul_types_member_at(fixture->types, id, i, &member));
		assert_string_equal(member.name, expected[i].name);
		assert_int_equal(member.offset_bits, expected[i].offset_bits);
		assert_int_equal(member.bits, expected[i].bits);
		assert_true(ul_types_get(fixture->types, member.type, &type));
		assert_int_equal(type.bytes, expected[i].type_bytes);
		assert_int_equal(type.is_signed, expected[i].is_signed);
	}
}

static void enums_keep_their_values(void **state)
{
	static const struct {
		const char *name;
		int64_t value;
	} expected[] = {
		{"RED", 0},
		{"GREEN", 5},
		{"BLUE", -3},
		{"FIRST_WITHOUT_A_NAME", 77},
		{"SECOND_WITHOUT_A_NAME", 0x80000001},
		{"WIDE", 0x100000001},
	};
	const struct fixture *fixture = *state;
	struct ul_type type;
	for (size_t i = 0; i < UL_ARRAY_LEN(expected); i++) {
		int64_t value = -1;
		assert_true(ul_types_enumerator(fixture->types, expected[i].name, &value));
		assert_int_equal(value, expected[i].value);
	}
	assert_true(ul_types_get(fixture->types,
				 ul_types_find(fixture->types, UL_TYPE_ENUM, "colour"), &type));
	assert_true(type.is_signed);
	assert_true(ul_types_get(fixture->types,
				 ul_types_find(fixture->types, UL_TYPE_ENUM, "wide"), &type));
	assert_false(type.is_signed);
	assert_int_equal(type.bytes, 8);
}

static void functions_have_prototypes(void **state)
{
	const struct fixture *fixture = *state;
	char name[100];
	struct ul_member parameter;
	const ul_type_id call = ul_types_find(fixture->types, UL_TYPE_FUNCTION, "shape_call");
	const ul_type_id finish = ul_types_find(fixture->types, UL_TYPE_FUNCTION, "shape_finish");
	ul_types_name(fixture->types, call, name, sizeof(name));
	assert_string_equal(name, "int (struct shape *, char *, ...)");
	ul_types_name(fixture->types, finish, name, sizeof(name));
	assert_string_equal(name, "void (struct shape *, counter_t *, unsigned int)");
	assert_true(ul_types_member_at(fixture->types, finish, 1, &parameter));
	assert_string_equal(parameter.name, "count");
	assert_int_equal(ul_types_find(fixture->types, UL_TYPE_FUNCTION, "only_inlined"), 0);
}

static void variables_have_types(void **state)
{
	const struct fixture *fixture = *state;
	assert_int_equal(ul_types_find_variable(fixture->types, "first_shape"),
			 ul_types_find(fixture->types, UL_TYPE_STRUCT, "shape"));
}

/* What the member of struct shape points to. */
static struct ul_type pointed_to(const struct ul_types *types, const char *member)
{
	struct ul_place place;
	struct ul_type pointer;
	struct ul_type ret;
	assert_true(ul_types_place(types, "shape", member, &place));
	assert_true(ul_types_get(types, place.type, &pointer));
	assert_int_equal(pointer.kind, UL_TYPE_POINTER);
	assert_true(ul_types_get(types, pointer.target, &ret));
	return ret;
}

static void what_is_only_declared_is_looked_for_in_other_units(void **state)
{
	const struct fixture *fixture = *state;
	const struct ul_type later = pointed_to(fixture->types, "later");
	assert_int_equal(later.kind, UL_TYPE_STRUCT);
	assert_int_equal(later.bytes, 16);
	// Two of that name, and nobody says which; none of that name.
	assert_int_equal(pointed_to(fixture->types, "twin").kind, UL_TYPE_FORWARD);
	assert_string_equal(pointed_to(fixture->types, "twin").name, "twin");
	assert_int_equal(pointed_to(fixture->types, "nowhere").kind, UL_TYPE_FORWARD);
}

static void a_struct_of_three_units_is_there_once(void **state)
{
	const struct fixture *fixture = *state;
	size_t shapes = 0;
	size_t twins = 0;
	for (ul_type_id id = 1; id < ul_types_len(fixture->types); id++) {
		struct ul_type type;
		if (ul_types_resolve(fixture->types, id) != id ||
		    !ul_types_get(fixture->types, id, &type) || type.kind != UL_TYPE_STRUCT)
			continue;
		shapes += !strcmp(type.name, "shape");
		twins += !strcmp(type.name, "twin");
	}
	assert_int_equal(shapes, 1);
	assert_int_equal(twins, 2);
}

static void another_build_is_refused(void **state)
{
	const struct fixture *fixture = *state;
	UL_CLEANUP_TYPES struct ul_types *types = ul_types_create();
	UL_CLEANUP_ERROR struct ul_error *error = load(fixture->path, "BUILD-ID=0a0b0c0e\n", types);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_BAD_DATA);
	assert_int_equal(ul_types_len(types), 1);
}

static int run(const char *path)
{
	struct fixture fixture = {.path = path};
	struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_where_the_compiler_put_them),
		cmocka_unit_test(bit_fields_are_told_by_their_bits),
		cmocka_unit_test(enums_keep_their_values),
		cmocka_unit_test(functions_have_prototypes),
		cmocka_unit_test(variables_have_types),
		cmocka_unit_test(what_is_only_declared_is_looked_for_in_other_units),
		cmocka_unit_test(a_struct_of_three_units_is_there_once),
		cmocka_unit_test(another_build_is_refused),
	};
	for (size_t i = 0; i < UL_ARRAY_LEN(tests); i++) {
		tests[i].initial_state = &fixture;
		tests[i].setup_func = load_fixture;
		tests[i].teardown_func = forget_fixture;
	}
	printf("%s\n", path);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	int failed = argc < 2;
	for (int i = 1; i < argc; i++)
		failed += run(argv[i]) != 0;
	return failed;
}
