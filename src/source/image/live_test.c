// SPDX-License-Identifier: GPL-2.0-or-later
/* Against the kernel this runs on; skipped where it lets nobody read its memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/image/image.h"
#include "source/image/live_internal.h"

enum { MIB = 1 << 20 };

/* Linux include/uapi/linux/magic.h STACK_END_MAGIC, the lowest word of every kernel stack. */
#define STACK_END_MAGIC 0x57AC6E9DULL

static bool refused(struct ul_error *error)
{
	const bool expected =
		error && (error->code == UL_ERR_UNSUPPORTED || error->code == UL_ERR_PERMISSION);
	assert_true(!error || expected);
	ul_error_destroy(error);
	return expected;
}

struct fixture {
	struct ul_memory *memory;
	struct ul_layout layout;
	struct ul_anchors anchors;
};

static int open_live(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	assert_non_null(fixture);
	*state = fixture;
	if (refused(ul_live_bpf_open(&fixture->memory)))
		return 0;
	assert_true(ul_live_bpf_anchors(fixture->memory, &fixture->anchors));
	refused(ul_layout_find(fixture->memory, NULL, &fixture->layout));
	return 0;
}

static int close_live(void **state)
{
	struct fixture *fixture = *state;
	ul_layout_deinit(&fixture->layout);
	ul_memory_destroy(fixture->memory);
	free(fixture);
	return 0;
}

static void the_running_task_lies_in_the_cache_task_struct(void **state)
{
	const struct fixture *fixture = *state;
	if (!fixture->layout.how)
		skip();
	char name[64] = "";
	assert_true(ul_layout_cache_name(fixture->memory, &fixture->layout, fixture->anchors.task,
					 name, sizeof(name)));
	assert_string_equal(name, "task_struct");
}

static void the_stack_page_converts_to_where_the_stack_ends(void **state)
{
	const struct fixture *fixture = *state;
	if (!fixture->layout.how)
		skip();
	const uint64_t kaddr =
		ul_layout_page_to_virt(&fixture->layout, fixture->anchors.stack_page);
	uint64_t word = 0;
	assert_true(ul_memory_u64(fixture->memory, kaddr, &word));
	assert_int_equal(word, STACK_END_MAGIC);
}

static void a_page_of_this_process_is_read_through_the_direct_map(void **state)
{
	const struct fixture *fixture = *state;
	UL_CLEANUP_CLOSE const int fd = open("/proc/self/pagemap", O_RDONLY);
	if (!fixture->layout.how || fd < 0)
		skip();
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(page, MAP_FAILED);
	for (int i = 0; i < 4096; i++)
		page[i] = (char)(i * 7 + i / 256);
	uint64_t entry = 0;
	assert_int_equal(pread(fd, &entry, 8, (off_t)((uintptr_t)page / 4096 * 8)), 8);
	char copy[4096];
	size_t got = 0;
	assert_null(ul_memory_read(fixture->memory,
				   fixture->layout.page_offset + (entry & ~(~0ULL << 55)) * 4096,
				   copy, sizeof(copy), &got));
	assert_int_equal(got, 4096);
	assert_memory_equal(copy, page, 4096);
	munmap(page, 4096);
}

static void a_read_ends_at_the_page_before_a_hole(void **state)
{
	const struct fixture *fixture = *state;
	if (!fixture->layout.how)
		skip();
	// The page array is mapped from its base without a gap up to some page; find that by single
	// reads of a word per page, then cross it by reads of many sizes.
	uint64_t word;
	uint64_t hole = fixture->layout.vmemmap;
	while (hole - fixture->layout.vmemmap < 512ULL * MIB &&
	       ul_memory_u64(fixture->memory, hole, &word))
		hole += 4096;
	if (hole - fixture->layout.vmemmap < 2 * MIB ||
	    hole - fixture->layout.vmemmap >= 512ULL * MIB)
		skip();
	UL_CLEANUP_FREE uint8_t *buffer = malloc(2 * MIB);
	assert_non_null(buffer);
	const size_t before[] = {0, 1, 8, 4095, 4096, 4097, 100000, 262144, 262145, MIB};
	const size_t beyond[] = {1, 4096, 300000, MIB};
	for (size_t i = 0; i < UL_ARRAY_LEN(before); i++)
		for (size_t j = 0; j < UL_ARRAY_LEN(beyond); j++) {
			size_t got = 1;
			assert_null(ul_memory_read(fixture->memory, hole - before[i], buffer,
						   before[i] + beyond[j], &got));
			assert_int_equal(got, before[i]);
		}
}

static void addresses_that_are_nowhere_read_as_nothing(void **state)
{
	const struct fixture *fixture = *state;
	if (!fixture->memory)
		skip();
	uint8_t buffer[64];
	size_t got = 1;
	assert_null(ul_memory_read(fixture->memory, 0, buffer, sizeof(buffer), &got));
	assert_int_equal(got, 0);
	got = 1;
	assert_null(ul_memory_read(fixture->memory, UINT64_MAX - 7, buffer, sizeof(buffer), &got));
	assert_int_equal(got, 0);
	got = 1;
	assert_null(ul_memory_read(fixture->memory, fixture->anchors.task, buffer, 0, &got));
	assert_int_equal(got, 0);
}

static void the_first_reader_that_works_is_taken(void **state)
{
	UL_CLEANUP_MEMORY struct ul_memory *memory = NULL;
	if (refused(ul_live_open(&memory)))
		skip();
	assert_true(!strcmp(memory->engine, "bpf") || !strcmp(memory->engine, "kcore"));
}

/* Where kallsyms has no variables, those found by what they hold must be what they are called. */
static void variables_without_names_are_found(void **state)
{
	const struct ul_image_options options = {0};
	struct ul_image image UL_CLEANUP_IMAGE = {0};
	uint64_t task;
	uint64_t word;
	struct ul_place comm;
	char name[16] = {0};
	size_t got = 0;
	if (refused(ul_image_open(&options, &image)))
		skip();
	bool unnamed = false;
	ul_vec_foreach (loss, &image.losses.items)
		unnamed = unnamed || strstr(loss->what, "CONFIG_KALLSYMS_ALL");
	if (!unnamed || !image.types)
		skip();
	assert_true(ul_symtab_address(image.symtab, "init_task", &task));
	assert_true(ul_types_place(image.types, "task_struct", "comm", &comm));
	assert_null(ul_memory_read(image.memory, task + comm.offset, name, sizeof(name), &got));
	assert_memory_equal(name, "swapper", 7);
	// The direct map, found in another way, is where the per-CPU areas lie.
	uint64_t base;
	uint64_t pfn;
	assert_true(ul_symtab_address(image.symtab, "pcpu_base_addr", &base));
	assert_true(ul_memory_u64(image.memory, base, &word));
	assert_true(ul_space_direct_pfn(&image.space, word, &pfn));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_running_task_lies_in_the_cache_task_struct),
		cmocka_unit_test(the_stack_page_converts_to_where_the_stack_ends),
		cmocka_unit_test(a_page_of_this_process_is_read_through_the_direct_map),
		cmocka_unit_test(a_read_ends_at_the_page_before_a_hole),
		cmocka_unit_test(addresses_that_are_nowhere_read_as_nothing),
		cmocka_unit_test(the_first_reader_that_works_is_taken),
		cmocka_unit_test(variables_without_names_are_found),
	};
	return cmocka_run_group_tests(tests, open_live, close_live);
}
