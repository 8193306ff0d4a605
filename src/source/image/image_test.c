// SPDX-License-Identifier: GPL-2.0-or-later
/* One small machine in every format: what is read must be what was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <pthread.h>
#include <unistd.h>

#include "source/image/decompress.h"
#include "source/image/image.h"
#include "source/image/image_fixture.h"
#include "source/image/image_internal.h"
#include "source/image/image_pack_fixture.h"

/** A file that goes away with its scope. */
struct temporary {
	char path[32];
};

static struct temporary write_file(const struct ul_buf *bytes)
{
	struct temporary file = {"/tmp/ullage-image-XXXXXX"};
	UL_CLEANUP_CLOSE const int fd = mkstemp(file.path);
	assert_true(fd >= 0);
	assert_false(bytes->failed);
	assert_int_equal(write(fd, bytes->data, bytes->len), bytes->len);
	return file;
}

static void remove_file(struct temporary *file)
{
	unlink(file->path);
}

#define TEMPORARY struct temporary __attribute__((cleanup(remove_file)))

static struct ul_error *open_image(const char *const *paths, size_t len, struct ul_image *ret)
{
	const struct ul_image_options options = {.paths = paths, .paths_len = len};
	*ret = (struct ul_image){0};
	return ul_image_open_memory(&options, ret);
}

static void opens(const struct ul_buf *bytes, struct ul_image *ret)
{
	TEMPORARY file = write_file(bytes);
	const char *const path = file.path;
	struct ul_error *error = open_image(&path, 1, ret);
	if (error)
		fail_msg("%s", error->message);
}

static void refuses(const struct ul_buf *bytes, enum ul_error_code code, const char *words)
{
	TEMPORARY file = write_file(bytes);
	const char *const path = file.path;
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	struct ul_error *error = open_image(&path, 1, &image);
	assert_non_null(error);
	assert_int_equal(error->code, code);
	assert_non_null(strstr(error->message, words));
	ul_error_destroy(error);
}

static bool trusts(const struct ul_image *image, const char *words)
{
	ul_vec_foreach (phrase, &image->trust)
		if (strstr(*phrase, words))
			return true;
	return false;
}

static uint64_t word_of(const uint8_t *ram, uint64_t phys)
{
	uint64_t word;
	memcpy(&word, ram + phys, sizeof(word));
	return word;
}

/* Every page by read() and by map(), at its physical and its direct map address. */
static void all_memory_is_the_same(struct ul_image *image, const uint8_t *ram)
{
	uint8_t page[FIXTURE_PAGE];
	for (uint64_t phys = 0; phys < FIXTURE_BYTES; phys += FIXTURE_PAGE) {
		size_t got = 0;
		assert_null(ul_memory_read(image->physical, phys, page, sizeof(page), &got));
		assert_int_equal(got, sizeof(page));
		assert_memory_equal(page, ram + phys, sizeof(page));
		ul_memory_forget(image->memory, FIXTURE_DIRECT + phys, FIXTURE_BYTES);
		const void *mapped = ul_memory_map(image->memory, FIXTURE_DIRECT + phys, &got);
		assert_non_null(mapped);
		assert_true(got >= FIXTURE_PAGE);
		assert_memory_equal(mapped, ram + phys, FIXTURE_PAGE);
	}
	size_t got = 1;
	assert_null(ul_memory_read(image->physical, FIXTURE_BYTES, page, 8, &got));
	assert_int_equal(got, 0);
	assert_null(ul_memory_map(image->physical, FIXTURE_BYTES, &got));
}

static void the_address_space_is_understood(struct ul_image *image, const uint8_t *ram)
{
	const struct ul_address_space *space = &image->space;
	uint64_t word;
	assert_string_equal(image->kernel.release, FIXTURE_RELEASE);
	assert_string_equal(image->kernel.version, "#1 SMP fixture");
	assert_string_equal(image->kernel.node, "node");
	assert_string_equal(image->kernel.arch, "x86_64");
	assert_int_equal(space->page_bytes, 4096);
	assert_int_equal(space->struct_page_bytes, 64);
	assert_int_equal(space->page_offset, FIXTURE_DIRECT);
	assert_int_equal(space->vmemmap, FIXTURE_VMEMMAP);
	assert_int_equal(space->max_pfn, FIXTURE_BYTES / FIXTURE_PAGE);
	assert_int_equal(space->image.start, FIXTURE_TEXT);
	assert_int_equal(space->image.end, FIXTURE_TEXT + (2 << 20));
	assert_int_equal(space->image_phys, FIXTURE_TEXT_PHYS);
	assert_int_equal(space->modules.start, 0xffffffffc0000000);
	assert_true(trusts(image, "page tables map _stext"));
	assert_true(trusts(image, "utsname in memory"));
	assert_true(trusts(image, "direct map at 0xffff888000000000"));
	assert_true(trusts(image, "page array at 0xffffea0000000000"));
	assert_true(ul_memory_u64(image->memory, FIXTURE_TEXT + 0x10008, &word));
	assert_int_equal(word, word_of(ram, FIXTURE_TEXT_PHYS + 0x10008));
}

