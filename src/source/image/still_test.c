// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "source/image/still.h"

#define BASE UINT64_C(0xffff888000000000)

enum { PAGE = 4096, PAGES = 512, HOLE = 100 };

/** A kernel's memory that can be read, not mapped; page HOLE cannot be read. */
struct source {
	struct ul_memory memory;
	uint8_t bytes[PAGES * PAGE];
	uint64_t reads;
};

static struct ul_error *source_read(struct ul_memory *memory, uint64_t kaddr, void *buffer,
				    size_t len, size_t *ret_read)
{
	struct source *source = (struct source *)memory;
	const uint64_t hole = BASE + (uint64_t)HOLE * PAGE;
	const uint64_t end = BASE + sizeof(source->bytes);
	__atomic_fetch_add(&source->reads, 1, __ATOMIC_RELAXED);
	*ret_read = 0;
	if (kaddr < BASE || kaddr >= end || kaddr - hole < PAGE)
		return NULL;
	if (len > end - kaddr)
		len = end - kaddr;
	if (kaddr < hole && len > hole - kaddr)
		len = hole - kaddr;
	memcpy(buffer, source->bytes + (kaddr - BASE), len);
	*ret_read = len;
	return NULL;
}

static void source_destroy(struct ul_memory *memory)
{
	(void)memory;
}

static const struct ul_memory_ops source_ops = {.read = source_read, .destroy = source_destroy};

static struct source *make(struct ul_image *image)
{
	struct source *source = calloc(1, sizeof(*source));
	assert_non_null(source);
	source->memory = (struct ul_memory){.ops = &source_ops, .concurrent = true};
	for (size_t i = 0; i < PAGES; i++)
		memset(source->bytes + i * PAGE, (int)(i & 0xff), PAGE);
	*image = (struct ul_image){.live = true, .memory = &source->memory};
	image->space = (struct ul_address_space){
		.page_bytes = PAGE, .page_offset = BASE, .max_pfn = PAGES};
	return source;
}

static struct ul_range pages(uint64_t first, uint64_t end)
{
	return (struct ul_range){BASE + first * PAGE, BASE + end * PAGE};
}

static uint8_t byte_at(struct ul_image *image, uint64_t page)
{
	uint8_t byte = 0xee;
	size_t got = 0;
	assert_null(ul_memory_read(image->memory, BASE + page * PAGE + 7, &byte, 1, &got));
	assert_int_equal(got, 1);
	return byte;
}

static void what_is_in_the_picture_stands_still(void **state)
{
	(void)state;
	struct ul_image image;
	struct source *source = make(&image);
	// One page within another range, one behind the other, and a range that is no whole page.
	const struct ul_range ranges[] = {pages(2, 90),
					  pages(90, 92),
					  pages(200, 400),
					  {BASE + 410 * PAGE + 64, BASE + 410 * PAGE + 128}};
	struct ul_still_work work;
	size_t run = 0;
	assert_null(ul_image_still_take(&image, ranges, 4, UINT64_MAX, &work));
	assert_int_equal(work.bytes, (88 + 2 + 200 + 1) * PAGE);
	assert_int_equal(work.left_out, 0);
	assert_int_equal(image.memory->left_out_from, 0);
	memset(source->bytes, 0xff, sizeof(source->bytes));
	const uint64_t reads = source->reads;
	assert_int_equal(byte_at(&image, 2), 2);
	assert_int_equal(byte_at(&image, 91), 91);
	assert_int_equal(byte_at(&image, 399), 399 & 0xff);
	assert_int_equal(byte_at(&image, 410), 410 & 0xff);
	assert_int_equal(source->reads, reads);
	assert_int_equal(byte_at(&image, 1), 0xff);   // not in it: read live
	assert_int_equal(byte_at(&image, 400), 0xff); // nor this one
	const uint8_t *mapped = ul_memory_map(image.memory, BASE + 89 * PAGE, &run);
	assert_non_null(mapped);
	assert_true(run > PAGE); // neighbours are neighbours in the copy
	assert_int_equal(mapped[PAGE], 90);
	assert_null(ul_memory_map(image.memory, BASE + 92 * PAGE, &run));
	ul_image_still_drop(&image);
	assert_ptr_equal(image.memory, &source->memory);
	assert_int_equal(byte_at(&image, 2), 0xff);
	free(source);
}

