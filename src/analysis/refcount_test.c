// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/reach_fixture.h"

#include "analysis/refcount.h"

static uint32_t name(struct ul_types *types, const char *text)
{
	uint32_t offset = 0;
	assert_null(ul_types_add_names(types, text, strlen(text), &offset));
	return offset;
}

static ul_type_id add(struct ul_types *types, int kind, const char *text, uint64_t bytes)
{
	const struct ul_type_entry entry = {
		.kind = kind, .name = name(types, text), .bytes = bytes, .is_signed = true};
	assert_null(ul_types_add(types, &entry));
	return (ul_type_id)ul_types_len(types) - 1;
}

static void add_member(struct ul_types *types, const char *text, ul_type_id type, uint32_t offset)
{
	assert_null(ul_types_add_member(types, name(types, text), type, offset * 8, 0));
}

static struct ul_types *make_types(void)
{
	struct ul_types *types = ul_types_create();
	const ul_type_id half = add(types, UL_TYPE_INT, "int", 4);
	const ul_type_id whole = add(types, UL_TYPE_INT, "long", 8);
	add(types, UL_TYPE_STRUCT, "cred", 16);
	add_member(types, "usage", half, 4);
	const ul_type_id common = add(types, UL_TYPE_STRUCT, "sock_common", 16);
	add_member(types, "skc_refcnt", half, 8);
	const ul_type_id sock = add(types, UL_TYPE_STRUCT, "sock", 32);
	add_member(types, "__sk_common", common, 0);
	add(types, UL_TYPE_STRUCT, "tcp_sock", 64);
	add_member(types, "inet", sock, 0);
	const ul_type_id ref = add(types, UL_TYPE_STRUCT, "file_ref", 8);
	add_member(types, "refcnt", whole, 0);
	add(types, UL_TYPE_STRUCT, "file", 32);
	add_member(types, "f_ref", ref, 8);
	add(types, UL_TYPE_STRUCT, "seq_file", 32);
	add_member(types, "size", whole, 0);
	assert_null(ul_types_finish(types));
	return types;
}

static void destroy(struct fixture *fixture)
{
	ul_types_destroy(fixture->image.types);
	fixture_free(fixture);
}

static struct ul_refcount count(struct fixture *fixture, const char *type, const uint64_t *kaddrs,
				size_t len)
{
	struct ul_refcount ret;
	const ul_type_id id = ul_types_find(fixture->image.types, UL_TYPE_STRUCT, type);
	assert_int_not_equal(id, 0);
	const bool told = ul_refcount_most(&fixture->image, id, kaddrs, len, &ret);
	assert_int_equal(told, ret.member[0] != 0);
	return ret;
}

static void the_count_that_most_have_is_told(void **state)
{
	struct fixture *fixture = fixture_create(false);
	const uint64_t kaddrs[] = {fixture_page(1), fixture_page(2), fixture_page(3),
				   FIXTURE_DIRECT - 4096}; // not readable
	fixture->image.types = make_types();
	fixture_put(fixture, kaddrs[0], UINT64_C(1) << 32 | 7);
	fixture_put(fixture, kaddrs[1], UINT64_C(3) << 32 | 8);
	fixture_put(fixture, kaddrs[2], UINT64_C(1) << 32 | 9);
	const struct ul_refcount ret = count(fixture, "cred", kaddrs, 4);
	assert_string_equal(ret.member, "struct cred usage");
	assert_int_equal(ret.left, 1);
	assert_int_equal(ret.objects, 2);
	assert_int_equal(ret.looked_at, 3);
	destroy(fixture);
}

static void what_begins_with_a_counted_struct_is_counted_by_it(void **state)
{
	struct fixture *fixture = fixture_create(false);
	const uint64_t kaddr = fixture_page(1);
	fixture->image.types = make_types();
	fixture_put(fixture, kaddr + 8, UINT64_C(0xffffffff00000002));
	const struct ul_refcount ret = count(fixture, "tcp_sock", &kaddr, 1);
	assert_string_equal(ret.member, "struct sock_common skc_refcnt");
	assert_int_equal(ret.left, 2);
	destroy(fixture);
}

static void counts_that_are_stored_less_one_are_told_as_they_are(void **state)
{
	struct fixture *fixture = fixture_create(false);
	const uint64_t kaddr = fixture_page(1);
	fixture->image.types = make_types();
	struct ul_refcount ret = count(fixture, "file", &kaddr, 1); // 0 is stored
	assert_string_equal(ret.member, "struct file f_ref.refcnt");
	assert_int_equal(ret.left, 1);
	fixture_put(fixture, kaddr + 8, UINT64_MAX); // the last one was put
	ret = count(fixture, "file", &kaddr, 1);
	assert_int_equal(ret.left, 0);
	destroy(fixture);
}

static void what_counts_no_references_is_not_told(void **state)
{
	struct fixture *fixture = fixture_create(false);
	const uint64_t kaddr = fixture_page(1);
	fixture->image.types = make_types();
	assert_string_equal(count(fixture, "seq_file", &kaddr, 1).member, "");
	assert_string_equal(count(fixture, "cred", &kaddr, 0).member, "");
	destroy(fixture);
}

static void a_count_that_is_saturated_is_said_to_be(void **state)
{
	struct fixture *fixture = fixture_create(false);
	const uint64_t kaddrs[] = {fixture_page(1), fixture_page(2), fixture_page(3)};
	fixture->image.types = make_types();
	fixture_put(fixture, kaddrs[0], UINT64_C(0xc0000000) << 32);
	fixture_put(fixture, kaddrs[1], UINT64_C(0xbfffff00) << 32); // put 256 times since
	fixture_put(fixture, kaddrs[2], UINT64_C(0xffffffff) << 32); // -1: below zero, not stuck
	struct ul_refcount ret = count(fixture, "cred", kaddrs, 3);
	assert_true(ret.saturated);
	assert_int_equal(ret.left, 0);
	assert_int_equal(ret.objects, 2);
	assert_false(count(fixture, "cred", kaddrs + 2, 1).saturated);
	fixture_put(fixture, kaddrs[0] + 8, UINT64_C(0xa000000000000000)); // FILE_REF_SATURATED
	assert_true(count(fixture, "file", kaddrs, 1).saturated);
	fixture_put(fixture, kaddrs[0] + 8, UINT64_C(0xe000000000000000)); // FILE_REF_DEAD
	ret = count(fixture, "file", kaddrs, 1);
	assert_false(ret.saturated);
	assert_int_equal(ret.left, 0);
	fixture_put(fixture, kaddrs[0] + 8, INT64_MAX); // one more would overflow ours
	assert_int_equal(count(fixture, "file", kaddrs, 1).left, INT64_MAX);
	destroy(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_count_that_most_have_is_told),
		cmocka_unit_test(what_begins_with_a_counted_struct_is_counted_by_it),
		cmocka_unit_test(counts_that_are_stored_less_one_are_told_as_they_are),
		cmocka_unit_test(what_counts_no_references_is_not_told),
		cmocka_unit_test(a_count_that_is_saturated_is_said_to_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
