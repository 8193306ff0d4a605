// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "source/image/live_internal.h"

#define BASE 0xffff888000000000ULL

static Elf64_Ehdr core_header(uint16_t count)
{
	Elf64_Ehdr header = {.e_type = ET_CORE,
			     .e_phoff = sizeof(Elf64_Ehdr),
			     .e_phentsize = sizeof(Elf64_Phdr),
			     .e_phnum = count};
	memcpy(header.e_ident, ELFMAG, SELFMAG);
	header.e_ident[EI_CLASS] = ELFCLASS64;
	header.e_ident[EI_DATA] =
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	return header;
}

static Elf64_Phdr load(uint64_t kaddr, uint64_t bytes, uint64_t offset)
{
	return (Elf64_Phdr){
		.p_type = PT_LOAD, .p_vaddr = kaddr, .p_filesz = bytes, .p_offset = offset};
}

static void fails_with(struct ul_error *error, enum ul_error_code code)
{
	assert_non_null(error);
	assert_int_equal(error->code, code);
	ul_error_destroy(error);
}

static void reads_within_and_across_segments_and_stops_at_a_hole(void **state)
{
	char path[] = "/tmp/ullage-kcore-XXXXXX";
	UL_CLEANUP_CLOSE const int fd = mkstemp(path);
	assert_true(fd >= 0);
	const Elf64_Ehdr header = core_header(4);
	// Out of order; the last two touch each other in memory but not in the file.
	const Elf64_Phdr table[4] = {
		load(BASE + 8, 8, 1016),
		{.p_type = PT_NOTE, .p_vaddr = BASE, .p_filesz = 4096},
		load(BASE, 8, 1000),
		load(UINT64_MAX - 3, 4, 1024),
	};
	assert_int_equal(pwrite(fd, &header, sizeof(header), 0), sizeof(header));
	assert_int_equal(pwrite(fd, table, sizeof(table), sizeof(header)), sizeof(table));
	assert_int_equal(pwrite(fd, "ABCDEFGH--------abcdefghWXYZ", 28, 1000), 28);

	UL_CLEANUP_MEMORY struct ul_memory *memory = NULL;
	assert_null(ul_live_kcore_open(path, &memory));
	unlink(path);
	assert_string_equal(memory->engine, "kcore");
	char bytes[32] = {0};
	size_t got = 0;
	assert_null(ul_memory_read(memory, BASE + 6, bytes, sizeof(bytes), &got));
	assert_int_equal(got, 10);
	assert_memory_equal(bytes, "GHabcdefgh", 10);
	assert_null(ul_memory_read(memory, BASE - 1, bytes, sizeof(bytes), &got));
	assert_int_equal(got, 0);
	assert_null(ul_memory_read(memory, UINT64_MAX - 1, bytes, sizeof(bytes), &got));
	assert_int_equal(got, 2);
	assert_memory_equal(bytes, "YZ", 2);
}

static void a_header_that_is_no_core_file_is_refused(void **state)
{
	Elf64_Ehdr header = core_header(1);
	uint64_t offset = 0;
	size_t bytes = 0;
	for (size_t len = 0; len < sizeof(header); len++)
		fails_with(ul_core_parse_header((struct ul_span){(const char *)&header, len},
						&offset, &bytes),
			   UL_ERR_BAD_DATA);
	const struct ul_span whole = {(const char *)&header, sizeof(header)};
	assert_null(ul_core_parse_header(whole, &offset, &bytes));
	assert_int_equal(offset, 64);
	assert_int_equal(bytes, 56);
	header.e_type = ET_EXEC;
	fails_with(ul_core_parse_header(whole, &offset, &bytes), UL_ERR_BAD_DATA);
	header = core_header(1);
	header.e_phentsize = 1;
	fails_with(ul_core_parse_header(whole, &offset, &bytes), UL_ERR_BAD_DATA);
	header = core_header(0);
	fails_with(ul_core_parse_header(whole, &offset, &bytes), UL_ERR_LIMIT);
	header = core_header(0xffff);
	fails_with(ul_core_parse_header(whole, &offset, &bytes), UL_ERR_LIMIT);
}

static void segments_that_wrap_around_are_refused(void **state)
{
	struct ul_core_segments segments = {0};
	Elf64_Phdr header = load(UINT64_MAX - 3, 5, 0);
	const struct ul_span table = {(const char *)&header, sizeof(header)};
	fails_with(ul_core_parse_segments(table, &segments), UL_ERR_BAD_DATA);
	header = load(BASE, 4096, UINT64_MAX - 4095);
	fails_with(ul_core_parse_segments(table, &segments), UL_ERR_BAD_DATA);
	header = load(BASE, 4096, INT64_MAX - 4095);
	fails_with(ul_core_parse_segments(table, &segments), UL_ERR_BAD_DATA);
	// A rest that is no whole header is not read.
	header = load(BASE, 4096, 0);
	assert_null(ul_core_parse_segments((struct ul_span){(const char *)&header, 55}, &segments));
	assert_int_equal(segments.items.len, 0);
}

static void a_segment_within_a_longer_one_hides_nothing(void **state)
{
	const Elf64_Phdr table[2] = {load(BASE, 100, 0), load(BASE + 10, 5, 500)};
	struct ul_core_segments segments = {0};
	assert_null(ul_core_parse_segments((struct ul_span){(const char *)table, sizeof(table)},
					   &segments));
	assert_int_equal(ul_core_find(&segments, BASE + 9)->offset, 0);
	assert_int_equal(ul_core_find(&segments, BASE + 14)->offset, 500);
	assert_int_equal(ul_core_find(&segments, BASE + 15)->offset, 0);
	assert_null(ul_core_find(&segments, BASE + 100));
	ul_vec_deinit(&segments.items);
}

static void a_missing_file_says_what_the_kernel_lacks(void **state)
{
	struct ul_memory *memory = NULL;
	struct ul_error *error = ul_live_kcore_open("/proc/self/no-such-kcore", &memory);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_UNSUPPORTED);
	assert_non_null(error->hint);
	ul_error_destroy(error);
	fails_with(ul_live_kcore_open("/dev/null", &memory), UL_ERR_BAD_DATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_within_and_across_segments_and_stops_at_a_hole),
		cmocka_unit_test(a_header_that_is_no_core_file_is_refused),
		cmocka_unit_test(segments_that_wrap_around_are_refused),
		cmocka_unit_test(a_segment_within_a_longer_one_hides_nothing),
		cmocka_unit_test(a_missing_file_says_what_the_kernel_lacks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
