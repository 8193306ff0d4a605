// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Types of the kernel's variables that hold functions: operations tables. BTF does not tell the
 * type of a variable, but it tells the prototype of every function. A variable whose words point
 * to functions of the prototypes that one struct, and only one, has at just these places, and that
 * is as large as that struct, is of that struct.
 *
 * Errs: none is named where two structs would do (struct bus_type and its likes with a single probe
 * function); tables without any function that BTF knows have no type.
 */
#include <string.h>

#include "analysis/typeid_internal.h"

enum {
	VARIABLE_BYTES_MIN = 16,
	VARIABLE_BYTES_MAX = 4096,
	ALIGNMENT_MAX = 64, /**< a variable is followed by padding up to this */
	WORD = 8,
};

static bool is_code_address(const struct ul_facts *facts, const struct ul_symtab *symtab,
			    uint64_t value)
{
	struct ul_symbol symbol;
	if (facts->text_end && value >= facts->text_start && value < facts->text_end)
		return true;
	return ul_symtab_lookup(symtab, value, &symbol) && symbol.code;
}

/* Words of @p one that are functions or pointers must be that, or NULL, in @p words. */
static bool agrees(const struct ul_facts *facts, const struct ul_symtab *symtab,
		   const struct ul_struct *one, const uint64_t *words, size_t len)
{
	for (uint32_t i = 0; i < one->fields; i++) {
		const struct ul_field *field = &facts->fields.data[one->first + i];
		const size_t at = field->offset / WORD;
		const uint64_t value = at < len ? words[at] : 0;
		if (!value)
			continue;
		const bool code = is_code_address(facts, symtab, value);
		if (field->kind == UL_FIELD_FUNCTION ? !code : !ul_is_kernel_word(value))
			return false;
	}
	// Nothing but padding behind it.
	for (size_t at = (one->bytes + WORD - 1) / WORD; at < len; at++)
		if (words[at])
			return false;
	return true;
}

static ul_struct_no type_of(const struct ul_facts *facts, const struct ul_symtab *symtab,
			    const uint64_t *words, size_t len)
{
	struct ul_clue clues[UL_CLUES_MAX];
	size_t found = 0;
	const uint32_t bytes = (uint32_t)(len * WORD);
	for (size_t i = 0; i < len && found < UL_CLUES_MAX; i++) {
		const uint32_t key = ul_map_get(&facts->functions, words[i]);
		if (key)
			clues[found++] =
				(struct ul_clue){(uint32_t)(i * WORD), key, UL_FIELD_FUNCTION};
	}
	if (!found)
		return 0;
	const struct ul_size_rule rule = {.low = bytes > ALIGNMENT_MAX ? bytes - ALIGNMENT_MAX : 0,
					  .high = bytes};
	const ul_struct_no type = ul_facts_intersect(facts, clues, found, &rule);
	if (!type || !agrees(facts, symtab, &facts->structs.data[type], words, len))
		return 0;
	return type;
}

struct ul_error *ul_facts_variables(struct ul_image *image, struct ul_facts *facts)
{
	struct ul_symbol symbol;
	uint64_t bytes;
	for (size_t i = 0; ul_symtab_at(image->symtab, i, &symbol, &bytes); i++) {
		uint64_t words[VARIABLE_BYTES_MAX / WORD];
		size_t got = 0;
		if (symbol.code || bytes < VARIABLE_BYTES_MIN || bytes > sizeof(words) ||
		    symbol.start % WORD || !(symbol.start >> 63))
			continue;
		UL_TRY(ul_memory_read(image->memory, symbol.start, words, (size_t)bytes, &got));
		const ul_struct_no type = type_of(facts, image->symtab, words, got / WORD);
		if (type && !ul_map_put(&facts->variables, symbol.start, type))
			return &ul_enomem;
	}
	return NULL;
}
