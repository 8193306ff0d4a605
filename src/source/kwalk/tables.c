// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Page tables that carry no mark. User tables of the lower levels have a page type of their own;
 * those of the kernel, and the upper levels of everybody, had none for most of the kernel's life.
 * What refers to them is a physical address with flags in it, so to a search for pointers they look
 * lost. They are found as the processor finds them: from the top tables of the kernel, of EFI and
 * of each process, down.
 *
 * Each table is read once, whatever points to it, and those of the last level not at all. Not
 * known: tables of guests and of IOMMUs.
 */
#include <stdlib.h>
#include <string.h>

#include "source/kwalk/kwalk_internal.h"

enum { LEVELS_MAX = 5, ENTRIES_MAX = 8192 };

#define ADDRESS_MASK UINT64_C(0x000ffffffffff000)

struct tables {
	struct ul_kwalk *walk;
	bool arm64;
	unsigned int levels;
	uint64_t *seen;		    /**< one bit a page frame */
	UL_VEC(uint64_t) now, next; /**< tables of this level, and of the one below */
};

static void tables_deinit(struct tables *tables)
{
	free(tables->seen);
	ul_vec_deinit(&tables->now);
	ul_vec_deinit(&tables->next);
}

/** An entry that leads to a table, not to a page. */
static bool leads_to_table(const struct tables *tables, uint64_t entry)
{
	// Linux arch/x86/include/asm/pgtable_types.h _PAGE_PRESENT, _PAGE_PSE;
	// arch/arm64/include/asm/pgtable-hwdef.h PMD_TYPE_TABLE.
	return tables->arm64 ? (entry & 3) == 3 : (entry & 0x81) == 1;
}

static bool first_visit(struct tables *tables, uint64_t pfn)
{
	const uint64_t bit = UINT64_C(1) << pfn % 64;
	if (pfn >= tables->walk->heap->space.max_pfn || tables->seen[pfn / 64] & bit)
		return false;
	tables->seen[pfn / 64] |= bit;
	return true;
}

/** Puts the tables that table @p pfn leads to on the next level's list. */
static struct ul_error *read_table(struct tables *tables, uint64_t pfn)
{
	const struct ul_address_space *space = &tables->walk->heap->space;
	uint64_t entries[ENTRIES_MAX];
	if (space->page_bytes > sizeof(entries) ||
	    !ul_kwalk_read(tables->walk, ul_space_pfn_kaddr(space, pfn), entries,
			   space->page_bytes))
		return NULL;
	for (size_t i = 0; i < space->page_bytes / sizeof(*entries); i++) {
		const uint64_t below = (entries[i] & ADDRESS_MASK) / space->page_bytes;
		if (leads_to_table(tables, entries[i]) && first_visit(tables, below) &&
		    !ul_vec_push(&tables->next, below))
			return &ul_enomem;
	}
	return NULL;
}

/** Everything below the top table at @p kaddr. */
static struct ul_error *descend(struct tables *tables, uint64_t kaddr)
{
	struct ul_kwalk *walk = tables->walk;
	const struct ul_address_space *space = &walk->heap->space;
	uint64_t pfn;
	uint64_t phys;
	uint64_t run;
	if (!ul_space_direct_pfn(space, kaddr, &pfn)) {
		if (!ul_memory_phys(walk->memory, kaddr, &phys, &run))
			return NULL;
		pfn = phys / space->page_bytes;
	}
	if (!first_visit(tables, pfn))
		return NULL;
	tables->now.len = 0;
	if (!ul_vec_push(&tables->now, pfn))
		return &ul_enomem;
	for (unsigned int level = tables->levels; level; level--) {
		tables->next.len = 0;
		ul_vec_foreach (table, &tables->now) {
			ul_kwalk_claim(walk, ul_space_pfn_kaddr(space, *table), space->page_bytes,
				       UL_FRAME_TABLE);
			if (level > 1)
				UL_TRY(read_table(tables, *table));
		}
		const __auto_type done = tables->now;
		memcpy(&tables->now, &tables->next, sizeof(tables->now));
		memcpy(&tables->next, &done, sizeof(tables->next));
	}
	return NULL;
}

