// SPDX-License-Identifier: GPL-2.0-or-later
/* Code made by hand: who calls whom, and whose seq_file is forgotten by which release. */
#include "analysis/reach_fixture.h"

#include "analysis/calls.h"
#include "analysis/describe.h"
#include "base/text.h"

enum { FUNCTION_BYTES = 256 };

static const char *const freeing[] = {"seq_release", "single_release", NULL};

/** A function whose code the image does not have. */
static const uint64_t unreadable = FIXTURE_IMAGE + 0x1000000;

/** Functions of the image, FUNCTION_BYTES apart. */
static const char *const functions[] = {
	"bad_open",	   "bad_release",
	"good_open",	   "good_release",
	"wrapped_release", "indirect_release",
	"helper",	   "seq_release_private",
	"far_release",	   "far_1",
	"far_2",	   "far_3",
};

static uint64_t function_at(const char *name)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(functions); i++)
		if (!strcmp(functions[i], name))
			return FIXTURE_IMAGE + i * FUNCTION_BYTES;
	fail_msg("no function %s", name);
	return 0;
}

static uint8_t *bytes_at(struct fixture *fixture, uint64_t kaddr)
{
	const struct fixture_segment *segment = fixture_segment(&fixture->memory, kaddr);
	assert_non_null(segment);
	return segment->data + (kaddr - segment->kaddr);
}

/** An instruction with a distance, @p at bytes into @p from. */
static void put_call(struct fixture *fixture, const char *from, size_t at, uint8_t opcode,
		     uint64_t to)
{
	const uint64_t kaddr = function_at(from) + at;
	const int32_t distance = (int32_t)(int64_t)(to - (kaddr + 5));
	uint8_t *code = bytes_at(fixture, kaddr);
	code[0] = opcode;
	memcpy(code + 1, &distance, sizeof(distance));
}

static struct fixture *make_code(void)
{
	struct fixture *fixture = fixture_create(true);
	ul_text_copy(fixture->image.kernel.arch, sizeof(fixture->image.kernel.arch), "x86_64");
	fixture->image.symtab = ul_symtab_create();
	for (size_t i = 0; i < UL_ARRAY_LEN(functions); i++)
		assert_null(ul_symtab_add(fixture->image.symtab, function_at(functions[i]), 't',
					  functions[i], i < 2 ? "mod" : NULL));
	assert_null(
		ul_symtab_add(fixture->image.symtab, FIXTURE_IMAGE + 0x3000, 'd', "the_ops", NULL));
	assert_null(ul_symtab_add(fixture->image.symtab, unreadable, 't', "elsewhere", NULL));
	ul_symtab_finish(fixture->image.symtab);
	put_call(fixture, "bad_release", 9, 0xe8, function_at("helper"));
	put_call(fixture, "good_release", 40, 0xe9, function_at("seq_release_private"));
	put_call(fixture, "wrapped_release", 3, 0xe8, function_at("helper"));
	put_call(fixture, "wrapped_release", 30, 0xe8, function_at("good_release"));
	put_call(fixture, "indirect_release", 3, 0xe8, function_at("helper"));
	bytes_at(fixture, function_at("indirect_release"))[20] = 0xff; // call *%rax
	bytes_at(fixture, function_at("indirect_release"))[21] = 0xd0;
	put_call(fixture, "far_release", 0, 0xe8, function_at("far_1"));
	put_call(fixture, "far_1", 0, 0xe8, function_at("far_2"));
	put_call(fixture, "far_2", 0, 0xe8, function_at("far_3"));
	put_call(fixture, "far_3", 0, 0xe8, function_at("seq_release_private"));
	return fixture;
}

static void destroy(struct fixture *fixture)
{
	ul_symtab_destroy(fixture->image.symtab);
	ul_types_destroy(fixture->image.types);
	fixture_free(fixture);
}

static enum ul_calls_answer calls(struct fixture *fixture, const char *name)
{
	return ul_calls_any(&fixture->image, function_at(name), freeing);
}

static void calls_and_jumps_are_followed_a_few_steps(void **state)
{
	struct fixture *fixture = make_code();
	assert_int_equal(calls(fixture, "good_release"), UL_CALLS_YES);
	assert_int_equal(calls(fixture, "wrapped_release"), UL_CALLS_YES);
	assert_int_equal(calls(fixture, "seq_release_private"), UL_CALLS_YES);
	assert_int_equal(calls(fixture, "bad_release"), UL_CALLS_NO);
	assert_int_equal(calls(fixture, "far_release"), UL_CALLS_NO); // too far: it errs that way
	destroy(fixture);
}

