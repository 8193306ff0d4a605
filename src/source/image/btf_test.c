// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>

#include <bpf/btf.h>

#include "base/buf.h"
#include "base/file.h"
#include "source/image/btf.h"

/* A BTF written by hand: types and strings grow apart, image() puts the header before them. */
struct writer {
	struct ul_buf types;
	struct ul_buf strings;
	struct ul_buf image;
	uint32_t string_base; /* split BTF: bytes of the base's strings */
};

static void word(struct ul_buf *buf, uint32_t value)
{
	ul_buf_add(buf, &value, sizeof(value));
}

static uint32_t string(struct writer *w, const char *text)
{
	const uint32_t offset = w->string_base + (uint32_t)w->strings.len;
	ul_buf_add(&w->strings, text, strlen(text) + 1);
	return offset;
}

static void type(struct writer *w, uint32_t name, uint32_t kind, uint32_t members, bool flag,
		 uint32_t size_or_type)
{
	word(&w->types, name);
	word(&w->types, kind << 24 | members | (flag ? 1U << 31 : 0));
	word(&w->types, size_or_type);
}

static void words3(struct writer *w, uint32_t a, uint32_t b, uint32_t c)
{
	word(&w->types, a);
	word(&w->types, b);
	word(&w->types, c);
}

static struct ul_span image(struct writer *w)
{
	const uint32_t header[6] = {0x0001eb9f,
				    24,
				    0,
				    (uint32_t)w->types.len,
				    (uint32_t)w->types.len,
				    (uint32_t)w->strings.len};
	ul_buf_clear(&w->image);
	ul_buf_add(&w->image, header, sizeof(header));
	ul_buf_add(&w->image, w->types.data, w->types.len);
	ul_buf_add(&w->image, ul_buf_str(&w->strings), w->strings.len);
	assert_false(w->image.failed);
	return (struct ul_span){w->image.data, w->image.len};
}

static void writer_deinit(struct writer *w)
{
	ul_buf_deinit(&w->types);
	ul_buf_deinit(&w->strings);
	ul_buf_deinit(&w->image);
}
#define CLEANUP_WRITER UL_CLEANUP(writer_deinit)

/* 1 int; 2 struct base { int x; unsigned y:5 at bit 35; } with the flag; 3 base *; 4 base2. */
static void write_base(struct writer *w)
{
	string(w, "");
	const uint32_t integer = string(w, "int");
	const uint32_t base = string(w, "base");
	const uint32_t x = string(w, "x");
	const uint32_t y = string(w, "y");
	type(w, integer, 1, 0, false, 4);
	word(&w->types, 1U << 24 | 32);
	type(w, base, 4, 2, true, 8);
	words3(w, x, 1, 0);
	words3(w, y, 1, 5U << 24 | 35);
	type(w, 0, 2, 0, false, 2);
}

static void place_is(const struct ul_types *types, const char *name, const char *path,
		     uint32_t offset, uint32_t bit_offset, uint32_t bits)
{
	struct ul_place place;
	assert_true(ul_types_place(types, name, path, &place));
	assert_int_equal(place.offset, offset);
	assert_int_equal(place.bit_offset, bit_offset);
	assert_int_equal(place.bits, bits);
}

static void modules_go_on_where_the_kernel_ends(void **state)
{
	struct writer kernel CLEANUP_WRITER = {0};
	struct writer first CLEANUP_WRITER = {0};
	struct writer second CLEANUP_WRITER = {0};
	UL_CLEANUP_TYPES struct ul_types *types = ul_types_create();
	struct ul_btf_base base = {0};
	char text[64];
	assert_non_null(types);
	write_base(&kernel);
	assert_null(ul_btf_load(types, image(&kernel), &base));
	assert_int_equal(base.types, 4);
	assert_int_equal(base.strings, 14);
	// Two modules: each has id 4 for its own first type.
	struct writer *modules[2] = {&first, &second};
	for (size_t i = 0; i < 2; i++) {
		struct writer *w = modules[i];
		w->string_base = base.strings;
		const uint32_t name = string(w, i ? "second" : "first");
		const uint32_t link = string(w, "link");
		type(w, name, 4, 2, false, i ? 24 : 16);
		words3(w, 12 /* "y" of the kernel */, 3, 0);
		words3(w, link, 5, i ? 128 : 64);
		type(w, 0, 2, 0, false, 4);
		assert_null(ul_btf_load_module(types, image(w), i ? "two" : "one", &base));
	}
	assert_null(ul_types_finish(types));
	place_is(types, "base", "y", 4, 3, 5);
	place_is(types, "first", "y", 0, 0, 0);
	place_is(types, "first", "link", 8, 0, 0);
	place_is(types, "second", "link", 16, 0, 0);
	for (size_t i = 0; i < 2; i++) {
		struct ul_place place;
		const char *name = i ? "second" : "first";
		assert_true(ul_types_place(types, name, "link", &place));
		ul_types_name(types, place.type, text, sizeof(text));
		assert_string_equal(text, i ? "struct second *" : "struct first *");
		assert_true(ul_types_place(types, name, "y", &place));
		ul_types_name(types, place.type, text, sizeof(text));
		assert_string_equal(text, "struct base *");
	}
}