static void vmalloc_is_read_by_the_page_tables(struct ul_image *image, const uint8_t *ram)
{
	uint64_t words[3] = {0};
	uint64_t phys = 0;
	uint64_t run = 0;
	size_t got = 0;
	// Twice: by the tables, then out of the cache.
	for (int i = 0; i < 2; i++) {
		assert_null(ul_memory_read(image->memory, FIXTURE_VMALLOC + 4080, words, 24, &got));
		assert_int_equal(got, 24);
		assert_int_equal(words[1], word_of(ram, 0x100ff8));
		assert_int_equal(words[2], word_of(ram, 0x0ff000));
	}
	assert_null(ul_memory_read(image->memory, FIXTURE_VMALLOC + 8184, words, 24, &got));
	assert_int_equal(got, 8);
	assert_true(ul_memory_phys(image->memory, FIXTURE_VMALLOC + 4100, &phys, &run));
	assert_int_equal(phys, 0x0ff004);
	assert_int_equal(run, 4092);
	assert_false(ul_memory_phys(image->memory, FIXTURE_VMALLOC + 8192, &phys, &run));
	assert_false(ul_memory_phys(image->memory, 0x1000, &phys, &run));
	assert_null(ul_memory_map(image->memory, FIXTURE_VMALLOC + 8192, &got));
}

static void check(struct ul_image *image, const uint8_t *ram)
{
	all_memory_is_the_same(image, ram);
	the_address_space_is_understood(image, ram);
	vmalloc_is_read_by_the_page_tables(image, ram);
}

static void an_elf_core_is_read(void **state)
{
	// Out of order, and one segment names again what another has.
	static const uint64_t ranges[] = {0x200000, FIXTURE_BYTES, 0, 0x200000, 0x1ff000, 0x202000};
	UL_CLEANUP_FREE uint8_t *ram = fixture_ram(false);
	struct ul_buf notes UL_CLEANUP_BUF = {0};
	struct ul_buf file UL_CLEANUP_BUF = {0};
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	fixture_notes_all(&notes);
	fixture_elf(&file, ram, ranges, UL_ARRAY_LEN(ranges), &notes);
	opens(&file, &image);
	assert_string_equal(image.kind, "elf");
	assert_int_equal(image.bytes, FIXTURE_BYTES);
	assert_int_equal(image.ram.len, 1);
	assert_int_equal(image.losses.items.len, 0);
	check(&image, ram);
	assert_int_equal(image.cpus.len, 2);
	const struct ul_cpu_state *cpu = &image.cpus.data[1];
	assert_int_equal(cpu->cpu, 1);
	assert_int_equal(cpu->ip, 0x1010);
	assert_int_equal(cpu->sp, 0x1013);
	assert_int_equal(cpu->registers_len, 15);
	assert_int_equal(cpu->registers[14], 0x100e);
}

static void a_core_cut_short_is_read_and_says_so(void **state)
{
	static const uint64_t ranges[] = {0, FIXTURE_BYTES};
	UL_CLEANUP_FREE uint8_t *ram = fixture_ram(false);
	struct ul_buf notes UL_CLEANUP_BUF = {0};
	struct ul_buf file UL_CLEANUP_BUF = {0};
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	uint64_t word;
	fixture_notes_all(&notes);
	fixture_elf(&file, ram, ranges, UL_ARRAY_LEN(ranges), &notes);
	file.len -= 4096;
	opens(&file, &image);
	assert_int_equal(image.losses.items.len, 1);
	assert_int_equal(image.losses.items.data[0].count, 4096);
	assert_true(ul_memory_u64(image.memory, FIXTURE_DIRECT + FIXTURE_BYTES - 4104, &word));
	assert_false(ul_memory_u64(image.memory, FIXTURE_DIRECT + FIXTURE_BYTES - 4096, &word));
}

