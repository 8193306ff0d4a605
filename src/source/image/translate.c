// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kernel virtual addresses to physical ones, by the kernel's own page tables.
 *
 * Tables are read out of the image itself and may be damaged: an entry that points anywhere only
 * leads to a read that fails or to nonsense, the number of steps is the number of levels.
 *
 * x86_64 (Intel SDM volume 3, 4.5; Linux arch/x86/include/asm/pgtable_types.h): 4 or 5 levels of
 * 512 entries; bit 0 present, bit 7 in levels 2 and 3 a page of 2 MiB or 1 GiB. With SME the
 * encryption bit is part of every entry and no address (sme_mask). Entries that are not present but
 * PROT_NONE (bit 8) do not occur in the kernel's half.
 *
 * arm64 (ARM ARM D8.3; Linux arch/arm64/include/asm/pgtable-hwdef.h): granules of 4, 16 and 64 KiB;
 * bits 0-1 are 3 for a table or, in the last level, a page, and 1 for a block. 52-bit physical
 * addresses keep their upper bits in 15..12 (64 KiB, LPA) or in 9..8 (4 and 16 KiB, LPA2, where
 * bits 49..48 are address as well).
 */
#include "source/image/image_internal.h"

enum {
	X86_PRESENT = 1 << 0,
	X86_LARGE = 1 << 7,
	ARM_VALID = 1 << 0,
	ARM_TABLE = 1 << 1,
	ENTRY_BYTES = 8,
};

/* Bits [low, high). */
static uint64_t bits_of(unsigned int low, unsigned int high)
{
	const uint64_t upper = high >= 64 ? UINT64_MAX : (1ULL << high) - 1;
	return upper & ~((1ULL << low) - 1);
}

static unsigned int shift_of(const struct ul_page_tables *tables, unsigned int level)
{
	return tables->page_shift + (level - 1) * (tables->page_shift - 3);
}

static uint64_t x86_address(const struct ul_page_tables *tables, uint64_t entry)
{
	return entry & bits_of(12, 52) & ~tables->clear;
}

static uint64_t arm64_address(const struct ul_page_tables *tables, uint64_t entry)
{
	if (tables->pa_bits <= 48)
		return entry & bits_of(tables->page_shift, 48);
	if (tables->page_shift == 16)
		return (entry & bits_of(16, 48)) | (entry >> 12 & 0xf) << 48;
	return (entry & bits_of(tables->page_shift, 50)) | (entry >> 8 & 3) << 50;
}

/* What one entry says at @p level (1: of single pages). */
struct entry {
	bool present;
	bool leaf;
	uint64_t phys; /**< of the page or of the next table */
};

static struct entry decode(const struct ul_page_tables *tables, uint64_t word, unsigned int level)
{
	if (tables->arch == UL_ARCH_X86_64)
		return (struct entry){
			.present = word & X86_PRESENT,
			.leaf = level == 1 || (level <= 3 && word & X86_LARGE),
			.phys = x86_address(tables, word),
		};
	const bool table = word & ARM_TABLE;
	return (struct entry){
		// In the last level only 3 is a page; 1 is reserved there.
		.present = word & ARM_VALID && (level > 1 || table),
		.leaf = level == 1 || !table,
		.phys = arm64_address(tables, word),
	};
}

static bool read_entry(struct ul_memory *physical, uint64_t phys, uint64_t *ret)
{
	size_t run = 0;
	const void *bytes = ul_memory_map(physical, phys, &run);
	if (!bytes || run < ENTRY_BYTES)
		return ul_memory_u64(physical, phys, ret);
	// The tables of a live kernel change; one load is one entry.
	*ret = __atomic_load_n((const uint64_t *)bytes, __ATOMIC_RELAXED);
	return true;
}

bool ul_page_tables_walk(const struct ul_page_tables *tables, struct ul_memory *physical,
			 uint64_t kaddr, struct ul_mapping_run *ret)
{
	uint64_t table = tables->root;
	for (unsigned int level = tables->levels; level > 0; level--) {
		const unsigned int shift = shift_of(tables, level);
		// The top table may be shorter than a page: va_bits ends it.
		const unsigned int top =
			level == tables->levels ? tables->va_bits : shift + tables->page_shift - 3;
		const uint64_t index = (kaddr & bits_of(shift, top)) >> shift;
		const uint64_t size = 1ULL << shift;
		const uint64_t left = size - (kaddr & (size - 1));
		uint64_t word;
		if (!read_entry(physical, table + index * ENTRY_BYTES, &word))
			return false;
		const struct entry entry = decode(tables, word, level);
		if (!entry.present) {
			*ret = (struct ul_mapping_run){.bytes = left, .page_bytes = size};
			return true;
		}
		if (entry.leaf) {
			*ret = (struct ul_mapping_run){.phys = (entry.phys & ~(size - 1)) |
							       (kaddr & (size - 1)),
						       .bytes = left,
						       .page_bytes = size,
						       .mapped = true};
			return true;
		}
		table = entry.phys;
	}
	return false;
}