static void what_is_called_through_a_pointer_is_not_known(void **state)
{
	struct fixture *fixture = make_code();
	assert_int_equal(calls(fixture, "indirect_release"), UL_CALLS_UNKNOWN);
	// Neither is code that cannot be read, nor that of another architecture.
	fixture->memory.hole = FIXTURE_IMAGE;
	assert_int_equal(calls(fixture, "bad_release"), UL_CALLS_UNKNOWN);
	fixture->memory.hole = 0;
	ul_text_copy(fixture->image.kernel.arch, sizeof(fixture->image.kernel.arch), "aarch64");
	assert_int_equal(calls(fixture, "bad_release"), UL_CALLS_UNKNOWN);
	assert_int_equal(ul_calls_any(&fixture->image, FIXTURE_IMAGE + 1, freeing),
			 UL_CALLS_UNKNOWN);
	destroy(fixture);
}

static void what_calls_code_that_cannot_be_read_is_not_known(void **state)
{
	struct fixture *fixture = make_code();
	put_call(fixture, "helper", 0, 0xe8, unreadable); // two steps away
	assert_int_equal(calls(fixture, "bad_release"), UL_CALLS_UNKNOWN);
	assert_int_equal(calls(fixture, "wrapped_release"), UL_CALLS_YES);
	destroy(fixture);
}

static void jumps_on_a_condition_are_followed(void **state)
{
	struct fixture *fixture = make_code();
	put_call(fixture, "bad_release", 60, 0x84, function_at("good_release"));
	assert_int_equal(calls(fixture, "bad_release"), UL_CALLS_NO);
	bytes_at(fixture, function_at("bad_release"))[59] = 0x0f;
	assert_int_equal(calls(fixture, "bad_release"), UL_CALLS_YES);
	destroy(fixture);
}

static void a_call_of_the_middle_of_a_function_is_none(void **state)
{
	struct fixture *fixture = make_code();
	put_call(fixture, "bad_release", 60, 0xe8, function_at("seq_release_private") + 1);
	assert_int_equal(calls(fixture, "bad_release"), UL_CALLS_NO);
	destroy(fixture);
}

/* ---- whose seq_file it is ---- */

static uint32_t name(struct ul_types *types, const char *text)
{
	uint32_t offset = 0;
	assert_null(ul_types_add_names(types, text, strlen(text), &offset));
	return offset;
}

/** A struct of pointers, NULL behind the last member's name. */
static void add_struct(struct ul_types *types, const char *struct_name, const char *const *members)
{
	size_t len = 0;
	while (members[len])
		len++;
	const struct ul_type_entry entry = {
		.kind = UL_TYPE_STRUCT, .name = name(types, struct_name), .bytes = len * 8};
	assert_null(ul_types_add(types, &entry));
	for (size_t i = 0; i < len; i++)
		assert_null(ul_types_add_member(types, name(types, members[i]), 1, (uint32_t)i * 64,
						0));
}

static struct ul_types *make_types(void)
{
	struct ul_types *types = ul_types_create();
	const struct ul_type_entry pointer = {.kind = UL_TYPE_POINTER, .bytes = 8};
	assert_null(ul_types_add(types, &pointer));
	add_struct(types, "seq_file", (const char *const[]){"buf", "op", "file", NULL});
	add_struct(types, "proc_dir_entry",
		   (const char *const[]){"proc_ops", "parent", "name", "seq_ops", NULL});
	add_struct(types, "proc_ops", (const char *const[]){"proc_open", "proc_release", NULL});
	add_struct(types, "seq_operations", (const char *const[]){"start", "show", NULL});
	assert_null(ul_types_finish(types));
	return types;
}

static const uint64_t entries = FIXTURE_DIRECT + 8 * UINT64_C(4096); /* 64 bytes each */
static const uint64_t seq_file = FIXTURE_DIRECT + 9 * UINT64_C(4096);
static const uint64_t texts = FIXTURE_DIRECT + 10 * UINT64_C(4096);

