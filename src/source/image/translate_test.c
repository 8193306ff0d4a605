// SPDX-License-Identifier: GPL-2.0-or-later
/* Page tables by hand, for both architectures and all granules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <string.h>

#include "source/image/image_internal.h"

enum { RAM_BYTES = 16 << 16 };

/** Physical memory in an array. */
struct ram {
	struct ul_memory memory;
	uint64_t words[RAM_BYTES / 8];
};

static struct ul_error *ram_read(struct ul_memory *memory, uint64_t phys, void *buffer, size_t len,
				 size_t *ret_read)
{
	const struct ram *ram = (const struct ram *)memory;
	const size_t left = phys < RAM_BYTES ? (size_t)(RAM_BYTES - phys) : 0;
	*ret_read = left < len ? left : len;
	if (*ret_read)
		memcpy(buffer, (const uint8_t *)ram->words + phys, *ret_read);
	return NULL;
}

static const struct ul_memory_ops ram_ops = {.read = ram_read};

static void begin(struct ram *ram)
{
	memset(ram, 0, sizeof(*ram));
	ram->memory.ops = &ram_ops;
}

static void put(struct ram *ram, uint64_t table, uint64_t index, uint64_t entry)
{
	ram->words[table / 8 + index] = entry;
}

static struct ul_mapping_run walk(struct ram *ram, const struct ul_page_tables *tables,
				  uint64_t kaddr)
{
	struct ul_mapping_run run;
	assert_true(ul_page_tables_walk(tables, &ram->memory, kaddr, &run));
	return run;
}

static void maps(struct ram *ram, const struct ul_page_tables *tables, uint64_t kaddr,
		 uint64_t phys, uint64_t bytes)
{
	const struct ul_mapping_run run = walk(ram, tables, kaddr);
	assert_true(run.mapped);
	assert_int_equal(run.phys, phys);
	assert_int_equal(run.bytes, bytes);
}

static void maps_not(struct ram *ram, const struct ul_page_tables *tables, uint64_t kaddr,
		     uint64_t bytes)
{
	const struct ul_mapping_run run = walk(ram, tables, kaddr);
	assert_false(run.mapped);
	assert_int_equal(run.bytes, bytes);
}

static void x86_64_walks_four_levels_and_large_pages(void **state)
{
	static struct ram ram;
	const struct ul_page_tables tables = {.arch = UL_ARCH_X86_64,
					      .root = 0x1000,
					      .levels = 4,
					      .va_bits = 48,
					      .page_shift = 12,
					      .pa_bits = 52};
	begin(&ram);
	put(&ram, 0x1000, 0x111, 0x2063);
	put(&ram, 0x2000, 0, 0x3063);
	// 1 GiB at 3 GiB; bit 63 (no execute) and bit 12 (PAT) are no address.
	put(&ram, 0x2000, 1, 1ULL << 63 | 3ULL << 30 | 1 << 12 | 0xe3);
	put(&ram, 0x3000, 1, 0x4063);
	put(&ram, 0x3000, 2, 0x600000 | 0xe3);
	// Bit 7 in the last level is PAT, no size.
	put(&ram, 0x4000, 511, 0xabcd000 | 0x80 | 0x63);
	const uint64_t base = 0xffff888000000000;
	maps(&ram, &tables, base + (1ULL << 30) + 0x123, 3 * (1ULL << 30) + 0x123,
	     (1ULL << 30) - 0x123);
	maps(&ram, &tables, base + 0x400010, 0x600010, 0x1ffff0);
	maps(&ram, &tables, base + 0x3ff008, 0xabcd008, 0xff8);
	maps_not(&ram, &tables, base + 0x3fe000, 0x1000);
	maps_not(&ram, &tables, base + 0x600000, 0x200000);
	maps_not(&ram, &tables, base + (2ULL << 30), 1ULL << 30);
	maps_not(&ram, &tables, 0xffff800000000000, 1ULL << 39);
}

static void x86_64_walks_five_levels_and_clears_the_encryption_bit(void **state)
{
	static struct ram ram;
	const uint64_t encrypted = 1ULL << 51;
	const struct ul_page_tables tables = {.arch = UL_ARCH_X86_64,
					      .root = 0x1000,
					      .levels = 5,
					      .va_bits = 57,
					      .page_shift = 12,
					      .pa_bits = 52,
					      .clear = encrypted};
	begin(&ram);
	put(&ram, 0x1000, 0x111, encrypted | 0x2063);
	put(&ram, 0x2000, 3, encrypted | 0x3063);
	put(&ram, 0x3000, 0, encrypted | 0x40000000 | 0xe3);
	maps(&ram, &tables, 0xff11000000000000 + (3ULL << 39) + 5, 0x40000005, (1ULL << 30) - 5);
	maps_not(&ram, &tables, 0xff10000000000000, 1ULL << 48);
}

static void tables_that_lead_out_of_memory_or_in_a_circle_end(void **state)
{
	static struct ram ram;
	struct ul_mapping_run run;
	struct ul_page_tables tables = {.arch = UL_ARCH_X86_64,
					.root = 0x1000,
					.levels = 4,
					.va_bits = 48,
					.page_shift = 12,
					.pa_bits = 52};
	begin(&ram);
	put(&ram, 0x1000, 0x100, 0xfffffffff063);
	assert_false(ul_page_tables_walk(&tables, &ram.memory, 0xffff800000000000, &run));
	// The top table is its own next one: the last level takes it for a page.
	put(&ram, 0x1000, 0x100, 0x1063);
	maps(&ram, &tables, 0xffff804020100008, 0x1008, 0xff8);
	tables.root = UINT64_MAX - 0xfff;
	assert_false(ul_page_tables_walk(&tables, &ram.memory, 0xffff800000000000, &run));
	tables.levels = 0;
	assert_false(ul_page_tables_walk(&tables, &ram.memory, 0xffff800000000000, &run));
}