static void a_core_cut_too_short_is_refused_with_what_is_missing(void **state)
{
	static const uint64_t ranges[] = {0, FIXTURE_BYTES};
	UL_CLEANUP_FREE uint8_t *ram = fixture_ram(false);
	struct ul_buf notes UL_CLEANUP_BUF = {0};
	struct ul_buf bytes UL_CLEANUP_BUF = {0};
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	fixture_notes_all(&notes);
	fixture_elf(&bytes, ram, ranges, UL_ARRAY_LEN(ranges), &notes);
	bytes.len -= 0x250000;
	TEMPORARY file = write_file(&bytes);
	const char *const path = file.path;
	const struct ul_image_options options = {.paths = &path, .paths_len = 1};
	struct ul_error *error = ul_image_open(&options, &image);
	assert_non_null(error);
	assert_int_equal(error->code, UL_ERR_BAD_DATA);
	assert_non_null(strstr(error->message, "page tables"));
	assert_string_equal(error->hint, "bytes of memory cut off the end of the dump (2424832)");
	ul_error_destroy(error);
}

static void vmcoreinfo_is_found_in_memory(void **state)
{
	static const uint64_t ranges[] = {0, FIXTURE_BYTES};
	UL_CLEANUP_FREE uint8_t *ram = fixture_ram(true);
	struct ul_buf notes UL_CLEANUP_BUF = {0};
	struct ul_buf elf UL_CLEANUP_BUF = {0};
	struct ul_buf raw UL_CLEANUP_BUF = {0};
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	struct ul_image bare UL_CLEANUP_IMAGE = {0};
	// Another boot's: its page tables do not close.
	char *stale = (char *)ram + 0x90000;
	memcpy(stale, ram + FIXTURE_NOTE_PHYS, 1024);
	char *root = memmem(stale, 1024, "ffffffff81002000", 16);
	assert_non_null(root);
	root[11] = '5';
	fixture_notes(&notes);
	fixture_elf(&elf, ram, ranges, UL_ARRAY_LEN(ranges), &notes);
	opens(&elf, &image);
	assert_true(trusts(&image, "VMCOREINFO found in memory"));
	check(&image, ram);
	ul_buf_add(&raw, ram, FIXTURE_BYTES);
	opens(&raw, &bare);
	assert_string_equal(bare.kind, "raw");
	check(&bare, ram);
}

static void kdump_is_read_in_every_compression(void **state)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(image_packers); i++) {
		const struct image_packer *packer = &image_packers[i];
		UL_CLEANUP_FREE uint8_t *ram = fixture_ram(false);
		struct ul_buf notes UL_CLEANUP_BUF = {0};
		struct ul_buf file UL_CLEANUP_BUF = {0};
		struct ul_image image UL_CLEANUP_IMAGE = {0};
		fixture_notes_all(&notes);
		// A page that does not shrink is stored.
		fixture_kdump(&file, ram, NULL, 0, 1024, false, packer->flag, packer->pack, &notes);
		opens(&file, &image);
		assert_string_equal(image.kind, "kdump");
		assert_int_equal(image.bytes, FIXTURE_BYTES);
		assert_int_equal(image.cpus.len, 2);
		check(&image, ram);
	}
}

static void a_compression_not_built_in_is_named(void **state)
{
	static const uint32_t flags[] = {UL_COMPRESSION_ZLIB, UL_COMPRESSION_LZO,
					 UL_COMPRESSION_SNAPPY, UL_COMPRESSION_ZSTD};
	UL_CLEANUP_FREE uint8_t *ram = fixture_ram(false);
	struct ul_buf notes UL_CLEANUP_BUF = {0};
	fixture_notes_all(&notes);
	for (size_t i = 0; i < UL_ARRAY_LEN(flags); i++) {
		const char *missing = ul_compression_missing(flags[i]);
		struct ul_buf file UL_CLEANUP_BUF = {0};
		fixture_kdump(&file, ram, NULL, 0, 1024, false, flags[i], NULL, &notes);
		if (missing)
			refuses(&file, UL_ERR_UNSUPPORTED, missing);
	}
	// zlib is always there.
	assert_null(ul_compression_missing(UL_COMPRESSION_ZLIB));
}

