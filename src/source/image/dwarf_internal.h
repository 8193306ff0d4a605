/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of source/image/dwarf_*.c only: what one description of DWARF says. */
#ifndef UL_SOURCE_IMAGE_DWARF_INTERNAL_H
#define UL_SOURCE_IMAGE_DWARF_INTERNAL_H

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct ul_dwarf_facts {
	const char *name; /**< "" where it has none */
	uint64_t bytes;
	uint64_t line, column;
	uint64_t encoding;
	uint64_t bits;
	Dwarf_Attribute type;	  /**< code 0: none */
	Dwarf_Attribute origin;	  /**< where more is said: code 0: nowhere */
	Dwarf_Attribute location; /**< of a member */
	uint64_t bit_offset;	  /**< from the start of the struct */
	uint64_t old_bit_offset;  /**< DWARF 2 and 3: from the other end of the unit it is in */
	bool has_bit_offset, has_old_bit_offset;
	bool declaration;
	bool name_lost; /**< it has one, in a file that is not there */
	bool inlined;	/**< what is inlined, or could be; its code, if any, is told elsewhere */
	bool has_place; /**< of a variable */
};

/** All of it that is asked for anywhere. Only reads this one description, and names. */
void ul_dwarf_facts_read(Dwarf_Die *die, struct ul_dwarf_facts *ret);
/**
 * Where a member begins, in bits, on a machine that counts them from the lowest; false when that
 * makes no sense.
 */
bool ul_dwarf_member_bits(struct ul_dwarf_facts *facts, uint64_t *ret);
/** Elements along one dimension; 0: any number, or one that only the program knows. */
uint64_t ul_dwarf_elements(Dwarf_Die *range);
/** The value of an enumerator; false when it has none. */
bool ul_dwarf_enumerator(Dwarf_Die *die, int64_t *ret, bool *ret_negative);

/** Refuse a file whose offsets would be read wrongly, or that would cost absurd memory. */
UL_MUST_USE struct ul_error *ul_dwarf_check_file(Elf *elf);

#endif