static void arm64_walks_4_kib_pages_and_blocks(void **state)
{
	static struct ram ram;
	const struct ul_page_tables tables = {.arch = UL_ARCH_ARM64,
					      .root = 0x1000,
					      .levels = 4,
					      .va_bits = 48,
					      .page_shift = 12,
					      .pa_bits = 48};
	begin(&ram);
	put(&ram, 0x1000, 0, 0x2003);
	put(&ram, 0x2000, 0, 0x3003);
	// A block of 1 GiB; bits 9..8 are shareability, bit 54 execute-never.
	put(&ram, 0x2000, 1, 1ULL << 54 | 0x80000000 | 0x701);
	put(&ram, 0x3000, 0, 0x4003);
	put(&ram, 0x3000, 1, 0x600000 | 0x701);
	put(&ram, 0x4000, 1, 0xabcd000 | 0x703);
	// 1 in the last level is no page.
	put(&ram, 0x4000, 2, 0xabce000 | 0x701);
	const uint64_t base = 0xffff000000000000;
	maps(&ram, &tables, base + (1ULL << 30) + 8, 0x80000008, (1ULL << 30) - 8);
	maps(&ram, &tables, base + 0x200000, 0x600000, 0x200000);
	maps(&ram, &tables, base + 0x1010, 0xabcd010, 0xff0);
	maps_not(&ram, &tables, base + 0x2000, 0x1000);
}

static void arm64_walks_39_bits_in_three_levels(void **state)
{
	static struct ram ram;
	const struct ul_page_tables tables = {.arch = UL_ARCH_ARM64,
					      .root = 0x1000,
					      .levels = 3,
					      .va_bits = 39,
					      .page_shift = 12,
					      .pa_bits = 48};
	begin(&ram);
	put(&ram, 0x1000, 511, 0x40000000 | 0x701);
	maps(&ram, &tables, 0xffffffffc0000123, 0x40000123, (1ULL << 30) - 0x123);
}

static void arm64_walks_16_kib_granules(void **state)
{
	static struct ram ram;
	// 47 bits: three levels of 2048 entries.
	const struct ul_page_tables tables = {.arch = UL_ARCH_ARM64,
					      .root = 0x4000,
					      .levels = 3,
					      .va_bits = 47,
					      .page_shift = 14,
					      .pa_bits = 48};
	begin(&ram);
	put(&ram, 0x4000, 1, 0x8003);
	put(&ram, 0x8000, 0, 0xc003);
	put(&ram, 0x8000, 2, 0x2000000 | 0x701);
	put(&ram, 0xc000, 5, 0x1230000 | 0x703);
	const uint64_t base = 0xffff800000000000 + (1ULL << 36);
	maps(&ram, &tables, base + 5 * 0x4000 + 1, 0x1230001, 0x3fff);
	maps(&ram, &tables, base + 2 * (1 << 25), 0x2000000, 1 << 25);
	maps_not(&ram, &tables, base + (1 << 25), 1 << 25);
}

static void arm64_walks_64_kib_granules_with_52_bits(void **state)
{
	static struct ram ram;
	// 52 bits of address: the top table has 1024 entries of 42 bits each.
	const struct ul_page_tables tables = {.arch = UL_ARCH_ARM64,
					      .root = 0x10000,
					      .levels = 3,
					      .va_bits = 52,
					      .page_shift = 16,
					      .pa_bits = 52};
	begin(&ram);
	put(&ram, 0x10000, 1023, 0x20003);
	put(&ram, 0x20000, 7, 0x30003);
	put(&ram, 0x20000, 8, 0x40000000 | 0x701);
	// Bits 15..12 are bits 51..48 of the address.
	put(&ram, 0x30000, 9, 0x50000 | 0xa000 | 0x703);
	const uint64_t base = 0xfffffc0000000000;
	maps(&ram, &tables, base + (7ULL << 29) + 9 * 0x10000 + 4, 0xa000000050004, 0xfffc);
	maps(&ram, &tables, base + (8ULL << 29), 0x40000000, 1 << 29);
	// A 48-bit address is in the last 64 entries of the same table.
	maps_not(&ram, &tables, 0xffff000000000000, 1ULL << 42);
}

static void arm64_walks_4_kib_granules_with_52_bits(void **state)
{
	static struct ram ram;
	// LPA2: five levels, the top one of 16 entries; bits 9..8 are bits 51..50 of the address.
	const struct ul_page_tables tables = {.arch = UL_ARCH_ARM64,
					      .root = 0x1000,
					      .levels = 5,
					      .va_bits = 52,
					      .page_shift = 12,
					      .pa_bits = 52};
	begin(&ram);
	put(&ram, 0x1000, 15, 0x2003);
	put(&ram, 0x2000, 0, 0x3003);
	put(&ram, 0x3000, 0, 1ULL << 49 | 0x40000000 | 0x301);
	maps(&ram, &tables, 0xffff000000000000 + 16, 0xe000040000010, (1ULL << 30) - 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x86_64_walks_four_levels_and_large_pages),
		cmocka_unit_test(x86_64_walks_five_levels_and_clears_the_encryption_bit),
		cmocka_unit_test(tables_that_lead_out_of_memory_or_in_a_circle_end),
		cmocka_unit_test(arm64_walks_4_kib_pages_and_blocks),
		cmocka_unit_test(arm64_walks_39_bits_in_three_levels),
		cmocka_unit_test(arm64_walks_16_kib_granules),
		cmocka_unit_test(arm64_walks_64_kib_granules_with_52_bits),
		cmocka_unit_test(arm64_walks_4_kib_granules_with_52_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