static void pages_left_out_of_a_kdump_are_holes(void **state)
{
	UL_CLEANUP_FREE uint8_t *ram = fixture_ram(false);
	struct ul_buf notes UL_CLEANUP_BUF = {0};
	struct ul_buf file UL_CLEANUP_BUF = {0};
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	uint8_t dumped[128];
	fixture_notes_all(&notes);
	// Page frames 0x350 to 0x3ff but for 0x37f are not there.
	memset(dumped, 0xff, sizeof(dumped));
	memset(dumped + 0x350 / 8, 0, (0x400 - 0x350) / 8);
	dumped[0x37f / 8] = 0x80;
	fixture_kdump(&file, ram, dumped, 0, 1024, false, 1, fixture_zlib, &notes);
	opens(&file, &image);
	assert_int_equal(image.bytes, (0x350 + 1) * FIXTURE_PAGE);
	assert_int_equal(image.ram.len, 1);
	assert_int_equal(image.ram.data[0].end, FIXTURE_BYTES);
	uint64_t word;
	assert_true(ul_memory_u64(image.physical, 0x34f000, &word));
	assert_false(ul_memory_u64(image.physical, 0x350000, &word));
	assert_true(ul_memory_u64(image.physical, 0x37f008, &word));
	assert_int_equal(word, FIXTURE_WORD(0x37f008ULL));
	assert_false(ul_memory_u64(image.physical, 0x380000, &word));
}

static void a_flattened_file_is_read_as_it_is(void **state)
{
	UL_CLEANUP_FREE uint8_t *ram = fixture_ram(false);
	struct ul_buf notes UL_CLEANUP_BUF = {0};
	struct ul_buf file UL_CLEANUP_BUF = {0};
	fixture_notes_all(&notes);
	fixture_kdump(&file, ram, NULL, 0, 1024, false, 1, fixture_zlib, &notes);
	// Pieces that end within headers, descriptors and pages.
	static const uint64_t steps[] = {1 << 16, 4099, 997};
	for (size_t i = 0; i < UL_ARRAY_LEN(steps); i++) {
		struct ul_buf flat UL_CLEANUP_BUF = {0};
		struct ul_image image UL_CLEANUP_IMAGE = {0};
		fixture_flatten(&flat, &file, steps[i]);
		opens(&flat, &image);
		check(&image, ram);
	}
}

static void a_split_dump_is_read_from_all_its_files(void **state)
{
	UL_CLEANUP_FREE uint8_t *ram = fixture_ram(false);
	struct ul_buf notes UL_CLEANUP_BUF = {0};
	struct ul_buf first UL_CLEANUP_BUF = {0};
	struct ul_buf second UL_CLEANUP_BUF = {0};
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	struct ul_image half UL_CLEANUP_IMAGE = {0};
	fixture_notes_all(&notes);
	fixture_kdump(&first, ram, NULL, 0, 777, true, 1, fixture_zlib, &notes);
	fixture_kdump(&second, ram, NULL, 777, 1024, true, 1, fixture_zlib, &notes);
	TEMPORARY one = write_file(&first);
	TEMPORARY two = write_file(&second);
	const char *const paths[] = {two.path, one.path};
	assert_null(open_image(paths, 2, &image));
	assert_int_equal(image.bytes, FIXTURE_BYTES);
	assert_int_equal(image.losses.items.len, 0);
	check(&image, ram);
	assert_null(open_image(paths + 1, 1, &half));
	assert_int_equal(half.losses.items.len, 1);
	assert_int_equal(half.losses.items.data[0].count, 1024 - 777);
}

static void libkdumpfile_reads_the_same(void **state)
{
	// An ELF core: of the library's 0.5.1, a kdump-compressed dump frees memory never set.
	static const uint64_t ranges[] = {0, FIXTURE_BYTES};
	UL_CLEANUP_FREE uint8_t *ram = fixture_ram(false);
	struct ul_buf notes UL_CLEANUP_BUF = {0};
	struct ul_buf bytes UL_CLEANUP_BUF = {0};
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	struct ul_image_file file UL_CLEANUP_IMAGE_FILE = {0};
	struct ul_dump dump = {0};
	if (!ul_kdumpfile_built_in())
		skip();
	fixture_notes_all(&notes);
	fixture_elf(&bytes, ram, ranges, UL_ARRAY_LEN(ranges), &notes);
	TEMPORARY temporary = write_file(&bytes);
	assert_null(ul_image_file_open(temporary.path, &file));
	struct ul_error *error = ul_kdumpfile_open(&file, 1, &image, &dump);
	if (error)
		fail_msg("%s", error->message);
	assert_non_null(image.vmcoreinfo);
	assert_null(ul_image_bootstrap(&image, &dump));
	assert_string_equal(image.kind, "kdumpfile");
	check(&image, ram);
}

struct reader {
	struct ul_memory *memory;
	const uint8_t *ram;
	bool good;
};

