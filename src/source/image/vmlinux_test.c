// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "source/image/image_internal.h"

static const char btf[] = "\x9f\xeb\x01\x00 the rest is for others to judge";
static const char names[] = "\0.BTF\0.notes\0.shstrtab";

/* A vmlinux by hand: header, note with build id 0a0b0c0d, BTF, names, four section headers. */
static size_t make_vmlinux(uint8_t file[1024], bool with_btf)
{
	Elf64_Ehdr header = {.e_type = ET_EXEC,
			     .e_machine = EM_X86_64,
			     .e_version = EV_CURRENT,
			     .e_ehsize = sizeof(header),
			     .e_shentsize = sizeof(Elf64_Shdr),
			     .e_shnum = 4,
			     .e_shstrndx = 3};
	static const uint8_t note[] = {4, 0, 0,	  0,   4,   0, 0,    0,	   3,	 0,
				       0, 0, 'G', 'N', 'U', 0, 0x0a, 0x0b, 0x0c, 0x0d};
	Elf64_Shdr sections[4] = {{0}};
	size_t at = sizeof(header);
	memcpy(header.e_ident, ELFMAG, SELFMAG);
	header.e_ident[EI_CLASS] = ELFCLASS64;
	header.e_ident[EI_DATA] = ELFDATA2LSB;
	header.e_ident[EI_VERSION] = EV_CURRENT;
	sections[1] = (Elf64_Shdr){
		.sh_name = 6, .sh_type = SHT_NOTE, .sh_offset = at, .sh_size = sizeof(note)};
	memcpy(file + at, note, sizeof(note));
	at += sizeof(note);
	sections[2] = (Elf64_Shdr){.sh_name = with_btf ? 1 : 6,
				   .sh_type = SHT_PROGBITS,
				   .sh_offset = at,
				   .sh_size = sizeof(btf)};
	memcpy(file + at, btf, sizeof(btf));
	at += sizeof(btf);
	sections[3] = (Elf64_Shdr){
		.sh_name = 13, .sh_type = SHT_STRTAB, .sh_offset = at, .sh_size = sizeof(names)};
	memcpy(file + at, names, sizeof(names));
	at = (at + sizeof(names) + 7) / 8 * 8;
	header.e_shoff = at;
	memcpy(file + at, sections, sizeof(sections));
	memcpy(file, &header, sizeof(header));
	return at + sizeof(sections);
}

static struct ul_error *read_back(const void *file, size_t len, const char *vmcoreinfo,
				  struct ul_buf *ret)
{
	char path[] = "/tmp/ullage-vmlinux-XXXXXX";
	UL_CLEANUP_CLOSE const int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, file, len), len);
	UL_CLEANUP_TYPES struct ul_types *types = ul_types_create();
	struct ul_losses losses = {0};
	struct ul_error *error = ul_vmlinux_read(path, vmcoreinfo, types, &losses, ret);
	ul_losses_deinit(&losses);
	unlink(path);
	return error;
}

static void a_section_of_the_right_build_is_read(void **state)
{
	static const char *const fitting[] = {NULL, "OSRELEASE=6.1\n", "BUILD-ID=0a0b0c0d\nX=1\n"};
	uint8_t file[1024] = {0};
	const size_t len = make_vmlinux(file, true);
	for (size_t i = 0; i < UL_ARRAY_LEN(fitting); i++) {
		struct ul_buf bytes UL_CLEANUP_BUF = {0};
		assert_null(read_back(file, len, fitting[i], &bytes));
		assert_int_equal(bytes.len, sizeof(btf));
		assert_memory_equal(bytes.data, btf, sizeof(btf));
	}
}

static void another_build_is_refused(void **state)
{
	uint8_t file[1024] = {0};
	struct ul_buf bytes UL_CLEANUP_BUF = {0};
	const size_t len = make_vmlinux(file, true);
	UL_CLEANUP_ERROR struct ul_error *error =
		read_back(file, len, "BUILD-ID=0a0b0c0e\n", &bytes);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_BAD_DATA);
	assert_non_null(error->hint);
}

static void a_file_without_types_says_what_it_lacks(void **state)
{
	uint8_t file[1024] = {0};
	struct ul_buf bytes UL_CLEANUP_BUF = {0};
	const size_t len = make_vmlinux(file, false);
	UL_CLEANUP_ERROR struct ul_error *error = read_back(file, len, NULL, &bytes);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_UNSUPPORTED);
	assert_non_null(strstr(error->message, ".BTF"));
}

static void bare_btf_is_taken_as_it_is(void **state)
{
	struct ul_buf bytes UL_CLEANUP_BUF = {0};
	assert_null(read_back(btf, sizeof(btf), "BUILD-ID=ff\n", &bytes));
	assert_int_equal(bytes.len, sizeof(btf));
}

static void files_cut_at_any_length_do_no_harm(void **state)
{
	uint8_t file[1024] = {0};
	const size_t len = make_vmlinux(file, true);
	for (size_t cut = 4; cut < len; cut += 3) {
		struct ul_buf bytes UL_CLEANUP_BUF = {0};
		UL_CLEANUP_ERROR struct ul_error *error = read_back(file, cut, NULL, &bytes);
		assert_non_null(error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_section_of_the_right_build_is_read),
		cmocka_unit_test(another_build_is_refused),
		cmocka_unit_test(a_file_without_types_says_what_it_lacks),
		cmocka_unit_test(bare_btf_is_taken_as_it_is),
		cmocka_unit_test(files_cut_at_any_length_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