/** /proc/NAME, whose open mentions the_ops. */
static void put_entry(struct fixture *fixture, size_t index, const char *entry_name,
		      const char *open, const char *release)
{
	const uint64_t entry = entries + index * 64;
	const uint64_t ops = FIXTURE_IMAGE + 0x2000 + index * 16;
	memcpy(bytes_at(fixture, texts + index * 32), entry_name, strlen(entry_name) + 1);
	fixture_put(fixture, entry, ops);
	fixture_put(fixture, entry + 8, entries); // the first one is the root
	fixture_put(fixture, entry + 16, texts + index * 32);
	fixture_put(fixture, ops, function_at(open));
	fixture_put(fixture, ops + 8, release ? function_at(release) : 0);
	put_call(fixture, open, 20, 0xbe, 0); // mov $the_ops,%esi
	const uint32_t immediate = (uint32_t)(FIXTURE_IMAGE + 0x3000);
	memcpy(bytes_at(fixture, function_at(open) + 21), &immediate, sizeof(immediate));
	fixture_allocate(fixture, entry);
}

static struct fixture *make_proc(void)
{
	struct fixture *fixture = make_code();
	fixture->image.types = make_types();
	free(fixture->heap.caches.data[0].name);
	fixture->heap.caches.data[0].name = strdup("proc_dir_entry");
	fixture_block(fixture, entries, 4096, 64, 0, UL_BLOCK_SLAB, 0);
	assert_null(ul_heap_finish(&fixture->heap));
	fixture_allocate(fixture, entries);
	fixture_put(fixture, seq_file + 8, FIXTURE_IMAGE + 0x3000);
	return fixture;
}

static void of_two_files_with_one_table_the_one_that_forgets_is_told(void **state)
{
	struct fixture *fixture = make_proc();
	struct ul_seq_owner owner = {0};
	put_entry(fixture, 1, "bad", "bad_open", "bad_release");
	put_entry(fixture, 2, "good", "good_open", "good_release");
	assert_true(ul_identify_seq(&fixture->image, &fixture->heap, seq_file, &owner));
	assert_string_equal(owner.text,
			    "/proc/bad (by its operations; the file is closed), whose release "
			    "bad_release [mod] was not seen to call seq_release");
	assert_string_equal(owner.release.file, "/proc/bad");
	assert_string_equal(owner.release.function, "bad_release");
	assert_string_equal(owner.release.module, "mod");
	destroy(fixture);
}

static void where_all_release_nobody_is_accused(void **state)
{
	struct fixture *fixture = make_proc();
	struct ul_identified most;
	const uint64_t kaddrs[] = {seq_file, seq_file, FIXTURE_IMAGE};
	put_entry(fixture, 1, "one", "bad_open", "wrapped_release");
	put_entry(fixture, 2, "two", "good_open", "indirect_release");
	const ul_type_id type = ul_types_find(fixture->image.types, UL_TYPE_STRUCT, "seq_file");
	assert_true(ul_identify_most(&fixture->image, &fixture->heap, type, kaddrs, 3, &most));
	assert_string_equal(most.text,
			    "/proc/one or /proc/two (by its operations; the file is closed)");
	assert_int_equal(most.objects, 2);
	assert_int_equal(most.looked_at, 3);
	assert_string_equal(most.release.file, "");
	destroy(fixture);
}

static void of_several_that_forget_it_says_whose_release_it_names(void **state)
{
	struct fixture *fixture = make_proc();
	struct ul_seq_owner owner = {0};
	put_entry(fixture, 1, "bad", "bad_open", "bad_release");
	put_entry(fixture, 2, "none", "bad_open", NULL);
	assert_true(ul_identify_seq(&fixture->image, &fixture->heap, seq_file, &owner));
	assert_string_equal(owner.text, "/proc/bad or /proc/none (by its operations; the file is "
					"closed); /proc/bad's release bad_release [mod] was not "
					"seen to call seq_release");
	destroy(fixture);
}

static void a_file_without_release_forgets(void **state)
{
	struct fixture *fixture = make_proc();
	struct ul_seq_owner owner = {0};
	put_entry(fixture, 1, "none", "bad_open", NULL);
	assert_true(ul_identify_seq(&fixture->image, &fixture->heap, seq_file, &owner));
	assert_string_equal(owner.release.file, "/proc/none");
	assert_string_equal(owner.release.function, "");
	destroy(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_and_jumps_are_followed_a_few_steps),
		cmocka_unit_test(what_is_called_through_a_pointer_is_not_known),
		cmocka_unit_test(what_calls_code_that_cannot_be_read_is_not_known),
		cmocka_unit_test(jumps_on_a_condition_are_followed),
		cmocka_unit_test(a_call_of_the_middle_of_a_function_is_none),
		cmocka_unit_test(of_two_files_with_one_table_the_one_that_forgets_is_told),
		cmocka_unit_test(where_all_release_nobody_is_accused),
		cmocka_unit_test(of_several_that_forget_it_says_whose_release_it_names),
		cmocka_unit_test(a_file_without_release_forgets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