/** Levels of the tables; 0: an architecture that is not known here. */
static unsigned int count_levels(const struct ul_kwalk *walk, bool arm64)
{
	int64_t five = 0;
	int64_t bits = 48;
	uint32_t variable = 0;
	if (arm64) {
		const unsigned int shift =
			(unsigned int)__builtin_ctz(walk->heap->space.page_bytes);
		if (!ul_image_vmcoreinfo(walk->image, "NUMBER(VA_BITS)", &bits) || bits < 36 ||
		    bits > 52)
			bits = 48;
		return ((unsigned int)bits - shift + shift - 4) / (shift - 3);
	}
	if (strcmp(walk->image->kernel.arch, "x86_64") != 0)
		return 0;
	ul_image_vmcoreinfo(walk->image, "NUMBER(pgtable_l5_enabled)", &five);
	if (!five && ul_kwalk_variable32(walk, "__pgtable_l5_enabled", &variable))
		five = variable;
	return five == 1 ? 5 : 4;
}

/**
 * With page table isolation a process has two top tables in one block of two pages, of which the
 * second is not counted by itself: Linux arch/x86/mm/pgtable.c PGD_ALLOCATION_ORDER.
 */
static void claim_second(struct ul_kwalk *walk, uint64_t top)
{
	const struct ul_address_space *space = &walk->heap->space;
	uint64_t pfn;
	if (!ul_space_direct_pfn(space, top, &pfn) || pfn % 2 || pfn + 1 >= space->max_pfn)
		return;
	const uint8_t class = walk->heap->page_class[pfn + 1];
	if (class == (UL_FRAME_KERNEL | UL_FRAME_TAIL) || class == UL_FRAME_IDLE)
		ul_kwalk_claim(walk, top + space->page_bytes, space->page_bytes, UL_FRAME_TABLE);
}

static struct ul_error *descend_mm(struct tables *tables, uint64_t mm)
{
	struct ul_kwalk *walk = tables->walk;
	uint64_t top;
	if (!ul_kwalk_is_pointer(mm) || !ul_kwalk_word(walk, mm, walk->layout.mm_pgd, &top) ||
	    !ul_kwalk_is_pointer(top))
		return NULL;
	claim_second(walk, top);
	return descend(tables, top);
}

struct ul_error *ul_kwalk_tables(struct ul_kwalk *walk)
{
	UL_CLEANUP(tables_deinit)
	struct tables tables = {.walk = walk,
				.arm64 = !strcmp(walk->image->kernel.arch, "aarch64")};
	uint64_t at;
	uint64_t mm;
	tables.levels = count_levels(walk, tables.arm64);
	if (!tables.levels || tables.levels > LEVELS_MAX)
		return NULL;
	tables.seen = calloc(walk->heap->space.max_pfn / 64 + 1, sizeof(*tables.seen));
	if (!tables.seen)
		return &ul_enomem;
	if (ul_kwalk_symbol(walk, "init_top_pgt", &at) ||
	    ul_kwalk_symbol(walk, "swapper_pg_dir", &at))
		UL_TRY(descend(&tables, at));
	if (ul_kwalk_symbol(walk, "efi_mm", &at))
		UL_TRY(descend_mm(&tables, at));
	ul_vec_foreach (stack, &walk->stacks) {
		if (ul_kwalk_word(walk, stack->task, walk->layout.task_mm, &mm))
			UL_TRY(descend_mm(&tables, mm));
		if (ul_kwalk_word(walk, stack->task, walk->layout.task_active_mm, &mm))
			UL_TRY(descend_mm(&tables, mm));
	}
	return NULL;
}
