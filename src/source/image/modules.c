// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Modules of the kernel in an image: names, where they lie, their symbols and their types.
 *
 * The list `modules` links every struct module; each points at its own symbol table, an ELF one
 * (Linux include/linux/module.h struct mod_kallsyms), whose type letters stand apart. Where its
 * parts lie was module->core_layout and init_layout until v6.4, commit ac3b43283923 ("module:
 * replace module_layout with module_memory"), and is module->mem[] since. Their BTF is not in
 * struct module, whose pointer is only good while the module is being loaded, but in the list
 * btf_modules (Linux kernel/bpf/btf.c), as the kernel's own parsed copy.
 *
 * The walk believes nothing: a list ends where it comes back to itself, counts have limits, one by
 * one and together, a symbol table is read as far as there is memory, a module that makes no sense
 * is left out and counted.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "source/image/image_internal.h"
#include "source/image/kallsyms_image.h"

enum {
	MODULES_MAX = 4096,
	SYMBOLS_MAX = 1 << 20,	   /**< of one module */
	STRINGS_MAX = 64 << 20,	   /**< bytes of their names */
	ALL_SYMBOLS_MAX = 4 << 20, /**< of all modules */
	ALL_STRINGS_MAX = 256 << 20,
	NAME_BYTES_MAX = 512,	/**< Linux KSYM_NAME_LEN */
	MODULE_NAME_BYTES = 64, /**< Linux MODULE_NAME_LEN is 56 */
	PARTS_MAX = 16,		/**< Linux MOD_MEM_NUM_TYPES is 7 */
	PART_BYTES_MAX = 1 << 30,
	BTF_BYTES_MAX = 64 << 20,
	ALL_BTF_MAX = 256 << 20,
	STATE_UNFORMED = 3, /**< Linux enum module_state */
};

/* Elf64_Sym; the kernel changes nothing of it but where the letter of its type is kept. */
struct elf_symbol {
	uint32_t name;
	uint8_t info;
	uint8_t other;
	uint16_t section;
	uint64_t value;
	uint64_t size;
};
_Static_assert(sizeof(struct elf_symbol) == 24, "Elf64_Sym");

/* Where members lie; `have` false: the types do not tell. */
struct place {
	bool have;
	struct ul_place at;
};

struct layout {
	struct ul_place list, name;
	struct place state;
	struct ul_place kallsyms;
	struct ul_place symtab, symbols, strtab;
	struct place letters;
	struct place parts;	 /* mem[] */
	struct place base, size; /* in an element of it */
	uint32_t part_bytes, parts_n;
	struct place old_base[2], old_size[2]; /* core_layout, init_layout */
};

struct modules {
	struct ul_image *image;
	struct layout layout;
	uint64_t loaded, symbols, bad, with_types;
	uint64_t symbols_read, strings_read, btf_read; /* what damaged counts may still cost */
	struct known {
		uint64_t kaddr;
		char name[MODULE_NAME_BYTES];
		bool typed; /* its BTF was met */
	} * known;
	size_t known_len;
};

static void modules_deinit(struct modules *modules)
{
	free(modules->known);
}

static struct place try_place(const struct ul_types *types, const char *name, const char *path)
{
	struct place place = {0};
	place.have = ul_types_place(types, name, path, &place.at);
	return place;
}

static void find_parts(const struct ul_types *types, struct layout *layout)
{
	struct ul_type array;
	layout->parts = try_place(types, "module", "mem");
	if (layout->parts.have && ul_types_get(types, layout->parts.at.type, &array) &&
	    array.kind == UL_TYPE_ARRAY && array.count) {
		layout->part_bytes = layout->parts.at.bytes / array.count;
		layout->parts_n = array.count < PARTS_MAX ? array.count : PARTS_MAX;
		layout->base = try_place(types, "module_memory", "base");
		layout->size = try_place(types, "module_memory", "size");
	}
	static const char *const old[2][2] = {{"core_layout.base", "core_layout.size"},
					      {"init_layout.base", "init_layout.size"}};
	for (size_t i = 0; i < 2; i++) {
		layout->old_base[i] = try_place(types, "module", old[i][0]);
		layout->old_size[i] = try_place(types, "module", old[i][1]);
	}
}

static bool find_layout(const struct ul_types *types, struct layout *layout)
{
	if (!ul_types_place(types, "module", "list", &layout->list) ||
	    !ul_types_place(types, "module", "name", &layout->name) ||
	    !ul_types_place(types, "module", "kallsyms", &layout->kallsyms) ||
	    !ul_types_place(types, "mod_kallsyms", "symtab", &layout->symtab) ||
	    !ul_types_place(types, "mod_kallsyms", "num_symtab", &layout->symbols) ||
	    !ul_types_place(types, "mod_kallsyms", "strtab", &layout->strtab))
		return false;
	layout->state = try_place(types, "module", "state");
	layout->letters = try_place(types, "mod_kallsyms", "typetab");
	find_parts(types, layout);
	return true;
}

/* A number of at most 8 bytes; false where it cannot be read. */
static bool read_number(struct ul_memory *memory, uint64_t kaddr, uint32_t bytes, uint64_t *ret)
{
	uint64_t value = 0;
	if (bytes > sizeof(value) || ul_image_read(memory, kaddr, &value, bytes) != bytes)
		return false;
	*ret = value;
	return true;
}

static bool read_place(struct ul_memory *memory, uint64_t kaddr, const struct ul_place *place,
		       uint64_t *ret)
{
	return read_number(memory, kaddr + place->offset, place->bytes, ret);
}

static bool is_module_name(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
			return false;
	return *name;
}

static struct ul_error *add_range(struct modules *modules, const char *name, uint64_t base,
				  uint64_t size)
{
	if (!base || !size || size > PART_BYTES_MAX)
		return NULL;
	return ul_symtab_add_module(modules->image->symtab, name, base, size);
}

static struct ul_error *add_ranges(struct modules *modules, uint64_t module, const char *name)
{
	struct ul_memory *memory = modules->image->memory;
	const struct layout *layout = &modules->layout;
	uint64_t base;
	uint64_t size;
	for (uint32_t i = 0; layout->base.have && layout->size.have && i < layout->parts_n; i++) {
		const uint64_t part =
			module + layout->parts.at.offset + (uint64_t)i * layout->part_bytes;
		if (read_place(memory, part, &layout->base.at, &base) &&
		    read_place(memory, part, &layout->size.at, &size))
			UL_TRY(add_range(modules, name, base, size));
	}
	for (size_t i = 0; i < 2; i++)
		if (layout->old_base[i].have && layout->old_size[i].have &&
		    read_place(memory, module, &layout->old_base[i].at, &base) &&
		    read_place(memory, module, &layout->old_size[i].at, &size))
			UL_TRY(add_range(modules, name, base, size));
	return NULL;
}

/* Symbols as read: table, letters (NULL: in `info`) and strings. */
struct symbols {
	struct elf_symbol *table;
	char *letters;
	char *strings;
	size_t len, strings_len;
};

static void symbols_deinit(struct symbols *symbols)
{
	free(symbols->table);
	free(symbols->letters);
	free(symbols->strings);
}

/* Reads what lies at three addresses; *@p ret_ok false when it makes no sense. */
static struct ul_error *read_symbols(struct modules *modules, uint64_t table, uint64_t letters,
				     uint64_t strings, size_t count, struct symbols *ret)
{
	struct ul_memory *memory = modules->image->memory;
	size_t last = 0;
	modules->symbols_read += count;
	ret->table = calloc(count, sizeof(*ret->table));
	if (!ret->table)
		return &ul_enomem;
	ret->len = ul_image_read(memory, table, ret->table, count * sizeof(*ret->table)) /
		   sizeof(*ret->table);
	for (size_t i = 0; i < ret->len; i++)
		if (ret->table[i].name > last && ret->table[i].name < STRINGS_MAX)
			last = ret->table[i].name;
	modules->strings_read += last;
	if (modules->strings_read > ALL_STRINGS_MAX) {
		modules->bad++;
		ret->len = 0;
		return NULL;
	}
	ret->strings = malloc(last + NAME_BYTES_MAX);
	if (!ret->strings)
		return &ul_enomem;
	ret->strings_len = ul_image_read(memory, strings, ret->strings, last + NAME_BYTES_MAX);
	if (!letters || !ret->len)
		return NULL;
	ret->letters = calloc(ret->len, 1);
	if (!ret->letters)
		return &ul_enomem;
	(void)ul_image_read(memory, letters, ret->letters, ret->len);
	return NULL;
}

static struct ul_error *add_symbols(struct modules *modules, const struct symbols *symbols,
				    const char *module)
{
	for (size_t i = 0; i < symbols->len; i++) {
		const struct elf_symbol *symbol = &symbols->table[i];
		const char letter = symbols->letters ? symbols->letters[i] : (char)symbol->info;
		if (symbol->name >= symbols->strings_len)
			continue;
		const char *name = symbols->strings + symbol->name;
		const size_t most = symbols->strings_len - symbol->name;
		// Index 0 and what has no name is not shown by the kernel either.
		if (!*name || strnlen(name, most) == most)
			continue;
		UL_TRY(ul_symtab_add(modules->image->symtab, symbol->value,
				     isalpha((unsigned char)letter) ? letter : 'd', name, module));
		modules->symbols++;
	}
	return NULL;
}

static struct ul_error *load_symbols(struct modules *modules, uint64_t module, const char *name)
{
	struct ul_memory *memory = modules->image->memory;
	const struct layout *layout = &modules->layout;
	struct symbols symbols UL_CLEANUP(symbols_deinit) = {0};
	uint64_t kallsyms;
	uint64_t table;
	uint64_t count;
	uint64_t strings;
	uint64_t letters = 0;
	if (!read_place(memory, module, &layout->kallsyms, &kallsyms) ||
	    !read_place(memory, kallsyms, &layout->symtab, &table) ||
	    !read_place(memory, kallsyms, &layout->symbols, &count) ||
	    !read_place(memory, kallsyms, &layout->strtab, &strings) || !count ||
	    count > SYMBOLS_MAX || modules->symbols_read + count > ALL_SYMBOLS_MAX) {
		modules->bad++;
		return NULL;
	}
	if (layout->letters.have)
		(void)read_place(memory, kallsyms, &layout->letters.at, &letters);
	UL_TRY(read_symbols(modules, table, letters, strings, (size_t)count, &symbols));
	return add_symbols(modules, &symbols, name);
}

/* Name of the module; false when there is none at @p module, or it is not formed yet. */
static bool read_name(const struct modules *modules, uint64_t module, char name[MODULE_NAME_BYTES])
{
	struct ul_memory *memory = modules->image->memory;
	const struct layout *layout = &modules->layout;
	uint64_t state = 0;
	memset(name, 0, MODULE_NAME_BYTES);
	if (layout->state.have &&
	    (!read_place(memory, module, &layout->state.at, &state) || state >= STATE_UNFORMED))
		return false;
	const size_t len = layout->name.bytes < MODULE_NAME_BYTES - 1 ? layout->name.bytes
								      : MODULE_NAME_BYTES - 1;
	return ul_image_read(memory, module + layout->name.offset, name, len) == len &&
	       is_module_name(name);
}

static struct ul_error *load_module(struct modules *modules, uint64_t module)
{
	char name[MODULE_NAME_BYTES];
	if (!read_name(modules, module, name)) {
		modules->bad++;
		return NULL;
	}
	memcpy(modules->known[modules->known_len].name, name, sizeof(name));
	modules->known[modules->known_len++].kaddr = module;
	modules->loaded++;
	UL_TRY(add_ranges(modules, module, name));
	return load_symbols(modules, module, name);
}

/* Next element of a list; false at its end and where it breaks. */
static bool next_of_list(struct ul_memory *memory, uint64_t head, uint64_t *at)
{
	uint64_t next;
	if (!ul_memory_u64(memory, *at, &next) || next == head || next == *at || !next)
		return false;
	*at = next;
	return true;
}

static struct known *known_module(const struct modules *modules, uint64_t module)
{
	for (size_t i = 0; i < modules->known_len; i++)
		if (modules->known[i].kaddr == module)
			return &modules->known[i];
	return NULL;
}

static struct ul_error *walk_modules(struct modules *modules)
{
	struct ul_memory *memory = modules->image->memory;
	uint64_t head;
	const struct ul_symtab *symtab = modules->image->symtab;
	if (!ul_symtab_address(symtab, "modules", &head)) {
		// Functions have names everywhere: without these there are no modules at all.
		if (!ul_symtab_address(symtab, "load_module", &head) &&
		    !ul_symtab_address(symtab, "module_put", &head))
			return NULL;
		return ul_losses_add(&modules->image->losses, UL_BIAS_UNKNOWN, 0,
				     "modules: their list has no name in this kernel");
	}
	uint64_t at = head;
	for (size_t i = 0; i < MODULES_MAX && next_of_list(memory, head, &at); i++) {
		const uint64_t module = at - modules->layout.list.offset;
		// A list that comes back to its middle is damaged.
		if (known_module(modules, module)) {
			modules->bad++;
			break;
		}
		UL_TRY(load_module(modules, module));
	}
	return NULL;
}

static struct ul_error *load_btf(struct modules *modules, const char *name, uint64_t data,
				 uint64_t len, const struct ul_btf_base *base)
{
	struct ul_image *image = modules->image;
	if (len > BTF_BYTES_MAX || modules->btf_read + len > ALL_BTF_MAX) {
		modules->bad++;
		return NULL;
	}
	modules->btf_read += len;
	UL_CLEANUP_FREE char *bytes = malloc((size_t)len);
	if (!bytes)
		return &ul_enomem;
	const size_t got = ul_image_read(image->memory, data, bytes, (size_t)len);
	struct ul_error *error =
		ul_btf_load_module(image->types, (struct ul_span){bytes, got}, name, base);
	if (!error) {
		modules->with_types++;
		return NULL;
	}
	char what[MODULE_NAME_BYTES + 24];
	snprintf(what, sizeof(what), "types of module %s", name);
	return ul_losses_add_error(&image->losses, UL_BIAS_UNKNOWN, error, what);
}

/* Where the kernel keeps the BTF of modules. */
struct btf_layout {
	struct ul_place list, module, btf;
	struct ul_place data, bytes;
};

static bool find_btf_layout(const struct ul_types *types, struct btf_layout *layout)
{
	return ul_types_place(types, "btf_module", "list", &layout->list) &&
	       ul_types_place(types, "btf_module", "module", &layout->module) &&
	       ul_types_place(types, "btf_module", "btf", &layout->btf) &&
	       ul_types_place(types, "btf", "data", &layout->data) &&
	       ul_types_place(types, "btf", "data_size", &layout->bytes);
}

static struct ul_error *walk_btf(struct modules *modules, const struct ul_btf_base *base)
{
	struct ul_image *image = modules->image;
	struct btf_layout layout;
	uint64_t head;
	// Kernels before v5.11 have none: no loss of ours.
	if (!base->types || !find_btf_layout(image->types, &layout) ||
	    !ul_symtab_address(image->symtab, "btf_modules", &head))
		return NULL;
	uint64_t at = head;
	for (size_t i = 0; i < MODULES_MAX && next_of_list(image->memory, head, &at); i++) {
		const uint64_t entry = at - layout.list.offset;
		uint64_t module;
		uint64_t btf;
		uint64_t data;
		uint64_t bytes;
		struct known *known;
		if (!read_place(image->memory, entry, &layout.module, &module) ||
		    !read_place(image->memory, entry, &layout.btf, &btf) ||
		    !(known = known_module(modules, module)) || known->typed ||
		    !read_place(image->memory, btf, &layout.data, &data) ||
		    !read_place(image->memory, btf, &layout.bytes, &bytes) || !bytes) {
			modules->bad++;
			continue;
		}
		known->typed = true;
		UL_TRY(load_btf(modules, known->name, data, bytes, base));
	}
	return modules->with_types ? ul_types_finish(image->types) : NULL;
}

struct ul_error *ul_image_load_modules(struct ul_image *image, const struct ul_btf_base *base)
{
	struct modules modules UL_CLEANUP(modules_deinit) = {.image = image};
	if (!image->types)
		return ul_losses_add(&image->losses, UL_BIAS_UNKNOWN, 0,
				     "modules: not read, for want of types");
	if (!find_layout(image->types, &modules.layout))
		return ul_losses_add(&image->losses, UL_BIAS_UNKNOWN, 0,
				     "modules: struct module has not the members looked for");
	modules.known = calloc(MODULES_MAX, sizeof(*modules.known));
	if (!modules.known)
		return &ul_enomem;
	UL_TRY(walk_modules(&modules));
	ul_symtab_finish(image->symtab);
	UL_TRY(walk_btf(&modules, base));
	if (modules.bad)
		UL_TRY(ul_losses_add(&image->losses, UL_BIAS_UNKNOWN, modules.bad,
				     "modules (or their types) that make no sense"));
	if (!modules.loaded)
		return NULL;
	return ul_image_trust(image, "%llu modules with %llu symbols, %llu with types",
			      (unsigned long long)modules.loaded,
			      (unsigned long long)modules.symbols,
			      (unsigned long long)modules.with_types);
}
