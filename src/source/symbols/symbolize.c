// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From an address to frames: the function by kallsyms, the place and what was inlined there by
 * DWARF. kallsyms is believed for the function that has its own code: it is the running kernel's
 * word and knows the compiler's clones ("foo.isra.0"); DWARF adds to it and never replaces it.
 */
#include <elf.h>
#include <string.h>

#include "base/text.h"
#include "source/symbols/symbols_internal.h"

bool ul_notes_build_id(struct ul_span notes, uint8_t ret_id[static UL_BUILD_ID_BYTES],
		       size_t *ret_len)
{
	Elf64_Nhdr note;
	while (notes.len >= sizeof(note)) {
		memcpy(&note, notes.data, sizeof(note));
		notes.data += sizeof(note);
		notes.len -= sizeof(note);
		// Sizes are 32 bits: rounded up they still fit.
		const uint64_t name = ((uint64_t)note.n_namesz + 3) & ~3ULL;
		const uint64_t all = name + (((uint64_t)note.n_descsz + 3) & ~3ULL);
		if (name + note.n_descsz > notes.len)
			return false;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    !memcmp(notes.data, "GNU", 4) && note.n_descsz &&
		    note.n_descsz <= UL_BUILD_ID_BYTES) {
			memcpy(ret_id, notes.data + name, note.n_descsz);
			*ret_len = note.n_descsz;
			return true;
		}
		const size_t step = all < notes.len ? (size_t)all : notes.len;
		notes.data += step;
		notes.len -= step;
	}
	return false;
}

void ul_line_chain_deinit(struct ul_line_chain *chain)
{
	ul_vec_foreach (item, &chain->items) {
		free(item->function);
		free(item->file);
	}
	ul_vec_deinit(&chain->items);
}

static struct ul_error *add_inlined(struct ul_stack *stack, struct ul_line *line,
				    const char *module)
{
	struct ul_frame *frame = ul_vec_add(&stack->frames);
	if (!frame)
		return &ul_enomem;
	frame->inlined = true;
	frame->function = UL_TAKE(line->function);
	frame->file = UL_TAKE(line->file);
	frame->line = line->line;
	return ul_text_set(&frame->module, module) ? NULL : &ul_enomem;
}

static struct ul_error *add_frame(struct ul_stack *stack, uint64_t kaddr,
				  const struct ul_symbol *symbol, struct ul_line *line)
{
	struct ul_frame *frame = ul_vec_add(&stack->frames);
	if (!frame)
		return &ul_enomem;
	frame->kaddr = kaddr;
	frame->offset = symbol->name ? kaddr - symbol->start : 0;
	if (line) {
		frame->file = UL_TAKE(line->file);
		frame->line = line->line;
	}
	return ul_text_set(&frame->function, symbol->name) &&
			       ul_text_set(&frame->module, symbol->module)
		       ? NULL
		       : &ul_enomem;
}

struct ul_error *ul_symbolize(const struct ul_symtab *symtab, struct ul_lines *lines,
			      uint64_t kaddr, bool is_return, struct ul_stack *stack)
{
	const uint64_t at = is_return && kaddr ? kaddr - 1 : kaddr;
	struct ul_symbol symbol = {0};
	UL_CLEANUP(ul_line_chain_deinit) struct ul_line_chain chain = {0};
	const bool known = symtab && ul_symtab_lookup(symtab, at, &symbol);
	if (known && lines)
		UL_TRY(ul_lines_find(lines, symtab, &symbol, at, &chain));
	for (size_t i = 0; i + 1 < chain.items.len; i++)
		UL_TRY(add_inlined(stack, &chain.items.data[i], symbol.module));
	struct ul_line *own = chain.items.len ? &chain.items.data[chain.items.len - 1] : NULL;
	return add_frame(stack, kaddr, &symbol, own);
}