static void every_kind_keeps_the_order_of_ids(void **state)
{
	struct writer w CLEANUP_WRITER = {0};
	UL_CLEANUP_TYPES struct ul_types *types = ul_types_create();
	struct ul_btf_base base;
	struct ul_type got;
	int64_t value = 0;
	string(&w, "");
	const uint32_t name = string(&w, "thing");
	const uint32_t low = string(&w, "LOW");
	const uint32_t high = string(&w, "HIGH");
	type(&w, name, 1, 0, false, 4); /* 1: int of 7 bits, as bit fields of old */
	word(&w.types, 7);
	type(&w, 0, 2, 0, false, 1); /* 2: pointer */
	type(&w, 0, 3, 0, false, 0); /* 3: thing *[6] */
	words3(&w, 2, 1, 6);
	type(&w, name, 5, 1, false, 24); /* 4: union */
	words3(&w, low, 1, 8);
	type(&w, name, 6, 1, true, 4); /* 5: signed enum */
	word(&w.types, low);
	word(&w.types, 0xfffffffe);
	type(&w, name, 7, 0, false, 0); /* 6: forward */
	type(&w, name, 8, 0, false, 9); /* 7: typedef of volatile */
	type(&w, 0, 10, 0, false, 11);	/* 8: const */
	type(&w, 0, 9, 0, false, 8);	/* 9: volatile of const of restrict of 2 */
	type(&w, 0, 13, 1, false, 0);	/* 10: void (int) */
	word(&w.types, low);
	word(&w.types, 1);
	type(&w, 0, 11, 0, false, 2);	  /* 11: restrict */
	type(&w, name, 12, 1, false, 10); /* 12: function */
	type(&w, name, 14, 0, false, 4);  /* 13: variable */
	word(&w.types, 1);
	type(&w, name, 15, 1, false, 24); /* 14: section */
	words3(&w, 13, 0, 24);
	type(&w, name, 16, 0, false, 8); /* 15: float */
	type(&w, name, 17, 0, false, 4); /* 16: tag of a declaration */
	word(&w.types, 0xffffffff);
	type(&w, name, 18, 0, false, 2); /* 17: tag of a type */
	type(&w, high, 19, 1, false, 8); /* 18: enum64 */
	words3(&w, high, 0x9abcdef0, 0x12345678);
	type(&w, high, 4, 0, false, 3); /* 19: empty struct */
	assert_null(ul_btf_load(types, image(&w), &base));
	assert_null(ul_types_finish(types));
	static const enum ul_type_kind kinds[] = {
		UL_TYPE_VOID,	  UL_TYPE_INT,	   UL_TYPE_POINTER,  UL_TYPE_ARRAY,
		UL_TYPE_UNION,	  UL_TYPE_ENUM,	   UL_TYPE_FORWARD,  UL_TYPE_POINTER,
		UL_TYPE_POINTER,  UL_TYPE_POINTER, UL_TYPE_FUNCTION, UL_TYPE_POINTER,
		UL_TYPE_FUNCTION, UL_TYPE_UNION,   UL_TYPE_VOID,     UL_TYPE_FLOAT,
		UL_TYPE_VOID,	  UL_TYPE_POINTER, UL_TYPE_ENUM,     UL_TYPE_STRUCT};
	assert_int_equal(ul_types_len(types), UL_ARRAY_LEN(kinds));
	for (ul_type_id id = 0; id < UL_ARRAY_LEN(kinds); id++) {
		assert_true(ul_types_get(types, id, &got));
		assert_int_equal(got.kind, kinds[id]);
	}
	assert_true(ul_types_get(types, 3, &got));
	assert_int_equal(got.bytes, 48);
	assert_int_equal(ul_types_find(types, UL_TYPE_FUNCTION, "thing"), 10);
	assert_int_equal(ul_types_find_variable(types, "thing"), 4);
	place_is(types, "thing", "LOW", 1, 0, 7);
	assert_true(ul_types_enumerator(types, "LOW", &value));
	assert_int_equal(value, -2);
	assert_true(ul_types_enumerator(types, "HIGH", &value));
	assert_true(value == 0x123456789abcdef0LL);
}

