// SPDX-License-Identifier: GPL-2.0-or-later
/* Data of modules is as much a root as that of the kernel; their text holds no pointers. */
#include "source/kwalk/kwalk_internal.h"

enum { MEMORY_BYTES_MAX = 1 << 30, MEMORIES_MAX = 16 };

/** The enumerators of enum mod_mem_type whose memory is text. */
static bool is_text(const struct ul_kwalk *walk, uint32_t index)
{
	static const char *const names[] = {"MOD_TEXT", "MOD_INIT_TEXT"};
	int64_t value;
	for (size_t i = 0; i < UL_ARRAY_LEN(names); i++)
		if (ul_types_enumerator(walk->image->types, names[i], &value) && value == index)
			return true;
	return false;
}

static struct ul_error *add_memory(struct ul_kwalk *walk, uint64_t module, uint64_t memory)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	uint64_t base;
	uint32_t bytes;
	uint32_t text = 0;
	if (!ul_kwalk_word(walk, memory, layout->memory_base, &base) ||
	    !ul_kwalk_u32(walk, memory, layout->memory_size, &bytes) || !base || !bytes)
		return NULL;
	ul_kwalk_u32(walk, memory, layout->memory_text_size, &text);
	if (!ul_kwalk_is_pointer(base) || bytes > MEMORY_BYTES_MAX || text > bytes)
		return ul_kwalk_loss(walk, UL_BIAS_OVER, 1, "modules whose memory makes no sense");
	return ul_kwalk_root(walk, UL_ROOT_MODULE, base + text, bytes - text, module);
}

static struct ul_error *add_module(struct ul_kwalk *walk, uint64_t module)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	const uint64_t memory = module + layout->module_memory;
	if (!layout->module_memory_len)
		return add_memory(walk, module, memory);
	for (uint32_t i = 0; i < layout->module_memory_len && i < MEMORIES_MAX; i++)
		if (!is_text(walk, i))
			UL_TRY(add_memory(walk, module,
					  memory + (uint64_t)i * layout->module_memory_bytes));
	return NULL;
}

struct ul_error *ul_kwalk_modules(struct ul_kwalk *walk)
{
	const struct ul_kwalk_layout *layout = &walk->layout;
	uint64_t head;
	uint64_t node;
	if (layout->module_list == UL_KWALK_NONE || layout->module_memory == UL_KWALK_NONE)
		return NULL; // a kernel without modules
	if (!ul_kwalk_symbol(walk, "modules", &head) &&
	    !ul_kwalk_symbol(walk, "load_module", &head) &&
	    !ul_kwalk_symbol(walk, "module_put", &head))
		return NULL; // functions have names everywhere: no modules in this one either
	if (!ul_kwalk_symbol(walk, "modules", &head))
		return ul_kwalk_loss(walk, UL_BIAS_OVER, 0,
				     "modules: their list is not found; what only they hold "
				     "looks lost");
	struct ul_kwalk_list list = ul_kwalk_list_begin(walk, head, UL_KWALK_MODULES);
	while (ul_kwalk_list_next(&list, &node))
		UL_TRY(add_module(walk, node - layout->module_list));
	return list.broken ? ul_kwalk_loss(walk, UL_BIAS_OVER, 0, "modules: their list is damaged")
			   : NULL;
}