static void a_page_that_cannot_be_read_is_not_in_it(void **state)
{
	(void)state;
	struct ul_image image;
	struct source *source = make(&image);
	const struct ul_range range = pages(0, PAGES);
	struct ul_still_work work;
	uint8_t byte;
	size_t run = 0;
	size_t got = 1;
	assert_null(ul_image_still_take(&image, &range, 1, UINT64_MAX, &work));
	assert_null(ul_memory_map(image.memory, BASE + HOLE * PAGE, &run));
	assert_null(ul_memory_read(image.memory, BASE + HOLE * PAGE, &byte, 1, &got));
	assert_int_equal(got, 0);
	memset(source->bytes, 0xff, sizeof(source->bytes));
	assert_int_equal(byte_at(&image, HOLE - 1), HOLE - 1);
	assert_int_equal(byte_at(&image, HOLE + 1), HOLE + 1); // what is behind the hole is there
	ul_image_still_drop(&image);
	free(source);
}

static void what_is_beyond_the_budget_is_read_live(void **state)
{
	(void)state;
	struct ul_image image;
	struct source *source = make(&image);
	const struct ul_range ranges[] = {pages(0, 4), pages(10, 300)};
	struct ul_still_work work;
	assert_null(ul_image_still_take(&image, ranges, 2, 70 * PAGE, &work));
	assert_true(work.bytes <= 70 * PAGE);
	assert_int_equal(work.bytes + work.left_out, (4 + 290) * PAGE);
	// 4 + 60 are copied, another 64 are too many
	assert_int_equal(image.memory->left_out_from, BASE + 10 * PAGE + (work.bytes - 4 * PAGE));
	memset(source->bytes, 0xff, sizeof(source->bytes));
	assert_int_equal(byte_at(&image, 3), 3);
	assert_int_equal(byte_at(&image, 299), 0xff);
	ul_image_still_drop(&image);
	free(source);
}

static void a_picture_outlives_the_looking_at_it(void **state)
{
	(void)state;
	struct ul_image image;
	struct source *source = make(&image);
	const struct ul_range range = pages(5, 7);
	struct ul_still_work work;
	struct ul_memory *before = NULL;
	uint8_t byte = 0;
	size_t got = 0;
	ul_image_still_part(&image, &before);
	assert_null(before); // there was none
	assert_null(ul_image_still_take(&image, &range, 1, UINT64_MAX, &work));
	ul_image_still_part(&image, &before);
	assert_ptr_equal(image.memory, &source->memory);
	source->bytes[5 * PAGE] = 0xff;
	assert_null(ul_memory_read(before, BASE + 5 * PAGE, &byte, 1, &got));
	assert_int_equal(byte, 5);
	assert_null(ul_memory_read(before, BASE + 9 * PAGE, &byte, 1, &got));
	assert_int_equal(got, 0); // nobody knows
	ul_memory_destroy(before);
	free(source);
}

static void a_dump_needs_none(void **state)
{
	(void)state;
	struct ul_image image;
	struct source *source = make(&image);
	const struct ul_range range = pages(0, PAGES);
	struct ul_still_work work;
	image.live = false;
	assert_null(ul_image_still_take(&image, &range, 1, UINT64_MAX, &work));
	assert_ptr_equal(image.memory, &source->memory);
	assert_int_equal(work.bytes, 0);
	ul_image_still_drop(&image);
	free(source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_the_picture_stands_still),
		cmocka_unit_test(a_page_that_cannot_be_read_is_not_in_it),
		cmocka_unit_test(what_is_beyond_the_budget_is_read_live),
		cmocka_unit_test(a_picture_outlives_the_looking_at_it),
		cmocka_unit_test(a_dump_needs_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