static void the_layout_section_steps_over_kinds_of_the_future(void **state)
{
	struct writer w CLEANUP_WRITER = {0};
	struct ul_buf bytes UL_CLEANUP_BUF = {0};
	string(&w, "");
	const uint32_t name = string(&w, "after");
	type(&w, 0, 100, 2, false, 0);
	words3(&w, 1, 2, 3);
	type(&w, name, 4, 0, false, 40);
	uint8_t layout[101][4] = {0};
	layout[100][0] = 4; /* once */
	layout[100][1] = 4; /* each of two */
	const uint32_t header[8] = {0x0001eb9f,
				    32,
				    0,
				    (uint32_t)w.types.len,
				    (uint32_t)w.types.len,
				    (uint32_t)w.strings.len,
				    (uint32_t)(w.types.len + w.strings.len),
				    sizeof(layout)};
	ul_buf_add(&bytes, header, sizeof(header));
	ul_buf_add(&bytes, w.types.data, w.types.len);
	ul_buf_add(&bytes, w.strings.data, w.strings.len);
	const size_t without = bytes.len;
	ul_buf_add(&bytes, layout, sizeof(layout));
	for (int with = 0; with < 2; with++) {
		UL_CLEANUP_TYPES struct ul_types *types = ul_types_create();
		struct ul_btf_base base;
		const struct ul_span span = {bytes.data, with ? bytes.len : without};
		UL_CLEANUP_ERROR struct ul_error *error = ul_btf_load(types, span, &base);
		assert_int_equal(ul_btf_bytes(span), bytes.len);
		if (!with) {
			assert_non_null(error);
			assert_int_equal(error->code, UL_ERR_BAD_DATA);
			continue;
		}
		assert_null(error);
		assert_null(ul_types_finish(types));
		assert_int_equal(ul_types_sizeof(types, "after"), 40);
		assert_int_equal(ul_types_find(types, UL_TYPE_STRUCT, "after"), 2);
	}
}

static void damage_is_refused_at_every_length(void **state)
{
	struct writer w CLEANUP_WRITER = {0};
	write_base(&w);
	const struct ul_span whole = image(&w);
	for (size_t len = 0; len < whole.len; len++) {
		UL_CLEANUP_TYPES struct ul_types *types = ul_types_create();
		struct ul_btf_base base;
		UL_CLEANUP_ERROR struct ul_error *error =
			ul_btf_load(types, (struct ul_span){whole.data, len}, &base);
		assert_non_null(error);
		assert_int_equal(error->code, UL_ERR_BAD_DATA);
	}
	assert_int_equal(ul_btf_bytes(whole), whole.len);
	assert_int_equal(ul_btf_bytes((struct ul_span){whole.data, 23}), 0);
	assert_int_equal(ul_btf_bytes((struct ul_span){whole.data + 4, whole.len - 4}), 0);
}

/* A second opinion: libbpf on the same bytes. Skipped where the kernel has no BTF. */
static void this_kernels_btf_agrees_with_libbpf(void **state)
{
	struct ul_buf bytes UL_CLEANUP_BUF = {0};
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_file_read(AT_FDCWD, "/sys/kernel/btf/vmlinux", 64 << 20, &bytes);
	if (error)
		skip();
	UL_CLEANUP_TYPES struct ul_types *types = ul_types_create();
	struct ul_btf_base base;
	struct btf *btf = btf__new(bytes.data, (uint32_t)bytes.len);
	assert_non_null(btf);
	assert_null(ul_btf_load(types, (struct ul_span){bytes.data, bytes.len}, &base));
	assert_null(ul_types_finish(types));
	assert_int_equal(ul_types_len(types), btf__type_cnt(btf));
	size_t members = 0;
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *theirs = btf__type_by_id(btf, id);
		struct ul_type ours;
		assert_true(ul_types_get(types, id, &ours));
		if (!btf_is_composite(theirs))
			continue;
		assert_int_equal(ours.bytes, theirs->size);
		assert_int_equal(ours.count, btf_vlen(theirs));
		for (uint32_t i = 0; i < ours.count; i++) {
			struct ul_member member;
			assert_true(ul_types_member_at(types, id, i, &member));
			assert_int_equal(member.offset_bits, btf_member_bit_offset(theirs, i));
			assert_int_equal(member.bits, btf_member_bitfield_size(theirs, i));
			assert_string_equal(
				member.name,
				btf__name_by_offset(btf, btf_members(theirs)[i].name_off));
			members++;
		}
	}
	assert_true(members > 1000);
	assert_int_equal(ul_types_find(types, UL_TYPE_STRUCT, "task_struct"),
			 btf__find_by_name_kind(btf, "task_struct", BTF_KIND_STRUCT));
	btf__free(btf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modules_go_on_where_the_kernel_ends),
		cmocka_unit_test(every_kind_keeps_the_order_of_ids),
		cmocka_unit_test(the_layout_section_steps_over_kinds_of_the_future),
		cmocka_unit_test(damage_is_refused_at_every_length),
		cmocka_unit_test(this_kernels_btf_agrees_with_libbpf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