static void *read_everything(void *argument)
{
	struct reader *reader = argument;
	reader->good = true;
	for (uint64_t phys = 0; phys < FIXTURE_BYTES; phys += FIXTURE_PAGE) {
		size_t got = 0;
		const void *page = ul_memory_map(reader->memory, phys, &got);
		reader->good = reader->good && page && got >= FIXTURE_PAGE &&
			       !memcmp(page, reader->ram + phys, FIXTURE_PAGE);
	}
	return NULL;
}

static void threads_may_read_a_kdump_at_once(void **state)
{
	UL_CLEANUP_FREE uint8_t *ram = fixture_ram(false);
	struct ul_buf notes UL_CLEANUP_BUF = {0};
	struct ul_buf file UL_CLEANUP_BUF = {0};
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	pthread_t threads[4];
	struct reader readers[4];
	fixture_notes_all(&notes);
	fixture_kdump(&file, ram, NULL, 0, 1024, false, 1, fixture_zlib, &notes);
	opens(&file, &image);
	assert_true(image.physical->concurrent);
	for (size_t i = 0; i < 4; i++) {
		readers[i] = (struct reader){image.physical, ram, false};
		assert_int_equal(pthread_create(&threads[i], NULL, read_everything, &readers[i]),
				 0);
	}
	for (size_t i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_true(readers[i].good);
	}
}

static void what_is_no_dump_is_refused(void **state)
{
	struct ul_buf file UL_CLEANUP_BUF = {0};
	ul_buf_puts(&file, "slabinfo - version: 2.1\n");
	refuses(&file, UL_ERR_UNSUPPORTED, "not a memory image");
	ul_buf_clear(&file);
	fixture_at(&file, 2 << 20, NULL, 0);
	refuses(&file, UL_ERR_BAD_DATA, "no VMCOREINFO");
	ul_buf_clear(&file);
	ul_buf_puts(&file, "KDUMP   ");
	refuses(&file, UL_ERR_BAD_DATA, "cut off");
	ul_buf_clear(&file);
	ul_buf_puts(&file, ELFMAG);
	refuses(&file, UL_ERR_BAD_DATA, "ELF header");
}

static void page_tables_that_do_not_close_are_refused(void **state)
{
	static const uint64_t ranges[] = {0, FIXTURE_BYTES};
	UL_CLEANUP_FREE uint8_t *ram = fixture_ram(false);
	struct ul_buf notes UL_CLEANUP_BUF = {0};
	struct ul_buf file UL_CLEANUP_BUF = {0};
	fixture_notes_all(&notes);
	fixture_put(ram, 0x5000 + 8 * fixture_index(FIXTURE_TEXT, 2), 0x000000 | 0xe3);
	fixture_elf(&file, ram, ranges, UL_ARRAY_LEN(ranges), &notes);
	refuses(&file, UL_ERR_BAD_DATA, "map _stext (0xffffffff81000000) to 0, not to 0x200000");
}

static void a_direct_map_that_does_not_fit_memory_is_refused(void **state)
{
	static const uint64_t ranges[] = {0, FIXTURE_BYTES};
	UL_CLEANUP_FREE uint8_t *ram = fixture_ram(false);
	struct ul_buf notes UL_CLEANUP_BUF = {0};
	struct ul_buf file UL_CLEANUP_BUF = {0};
	fixture_notes_all(&notes);
	fixture_put(ram, 0x3008, 0);
	fixture_elf(&file, ram, ranges, UL_ARRAY_LEN(ranges), &notes);
	refuses(&file, UL_ERR_BAD_DATA, "direct map");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_elf_core_is_read),
		cmocka_unit_test(a_core_cut_short_is_read_and_says_so),
		cmocka_unit_test(a_core_cut_too_short_is_refused_with_what_is_missing),
		cmocka_unit_test(vmcoreinfo_is_found_in_memory),
		cmocka_unit_test(kdump_is_read_in_every_compression),
		cmocka_unit_test(a_compression_not_built_in_is_named),
		cmocka_unit_test(pages_left_out_of_a_kdump_are_holes),
		cmocka_unit_test(a_flattened_file_is_read_as_it_is),
		cmocka_unit_test(a_split_dump_is_read_from_all_its_files),
		cmocka_unit_test(libkdumpfile_reads_the_same),
		cmocka_unit_test(threads_may_read_a_kdump_at_once),
		cmocka_unit_test(what_is_no_dump_is_refused),
		cmocka_unit_test(page_tables_that_do_not_close_are_refused),
		cmocka_unit_test(a_direct_map_that_does_not_fit_memory_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
