// SPDX-License-Identifier: GPL-2.0-or-later
/* One description of DWARF, read with libdw, which checks what it decodes. */
#include "source/image/dwarf_internal.h"

static uint64_t number(Dwarf_Attribute *attribute)
{
	Dwarf_Word value;
	return dwarf_formudata(attribute, &value) ? 0 : value;
}

static int take_fact(Dwarf_Attribute *attribute, void *argument)
{
	struct ul_dwarf_facts *facts = argument;
	switch (dwarf_whatattr(attribute)) {
	case DW_AT_name: {
		const char *name = dwarf_formstring(attribute);
		facts->name = name ? name : "";
		facts->name_lost = !name;
		break;
	}
	case DW_AT_byte_size:
		facts->bytes = number(attribute);
		break;
	case DW_AT_decl_line:
		facts->line = number(attribute);
		break;
	case DW_AT_decl_column:
		facts->column = number(attribute);
		break;
	case DW_AT_encoding:
		facts->encoding = number(attribute);
		break;
	case DW_AT_bit_size:
		facts->bits = number(attribute);
		break;
	case DW_AT_type:
		facts->type = *attribute;
		break;
	case DW_AT_abstract_origin:
	case DW_AT_specification:
		facts->origin = *attribute;
		break;
	case DW_AT_data_member_location:
		facts->location = *attribute;
		break;
	case DW_AT_data_bit_offset:
		facts->bit_offset = number(attribute);
		facts->has_bit_offset = true;
		break;
	case DW_AT_bit_offset:
		facts->old_bit_offset = number(attribute);
		facts->has_old_bit_offset = true;
		break;
	case DW_AT_declaration:
		facts->declaration = true;
		break;
	case DW_AT_inline:
		facts->inlined = number(attribute) != DW_INL_not_inlined;
		break;
	case DW_AT_location:
		facts->has_place = true;
		break;
	default:
		break;
	}
	return DWARF_CB_OK;
}

void ul_dwarf_facts_read(Dwarf_Die *die, struct ul_dwarf_facts *ret)
{
	*ret = (struct ul_dwarf_facts){.name = ""};
	(void)dwarf_getattrs(die, take_fact, ret, 0);
}

/* Where a member begins, in bytes; false when that is not a number. */
static bool member_bytes(struct ul_dwarf_facts *facts, uint64_t *ret)
{
	Dwarf_Op *operations;
	size_t len;
	Dwarf_Word value = 0;
	*ret = 0;
	if (!facts->location.code)
		return true; // of a union
	// DWARF 2 and 3: a small program, "add so many".
	if (dwarf_formudata(&facts->location, &value)) {
		if (dwarf_getlocation(&facts->location, &operations, &len) || len != 1 ||
		    operations->atom != DW_OP_plus_uconst)
			return false;
		value = operations->number;
	}
	*ret = value;
	return value <= UINT32_MAX / 8;
}

bool ul_dwarf_member_bits(struct ul_dwarf_facts *facts, uint64_t *ret)
{
	uint64_t bytes;
	if (!member_bytes(facts, &bytes) || facts->bits > UINT8_MAX ||
	    (facts->has_old_bit_offset && !facts->bytes))
		return false;
	*ret = bytes * 8;
	if (facts->has_bit_offset)
		*ret += facts->bit_offset;
	else if (facts->has_old_bit_offset)
		*ret += facts->bytes * 8 - facts->old_bit_offset - facts->bits;
	return *ret <= UINT32_MAX;
}

uint64_t ul_dwarf_elements(Dwarf_Die *range)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;
	if (!dwarf_formudata(dwarf_attr(range, DW_AT_count, &attribute), &value))
		return value;
	if (!dwarf_formudata(dwarf_attr(range, DW_AT_upper_bound, &attribute), &value))
		return value + 1; // of an array without elements: -1
	return 0;
}

bool ul_dwarf_enumerator(Dwarf_Die *die, int64_t *ret, bool *ret_negative)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;
	if (dwarf_tag(die) != DW_TAG_enumerator ||
	    dwarf_formudata(dwarf_attr(die, DW_AT_const_value, &attribute), &value))
		return false;
	*ret = (int64_t)value;
	const unsigned int form = dwarf_whatform(&attribute);
	*ret_negative = *ret < 0 && (form == DW_FORM_sdata || form == DW_FORM_implicit_const);
	return true;
}
