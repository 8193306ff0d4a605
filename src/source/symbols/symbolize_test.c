// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * This program stands in for the kernel: it is an ELF file with DWARF, loaded elsewhere than it was
 * linked, and its functions know their own lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <elf.h>
#include <string.h>

#include "source/symbols/symbols_internal.h"

void start_of_text(void) __asm__("_stext");
void start_of_text(void)
{
}

struct seen {
	uint64_t kaddr; /**< return address */
	uint32_t inner_line;
	uint32_t outer_line;
};

__attribute__((noinline)) static void note_caller(struct seen *seen)
{
	seen->kaddr = (uint64_t)(uintptr_t)__builtin_return_address(0);
	__asm__ volatile("" ::: "memory");
}

__attribute__((always_inline)) static inline void inlined_alloc(struct seen *seen)
{
	seen->inner_line = __LINE__ + 1;
	note_caller(seen);
	__asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static void outer_open(struct seen *seen)
{
	seen->outer_line = __LINE__ + 1;
	inlined_alloc(seen);
	__asm__ volatile("" ::: "memory");
}

static struct ul_symtab *own_symtab(void)
{
	struct ul_symtab *symtab = ul_symtab_create();
	assert_non_null(symtab);
	assert_null(ul_symtab_add(symtab, (uint64_t)(uintptr_t)start_of_text, 'T', "_stext", NULL));
	assert_null(ul_symtab_add(symtab, (uint64_t)(uintptr_t)outer_open, 't', "outer_open.isra.0",
				  NULL));
	ul_symtab_finish(symtab);
	return symtab;
}

static void a_return_address_has_the_line_of_its_call_and_what_was_inlined(void **state)
{
	UL_CLEANUP_LINES struct ul_lines *lines = NULL;
	struct ul_error *error = ul_lines_create("/proc/self/exe", &lines);
	if (error) { // built without DWARF, or without libdw
		ul_error_destroy(error);
		skip();
	}
	assert_non_null(strstr(ul_lines_status(lines), "/proc/self/exe"));
	assert_non_null(strstr(ul_lines_status(lines), "build id"));
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = own_symtab();
	struct seen seen = {0};
	UL_CLEANUP(ul_stack_deinit) struct ul_stack stack = {0};
	outer_open(&seen);
	assert_null(ul_symbolize(symtab, lines, seen.kaddr, true, &stack));
	assert_int_equal(stack.frames.len, 2);
	const struct ul_frame *inner = &stack.frames.data[0];
	const struct ul_frame *outer = &stack.frames.data[1];
	assert_true(inner->inlined);
	assert_string_equal(inner->function, "inlined_alloc");
	assert_int_equal(inner->kaddr, 0);
	assert_int_equal(inner->line, seen.inner_line);
	assert_non_null(strstr(inner->file, "symbolize_test.c"));
	assert_false(outer->inlined);
	assert_string_equal(outer->function, "outer_open.isra.0");
	assert_int_equal(outer->kaddr, seen.kaddr);
	assert_int_equal(outer->offset, seen.kaddr - (uint64_t)(uintptr_t)outer_open);
	assert_int_equal(outer->line, seen.outer_line);
	assert_non_null(strstr(outer->file, "symbolize_test.c"));
	assert_null(outer->module);
}

static void without_debug_files_the_function_is_still_named(void **state)
{
	UL_CLEANUP_SYMTAB struct ul_symtab *symtab = ul_symtab_create();
	assert_null(ul_symtab_add(symtab, 0xffffffffc0400000, 't', "leak_open", "leakstat"));
	assert_null(ul_symtab_add(symtab, 0xffffffffc0400080, 't', "leak_read", "leakstat"));
	ul_symtab_finish(symtab);
	UL_CLEANUP_LINES struct ul_lines *lines = NULL;
	assert_null(ul_lines_create(NULL, &lines));
	assert_non_null(ul_lines_status(lines));
	UL_CLEANUP(ul_stack_deinit) struct ul_stack stack = {0};
	// A call that never returns is the last instruction: its return address is in the next
	// function.
	assert_null(ul_symbolize(symtab, lines, 0xffffffffc0400080, true, &stack));
	assert_null(ul_symbolize(symtab, NULL, 0xffffffffc0400080, false, &stack));
	assert_null(ul_symbolize(NULL, lines, 0x1234, false, &stack));
	assert_int_equal(stack.frames.len, 3);
	assert_string_equal(stack.frames.data[0].function, "leak_open");
	assert_string_equal(stack.frames.data[0].module, "leakstat");
	assert_int_equal(stack.frames.data[0].offset, 0x80);
	assert_string_equal(stack.frames.data[1].function, "leak_read");
	assert_null(stack.frames.data[1].file);
	assert_null(stack.frames.data[2].function);
	assert_int_equal(stack.frames.data[2].kaddr, 0x1234);
	assert_int_equal(stack.frames.data[2].offset, 0);
}

static void a_debug_file_that_is_none_is_an_error(void **state)
{
	struct ul_lines *lines = NULL;
	struct ul_error *error = ul_lines_create("/proc/self/no-such-file", &lines);
	assert_non_null(error);
	ul_error_destroy(error);
	error = ul_lines_create("/proc/self/status", &lines);
	assert_non_null(error);
	assert_null(lines);
	ul_error_destroy(error);
}

static void the_build_id_is_found_among_other_notes(void **state)
{
	// Linux note (7 bytes of name padded to 8, 4 of contents), then GNU build id of 3 bytes.
	struct {
		Elf64_Nhdr first;
		char first_bytes[12];
		Elf64_Nhdr second;
		char second_bytes[8];
	} notes = {
		.first = {.n_namesz = 6, .n_descsz = 1, .n_type = 1},
		.first_bytes = "Linux\0\0\0\1\0\0",
		.second = {.n_namesz = 4, .n_descsz = 3, .n_type = NT_GNU_BUILD_ID},
		.second_bytes = "GNU\0\x12\x34\x56",
	};
	uint8_t id[UL_BUILD_ID_BYTES];
	size_t len = 0;
	const struct ul_span whole = {(const char *)&notes, sizeof(notes)};
	assert_true(ul_notes_build_id(whole, id, &len));
	assert_int_equal(len, 3);
	assert_memory_equal(id, "\x12\x34\x56", 3);
	for (size_t cut = 0; cut < sizeof(notes) - 1; cut++)
		assert_false(ul_notes_build_id((struct ul_span){whole.data, cut}, id, &len));
	notes.first.n_descsz = UINT32_MAX;
	assert_false(ul_notes_build_id(whole, id, &len));
	notes.first.n_descsz = 1;
	notes.second.n_descsz = 0;
	assert_false(ul_notes_build_id(whole, id, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_return_address_has_the_line_of_its_call_and_what_was_inlined),
		cmocka_unit_test(without_debug_files_the_function_is_still_named),
		cmocka_unit_test(a_debug_file_that_is_none_is_an_error),
		cmocka_unit_test(the_build_id_is_found_among_other_notes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
