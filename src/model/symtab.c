// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names of kernel addresses: a sorted array for address -> symbol, a hash index for name ->
 * address.
 *
 * A distribution kernel has 200,000 symbols and more, so an entry is 16 bytes and the names lie
 * packed behind one another; an entry holds the offset of its name.
 *
 * kallsyms (Linux kernel/kallsyms.c s_show()) gives addresses without sizes. A symbol is taken to
 * reach to the next one, but no further than SYMBOL_REACH, the end of the module range it lies in,
 * or `_end` of the kernel image. This errs on the side of naming: padding after a function belongs
 * to the function, and a hole between two sections of a module belongs to the last symbol before
 * it.
 *
 * Module ranges come from /proc/modules, which since Linux commit ac3b43283923 ("module: replace
 * module_layout with module_memory") shows the address of the module's text and the size of all its
 * sections. A symbol that lies outside its module's range is therefore not refused; it only has no
 * other end than the next symbol.
 *
 * Kernel symbols outside [_text, _end] are no places in memory (per-CPU offsets on x86, absolute
 * constants): they can be found by name, not by address. With kptr_restrict all addresses read as
 * zero: then nothing is found at all.
 */
#include "model/symtab.h"

#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/vec.h"

enum {
	SYMBOLS_MAX = 1 << 23,
	MODULES_MAX = 1 << 12,
	RANGES_MAX = 1 << 14,
	NAME_BYTES_MAX = 1 << 28,
	SYMBOL_REACH = 1 << 20, /**< bytes a symbol without a successor can extend */
};

struct entry {
	uint64_t kaddr;
	uint32_t name;	 /**< offset in names */
	uint16_t module; /**< index + 1; 0: the kernel */
	char type;	 /**< kallsyms letter: upper case is global */
	uint8_t rank;	 /**< among aliases at one address; lowest is shown */
};
_Static_assert(sizeof(struct entry) == 16, "an entry is compact");

struct slot {
	uint32_t hash; /**< 0: empty; the lowest bit is always set */
	uint32_t entry;
};

struct range {
	uint64_t base;
	uint64_t size; /**< > 0 */
	uint16_t module;
};

struct ul_symtab {
	UL_VEC(struct entry) entries;
	struct ul_buf names;
	UL_VEC(char *) modules;
	UL_VEC(struct range) ranges;
	uint16_t last_module; /**< of the last add: symbols of a module come together */
	size_t sorted;	      /**< entries at the front that the last finish put in order */
	struct slot *index;   /**< by hash of the name; NULL: no memory for it */
	size_t index_slots;
	uint64_t image_start, image_end; /**< both 0 where not known */
	bool has_data;
	bool has_addresses; /**< some address is not zero */
};

struct ul_symtab *ul_symtab_create(void)
{
	return calloc(1, sizeof(struct ul_symtab));
}

void ul_symtab_destroy(struct ul_symtab *symtab)
{
	if (!symtab)
		return;
	ul_vec_foreach (module, &symtab->modules)
		free(*module);
	ul_vec_deinit(&symtab->modules);
	ul_vec_deinit(&symtab->ranges);
	ul_vec_deinit(&symtab->entries);
	ul_buf_deinit(&symtab->names);
	free(symtab->index);
	free(symtab);
}

static const char *name_of(const struct ul_symtab *symtab, const struct entry *entry)
{
	return symtab->names.data + entry->name;
}

/** Number (index + 1) of the module called @p name, made if new. */
static struct ul_error *get_module(struct ul_symtab *symtab, const char *name, uint16_t *ret)
{
	const uint16_t last = symtab->last_module;
	if (last && !strcmp(symtab->modules.data[last - 1], name)) {
		*ret = last;
		return NULL;
	}
	for (size_t i = 0; i < symtab->modules.len; i++) {
		if (!strcmp(symtab->modules.data[i], name)) {
			*ret = symtab->last_module = (uint16_t)(i + 1);
			return NULL;
		}
	}
	if (symtab->modules.len >= MODULES_MAX)
		return ul_error_new(UL_ERR_LIMIT, "module '%s': more than %d modules", name,
				    MODULES_MAX);
	UL_CLEANUP_FREE char *copy = strdup(name);
	if (!copy || !ul_vec_push(&symtab->modules, copy))
		return &ul_enomem;
	copy = NULL;
	*ret = symtab->last_module = (uint16_t)symtab->modules.len;
	return NULL;
}

static bool starts(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static bool ends(const char *name, const char *suffix)
{
	const size_t len = strlen(name);
	const size_t tail = strlen(suffix);
	return len >= tail && !strcmp(name + len - tail, suffix);
}

/** Made by compiler, linker or build, not written by a programmer: padding, mapping symbols. */
static bool is_artefact(const char *name)
{
	return name[0] == '$' || name[0] == '.' || starts(name, "__pfx_") || starts(name, "__cfi_");
}

/** Edge of a section, at the address of the first thing in it. */
static bool is_marker(const char *name)
{
	return name[0] == '_' && (ends(name, "_start") || ends(name, "_begin") ||
				  ends(name, "_end") || ends(name, "text"));
}

static bool is_local(char type)
{
	return type >= 'a' && type <= 'z' && type != 'w' && type != 'v' && type != 'u';
}

/** Which of several names of one address people expect to see: the lowest. */
static uint8_t rank_of(char type, const char *name)
{
	return (uint8_t)((is_artefact(name) ? 8 : 0) | (is_marker(name) ? 4 : 0) |
			 (is_local(type) ? 2 : 0) | (name[0] == '_' ? 1 : 0));
}

static bool is_code(char type)
{
	return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

static bool is_data(char type)
{
	return type != '\0' && strchr("bBdDrR", type);
}

struct ul_error *ul_symtab_add(struct ul_symtab *symtab, uint64_t kaddr, char type,
			       const char *name, const char *module)
{
	const size_t size = strlen(name) + 1;
	if (symtab->entries.len >= SYMBOLS_MAX)
		return ul_error_new(UL_ERR_LIMIT, "symbol '%s': more than %d symbols", name,
				    SYMBOLS_MAX);
	if (size > NAME_BYTES_MAX - symtab->names.len)
		return ul_error_new(UL_ERR_LIMIT, "symbols: more than %d bytes of names",
				    NAME_BYTES_MAX);
	uint16_t number = 0;
	if (module)
		UL_TRY(get_module(symtab, module, &number));
	const struct entry entry = {
		.kaddr = kaddr,
		.name = (uint32_t)symtab->names.len,
		.module = number,
		.type = type,
		.rank = rank_of(type, name),
	};
	if (!ul_buf_reserve(&symtab->names, size) || !ul_vec_push(&symtab->entries, entry))
		return &ul_enomem;
	ul_buf_add(&symtab->names, name, size);
	// Kernels without CONFIG_KALLSYMS_ALL list a few section markers with data letters, too.
	symtab->has_data |= !module && is_data(type) && !strcmp(name, "init_task");
	symtab->has_addresses |= kaddr != 0;
	return NULL;
}

struct ul_error *ul_symtab_add_module(struct ul_symtab *symtab, const char *name, uint64_t base,
				      uint64_t size)
{
	uint16_t number;
	UL_TRY(get_module(symtab, name, &number));
	if (!size || !base)
		return NULL;
	if (symtab->ranges.len >= RANGES_MAX)
		return ul_error_new(UL_ERR_LIMIT, "module '%s': more than %d ranges", name,
				    RANGES_MAX);
	const struct range range = {.base = base, .size = size, .module = number};
	return ul_vec_push(&symtab->ranges, range) ? NULL : &ul_enomem;
}

/** By address, then the alias to show first; the name decides last, so that order is stable. */
static int compare_entries(const void *left, const void *right, void *names)
{
	const struct entry *a = left;
	const struct entry *b = right;
	if (a->kaddr != b->kaddr)
		return a->kaddr < b->kaddr ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	const int order = strcmp((const char *)names + a->name, (const char *)names + b->name);
	return order ? order : (a->module > b->module) - (a->module < b->module);
}

static int compare_ranges(const void *left, const void *right)
{
	const struct range *a = left;
	const struct range *b = right;
	if (a->base != b->base)
		return a->base < b->base ? -1 : 1;
	return (a->module > b->module) - (a->module < b->module);
}

static uint32_t hash_name(const char *name)
{
	return (uint32_t)ul_hash_bytes(0, name, strlen(name)) | 1;
}

/** The slot of @p name, or the empty one where it belongs. Needs an index that is not full. */
static struct slot *index_probe(const struct ul_symtab *symtab, const char *name, uint32_t hash)
{
	const size_t mask = symtab->index_slots - 1;
	for (size_t i = hash >> 1 & mask;; i = (i + 1) & mask) {
		struct slot *slot = &symtab->index[i];
		if (!slot->hash)
			return slot;
		if (slot->hash == hash &&
		    !strcmp(name_of(symtab, &symtab->entries.data[slot->entry]), name))
			return slot;
	}
}

/** Enter symbols of the kernel (or of modules); the first of a name stays. */
static void index_fill(struct ul_symtab *symtab, bool of_modules)
{
	for (size_t i = 0; i < symtab->entries.len; i++) {
		const struct entry *entry = &symtab->entries.data[i];
		if ((entry->module != 0) != of_modules)
			continue;
		const char *name = name_of(symtab, entry);
		const uint32_t hash = hash_name(name);
		struct slot *slot = index_probe(symtab, name, hash);
		if (!slot->hash)
			*slot = (struct slot){hash, (uint32_t)i};
	}
}

static void build_index(struct ul_symtab *symtab)
{
	free(symtab->index);
	size_t slots = 16;
	while (slots < symtab->entries.len * 2)
		slots *= 2;
	symtab->index_slots = slots;
	symtab->index = calloc(slots, sizeof(*symtab->index));
	if (!symtab->index)
		return;
	index_fill(symtab, false);
	index_fill(symtab, true);
}

static bool ascends(const struct entry *entries, size_t len)
{
	for (size_t i = 1; i < len; i++)
		if (entries[i].kaddr < entries[i - 1].kaddr)
			return false;
	return true;
}

/** Sort; kallsyms comes by address, so that only names of one address are to be put in order. */
static void sort_entries(struct entry *entries, size_t len, char *names)
{
	if (!ascends(entries, len)) {
		qsort_r(entries, len, sizeof(*entries), compare_entries, names);
		return;
	}
	for (size_t i = 0; i < len;) {
		size_t end = i + 1;
		while (end < len && entries[end].kaddr == entries[i].kaddr)
			end++;
		if (end - i > 1)
			qsort_r(entries + i, end - i, sizeof(*entries), compare_entries, names);
		i = end;
	}
}

/** Sort what is new and merge it into what is sorted already. */
static void sort_new(struct ul_symtab *symtab)
{
	struct entry *all = symtab->entries.data;
	char *names = symtab->names.data;
	size_t old = symtab->sorted;
	size_t at = symtab->entries.len;
	size_t left = at - old;
	if (!left)
		return;
	sort_entries(all + old, left, names);
	symtab->sorted = at;
	if (!old)
		return;
	UL_CLEANUP_FREE struct entry *tail = malloc(left * sizeof(*tail));
	if (!tail) {
		qsort_r(all, at, sizeof(*all), compare_entries, names);
		return;
	}
	memcpy(tail, all + old, left * sizeof(*tail));
	while (left) {
		const bool of_old =
			old && compare_entries(&all[old - 1], &tail[left - 1], names) > 0;
		all[--at] = of_old ? all[--old] : tail[--left];
	}
}

static bool range_of_names(const struct ul_symtab *symtab, const char *start, const char *end,
			   uint64_t *ret_start, uint64_t *ret_end)
{
	return ul_symtab_address(symtab, start, ret_start) &&
	       ul_symtab_address(symtab, end, ret_end) && *ret_start < *ret_end;
}

/**
 * Kernels since v7.0 give many of their variables (init_task, modules) the letters of code. What
 * lies in neither of the two stretches of code is a variable, whatever its letter.
 */
static void tell_data_from_code(struct ul_symtab *symtab)
{
	uint64_t text[2];
	uint64_t init[2] = {0, 0};
	if (!range_of_names(symtab, "_stext", "_etext", &text[0], &text[1]))
		return;
	(void)range_of_names(symtab, "_sinittext", "_einittext", &init[0], &init[1]);
	ul_vec_foreach (entry, &symtab->entries) {
		const uint64_t kaddr = entry->kaddr;
		if (entry->module || !is_code(entry->type) || kaddr < text[1] ||
		    (kaddr >= init[0] && kaddr < init[1]))
			continue;
		entry->type = is_local(entry->type) ? 'd' : 'D';
		symtab->has_data |= !strcmp(name_of(symtab, entry), "init_task");
	}
}

/** Set the bounds of the kernel image, if both ends have a name. */
static void find_image(struct ul_symtab *symtab)
{
	uint64_t start = 0;
	uint64_t end = 0;
	uint64_t stext = 0;
	symtab->image_start = symtab->image_end = 0;
	if (!ul_symtab_address(symtab, "_text", &start))
		start = 0;
	if (ul_symtab_address(symtab, "_stext", &stext) && (!start || stext < start))
		start = stext;
	if (!start || !ul_symtab_address(symtab, "_end", &end) || end <= start)
		return;
	symtab->image_start = start;
	symtab->image_end = end;
}

void ul_symtab_finish(struct ul_symtab *symtab)
{
	sort_new(symtab);
	if (symtab->ranges.len)
		qsort(symtab->ranges.data, symtab->ranges.len, sizeof(*symtab->ranges.data),
		      compare_ranges);
	build_index(symtab);
	find_image(symtab);
	tell_data_from_code(symtab);
}

size_t ul_symtab_len(const struct ul_symtab *symtab)
{
	return symtab->entries.len;
}

/** Number of entries at or below @p kaddr. */
static size_t count_to(const struct ul_symtab *symtab, uint64_t kaddr)
{
	size_t low = 0;
	size_t high = symtab->entries.len;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (symtab->entries.data[middle].kaddr <= kaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/** The module range with the highest base at or below @p kaddr, or NULL. */
static const struct range *range_below(const struct ul_symtab *symtab, uint64_t kaddr)
{
	size_t low = 0;
	size_t high = symtab->ranges.len;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (symtab->ranges.data[middle].base <= kaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &symtab->ranges.data[low - 1] : NULL;
}

static bool range_holds(const struct range *range, uint64_t kaddr)
{
	return kaddr - range->base < range->size;
}

/** May @p entry, the last at or below @p kaddr, be its symbol? */
static bool reaches(const struct ul_symtab *symtab, const struct entry *entry, uint64_t kaddr)
{
	if (!entry->kaddr || kaddr - entry->kaddr >= SYMBOL_REACH)
		return false;
	if (!entry->module) {
		const bool in_image =
			entry->kaddr >= symtab->image_start && kaddr < symtab->image_end;
		if (symtab->image_end && !in_image)
			return false;
	}
	const struct range *own = range_below(symtab, entry->kaddr);
	if (own && own->module == entry->module && range_holds(own, entry->kaddr))
		return range_holds(own, kaddr);
	// Its own end is unknown, but no symbol extends into a module that begins after it.
	const struct range *at = range_below(symtab, kaddr);
	return !at || !range_holds(at, kaddr) || at->base <= entry->kaddr;
}

bool ul_symtab_at(const struct ul_symtab *symtab, size_t index, struct ul_symbol *ret,
		  uint64_t *ret_bytes)
{
	if (index >= symtab->entries.len)
		return false;
	const struct entry *entry = &symtab->entries.data[index];
	*ret = (struct ul_symbol){
		.name = name_of(symtab, entry),
		.module = entry->module ? symtab->modules.data[entry->module - 1] : NULL,
		.start = entry->kaddr,
		.code = is_code(entry->type),
	};
	size_t next = index + 1;
	while (next < symtab->entries.len && symtab->entries.data[next].kaddr == entry->kaddr)
		next++;
	*ret_bytes =
		next < symtab->entries.len ? symtab->entries.data[next].kaddr - entry->kaddr : 0;
	return true;
}

bool ul_symtab_lookup(const struct ul_symtab *symtab, uint64_t kaddr, struct ul_symbol *ret)
{
	*ret = (struct ul_symbol){0};
	const size_t count = count_to(symtab, kaddr);
	if (!count)
		return false;
	const uint64_t start = symtab->entries.data[count - 1].kaddr;
	if (!start)
		return false;
	const struct entry *entry = &symtab->entries.data[count_to(symtab, start - 1)];
	if (!reaches(symtab, entry, kaddr))
		return false;
	*ret = (struct ul_symbol){
		.name = name_of(symtab, entry),
		.module = entry->module ? symtab->modules.data[entry->module - 1] : NULL,
		.start = entry->kaddr,
		.offset = kaddr - entry->kaddr,
		.code = is_code(entry->type),
	};
	return true;
}

/** The entry called @p name, kernel before modules, lowest address first; without an index. */
static const struct entry *scan_name(const struct ul_symtab *symtab, const char *name)
{
	const struct entry *found = NULL;
	ul_vec_foreach (entry, &symtab->entries) {
		if (strcmp(name_of(symtab, entry), name) != 0)
			continue;
		if (!entry->module)
			return entry;
		if (!found)
			found = entry;
	}
	return found;
}

bool ul_symtab_address(const struct ul_symtab *symtab, const char *name, uint64_t *ret_kaddr)
{
	if (!symtab->has_addresses)
		return false;
	const struct entry *entry;
	if (symtab->index) {
		const struct slot *slot = index_probe(symtab, name, hash_name(name));
		entry = slot->hash ? &symtab->entries.data[slot->entry] : NULL;
	} else {
		entry = scan_name(symtab, name);
	}
	if (!entry)
		return false;
	*ret_kaddr = entry->kaddr;
	return true;
}

bool ul_symtab_has_data(const struct ul_symtab *symtab)
{
	return symtab->has_data;
}
